"""Extremes of Good samples: Minimum, Maximum, both at their actual times, and Range."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.batch import MaskArray, ValueArray
from core.quality import StatusArray
from historian.aggregates.frame import Frame, PlaceArray
from historian.aggregates.kinds import AggregateKind
from historian.aggregates.results import (
    CALCULATED,
    MULTIPLE_VALUES,
    NO_DATA,
    Outcome,
    difference,
    good_or_uncertain,
)

_LOWEST = frozenset({AggregateKind.MINIMUM, AggregateKind.MINIMUM_ACTUAL_TIME})
_ACTUAL = frozenset({AggregateKind.MINIMUM_ACTUAL_TIME, AggregateKind.MAXIMUM_ACTUAL_TIME})


@dataclass(frozen=True, slots=True, eq=False)
class Extreme:
    """One extreme an interval; arrays [n].

    ``place``: the earliest sample that has it; ``known``: there is one. ``multiple``: a later sample has the same.
    ``unsure``: an Uncertain sample lies beyond it.
    """

    value: ValueArray
    place: PlaceArray
    known: MaskArray
    multiple: MaskArray
    unsure: MaskArray


def extreme(frame: Frame, *, lowest: bool) -> Extreme:
    """Find the extremes of the Good samples."""
    samples = frame.samples
    value = best(frame, samples.good, lowest=lowest)
    having = np.zeros(len(samples), np.bool_)
    inside, row = frame.inside, frame.row()
    having[inside] = samples.good[inside] & (samples.values[inside] == value[row])
    place = frame.first_place(having)
    known = place < len(samples)
    last = frame.last_place(having)
    multiple = np.zeros(len(frame), np.bool_)
    multiple[known] = samples.times[last[known]] > samples.times[place[known]]
    further = np.zeros(len(samples), np.bool_)
    if samples.uncertain.any():
        raw = samples.values[inside]
        further[inside] = samples.uncertain[inside] & ((raw < value[row]) if lowest else (raw > value[row]))
    return Extreme(value, np.where(known, place, 0), known, multiple, known & (frame.counted(further) > 0))


def best(frame: Frame, which: MaskArray, *, lowest: bool) -> ValueArray:
    """Give the least or the greatest of each interval's samples where ``which`` is true, in their own type."""
    values = frame.samples.values
    if values.dtype.kind == "f":
        neutral = np.inf if lowest else -np.inf
    else:
        limits = np.iinfo(values.dtype)
        neutral = limits.max if lowest else limits.min
    masked = np.where(which, values, np.array(neutral, values.dtype))
    return frame.reduced(np.minimum if lowest else np.maximum, masked, neutral)


def single(frame: Frame) -> Outcome:
    """Part 13 v1.05 5.4.3.10 to 5.4.3.13: the least or greatest Good sample, and perhaps its time.

    Samples that are not Good make the result Uncertain: Bad ones, Uncertain ones that TreatUncertainAsBad makes Bad,
    and those that lie beyond it.
    """
    found = extreme(frame, lowest=frame.kind in _LOWEST)
    if not found.known.any():
        return _nothing(frame)
    times = frame.samples.times[found.place]
    unsure = found.unsure | _has_bad(frame)
    if frame.kind in _ACTUAL:
        status = good_or_uncertain(unsure, 0)
        moment = np.where(found.known, times, frame.start)
    else:
        status = good_or_uncertain(unsure, 0)
        status[unsure | (times != frame.start)] |= np.uint32(CALCULATED)
        moment = None
    status[found.multiple] |= np.uint32(MULTIPLE_VALUES)
    status[~found.known] = NO_DATA
    return Outcome(found.value, status, moment)


def spread(frame: Frame) -> Outcome:
    """Part 13 v1.05 5.4.3.14: the greatest less the least Good sample."""
    least, greatest = extreme(frame, lowest=True), extreme(frame, lowest=False)
    if not least.known.any():
        return _nothing(frame)
    status = good_or_uncertain(least.unsure | greatest.unsure | _has_bad(frame), CALCULATED)
    status[~least.known] = NO_DATA
    high = np.where(least.known, greatest.value, least.value)  # the neutral ones have no difference
    return Outcome(difference(high, least.value, status, frame.datatype), status)


def _has_bad(frame: Frame) -> MaskArray:
    samples = frame.samples
    as_bad = ~samples.usable if frame.configuration.treat_uncertain_as_bad else ~(samples.good | samples.uncertain)
    return frame.counted(as_bad) > 0


def _nothing(frame: Frame) -> Outcome:
    status: StatusArray = np.full(len(frame), NO_DATA, np.uint32)
    return Outcome(np.zeros(len(frame), frame.datatype.dtype), status)
