"""A cohort: monitored items of one subscription that share data type, sampling interval, filter kind and timestamps.

Change-driven cohorts (interval 0, or not longer than the points' scan) take every change that the process image hands
on; sampled ones look at the image on their own clock. Each row of the column belongs to at most one item of a cohort; a
second item on the same point lives in another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.batch import MaskArray, Samples, SlotArray, TimeArray, ValueArray
from core.datatypes import DataType
from core.image import Column
from core.numbers import differing
from core.quality import NO_VALUE, SHOWN, StatusArray, absent_mask
from core.time import now
from server.address_space.index_range import Bounds
from server.subscriptions.aggregates.folding import Folding
from server.subscriptions.aggregates.kinds import Asked
from server.subscriptions.encoding import EncodeVariant, HandleArray, Timestamps, encode_columns, encode_objects
from server.subscriptions.entries import Entries, IndexArray, larger
from server.subscriptions.filters import Trigger
from server.subscriptions.parts import as_it_is, parts_of
from server.subscriptions.queues import QueueLog

_FIRST_CAPACITY = 16


@dataclass(frozen=True, slots=True)
class CohortKey:
    """What a cohort's items share. ``interval``: seconds of the sampling clock, 0 for every change.

    ``index_range``: the part of an array that is looked at. ``aggregate``: what is calculated of the values and told
    in their place. ``layer`` tells items on one row apart.
    """

    datatype: DataType
    interval: float
    trigger: Trigger
    deadband: bool
    timestamps: Timestamps
    index_range: tuple[Bounds, ...] = ()
    aggregate: Asked | None = None
    layer: int = 0

    @property
    def told(self) -> DataType:
        """Give the type of what is told."""
        return self.datatype if self.aggregate is None else self.aggregate.result_type

    @property
    def filtered(self) -> bool:
        """Tell whether the image's own change detection is not enough."""
        return (
            self.deadband
            or self.trigger is not Trigger.STATUS_VALUE
            or bool(self.index_range or self.aggregate)
            or self.datatype.is_object
        )


@dataclass(frozen=True, slots=True, eq=False)
class Moving:
    """What an item takes from one cohort to another: its queue, and (arrays of one) what it queued last."""

    told: DataType
    waiting: Entries | None
    value: ValueArray
    status: StatusArray
    source_time: TimeArray
    refused: int
    """Why its session may not have its values, 0 where it may."""


