"""Aggregates that weigh with time: TimeAverage, Total, durations of states and of quality."""

from __future__ import annotations

import numpy as np

from core.batch import ValueArray
from core.datatypes import DataType
from core.time import TICKS_PER_MILLISECOND, TICKS_PER_SECOND
from historian.aggregates.bounds import simple
from historian.aggregates.frame import Frame, PlaceArray
from historian.aggregates.kinds import AggregateKind
from historian.aggregates.regions import Area, interpolated_area, simple_area, simple_regions, stretches
from historian.aggregates.results import (
    CALCULATED,
    NO_DATA,
    PARTIAL,
    CountArray,
    Outcome,
    by_share,
    good_or_uncertain,
    numbers,
)

_AVERAGES = frozenset({AggregateKind.TIME_AVERAGE, AggregateKind.TIME_AVERAGE2})
_OF_GOOD = frozenset({AggregateKind.DURATION_GOOD, AggregateKind.PERCENT_GOOD})
_PERCENT = frozenset({AggregateKind.PERCENT_GOOD, AggregateKind.PERCENT_BAD})
_WHOLE = 100.0


def with_interpolated_bounds(frame: Frame) -> Outcome:
    """Part 13 v1.05 5.4.3.6, 5.4.3.8: TimeAverage and Total, along straight lines whatever lies between.

    Where data begins within an interval, what comes before does not count and the result is Uncertain and Partial;
    behind the end of data the line is extrapolated, which is Uncertain.
    """
    found = interpolated_area(frame)
    begun_late = found.covered < frame.high - frame.low
    status = good_or_uncertain(found.unsure | begun_late, CALCULATED)
    status[begun_late | frame.shortened] |= np.uint32(PARTIAL)
    status[found.covered == 0] = NO_DATA
    return _by_area(frame, found, Outcome(found.area, status))


def with_simple_bounds(frame: Frame) -> Outcome:
    """Part 13 v1.05 5.4.3.7, 5.4.3.9: TimeAverage2 and Total2, over the time in which something usable is known."""
    regions = simple_regions(frame)
    found = simple_area(regions)
    status = by_share(regions.bad_length, frame.until - frame.low, regions.is_unsure, frame.configuration)
    status[found.covered == 0] = NO_DATA
    return _by_area(frame, found, Outcome(found.area, status))


def _by_area(frame: Frame, found: Area, outcome: Outcome) -> Outcome:
    divisor = np.maximum(found.covered, 1) if frame.kind in _AVERAGES else float(TICKS_PER_SECOND)
    return Outcome(numbers(found.area / divisor, outcome.status, DataType.DOUBLE), outcome.status)


def state_duration(frame: Frame) -> Outcome:
    """Part 13 v1.05 5.4.3.22, 5.4.3.23: for how many ms a Good value was zero, or not."""
    samples = frame.samples
    regions = simple_regions(frame)
    cut = regions.cut
    place = np.maximum(cut.place, 0)
    counts = (cut.place >= 0) & _at(samples.good, place)
    is_zero = regions.start == 0 if len(samples) else counts
    if not frame.stepped:  # only the first stretch of an interval begins with a value that a line gives it
        first = np.zeros(len(cut.begin), np.bool_)
        first[cut.left] = True
        is_zero = np.where(first, is_zero, _at(samples.numbers, place) == 0)
    wanted = is_zero if frame.kind is AggregateKind.DURATION_IN_STATE_ZERO else ~is_zero
    length = cut.whole(np.where(counts & wanted, cut.length, 0))
    status = by_share(regions.bad_length, frame.until - frame.low, regions.is_unsure, frame.configuration)
    return Outcome(length / TICKS_PER_MILLISECOND, status)


def quality_duration(frame: Frame) -> Outcome:
    """Part 13 v1.05 5.4.3.31 to 5.4.3.34: for how many ms, or what share of the time, data was Good or Bad.

    A stretch is what its first sample is; what reaches into the interval from before is as good as the simple bound
    there. Uncertain is neither, but for Uncertain samples that TreatUncertainAsBad makes Bad.
    """
    samples = frame.samples
    cut = stretches(frame, samples.times, to_the_end=False)
    bound = simple(samples, frame.low, stepped=frame.stepped)
    place = np.maximum(cut.place, 0)
    within = (cut.place >= 0) & (_at(samples.times, place) == cut.begin)
    row = np.repeat(np.arange(len(frame)), cut.right - cut.left)
    inherited = bound.status[row]
    if frame.kind in _OF_GOOD:
        counts = np.where(within, _at(samples.good, place), (inherited >> 30) == 0)
    else:
        counts = np.where(within, ~_at(samples.usable, place), ~_at(bound.known, row))
    length: CountArray = cut.whole(np.where(counts, cut.length, 0))
    width = frame.until - frame.low
    result = length / np.maximum(width, 1) * _WHOLE if frame.kind in _PERCENT else length / TICKS_PER_MILLISECOND
    return Outcome(result, np.full(len(frame), CALCULATED, np.uint32))


def _at(column: ValueArray, place: PlaceArray) -> ValueArray:
    return column[place] if len(column) else np.zeros(len(place), column.dtype)
