"""A cohort: monitored items of one subscription that share data type, sampling interval, filter kind and timestamps.

Change-driven cohorts (interval 0, or not longer than the points' scan) take every change that the process image hands
on; sampled ones look at the image on their own clock. Each row of the column belongs to at most one item of a cohort; a
second item on the same point lives in another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.batch import MaskArray, Samples, SlotArray, TimeArray, ValueArray
from core.datatypes import DataType
from core.image import Column
from core.numbers import differing
from core.quality import StatusArray
from server.subscriptions.encoding import EncodeVariant, HandleArray, Timestamps, encode_columns, encode_objects
from server.subscriptions.queues import Entries, QueueLog

TRIGGER_STATUS = 0
TRIGGER_STATUS_VALUE = 1
TRIGGER_STATUS_VALUE_TIMESTAMP = 2
_FIRST_CAPACITY = 16


@dataclass(frozen=True, slots=True)
class CohortKey:
    """What a cohort's items share. ``interval``: seconds of the sampling clock, 0 for every change.

    ``layer`` tells items on one row apart.
    """

    datatype: DataType
    interval: float
    trigger: int
    deadband: bool
    timestamps: Timestamps
    layer: int

    @property
    def filtered(self) -> bool:
        """Tell whether the image's own change detection is not enough."""
        return self.deadband or self.trigger != TRIGGER_STATUS_VALUE


@dataclass(frozen=True, slots=True, eq=False)
class Moving:
    """What an item takes from one cohort to another: its queue, and (arrays of one) what it queued last."""

    waiting: Entries | None
    value: ValueArray
    status: StatusArray
    source_time: TimeArray


