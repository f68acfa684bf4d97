"""Monitored items on what is no point of the process image: attributes of ordinary nodes, and events.

They are few and slow, so they are kept as objects: values are looked at on the sampling clock, events come as they
happen.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

OVERFLOW = 0x0480


@dataclass(slots=True)
class ObservedValue:
    """An attribute as it was read: change is judged by ``comparable``; ``encode(overflow)`` writes its DataValue."""

    comparable: object
    encode: Callable[[bool], bytes]


@dataclass(slots=True)
class ObjectItem:
    """One item with a queue of its own. ``interval`` in seconds."""

    handle: int
    size: int
    discard_oldest: bool
    interval: float
    look: Callable[[], ObservedValue]
    muted: bool = False
    """Monitoring mode Sampling: queued, not reported."""
    lost: int = 0
    _seen: object = field(default_factory=object)
    _queue: deque[tuple[ObservedValue, bool]] = field(default_factory=deque[tuple[ObservedValue, bool]])

    def sample(self) -> None:
        """Look once; queue what differs from what was queued last."""
        observed = self.look()
        if observed.comparable == self._seen:
            return
        self._seen = observed.comparable
        overflow = False
        if len(self._queue) >= self.size:
            self.lost += 1
            overflow = self.size > 1
            if self.discard_oldest:
                self._queue.popleft()
                if self._queue and overflow:
                    oldest, _ = self._queue.popleft()
                    self._queue.appendleft((oldest, True))
                    overflow = False
            else:
                self._queue.pop()
        self._queue.append((observed, overflow))

    def resend(self) -> None:
        """Queue the present value once more (SendInitialValues, Part 4 v1.05 5.14.7)."""
        self._seen = object()
        self.sample()

    def clear(self) -> None:
        """Forget the queue and what was seen (monitoring mode Disabled)."""
        self._queue.clear()
        self._seen = object()

    def drain(self, limit: int) -> list[bytes]:
        """Take up to ``limit`` notifications out, encoded."""
        parts: list[bytes] = []
        while self.waiting and len(parts) < limit:
            observed, overflow = self._queue.popleft()
            parts.append(self.handle.to_bytes(4, "little") + observed.encode(overflow))
        return parts

    @property
    def waiting(self) -> int:
        """Count the values in the queue."""
        return 0 if self.muted else len(self._queue)


@dataclass(slots=True)
class EventItem:
    """One item on an object's events.

    ``select(event)`` gives the encoded EventFieldList body, or None where the filter says no.
    """

    handle: int
    size: int
    discard_oldest: bool
    select: Callable[[object], bytes | None]  # an event of the stack's; only it looks inside
    muted: bool = False
    """Monitoring mode Sampling: queued, not reported."""
    lost: int = 0
    _queue: deque[bytes] = field(default_factory=deque[bytes])

    def offer(self, event: object) -> None:
        """Queue an event that passes the filter."""
        fields = self.select(event)
        if fields is None:
            return
        if len(self._queue) >= self.size:
            self.lost += 1
            if self.discard_oldest:
                self._queue.popleft()
            else:
                self._queue.pop()
        self._queue.append(fields)

    def clear(self) -> None:
        """Forget the queue."""
        self._queue.clear()

    def drain(self, limit: int) -> list[bytes]:
        """Take up to ``limit`` notifications out, encoded."""
        taken = [self._queue.popleft() for _ in range(min(limit, self.waiting))]
        return [self.handle.to_bytes(4, "little") + fields for fields in taken]

    @property
    def waiting(self) -> int:
        """Count the events in the queue."""
        return 0 if self.muted else len(self._queue)
