from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from core.backoff import Backoff
from core.datatypes import DataType
from core.errors import StoreCorrupt, StoreUnavailable
from core.time import TICKS_PER_SECOND
from historian.aggregates.kinds import AggregateConfiguration
from historian.at_time import read_at_time
from historian.contract import Delivery
from historian.resolutions import Resolution
from historian.samples import SampleBlock, group
from historian.sqlite import SQLiteReader, SQLiteStore, merge, segment_cache, tables
from tests.waiting import until

T0 = 133_000_000_000_000_000
DAY = 86_400 * TICKS_PER_SECOND


class FixedClock:
    def __init__(self, ticks: int) -> None:
        self.ticks = ticks

    def now(self) -> int:
        return self.ticks

    def monotonic(self) -> float:
        return 0.0


def node(point: int) -> str:
    return f"nsu=urn:test;s=p{point}"


def scan(points: int, first: int, count: int, step: int = TICKS_PER_SECOND) -> SampleBlock:
    """Make ``count`` scans of all points; the value tells point and scan."""
    index = np.tile(np.arange(points, dtype=np.int32), count)
    number = np.repeat(np.arange(first, first + count), points)
    times = T0 + number * step
    columns = group(DataType.DOUBLE, index, index * 1e6 + number, np.zeros(len(index), np.uint32), times, times + 1)
    return SampleBlock.of(columns, [node(point) for point in columns.points.tolist()])


def set_aside(folder: Path) -> int:
    """Count the files that were set aside."""
    return len([one for one in folder.glob("*.corrupt-*") if not one.name.endswith(("-wal", "-shm"))])


@asynccontextmanager
async def closing_reader(reader: SQLiteReader) -> AsyncGenerator[SQLiteReader]:
    try:
        yield reader
    finally:
        await reader.close()


def strings(first: int, count: int, length: int) -> SampleBlock:
    """Make strings of one point, ``length`` characters each."""
    times = T0 + (first * count + np.arange(count)) * TICKS_PER_SECOND
    values = np.array([chr(97 + first) * length] * count, object)
    columns = group(DataType.STRING, np.zeros(count, np.int32), values, np.zeros(count, np.uint32), times, times)
    return SampleBlock.of(columns, [node(0)])


async def test_segments_become_blocks_and_reads_stay_the_same(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "history.sqlite", retention_days=36_500)
    await store.open()
    rounds = merge.FAN**2 + 3
    for sequence in range(rounds):
        await store.append([Delivery(sequence + 1, [scan(300, sequence * 40, 40)])], "origin")
        await store.compact()
    statistics = await store.statistics()
    assert statistics.samples == statistics.appended == 300 * 40 * rounds
    assert statistics.blocks >= 300
    for point in (0, 127, 128, 299):
        page = await store.read_raw(node(point), T0, None, 1_000_000)
        assert page.values.tolist() == [point * 1e6 + number for number in range(40 * rounds)]
        part = await store.read_raw(node(point), T0 + 1000 * TICKS_PER_SECOND, T0, 7)
        assert part.values.tolist() == [point * 1e6 + number for number in range(1000, 993, -1)]
    await store.close()


async def test_what_is_older_than_the_retention_goes_and_is_counted(tmp_path: Path) -> None:
    clock = FixedClock(T0 + 40 * DAY)
    store = SQLiteStore(tmp_path / "history.sqlite", retention_days=30, clock=clock)
    await store.open()
    await store.append([Delivery(1, [scan(3, 0, 5, step=DAY)])], "origin")
    await store.append([Delivery(2, [scan(3, 20, 5, step=DAY)])], "origin")
    await store.expire()
    statistics = await store.statistics()
    assert (statistics.samples, statistics.expired) == (15, 15)
    clock.ticks += 100 * DAY
    await store.expire()
    assert (await store.statistics()).samples == 0
    await store.close()


async def test_a_damaged_segment_and_block_are_passed_over_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    store = SQLiteStore(path, retention_days=36_500)
    await store.open()
    await store.append([Delivery(1, [scan(2, 0, 10)])], "origin")
    await store.append([Delivery(2, [scan(2, 10, 10)])], "origin")
    with closing(sqlite3.connect(path)) as other:
        other.execute("UPDATE segment SET payload = substr(payload, 1, 100) WHERE id = 1")
        other.commit()
    page = await store.read_raw(node(0), T0, None, 100)
    assert (len(page), page.damaged) == (10, 20)
    for sequence in range(3, 3 + merge.FAN):
        await store.append([Delivery(sequence, [scan(2, sequence * 10, 10)])], "origin")
    await store.compact()
    await until(lambda: True)
    statistics = await store.statistics()
    assert statistics.damaged == 20
    assert len(await store.read_raw(node(0), T0, None, 1000)) == 10 * (1 + merge.FAN)
    await store.close()


