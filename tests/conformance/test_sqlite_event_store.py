from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from unittest import mock

import pytest

from core.backoff import Backoff
from core.errors import StoreCorrupt, StoreUnavailable
from core.quality import Status
from historian.editing import UpdateKind
from historian.events import scan, tables
from historian.events.contract import EventDelivery, EventStore
from historian.events.sqlite import SQLiteEventStore
from tests.clock import ManualClock
from tests.conformance.event_store import PUMP, TANK, EventStoreConformance, at, event, names, put
from tests.waiting import until

HOUR = 3600


class TestSQLiteEventStore(EventStoreConformance):
    def make(self, folder: Path) -> EventStore:
        return SQLiteEventStore(folder / "events.sqlite", retention_days=36_500)

    async def test_pages_end_early_where_much_is_looked_at(
        self, store: EventStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(scan, "EXAMINED", 7)
        await put(store, 1, *(event(f"e{number}", number, f"i={number % 15}") for number in range(45)))
        wanted = {f"i={number}" for number in range(9)}
        expected = [f"e{number}" for number in range(45) if number % 15 < 9]
        assert await names(store, 0, 99, 5, wanted) == expected
        assert await names(store, 99, -1, 5, wanted) == expected[::-1]

    async def test_pages_have_so_many_bytes(self, store: EventStore, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(scan, "PAGE_BYTES", 60)
        await put(store, 1, *(event(f"e{number}", number) for number in range(9)))
        page = await store.read(at(0), at(99), 9)
        assert 0 < len(page.events) < 9
        assert await names(store, 0, 99, 9) == [f"e{number}" for number in range(9)]


def set_aside(folder: Path) -> int:
    """Count the files that were set aside."""
    return len([one for one in folder.glob("*.corrupt-*") if not one.name.endswith(("-wal", "-shm"))])


def kept(folder: Path, clock: ManualClock, *, largest: int = 1 << 30) -> SQLiteEventStore:
    return SQLiteEventStore(folder / "events.sqlite", retention_days=1, largest_bytes=largest, clock=clock)


async def test_events_expire_by_their_time(tmp_path: Path) -> None:
    clock = ManualClock()
    store = kept(tmp_path, clock)
    await store.open()
    try:
        await put(store, 1, event("old", -25 * HOUR), event("new", -23 * HOUR), event("late", -26 * HOUR))
        await store.expire()
        assert await names(store, -99 * HOUR, 9, 5) == ["new"]
        rows = [event("new", -25 * HOUR), event("too old", -25 * HOUR), event("good", -22 * HOUR)]
        expected = [Status.BAD_OUT_OF_RANGE, Status.BAD_OUT_OF_RANGE, Status.GOOD_ENTRY_INSERTED]
        assert await store.update(rows, UpdateKind.UPDATE) == expected
        clock.jump(3 * HOUR)
        await store.expire()
        statistics = await store.statistics()
        assert (statistics.events, statistics.appended, statistics.expired) == (0, 4, 4)
    finally:
        await store.close()


async def test_the_oldest_go_where_there_are_too_many_bytes(tmp_path: Path) -> None:
    store = kept(tmp_path, ManualClock(), largest=20_000)
    await store.open()
    try:
        for sequence in range(10):
            few = (event(f"e{sequence * 30 + number:03}", sequence * 30 + number) for number in range(30))
            await put(store, sequence + 1, *few)

        async def has_shrunk() -> bool:
            return (await store.statistics()).events < 150

        await until(has_shrunk, seconds=30)
        left = await names(store, 0, 999)
        assert left == [f"e{number:03}" for number in range(300 - len(left), 300)]
        assert len(left) > 50
    finally:
        await store.close()


async def test_an_event_whose_bytes_are_damaged_is_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = kept(tmp_path, ManualClock())
    await store.open()
    try:
        await put(store, 1, event("a", 1), event("b", 2), event("c", 3))
        with closing(sqlite3.connect(tmp_path / "events.sqlite")) as connection:
            connection.execute("UPDATE event SET payload = x'0000' WHERE event_id = ?", (b"b",))
            connection.commit()
        page = await store.read(at(0), at(9), 0)
        assert ([one.event_id for one in page.events], page.damaged) == ([b"a", b"c"], 1)
        assert len(page.positions) == 2
        assert "1 events cannot be read" in caplog.text
        assert await store.find([b"b"]) == [None]
    finally:
        await store.close()


async def test_a_damaged_file_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "events.sqlite").write_bytes(b"no database" * 100)
    store = kept(tmp_path, ManualClock())
    outcome = await store.open()
    try:
        assert outcome.set_aside is not None
        await put(store, 1, event("a", 1))
        assert await names(store, 0, 9) == ["a"]
    finally:
        await store.close()


async def test_reads_go_along_an_index(tmp_path: Path) -> None:
    store = kept(tmp_path, ManualClock())
    await store.open()
    try:
        await put(store, 1, *(event(f"e{number}", number, (PUMP, TANK)[number % 2]) for number in range(40)))
        asked: list[str] = []
        with closing(sqlite3.connect(tmp_path / "events.sqlite")) as connection:
            connection.set_trace_callback(asked.append)
            for start, end in ((0, 9), (9, 0)):
                domain = scan.TimeDomain.of(at(start), at(end), 5)
                for sources in (None, {PUMP}):
                    scan.read_page(connection, domain, 5, sources, None)
            connection.set_trace_callback(None)
            for query in (one for one in asked if "FROM event WHERE" in one):
                (plan,) = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}")]
                assert "USING" in plan
                assert "INDEX event_" in plan, plan
    finally:
        await store.close()


async def test_two_that_meet_the_damage_replace_the_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = kept(tmp_path, ManualClock())
    await store.open()
    append = tables.append

    def damaged(connection: sqlite3.Connection, deliveries: Sequence[EventDelivery], origin: str) -> int:
        if not set_aside(tmp_path):
            raise StoreCorrupt(tmp_path, "torn")
        return append(connection, deliveries, origin)

    monkeypatch.setattr(tables, "append", damaged)
    few = [store.append([EventDelivery(1, [event(f"e{number}", number)])], f"origin {number}") for number in range(3)]
    await asyncio.wait_for(asyncio.gather(*few), 30)
    assert await names(store, 0, 9, 9) == ["e0", "e1", "e2"]
    assert set_aside(tmp_path) == 1
    await asyncio.wait_for(store.close(), 30)


async def test_after_an_error_the_keeper_waits_whatever_comes(tmp_path: Path) -> None:
    store = kept(tmp_path, ManualClock(), largest=1)
    with (
        mock.patch.object(tables, "expire", side_effect=StoreUnavailable("locked")) as expire,
        mock.patch.object(Backoff, "next", return_value=3600.0),
    ):
        await store.open()
        await until(lambda: expire.call_count == 1, seconds=30)
        for sequence in range(9):
            await put(store, sequence + 1, event(f"e{sequence}", sequence))
        assert expire.call_count == 1
        await asyncio.wait_for(store.close(), 30)
