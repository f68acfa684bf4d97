"""One value an item: where the newest value of a queue waits when the next one would replace it."""

from __future__ import annotations

from typing import Any

import numpy as np

from core.batch import MaskArray
from server.subscriptions.entries import Entries, IndexArray, larger


class LatestValues:
    """Columns over items."""

    def __init__(self, dtype: np.dtype[Any]) -> None:  # any type of a column
        """Begin without items."""
        self.occupied: MaskArray = np.zeros(0, np.bool_)
        self._values = np.zeros(0, dtype)
        self._status = np.zeros(0, np.uint32)
        self._source_time = np.zeros(0, np.int64)
        self._server_time = np.zeros(0, np.int64)

    @property
    def any(self) -> bool:
        """Tell whether there is any value."""
        return bool(self.occupied.any())

    def grow(self, items: int) -> None:
        """Make room for so many items."""
        for name in ("occupied", "_values", "_status", "_source_time", "_server_time"):
            setattr(self, name, larger(getattr(self, name), items))

    @property
    def held(self) -> Entries:
        """Give a copy of all values."""
        index = np.flatnonzero(self.occupied).astype(np.int32)
        return Entries(
            index, self._values[index], self._status[index], self._source_time[index], self._server_time[index]
        )

    def put(self, entries: Entries) -> None:
        """Set items' values, whatever was there."""
        index = entries.index
        self.occupied[index] = True
        self._values[index] = entries.values
        self._status[index] = entries.status
        self._source_time[index] = entries.source_time
        self._server_time[index] = entries.server_time

    def take(self, limit: int, withheld: MaskArray | None) -> Entries:
        """Take up to ``limit`` values out, but those of ``withheld`` items."""
        which = self.occupied if withheld is None else self.occupied & ~withheld
        return self.take_items_at(np.flatnonzero(which)[:limit].astype(np.int32))

    def take_items(self, mine: MaskArray) -> Entries:
        """Take the values of some items out (a mask over items)."""
        return self.take_items_at(np.flatnonzero(self.occupied & mine).astype(np.int32))

    def take_items_at(self, index: IndexArray) -> Entries:
        """Take these items' values out; all of them have one."""
        self.occupied[index] = False
        taken = Entries(
            index, self._values[index], self._status[index], self._source_time[index], self._server_time[index]
        )
        if self._values.dtype == object:
            self._values[index] = None  # nothing is kept alive by a place that is free
        return taken
