"""Calculates any standard aggregate of one point over many intervals (Part 13 v1.05 5.4.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from core.batch import TimeArray
from core.datatypes import DataType
from core.quality import NO_VALUE
from historian.aggregates import bounded_extremes, counting, extremes, selecting, time_weighted
from historian.aggregates.frame import Frame
from historian.aggregates.grid import Intervals
from historian.aggregates.kinds import AggregateConfiguration, AggregateKind, result_type
from historian.aggregates.results import NO_DATA, PARTIAL, Outcome, Results
from historian.aggregates.series import Series

_OF: Final[dict[AggregateKind, Callable[[Frame], Outcome]]] = {
    AggregateKind.INTERPOLATIVE: selecting.interpolative,
    AggregateKind.AVERAGE: counting.average,
    AggregateKind.TIME_AVERAGE: time_weighted.with_interpolated_bounds,
    AggregateKind.TIME_AVERAGE2: time_weighted.with_simple_bounds,
    AggregateKind.TOTAL: time_weighted.with_interpolated_bounds,
    AggregateKind.TOTAL2: time_weighted.with_simple_bounds,
    AggregateKind.MINIMUM: extremes.single,
    AggregateKind.MAXIMUM: extremes.single,
    AggregateKind.MINIMUM_ACTUAL_TIME: extremes.single,
    AggregateKind.MAXIMUM_ACTUAL_TIME: extremes.single,
    AggregateKind.RANGE: extremes.spread,
    AggregateKind.MINIMUM2: bounded_extremes.single,
    AggregateKind.MAXIMUM2: bounded_extremes.single,
    AggregateKind.MINIMUM_ACTUAL_TIME2: bounded_extremes.single,
    AggregateKind.MAXIMUM_ACTUAL_TIME2: bounded_extremes.single,
    AggregateKind.RANGE2: bounded_extremes.spread,
    AggregateKind.COUNT: counting.count,
    AggregateKind.DURATION_IN_STATE_ZERO: time_weighted.state_duration,
    AggregateKind.DURATION_IN_STATE_NON_ZERO: time_weighted.state_duration,
    AggregateKind.NUMBER_OF_TRANSITIONS: counting.transitions,
    AggregateKind.START: selecting.sample,
    AggregateKind.END: selecting.sample,
    AggregateKind.DELTA: selecting.delta,
    AggregateKind.START_BOUND: selecting.bound,
    AggregateKind.END_BOUND: selecting.bound,
    AggregateKind.DELTA_BOUNDS: selecting.bounds_difference,
    AggregateKind.DURATION_GOOD: time_weighted.quality_duration,
    AggregateKind.DURATION_BAD: time_weighted.quality_duration,
    AggregateKind.PERCENT_GOOD: time_weighted.quality_duration,
    AggregateKind.PERCENT_BAD: time_weighted.quality_duration,
    AggregateKind.WORST_QUALITY: selecting.worst_quality,
    AggregateKind.WORST_QUALITY2: selecting.worst_quality,
    AggregateKind.STANDARD_DEVIATION_SAMPLE: counting.deviation,
    AggregateKind.VARIANCE_SAMPLE: counting.deviation,
    AggregateKind.STANDARD_DEVIATION_POPULATION: counting.deviation,
    AggregateKind.VARIANCE_POPULATION: counting.deviation,
}
_EXTRAPOLATED: Final = frozenset({AggregateKind.INTERPOLATIVE, AggregateKind.TIME_AVERAGE, AggregateKind.TOTAL})
"""What goes on behind the end of data, and tells of a Partial interval by itself."""
_WITHOUT_PARTIAL: Final = frozenset({AggregateKind.AVERAGE, AggregateKind.ANNOTATION_COUNT})
_OF_BOUNDS: Final = frozenset({AggregateKind.START_BOUND, AggregateKind.END_BOUND, AggregateKind.DELTA_BOUNDS})
"""What is Partial without a value too (the table of StartBound in Annex A)."""
_NO_ANNOTATIONS: Final[TimeArray] = np.zeros(0, np.int64)


def calculate(
    kind: AggregateKind,
    configuration: AggregateConfiguration,
    series: Series,
    intervals: Intervals,
    *,
    stepped: bool,
    datatype: DataType,
    annotations: TimeArray = _NO_ANNOTATIONS,
) -> Results:
    """Give one row an interval, in the intervals' order.

    ``stepped``: values hold until the next one, else they lie on straight lines between (what is no number always
    holds). ``datatype``: the samples' type, which the aggregate must be applicable to (:func:`kinds.applies`).
    ``annotations``: their times in ticks, rising; only AnnotationCount asks for them.
    """
    if kind is AggregateKind.ANNOTATION_COUNT:
        return counting.annotation_count(annotations, intervals)
    frame = Frame(kind, configuration, series, intervals, stepped=stepped, datatype=datatype)
    return finished(frame, _OF[kind](frame), datatype)


def finished(frame: Frame, outcome: Outcome, datatype: DataType) -> Results:
    """Say where there is no data and where an interval is not complete, and put the rows in the order asked for."""
    kind, status = frame.kind, outcome.status
    times = frame.start if outcome.times is None else outcome.times
    if kind not in _EXTRAPOLATED:
        outside = frame.before | frame.after
        status[outside] = NO_DATA
        times = np.where(outside, frame.start, times)
        if kind not in _WITHOUT_PARTIAL:
            shown = kind in _OF_BOUNDS or (status & np.uint32(NO_VALUE)) == 0
            status[frame.partial & shown] |= np.uint32(PARTIAL)
    order = slice(None, None, -1 if frame.backwards else 1)
    return Results(result_type(kind, datatype), outcome.values[order], status[order], times[order])
