"""Aggregates that count and add up samples: Average, Count, NumberOfTransitions, deviations and variances."""

from __future__ import annotations

import numpy as np

from core.batch import MaskArray, TimeArray
from core.datatypes import DataType
from core.quality import StatusArray
from historian.aggregates.frame import Frame
from historian.aggregates.grid import Intervals
from historian.aggregates.kinds import AggregateConfiguration, AggregateKind
from historian.aggregates.results import (
    CALCULATED,
    NO_DATA,
    CountArray,
    FloatArray,
    Outcome,
    Results,
    by_share,
    good_or_uncertain,
    numbers,
)

_OF_A_SAMPLE = frozenset({AggregateKind.STANDARD_DEVIATION_SAMPLE, AggregateKind.VARIANCE_SAMPLE})
_ROOTED = frozenset({AggregateKind.STANDARD_DEVIATION_SAMPLE, AggregateKind.STANDARD_DEVIATION_POPULATION})


def average(frame: Frame) -> Outcome:
    """Part 13 v1.05 5.4.3.5: the sum of the usable samples by their number."""
    samples = frame.samples
    return averages(frame.total(samples.numbers), frame.counted(samples.usable), _shares(frame))


def averages(total: FloatArray, usable: CountArray, status: StatusArray) -> Outcome:
    """Divide; Bad_NoData without a usable sample."""
    status[usable == 0] = NO_DATA
    return Outcome(numbers(total / np.maximum(usable, 1), status, DataType.DOUBLE), status)


def count(frame: Frame) -> Outcome:
    """Part 13 v1.05 5.4.3.21: the number of Good samples; none at all is a Good zero.

    Samples that are not Good are left out whatever TreatUncertainAsBad says; it matters to the StatusCode alone.
    """
    return Outcome(frame.counted(frame.samples.good).astype(np.int32), _shares(frame))


def transitions(frame: Frame) -> Outcome:
    """Part 13 v1.05 5.4.3.24, 4.2.2.2: how often the value changed between zero and not zero.

    The first usable value that there ever was counts as a change.
    """
    samples = frame.samples
    usable = np.flatnonzero(samples.usable)
    state = samples.values[usable] != 0
    changes = np.zeros(len(samples), np.bool_)
    if len(usable):
        changes[usable] = np.append(np.ones(1, np.bool_), state[1:] != state[:-1])
    return Outcome(frame.counted(changes).astype(np.int32), _shares(frame))


def deviation(frame: Frame) -> Outcome:
    """Part 13 v1.05 5.4.3.37 to 5.4.3.40: how far the Good samples lie from their average."""
    samples = frame.samples
    good = frame.counted(samples.good)
    values = np.where(samples.good, samples.numbers, 0.0)
    mean = frame.total(values) / np.maximum(good, 1)
    distance = np.zeros(len(samples))
    inside = frame.inside
    with np.errstate(over="ignore", invalid="ignore"):
        distance[inside] = np.where(samples.good[inside], (values[inside] - mean[frame.row()]) ** 2, 0.0)
    return deviations(frame.kind, frame.total(distance), good, frame.count > good)


def deviations(kind: AggregateKind, squares: FloatArray, good: CountArray, unsure: MaskArray) -> Outcome:
    """Turn sums of squared distances into what ``kind`` is; ``unsure``: there were samples that are not Good."""
    divisor = good - (kind in _OF_A_SAMPLE)
    variance = squares / np.maximum(divisor, 1)
    status = good_or_uncertain(unsure, CALCULATED)
    status[good == 0] = NO_DATA
    result = np.sqrt(variance) if kind in _ROOTED else variance
    return Outcome(numbers(result, status, DataType.DOUBLE), status)


def _shares(frame: Frame) -> StatusArray:
    samples = frame.samples
    usable = frame.counted(samples.usable)
    unsure = frame.counted(samples.usable & ~samples.good) > 0
    return by_share(frame.count - usable, frame.count, unsure, frame.configuration)


def shares(good: CountArray, uncertain: CountArray, bad: CountArray, of: AggregateConfiguration) -> StatusArray:
    """Calculate StatusCodes from counts of samples."""
    if of.treat_uncertain_as_bad:
        return by_share(bad + uncertain, good + uncertain + bad, np.zeros(len(good), np.bool_), of)
    return by_share(bad, good + uncertain + bad, uncertain > 0, of)


def annotation_count(annotations: TimeArray, intervals: Intervals) -> Results:
    """Part 13 v1.05 5.4.3.20: how many of ``annotations`` (ticks, rising) each interval holds."""
    side = "right" if intervals.backwards else "left"
    upto = np.searchsorted(annotations, intervals.high, side)
    values = (upto - np.searchsorted(annotations, intervals.low, side)).astype(np.int32)
    status = np.full(len(values), CALCULATED, np.uint32)
    return Results(DataType.INT32, values, status, intervals.start)
