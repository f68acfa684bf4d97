"""Monitored items' queues as one log of columns, cut to each item's queue size when it matters.

Part 4 v1.05 5.13.1.5: a queue that is full loses its oldest value (DiscardOldest) or has its newest replaced; the value
beside the gap carries the Overflow bit (7.39.1); a queue of one never does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.batch import MaskArray, TimeArray, ValueArray
from core.quality import StatusArray

IndexArray = npt.NDArray[np.int32]
OVERFLOW = 0x0480
"""InfoType DataValue and the Overflow bit."""
_SLACK = 1024
"""Values that the queues of a small cohort may hold together, however small the queues are."""
_LOOSE_PARTS = 128
_SMALL_PART = 64
"""Parts with fewer values than this take more memory for their arrays than for the values."""


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


def cut(entries: Entries, sizes: npt.NDArray[np.int64], discard_oldest: MaskArray) -> tuple[Entries, int]:
    """Cut every item's queue to its size; give what stays, in order, and how many values were lost.

    ``sizes`` and ``discard_oldest`` are indexed by item.
    """
    count = len(entries)
    order = np.argsort(entries.index, kind="stable")
    owner = entries.index[order]
    starts = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
    lengths = np.diff(np.r_[starts, count])
    group_sizes = sizes[owner[starts]]
    if not bool((lengths > group_sizes).any()):
        return entries, 0
    length = np.repeat(lengths, lengths)
    size = np.repeat(group_sizes, lengths)
    rank = np.arange(count) - np.repeat(starts, lengths)
    from_end = length - 1 - rank
    oldest_first = discard_oldest[owner]
    keep = np.where(oldest_first, from_end < size, (rank < size - 1) | (from_end == 0))
    beside_gap = from_end == np.where(oldest_first, size - 1, 0)
    flagged = beside_gap & (length > size) & (size > 1)
    status = entries.status.copy()
    status[order[flagged]] |= np.uint32(OVERFLOW)
    kept = np.sort(order[keep])
    whole = Entries(entries.index, entries.values, status, entries.source_time, entries.server_time)
    return whole.take(kept.astype(np.int32)), count - len(kept)


class QueueLog:
    """The queues of a cohort's items. ``lost`` counts values that left a full queue unsent."""

    def __init__(self) -> None:
        """Begin with empty queues."""
        self._parts: list[Entries] = []
        self._dense = False
        """Whether a part may hold several values of one item: then queues may be too long."""
        self._uncut = False
        """Whether values came since the queues were cut last."""
        self._resized = False
        """Whether an item's queue size is another since then."""
        self._loose = 0
        """How many parts came since parts were put together last."""
        self.count = 0
        self.lost = 0

    def append(
        self,
        entries: Entries,
        sizes: npt.NDArray[np.int64],
        discard_oldest: MaskArray,
        capacity: int,
    ) -> None:
        """Queue values; ``capacity`` is the sum of all sizes and bounds what is kept between publishes."""
        if not len(entries):
            return
        self._parts.append(entries)
        self._uncut = True
        self.count += len(entries)
        self._loose += 1
        if self.count > max(2 * capacity, _SLACK):
            self._settle(sizes, discard_oldest)
        elif self._loose >= _LOOSE_PARTS:
            self._gather(2 * capacity, sizes, discard_oldest)

    def drain(
        self, sizes: npt.NDArray[np.int64], discard_oldest: MaskArray, smallest: int, limit: int
    ) -> Entries | None:
        """Take up to ``limit`` values out, oldest first. ``smallest`` is the smallest queue size of the cohort.

        A part holds at most one value an item, so queues can only overflow when there are more parts than
        the smallest queue has places.
        """
        if not self._parts:
            return None
        if self._resized or (self._uncut and (self._dense or len(self._parts) > smallest)):
            self._settle(sizes, discard_oldest)
        entries = joined(self._parts)
        self._loose = 0
        if len(entries) > limit:
            rest = entries.take(slice(limit, None))
            entries = entries.take(slice(0, limit))
            self._parts, self.count, self._dense = [rest], len(rest), True
        else:
            self._parts, self.count, self._dense = [], 0, False
        return entries

    def before_resize(self, sizes: npt.NDArray[np.int64], discard_oldest: MaskArray) -> None:
        """Cut the queues to ``sizes`` as they are, because one is about to change."""
        if self._parts and self._uncut:
            self._settle(sizes, discard_oldest)
        self._resized = bool(self._parts)

    def put_back(self, entries: Entries) -> None:
        """Queue values before all others: what was taken out and is not reported yet."""
        if len(entries):
            self._parts.insert(0, entries)
            self.count += len(entries)
            self._dense = self._uncut = True

    def count_of(self, items: MaskArray) -> int:
        """Count the values of some items (a mask over items)."""
        return sum(int(np.count_nonzero(items[part.index])) for part in self._parts)

    def extract(self, items: IndexArray) -> Entries | None:
        """Take the values of some items out of the log, whoever wants them."""
        if not self._parts:
            return None
        entries = joined(self._parts)
        mine = np.isin(entries.index, items)
        rest = entries.take(~mine)
        self._parts, self.count = ([rest], len(rest)) if len(rest) else ([], 0)
        self._dense = bool(self._parts)
        return entries.take(mine)

    def _gather(self, most: int, sizes: npt.NDArray[np.int64], discard_oldest: MaskArray) -> None:
        """Keep many small parts from piling up: cut what is too much already, or put the latest ones together."""
        self._loose = 0
        if self.count > most:
            self._settle(sizes, discard_oldest)
            return
        latest = self._parts[-_LOOSE_PARTS:]
        if sum(map(len, latest)) < _SMALL_PART * len(latest):
            self._parts[-_LOOSE_PARTS:] = [joined(latest)]
            self._dense = True

    def _settle(self, sizes: npt.NDArray[np.int64], discard_oldest: MaskArray) -> None:
        entries, lost = cut(joined(self._parts), sizes, discard_oldest)
        self._parts, self.count, self._dense = [entries], len(entries), True
        self._uncut = self._resized = False
        self._loose = 0
        self.lost += lost
