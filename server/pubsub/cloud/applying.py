"""A preset on a connection's settings: what it fills in, and what of the configuration it cannot go with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

from core.errors import SettingError
from server.pubsub.cloud.keys import QuotaSettings
from server.pubsub.cloud.limits import Limits
from server.pubsub.cloud.preset import Preset, Proof
from server.pubsub.cloud.presets import PRESETS
from server.pubsub.cloud.quota import limits_of
from server.pubsub.cloud.shared_access import SharedAccessSettings
from server.pubsub.cloud.twin.settings import TwinSettings
from server.pubsub.mqtt.settings import BrokerSettings

Clash = tuple[str, SettingError]
_LONGEST_MESSAGE = "max_message"
"""A key of the class of settings that has this module's; it is bounded where it is there."""
_PREFIX = "prefix"
_LEVELS = 5
"""Slashes of Part 14's topics behind the prefix (v1.05 7.3.5.7): encoding, kind, publisher, group, writer."""


class CloudKeys(Protocol):
    """The keys of a cloud."""

    @property
    def preset(self) -> str | None:
        """Name the broker's kind."""
        ...

    @property
    def shared_access(self) -> SharedAccessSettings | None:
        """Give the key that passwords are made of."""
        ...

    @property
    def quota(self) -> QuotaSettings | None:
        """Give what differs from the preset."""
        ...

    @property
    def twin(self) -> TwinSettings | None:
        """Give what the cloud's twin shows."""
        ...


def find_clashes(broker: BrokerSettings, cloud: CloudKeys) -> dict[str, SettingError]:
    """Find what cannot go together, each under the key that is wrong; the mend is in the error."""
    if cloud.preset is None:
        return dict(_without_preset(cloud))
    preset = PRESETS[cloud.preset]
    found: dict[str, SettingError] = {}
    for key, error in (
        *_address(preset, broker),
        *_identity(preset, broker, cloud),
        *_bounds(preset, broker, _limits(preset, cloud)),
        *_topics(preset, broker),
    ):
        found.setdefault(key, error)
    if cloud.twin is not None:
        for key, error in _twin(preset, broker, cloud.twin):
            found.setdefault(key, error)
    return found


def additions(preset: Preset, broker: BrokerSettings, limits: Limits) -> dict[str, object]:
    """Give what the preset fills in, by key. What the configuration says stays. ``limits``: of this account."""
    given = broker.model_fields_set
    added: dict[str, object] = {}
    if "protocol" not in given:
        added["protocol"] = preset.protocols[0]
    if not broker.username and preset.username and broker.client_id:
        added["username"] = preset.username.format(host=broker.address.host, client_id=broker.client_id)
    parts = urlsplit(broker.broker)
    if parts.scheme in {"ws", "wss"} and parts.path.strip("/") == "":
        added["broker"] = urlunsplit((parts.scheme, parts.netloc, preset.web_socket_path, "", ""))
    proof: Proof = "certificate" if broker.certificate_file else "password"
    offered = preset.alpn.get((broker.address.port, proof))
    if offered is not None and "alpn" not in given:
        added["alpn"] = offered
    if limits.in_flight is not None and "in_flight" not in given:
        added["in_flight"] = min(broker.in_flight, limits.in_flight)
    longest: int | None = getattr(broker, _LONGEST_MESSAGE, None)
    if longest is not None and limits.payload is not None and _LONGEST_MESSAGE not in given:
        added[_LONGEST_MESSAGE] = min(longest, limits.payload)
    return added


def _limits(preset: Preset, cloud: CloudKeys) -> Limits:
    return limits_of(preset, cloud.quota) or preset.limits


def _without_preset(cloud: CloudKeys) -> Iterator[Clash]:
    for key in ("shared_access", "twin"):
        if getattr(cloud, key) is not None:
            kinds = "azure-iot-hub" if key == "shared_access" else "aws-iot-core or azure-iot-hub"
            yield key, SettingError(f"{key} is given without a preset", f"write preset: {kinds} beside it")


def _address(preset: Preset, broker: BrokerSettings) -> Iterator[Clash]:
    scheme = urlsplit(broker.broker).scheme
    if scheme not in preset.schemes:
        first = preset.schemes[0]
        yield (
            "broker",
            SettingError(f"{preset.title} is not reached by {scheme}://", f"write {first}:// for the broker"),
        )
    if "protocol" in broker.model_fields_set and broker.protocol not in preset.protocols:
        problem = f"{preset.title} does not speak {broker.protocol}"
        yield "protocol", SettingError(problem, f"write protocol: {preset.protocols[0]}, or leave it out")


