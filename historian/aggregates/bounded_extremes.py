"""Extremes with simple bounds: Minimum2, Maximum2, both at their actual times, and Range2."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.batch import MaskArray, TimeArray, ValueArray
from core.quality import NO_VALUE, Status, StatusArray
from historian.aggregates.bounds import Bounds, simple
from historian.aggregates.extremes import best
from historian.aggregates.frame import Frame
from historian.aggregates.kinds import AggregateKind
from historian.aggregates.regions import simple_regions
from historian.aggregates.results import (
    CALCULATED,
    INTERPOLATED,
    MULTIPLE_VALUES,
    NO_DATA,
    Outcome,
    by_share,
    difference,
)

_LOWEST = frozenset({AggregateKind.MINIMUM2, AggregateKind.MINIMUM_ACTUAL_TIME2})
_ACTUAL = frozenset({AggregateKind.MINIMUM_ACTUAL_TIME2, AggregateKind.MAXIMUM_ACTUAL_TIME2})


@dataclass(frozen=True, slots=True, eq=False)
class _Candidates:
    """One of the values that may be the extreme of each interval; arrays [n]. ``bits``: what tells its origin."""

    value: ValueArray
    known: MaskArray
    time: TimeArray
    bits: StatusArray


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    value: ValueArray
    known: MaskArray
    time: TimeArray
    bits: StatusArray
    """Interpolated where it is a bound that no sample stands at."""
    multiple: MaskArray


def single(frame: Frame) -> Outcome:
    """Part 13 v1.05 5.4.3.15 to 5.4.3.18: the least or greatest of the usable samples and the bounds."""
    if not len(frame.samples):
        return _nothing(frame)
    found = _find(frame, lowest=frame.kind in _LOWEST)
    status = _shares(frame)
    status[found.known] &= np.uint32(~CALCULATED & 0xFFFFFFFF)
    status |= found.bits
    if frame.kind in _ACTUAL:
        times = np.where(found.known, found.time, frame.start)
    else:
        times = None
        inside = (found.bits == 0) & (found.time != frame.start)
        status[inside] |= np.uint32(CALCULATED)
    status[found.multiple] |= np.uint32(MULTIPLE_VALUES)
    is_bad = (_shares(frame) & np.uint32(NO_VALUE)) != 0
    status[is_bad] = Status.BAD | NO_VALUE | CALCULATED
    status[~found.known] = NO_DATA
    return Outcome(found.value, status, times)


def spread(frame: Frame) -> Outcome:
    """Part 13 v1.05 5.4.3.19: Maximum2 less Minimum2."""
    if not len(frame.samples):
        return _nothing(frame)
    least, greatest = _find(frame, lowest=True), _find(frame, lowest=False)
    status = _shares(frame)
    status[~least.known | ((status & np.uint32(NO_VALUE)) != 0)] = NO_DATA
    high = np.where(least.known, greatest.value, least.value)
    return Outcome(difference(high, least.value, status, frame.datatype), status)


def _find(frame: Frame, *, lowest: bool) -> _Found:
    samples = frame.samples
    start = _bound(frame, simple(samples, frame.start, stepped=frame.stepped), frame.start)
    inside = best(frame, samples.usable, lowest=lowest)
    row, span = frame.row(), frame.inside
    having = np.zeros(len(samples), np.bool_)
    having[span] = samples.usable[span] & (samples.values[span] == inside[row])
    place, last = frame.first_place(having), frame.last_place(having)
    known = place < len(samples)
    origin = np.zeros(len(frame), np.uint32)
    first = _Candidates(inside, known, samples.times[np.where(known, place, 0)], origin)
    again = _Candidates(inside, known, samples.times[np.maximum(last, 0)], origin)
    candidates = [start, first, again]
    if not frame.stepped:  # the end bound counts on sloped lines alone
        end = simple(samples, frame.end, stepped=False)
        candidates.append(_bound(frame, end, frame.effective_end, always=INTERPOLATED))
    return _choose(candidates, inside, lowest=lowest)


def _bound(frame: Frame, bounds: Bounds, time: TimeArray, *, always: int = 0) -> _Candidates:
    status = bounds.status.copy()
    values = bounds.values(frame.samples, status, frame.datatype)
    known = (status & np.uint32(NO_VALUE)) == 0
    bits = np.where(bounds.raw, np.uint32(always), np.uint32(INTERPOLATED)).astype(np.uint32)
    return _Candidates(values, known, time, bits)


def _choose(candidates: list[_Candidates], neutral: ValueArray, *, lowest: bool) -> _Found:
    """Take the extreme of all; of those that are the same the oldest, a sample before a bound at its time."""
    value, known = neutral.copy(), np.zeros(len(neutral), np.bool_)
    for one in candidates:
        better = one.known & (~known | ((one.value < value) if lowest else (one.value > value)))
        value, known = np.where(better, one.value, value), known | one.known
    time = np.full(len(neutral), np.iinfo(np.int64).max)
    latest = np.full(len(neutral), np.iinfo(np.int64).min)
    bits = np.zeros(len(neutral), np.uint32)
    for one in candidates:
        same = one.known & (one.value == value)
        sooner = same & ((one.time < time) | ((one.time == time) & (one.bits == 0)))
        time, bits = np.where(sooner, one.time, time), np.where(sooner, one.bits, bits)
        latest = np.where(same, np.maximum(latest, one.time), latest)
    return _Found(value, known, time, np.where(known, bits, 0).astype(np.uint32), known & (latest > time))


def _shares(frame: Frame) -> StatusArray:
    regions = simple_regions(frame)
    return by_share(regions.bad_length, frame.until - frame.low, regions.is_unsure, frame.configuration)


def _nothing(frame: Frame) -> Outcome:
    return Outcome(np.zeros(len(frame), frame.datatype.dtype), np.full(len(frame), NO_DATA, np.uint32))
