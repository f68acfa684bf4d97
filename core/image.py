"""The process image (the PLC's term): per data type one column of values, StatusCodes, source and server times.

Drivers hand in a :class:`~core.batch.Batch`; scaling, limits, quality and change detection are done on whole columns,
and the outcome goes to every tap. Reads take single values straight from the columns. Everything runs on the event
loop's thread, so a reader never sees half a batch. See docs/decisions/0002-columns-and-the-process-image.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from core.batch import Batch, MaskArray, Samples, SlotArray, TimeArray, ValueArray
from core.datatypes import DataType
from core.errors import PlantspaceError
from core.numbers import cast, differing
from core.point import OnBad, Point
from core.quality import BACKFILLED, NO_VALUE, SHOWN, Status, StatusArray, absent_mask, bad_mask

_PLANS_KEPT = 512
_SPARE = 1024
"""Slots, and rows of each column, that points may still come to: half as many again as there are, and so many at least.

Whoever keeps an array over slots or rows makes it for these too, so that nobody has to follow when points come."""

FloatArray = npt.NDArray[np.float64]


class Tap(Protocol):
    """Who takes what the image hands on. ``offer`` never blocks, never raises, and bounds what it keeps."""

    def offer(self, samples: Samples) -> None:
        """Take a batch of samples; what cannot be kept is counted by the tap itself."""
        ...


class BatchError(PlantspaceError):
    """A batch holds points of several data types, or one point twice."""


@dataclass(slots=True)
class Reading:
    """One point's value as a Read answers it."""

    datatype: DataType
    value: Any  # any value of the point's built-in type, None where there is none; objects are what drivers gave
    status: int
    source_time: int
    server_time: int


class Column:
    """All points of one data type. Row ``r`` of each array belongs to the point of slot ``slots[r]``.

    The rows from ``used`` on wait for points that come later; their slots are -1.
    """

    def __init__(self, datatype: DataType, members: Sequence[tuple[int, Point]], started: int, spare: int = 0) -> None:
        """Lay the columns out for ``members`` (slot, point), and ``spare`` rows.

        Nothing has been read yet, and the StatusCode says so.
        """
        rows = len(members) + spare
        self.datatype = datatype
        self.used = 0
        self.slots: SlotArray = np.full(rows, -1, np.int32)
        self.scale: FloatArray = np.ones(rows, np.float64)
        self.offset: FloatArray = np.zeros(rows, np.float64)
        self.minimum: FloatArray = np.full(rows, -np.inf, np.float64)
        self.maximum: FloatArray = np.full(rows, np.inf, np.float64)
        self.deadband: FloatArray = np.zeros(rows, np.float64)
        self.clamp: MaskArray = np.zeros(rows, np.bool_)
        self.null_on_bad: MaskArray = np.zeros(rows, np.bool_)
        self.values: ValueArray = np.zeros(rows, datatype.dtype)
        if datatype.is_object:
            self.values[:] = None
        self.reference: ValueArray = self.values.copy()
        """The value handed on last: what deadbands are measured against."""
        self.status: StatusArray = np.full(rows, Status.BAD_WAITING_FOR_INITIAL_DATA | NO_VALUE, np.uint32)
        self.source_time: TimeArray = np.full(rows, started, np.int64)
        self.server_time: TimeArray = np.full(rows, started, np.int64)
        self.take(members)

    @property
    def spare(self) -> int:
        """Count the rows that no point has."""
        return len(self.slots) - self.used

    def take(self, members: Sequence[tuple[int, Point]]) -> slice:
        """Give points the next rows, which were laid out for them, and tell which these are."""
        rows = slice(self.used, self.used + len(members))
        self.used = rows.stop
        self.slots[rows] = [slot for slot, _ in members]
        points = [point for _, point in members]
        self.scale[rows] = [point.scale for point in points]
        self.offset[rows] = [point.offset for point in points]
        self.minimum[rows] = [point.minimum for point in points]
        self.maximum[rows] = [point.maximum for point in points]
        self.deadband[rows] = [point.deadband for point in points]
        self.clamp[rows] = [point.clamp for point in points]
        self.null_on_bad[rows] = [point.on_bad is OnBad.NULL for point in points]
        return rows

    def clear(self, row: int, moment: int) -> None:
        """Make a row as it was at first: it has no value yet."""
        self.values[row] = self.reference[row] = None if self.datatype.is_object else 0
        self.status[row] = Status.BAD_WAITING_FOR_INITIAL_DATA | NO_VALUE
        self.source_time[row] = self.server_time[row] = moment


