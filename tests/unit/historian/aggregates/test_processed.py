"""ReadProcessed by pages, from samples and from summaries."""

from __future__ import annotations

import numpy as np
import pytest

from core.datatypes import DataType
from core.quality import NO_VALUE
from core.time import TICKS_PER_SECOND
from historian import interval_walk
from historian.aggregates.calculate import calculate
from historian.aggregates.grid import Grid
from historian.aggregates.kinds import AggregateConfiguration, AggregateKind
from historian.aggregates.results import MULTIPLE_VALUES, NO_DATA, PARTIAL, Results
from historian.aggregates.series import Series
from historian.aggregates.summed import EXACT
from historian.processed import (
    AggregateNotApplicable,
    IntervalTooLarge,
    InvalidAggregateInputs,
    read_processed,
)
from tests.unit.historian.aggregates.array_store import ArrayStore

HOUR = 3600 * TICKS_PER_SECOND
MINUTE = 60 * TICKS_PER_SECOND
BEGIN = 130_000_000_000_000_000 // HOUR * HOUR
STRICT = AggregateConfiguration()
LENIENT = AggregateConfiguration(treat_uncertain_as_bad=False, percent_bad=80, percent_good=60, sloped=True)
KINDS = [kind for kind in AggregateKind if kind is not AggregateKind.ANNOTATION_COUNT]


