"""Files of version 1 get their summaries, damaged rows are read from raw, and the present stays cheap."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.datatypes import DataType
from core.time import TICKS_PER_SECOND
from historian import chunks
from historian.contract import Delivery
from historian.database import Database
from historian.resolutions import Resolution, Summaries
from historian.samples import Columns, SampleBlock
from historian.sqlite import SQLiteReader, SQLiteStore, merge, summary_tables
from historian.sqlite.schema import SCHEMA
from tests.waiting import until

T0 = 133_000_000_000_000_000 // Resolution.HOUR.ticks * Resolution.HOUR.ticks
NODE = "nsu=urn:test;s=old"
END = T0 + 100 * Resolution.HOUR.ticks


def as_version_1(path: Path, blocks: int, samples: int) -> None:
    """Make a file as the version before had it: blocks without summaries, and a segment."""
    assert SCHEMA.script.endswith(SCHEMA.migrations[0])
    former = replace(
        SCHEMA,
        version=1,
        script=SCHEMA.script.removesuffix(SCHEMA.migrations[0]).rstrip().removesuffix(";"),
        tables=SCHEMA.tables - {"summary", "modified"},
        migrations=(),
    )
    Database(path, former).prepare()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO point (node, span) VALUES (?, ?)", (NODE, samples * TICKS_PER_SECOND))
        for number in range(blocks + 1):
            times = T0 + np.arange(number * samples, (number + 1) * samples) * TICKS_PER_SECOND
            values = np.arange(samples, dtype=np.float64)
            one = np.ones(1, np.int32)
            part = Columns(DataType.DOUBLE, one, one * samples, values, np.zeros(samples, np.uint32), times, times)
            ends = (int(times[0]), int(times[-1]), samples, chunks.write([part]))
            if number < blocks:
                row = "INSERT INTO block (point, t_first, t_last, samples, payload) VALUES (1, ?, ?, ?, ?)"
            else:
                row = "INSERT INTO segment (level, shard, t_first, t_last, samples, payload) VALUES (1, 0, ?, ?, ?, ?)"
            connection.execute(row, ends)
        connection.execute("UPDATE total SET value = ? WHERE name = 'appended'", ((blocks + 1) * samples,))
        connection.commit()


def check(found: Summaries, samples: int) -> None:
    assert int(found.good.sum()) == samples
    assert (found.start[0], found.last_time[-1]) == (T0, T0 + (samples - 1) * TICKS_PER_SECOND)
    assert (found.minimum[0], found.low_time[0]) == (0, T0)


async def test_a_file_of_version_1_reads_right_before_and_after_it_has_its_summaries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "history.sqlite"
    as_version_1(path, 7, 300)
    reader = SQLiteReader(path)
    for resolution in Resolution:
        check(await reader.read_summaries(NODE, T0, END, resolution), 2400)
    assert (await reader.statistics()).samples == 2400
    assert await reader.raw_since(NODE) is None
    await reader.close()

    # a step at a time: what has its summaries, what has not and the tail are added up
    monkeypatch.setattr(summary_tables, "_OLDER_AT_ONCE", 2)
    Database(path, SCHEMA).prepare()
    reader = SQLiteReader(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as writing:
        steps = 0
        while summary_tables.step(writing):
            steps += 1
            for resolution in Resolution:
                check(await reader.read_summaries(NODE, T0, END, resolution), 2400)
        assert steps == 4
        assert writing.execute("SELECT count(*) FROM summary").fetchone()[0] == 14
    statistics = await reader.statistics()
    assert (statistics.blocks, statistics.samples) == (7, 2400)
    await reader.close()


async def test_the_store_gives_old_blocks_their_summaries_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    as_version_1(path, 3, 300)
    store = SQLiteStore(path, retention_days=36_500)
    assert (await store.open()).set_aside is None

    async def has_all() -> bool:
        return (await store.statistics()).blocks >= 3

    await until(has_all)
    check(await store.read_summaries(NODE, T0, END, Resolution.MINUTE), 1200)
    assert len(await store.read_raw(NODE, T0, END, 0)) == 1200
    await store.close()


def no_step(_: sqlite3.Connection) -> bool:
    return False


async def test_old_blocks_that_expire_first_leave_their_summaries(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    as_version_1(path, 5, 300)
    Database(path, SCHEMA).prepare()
    store = SQLiteStore(path, retention_days=1, minute_days=36_500, hour_days=36_500)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(summary_tables, "step", no_step)
        await store.open()
        await store.expire()
        statistics = await store.statistics()
        assert (statistics.samples, statistics.expired, statistics.blocks, statistics.raw_bytes) == (0, 1800, 0, 0)
        for resolution in (Resolution.MINUTE, Resolution.HOUR):
            check(await store.read_summaries(NODE, T0, END, resolution), 1800)
        await store.close()


async def test_a_damaged_row_of_summaries_is_read_from_its_block(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    as_version_1(path, 3, 300)
    Database(path, SCHEMA).prepare()
    with closing(sqlite3.connect(path, isolation_level=None)) as writing:
        while summary_tables.step(writing):
            pass
        writing.execute("UPDATE summary SET payload = substr(payload, 1, 9) WHERE block = 1")
        writing.execute("UPDATE summary SET payload = CAST(payload || x'00' AS BLOB) WHERE block = 2")
    reader = SQLiteReader(path)
    for resolution in Resolution:
        check(await reader.read_summaries(NODE, T0, END, resolution), 1200)
    await reader.close()


async def test_a_hundred_points_decode_what_is_new_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SQLiteStore(tmp_path / "history.sqlite", retention_days=36_500)
    await store.open()
    nodes = tuple(f"nsu=urn:test;s=p{point}" for point in range(merge.SHARD_POINTS))
    times = np.tile(T0 + np.arange(10) * TICKS_PER_SECOND, len(nodes))
    block = SampleBlock(
        nodes,
        DataType.DOUBLE,
        np.full(len(nodes), 10, np.int32),
        np.arange(len(times), dtype=np.float64),
        np.zeros(len(times), np.uint32),
        times,
        times,
    )
    await store.append([Delivery(1, [block])], "origin")
    decoded: list[int] = []
    decode = chunks.Chunk.columns

    def counted(chunk: chunks.Chunk) -> Columns:
        decoded.append(chunk.samples)
        return decode(chunk)

    monkeypatch.setattr(chunks.Chunk, "columns", counted)
    for point, name in enumerate(nodes):
        found = await store.read_summaries(name, T0, END, Resolution.SECOND)
        assert found.total.tolist() == list(range(point * 10, point * 10 + 10))
        assert len(await store.read_raw(name, T0, END, 0)) == 10
    assert decoded == [len(times)]
    await store.close()