class Cohort:
    """Arrays over items; ``reporting`` items of a column's rows find their place by ``_item_of_row``."""

    def __init__(self, key: CohortKey, column: Column, encode_variant: EncodeVariant) -> None:
        """Begin without items. ``encode_variant`` writes values that are objects."""
        self.key = key
        self._encode_variant = encode_variant
        self.log = QueueLog(key.told.dtype)
        self._folding = (
            None
            if key.aggregate is None
            else Folding(key.aggregate, key.datatype, stepped=key.datatype is DataType.BOOLEAN)
        )
        self._column = column
        self._item_of_row: npt.NDArray[np.int32] = np.full(len(column.slots), -1, np.int32)
        self._occupied: MaskArray = np.zeros(len(column.slots), np.bool_)
        self._free: list[int] = []
        self._gone: list[int] = []
        """Items that were removed and whose queues are not cleared away yet."""
        self._watched: dict[int, Callable[[], None]] = {}
        """What to call when an item that triggers others queues something."""
        self._rows: SlotArray = np.zeros(0, np.int32)
        self._active: MaskArray = np.zeros(0, np.bool_)
        self._muted: MaskArray = np.zeros(0, np.bool_)
        """Monitoring mode Sampling: values queue up and are not reported, unless another item triggers that."""
        self._any_muted = False
        self._released: MaskArray = np.zeros(0, np.bool_)
        """Muted items whose queues are reported this once."""
        self._any_released = False
        self._refused: StatusArray = np.zeros(0, np.uint32)
        """Why an item's session may not have its values, 0 where it may; such an item is never active."""
        self._handles: HandleArray = np.zeros(0, np.uint32)
        self._discard_oldest: MaskArray = np.zeros(0, np.bool_)
        self._deadbands: npt.NDArray[np.float64] = np.zeros(0, np.float64)
        self._seen_values: ValueArray = np.zeros(0, column.datatype.dtype)
        self._seen_status: StatusArray = np.zeros(0, np.uint32)
        self._seen_time: TimeArray = np.zeros(0, np.int64)
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
        self._refused[index] = 0
        self.items += 1
        self._set(index, handle, size, deadband, discard_oldest=discard_oldest)
        return index

    def change(self, index: int, handle: int, size: int, deadband: float, *, discard_oldest: bool) -> None:
        """Give an item other parameters that keep it in this cohort."""
        self._clear_away()
        self._set(index, handle, size, deadband, discard_oldest=discard_oldest)

    def _set(self, index: int, handle: int, size: int, deadband: float, *, discard_oldest: bool) -> None:
        self._handles[index] = handle
        self._discard_oldest[index] = discard_oldest
        self._deadbands[index] = deadband
        self.log.resize(index, size, discard_oldest=discard_oldest)

    def asked_of(self, index: int) -> tuple[int, bool]:
        """Give an item's client handle and DiscardOldest."""
        return int(self._handles[index]), bool(self._discard_oldest[index])

    def remove(self, index: int) -> None:
        """Take an item out; what waits in its queue is thrown away."""
        self.deactivate(index)
        self._occupied[int(self._rows[index])] = False
        self._muted[index] = False
        self._watched.pop(index, None)
        self._gone.append(index)
        self.items -= 1

    def take_out(self, index: int) -> Moving:
        """Take an item out with what it needs to go on in another cohort."""
        self._clear_away()
        chosen = np.array([index], np.int32)
        waiting = self.log.extract(chosen)
        refused = self.refused(index)
        if self._tracks:
            seen = self._seen_values[chosen], self._seen_status[chosen], self._seen_time[chosen]
            moving = Moving(self.key.told, waiting, *seen, refused)
        else:  # every change up to now is queued; what came after it is the same but for its time
            rows, column = self._rows[chosen], self._column
            seen = column.reference[rows], column.status[rows], self._seen_time[chosen]
            moving = Moving(self.key.told, waiting, *seen, refused)
        self.remove(index)
        return moving

    def adopt(self, index: int, moving: Moving) -> None:
        """Let an item, not active yet, go on with what it brings from another cohort."""
        chosen = np.array([index], np.int32)
        self._seen_values[chosen] = moving.value
        self._seen_status[chosen] = moving.status
        self._seen_time[chosen] = moving.source_time
        self._refused[chosen] = moving.refused
        waiting = moving.waiting
        if waiting is None or moving.told is not self.key.told:
            return  # values and aggregates of another type make no queue together
        for position in range(len(waiting)):
            one = waiting.take(slice(position, position + 1))
            self.log.append(Entries(chosen, one.values, one.status, one.source_time, one.server_time))

    def resume(self, index: int) -> None:
        """Sample an adopted item again; the value that it has now is queued if the filter sees a change."""
        if self._refused[index]:
            return
        chosen = np.array([index], np.int32)
        self._begin(chosen)
        if self._folding is not None:
            self._fold_from_now(chosen)
        else:
            self._queue_changed(*self._looked(chosen))

    def activate(self, indexes: list[int]) -> None:
        """Begin to sample items and queue the value that each has now: the initial value (Part 4 v1.05 5.13.1.3).

        Those that are refused are not sampled, and queue why (5.13.2.1).
        """
        chosen = np.array(indexes, np.int32)
        refused = self._refused[chosen] != 0
        if refused.any():
            self._tell_refused(chosen[refused])
            chosen = chosen[~refused]
            if not len(chosen):
                return
        self._begin(chosen)
        if self._folding is not None:
            self._fold_from_now(chosen)
        else:
            self._queue(*self._looked(chosen))

    def refused(self, index: int) -> int:
        """Give why an item's session may not have its values, 0 where it may."""
        return int(self._refused[index])

    def refuse(self, indexes: list[int], statuses: list[int]) -> None:
        """Let sessions have items' values no more, and throw away what waits; ``statuses`` say why, 0 where they may.

        :meth:`activate` has to follow for all of them that are not disabled.
        """
        self._clear_away()
        chosen = np.array(indexes, np.int32)
        active = chosen[self._active[chosen]]
        self._active[active] = False
        self._item_of_row[self._rows[active]] = -1
        self._sampled = None
        if self._folding is not None:
            self._folding.forget(active)
        self.log.extract(chosen)
        self._refused[chosen] = statuses

    def _tell_refused(self, chosen: npt.NDArray[np.int32]) -> None:
        moments = np.full(len(chosen), now(), np.int64)
        told = self.key.told.dtype
        values = np.full(len(chosen), None, told) if self.key.told.is_object else np.zeros(len(chosen), told)
        self._enqueue(Entries(chosen, values, self._refused[chosen] | np.uint32(NO_VALUE), moments, moments))

    def _fold_from_now(self, chosen: npt.NDArray[np.int32]) -> None:
        """Calculate aggregates from the present values on; there is no initial value (Part 13 v1.05 5.4.3.1)."""
        if self._folding is not None:
            _, values, status, source, server = self._looked(chosen)
            self._folding.begin(chosen, values, status, source, int(server.max()))

    def conclude(self, moment: int) -> None:
        """Queue the aggregates of the intervals that have ended by ``moment`` (ticks)."""
        if self._folding is not None and moment >= self._folding.next_due:
            for ended in self._folding.close(moment):
                self._enqueue(ended)

    def resend(self) -> None:
        """Queue the present value of every reporting item once more (SendInitialValues, Part 4 v1.05 5.14.7)."""
        # Who has something queued reports that next, and nothing more (Part 4 v1.05 5.14.7.2).
        active = np.flatnonzero(self._active & ~self._muted & self.log.empty).tolist()
        if active and self._folding is None:
            self.activate(active)

    @property
    def capacity(self) -> int:
        """Give the number of places for items; every index is less."""
        return len(self._rows)

    @property
    def queued(self) -> tuple[list[Entries], Entries, IndexArray]:
        """Give what the queues hold (:attr:`~server.subscriptions.queues.QueueLog.queued`)."""
        self._clear_away()
        return self.log.queued

    def deactivate(self, index: int) -> None:
        """Sample an item no longer."""
        if self._active[index]:
            self._active[index] = False
            if self._folding is not None:
                self._folding.forget(np.array([index], np.int32))
            self._item_of_row[self._rows[index]] = -1
            self._sampled = None

    def mute(self, index: int, *, muted: bool) -> None:
        """Queue an item's values without reporting them (monitoring mode Sampling), or report again."""
        self._muted[index] = muted
        self._any_muted = bool(self._muted.any())
        self._released[index] = False

    def release(self, index: int) -> None:
        """Report once what an item in monitoring mode Sampling has queued (SetTriggering, Part 4 v1.05 5.13.1.6)."""
        self._released[index] = self._any_released = True

    def is_released(self, index: int) -> bool:
        """Tell whether that is still to be done."""
        return bool(self._released[index])

    def watch(self, index: int, queued: Callable[[], None] | None) -> None:
        """Call ``queued`` whenever an item queues something; None for no more."""
        if queued is None:
            self._watched.pop(index, None)
        else:
            self._watched[index] = queued

    @property
    def waiting(self) -> int:
        """Count the values that are to be reported."""
        self._clear_away()
        return self.log.waiting(self._withheld())

    def _withheld(self) -> MaskArray | None:
        if not self._any_muted:
            return None
        return self._muted & ~self._released if self._any_released else self._muted

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
        self._take_in(index, *self._seen_parts(values, status), source, server)

    def sample(self) -> None:
        """Look at the image once (sampled cohorts)."""
        if self._sampled is None:
            self._sampled = np.flatnonzero(self._active).astype(np.int32)
        index = self._sampled
        if len(index):
            self._take_in(*self._looked(index))

    def _take_in(
        self, index: IndexArray, values: ValueArray, status: StatusArray, source: TimeArray, server: TimeArray
    ) -> None:
        """Take samples: into aggregates, or into the queues, all of them or what the filter lets through."""
        if self._folding is not None:
            self._folding.offer(index, values, status, source, int(server.max()))
        elif self._tracks:
            self._queue_changed(index, values, status, source, server)
        else:
            self._queue(index, values, status, source, server)

    def _looked(self, index: IndexArray) -> tuple[IndexArray, ValueArray, StatusArray, TimeArray, TimeArray]:
        """Give the items' values as they stand in the image."""
        rows, column = self._rows[index], self._column
        values, status = self._seen_parts(column.values[rows], column.status[rows])
        return index, values, status, column.source_time[rows], column.server_time[rows]

    def _seen_parts(self, values: ValueArray, status: StatusArray) -> tuple[ValueArray, StatusArray]:
        """Give the parts of arrays that the items are on."""
        if not self.key.index_range:
            return values, status
        return parts_of(self.key.datatype, values, status, self.key.index_range, self._encode_variant)

    def drain(self, limit: int) -> tuple[int, bytes]:
        """Take up to ``limit`` notifications out, encoded; give how many they are."""
        self._clear_away()
        entries = self.log.drain(limit, self._withheld())
        if self._any_released:
            self._released &= ~self.log.empty
            self._any_released = bool(self._released.any())
        if entries is None:
            return 0, b""
        handles = self._handles[entries.index]
        columns = (handles, entries.values, entries.status, entries.source_time, entries.server_time)
        if self.key.told.is_object:
            encode = as_it_is if self.key.index_range else self._encode_variant
            return len(entries), encode_objects(self.key.datatype, *columns, self.key.timestamps, encode)
        return len(entries), encode_columns(self.key.told, *columns, self.key.timestamps)

    def _queue_changed(
        self,
        index: npt.NDArray[np.int32],
        values: ValueArray,
        status: StatusArray,
        source: TimeArray,
        server: TimeArray,
    ) -> None:
        """Queue what differs from what was queued last, by the filter (DataChangeFilter, Part 4 v1.05 7.22.2)."""
        seen = self._seen_status[index]
        changed = (status ^ seen) & np.uint32(SHOWN) != 0
        if self.key.trigger is not Trigger.STATUS:
            changed |= self._value_changes(index, values)
            if not self.key.datatype.is_object:  # of objects None is the null value
                changed |= absent_mask(status) != absent_mask(seen)
        if self.key.trigger is Trigger.STATUS_VALUE_TIMESTAMP:
            changed |= source != self._seen_time[index]
        if changed.any():
            self._queue(index[changed], values[changed], status[changed], source[changed], server[changed])

    def _value_changes(self, index: npt.NDArray[np.int32], values: ValueArray) -> MaskArray:
        seen = self._seen_values[index]
        if values.dtype == object:
            pairs = zip(values, seen, strict=True)
            return np.fromiter((not self._same(new, old) for new, old in pairs), np.bool_, len(values))
        return differing(values, seen, self._deadbands[index] if self.key.deadband else None)

    def _same(self, new: object, old: object) -> bool:
        """Compare two objects: null and empty are equal, and so is NaN to itself (DataChangeTrigger, 7.10)."""
        if new is old:
            return True
        if isinstance(new, (str, bytes)) or isinstance(old, (str, bytes)):
            return (new or None) == (old or None)
        if new is None or old is None:
            return False
        return self._encode_variant(self.key.datatype, new) == self._encode_variant(self.key.datatype, old)

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
        self._enqueue(Entries(index, values, status, source, server))

    def _enqueue(self, entries: Entries) -> None:
        self._clear_away()
        self.log.append(entries)
        if self._watched:
            for watched in tuple(self._watched.keys() & set(entries.index.tolist())):
                self._watched[watched]()

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
            for index in self._gone:
                self.log.resize(index, 0, discard_oldest=True)
            self._free.extend(self._gone)
            self._gone.clear()

    def _grow(self) -> None:
        old = len(self._rows)
        new = max(_FIRST_CAPACITY, 2 * old)
        for name in (
            "_rows",
            "_active",
            "_muted",
            "_released",
            "_refused",
            "_handles",
            "_discard_oldest",
            "_deadbands",
            "_seen_values",
            "_seen_status",
            "_seen_time",
        ):
            setattr(self, name, larger(getattr(self, name), new))
        self.log.grow(new)
        if self._folding is not None:
            self._folding.grow(new)
        self._free.extend(range(new - 1, old - 1, -1))
