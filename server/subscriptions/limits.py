"""What all subscriptions together, and those of one session, may take of the gateway's memory."""

from __future__ import annotations

from dataclasses import dataclass

_MIB = 1024 * 1024


MAX_QUEUE = 5000
"""Places in a queue, values or events."""
MAX_DURABLE_QUEUE = 100_000
"""Places in a queue of a durable subscription (Part 4 v1.05 6.8)."""
MAX_ITEMS_PER_CALL = 10_000
"""MaxMonitoredItemsPerCall (Part 5 v1.05 6.3.11)."""
MAX_SUBSCRIPTIONS_PER_CALL = 1_000
MAX_ACKNOWLEDGEMENTS = 10_000
"""Messages that one Publish request may acknowledge."""


@dataclass(frozen=True, slots=True)
class SubscriptionLimits:
    """Bounds for the whole server and for each session.

    Queue sizes are counted as they are revised, in values: a value in a queue takes some 40 bytes, and a queue is cut
    when it holds twice its size. The smallest queue has one place, so at the bound there is one place more an item.
    """

    subscriptions: int = 1000
    session_subscriptions: int = 500
    items: int = 200_000
    session_items: int = 100_000
    queued: int = 2_000_000
    """Sum of all queue sizes."""
    session_queued: int = 1_000_000
    cohorts: int = 2000
    """Kinds of items (data type, sampling interval, filter, timestamps) in all subscriptions; each costs arrays."""
    session_cohorts: int = 500
    links: int = 100_000
    """Links between items that trigger each other; an item that is triggered costs time with each value."""
    session_links: int = 10_000
    kept_bytes: int = 256 * _MIB
    """Messages kept for Republish."""
    session_kept_bytes: int = 32 * _MIB


@dataclass(slots=True)
class Room:
    """What is left for one session of its own bounds and the server's, while one call is served."""

    items: int
    values: int
    cohorts: int
    longest_queue: int = MAX_QUEUE
    links: int = 0

    @property
    def largest_queue(self) -> int:
        """Give the largest queue size that is left (Part 4 v1.05 5.13.2.2 revisedQueueSize): one at least."""
        return max(min(self.values, self.longest_queue), 1)
