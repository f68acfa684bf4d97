"""Every aggregate against the plain model, over random histories, intervals and configurations."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.datatypes import DataType
from core.quality import NO_VALUE
from historian.aggregates.calculate import calculate
from historian.aggregates.grid import Grid
from historian.aggregates.kinds import AggregateConfiguration, AggregateKind
from historian.aggregates.series import Series
from tests.unit.historian.aggregates.model import Question, Sample, answer

SECOND = 10_000_000
BEGIN = 130_000_000_000_000_000
KINDS = [kind for kind in AggregateKind if kind is not AggregateKind.ANNOTATION_COUNT]
STATUSES = [0, 0, 0, 0, 0x40000000, 0x40900000, 0x80310000, 0x80310000 | NO_VALUE]

_samples = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 40).map(lambda half: half * SECOND // 2), st.integers(0, 20 * SECOND)),
        st.sampled_from([0.0, 1.0, -1.0, 2.5, 3.0]),
        st.sampled_from(STATUSES),
    ),
    min_size=1,
    max_size=12,
)
_configurations = st.builds(
    AggregateConfiguration,
    treat_uncertain_as_bad=st.booleans(),
    percent_bad=st.sampled_from([100, 60, 50]),
    percent_good=st.sampled_from([100, 70, 50]),
    sloped=st.booleans(),
)
_grids = st.tuples(st.integers(-4, 40), st.integers(1, 30), st.sampled_from([0, 1, 3, 7, 10]), st.booleans()).map(
    lambda parts: _grid(*parts)
)


def _grid(first: int, width: int, step: int, backwards: bool) -> Grid:  # noqa: FBT001 - drawn as a tuple
    low, high = BEGIN + first * SECOND // 2, BEGIN + (first + width) * SECOND // 2
    return Grid(high, low, step * SECOND // 2) if backwards else Grid(low, high, step * SECOND // 2)


@settings(max_examples=60, deadline=None)
@given(_samples, _configurations, _grids, st.booleans())
def test_every_aggregate_is_what_the_model_says(
    drawn: list[tuple[int, float, int]],
    configuration: AggregateConfiguration,
    grid: Grid,
    stepped: bool,  # noqa: FBT001 - drawn
) -> None:
    samples = [Sample(BEGIN + time, value, status) for time, value, status in sorted(drawn, key=lambda one: one[0])]
    times = np.array([one.time for one in samples], np.int64)
    values = np.array([one.value for one in samples])
    status = np.array([one.status for one in samples], np.uint32)
    series = Series(times, values, status, samples[0].time, samples[-1].time)
    intervals = grid.all()
    for kind in KINDS:
        found = calculate(kind, configuration, series, intervals, stepped=stepped, datatype=DataType.DOUBLE)
        for row in range(len(intervals)):
            low, high = int(intervals.low[row]), int(intervals.high[row])
            shortened = bool(intervals.shortened[row])
            told = answer(Question(kind, configuration, stepped, low, high, grid.backwards, shortened, samples))
            _compare(kind, found.values[row], int(found.status[row]), int(found.times[row]), told)


def _compare(kind: AggregateKind, value: Any, status: int, time: int, told: Any) -> None:
    shown = None if status & NO_VALUE else value
    assert (kind.name, f"{status & ~NO_VALUE:08X}", time) == (kind.name, f"{told.status:08X}", told.time)
    if shown is None or told.value is None:
        assert shown is told.value, kind
    else:
        np.testing.assert_allclose(float(shown), float(told.value), rtol=1e-9, atol=1e-9, err_msg=kind.name)
