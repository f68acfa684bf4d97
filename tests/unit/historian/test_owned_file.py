"""A file that one process alone writes: opened again and again while its disk fails, replaced, tended."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from core.errors import StoreCorrupt, StoreUnavailable
from historian.database import Database, Schema
from historian.events.sqlite import SQLiteEventStore
from historian.owned_file import OwnedFile
from historian.sqlite import SQLiteStore
from historian.threads import Reader
from tests.disk import disk
from tests.waiting import until

SCHEMA = Schema(77, 1, frozenset({"kept"}), "CREATE TABLE kept (number INTEGER)")


async def _never() -> float:
    return 3600.0


def _owned(path: Path, tend: Callable[[], Awaitable[float]] = _never, *, replaces_damaged: bool = True) -> OwnedFile:
    database = Database(path, SCHEMA, 0.05)
    return OwnedFile(database, Reader(database), tend, replaces_damaged=replaces_damaged)


def _keep(number: int) -> Callable[[sqlite3.Connection], None]:
    return lambda connection: connection.execute("INSERT INTO kept VALUES (?)", (number,)) and None


def _count(connection: sqlite3.Connection) -> int:
    return connection.execute("SELECT count(*) FROM kept").fetchone()[0]


def _set_aside(folder: Path) -> list[Path]:
    return list(folder.glob("*.corrupt-*"))


def _threads(path: Path) -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(path.name)]


@pytest.mark.parametrize("store", [SQLiteStore, SQLiteEventStore])
async def test_one_that_cannot_be_opened_leaves_nothing_behind_however_often_it_is_tried(
    store: type[SQLiteStore | SQLiteEventStore], tmp_path: Path
) -> None:
    with disk(tmp_path) as below:
        owner = store(tmp_path / "kept.sqlite")
        below.syncs_fail = True
        for _ in range(3):
            with pytest.raises(StoreUnavailable):
                await owner.open()
            assert _threads(tmp_path / "kept.sqlite") == []
        below.syncs_fail = False
        await owner.open()
        await owner.close()
        assert _threads(tmp_path / "kept.sqlite") == []


async def test_one_whose_first_write_fails_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "kept.sqlite"
    database = Database(path, SCHEMA, 0.05)

    def refuse(_: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError(path)

    owned = OwnedFile(database, Reader(database), _never, first=refuse)
    for _ in range(2):
        with pytest.raises(Exception, match=r"kept\.sqlite"):
            await owned.open()
        assert _threads(path) == []
    with pytest.raises(StoreUnavailable, match="it is not open"):
        await owned.run(_count)


async def test_of_several_that_meet_the_damage_one_replaces_the_file_for_all(tmp_path: Path) -> None:
    path = tmp_path / "kept.sqlite"
    owned = _owned(path)
    await owned.open()

    def write(connection: sqlite3.Connection) -> int:
        if not _set_aside(tmp_path):
            raise StoreCorrupt(path, "its pages are of chalk")
        connection.execute("INSERT INTO kept VALUES (1)")
        return _count(connection)

    counts = await asyncio.gather(*(owned.write(write) for _ in range(5)))
    assert sorted(counts) == [1, 2, 3, 4, 5]
    assert len(_set_aside(tmp_path)) == 1
    await owned.close()


async def test_a_change_by_hand_does_not_replace_the_file_but_the_next_write_does(tmp_path: Path) -> None:
    path = tmp_path / "kept.sqlite"
    owned = _owned(path)
    await owned.open()
    await owned.write(_keep(1))

    def damaged(_: sqlite3.Connection) -> None:
        raise StoreCorrupt(path, "its pages are of chalk")

    with pytest.raises(StoreCorrupt):
        await owned.run(damaged)
    assert _set_aside(tmp_path) == []
    await owned.write(_keep(2))
    assert await owned.run(_count) == 1
    assert len(_set_aside(tmp_path)) == 1
    await owned.close()


async def test_a_file_of_another_process_stays_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "kept.sqlite"
    owned = _owned(path, replaces_damaged=False)
    await owned.open()

    def damaged(_: sqlite3.Connection) -> None:
        raise StoreCorrupt(path, "its pages are of chalk")

    for call in (owned.run, owned.write):
        with pytest.raises(StoreCorrupt):
            await call(damaged)
    await owned.write(_keep(1))
    assert _set_aside(tmp_path) == []
    await owned.close()


async def test_it_is_tended_when_woken_also_by_what_comes_meanwhile(tmp_path: Path) -> None:
    rounds = 0
    held, going = asyncio.Event(), asyncio.Event()

    async def tend() -> float:
        nonlocal rounds
        rounds += 1
        going.set()
        await held.wait()
        return 3600.0

    owned = _owned(tmp_path / "kept.sqlite", tend)
    await owned.open()
    await going.wait()
    owned.wake()  # while a round is going on: it may have passed what this is about
    held.set()
    await until(lambda: rounds == 2)
    owned.wake()
    await until(lambda: rounds == 3)
    await owned.close()


async def test_nobody_foresaw_it_and_it_is_tended_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rounds = 0

    async def tend() -> float:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            message = "a page of cheese"
            raise ValueError(message)
        return 3600.0

    owned = _owned(tmp_path / "kept.sqlite", tend)
    await owned.open()
    await until(lambda: rounds == 2)
    assert "a page of cheese" in caplog.text
    await owned.close()
