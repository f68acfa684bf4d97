"""Events that wait for their DataSetWriter."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import numpy as np

from core.datatypes import DataType
from nodesets.built_in_types import Variant
from server.pubsub.events.contract import EventCounters, EventParts
from server.pubsub.fields import DataSetField
from server.pubsub.frames import FieldValues

_Waiting = TypeVar("_Waiting")


class EventQueue(Generic[_Waiting]):
    """A bounded queue; past its end the oldest go and are counted. :meth:`put` is called by one thread at a time."""

    def __init__(self, capacity: int) -> None:
        """Hold up to ``capacity`` events."""
        self._capacity = capacity
        self._waiting: deque[_Waiting] = deque()
        self._counters = EventCounters()
        self.arrived = asyncio.Event()

    @property
    def counters(self) -> EventCounters:
        """What was counted."""
        self._counters.waiting = len(self._waiting)
        return self._counters

    def put(self, event: _Waiting) -> None:
        """Let an event wait. Whoever puts says so with :attr:`arrived`, on the event loop's thread."""
        self._counters.acquired += 1
        if len(self._waiting) >= self._capacity:
            self._waiting.popleft()
            self._counters.dropped += 1
        self._waiting.append(event)

    def refuse(self) -> None:
        """Count an event that does not wait."""
        self._counters.acquired += 1
        self._counters.dropped += 1

    def fail(self) -> None:
        """Count an event that cannot be read."""
        self._counters.acquired += 1
        self._counters.failed += 1

    def take(self, most: int, make: Callable[[_Waiting], EventParts]) -> list[EventParts]:
        """Give up to ``most`` of the oldest, each as ``make`` gives it."""
        taken: list[_Waiting] = []
        while self._waiting and len(taken) < most:
            taken.append(self._waiting.popleft())
        if not self._waiting:
            self.arrived.clear()
        return [make(one) for one in taken]


def columns_of(fields: Sequence[DataSetField]) -> Callable[[int, Sequence[Variant]], EventParts]:
    """Give what makes an event of its time and a Variant for each of ``fields``."""
    size = len(fields)
    index = np.arange(size, dtype=np.int32)
    status = np.zeros(size, np.uint32)

    def make(time: int, values: Sequence[Variant]) -> EventParts:
        column = np.empty(size, object)
        for place, value in enumerate(values):  # numpy would take a Variant, which is a tuple, for a row
            column[place] = value
        times = np.full(size, time, np.int64)
        return EventParts(time, (FieldValues(DataType.VARIANT, index, column, status, times, times),))

    return make
