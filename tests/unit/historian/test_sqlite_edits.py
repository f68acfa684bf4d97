"""Changes by hand in the SQLite store: all or nothing, bounded, and few rows however many changes there are."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from types import ModuleType
from unittest import mock

import numpy as np
import pytest

from core.datatypes import DataType
from historian import chunks
from historian.contract import Delivery
from historian.editing import EditTooLarge, HistoryEditor, Modification, PointSamples, UnstorableSamples, UpdateKind
from historian.resolutions import Resolution
from historian.sqlite import SQLiteStore, edits, holdings, merge, modified_scan, summary_tables, tables
from historian.sqlite.schema import SCHEMA
from tests.conformance.store import A, B, at, block, put, read_all
from tests.conformance.store_edits import BY, INSERTED, moments, samples


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SQLiteStore]:
    made = SQLiteStore(tmp_path / "history.sqlite", retention_days=36_500)
    await made.open()
    yield made
    await made.close()


def dump(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Give all rows of a file."""
    with closing(sqlite3.connect(path)) as connection:
        return {table: connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in SCHEMA.tables}  # noqa: S608 - names of our own


@pytest.mark.parametrize(("room", "broken"), [(edits, "count"), (tables, "add_blocks"), (summary_tables, "add")])
async def test_an_exception_half_way_changes_nothing(
    store: SQLiteStore, tmp_path: Path, room: ModuleType, broken: str
) -> None:
    with mock.patch.object(merge, "FAN", 2), mock.patch.object(merge, "BLOCK_SAMPLES", 5):
        for turn in range(5):
            await put(store, turn + 1, *((A, moment, float(turn)) for moment in range(4)), (B, turn, 0.0))
        await store.compact()
    before = dump(tmp_path / "history.sqlite")
    new = samples([(2, 22.0), (99_999, 1.0), (-99_999, 1.0)])
    with mock.patch.object(room, broken, side_effect=RuntimeError("pulled the plug")):
        with pytest.raises(RuntimeError, match="plug"):
            await store.update(A, new, UpdateKind.UPDATE, BY)
        if broken == "count":
            with pytest.raises(RuntimeError, match="plug"):
                await store.delete_raw(A, at(0) or 0, at(3) or 0, BY)
    assert dump(tmp_path / "history.sqlite") == before
    assert INSERTED in (await store.update(A, new, UpdateKind.UPDATE, BY)).tolist()


async def test_a_change_of_too_many_samples_is_refused_before_anything_is_read(store: SQLiteStore) -> None:
    await put(store, 1, *((A, moment, 0.0) for moment in range(50)))
    with mock.patch.object(holdings, "MOST_TOUCHED", 49), pytest.raises(EditTooLarge, match=r"touches 50 .* 49"):
        await store.delete_raw(A, at(0) or 0, at(50) or 0, BY)
    assert await store.delete_raw(A, at(0) or 0, at(50) or 0, BY) == 50


async def test_columns_that_do_not_fit_each_other_are_refused(store: SQLiteStore) -> None:
    times = moments(1, 2)
    for values in (np.zeros(1), np.zeros(2, np.float32)):
        odd = PointSamples(DataType.DOUBLE, values, np.zeros(2, np.uint32), times, times)
        with pytest.raises(UnstorableSamples, match="Double"):
            await store.update(A, odd, UpdateKind.INSERT, BY)
    with pytest.raises(ValueError, match="inserts"):
        await store.update(A, samples([(1, 1.0)]), UpdateKind.DELETE, BY)
    assert await store.points() == ()


async def test_values_brought_in_one_by_one_do_not_become_a_block_each(store: SQLiteStore) -> None:
    editor: HistoryEditor = store
    for moment in range(40):
        await editor.update(A, samples([(moment, float(moment))]), UpdateKind.INSERT, BY)
    assert (await store.statistics()).blocks == 1
    assert await read_all(store, 0, 99, 0) == [(moment, float(moment)) for moment in range(40)]


async def test_a_segment_keeps_its_ends_and_the_chunks_of_others(store: SQLiteStore, tmp_path: Path) -> None:
    made = block([(A, 1, 1.0), (A, 5, 5.0), (B, 2, 2.0)]), block([(B, 3, 3)], DataType.INT16)
    await store.append([Delivery(1, list(made))], "origin")
    (kept,) = dump(tmp_path / "history.sqlite")["segment"]
    await store.delete_at(A, moments(5), BY)
    (row,) = dump(tmp_path / "history.sqlite")["segment"]
    assert row[3:6] == (at(1), at(3), 3)
    assert isinstance(row[6], bytes)
    assert isinstance(kept[6], bytes)
    assert row[6][-60:] == kept[6][-60:]
    await store.delete_at(A, moments(1), BY)
    assert dump(tmp_path / "history.sqlite")["segment"][0][3:6] == (at(2), at(3), 2)
    await store.delete_raw(B, at(0) or 0, at(9) or 0, BY)
    assert dump(tmp_path / "history.sqlite")["segment"] == []


async def test_a_damaged_row_is_left_as_it_is(store: SQLiteStore, tmp_path: Path) -> None:
    await put(store, 1, (A, 1, 1.0), (A, 2, 2.0))
    with closing(sqlite3.connect(tmp_path / "history.sqlite")) as other:
        other.execute("UPDATE segment SET payload = substr(payload, 1, 50)")
        other.commit()
    await put(store, 2, (A, 3, 3.0))
    assert await store.delete_raw(A, at(0) or 0, at(9) or 0, BY) == 1
    assert len(dump(tmp_path / "history.sqlite")["segment"]) == 1


