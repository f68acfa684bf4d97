"""Monitored items on what is no point of the process image: attributes of ordinary nodes.

They are few and slow, so they are kept as objects and looked at on the sampling clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from struct import error as struct_error

from core.datatypes import DataType
from server.address_space.decoding import DecodingError, GivenValue, decode_object
from server.address_space.encoding import encode_data_value
from server.subscriptions.encoding import Timestamps
from server.subscriptions.entries import OVERFLOW
from server.subscriptions.filters import DataFilter, Trigger


@dataclass(slots=True)
class ObjectItem:
    """One item with a queue of its own. ``interval`` in seconds; ``look`` reads the attribute."""

    handle: int
    size: int
    discard_oldest: bool
    interval: float
    look: Callable[[], GivenValue]
    timestamps: Timestamps
    filter: DataFilter = DataFilter()  # noqa: RUF009 - it never changes
    muted: bool = False
    """Monitoring mode Sampling: queued, not reported."""
    released: bool = False
    """Reported once although it is muted (SetTriggering, Part 4 v1.05 5.13.1.6)."""
    on_queued: Callable[[], None] | None = None
    lost: int = 0
    _seen: GivenValue | None = None
    _queue: deque[tuple[GivenValue, bool]] = field(default_factory=deque[tuple[GivenValue, bool]])

    def sample(self) -> None:
        """Look once; queue what differs from what was queued last, by the filter."""
        given = self.look()
        if self._seen is not None and not self._differs(given, self._seen):
            return
        self._seen = given
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
        self._queue.append((given, overflow))
        if self.on_queued is not None:
            self.on_queued()

    def recheck(self) -> None:
        """Look once, rights being others; where nothing may be read any more, what waits is not told either."""
        given = self.look()
        if given.variant is None:
            self._queue = deque(one for one in self._queue if one[0].variant is None)
        self.sample()

    def resize(self, size: int, *, discard_oldest: bool) -> None:
        """Give the queue another size; what is too much goes as it would have gone before."""
        self.size, self.discard_oldest = size, discard_oldest
        while len(self._queue) > size:
            self.lost += 1
            if discard_oldest:
                self._queue.popleft()
                if size > 1:
                    self._queue[0] = (self._queue[0][0], True)
            else:
                newest, _ = self._queue.pop()
                self._queue.pop()
                self._queue.append((newest, size > 1))

    def resend(self) -> None:
        """Queue the present value once more, where nothing waits (SendInitialValues, Part 4 v1.05 5.14.7.2)."""
        if self._queue:
            return
        self._seen = None
        self.sample()

    @property
    def queued(self) -> tuple[tuple[GivenValue, bool], ...]:
        """Give what the queue holds, oldest first: values and whether they carry the Overflow bit."""
        return tuple(self._queue)

    def restore(self, queued: Iterable[tuple[GivenValue, bool]]) -> None:
        """Queue what was queued before a restart."""
        self._queue.extend(queued)

    def clear(self) -> None:
        """Forget the queue and what was seen (monitoring mode Disabled)."""
        self._queue.clear()
        self._seen = None

    def drain(self, limit: int) -> list[bytes]:
        """Take up to ``limit`` notifications out, encoded."""
        parts: list[bytes] = []
        while self.waiting and len(parts) < limit:
            given, overflow = self._queue.popleft()
            parts.append(self.handle.to_bytes(4, "little") + self._encoded(given, overflow=overflow))
        if not self._queue:
            self.released = False
        return parts

    @property
    def waiting(self) -> int:
        """Count the values that are to be reported."""
        return 0 if self.muted and not self.released else len(self._queue)

    def _encoded(self, given: GivenValue, *, overflow: bool) -> bytes:
        times = self.timestamps
        return encode_data_value(
            given.variant,
            (given.status or 0) | (OVERFLOW if overflow else 0),
            given.source_time if times & Timestamps.SOURCE else None,
            given.server_time if times & Timestamps.SERVER else None,
        )

    def _differs(self, new: GivenValue, old: GivenValue) -> bool:
        """Apply the filter (DataChangeFilter, Part 4 v1.05 7.22.2)."""
        if (new.status or 0) != (old.status or 0):
            return True
        if self.filter.trigger is Trigger.STATUS:
            return False
        if self.filter.trigger is Trigger.STATUS_VALUE_TIMESTAMP and new.source_time != old.source_time:
            return True
        if new.variant == old.variant:
            return False
        if self.filter.deadband > 0.0:
            before, after = _number(old.variant), _number(new.variant)
            if before is not None and after is not None:
                return not abs(after - before) <= self.filter.deadband
        return True


def _number(variant: bytes | None) -> float | None:
    """Read a number for a deadband; None for what is none."""
    try:
        datatype = DataType(variant[0]) if variant else None
        if variant is None or datatype is None or not datatype.is_number:
            return None
        return float(decode_object(datatype, variant))
    except (ValueError, DecodingError, struct_error):
        return None