class Cohort:
    """Arrays over items; ``reporting`` items of a column's rows find their place by ``_item_of_row``."""

    def __init__(self, key: CohortKey, column: Column) -> None:
        """Begin without items."""
        self.key = key
        self.log = QueueLog()
        self._column = column
        self._item_of_row: npt.NDArray[np.int32] = np.full(len(column.slots), -1, np.int32)
        self._occupied: MaskArray = np.zeros(len(column.slots), np.bool_)
        self._free: list[int] = []
        self._gone: list[int] = []
        """Items that were removed and whose queues are not cleared away yet."""
        self._rows: SlotArray = np.zeros(0, np.int32)
        self._active: MaskArray = np.zeros(0, np.bool_)
        self._muted: MaskArray = np.zeros(0, np.bool_)
        """Monitoring mode Sampling: values queue up and are not reported."""
        self._handles: HandleArray = np.zeros(0, np.uint32)
        self._sizes: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._discard_oldest: MaskArray = np.zeros(0, np.bool_)
        self._deadbands: npt.NDArray[np.float64] = np.zeros(0, np.float64)
        self._seen_values: ValueArray = np.zeros(0, column.datatype.dtype)
        self._seen_status: StatusArray = np.zeros(0, np.uint32)
        self._seen_time: TimeArray = np.zeros(0, np.int64)
        self._capacity = 0
        self._smallest = 1
        self._measured = True
        self._sampled: SlotArray | None = None
        self.items = 0

    def has_row(self, row: int) -> bool:
        """Tell whether an item on this row is here already."""
        return bool(self._occupied[row])

    def add(self, row: int, handle: int, size: int, deadband: float, *, discard_oldest: bool) -> int:
        """Add an item, not active yet; give its index."""
        self._clear_away()
        if not self._free:
            self._grow()
        index = self._free.pop()
        self._occupied[row] = True
        self._rows[index] = row
        self.items += 1
        self._set(index, handle, size, deadband, discard_oldest=discard_oldest)
        return index

    def change(self, index: int, handle: int, size: int, deadband: float, *, discard_oldest: bool) -> None:
        """Give an item other parameters that keep it in this cohort."""
        if (size, discard_oldest) != (self._sizes[index], self._discard_oldest[index]):
            self._clear_away()
            self.log.before_resize(self._sizes, self._discard_oldest)
        self._set(index, handle, size, deadband, discard_oldest=discard_oldest)

    def _set(self, index: int, handle: int, size: int, deadband: float, *, discard_oldest: bool) -> None:
        self._handles[index] = handle
        self._sizes[index] = size
        self._discard_oldest[index] = discard_oldest
        self._deadbands[index] = deadband
        self._measured = False

    def asked_of(self, index: int) -> tuple[int, bool]:
        """Give an item's client handle and DiscardOldest."""
        return int(self._handles[index]), bool(self._discard_oldest[index])

    def remove(self, index: int) -> None:
        """Take an item out; what waits in its queue is thrown away."""
        self.deactivate(index)
        self._occupied[int(self._rows[index])] = False
        self._muted[index] = False
        self._sizes[index] = 0
        self._gone.append(index)
        self.items -= 1
        self._measured = False

    def take_out(self, index: int) -> Moving:
        """Take an item out with what it needs to go on in another cohort."""
        self._clear_away()
        chosen = np.array([index], np.int32)
        self.log.before_resize(self._sizes, self._discard_oldest)
        waiting = self.log.extract(chosen)
        if self._tracks:
            moving = Moving(waiting, self._seen_values[chosen], self._seen_status[chosen], self._seen_time[chosen])
        else:  # every change up to now is queued
            rows, column = self._rows[chosen], self._column
            moving = Moving(waiting, column.reference[rows], column.status[rows], column.source_time[rows])
        self.remove(index)
        return moving

    def adopt(self, index: int, moving: Moving) -> None:
        """Let an item, not active yet, go on with what it brings from another cohort."""
        chosen = np.array([index], np.int32)
        self._seen_values[chosen] = moving.value
        self._seen_status[chosen] = moving.status
        self._seen_time[chosen] = moving.source_time
        waiting = moving.waiting
        if waiting is None:
            return
        self._measure()
        for position in range(len(waiting)):  # one part a value: a part holds one value an item
            one = waiting.take(slice(position, position + 1))
            moved = Entries(chosen, one.values, one.status, one.source_time, one.server_time)
            self.log.append(moved, self._sizes, self._discard_oldest, self._capacity)

    def resume(self, index: int) -> None:
        """Sample an adopted item again; the value that it has now is queued if the filter sees a change."""
        chosen = np.array([index], np.int32)
        self._begin(chosen)
        column, rows = self._column, self._rows[chosen]
        self._queue_changed(
            chosen, column.values[rows], column.status[rows], column.source_time[rows], column.server_time[rows]
        )

    def activate(self, indexes: list[int]) -> None:
        """Begin to sample items and queue the value that each has now: the initial value (Part 4 v1.05 5.13.1.3)."""
        chosen = np.array(indexes, np.int32)
        self._begin(chosen)
        column, rows = self._column, self._rows[chosen]
        self._queue(
            chosen, column.values[rows], column.status[rows], column.source_time[rows], column.server_time[rows]
        )

    def resend(self) -> None:
        """Queue the present value of every reporting item once more (SendInitialValues, Part 4 v1.05 5.14.7)."""
        active = np.flatnonzero(self._active & ~self._muted).tolist()
        if active:
            self.activate(active)

    def deactivate(self, index: int) -> None:
        """Sample an item no longer."""
        if self._active[index]:
            self._active[index] = False
            self._item_of_row[self._rows[index]] = -1
            self._sampled = None

    def mute(self, index: int, *, muted: bool) -> None:
        """Queue an item's values without reporting them (monitoring mode Sampling), or report again."""
        self._muted[index] = muted

    @property
    def waiting(self) -> int:
        """Count the values that are to be reported."""
        self._clear_away()
        return self.log.count_of(~self._muted) if self._muted.any() else self.log.count

    def clear_queue(self, index: int) -> None:
        """Throw an item's queue away (monitoring mode Disabled, Part 4 v1.05 5.13.1.3)."""
        self._clear_away()
        self.log.extract(np.array([index], np.int32))

    def offer(self, samples: Samples) -> None:
        """Take what the image hands on (change-driven cohorts)."""
        index = self._item_of_row[samples.rows]
        wanted = index >= 0
        if not self.key.filtered:
            wanted &= samples.changed
        if not wanted.any():
            return
        if wanted.all():
            values, status, source = samples.values, samples.status, samples.source_time
        else:
            index = index[wanted]
            values, status, source = samples.values[wanted], samples.status[wanted], samples.source_time[wanted]
        server = np.full(len(index), samples.server_time, np.int64)
        if self.key.filtered:
            self._queue_changed(index, values, status, source, server)
        else:
            self._queue(index, values, status, source, server)

    def sample(self) -> None:
        """Look at the image once (sampled cohorts)."""
        if self._sampled is None:
            self._sampled = np.flatnonzero(self._active).astype(np.int32)
        index = self._sampled
        if not len(index):
            return
        rows, column = self._rows[index], self._column
        self._queue_changed(
            index, column.values[rows], column.status[rows], column.source_time[rows], column.server_time[rows]
        )

    def drain(self, limit: int, encode_variant: EncodeVariant) -> tuple[int, bytes]:
        """Take up to ``limit`` notifications out, encoded; give how many they are."""
        self._clear_away()
        self._measure()
        muted = np.flatnonzero(self._muted).astype(np.int32)
        held_back = self.log.extract(muted) if len(muted) else None
        entries = self.log.drain(self._sizes, self._discard_oldest, self._smallest, limit)
        if held_back is not None:
            self.log.put_back(held_back)
        if entries is None:
            return 0, b""
        handles = self._handles[entries.index]
        columns = (handles, entries.values, entries.status, entries.source_time, entries.server_time)
        if self.key.datatype.is_object:
            return len(entries), encode_objects(self.key.datatype, *columns, self.key.timestamps, encode_variant)
        return len(entries), encode_columns(self.key.datatype, *columns, self.key.timestamps)

    def _queue_changed(
        self,
        index: npt.NDArray[np.int32],
        values: ValueArray,
        status: StatusArray,
        source: TimeArray,
        server: TimeArray,
    ) -> None:
        """Queue what differs from what was queued last, by the filter (DataChangeFilter, Part 4 v1.05 7.22.2)."""
        changed = status != self._seen_status[index]
        if self.key.trigger != TRIGGER_STATUS:
            changed |= self._value_changes(index, values)
        if self.key.trigger == TRIGGER_STATUS_VALUE_TIMESTAMP:
            changed |= source != self._seen_time[index]
        if changed.any():
            self._queue(index[changed], values[changed], status[changed], source[changed], server[changed])

    def _value_changes(self, index: npt.NDArray[np.int32], values: ValueArray) -> MaskArray:
        seen = self._seen_values[index]
        if values.dtype == object:
            pairs = zip(values, seen, strict=True)
            return np.fromiter((not _same(new, old) for new, old in pairs), np.bool_, len(values))
        return differing(values, seen, self._deadbands[index] if self.key.deadband else None)

    def _queue(
        self,
        index: npt.NDArray[np.int32],
        values: ValueArray,
        status: StatusArray,
        source: TimeArray,
        server: TimeArray,
    ) -> None:
        if self._tracks:
            self._seen_values[index] = values
            self._seen_status[index] = status
            self._seen_time[index] = source
        self._clear_away()
        self._measure()
        self.log.append(
            Entries(index, values, status, source, server), self._sizes, self._discard_oldest, self._capacity
        )

    @property
    def _tracks(self) -> bool:
        """Whether what each item queued last is remembered."""
        return self.key.filtered or self.key.interval > 0.0

    def _begin(self, chosen: npt.NDArray[np.int32]) -> None:
        self._active[chosen] = True
        self._item_of_row[self._rows[chosen]] = chosen
        self._sampled = None

    def _clear_away(self) -> None:
        """Throw away what removed items had queued, all of them at once; only then their indexes are given again."""
        if self._gone:
            self.log.extract(np.array(self._gone, np.int32))
            self._free.extend(self._gone)
            self._gone.clear()

    def _measure(self) -> None:
        if self._measured:
            return
        self._measured = True
        sizes = self._sizes[self._sizes > 0]
        self._capacity = int(sizes.sum())
        self._smallest = int(sizes.min(initial=1 << 31))

    def _grow(self) -> None:
        old = len(self._rows)
        new = max(_FIRST_CAPACITY, 2 * old)
        for name in (
            "_rows",
            "_active",
            "_muted",
            "_handles",
            "_sizes",
            "_discard_oldest",
            "_deadbands",
            "_seen_values",
            "_seen_status",
            "_seen_time",
        ):
            array = getattr(self, name)
            larger = np.zeros(new, array.dtype)
            larger[:old] = array
            setattr(self, name, larger)
        self._free.extend(range(new - 1, old - 1, -1))


def _same(new: object, old: object) -> bool:
    if isinstance(new, np.ndarray) or isinstance(old, np.ndarray):
        return bool(np.array_equal(np.asarray(new), np.asarray(old)))
    return new == old
