"""How many connections there may be, what each may cost, and how long keys last (threats 5, 9 and 23)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LEAST_BUFFER: Final = 8192
"""Bytes of a chunk that both sides take at least (Part 6 v1.05 7.1.2.3)."""
BUFFER: Final = 65_535
"""Bytes of a chunk that we take, and send where the client takes them."""
MOST_CHUNKS: Final = 4096
"""Chunks of a request."""
UNKNOWN_PEER: Final = 64 * 1024
"""Bytes of a message before anybody has logged in."""
KNOWN_PEER: Final = 16 * 1024 * 1024
"""Bytes of a message of an active session."""


@dataclass(frozen=True, slots=True)
class ChannelLimits:
    """``connections``: of all clients together; ``per_address``: of one IP address.

    Seconds: ``opens_within``, until a connection has an open channel; ``activates_within``, until it has an active
    session. ``unfinished``: bytes of messages that are not whole yet, over all connections. Milliseconds: ``shortest``
    and ``longest``, between which the lifetime of a SecurityToken is. ``handshakes``: that wait for a thread.
    """

    connections: int = 500
    per_address: int = 250
    opens_within: float = 10.0
    activates_within: float = 30.0
    unfinished: int = 64 * 1024 * 1024
    shortest: int = 60_000
    longest: int = 3_600_000
    handshakes: int = 256

    def revised(self, asked: int) -> int:
        """Give the lifetime of a SecurityToken in milliseconds for the one asked for (threat 23)."""
        return min(max(asked, self.shortest), self.longest)