@dataclass(slots=True, eq=False)
class _Plan:
    """What ``apply`` needs to know about one slots array; drivers hand in the same array scan after scan."""

    slots: SlotArray
    """Kept so that the array's id stays its own while the plan lives."""
    column: Column
    rows: SlotArray
    contiguous: slice | None
    scale: FloatArray | None
    offset: FloatArray
    unscaled: MaskArray | None
    """Beside scaled points of whole numbers, those that are not: a Double does not hold all of 64 bits."""
    limited: bool
    minimum: FloatArray
    maximum: FloatArray
    clamp: MaskArray
    deadband: FloatArray | None
    null_on_bad: MaskArray | None

    @property
    def index(self) -> slice | SlotArray:
        """Give the quickest way to the plan's rows."""
        return self.contiguous if self.contiguous is not None else self.rows


@dataclass(slots=True)
class ImageCounters:
    """What went through the image since the start."""

    batches: int = 0
    samples: int = 0
    changes: int = 0
    out_of_range: int = field(default=0)


class ProcessImage:
    """Columns for ``points``; a point's slot is its place in the sequence, and stays it.

    More may come later (:meth:`admit`), as many as there is room for, behind those that are there.
    """

    def __init__(self, points: Sequence[Point], started: int) -> None:
        """Lay out the image. ``started``: DateTime ticks that the first times show.

        Raises :class:`ValueError` for a node named twice.
        """
        self.points: tuple[Point, ...] = tuple(points)
        self.slot_of: dict[str, int] = {point.node: slot for slot, point in enumerate(points)}
        if len(self.slot_of) != len(self.points):
            seen: set[str] = set()
            twice = next(point.node for point in points if point.node in seen or seen.add(point.node))
            message = f"the node {twice} is named by two points"
            raise ValueError(message)
        self.columns: dict[DataType, Column] = {}
        self._spare = max(_SPARE, len(self.points) // 2)
        size = len(self.points) + self._spare
        self.type_of: npt.NDArray[np.uint8] = np.zeros(size, np.uint8)
        self.row_of: SlotArray = np.zeros(size, np.int32)
        self._slots_had: dict[Point, int] = {}
        """Every slot that was given out: a point that comes again has the one that it had."""
        self._lay_out(list(enumerate(self.points)), started)
        self.counters = ImageCounters()
        self._taps: tuple[Tap, ...] = ()
        self._plans: dict[int, _Plan] = {}

    def _lay_out(self, members: Sequence[tuple[int, Point]], moment: int) -> None:
        """Give points at new slots their rows, in columns that are made where there is none yet."""
        for datatype in sorted({point.datatype for _, point in members}):
            mine = [(slot, point) for slot, point in members if point.datatype is datatype]
            column = self.columns.get(datatype)
            if column is None:
                self.columns[datatype] = column = Column(datatype, mine, moment, self._spare)
                rows = slice(0, len(mine))
            else:
                rows = column.take(mine)
                column.source_time[rows] = column.server_time[rows] = moment
            slots = column.slots[rows]
            self.type_of[slots] = datatype
            self.row_of[slots] = np.arange(rows.start, rows.stop, dtype=np.int32)
        self._slots_had.update((point, slot) for slot, point in members)

    def __len__(self) -> int:
        """Count the slots, those too that no point has yet: what arrays over slots are made for."""
        return len(self.type_of)

    def room_for(self, points: Sequence[Point]) -> list[int]:
        """Give the slots that :meth:`admit` will give ``points``: fewer where there is not room for all of them.

        May be asked in a thread, while nobody else admits points.
        """
        slots: list[int] = []
        following, rows = len(self.points), {datatype: column.spare for datatype, column in self.columns.items()}
        for point in points:
            had = self._slots_had.get(point)
            if had is not None:
                slots.append(had)
                continue
            left = rows.get(point.datatype, self._spare)
            if following >= len(self) or not left:
                break
            rows[point.datatype] = left - 1
            slots.append(following)
            following += 1
        return slots

    def admit(self, points: Sequence[Point], moment: int) -> list[int]:
        """Take points in while the image is in use; give their slots. ``moment``: what their first times show.

        One that was here before has the slot that it had, without a value.
        Raises :class:`ValueError` where there is not room for all of them; then nothing has changed.
        """
        slots = self.room_for(points)
        if len(slots) != len(points):
            message = f"the process image has no room for {len(points)} more points"
            raise ValueError(message)
        begin = len(self.points)
        for slot in slots:
            if slot < begin:
                self.columns[self.points[slot].datatype].clear(int(self.row_of[slot]), moment)
        new = [(slot, point) for slot, point in zip(slots, points, strict=True) if slot >= begin]
        self.points = (*self.points, *(point for _, point in new))
        self._lay_out(new, moment)
        self.slot_of.update((point.node, slot) for slot, point in zip(slots, points, strict=True))
        return slots

    def add_tap(self, tap: Tap) -> None:
        """Hand everything from now on to ``tap`` too."""
        self._taps = (*self._taps, tap)

    def remove_tap(self, tap: Tap) -> None:
        """Hand nothing more to ``tap``; unknown ones are passed over."""
        self._taps = tuple(known for known in self._taps if known is not tap)

    def read(self, slot: int) -> Reading:
        """Give one point as it stands. Raises :class:`IndexError` for a slot that does not exist."""
        column = self.columns[self.points[slot].datatype]
        row = int(self.row_of[slot])
        value, status = column.values[row], int(column.status[row])
        return Reading(
            column.datatype,
            None if status & NO_VALUE else value if column.datatype.is_object else value.item(),
            status & SHOWN,
            int(column.source_time[row]),
            int(column.server_time[row]),
        )

    def slots_by_type(self, slots: Iterable[int]) -> dict[DataType, SlotArray]:
        """Sort slots into one array a data type: what a driver makes its batches by."""
        groups: dict[DataType, list[int]] = {}
        for slot in slots:
            groups.setdefault(self.points[slot].datatype, []).append(slot)
        return {datatype: np.array(members, np.int32) for datatype, members in groups.items()}

    def apply(self, batch: Batch) -> Samples:
        """Take a driver's batch in: scale, check limits, see what changed, keep it, hand it on.

        One that comes late (``backfill``) is handed on alone: the present values stay, and nothing has changed.
        Raises :class:`BatchError` when the points are of several data types or one comes twice, and
        :class:`ValueError`/:class:`IndexError` from numpy for values that have no place in the column; then nothing
        has been changed.
        """
        plan = self._plan(batch.slots, keep=not batch.once)
        status = np.broadcast_to(np.asarray(batch.status, np.uint32) & np.uint32(SHOWN), plan.rows.shape).copy()
        source_time = np.array(np.broadcast_to(np.asarray(batch.source_time, np.int64), plan.rows.shape))
        if batch.backfill:
            return self._hand_on_late(plan, batch.values, status, source_time, batch.received)
        if plan.null_on_bad is None and not plan.column.datatype.is_object and not np.any(status):
            hold = None
        else:
            hold = bad_mask(status)
            hold = hold if hold.any() else None
        values, hold = self._engineering(plan, batch.values, status, hold)
        if hold is not None:
            values[hold] = plan.column.values[plan.index][hold]
            self._hold(plan, values, status, hold)
        return self._publish(plan, values, status, source_time, batch.received)

    def mark(self, slots: SlotArray, status: int, moment: int) -> None:
        """Give points a StatusCode and leave their values: what a supervisor does when a device falls silent."""
        types = self.type_of[slots]
        for datatype in np.unique(types):
            chosen = slots[types == datatype] if types.size else slots
            plan = self._plan(chosen, keep=False)
            column, index = plan.column, plan.index
            values = np.array(column.values[index])
            statuses = np.full(len(chosen), status & SHOWN, np.uint32)
            self._hold(plan, values, statuses, bad_mask(statuses))
            self._publish(plan, values, statuses, np.full(len(chosen), moment, np.int64), moment)

    def _plan(self, slots: SlotArray, *, keep: bool = True) -> _Plan:
        plan = self._plans.get(id(slots))
        if plan is not None and plan.slots is slots:
            return plan
        types = self.type_of[slots]
        if not types.all():
            message = "a batch holds a slot that no point has yet"
            raise IndexError(message)
        if types.size and not bool((types == types[0]).all()):
            names = ", ".join(sorted(DataType(int(code)).symbol for code in np.unique(types)))
            message = f"a batch holds points of several data types ({names}); give one batch a type"
            raise BatchError(message)
        if len(np.unique(slots)) != len(slots):
            message = "a batch holds one point twice; give each further sample of a point in a batch of its own"
            raise BatchError(message)
        column = self.columns[DataType(int(types[0]))] if types.size else next(iter(self.columns.values()))
        rows = self.row_of[slots]
        contiguous = None
        if rows.size and bool((np.diff(rows) == 1).all()):
            contiguous = slice(int(rows[0]), int(rows[-1]) + 1)
        scale, offset = column.scale[rows], column.offset[rows]
        minimum, maximum, deadband = column.minimum[rows], column.maximum[rows], column.deadband[rows]
        null = column.null_on_bad[rows]
        is_scaled = (scale != 1.0) | (offset != 0.0)
        plan = _Plan(
            slots,
            column,
            rows,
            contiguous,
            scale if bool(is_scaled.any()) else None,
            offset,
            ~is_scaled if column.datatype.is_integer and bool(is_scaled.any()) and not is_scaled.all() else None,
            bool(np.any(np.isfinite(minimum)) or np.any(np.isfinite(maximum))),
            minimum,
            maximum,
            column.clamp[rows],
            deadband if bool(np.any(deadband > 0.0)) else None,
            null if bool(null.any()) else None,
        )
        if keep:
            if len(self._plans) >= _PLANS_KEPT:
                self._plans.pop(next(iter(self._plans)))
            self._plans[id(slots)] = plan
        return plan

    def _hand_on_late(
        self, plan: _Plan, raw: ValueArray, status: StatusArray, source_time: TimeArray, moment: int
    ) -> Samples:
        """Hand samples on that belong to the past. A Bad one has no value: the last one is not of its time."""
        hold = bad_mask(status)
        values, hold = self._engineering(plan, raw, status, hold)
        if hold is not None:
            values[hold] = None if plan.column.datatype.is_object else 0
            status[hold] |= np.uint32(NO_VALUE)
        status |= np.uint32(BACKFILLED)
        unchanged = np.zeros(len(values), np.bool_)
        samples = Samples(
            plan.column.datatype, plan.slots, plan.rows, values, status, source_time, moment, unchanged, backfill=True
        )
        self._offer(samples)
        return samples

    def _engineering(
        self, plan: _Plan, raw: ValueArray, status: StatusArray, hold: MaskArray | None
    ) -> tuple[ValueArray, MaskArray | None]:
        """Turn raw values into the column's type; ``status`` is worsened in place where limits or type are exceeded.

        Gives also which of them stand for nothing (None: all stand for something): those of ``hold``, and those that
        the type cannot hold.
        """
        column = plan.column
        if raw.shape != plan.rows.shape:
            message = f"{len(plan.rows)} slots came with {raw.shape} values"
            raise ValueError(message)
        if not column.datatype.is_number:
            values: ValueArray = np.array(raw, column.datatype.dtype)
        elif plan.scale is None and not plan.limited and raw.dtype == column.datatype.dtype:
            values = raw.copy()
        else:
            values, misfit = self._checked(plan, raw, status)
            if misfit is not None:
                hold = misfit if hold is None else hold | misfit
        return values, hold

    def _checked(self, plan: _Plan, raw: ValueArray, status: StatusArray) -> tuple[ValueArray, MaskArray | None]:
        """Scale and check; give the values, and where the type cannot hold them (if anywhere).

        Those are BadOutOfRange, never wrapped round.
        """
        datatype = plan.column.datatype
        exact = plan.scale is None and raw.dtype.kind in "iub" and datatype.is_integer
        usable = (status & np.uint32(0x80000000)) == 0
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is infinite or no number, and found below
            scaled: ValueArray = raw if exact else raw.astype(np.float64)
            if plan.scale is not None:
                scaled = scaled.astype(np.float64) * plan.scale + plan.offset
            values, fits = cast(datatype, scaled)
            if plan.unscaled is not None and raw.dtype.kind in "iub":
                values[plan.unscaled], fits[plan.unscaled] = cast(datatype, raw[plan.unscaled])
            if plan.limited:
                outside = ((scaled < plan.minimum) | (scaled > plan.maximum)) & usable
                if outside.any():
                    self._limit(plan, scaled, outside, values, fits, status)
        misfit = ~fits & usable
        if not misfit.any():
            return values, None
        self.counters.out_of_range += int(np.count_nonzero(misfit & (status != Status.BAD_OUT_OF_RANGE)))
        status[misfit] = Status.BAD_OUT_OF_RANGE
        return values, misfit

    def _limit(
        self,
        plan: _Plan,
        scaled: ValueArray,
        outside: MaskArray,
        values: ValueArray,
        fits: MaskArray,
        status: StatusArray,
    ) -> None:
        """Clamp what is outside the limits, or call it BadOutOfRange; the last three arguments change in place."""
        clamped = outside & plan.clamp
        status[clamped & (status == 0)] = Status.GOOD_CLAMPED
        status[outside & ~plan.clamp] = Status.BAD_OUT_OF_RANGE
        if clamped.any():
            held = np.clip(scaled[clamped].astype(np.float64), plan.minimum[clamped], plan.maximum[clamped])
            values[clamped], fits[clamped] = cast(plan.column.datatype, held)
        self.counters.out_of_range += int(np.count_nonzero(outside))

    @staticmethod
    def _hold(plan: _Plan, values: ValueArray, status: StatusArray, hold: MaskArray) -> None:
        """Mark in ``status`` what has no last value to show, or must not show it; both arrays change in place."""
        absent = absent_mask(plan.column.status[plan.index])
        if plan.null_on_bad is not None:
            absent |= plan.null_on_bad
            values[hold & plan.null_on_bad] = None if plan.column.datatype.is_object else 0
        status[hold & absent] |= np.uint32(NO_VALUE)

    def _publish(
        self, plan: _Plan, values: ValueArray, status: StatusArray, source_time: TimeArray, moment: int
    ) -> Samples:
        column, index = plan.column, plan.index
        reference = column.reference[index]
        if column.datatype.is_object:
            changed = np.fromiter(
                (_differs(new, old) for new, old in zip(values, reference, strict=True)), np.bool_, len(values)
            )
        else:
            changed = differing(values, reference, plan.deadband)
        changed |= status != column.status[index]
        column.values[index] = values
        column.status[index] = status
        column.source_time[index] = source_time
        column.server_time[index] = moment
        column.reference[index] = np.where(changed, values, reference)
        samples = Samples(column.datatype, plan.slots, plan.rows, values, status, source_time, moment, changed)
        self.counters.changes += int(np.count_nonzero(changed))
        self._offer(samples)
        return samples

    def _offer(self, samples: Samples) -> None:
        self.counters.batches += 1
        self.counters.samples += len(samples)
        for tap in self._taps:
            tap.offer(samples)


def _differs(new: object, old: object) -> bool:
    """Compare object values; arrays differ when any element does."""
    if isinstance(new, np.ndarray) or isinstance(old, np.ndarray):
        return not np.array_equal(np.asarray(new), np.asarray(old))
    return new != old
