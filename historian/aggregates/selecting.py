"""Aggregates that take a value as it is: Start, End, their bounds, differences, and the worst quality."""

from __future__ import annotations

import numpy as np

from core.batch import MaskArray, ValueArray
from core.quality import NO_VALUE, SHOWN, StatusArray
from historian.aggregates.bounds import interpolated, simple
from historian.aggregates.frame import Frame, PlaceArray
from historian.aggregates.kinds import AggregateKind
from historian.aggregates.results import (
    CALCULATED,
    INTERPOLATED,
    MULTIPLE_VALUES,
    NO_DATA,
    Outcome,
    difference,
    good_or_uncertain,
)
from historian.aggregates.series import Graded

_SEVERITY_BITS = 30
_BAD = 2
_KEPT = SHOWN | NO_VALUE


def interpolative(frame: Frame) -> Outcome:
    """Part 13 v1.05 5.4.3.4: the interpolated bound at the start."""
    sloped = frame.configuration.sloped
    bounds = interpolated(frame.samples, frame.start, frame.ends, stepped=frame.stepped, sloped=sloped)
    status = bounds.status | np.where(bounds.known & ~bounds.raw, np.uint32(INTERPOLATED), np.uint32(0))
    return Outcome(bounds.values(frame.samples, status, frame.datatype), status)


def bound(frame: Frame) -> Outcome:
    """Part 13 v1.05 5.4.3.28, 5.4.3.29: the simple bound at the start or the end; the latter is Calculated."""
    at_start = frame.kind is AggregateKind.START_BOUND
    bounds = simple(frame.samples, frame.start if at_start else frame.end, stepped=frame.stepped)
    bits = np.where(bounds.raw, np.uint32(0), np.uint32(INTERPOLATED)) if at_start else np.uint32(CALCULATED)
    status = np.where(bounds.known, bounds.status | bits, bounds.status).astype(np.uint32)
    return Outcome(bounds.values(frame.samples, status, frame.datatype), status)


def bounds_difference(frame: Frame) -> Outcome:
    """Part 13 v1.05 5.4.3.30: the simple bound at the end less the one at the start."""
    first = simple(frame.samples, frame.start, stepped=frame.stepped)
    last = simple(frame.samples, frame.end, stepped=frame.stepped)
    status = good_or_uncertain(((first.status | last.status) >> _SEVERITY_BITS) != 0, CALCULATED)
    status[~(first.known & last.known)] = NO_DATA
    earlier = first.values(frame.samples, status, frame.datatype)
    later = last.values(frame.samples, status, frame.datatype)
    return Outcome(difference(later, earlier, status, frame.datatype), status)


def sample(frame: Frame) -> Outcome:
    """Part 13 v1.05 5.4.3.25, 5.4.3.26: the earliest or latest sample, whatever its quality, at its own time."""
    is_start = frame.kind is AggregateKind.START
    known = frame.right > frame.left
    place = np.where(known, frame.left if is_start else frame.right - 1, 0)
    if not len(frame.samples):
        return Outcome(np.zeros(len(frame), frame.datatype.dtype), np.full(len(frame), NO_DATA, np.uint32))
    status: StatusArray = np.where(known, frame.samples.status[place] & np.uint32(_KEPT), np.uint32(NO_DATA))
    times = np.where(known, frame.samples.times[place], frame.start)
    return Outcome(frame.samples.values[place], status.astype(np.uint32), times)


def delta(frame: Frame) -> Outcome:
    """Part 13 v1.05 5.4.3.27: the latest Good sample less the earliest; Uncertain if others had to be skipped."""
    samples = frame.samples
    first, last = frame.first_place(samples.good), frame.last_place(samples.good)
    known = last >= 0
    if not known.any():
        return Outcome(np.zeros(len(frame), frame.datatype.dtype), np.full(len(frame), NO_DATA, np.uint32))
    status = good_or_uncertain((first != frame.left) | (last != frame.right - 1), CALCULATED)
    status[~known] = NO_DATA
    earlier, later = _values(samples, first, known), _values(samples, last, known)
    return Outcome(difference(later, earlier, status, frame.datatype), status)


def _values(samples: Graded, place: PlaceArray, known: MaskArray) -> ValueArray:
    return samples.values[np.where(known, place, 0)]


def worst_quality(frame: Frame) -> Outcome:
    """Part 13 v1.05 5.4.3.35, 5.4.3.36: the first of the worst StatusCodes; with the simple bound at the start or not.

    MultipleValues tells that there are more of that severity. TreatUncertainAsBad plays no part.
    """
    samples = frame.samples
    severity = np.minimum(samples.status >> np.uint32(_SEVERITY_BITS), _BAD).astype(np.int64)
    worst = frame.reduced(np.maximum, severity, -1).astype(np.int64)
    having = np.zeros(len(samples), np.bool_)
    having[frame.inside] = severity[frame.inside] == worst[frame.row()]
    number = frame.counted(having)
    place = frame.first_place(having)
    code = np.zeros(len(frame), np.uint32)
    if len(samples):
        code = np.where(number > 0, samples.status[np.minimum(place, len(samples) - 1)] & np.uint32(SHOWN), 0)
    if frame.kind is AggregateKind.WORST_QUALITY2:
        at_start = simple(samples.lenient, frame.start, stepped=frame.stepped)
        of_bound = np.minimum(at_start.status >> np.uint32(_SEVERITY_BITS), _BAD).astype(np.int64)
        bound_severity = np.where(at_start.raw, -1, of_bound)
        code = np.where(bound_severity >= worst, at_start.status & np.uint32(SHOWN), code)
        number = np.where(bound_severity > worst, 1, number + (bound_severity == worst))
    status = np.full(len(frame), CALCULATED, np.uint32)
    status[number > 1] |= np.uint32(MULTIPLE_VALUES)
    status[number == 0] = NO_DATA
    return Outcome(code.astype(np.uint32), status)
