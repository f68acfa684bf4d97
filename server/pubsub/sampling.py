"""Where a DataSetWriter's values come from: the image as it stands, or every sample since the last message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from core.batch import MaskArray, Samples, SlotArray, ValueArray
from core.datatypes import DataType
from core.image import Column, ProcessImage
from core.quality import SHOWN, StatusArray, absent_mask
from core.taps import QueueTap, TapCounters
from server.pubsub.fields import DataSetField
from server.pubsub.frames import FieldValues, IndexArray

_PLANS_KEPT: Final = 4096


@dataclass(slots=True, eq=False)
class _Group:
    """The fields of one column; ``reference`` and ``status`` are what was published last."""

    column: Column
    rows: SlotArray
    index: IndexArray
    reference: ValueArray
    status: StatusArray


class LatestValues:
    """Samples the image at the publishing interval (Part 14 v1.05 6.2.3.7.1): no cost at all between two messages."""

    def __init__(self, image: ProcessImage, fields: Sequence[DataSetField]) -> None:
        """Sort the fields by column. Nothing counts as published yet."""
        self._groups: list[_Group] = []
        for datatype in sorted({field.datatype for field in fields}):
            chosen = [(place, field) for place, field in enumerate(fields) if field.datatype is datatype]
            column = image.columns[datatype]
            rows = image.row_of[np.array([field.slot for _, field in chosen], np.int32)]
            index = np.array([place for place, _ in chosen], np.int32)
            self._groups.append(_Group(column, rows, index, column.reference[rows], column.status[rows]))

    def take(self, *, whole: bool) -> tuple[FieldValues, ...]:
        """Give all fields, or those whose value (beyond the deadband) or status differs from what was taken last."""
        parts: list[FieldValues] = []
        for group in self._groups:
            column, rows = group.column, group.rows
            reference, status = column.reference[rows], column.status[rows]
            index = group.index
            if not whole:
                changed = _differs(column.datatype, reference, group.reference) | (status != group.status)
                if not changed.any():
                    continue
                if not changed.all():
                    rows, index = rows[changed], index[changed]
            group.reference, group.status = reference, status
            parts.append(_part(column, rows, index))
        return tuple(parts)


def _part(column: Column, rows: SlotArray, index: IndexArray) -> FieldValues:
    status, empty = _shown(column.status[rows])
    return FieldValues(
        column.datatype,
        index,
        column.values[rows],
        status,
        column.source_time[rows],
        column.server_time[rows],
        empty,
    )


def _shown(status: StatusArray) -> tuple[StatusArray, MaskArray | None]:
    """Give the StatusCodes as others see them, and which values are none: never read, or not shown when Bad."""
    empty = absent_mask(status)
    return (status & np.uint32(SHOWN), empty) if empty.any() else (status, None)


def _differs(datatype: DataType, new: ValueArray, old: ValueArray) -> MaskArray:
    if datatype.is_object:
        pairs = zip(new, old, strict=True)
        return np.fromiter((not _same(one, other) for one, other in pairs), np.bool_, len(new))
    changed: MaskArray = new != old
    if new.dtype.kind == "f":
        changed &= ~(np.isnan(new.astype(np.float64)) & np.isnan(old.astype(np.float64)))
    return changed


def _same(one: object, other: object) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return one is other or bool(np.array_equal(np.asarray(one), np.asarray(other)))
    return one is other or one == other


class EverySample:
    """A tap that keeps each sample of the fields until it is taken; past its capacity the oldest go and are counted."""

    def __init__(self, image: ProcessImage, fields: Sequence[DataSetField], name: str, capacity: int) -> None:
        """Bound it by ``capacity`` samples. Add it to the image as a tap."""
        self._fields = len(fields)
        self._place: IndexArray = np.full(len(image), -1, np.int32)
        self._place[[field.slot for field in fields]] = np.arange(len(fields), dtype=np.int32)
        self._queue = QueueTap(name, capacity)
        self._masks: dict[int, tuple[SlotArray, MaskArray | None]] = {}

    @property
    def counters(self) -> TapCounters:
        """What was offered, dropped, and waits now, in samples."""
        return self._queue.counters

    def offer(self, samples: Samples) -> None:
        """Keep those of the DataSet; what came late is history's alone."""
        if samples.backfill:
            return
        mask = self._mask(samples.slots)
        self._queue.offer(samples if mask is None else samples.take(mask))

    def take_all(self) -> tuple[FieldValues, ...]:
        """Give what was kept, one column for each data type: a field may be there several times, in its order."""
        by_type: dict[DataType, list[Samples]] = {}
        for samples in self._queue.take():
            by_type.setdefault(samples.datatype, []).append(samples)
        return tuple(
            self._part(several[0]) if len(several) == 1 else self._joined(several) for several in by_type.values()
        )

    def take(self) -> list[tuple[FieldValues, ...]]:
        """Give what was kept, one entry for each source time; the samples of a point stay in the order of arrival."""
        frames: list[list[FieldValues]] = []
        by_time: dict[int, int] = {}
        last = np.full(self._fields, -1, np.int64)
        for samples in self._queue.take():
            for part in self._by_time(samples):
                moment = int(part.source_time[0])
                frame = by_time.get(moment, -1)
                # Never into a frame at or before one that has a later arrival of the same point.
                if frame <= int(last[part.index].max()):
                    frame = by_time[moment] = len(frames)
                    frames.append([])
                frames[frame].append(part)
                last[part.index] = frame
        return [tuple(parts) for parts in frames]

    def _mask(self, slots: SlotArray) -> MaskArray | None:
        """Tell which of a driver's slots are fields; None when all are. Drivers give the same arrays time and again."""
        known = self._masks.get(id(slots))
        if known is not None and known[0] is slots:
            return known[1]
        mask: MaskArray = self._place[slots] >= 0
        if len(self._masks) >= _PLANS_KEPT:
            self._masks.pop(next(iter(self._masks)))
        self._masks[id(slots)] = (slots, None if mask.all() else mask)
        return self._masks[id(slots)][1]

    def _part(self, samples: Samples) -> FieldValues:
        status, empty = _shown(samples.status)
        return FieldValues(
            samples.datatype,
            self._place[samples.slots],
            samples.values,
            status,
            samples.source_time,
            np.full(len(samples), samples.server_time, np.int64),
            empty,
        )

    def _joined(self, several: Sequence[Samples]) -> FieldValues:
        """Make one column of several batches: devices that send each value for itself give a thousand a second."""
        status, empty = _shown(np.concatenate([samples.status for samples in several]))
        times = np.array([samples.server_time for samples in several], np.int64)
        return FieldValues(
            several[0].datatype,
            self._place[np.concatenate([samples.slots for samples in several])],
            np.concatenate([samples.values for samples in several]),
            status,
            np.concatenate([samples.source_time for samples in several]),
            np.repeat(times, [len(samples) for samples in several]),
            empty,
        )

    def _by_time(self, samples: Samples) -> Iterator[FieldValues]:
        whole, times = self._part(samples), samples.source_time
        index, empty = whole.index, whole.empty
        if bool((times == times[0]).all()):
            yield whole
            return
        for moment in np.unique(times):
            mask = times == moment
            yield FieldValues(
                whole.datatype,
                index[mask],
                whole.values[mask],
                whole.status[mask],
                times[mask],
                whole.server_time[mask],
                None if empty is None else empty[mask],
            )
