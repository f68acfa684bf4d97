"""Rules that the tables of Annex A do not reach: time backwards, types of values, values that are no numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from core.datatypes import DataType
from core.quality import BACKFILLED, NO_VALUE, Status
from historian.aggregates.calculate import calculate
from historian.aggregates.grid import Grid
from historian.aggregates.kinds import AggregateConfiguration, AggregateKind
from historian.aggregates.results import (
    CALCULATED,
    INTERPOLATED,
    INVALID_INPUTS,
    MULTIPLE_VALUES,
    NO_DATA,
    PARTIAL,
    SUB_NORMAL,
    Results,
)
from historian.aggregates.series import Series

SECOND = 10_000_000
BEGIN = 130_000_000_000_000_000
LENIENT = AggregateConfiguration(treat_uncertain_as_bad=False)
UNCERTAIN = int(Status.UNCERTAIN)


def series(datatype: DataType, *samples: tuple[float, Any, int]) -> Series:
    times = np.array([BEGIN + round(second * SECOND) for second, _, _ in samples], np.int64)
    values = np.array([value for _, value, _ in samples], datatype.dtype)
    status = np.array([code for _, _, code in samples], np.uint32)
    return Series(times, values, status, int(times[0]), int(times[-1]))


def calculated(
    kind: AggregateKind,
    samples: Series,
    start: float,
    end: float,
    interval: float = 0,
    *,
    datatype: DataType = DataType.DOUBLE,
    configuration: AggregateConfiguration = LENIENT,
    stepped: bool = False,
) -> Results:
    grid = Grid(BEGIN + round(start * SECOND), BEGIN + round(end * SECOND), round(interval * SECOND))
    return calculate(kind, configuration, samples, grid.all(), stepped=stepped, datatype=datatype)


def one(results: Results) -> tuple[Any, int, float]:
    assert len(results) == 1
    status = int(results.status[0])
    value = None if status & NO_VALUE else results.values[0].item()
    return value, status & ~NO_VALUE, (int(results.times[0]) - BEGIN) / SECOND


@pytest.mark.parametrize(
    ("kind", "forward", "backward"),
    [
        # as the regression tests of UA-.NETStandard (AggregateCttRegressionTests) state them
        (AggregateKind.START, (0.0, 0, 0.0), (5.0, 0, 5.0)),
        (AggregateKind.END, (5.0, 0, 5.0), (10.0, 0, 10.0)),
        (AggregateKind.START_BOUND, (0.0, 0, 0.0), (10.0, 0, 10.0)),
        (AggregateKind.END_BOUND, (10.0, CALCULATED, 0.0), (0.0, CALCULATED, 10.0)),
        (AggregateKind.TIME_AVERAGE, (5.0, CALCULATED, 0.0), (5.0, CALCULATED, 10.0)),
        (AggregateKind.DELTA, (5.0, CALCULATED, 0.0), (5.0, CALCULATED, 10.0)),
        (AggregateKind.DELTA_BOUNDS, (10.0, CALCULATED, 0.0), (-10.0, CALCULATED, 10.0)),
        (AggregateKind.MAXIMUM, (5.0, CALCULATED, 0.0), (10.0, 0, 10.0)),
    ],
)
def test_time_backwards(
    kind: AggregateKind, forward: tuple[float, int, float], backward: tuple[float, int, float]
) -> None:
    samples = series(DataType.DOUBLE, (0, 0, 0), (5, 5, 0), (10, 10, 0))
    assert one(calculated(kind, samples, 0, 10)) == forward
    assert one(calculated(kind, samples, 10, 0)) == backward


@pytest.mark.parametrize("kind", [AggregateKind.DURATION_IN_STATE_ZERO, AggregateKind.DURATION_IN_STATE_NON_ZERO])
def test_durations_of_states_are_the_same_backwards(kind: AggregateKind) -> None:
    samples = series(DataType.DOUBLE, (0, 0, 0), (5, 1, 0), (10, 0, 0), (15, 2, 0), (20, 0, 0))
    assert one(calculated(kind, samples, 0, 20)) == (10_000.0, CALCULATED, 0.0)
    assert one(calculated(kind, samples, 20, 0)) == (10_000.0, CALCULATED, 20.0)


@pytest.mark.parametrize(
    ("kind", "lenient", "strict"),
    [
        # UA-.NETStandard has 50 where PercentGood is lenient; Annex A (DurationGood of Historian1) counts Good alone
        (AggregateKind.PERCENT_GOOD, 25.0, 25.0),
        (AggregateKind.PERCENT_BAD, 50.0, 75.0),
    ],
)
def test_uncertain_samples_are_bad_where_they_are_treated_so(
    kind: AggregateKind, lenient: float, strict: float
) -> None:
    bad = int(Status.BAD) | NO_VALUE
    samples = series(DataType.DOUBLE, (0, 1, 0), (5, 1, UNCERTAIN), (10, 1, bad), (15, 1, bad), (20, 1, 0))
    assert one(calculated(kind, samples, 0, 20))[0] == lenient
    assert one(calculated(kind, samples, 0, 20, configuration=AggregateConfiguration()))[0] == strict


@pytest.mark.parametrize("kind", [AggregateKind.WORST_QUALITY, AggregateKind.WORST_QUALITY2])
def test_more_than_one_of_the_worst_quality(kind: AggregateKind) -> None:
    samples = series(DataType.DOUBLE, (0, 1, 0), (5, 2, 0), (10, 3, 0))
    assert one(calculated(kind, samples, 0, 10)) == (0, CALCULATED | MULTIPLE_VALUES, 0.0)


def test_whole_numbers_are_rounded_where_a_line_meets_none() -> None:
    samples = series(DataType.INT32, (1.234, 0, 0), (11.234, 1, 0), (21.234, 2, 0))
    found = calculated(AggregateKind.INTERPOLATIVE, samples, 10, 20, 6, datatype=DataType.INT32)
    assert found.values.tolist() == [1, 1]
    assert found.values.dtype == np.int32


@pytest.mark.parametrize("kind", [AggregateKind.MAXIMUM, AggregateKind.MAXIMUM2, AggregateKind.END])
def test_large_whole_numbers_keep_every_bit(kind: AggregateKind) -> None:
    samples = series(DataType.INT64, (0, 2**62 + 1, 0), (5, 2**63 - 1, 0), (10, 2**63 - 1, 0))
    assert one(calculated(kind, samples, 0, 10, datatype=DataType.INT64))[0] == 2**63 - 1


def test_a_difference_that_the_type_has_no_place_for() -> None:
    samples = series(DataType.BYTE, (0, 7, 0), (5, 3, 0), (10, 3, 0))
    value, status, _ = one(calculated(AggregateKind.DELTA, samples, 0, 10, datatype=DataType.BYTE))
    assert (value, status) == (None, INVALID_INPUTS & ~NO_VALUE)


def test_what_is_no_number_counts_as_bad() -> None:
    samples = series(DataType.DOUBLE, (0, 1, 0), (2, math.nan, 0), (4, math.inf, 0), (6, 3, 0), (10, 3, 0))
    assert one(calculated(AggregateKind.AVERAGE, samples, 0, 10))[:2] == (2.0, SUB_NORMAL | CALCULATED)
    assert one(calculated(AggregateKind.COUNT, samples, 0, 10))[:2] == (2, SUB_NORMAL | CALCULATED)


def test_a_sum_beyond_double_is_refused() -> None:
    samples = series(DataType.DOUBLE, (0, 1e308, 0), (5, 1e308, 0), (10, 0, 0))
    value, status, _ = one(calculated(AggregateKind.AVERAGE, samples, 0, 10))
    assert (value, status) == (None, INVALID_INPUTS & ~NO_VALUE)


def test_late_samples_are_like_others_and_their_mark_is_not_shown() -> None:
    samples = series(DataType.DOUBLE, (0, 1, BACKFILLED), (5, 2, BACKFILLED | UNCERTAIN), (10, 3, BACKFILLED))
    assert one(calculated(AggregateKind.START, samples, 0, 10)) == (1.0, 0, 0.0)
    assert one(calculated(AggregateKind.WORST_QUALITY, samples, 0, 10)) == (UNCERTAIN, CALCULATED, 0.0)
    assert one(calculated(AggregateKind.INTERPOLATIVE, samples, 5, 10)) == (2.0, UNCERTAIN, 5.0)


def test_the_last_interval_of_a_range_that_does_not_divide_is_shorter_and_partial() -> None:
    samples = series(DataType.DOUBLE, *[(second, second, 0) for second in range(12)])
    found = calculated(AggregateKind.COUNT, samples, 0, 10, 4)
    assert found.values.tolist() == [4, 4, 2]
    assert found.status.tolist() == [CALCULATED, CALCULATED, CALCULATED | PARTIAL]
    backwards = calculated(AggregateKind.COUNT, samples, 10, 0, 4)
    assert backwards.values.tolist() == [4, 4, 2]
    assert ((backwards.times - BEGIN) / SECOND).tolist() == [10, 6, 2]


def test_sloped_extrapolation_behind_the_end_of_data() -> None:
    samples = series(DataType.DOUBLE, (0, 0, 0), (10, 10, 0))
    sloped = AggregateConfiguration(sloped=True)
    found = calculated(AggregateKind.INTERPOLATIVE, samples, 20, 40, 10, configuration=sloped)
    assert found.values.tolist() == [20.0, 30.0]
    assert set(found.status.tolist()) == {SUB_NORMAL | INTERPOLATED}
    held = calculated(AggregateKind.INTERPOLATIVE, samples, 20, 40, 10)
    assert held.values.tolist() == [10.0, 10.0]


def test_before_and_after_data() -> None:
    samples = series(DataType.DOUBLE, (10, 1, 0), (20, 1, 0))
    for kind in AggregateKind:
        if kind is not AggregateKind.ANNOTATION_COUNT:
            assert calculated(kind, samples, 0, 10).status.tolist() == [NO_DATA], kind
    assert calculated(AggregateKind.PERCENT_GOOD, samples, 21, 30).status.tolist() == [NO_DATA]
