"""Aggregates from stored summaries instead of from samples (historian/resolutions.py)."""

from __future__ import annotations

from typing import Final

import numpy as np

from core.batch import MaskArray, TimeArray
from historian.aggregates.counting import averages, deviations, shares
from historian.aggregates.frame import NEVER, Frame, PlaceArray, reduced
from historian.aggregates.kinds import AggregateKind
from historian.aggregates.results import (
    CALCULATED,
    NO_DATA,
    CountArray,
    FloatArray,
    Outcome,
    good_or_uncertain,
    numbers,
)
from historian.resolutions import Summaries

_DEVIATIONS: Final = frozenset(
    {
        AggregateKind.STANDARD_DEVIATION_SAMPLE,
        AggregateKind.VARIANCE_SAMPLE,
        AggregateKind.STANDARD_DEVIATION_POPULATION,
        AggregateKind.VARIANCE_POPULATION,
    }
)
EXACT: Final = _DEVIATIONS | {AggregateKind.AVERAGE, AggregateKind.COUNT, AggregateKind.RANGE}
"""What comes out of summaries as it does out of samples."""
_LOWEST: Final = frozenset({AggregateKind.MINIMUM, AggregateKind.MINIMUM_ACTUAL_TIME})
_ACTUAL: Final = frozenset({AggregateKind.MINIMUM_ACTUAL_TIME, AggregateKind.MAXIMUM_ACTUAL_TIME})
LASTING: Final = EXACT | _LOWEST | _ACTUAL | {AggregateKind.MAXIMUM}
"""What can be had when the samples have expired; extremes no longer tell MultipleValues then."""
_EXACT_BYTES: Final = 4
"""Whole numbers of more bytes do not all fit into the Double that a summary keeps."""


def is_exact(kind: AggregateKind, rows: Summaries, frame: Frame) -> bool:
    """Tell whether summaries come to the very same as samples.

    They know the sum, the extremes and the like of Good samples alone, so Uncertain ones that count as Good spoil it;
    so does a sum that is no number.
    """
    if kind not in EXACT:
        return False
    if kind is AggregateKind.COUNT:
        return True
    if not frame.configuration.treat_uncertain_as_bad and rows.uncertain.any():
        return False
    if kind is AggregateKind.RANGE and frame.datatype.is_integer and frame.datatype.dtype.itemsize > _EXACT_BYTES:
        return False
    return bool(np.isfinite(rows.total[rows.good > 0]).all())


def summed(frame: Frame, rows: Summaries) -> Outcome:
    """Give the outcomes of intervals that begin and end where buckets do; ``frame`` needs no samples."""
    bins = _Bins(frame, rows)
    good, uncertain, bad = bins.whole(rows.good), bins.whole(rows.uncertain), bins.whole(rows.bad)
    if frame.kind is AggregateKind.COUNT:
        return Outcome(good.astype(np.int32), shares(good, uncertain, bad, frame.configuration))
    if frame.kind is AggregateKind.AVERAGE:
        total = bins.total(np.where(rows.good > 0, rows.total, 0.0))
        return averages(total, good, shares(good, uncertain, bad, frame.configuration))
    if frame.kind in _DEVIATIONS:
        return deviations(frame.kind, bins.squares(rows), good, uncertain + bad > 0)
    unsure = (uncertain + bad if frame.configuration.treat_uncertain_as_bad else bad) > 0
    if frame.kind is AggregateKind.RANGE:
        return _range(frame, bins, good, unsure)
    return _extreme(frame, bins, good, unsure)


def _range(frame: Frame, bins: _Bins, good: CountArray, unsure: MaskArray) -> Outcome:
    status = good_or_uncertain(unsure, CALCULATED)
    status[good == 0] = NO_DATA
    high = np.where(good > 0, bins.best(lowest=False), 0.0)
    low = np.where(good > 0, bins.best(lowest=True), 0.0)
    return Outcome(numbers(high - low, status, frame.datatype), status)


def _extreme(frame: Frame, bins: _Bins, good: CountArray, unsure: MaskArray) -> Outcome:
    lowest = frame.kind in _LOWEST
    value = bins.best(lowest=lowest)
    times = np.where(good > 0, bins.earliest(value, lowest=lowest), frame.start)
    status = good_or_uncertain(unsure, 0)
    if frame.kind not in _ACTUAL:
        status[unsure | (times != frame.start)] |= np.uint32(CALCULATED)
    status[good == 0] = NO_DATA
    values = numbers(np.where(good > 0, value, 0.0), status, frame.datatype)
    return Outcome(values, status, times if frame.kind in _ACTUAL else None)


class _Bins:
    """Buckets gathered into intervals."""

    def __init__(self, frame: Frame, rows: Summaries) -> None:
        self._rows = rows
        self._left: PlaceArray = np.searchsorted(rows.start, frame.low, "left")
        self._right: PlaceArray = np.searchsorted(rows.start, frame.high, "left")
        self._row = np.repeat(np.arange(len(frame)), self._right - self._left)
        self._inside = slice(int(self._left[0]), int(self._right[-1]))

    def whole(self, column: CountArray) -> CountArray:
        return reduced(np.add, column, self._left, self._right, 0)

    def total(self, column: FloatArray) -> FloatArray:
        with np.errstate(over="ignore", invalid="ignore"):
            return reduced(np.add, column, self._left, self._right, 0)

    def squares(self, rows: Summaries) -> FloatArray:
        """Add up squared distances from each interval's own mean."""
        known = rows.good > 0
        total = np.where(known, rows.total, 0.0)
        mean = self.total(total) / np.maximum(self.whole(rows.good), 1)
        moved = np.zeros(len(rows))
        inside = self._inside
        with np.errstate(over="ignore", invalid="ignore"):
            distance = total[inside] / np.maximum(rows.good[inside], 1) - mean[self._row]
            moved[inside] = rows.good[inside] * distance * distance
        return self.total(np.where(known, rows.squares + moved, 0.0))

    def best(self, *, lowest: bool) -> FloatArray:
        """Give the least or greatest; an infinity where there is none."""
        neutral = np.inf if lowest else -np.inf
        column = self._rows.minimum if lowest else self._rows.maximum
        masked = np.where(self._rows.good > 0, column, neutral)
        return reduced(np.fmin if lowest else np.fmax, masked, self._left, self._right, neutral)

    def earliest(self, value: FloatArray, *, lowest: bool) -> TimeArray:
        """Give when the extreme was there first."""
        rows, inside = self._rows, self._inside
        column, moments = (rows.minimum, rows.low_time) if lowest else (rows.maximum, rows.high_time)
        times = np.full(len(rows), NEVER)
        having = (rows.good[inside] > 0) & (column[inside] == value[self._row])
        times[inside] = np.where(having, moments[inside], NEVER)
        return reduced(np.minimum, times, self._left, self._right, NEVER)
