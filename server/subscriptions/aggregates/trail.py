"""The last two samples of each item that a line can be drawn through (Part 13 v1.05 3.1.8)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from core.batch import MaskArray, TimeArray, ValueArray
from core.datatypes import DataType
from server.subscriptions.aggregates.arrivals import Arrivals, PlaceArray
from server.subscriptions.entries import larger

FloatArray = npt.NDArray[np.float64]


class Trail:
    """``time`` and ``values`` of the last usable sample where ``known``; ``skipped``: unusable ones came since."""

    def __init__(self, datatype: DataType) -> None:
        """Begin without items."""
        self.known: MaskArray = np.zeros(0, np.bool_)
        self.time: TimeArray = np.zeros(0, np.int64)
        self.values: ValueArray = np.zeros(0, datatype.dtype)
        self.uncertain: MaskArray = np.zeros(0, np.bool_)
        self.skipped: MaskArray = np.zeros(0, np.bool_)
        self._two: MaskArray = np.zeros(0, np.bool_)
        self._before_time: TimeArray = np.zeros(0, np.int64)
        self._before: FloatArray = np.zeros(0)

    def grow(self, capacity: int) -> None:
        """Make room for items up to ``capacity``."""
        self.known = larger(self.known, capacity)
        self.time = larger(self.time, capacity)
        self.values = larger(self.values, capacity)
        self.uncertain = larger(self.uncertain, capacity)
        self.skipped = larger(self.skipped, capacity)
        self._two = larger(self._two, capacity)
        self._before_time = larger(self._before_time, capacity)
        self._before = larger(self._before, capacity)

    def forget(self, index: PlaceArray) -> None:
        """Let items begin without any data."""
        self.known[index] = False
        self.skipped[index] = False
        self._two[index] = False

    def follow(self, used: Arrivals) -> None:
        """Take usable samples, not earlier than the last ones, as the new last ones."""
        index = used.index
        moved = self.known[index] & (used.time > self.time[index])
        places = index if moved.all() else index[moved]
        self._before_time[places] = self.time[places]
        self._before[places] = self.values[places]
        self._two[places] = True
        self.time[index] = used.time
        self.values[index] = used.values
        self.uncertain[index] = ~used.good
        self.known[index] = True
        self.skipped[index] = False

    def towards(self, index: PlaceArray, at: TimeArray, time: TimeArray, values: ValueArray) -> FloatArray:
        """Give the height at ``at`` of the lines from the last samples to (``time``, ``values``), which come later."""
        before = self.values[index].astype(np.float64)
        gone = at - self.time[index]
        span = time - self.time[index]
        return before + (values.astype(np.float64) - before) * (gone / np.maximum(span, 1))

    def beyond(self, index: PlaceArray, at: TimeArray, *, sloped: bool) -> FloatArray:
        """Extrapolate to ``at``: the line through the last two samples where ``sloped``, else the last value."""
        last = self.values[index].astype(np.float64)
        if not sloped:
            return last
        span = np.maximum(self.time[index] - self._before_time[index], 1)
        rise = (last - self._before[index]) * ((at - self.time[index]) / span)
        return last + np.where(self._two[index], rise, 0.0)