def samples(seed: int, number: int = 400, span: int = 4 * HOUR) -> Series:
    """Make samples at uneven times, some twice at one time, with runs of Bad and Uncertain ones."""
    chance = np.random.default_rng(seed)
    times = np.sort(BEGIN + 7 * MINUTE + chance.integers(0, span // 1000, number) * 1000)
    times[number // 2] = times[number // 2 - 1]
    values = np.round(chance.normal(20.0, 5.0, number), 1)
    status = chance.choice(np.array([0, 0, 0, 0, 0x40900000, 0x80310000 | NO_VALUE, 0x80000000], np.uint32), number)
    status[100:140] = 0x80310000 | NO_VALUE
    return Series(times, values, status, int(times[0]), int(times[-1]))


def whole(series: Series, kind: AggregateKind, configuration: AggregateConfiguration, grid: Grid) -> Results:
    return calculate(kind, configuration, series, grid.all(), stepped=False, datatype=DataType.DOUBLE)


async def pages(
    store: ArrayStore, kind: AggregateKind, configuration: AggregateConfiguration, grid: Grid, most: int
) -> Results:
    parts: list[Results] = []
    first: int | None = 0
    while first is not None:
        page = await read_processed(
            store,
            "point",
            kind,
            configuration,
            grid.start,
            grid.end,
            grid.interval,
            stepped=False,
            first=first,
            most=most,
        )
        parts.append(page.results)
        first = page.following
    return Results(
        parts[0].datatype,
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.status for part in parts]),
        np.concatenate([part.times for part in parts]),
    )


def same(found: Results, told: Results, *, rounding: float = 0.0) -> None:
    np.testing.assert_array_equal(found.times, told.times)
    np.testing.assert_array_equal(found.status, told.status)
    known = (told.status & np.uint32(NO_VALUE)) == 0
    np.testing.assert_allclose(
        found.values[known].astype(float), told.values[known].astype(float), rtol=rounding, atol=rounding
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("most", "backwards"), [(7, False), (1000, False), (13, True)])
async def test_pages_are_the_same_as_all_at_once(
    kind: AggregateKind, most: int, *, backwards: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interval_walk, "WINDOW", 37)
    series = samples(1)
    span = (BEGIN + 5 * HOUR + 11, BEGIN - HOUR) if backwards else (BEGIN - HOUR, BEGIN + 5 * HOUR + 11)
    grid = Grid(*span, 5 * MINUTE + 3)
    for configuration in (STRICT, LENIENT):
        found = await pages(ArrayStore(DataType.DOUBLE, series), kind, configuration, grid, most)
        same(found, whole(series, kind, configuration, grid), rounding=1e-9)


@pytest.mark.parametrize("kind", sorted(EXACT))
async def test_summaries_come_to_the_same(kind: AggregateKind) -> None:
    series = samples(2)
    store = ArrayStore(DataType.DOUBLE, series, summaries=True)
    for step, end in ((HOUR, BEGIN + 5 * HOUR), (10 * MINUTE, BEGIN + 5 * HOUR + 7 * MINUTE + 1)):
        grid = Grid(BEGIN, end, step)
        same(await pages(store, kind, STRICT, grid, 11), whole(series, kind, STRICT, grid), rounding=1e-9)
    assert store.summary_reads


async def test_uncertain_samples_that_count_are_read_raw() -> None:
    series = samples(3)
    store = ArrayStore(DataType.DOUBLE, series, summaries=True)
    grid = Grid(BEGIN, BEGIN + 5 * HOUR, HOUR)
    found = await pages(store, AggregateKind.AVERAGE, LENIENT, grid, 100)
    same(found, whole(series, AggregateKind.AVERAGE, LENIENT, grid), rounding=1e-9)


async def test_intervals_off_the_grid_are_read_raw() -> None:
    series = samples(3)
    store = ArrayStore(DataType.DOUBLE, series, summaries=True)
    grid = Grid(BEGIN + 1, BEGIN + 5 * HOUR + 1, HOUR)
    found = await pages(store, AggregateKind.AVERAGE, STRICT, grid, 100)
    same(found, whole(series, AggregateKind.AVERAGE, STRICT, grid), rounding=1e-9)
    assert not store.summary_reads


@pytest.mark.parametrize("kind", [AggregateKind.AVERAGE, AggregateKind.MINIMUM, AggregateKind.MAXIMUM_ACTUAL_TIME])
async def test_what_has_expired_comes_from_summaries(kind: AggregateKind) -> None:
    series = samples(4)
    grid = Grid(BEGIN, BEGIN + 5 * HOUR, HOUR)
    store = ArrayStore(DataType.DOUBLE, series, summaries=True, expired=BEGIN + 2 * HOUR)
    told = whole(series, kind, STRICT, grid)
    told.status[:2] &= np.uint32(~(MULTIPLE_VALUES & 0x3F) & 0xFFFFFFFF)  # which summaries do not know
    same(await pages(store, kind, STRICT, grid, 3), told, rounding=1e-9)


async def test_a_point_whose_samples_have_all_expired() -> None:
    series = samples(4)
    grid = Grid(BEGIN, BEGIN + 6 * HOUR, HOUR)
    store = ArrayStore(DataType.DOUBLE, series, summaries=True, expired=BEGIN + 48 * HOUR)
    told = whole(series, AggregateKind.COUNT, STRICT, grid)
    same(await pages(store, AggregateKind.COUNT, STRICT, grid, 3), told)


async def test_uncertain_samples_that_count_are_left_out_only_where_they_have_expired() -> None:
    series = samples(4)
    grid = Grid(BEGIN, BEGIN + 5 * HOUR, HOUR)
    store = ArrayStore(DataType.DOUBLE, series, summaries=True, expired=BEGIN + 2 * HOUR)
    found = await pages(store, AggregateKind.AVERAGE, LENIENT, grid, 100)
    told = whole(series, AggregateKind.AVERAGE, LENIENT, grid)
    np.testing.assert_allclose(found.values[2:], told.values[2:])
    assert not np.allclose(found.values[:2], told.values[:2])
    assert (found.status[:2] >> 30 == 1).all()


async def test_what_summaries_cannot_give_has_no_data_where_it_has_expired() -> None:
    series = samples(4)
    grid = Grid(BEGIN, BEGIN + 5 * HOUR, HOUR)
    store = ArrayStore(DataType.DOUBLE, series, summaries=True, expired=BEGIN + 2 * HOUR)
    found = await pages(store, AggregateKind.TIME_AVERAGE2, STRICT, grid, 3)
    assert found.status[:2].tolist() == [NO_DATA, NO_DATA]
    assert int(found.status[2]) & PARTIAL == PARTIAL
    told = whole(series, AggregateKind.TIME_AVERAGE2, STRICT, grid)
    np.testing.assert_allclose(found.values[3:], told.values[3:])


async def test_a_point_without_history_has_no_data() -> None:
    empty = np.zeros(0)
    store = ArrayStore(DataType.DOUBLE, Series(empty.astype(np.int64), empty, empty.astype(np.uint32), None, None))
    for kind in KINDS:
        found = await pages(store, kind, STRICT, Grid(BEGIN, BEGIN + HOUR, MINUTE), 100)
        assert len(found) == 60
        assert set(found.status.tolist()) == {NO_DATA}


async def test_one_interval_over_the_whole_range() -> None:
    series = samples(5)
    grid = Grid(BEGIN, BEGIN + 5 * HOUR, 0)
    found = await pages(ArrayStore(DataType.DOUBLE, series), AggregateKind.COUNT, STRICT, grid, 100)
    assert len(found) == 1
    assert int(found.values[0]) == int(np.count_nonzero(series.status == 0))


async def test_objects_are_counted_and_held() -> None:
    series = samples(6)
    words = np.array([f"word {place}" for place in range(len(series))], object)
    store = ArrayStore(DataType.STRING, Series(series.times, words, series.status, series.begins, series.ends))
    grid = Grid(BEGIN, BEGIN + 5 * HOUR, HOUR)
    for kind in (AggregateKind.COUNT, AggregateKind.DURATION_GOOD, AggregateKind.WORST_QUALITY2):
        same(await pages(store, kind, STRICT, grid, 100), await pages(_stepped(series), kind, STRICT, grid, 100))
    found = await pages(store, AggregateKind.START_BOUND, STRICT, grid, 100)
    assert found.datatype is DataType.STRING
    with pytest.raises(AggregateNotApplicable, match="AVERAGE of String"):
        await pages(store, AggregateKind.AVERAGE, STRICT, grid, 100)


def _stepped(series: Series) -> ArrayStore:
    """Give Booleans, which always hold until the next one, at the same times."""
    states = np.ones(len(series), np.bool_)
    return ArrayStore(DataType.BOOLEAN, Series(series.times, states, series.status, series.begins, series.ends))


async def test_percentages_that_leave_a_gap_are_refused() -> None:
    store = ArrayStore(DataType.DOUBLE, samples(7))
    configuration = AggregateConfiguration(percent_bad=20, percent_good=70)
    with pytest.raises(InvalidAggregateInputs, match="20 and PercentDataGood 70"):
        await pages(store, AggregateKind.AVERAGE, configuration, Grid(BEGIN, BEGIN + HOUR, MINUTE), 10)


async def test_an_interval_beyond_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interval_walk, "WINDOW", 50)
    monkeypatch.setattr(interval_walk, "LARGEST", 100)
    store = ArrayStore(DataType.DOUBLE, samples(8))
    with pytest.raises(IntervalTooLarge, match="more than 100 samples"):
        await pages(store, AggregateKind.TIME_AVERAGE, STRICT, Grid(BEGIN, BEGIN + 5 * HOUR, 0), 10)


def test_start_and_end_must_differ() -> None:
    with pytest.raises(ValueError, match="must differ"):
        Grid(BEGIN, BEGIN, HOUR)


@pytest.mark.parametrize("interval", [0, 1 << 62, HOUR])
def test_intervals_over_all_time_can_be_counted(interval: int) -> None:
    for start, end in ((-(1 << 63), (1 << 63) - 1), ((1 << 63) - 1, -(1 << 63)), (-(1 << 63), 0)):
        intervals = Grid(start, end, interval).part(0, 3)
        assert len(intervals)
        assert (intervals.high > intervals.low).all()
        assert (intervals.high - intervals.low > 0).all()
