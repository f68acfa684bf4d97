"""The history file stays within its age and its size, and says from when on what is complete."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from core.datatypes import DataType
from core.time import TICKS_PER_SECOND
from historian.contract import Delivery
from historian.resolutions import Resolution
from historian.samples import SampleBlock
from historian.sqlite import SQLiteStore, merge, summary_scan
from tests.conformance.store_summaries import MovedClock

T0 = 133_000_000_000_000_000 // Resolution.HOUR.ticks * Resolution.HOUR.ticks
DAY = 86_400 * TICKS_PER_SECOND
FAR = T0 + 4000 * DAY


def node(point: int) -> str:
    return f"nsu=urn:test;s=p{point}"


def samples(points: int, first: int, count: int, step: int) -> SampleBlock:
    """Make ``count`` samples of each point; noise, so that nothing is small by chance."""
    times = np.tile(T0 + np.arange(first, first + count) * step, points)
    values = np.random.default_rng(first).normal(0, 1, len(times))
    nodes = tuple(map(node, range(points)))
    counts = np.full(points, count, np.int32)
    return SampleBlock(nodes, DataType.DOUBLE, counts, values, np.zeros(len(times), np.uint32), times, times)


async def fill(store: SQLiteStore, rounds: int, *, points: int, count: int, step: int) -> None:
    for turn in range(rounds):
        await store.append([Delivery(turn + 1, [samples(points, turn * count, count, step)])], "origin")
        await store.compact()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merge, "FAN", 2)
    monkeypatch.setattr(merge, "BLOCK_SAMPLES", 100)


@pytest.mark.usefixtures("small")
async def test_each_resolution_goes_at_its_own_age(tmp_path: Path) -> None:
    clock = MovedClock(T0)
    store = SQLiteStore(tmp_path / "h", retention_days=10, second_days=5, minute_days=20, hour_days=40, clock=clock)
    await store.open()
    await fill(store, 10, points=2, count=500, step=TICKS_PER_SECOND // 50)

    async def left() -> list[int]:
        found = [len(await store.read_raw(node(0), T0, None, 10_000))]
        return found + [len(await store.read_summaries(node(0), T0, FAR, resolution)) for resolution in Resolution]

    since = [None, None, None, None]
    for days, expected in ((9, [5000, 100, 2, 1]), (12, [0, 0, 2, 1]), (21, [0, 0, 0, 1]), (41, [0, 0, 0, 0])):
        clock.ticks = T0 + days * DAY
        await store.expire()
        assert await left() == expected
        since = [await store.raw_since(node(0))]
        since += [await store.summaries_since(node(0), resolution) for resolution in Resolution]
        assert [moment is not None for moment in since] == [number == 0 for number in expected]
    assert since == [
        T0 + 4999 * TICKS_PER_SECOND // 50 + 1,
        *(T0 + ticks for ticks in (DAY // 864, DAY // 720, DAY // 24)),
    ]
    statistics = await store.statistics()
    assert (statistics.samples, statistics.expired, statistics.blocks) == (0, 10_000, 0)
    assert (statistics.raw_bytes, statistics.summary_bytes, statistics.oldest_raw) == (0, 0, None)
    await store.close()


@pytest.mark.usefixtures("small")
async def test_the_file_does_not_outgrow_its_bytes_and_the_oldest_goes_first(tmp_path: Path) -> None:
    largest = 1 << 20
    clock = MovedClock(T0)
    store = SQLiteStore(tmp_path / "h", retention_days=36_500, largest_bytes=largest, clock=clock)
    await store.open()
    for turn in range(60):
        clock.ticks = T0 + (turn + 1) * 1000 * TICKS_PER_SECOND // 10
        await store.append([Delivery(turn + 1, [samples(4, turn * 1000, 1000, TICKS_PER_SECOND // 10)])], "origin")
        await store.compact()
    statistics = await store.statistics()
    assert statistics.appended == 240_000
    assert 10_000 < statistics.samples == 240_000 - statistics.expired < 200_000
    for point in range(4):
        page = await store.read_raw(node(point), T0, None, 1_000_000)
        since = await store.raw_since(node(point))
        assert since is not None
        assert page.source_time[0] >= since - 1
        # nothing is missing from there on
        assert set(np.diff(page.source_time).tolist()) == {TICKS_PER_SECOND // 10}
        assert page.source_time[-1] == T0 + 59_999 * TICKS_PER_SECOND // 10
        minutes = await store.read_summaries(node(point), T0, FAR, Resolution.MINUTE)
        assert int(minutes.good.sum()) == 60_000
    await store.close()
    # freed pages are used again: what was appended in all takes twice that
    assert largest // 2 < (tmp_path / "h").stat().st_size <= largest


@pytest.mark.usefixtures("small")
async def test_without_samples_seconds_go_before_minutes_and_hours(tmp_path: Path) -> None:
    path = tmp_path / "h"
    store = SQLiteStore(path, retention_days=36_500, clock=MovedClock(T0 + DAY))
    await store.open()
    await fill(store, 20, points=8, count=1000, step=TICKS_PER_SECOND // 50)
    await store.close()
    # none of the samples fits, nor all that they came to
    tight = SQLiteStore(path, retention_days=36_500, largest_bytes=280_000, clock=MovedClock(T0 + DAY))
    await tight.open()
    await tight.compact()
    statistics = await tight.statistics()
    assert statistics.blocks == 0
    counts = [len(await tight.read_summaries(node(7), T0, FAR, resolution)) for resolution in Resolution]
    assert counts[0] < 400
    assert counts[1:] == [7, 1]
    await tight.close()


@pytest.mark.usefixtures("small")
async def test_running_totals_are_what_a_count_gives(tmp_path: Path) -> None:
    clock = MovedClock(T0)
    store = SQLiteStore(tmp_path / "h", retention_days=1, minute_days=2, clock=clock)
    await store.open()
    await fill(store, 12, points=3, count=150, step=400 * TICKS_PER_SECOND)
    for days in (0, 2, 5, 9, 30):
        clock.ticks = T0 + days * DAY
        await store.expire()
        statistics = await store.statistics()
        with closing(sqlite3.connect(tmp_path / "h")) as other:
            blocks, raw = other.execute("SELECT count(*), coalesce(sum(length(payload)), 0) FROM block").fetchone()
            waiting, samples_waiting = other.execute(
                "SELECT coalesce(sum(length(payload)), 0), coalesce(sum(samples), 0) FROM segment"
            ).fetchone()
            held = other.execute("SELECT coalesce(sum(samples), 0) FROM block").fetchone()[0]
            summed = other.execute("SELECT coalesce(sum(length(payload)), 0) FROM summary").fetchone()[0]
            oldest = other.execute(
                "SELECT min(t_first) FROM (SELECT t_first FROM block UNION SELECT t_first FROM segment)"
            )
            assert statistics.oldest_raw == oldest.fetchone()[0]
        assert (statistics.blocks, statistics.raw_bytes, statistics.summary_bytes) == (blocks, raw + waiting, summed)
        assert statistics.samples == held + samples_waiting == 12 * 3 * 150 - statistics.expired
    await store.close()


async def test_the_rate_of_what_comes_in_is_that_of_the_last_minute(tmp_path: Path) -> None:
    clock = MovedClock(T0)
    store = SQLiteStore(tmp_path / "h", retention_days=36_500, clock=clock)
    await store.open()
    rates: list[float | None] = []
    for turn in range(4):
        await store.append([Delivery(turn + 1, [samples(2, turn * 300, 300, TICKS_PER_SECOND)])], "origin")
        clock.seconds += 20
        rates.append((await store.statistics()).ingest)
    clock.seconds += 60
    rates.append((await store.statistics()).ingest)
    assert rates == [30, 30, 20, 20, 0]
    await store.close()


async def test_old_segments_go_whatever_they_hold_and_leave_what_numbers_came_to(tmp_path: Path) -> None:
    path = tmp_path / "h"
    clock = MovedClock(T0)
    store = SQLiteStore(path, retention_days=1, clock=clock)
    await store.open()
    times = T0 + np.arange(3) * TICKS_PER_SECOND
    texts = SampleBlock(
        ("nsu=urn:test;s=text",),
        DataType.STRING,
        np.array([3], np.int32),
        np.array(["a", "b", "c"], object),
        np.zeros(3, np.uint32),
        times,
        times,
    )
    await store.append([Delivery(1, [samples(2, 0, 5, TICKS_PER_SECOND), texts])], "origin")
    await store.append([Delivery(2, [samples(2, 5, 5, TICKS_PER_SECOND)])], "origin")
    with closing(sqlite3.connect(path)) as other:
        other.execute("UPDATE segment SET payload = substr(payload, 1, 50) WHERE id = 2")
        other.commit()
    clock.ticks = T0 + 2 * DAY
    await store.expire()
    statistics = await store.statistics()
    assert (statistics.samples, statistics.expired, statistics.segments) == (0, 23, 0)
    minutes = await store.read_summaries(node(1), T0, FAR, Resolution.MINUTE)
    assert minutes.good.tolist() == [5]
    # seconds of slow points go with the samples, and the store says so
    assert len(await store.read_summaries(node(1), T0, FAR, Resolution.SECOND)) == 0
    assert await store.summaries_since(node(1), Resolution.SECOND) == T0 + 5 * TICKS_PER_SECOND
    assert await store.raw_since(node(1)) == T0 + 4 * TICKS_PER_SECOND + 1
    assert await store.summaries_since(node(1), Resolution.MINUTE) is None
    await store.close()


async def test_a_size_that_nothing_fits_into_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = SQLiteStore(tmp_path / "h", largest_bytes=1000, clock=MovedClock(T0))
    await store.open()
    await fill(store, 3, points=1, count=10, step=TICKS_PER_SECOND)
    assert [record.getMessage() for record in caplog.records if "larger than" in record.getMessage()] == [
        f"{tmp_path / 'h'} is larger than 1000 bytes and there is nothing left in it to drop; give it more room"
    ]
    await store.close()


@pytest.mark.usefixtures("small")
async def test_where_data_begins_and_ends_is_found_in_two_hours(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "h", retention_days=36_500, clock=MovedClock(T0 + DAY))
    await store.open()
    await fill(store, 20, points=2, count=150, step=60 * TICKS_PER_SECOND)
    hours = await store.read_summaries(node(1), 0, FAR, Resolution.HOUR)
    assert len(hours) == 50
    with mock.patch.object(summary_scan, "read", wraps=summary_scan.read) as read:
        found = await store.summaries_extent(node(1), T0 + 100 * DAY)
    assert [call.args[3] - call.args[2] for call in read.call_args_list] == [1, 1]
    assert found is not None
    assert found[0] == int(hours.first_time[0])
    before = T0 + 17 * Resolution.HOUR.ticks
    assert await store.summaries_extent(node(1), before) == (found[0], before - 60 * TICKS_PER_SECOND)
    assert await store.summaries_extent(node(1), T0) is None
    assert await store.summaries_extent("nsu=urn:test;s=other", FAR) is None
    await store.close()
