"""The threads that own SQLite connections: one that writes, many callers sharing a commit; one that reads."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from core.errors import StoreError, StoreUnavailable
from historian.database import Database, translate, translated

_log = logging.getLogger("plantspace.historian")

T = TypeVar("T")

_PENDING: Final = 256
"""Operations that wait for the writer at most; further callers wait their turn on the loop."""
_PER_COMMIT: Final = 64


@dataclass(slots=True, eq=False)
class _Operation:
    run: Callable[[sqlite3.Connection], Any]  # each has a result type of its own
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop

    def finish(self, result: object) -> None:
        self._tell(lambda: None if self.future.done() else self.future.set_result(result))

    def fail(self, error: Exception) -> None:
        self._tell(lambda: None if self.future.done() else self.future.set_exception(error))

    def _tell(self, settle: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self.loop.call_soon_threadsafe(settle)


class Writer:
    """Runs operations one after the other in a thread of its own.

    Those that wait together share one transaction and one fsync. An operation may be run twice (alone, after another
    one spoilt the shared transaction), so it keeps no state but the database's.
    """

    def __init__(self, database: Database) -> None:
        """Name the file; the connection is opened by :meth:`start`."""
        self._database = database
        self._queue: queue.SimpleQueue[_Operation | None] = queue.SimpleQueue()
        self._room = asyncio.Semaphore(_PENDING)
        self._thread: threading.Thread | None = None
        self._ended: asyncio.Future[None] | None = None

    async def start(self) -> None:
        """Open the connection. Raises :class:`~core.errors.StoreUnavailable`."""
        loop = asyncio.get_running_loop()
        self._queue = queue.SimpleQueue()
        opened: asyncio.Future[None] = loop.create_future()
        self._ended = loop.create_future()
        first = _Operation(lambda _: None, opened, loop)
        self._thread = threading.Thread(
            target=self._work,
            args=(first, _Operation(lambda _: None, self._ended, loop)),
            name=self._database.path.name,
        )
        self._thread.start()
        try:
            await opened
        except StoreError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Finish what waits and end the thread. Safe twice and before :meth:`start`."""
        thread, self._thread = self._thread, None
        if thread is None or self._ended is None:
            return
        self._queue.put(None)
        await self._ended
        thread.join()

    async def run(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``operation`` inside a transaction; its result comes when that is durable.

        Raises :class:`~core.errors.StoreError` kinds for SQLite's errors, and whatever the operation raises; then
        nothing of it is kept. Once the thread has failed in a way nobody foresaw, each one gets
        :class:`~core.errors.StoreError`.
        """
        async with self._room:
            if self._thread is None:
                message = f"{self._database.path}: it is not open"
                raise StoreUnavailable(message)
            loop = asyncio.get_running_loop()
            future: asyncio.Future[T] = loop.create_future()
            self._queue.put(_Operation(operation, future, loop))
            return await future

    def _work(self, opened: _Operation, ended: _Operation) -> None:
        try:
            with contextlib.closing(self._database.connect()) as connection:
                opened.finish(None)
                self._serve(connection)
        except BaseException as error:  # noqa: BLE001 - whoever waits for this thread would wait for ever
            failure = self._foreseen(error)
            opened.fail(failure)
            while (operation := self._queue.get()) is not None:
                operation.fail(failure)
        finally:
            ended.finish(None)

    def _serve(self, connection: sqlite3.Connection) -> None:
        """Commit what comes until :meth:`stop`. What it had taken when it failed has the error too."""
        stopping = False
        while not stopping:
            batch, stopping = self._take()
            try:
                if batch:
                    self._commit(connection, batch)
            except BaseException as error:
                failure = self._foreseen(error)
                for operation in batch:
                    operation.fail(failure)
                raise failure from error
            finally:
                if stopping:
                    self._queue.put(None)  # for whoever looks for the end after a failure

    def _take(self) -> tuple[list[_Operation], bool]:
        """Wait for operations; gives those that can share a commit, and whether they are the last ones."""
        batch: list[_Operation] = []
        waiting = self._queue.get()
        while waiting is not None:
            batch.append(waiting)
            if len(batch) >= _PER_COMMIT:
                return batch, False
            try:
                waiting = self._queue.get_nowait()
            except queue.Empty:
                return batch, False
        return batch, True

    def _foreseen(self, error: BaseException) -> StoreError:
        """Turn what ended the thread into what its callers expect, and tell of it once."""
        if isinstance(error, StoreError):
            return error
        _log.critical("%s: nothing is written any more", self._database.path, exc_info=error)
        return StoreError(f"{self._database.path}: its writer ended ({error!r}); start Plantspace again")

    def _commit(self, connection: sqlite3.Connection, batch: list[_Operation]) -> None:
        try:
            if connection.in_transaction:  # the disk did not even let the last one be taken back
                connection.rollback()
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            failure = translate(self._database.path, error)
            for operation in batch:
                operation.fail(failure)
            return
        try:
            results = [operation.run(connection) for operation in batch]
            connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - whatever an operation raises is its caller's
            with contextlib.suppress(sqlite3.Error):
                if connection.in_transaction:
                    connection.rollback()
            if len(batch) > 1 and not _is_of_the_disk(error):
                for operation in batch:
                    self._commit(connection, [operation])
                return
            failure = translate(self._database.path, error) if isinstance(error, sqlite3.Error) else error
            for operation in batch:
                operation.fail(failure)
            return
        for operation, result in zip(batch, results, strict=True):
            operation.finish(result)


def _is_of_the_disk(error: Exception) -> bool:
    """Tell whether the disk failed, as in a sync: no operation is to blame, and none is tried again at once."""
    # errors of Python's own module, as for a value that has no place in a column, have no code
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return isinstance(error, sqlite3.Error) and code & 0xFF == sqlite3.SQLITE_IOERR


class Reader:
    """Runs queries in a thread of its own, each on one snapshot; writers are neither waited for nor held up (WAL)."""

    def __init__(self, database: Database) -> None:
        """Name the file; the connection is opened with the first query."""
        self._database = database
        self._executor: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None
        self._stopped = False

    async def prepare(self, *, distrust: bool = False, replaces: bool = True) -> Path | None:
        """Check and if need be begin the file in the reader's thread (:meth:`Database.prepare`).

        One that was stopped reads again.
        """

        def work() -> Path | None:
            self._close()  # one opened by a read meanwhile would go on reading the file that is set aside
            return self._database.prepare(distrust=distrust, replaces=replaces)

        self._stopped = False
        return await self._call(work)

    async def run(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``query``. Raises :class:`~core.errors.StoreError` kinds for SQLite's errors, and whatever it raises.

        After :meth:`stop` it raises :class:`~core.errors.StoreUnavailable`.
        """
        return await self._call(lambda: self._query(query))

    async def stop(self) -> None:
        """Finish what waits, close the connection and end the thread. Safe twice and before any query."""
        self._stopped = True
        executor, self._executor = self._executor, None
        if executor is None:
            return
        await asyncio.get_running_loop().run_in_executor(executor, self._close)
        executor.shutdown()

    async def _call(self, work: Callable[[], T]) -> T:
        if self._stopped:  # nobody would close what is opened now
            message = f"{self._database.path}: it is closed"
            raise StoreUnavailable(message)
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, f"{self._database.path.name}-reader")
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def _query(self, query: Callable[[sqlite3.Connection], T]) -> T:
        with translated(self._database.path):
            if self._connection is None:
                self._connection = self._database.connect(read_only=True)
            self._connection.execute("BEGIN")
            try:
                return query(self._connection)
            finally:
                self._connection.rollback()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
