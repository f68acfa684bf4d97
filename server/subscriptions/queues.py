"""Monitored items' queues: one log of columns for all items of a cohort (Part 4 v1.05 5.13.1.5).

Values are kept in the parts that they came in. A queue that loses its oldest values is cut when its values are taken
out, or when the log has twice what all queues may hold; ``_held`` says how many values an item has, so that too many
are found without sorting. A queue that keeps its oldest values, or holds just one, has its newest value in ``_latest``,
where the next one replaces it.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from core.batch import MaskArray
from server.subscriptions.entries import CountArray, Entries, IndexArray, cut, joined, larger, ranks
from server.subscriptions.latest import LatestValues

_SLACK = 1024
"""Values that the queues of a small cohort may hold together, however small the queues are."""
_LOOSE_PARTS = 128
_SMALL_PART = 64
"""Parts with fewer values than this take more memory for their arrays than for the values."""


class QueueLog:
    """The queues of a cohort's items. ``lost`` counts values that left a full queue unsent."""

    def __init__(self, dtype: np.dtype[np.generic]) -> None:
        """Begin without items. ``dtype``: of the values."""
        self._parts: deque[tuple[Entries, bool]] = deque()
        """Values and whether one item may have several of them."""
        self._latest = LatestValues(dtype)
        self._sizes: CountArray = np.zeros(0, np.int64)
        self._discard_oldest: MaskArray = np.zeros(0, np.bool_)
        self._newest_replaced: MaskArray = np.zeros(0, np.bool_)
        self._any_replaced = False
        self._held: CountArray = np.zeros(0, np.int64)
        self._gaps: MaskArray = np.zeros(0, np.bool_)
        """Items whose next value carries the Overflow bit."""
        self._any_gaps = False
        self._capacity = 0
        self._examined = 0
        """How many parts were looked at for values too many, since one of them was taken."""
        self._loose = 0
        """How many parts came since parts were put together last."""
        self._resized = False
        self.count = 0
        self.lost = 0

    def grow(self, items: int) -> None:
        """Make room for so many items."""
        for name in ("_sizes", "_discard_oldest", "_newest_replaced", "_held", "_gaps"):
            setattr(self, name, larger(getattr(self, name), items))
        self._latest.grow(items)

    def resize(self, item: int, size: int, *, discard_oldest: bool) -> None:
        """Give an item's queue another size; 0 for an item that is gone, whose queue is empty by then."""
        if self._held[item]:
            self._settle()  # by the sizes as they were; and by the new one before the queue is looked at again
            self._resized = True
        self._capacity += size - int(self._sizes[item])
        self._sizes[item] = size
        self._discard_oldest[item] = discard_oldest
        self._newest_replaced[item] = size == 1 or (size > 1 and not discard_oldest)
        self._any_replaced = self._any_replaced or bool(self._newest_replaced[item])

    def append(self, entries: Entries) -> None:
        """Queue values, one an item at most."""
        if not len(entries):
            return
        self._settle_resized()
        if self._any_replaced:
            replaced = self._newest_replaced[entries.index]
            if replaced.any():
                self._replace(entries.take(replaced))
                entries = entries.take(~replaced)
        self._append(entries)

    @property
    def queued(self) -> tuple[list[Entries], Entries, IndexArray]:
        """Give what is held, oldest first; the values that newer ones replace; the items behind a gap."""
        return [part for part, _ in self._parts], self._latest.held, np.flatnonzero(self._gaps).astype(np.int32)

    def restore(self, entries: Entries, gaps: IndexArray) -> None:
        """Queue what items had before a restart, oldest first, any number of one item; ``gaps``: items behind one."""
        self._parts.append((entries, True))
        self._held += np.bincount(entries.index, minlength=len(self._held))
        self.count += len(entries)
        self._gaps[gaps] = True
        self._any_gaps = bool(self._gaps.any())
        self._resized = True  # cut to the sizes before anything else is done

    @property
    def empty(self) -> MaskArray:
        """Tell of each item whether nothing waits in its queue."""
        return self._held == 0

    def waiting(self, withheld: MaskArray | None) -> int:
        """Count the values that a drain would give. ``withheld``: items that report nothing."""
        if not self.count:
            return 0
        self._settle_resized()
        held = np.minimum(self._held, self._sizes)
        return int(held.sum() if withheld is None else held[~withheld].sum())

    def drain(self, limit: int, withheld: MaskArray | None) -> Entries | None:
        """Take up to ``limit`` values out, every item's oldest first; None where there is none."""
        self._settle_resized()
        taken: list[Entries] = []
        remaining: list[tuple[Entries, bool]] = []
        over = np.maximum(self._held - self._sizes, 0)
        any_over = bool(over.any())
        room = limit
        while self._parts and room > 0:
            part, dense = self._parts.popleft()
            if withheld is not None:
                kept = withheld[part.index]
                if kept.any():
                    remaining.append((part.take(kept), dense))
                    part = part.take(~kept)
            if any_over:
                part = self._shortened(part, over, dense=dense)
            part = self._marked(part, dense=dense)
            if len(part) > room:
                self._parts.appendleft((part.take(slice(room, None)), dense))
                part = part.take(slice(0, room))
            if len(part):
                self._forget(part.index, dense=dense)
                taken.append(part)
                room -= len(part)
        self._parts.extendleft(reversed(remaining))
        self._examined = 0
        if room > 0 and self._latest.any:
            latest = self._latest.take(room, withheld)
            if len(latest):
                self._forget(latest.index, dense=False)
                taken.append(latest)
        return joined(taken) if taken else None

    def extract(self, items: IndexArray) -> Entries | None:
        """Take all values of some items out, cut to their sizes; None where they have none."""
        mine = np.zeros(len(self._held), np.bool_)
        mine[items] = True
        if not bool(self._held[mine].any()):
            return None
        found: list[Entries] = []
        kept: deque[tuple[Entries, bool]] = deque()
        for part, dense in self._parts:
            which = mine[part.index]
            if not which.any():
                kept.append((part, dense))
                continue
            found.append(part.take(which))
            if not which.all():
                kept.append((part.take(~which), dense))
        self._parts, self._examined = kept, 0
        latest = self._latest.take_items(mine)
        if len(latest):
            found.append(latest)
        whole, lost = cut(self._marked(joined(found), dense=True), self._sizes, self._discard_oldest)
        self.count -= int(self._held[mine].sum())
        self.lost += lost
        self._held[mine] = 0
        self._gaps[mine] = False
        return whole

    def _append(self, entries: Entries) -> None:
        if not len(entries):
            return
        self._parts.append((entries, False))
        self._held[entries.index] += 1
        self.count += len(entries)
        self._loose += 1
        if self.count > 2 * self._capacity + _SLACK:
            self._thin()
        if self._loose >= _LOOSE_PARTS:
            self._gather()

    def _replace(self, entries: Entries) -> None:
        """Queue values of items whose newest value the next one replaces once the queue is full."""
        latest, index = self._latest, entries.index
        sizes = self._sizes[index]
        occupied = latest.occupied[index]
        if occupied.any():
            freed = occupied & (self._held[index] < sizes)
            if freed.any():  # places became free since: what was the newest is one of the others now
                moved = latest.take_items_at(index[freed])
                self._parts.append((moved, False))
                occupied &= ~freed
        last = occupied | (self._held[index] >= sizes - 1)
        if not last.all():
            self._append(entries.take(~last))
            entries, index, sizes, occupied = entries.take(last), index[last], sizes[last], occupied[last]
        if occupied.any():
            self.lost += int(np.count_nonzero(occupied))
            overflowing = occupied & (sizes > 1)
            if overflowing.any():
                entries = entries.flagged(overflowing)
        self._held[index] += ~occupied
        self.count += int(len(index) - np.count_nonzero(occupied))
        latest.put(entries)

    def _shortened(self, part: Entries, over: CountArray, *, dense: bool) -> Entries:
        """Leave out what is too much, the oldest first; ``over`` says how much, and goes down."""
        excess = over[part.index]
        drop = ranks(part.index) < excess if dense else excess > 0
        if not drop.any():
            return part
        gone = part.index[drop]
        if dense:
            over -= np.bincount(gone, minlength=len(over))
        else:
            over[gone] -= 1
        self._gaps[gone] = True
        self._any_gaps = True
        self.lost += len(gone)
        self._forget(gone, dense=dense)
        return part.take(~drop)

    def _marked(self, part: Entries, *, dense: bool) -> Entries:
        """Set the Overflow bit of values that follow a gap, in queues that hold more than one."""
        if not self._any_gaps or not len(part):
            return part
        after = self._gaps[part.index]
        if not after.any():
            return part
        if dense:
            after &= ranks(part.index) == 0
        self._gaps[part.index[after]] = False
        self._any_gaps = bool(self._gaps.any())
        return part.flagged(after & (self._sizes[part.index] > 1))

    def _forget(self, index: IndexArray, *, dense: bool) -> None:
        if dense:
            self._held -= np.bincount(index, minlength=len(self._held))
        else:
            self._held[index] -= 1
        self.count -= len(index)

    def _thin(self) -> None:
        """Leave out what is too much, part by part, until the log is bounded again: no more work than came in."""
        over = np.maximum(self._held - self._sizes, 0)
        while self.count > 2 * self._capacity + _SLACK:
            if self._examined >= len(self._parts):
                self._examined = 0
            part, dense = self._parts[self._examined]
            thinned = self._shortened(part, over, dense=dense)
            if len(thinned):
                self._parts[self._examined] = (thinned, dense)
                self._examined += 1
            else:
                del self._parts[self._examined]

    def _gather(self) -> None:
        """Keep many small parts from piling up: put the latest ones together."""
        self._loose = 0
        latest = [self._parts[-position] for position in range(min(_LOOSE_PARTS, len(self._parts)), 0, -1)]
        if sum(len(part) for part, _ in latest) < _SMALL_PART * len(latest):
            for _ in latest:
                self._parts.pop()
            self._parts.append((joined([part for part, _ in latest]), True))
            self._examined = min(self._examined, len(self._parts) - 1)

    def _settle_resized(self) -> None:
        if self._resized:
            self._settle()

    def _settle(self) -> None:
        """Cut all queues to their sizes now."""
        self._resized = False
        everything = np.arange(len(self._held), dtype=np.int32)
        whole = self.extract(everything)
        if whole is None:
            return
        self._held = np.bincount(whole.index, minlength=len(self._held)).astype(np.int64)
        self.count = len(whole)
        full = self._newest_replaced & (self._held >= self._sizes)
        if full.any():
            from_end = self._held[whole.index] - 1 - ranks(whole.index)
            newest = full[whole.index] & (from_end == 0)
            self._latest.put(whole.take(newest))
            whole = whole.take(~newest)
        if len(whole):
            self._parts.append((whole, True))
