"""What clients ask of monitored items, decoded (Part 4 v1.05 5.13, 7.21), and what each item is answered."""

from __future__ import annotations

from typing import NamedTuple

from server.address_space.keys import NodeKey

DISABLED, SAMPLING, REPORTING = 0, 1, 2
"""MonitoringMode (Part 4 v1.05 7.23)."""


class Filter(NamedTuple):
    """A MonitoringFilter as it came: the NodeId of its encoding, and the bytes."""

    kind: NodeKey
    body: bytes


class Monitoring(NamedTuple):
    """MonitoringParameters. ``interval``: milliseconds, as asked."""

    handle: int
    interval: float
    filter: Filter | None
    size: int
    discard_oldest: bool


class ItemRequest(NamedTuple):
    """A MonitoredItemCreateRequest."""

    node: NodeKey
    attribute: int
    index_range: str | None
    encoding: tuple[int, str | None]
    mode: int
    monitoring: Monitoring


class ItemResult(NamedTuple):
    """What a MonitoredItemCreateResult and a MonitoredItemModifyResult say. ``interval``: milliseconds.

    ``filter``: the encoded ExtensionObject of the filter's result; None for the null one.
    """

    status: int = 0
    item: int = 0
    interval: float = 0.0
    size: int = 0
    filter: bytes | None = None


class Asked(NamedTuple):
    """Subscription parameters as a client asks for them. ``interval``: milliseconds."""

    interval: float
    lifetime_count: int
    keep_alive_count: int
    max_notifications: int
    priority: int
    enabled: bool = True