def _identity(preset: Preset, broker: BrokerSettings, cloud: CloudKeys) -> Iterator[Clash]:
    client_id = broker.client_id
    most = preset.limits.client_id
    if preset.client_id is not None and not preset.client_id.fullmatch(client_id):
        problem = f"{client_id!r} is no client id at {preset.title}" if client_id else "client_id is missing"
        yield "client_id", SettingError(problem, f"write client_id: {preset.client_id_is}")
    elif most is not None and len(client_id.encode()) > most:
        problem = f"the client id has {len(client_id.encode())} bytes, and {preset.title} takes {most}"
        yield "client_id", SettingError(problem, "choose a shorter one")
    if preset.fixed_username and broker.username:
        wanted = preset.username.format(host=broker.address.host, client_id=client_id)
        # Another version of the interface, or a model's id behind it, is the user's to choose.
        if not broker.username.startswith(wanted.partition("?")[0]):
            problem = f"the username {broker.username!r} is not the device's at {preset.title}"
            yield "username", SettingError(problem, f"leave it out: it is {wanted}")
    yield from _proof(preset, broker, cloud)


def _proof(preset: Preset, broker: BrokerSettings, cloud: CloudKeys) -> Iterator[Clash]:
    given: dict[Proof, bool] = {
        "certificate": bool(broker.certificate_file),
        "password": broker.password is not None,
        "shared_access": cloud.shared_access is not None,
    }
    if given["shared_access"] and "shared_access" not in preset.proofs:
        mend = "leave it out; give certificate_file and key_file, or username and password"
        yield "shared_access", SettingError(f"{preset.title} has no shared access keys", mend)
    elif given["shared_access"] and (given["certificate"] or given["password"]):
        other = "certificate_file" if given["certificate"] else "password"
        yield "shared_access", SettingError(f"both shared_access and {other} are given", "give one of them")
    if preset.proofs and not any(given[proof] for proof in preset.proofs):
        ways = {
            "certificate": "certificate_file and key_file",
            "password": "username and password",
            "shared_access": "shared_access",
        }
        mend = "give " + ", or ".join(ways[proof] for proof in preset.proofs)
        yield "preset", SettingError(f"{preset.title} lets nobody in without credentials", mend)


def _bounds(preset: Preset, broker: BrokerSettings, limits: Limits) -> Iterator[Clash]:
    given = broker.model_fields_set
    if limits.keep_alive is not None:
        shortest, most = limits.keep_alive
        if not shortest <= broker.keep_alive <= most:
            problem = f"{preset.title} takes a keep-alive of {shortest}s to {most}s"
            yield "keep_alive", SettingError(problem, f"write for example {max(shortest, 30)}s")
    fixed = None if preset.is_own else limits.in_flight
    if fixed is not None and "in_flight" in given and broker.in_flight > fixed:
        problem = f"{preset.title} takes {fixed} messages without acknowledgement at most"
        yield "in_flight", SettingError(problem, f"write at most {fixed}, or leave it out")
    longest: int = getattr(broker, _LONGEST_MESSAGE, 0)
    if limits.payload is not None and _LONGEST_MESSAGE in given and longest > limits.payload:
        problem = f"{preset.title} takes messages of {limits.payload} bytes at most"
        yield _LONGEST_MESSAGE, SettingError(problem, f"write at most {limits.payload}, or leave it out")


def _topics(preset: Preset, broker: BrokerSettings) -> Iterator[Clash]:
    """Find topics that the broker does not have: of other encodings than Part 14's, or of too many levels."""
    encoding: str = getattr(broker, "encoding", "")
    is_part14 = encoding in {"json", "uadp"}
    if preset.device_topics and encoding and not is_part14:
        problem = f"the topics of {encoding} do not exist at {preset.title}: a device there has one topic"
        yield "encoding", SettingError(problem, "write encoding: json, or leave it out")
    prefix: str = getattr(broker, _PREFIX, "")
    most = preset.limits.slashes
    if most is not None and is_part14 and not preset.device_topics and prefix.count("/") + _LEVELS > most:
        problem = f"topics would have {prefix.count('/') + _LEVELS} slashes, and {preset.title} takes {most}"
        yield _PREFIX, SettingError(problem, f"write a prefix of {most - _LEVELS + 1} levels at most")


def _twin(preset: Preset, broker: BrokerSettings, twin: TwinSettings) -> Iterator[Clash]:
    if preset.twin is None:
        problem = f"{preset.title} has no device twins"
        yield "twin", SettingError(problem, "leave twin out, or write preset: aws-iot-core or azure-iot-hub")
    elif preset.twin == "twin" and (twin.name or twin.thing):
        key = "name" if twin.name else "thing"
        problem = f"a device of {preset.title} has one twin, which has no {key}"
        yield "twin", SettingError(problem, f"leave {key} out")
    elif preset.twin == "shadow" and not (twin.thing or broker.client_id):
        problem = "the shadow's thing is not known"
        yield "twin", SettingError(problem, "write thing: the thing's name, or client_id: beside the twin")
