"""A monitored item on an object's events, with its queue."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from server.address_space.session_context import SessionContext
from server.events.event import Event
from server.events.overflow import overflow_event


class Selecting(Protocol):
    """What the queue needs of a :class:`~server.events.compiled_filter.CompiledFilter`."""

    @property
    def select(self) -> Callable[[Event], bytes | None]:
        """Give the encoded EventFields of an event, None for one that does not pass."""
        ...

    @property
    def fields(self) -> Callable[[Event], bytes]:
        """Give the encoded EventFields of any event."""
        ...


@dataclass(slots=True)
class EventItem:
    """One item. ``filter`` and ``handle`` may be changed at any time, the rest by :meth:`resize`.

    When the first event is lost, an EventQueueOverflowEventType event is queued beside the ``size`` others: before all
    of them where the oldest are discarded, else behind those that the lost ones would have followed. There is one at
    most, until it is delivered (Part 4 v1.05 5.13.1.5). It has the fields that the client selected, and passes by the
    where-clause (7.22.3).
    """

    handle: int
    size: int
    discard_oldest: bool
    filter: Selecting
    context: SessionContext = SessionContext(roles=frozenset())  # noqa: RUF009 - it never changes
    """With whose rights the events are told."""
    muted: bool = False
    """Monitoring mode Sampling: queued, not reported."""
    released: bool = False
    """Reported once although it is muted (SetTriggering, Part 4 v1.05 5.13.1.6)."""
    on_queued: Callable[[], None] | None = None
    lost: int = 0
    overflows: int = 0
    """How many events tell, or told, of an overflow."""
    _queue: deque[bytes] = field(default_factory=deque[bytes])
    _overflow: bytes | None = None
    _before: int = 0
    """Events in the queue that are delivered before the one that tells of the overflow."""

    def offer(self, event: Event) -> None:
        """Queue an event that passes the filter."""
        fields = self.filter.select(event)
        if fields is None:
            return
        full = len(self._queue) >= self.size
        if full:
            self._discard()
        self._queue.append(fields)
        if full:
            self._tell_overflow()
        if self.on_queued is not None:
            self.on_queued()

    def resize(self, size: int, *, discard_oldest: bool) -> None:
        """Give the queue another size; what is too much goes as it would have gone before."""
        self.size, self.discard_oldest = size, discard_oldest
        if len(self._queue) > size:
            while len(self._queue) > size:
                self._discard()
            self._tell_overflow()

    def _discard(self) -> None:
        self.lost += 1
        if self.discard_oldest:
            self._queue.popleft()
        else:
            self._queue.pop()

    def _tell_overflow(self) -> None:
        if self._overflow is None:
            self.overflows += 1
            self._overflow = self.filter.fields(overflow_event())
        self._before = 0 if self.discard_oldest else len(self._queue)

    @property
    def queued(self) -> tuple[tuple[bytes, ...], bytes | None, int]:
        """Give what the queue holds: EventFields, those of the overflow, and how many stand before it."""
        return tuple(self._queue), self._overflow, self._before

    def restore(self, queued: Iterable[bytes], overflow: bytes | None, before: int) -> None:
        """Queue what was queued before a restart."""
        self._queue.extend(queued)
        self._overflow, self._before = overflow, min(before, len(self._queue))

    def clear(self) -> None:
        """Forget the queue."""
        self._queue.clear()
        self._overflow = None

    def drain(self, limit: int) -> list[bytes]:
        """Take up to ``limit`` notifications out, encoded."""
        taken: list[bytes] = []
        head = self.handle.to_bytes(4, "little")
        for _ in range(min(limit, self.waiting)):
            if self._overflow is not None and not self._before:
                taken.append(head + self._overflow)
                self._overflow = None
            else:
                taken.append(head + self._queue.popleft())
                self._before = max(self._before - 1, 0)
        if not self._queue and self._overflow is None:
            self.released = False
        return taken

    @property
    def waiting(self) -> int:
        """Count the notifications that are to be reported."""
        return 0 if self.muted and not self.released else len(self._queue) + (self._overflow is not None)
