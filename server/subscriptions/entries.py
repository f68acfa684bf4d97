"""Queued values as columns, and queues cut to their sizes (Part 4 v1.05 5.13.1.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from core.batch import MaskArray, TimeArray, ValueArray
from core.quality import StatusArray

IndexArray = npt.NDArray[np.int32]
CountArray = npt.NDArray[np.int64]
OVERFLOW = 0x0480
"""InfoType DataValue and the Overflow bit (Part 4 v1.05 7.39.1)."""
_Scalar = TypeVar("_Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """Queued values, oldest first: ``index`` int32[n] says whose; the rest are the DataValues' columns."""

    index: IndexArray
    values: ValueArray
    status: StatusArray
    source_time: TimeArray
    server_time: TimeArray

    def __len__(self) -> int:
        """Count the values."""
        return len(self.index)

    def take(self, which: MaskArray | IndexArray | slice) -> Entries:
        """Give a part of the entries."""
        return Entries(
            self.index[which],
            self.values[which],
            self.status[which],
            self.source_time[which],
            self.server_time[which],
        )

    def flagged(self, which: MaskArray) -> Entries:
        """Give the entries with the Overflow bit where ``which`` is true."""
        status = self.status.copy()
        status[which] |= np.uint32(OVERFLOW)
        return Entries(self.index, self.values, status, self.source_time, self.server_time)


def larger(column: npt.NDArray[_Scalar], capacity: int) -> npt.NDArray[_Scalar]:
    """Give a copy of a column with zeros behind it, ``capacity`` long."""
    grown = np.zeros(capacity, column.dtype)
    grown[: len(column)] = column
    return grown


def joined(parts: list[Entries]) -> Entries:
    """Put logs one after the other; ``parts`` is not empty."""
    if len(parts) == 1:
        return parts[0]
    return Entries(
        np.concatenate([part.index for part in parts]),
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.status for part in parts]),
        np.concatenate([part.source_time for part in parts]),
        np.concatenate([part.server_time for part in parts]),
    )


def ranks(index: IndexArray) -> CountArray:
    """Tell of each value how many of the same item stand before it."""
    count = len(index)
    order = np.argsort(index, kind="stable")
    owner = index[order]
    starts = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
    found = np.empty(count, np.int64)
    found[order] = np.arange(count) - np.repeat(starts, np.diff(np.r_[starts, count]))
    return found


def cut(entries: Entries, sizes: CountArray, discard_oldest: MaskArray) -> tuple[Entries, int]:
    """Cut every item's queue to its size; give what stays, in order, and how many values were lost.

    ``sizes`` and ``discard_oldest`` are indexed by item. A full queue loses its oldest value, or has its newest
    replaced; the value beside the gap carries the Overflow bit, but not that of a queue of one.
    """
    lengths = np.bincount(entries.index, minlength=len(sizes))
    if not bool((lengths > sizes).any()):
        return entries, 0
    rank = ranks(entries.index)
    length, size = lengths[entries.index], sizes[entries.index]
    from_end = length - 1 - rank
    oldest_first = discard_oldest[entries.index]
    keep = np.where(oldest_first, from_end < size, (rank < size - 1) | (from_end == 0))
    beside_gap = from_end == np.where(oldest_first, size - 1, 0)
    whole = entries.flagged(beside_gap & (length > size) & (size > 1))
    return whole.take(keep), int(len(entries) - np.count_nonzero(keep))