async def test_old_values_go_with_the_retention(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "history.sqlite", retention_days=30)
    await store.open()
    try:
        await store.update(A, samples([(1, 1.0)]), UpdateKind.INSERT, BY)
        assert len((await store.read_modified(A, at(0), at(9), 0)).page) == 1
        await store.expire()
        assert len((await store.read_modified(A, at(0), at(9), 0)).page) == 0
    finally:
        await store.close()


async def test_summaries_follow_every_change(store: SQLiteStore) -> None:
    with mock.patch.object(merge, "FAN", 2), mock.patch.object(merge, "BLOCK_SAMPLES", 5):
        for turn in range(6):
            await put(store, turn + 1, *((A, 40 * turn + moment, float(moment)) for moment in range(8)))
            await store.compact()
    assert (await store.statistics()).blocks > 1
    await store.update(A, samples([(1, 100.0), (9, 50.0), (130, -5.0)]), UpdateKind.UPDATE, BY)
    await store.delete_raw(A, at(120) or 0, at(124) or 0, BY)
    await store.delete_at(A, moments(200), BY)
    rows = await read_all(store, 0, 999, 0)
    for resolution in Resolution:
        read = await store.read_summaries(A, at(-3600) or 0, at(7200) or 0, resolution)
        expected: dict[int, list[float]] = {}
        for moment, value in rows:
            expected.setdefault(((at(moment) or 0) // resolution.ticks) * resolution.ticks, []).append(value)
        assert read.start.tolist() == sorted(expected)
        assert read.good.tolist() == [len(expected[start]) for start in sorted(expected)]
        assert read.total.tolist() == pytest.approx([sum(expected[start]) for start in sorted(expected)])
        assert read.maximum.tolist() == [max(expected[start]) for start in sorted(expected)]


async def test_old_values_keep_to_their_part_of_the_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = SQLiteStore(tmp_path / "history.sqlite", retention_days=36_500, largest_bytes=1 << 20)
    await store.open()
    await put(store, 1, *((B, moment, float(moment)) for moment in range(3000)))
    noise = np.random.default_rng(7)
    for _ in range(12):
        new = samples([(moment, float(value)) for moment, value in enumerate(noise.normal(size=5000))])
        await store.update(A, new, UpdateKind.UPDATE, BY)
        await store.compact()
    with closing(sqlite3.connect(tmp_path / "history.sqlite")) as connection:
        (counted,) = connection.execute("SELECT value FROM total WHERE name = 'modified_bytes'").fetchone()
        size, count = connection.execute(
            "SELECT sum(length(payload) + length(user) + 120), count(*) FROM modified"
        ).fetchone()
    assert counted == size <= 1 << 18
    assert count
    assert "old values" in caplog.text
    # nobody touched the other point, and nothing of it went
    assert len(await store.read_raw(B, at(0), None, 10_000)) == 3000
    await store.close()


async def test_old_values_and_what_is_damaged_go_before_samples(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    store = SQLiteStore(path, retention_days=36_500)
    await store.open()
    await put(store, 1, *((B, moment, float(moment)) for moment in range(3000)))
    noise = np.random.default_rng(7)
    for turn in range(6):
        new = samples([(turn * 5000 + moment, float(value)) for moment, value in enumerate(noise.normal(size=5000))])
        await store.update(A, new, UpdateKind.UPDATE, BY)
    await store.close()
    with closing(sqlite3.connect(path)) as connection:
        damaged = ("segment", 1, "torn", noise.bytes(200_000))
        connection.execute("INSERT INTO damaged (kind, samples, reason, payload) VALUES (?, ?, ?, ?)", damaged)
        connection.commit()
        raw = connection.execute("SELECT count(*) FROM block").fetchone()
        pages, free = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count"))
        (old,) = connection.execute("SELECT sum(length(payload)) FROM modified").fetchone()
    # without the old values it still is a little too large; a quarter is left for the log
    tight = SQLiteStore(path, retention_days=36_500, largest_bytes=((pages - free) * 8192 - old - 80_000) * 4 // 3)
    await tight.open()
    await tight.compact()
    await tight.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM block").fetchone() == raw
        assert connection.execute("SELECT count(*) FROM damaged").fetchone() == (0,)


async def test_what_one_call_changes_shares_a_row(store: SQLiteStore, tmp_path: Path) -> None:
    for moment in range(300):
        await store.update(A, samples([(moment, float(moment))]), UpdateKind.INSERT, BY)
    assert len(dump(tmp_path / "history.sqlite")["modified"]) == 2
    page = await store.read_modified(A, at(0), at(999), 0)
    assert page.page.values.tolist() == [float(moment) for moment in range(300)]


async def test_a_page_of_old_values_decodes_what_it_gives_alone(store: SQLiteStore) -> None:
    for turn in range(120):
        by = Modification(turn, "anna")
        await store.update(A, samples([(1, float(turn))]), UpdateKind.UPDATE, by)
        await store.update(A, samples([(turn + 2, 0.0)]), UpdateKind.INSERT, by)
    found: list[float] = []
    cursor = None
    with mock.patch.object(chunks, "read", wraps=chunks.read) as read:
        for _ in range(12):
            page = await store.read_modified(A, at(0), at(999), 10, cursor=cursor)
            found += page.page.values.tolist()
            cursor = page.page.cursor
    # a time's first value stands as inserted, each later change keeps the value before it, newest first
    assert found == [float(turn) for turn in range(118, -1, -1)] + [0.0]
    # a value each, and once a page the row of two times that the first call made
    assert read.call_count <= 132
    counts = mock.Mock(wraps=modified_scan._Scan._settled)  # pyright: ignore[reportPrivateUsage] - how often it counts all
    with mock.patch.object(modified_scan._Scan, "_settled", counts):  # pyright: ignore[reportPrivateUsage] - as above
        await store.read_modified(A, at(0), at(999), 1)
    assert counts.call_count < 10
