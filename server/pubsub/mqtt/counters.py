"""What is counted of links and connections, for diagnostics."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class LinkCounters:
    """What a link has carried. ``strays``: acknowledgements of what was not waiting for one.

    ``too_large``: messages that were not taken because they have more bytes than ``max_packet``.
    """

    published: int = 0
    acknowledged: int = 0
    refused: int = 0
    received: int = 0
    strays: int = 0
    too_large: int = 0


@dataclass(slots=True)
class ConnectionCounters:
    """How a connection is. ``last_error`` is empty while it is up.

    ``connected_since``: ticks, None while it is not up; ``refused_subscriptions``: topic filters that the broker does
    not let us have, on the present link.
    """

    connected: bool = False
    connects: int = 0
    failures: int = 0
    last_error: str = ""
    connected_since: int | None = None
    refused_subscriptions: tuple[str, ...] = ()
