"""Connections to one broker that would get in each other's way: by their client id, or by a topic of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from core.errors import Findings
from core.settings import Section
from server.pubsub.settings import ConnectionSettings, client_id_of
from server.pubsub.sparkplug.settings import SparkplugSettings

_TOPICS_BY_PREFIX = ("json", "uadp")


class _Claim(NamedTuple):
    """What one connection alone may have. ``path``: the key that says so; ``what`` and ``mend``: told where two do."""

    key: tuple[str, ...]
    path: tuple[str, ...]
    what: str
    mend: str


def check_one_broker(
    settings: Mapping[str, ConnectionSettings], sections: Mapping[str, Section], gateway: str, findings: Findings
) -> None:
    """Tell of connections whose broker takes them for one. ``gateway``: its name."""
    first: dict[tuple[str, ...], str] = {}
    for name, one in settings.items():
        for claim in _claims(name, one, gateway):
            other = first.setdefault(claim.key, name)
            if other != name:
                section = sections[name]
                place = section.place(claim.path, key=True) if claim.path[0] in section else section.place(key=True)
                findings.add(place, f"the connections {other} and {name} have {claim.what}", claim.mend)


def _claims(name: str, settings: ConnectionSettings, gateway: str) -> Iterator[_Claim]:
    broker = (settings.address.host, str(settings.address.port))
    client = settings.client_id or client_id_of(name, settings.publisher or gateway)
    mend = "give each a client_id: of its own, for the broker throws the first out when the second comes"
    yield _Claim((*broker, "client", client), ("client_id",), f"the client id {client} at one broker", mend)
    if settings.encoding == "sparkplug":
        sparkplug = settings.sparkplug or SparkplugSettings()
        group, node = sparkplug.group, sparkplug.node or settings.publisher or gateway
        what = f"the edge node {group}/{node} at one broker"
        yield _Claim((*broker, "node", group, node), ("sparkplug",), what, "give each a node: of its own")
    if settings.encoding in _TOPICS_BY_PREFIX:
        publisher = settings.publisher or gateway
        for kind in ("datasets", "events", "logs"):
            for dataset, one in getattr(settings, kind).items():
                tree = (settings.prefix_of(dataset), settings.encoding, "data", publisher)
                topic = "/".join((*tree, one.group, dataset))
                mend = "name one of the two otherwise, or give each connection a publisher: or prefix: of its own"
                yield _Claim((*broker, "topic", topic), (kind, dataset), f"the topic {topic} at one broker", mend)
