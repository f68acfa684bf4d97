from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from core.datatypes import DataType
from core.time import TICKS_PER_SECOND
from historian.contract import Delivery
from historian.query import NotNumericError, aggregate
from historian.samples import SampleBlock, group
from historian.sqlite import SQLiteReader, SQLiteStore, merge
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


async def test_intervals_of_raw_values(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "history.sqlite", retention_days=36_500)
    await store.open()
    await store.append([Delivery(1, [scan(1, 0, 25)])], "origin")
    rows = await aggregate(store, node(0), T0, T0 + 40 * TICKS_PER_SECOND, 10 * TICKS_PER_SECOND)
    assert rows.count.tolist() == [10, 10, 5, 0]
    assert rows.average[:3].tolist() == [4.5, 14.5, 22.0]
    assert rows.minimum[:3].tolist() == [0, 10, 20]
    assert rows.maximum[:3].tolist() == [9, 19, 24]
    assert np.isnan([rows.average[3], rows.minimum[3], rows.maximum[3]]).all()
    assert (rows.start - T0).tolist() == [0, 10**8, 2 * 10**8, 3 * 10**8]
    assert rows.status.tolist() == [0, 0, 0, 0]
    with pytest.raises(ValueError, match="after the start"):
        await aggregate(store, node(0), T0, T0, 1)
    texts = np.array(["x"], object)
    times = np.array([T0], np.int64)
    one = SampleBlock(
        ("nsu=urn:test;s=t",), DataType.STRING, np.ones(1, np.int32), texts, np.zeros(1, np.uint32), times, times
    )
    await store.append([Delivery(2, [one])], "origin")
    with pytest.raises(NotNumericError, match="String"):
        await aggregate(store, "nsu=urn:test;s=t", T0, T0 + 1, 1)
    await store.close()
