"""The writer's thread outlives whatever a disk does."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest

from core.errors import StoreError, StoreUnavailable
from historian.database import Database
from historian.outbox_schema import SCHEMA
from historian.threads import Reader, Writer
from tests.disk import disk


async def writer(path: Path) -> Writer:
    database = Database(path, SCHEMA)
    database.prepare()
    made = Writer(database)
    await made.start()
    return made


def insert(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO stream (name) VALUES (hex(randomblob(8)))")


async def test_an_operation_that_fails_spoils_none_of_those_that_share_its_commit(tmp_path: Path) -> None:
    made = await writer(tmp_path / "outbox.sqlite")

    def refuse(connection: sqlite3.Connection) -> None:
        insert(connection)
        message = "this one alone"
        raise StoreUnavailable(message)

    outcomes = await asyncio.gather(*[made.run(one) for one in (insert, refuse, insert)], return_exceptions=True)
    assert [isinstance(outcome, StoreUnavailable) for outcome in outcomes] == [False, True, False]
    assert await made.run(lambda connection: connection.execute("SELECT count(*) FROM stream").fetchone()) == (2,)
    await made.stop()


async def test_fault_16_a_failing_disk_is_asked_once_for_all_that_share_a_commit(tmp_path: Path) -> None:
    with disk(tmp_path) as below:
        made = await writer(tmp_path / "outbox.sqlite")
        below.events = []
        below.syncs_fail = True

        outcomes = await asyncio.gather(*[made.run(insert) for _ in range(50)], return_exceptions=True)
        assert all(isinstance(outcome, StoreUnavailable) for outcome in outcomes)
        assert sum(event.kind == "failed sync" for event in below.events) < 10
        below.syncs_fail = False
        assert await made.run(lambda connection: connection.execute("SELECT count(*) FROM stream").fetchone()) == (0,)
        await made.run(insert)
        await made.stop()


class Stubborn(sqlite3.Connection):
    """A connection whose first rollback fails, as a disk lets it that gives nothing back."""

    refused = False

    def rollback(self) -> None:
        if not self.refused:
            self.refused = True
            failure = sqlite3.OperationalError("disk I/O error")
            failure.sqlite_errorcode = sqlite3.SQLITE_IOERR
            raise failure
        super().rollback()


async def test_fault_16_a_transaction_that_cannot_be_taken_back_ends_before_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "outbox.sqlite"
    Database(path, SCHEMA).prepare()

    def stubborn(_: Database) -> sqlite3.Connection:
        return sqlite3.connect(path, isolation_level=None, factory=Stubborn)

    monkeypatch.setattr(Database, "connect", stubborn)
    made = Writer(Database(path, SCHEMA))
    await made.start()

    def fails(connection: sqlite3.Connection) -> None:
        insert(connection)
        message = "amid it"
        raise StoreUnavailable(message)

    with pytest.raises(StoreUnavailable, match="amid it"):
        await made.run(fails)
    await made.run(insert)
    assert await made.run(lambda connection: connection.execute("SELECT count(*) FROM stream").fetchone()) == (1,)
    await made.stop()


async def test_an_error_of_pythons_own_module_is_its_callers_alone(tmp_path: Path) -> None:
    made = await writer(tmp_path / "outbox.sqlite")

    def unbound(connection: sqlite3.Connection) -> None:
        connection.execute("SELECT ?", (object(),))

    outcomes = await asyncio.wait_for(
        asyncio.gather(*[made.run(one) for one in (insert, unbound, insert)], return_exceptions=True), 60
    )
    assert [type(outcome) for outcome in outcomes] == [type(None), StoreError, type(None)]
    assert await made.run(lambda connection: connection.execute("SELECT count(*) FROM stream").fetchone()) == (2,)
    await made.stop()


async def test_a_thread_that_ends_unforeseen_lets_nobody_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made = await writer(tmp_path / "outbox.sqlite")

    def broken(_: Writer, connection: sqlite3.Connection, batch: list[object]) -> None:
        raise MemoryError(connection.in_transaction, len(batch))

    with monkeypatch.context() as patched:
        patched.setattr(Writer, "_commit", broken)
        outcomes = await asyncio.wait_for(
            asyncio.gather(*[made.run(insert) for _ in range(100)], return_exceptions=True), 60
        )
    assert {type(outcome) for outcome in outcomes} == {StoreError}
    with pytest.raises(StoreError, match="its writer ended"):  # and so for whoever comes later
        await asyncio.wait_for(made.run(insert), 30)
    await asyncio.wait_for(made.stop(), 30)
    assert caplog.text.count("nothing is written any more") == 1
    await made.start()
    await asyncio.wait_for(made.run(insert), 30)
    await made.stop()


async def test_a_thread_that_fails_with_its_last_operations_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await writer(tmp_path / "outbox.sqlite")

    def broken(_: Writer, connection: sqlite3.Connection, batch: list[object]) -> None:
        raise MemoryError(connection.in_transaction, len(batch))

    entered, go_on = threading.Event(), threading.Event()

    def holds(_: sqlite3.Connection) -> None:
        entered.set()
        go_on.wait(60)

    holding = asyncio.create_task(made.run(holds))
    await asyncio.to_thread(entered.wait, 60)
    last = asyncio.create_task(made.run(insert))
    await asyncio.sleep(0)
    stopping = asyncio.create_task(made.stop())
    await asyncio.sleep(0)
    monkeypatch.setattr(Writer, "_commit", broken)  # for the batch of the last one and the end
    go_on.set()
    await asyncio.wait_for(stopping, 30)
    await holding
    with pytest.raises(StoreError, match="its writer ended"):
        await last


async def test_a_writer_whose_file_could_not_be_opened_is_started_again(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    made = Writer(Database(path, SCHEMA))
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await asyncio.wait_for(made.start(), 30)
    Database(path, SCHEMA).prepare()
    await made.start()
    await asyncio.wait_for(made.run(insert), 30)
    await made.stop()


async def test_a_reader_that_was_stopped_opens_nothing_until_it_is_prepared_again(tmp_path: Path) -> None:
    database = Database(tmp_path / "outbox.sqlite", SCHEMA)
    database.prepare()
    reader = Reader(database)

    async def read() -> int:
        return await reader.run(lambda connection: connection.execute("SELECT 1").fetchone()[0])

    assert await read() == 1, "without being prepared"
    await reader.stop()
    threads = threading.active_count()
    with pytest.raises(StoreUnavailable, match="it is closed"):
        await read()
    assert threading.active_count() == threads
    await reader.prepare()
    assert await read() == 1
    await reader.stop()
