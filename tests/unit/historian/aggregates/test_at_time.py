"""ReadAtTime (Part 11 v1.05 6.5.5)."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest

from core.datatypes import DataType
from core.quality import NO_VALUE
from historian import at_time
from historian.aggregates.bounds import interpolated, simple
from historian.aggregates.kinds import AggregateConfiguration
from historian.aggregates.results import INTERPOLATED, NO_DATA, SUB_NORMAL
from historian.aggregates.series import Graded, Series
from historian.at_time import read_at_time
from tests.unit.historian.aggregates.array_store import ArrayStore
from tests.unit.historian.aggregates.historians import HISTORIANS, NOON, SECOND
from tests.unit.historian.aggregates.test_processed import BEGIN, HOUR, LENIENT, samples

STRICT = AggregateConfiguration()
LAX = AggregateConfiguration(treat_uncertain_as_bad=False)


async def read(
    name: str, *seconds: float, simple_bounds: bool = False, stepped: bool = False
) -> list[tuple[float | None, int]]:
    historian = HISTORIANS[name]
    store = ArrayStore(historian.datatype, historian.series)
    times = np.array([NOON + round(second * SECOND) for second in seconds], np.int64)
    found = await read_at_time(
        store, "point", times, historian.configuration, stepped=stepped, simple_bounds=simple_bounds
    )
    assert found.times.tolist() == times.tolist()
    return [
        (None if status & NO_VALUE else round(float(value), 3), int(status) & ~NO_VALUE)
        for value, status in zip(found.values, found.status, strict=True)
    ]


async def test_values_between_samples_are_interpolated_in_the_order_asked_for() -> None:
    assert await read("H1", 15, 10, 95, 5, 35) == [
        (15.0, INTERPOLATED),
        (10.0, 0),
        (90.0, SUB_NORMAL | INTERPOLATED),
        (None, NO_DATA & ~NO_VALUE),
        (35.0, SUB_NORMAL | INTERPOLATED),
    ]


async def test_simple_bounds_hold_before_a_bad_sample_and_know_nothing_after_it() -> None:
    assert await read("H1", 35, 45, 95, simple_bounds=True) == [
        (30.0, SUB_NORMAL | INTERPOLATED),
        (None, NO_DATA & ~NO_VALUE),
        (None, NO_DATA & ~NO_VALUE),
    ]


async def test_stepped_values_hold() -> None:
    assert await read("H3", 27, 45, stepped=True) == [(20.0, INTERPOLATED), (30.0, SUB_NORMAL | INTERPOLATED)]


async def test_a_sample_at_the_very_time_is_raw_whatever_its_quality() -> None:
    assert await read("H1", 40, 70) == [(None, 0x80000000), (70.0, 0x40000000)]
    assert await read("H2", 42, 77, simple_bounds=True) == [(None, 0x80000000), (70.0, 0x40000000)]


async def test_a_point_without_history_has_no_data() -> None:
    empty = np.zeros(0)
    store = ArrayStore(DataType.DOUBLE, Series(empty.astype(np.int64), empty, empty.astype(np.uint32), None, None))
    found = await read_at_time(store, "point", np.array([NOON], np.int64), STRICT, stepped=False)
    assert found.status.tolist() == [NO_DATA]


@pytest.mark.parametrize("configuration", [STRICT, LAX, LENIENT])
@pytest.mark.parametrize("stepped", [False, True])
async def test_pages_make_no_difference(
    *, configuration: AggregateConfiguration, stepped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at_time, "_PAGE", 7)
    series = samples(11)
    store = ArrayStore(DataType.DOUBLE, series)
    chance = np.random.default_rng(12)
    times = np.concatenate([chance.integers(BEGIN - HOUR, BEGIN + 6 * HOUR, 80), series.times[::5]])
    graded = Graded(series, treat_uncertain_as_bad=configuration.treat_uncertain_as_bad)
    for use_simple in (False, True):
        found = await read_at_time(store, "p", times, configuration, stepped=stepped, simple_bounds=use_simple)
        if use_simple:
            told = simple(graded, times, stepped=stepped)
        else:
            told = interpolated(graded, times, series.ends or 0, stepped=stepped, sloped=configuration.sloped)
        between = ~np.isin(times, series.times) & told.known
        np.testing.assert_allclose(found.values[between], told.line[between])
        np.testing.assert_array_equal(found.status[between], told.status[between] | np.uint32(INTERPOLATED))
        exact = np.isin(times, series.times)
        assert not (found.status[exact] & np.uint32(INTERPOLATED & 0xF)).any()


@pytest.mark.parametrize("order", ["rising", "falling", "mixed"])
async def test_a_call_reads_so_often_and_the_next_goes_on(order: str) -> None:
    count = 100
    moments = NOON + np.arange(count) * SECOND
    series = Series(moments, np.arange(float(count)), np.zeros(count, np.uint32), int(moments[0]), int(moments[-1]))
    store = ArrayStore(DataType.DOUBLE, series)
    times = {"rising": moments, "falling": moments[::-1], "mixed": np.random.default_rng(3).permutation(moments)}[order]
    found: list[float] = []
    with mock.patch.object(at_time, "_PAGE", 1):
        while len(found) < count:
            before = store.raw_reads
            part = await read_at_time(
                store, "point", times[len(found) :] + 1, STRICT, stepped=True, simple_bounds=False, most_reads=40
            )
            assert len(part)
            assert part.times.tolist() == (times[len(found) : len(found) + len(part)] + 1).tolist()
            found += part.values.tolist()
            assert store.raw_reads - before < 60
    assert found == [(moment - NOON) // SECOND for moment in times.tolist()]
