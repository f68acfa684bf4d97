"""Azure IoT Hub's device twin (Azure IoT, Communicate with an IoT hub using the MQTT protocol).

Each request has an id, ``$rid``, by which its answer is known. What is wanted has one version for all of it. A property
is reported with its acknowledgement, as IoT Plug and Play has it (Conventions, writable properties): ``value``, ``ac``
(a code as HTTP has them), ``av`` (the version of what was wanted) and ``ad`` (in words).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from core.quality import Status, is_bad
from server.pubsub.cloud.twin.dialect import Answer, Desired, Json, News, Outcome, TwinGarbage, Whole, Wish
from server.pubsub.cloud.twin.json_text import as_object, as_version, read_object, write_object
from server.pubsub.contract import MqttMessage

_RESULT: Final = "$iothub/twin/res/"
_WANTED: Final = "$iothub/twin/PATCH/properties/desired/"
_LARGEST: Final = 32 * 1024
_OK: Final = 200
_DEVICE_DEFAULT: Final = 203
"""Non-authoritative: the device's own value, which nobody has wanted yet."""
_FORBIDDEN, _NOT_FOUND, _BAD_REQUEST, _FAILED, _UNAVAILABLE = 403, 404, 400, 500, 503
_CODES: Final[Mapping[int, int]] = {
    Status.BAD_USER_ACCESS_DENIED: _FORBIDDEN,
    Status.BAD_NOT_WRITABLE: _FORBIDDEN,
    Status.BAD_NODE_ID_UNKNOWN: _NOT_FOUND,
    Status.BAD_TYPE_MISMATCH: _BAD_REQUEST,
    Status.BAD_OUT_OF_RANGE: _BAD_REQUEST,
    Status.BAD_NO_COMMUNICATION: _UNAVAILABLE,
    Status.BAD_NOT_CONNECTED: _UNAVAILABLE,
    Status.BAD_TIMEOUT: _UNAVAILABLE,
}


@dataclass(frozen=True, slots=True)
class IotHubTwin:
    """The twin of the device that the connection's client identifier names."""

    title: str = "Azure IoT Hub twin"
    largest: int = _LARGEST

    def filters(self) -> list[str]:
        """Name what is subscribed."""
        return [f"{_RESULT}#", f"{_WANTED}#"]

    def request(self, token: str) -> MqttMessage:
        """Ask for the document."""
        return MqttMessage(f"$iothub/twin/GET/?$rid={token}", b"")

    def report(self, token: str, patch: Mapping[str, Json]) -> MqttMessage:
        """Tell what has changed."""
        return MqttMessage(f"$iothub/twin/PATCH/properties/reported/?$rid={token}", write_object(patch))

    def document(
        self, values: Mapping[str, Json], quality: Mapping[str, str], outcomes: Mapping[str, Outcome]
    ) -> dict[str, Json]:
        """Give each property with its acknowledgement; what is not Good stands beside."""
        reported: dict[str, Json] = {}
        for name in {**values, **outcomes}:
            outcome = outcomes.get(name)
            if outcome is None:
                told: dict[str, Json] = {"ac": _DEVICE_DEFAULT, "av": 0, "ad": ""}
            else:
                code = _CODES.get(outcome.status, _FAILED) if is_bad(outcome.status) else _OK
                told = {"ac": code, "av": outcome.version, "ad": outcome.words}
            reported[name] = ({"value": values[name]} if name in values else {}) | told
        return reported | {"quality": dict(quality)}

    def read(self, message: MqttMessage) -> News | None:
        """Read a message; None for another topic. Raises :class:`~server.pubsub.cloud.twin.dialect.TwinGarbage`."""
        if message.topic.startswith(_WANTED):
            return _desired(read_object(message.payload), exact=True)
        if not message.topic.startswith(_RESULT):
            return None
        code, _, bag = message.topic.removeprefix(_RESULT).partition("/?")
        if not (code.isascii() and code.isdigit() and len(code) == len("204")):
            problem = f"the topic {message.topic[:100]!r} has no status"
            raise TwinGarbage(problem)
        token = dict(parse_qsl(bag)).get("$rid", "")
        answer = Answer(token, int(code), message.payload[:200].decode(errors="replace"))
        return answer, _whole(message.payload) if answer.code == _OK else None


def _whole(payload: bytes) -> Whole:
    document = read_object(payload)
    desired = _desired(as_object(document.get("desired", {"$version": 0}), "desired"), exact=False)
    return Whole(desired, as_object(document.get("reported", {}), "reported"))


def _desired(state: Mapping[str, Json], *, exact: bool) -> Desired:
    version = as_version(state.get("$version"), "$version")
    wishes = {name: Wish(value, version) for name, value in state.items() if not name.startswith("$")}
    return Desired(version, wishes, exact)