async def test_another_process_reads_while_the_gateway_writes(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    store = SQLiteStore(path, retention_days=36_500)
    await store.open()
    reader = SQLiteReader(path)
    await store.append([Delivery(1, [scan(1, 0, 10)])], "origin")
    assert len(await reader.read_raw(node(0), T0, None, 100)) == 10
    await store.append([Delivery(2, [scan(1, 10, 10)])], "origin")
    assert len(await reader.read_raw(node(0), T0, None, 100)) == 20
    await reader.close()
    await store.close()


async def test_two_that_meet_the_damage_replace_the_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "history.sqlite"
    store = SQLiteStore(path, retention_days=36_500)
    await store.open()

    def damaged(connection: sqlite3.Connection, deliveries: list[Delivery], *rest: Any) -> dict[str, int]:
        if not set_aside(tmp_path):
            raise StoreCorrupt(path, "torn")
        return append(connection, deliveries, *rest)

    append = tables.append
    monkeypatch.setattr(tables, "append", damaged)
    kept = [store.append([Delivery(1, [scan(1, number, 1)])], f"origin {number}") for number in range(3)]
    await asyncio.wait_for(asyncio.gather(*kept), 30)
    assert len(await store.read_raw(node(0), T0, None, 9)) == 3
    assert set_aside(tmp_path) == 1
    await asyncio.wait_for(store.close(), 30)


async def test_whoever_writes_beside_the_gateway_leaves_a_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    path.write_bytes(b"torn" * 9999)
    store = SQLiteStore(path, replaces_damaged=False)
    with pytest.raises(StoreCorrupt):
        await store.open()
    await store.close()
    path.unlink()
    store = SQLiteStore(path, replaces_damaged=False)
    await store.open()
    with mock.patch.object(tables, "append", side_effect=StoreCorrupt(path, "torn")):
        for sequence in (1, 2):
            with pytest.raises(StoreCorrupt):
                await store.append([Delivery(sequence, [scan(1, 0, 1)])], "origin")
    await store.close()
    assert not set_aside(tmp_path)


async def test_after_an_error_the_keeper_waits_whatever_comes(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "history.sqlite", retention_days=36_500)
    with (
        mock.patch.object(merge, "step", side_effect=StoreUnavailable("locked")) as step,
        mock.patch.object(Backoff, "next", return_value=3600.0),
    ):
        await store.open()
        await until(lambda: step.call_count == 1, seconds=30)
        for sequence in range(10):
            await store.append([Delivery(sequence + 1, [scan(1, sequence, 1)])], "origin")
        assert step.call_count == 1
        await asyncio.wait_for(store.close(), 30)


async def test_damage_is_told_once_also_with_bounds(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    store = SQLiteStore(path, retention_days=36_500)
    await store.open()
    await store.append([Delivery(1, [scan(1, 0, 20)])], "origin")
    await store.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE segment SET payload = substr(payload, 1, 40)")
        connection.commit()
    async with closing_reader(SQLiteReader(path)) as reader:
        for bounds in (True, False):
            page = await reader.read_raw(node(0), T0 + 1, T0 + 5 * TICKS_PER_SECOND, 9, bounds=bounds)
            assert page.damaged == 20


async def test_damage_is_told_of_strings_too_long_for_a_page(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    store = SQLiteStore(path, retention_days=36_500)
    await store.open()
    for sequence in range(3):
        await store.append([Delivery(sequence + 1, [strings(sequence, 4, 100_000)])], "origin")
    await store.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE segment SET payload = substr(payload, 1, 40) WHERE id = 1")
        connection.commit()
    async with closing_reader(SQLiteReader(path)) as reader:
        page = await reader.read_raw(node(0), T0, None, 9)
        assert (len(page), page.damaged) == (2, 4)


async def test_what_is_kept_of_segments_has_so_many_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment_cache, "_MOST_BYTES", 4_000)
    path = tmp_path / "history.sqlite"
    store = SQLiteStore(path, retention_days=36_500)
    await store.open()
    for sequence in range(5):
        await store.append([Delivery(sequence + 1, [strings(sequence, 4, 9), scan(1, sequence, 40)])], "origin")
    await store.close()
    cache = segment_cache.SegmentCache()
    with closing(sqlite3.connect(path)) as connection:
        for number, samples in connection.execute("SELECT id, samples FROM segment").fetchall():
            for chunk in cache.chunks(connection, number, samples):
                chunk.columns()
                assert (chunk.decoded is None) == chunk.chunk.datatype.is_object
            assert 0 < cache.bytes <= 4_000
        monkeypatch.setattr(segment_cache, "_MOST_BYTES", 100)
        assert len(segment_cache.SegmentCache().chunks(connection, 1, 44)) == 2


async def test_times_at_both_ends_of_time(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "history.sqlite", retention_days=36_500)
    await store.open()
    earliest, latest = -(1 << 63) + 1, (1 << 63) - 2
    times = np.array([T0, latest], np.int64)
    columns = group(DataType.DOUBLE, np.zeros(2, np.int32), np.arange(2.0), np.zeros(2, np.uint32), times, times)
    await store.append([Delivery(1, [SampleBlock.of(columns, [node(0)])])], "origin")
    for start, end in ((0, latest), (earliest, latest + 1), (earliest - 1, latest + 9)):
        for resolution in Resolution:
            assert len(await store.read_summaries(node(0), start, end, resolution)) == 2
    assert len(await store.read_raw(node(0), 0, latest + 1, 9)) == 2
    assert len(await store.read_raw(node(0), latest + 9, earliest - 9, 9)) == 2
    for bounds in ((latest + 1, None), (latest, None), (None, latest + 1), (None, earliest - 1), (latest + 1, 0)):
        await store.read_raw(node(0), *bounds, 9, bounds=True)
    values = await read_at_time(
        store, node(0), np.array([earliest - 1, T0, latest, latest + 1]), AggregateConfiguration(), stepped=True
    )
    assert values.values.tolist()[1:3] == [0.0, 1.0]
    await store.expire()
    await store.close()
