"""The SQLite store: durable segments as they come, merged into blocks a point in the background, read on a snapshot."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from core.backoff import Backoff
from core.errors import StoreCorrupt, StoreError
from core.time import TICKS_PER_SECOND, Clock, SystemClock
from historian.contract import Cursor, Delivery, OpenOutcome, RawPage, StoreCapabilities, StoreStatistics
from historian.database import Database
from historian.raw_read import TimeDomain, read_page
from historian.sqlite import merge, tables
from historian.sqlite.scan import PointScan
from historian.sqlite.schema import SCHEMA
from historian.threads import Reader, Writer

_log = logging.getLogger("plantspace.historian")

_EXPIRY_INTERVAL: Final = 600.0
"""Seconds between two looks for what is older than the retention."""


class SQLiteReader:
    """Reads a history file, also one that a running gateway writes."""

    def __init__(self, path: Path, *, lock_wait: float = 1.0) -> None:
        """Name the file, which must exist by the first read. ``lock_wait``.

        Seconds to wait for another process's lock.
        """
        self._database = Database(path, SCHEMA, lock_wait)
        self._reader = Reader(self._database)

    async def close(self) -> None:
        """Release everything; safe twice and before any read."""
        await self._reader.stop()

    async def read_raw(
        self,
        point: str,
        start: int | None,
        end: int | None,
        limit: int,
        *,
        bounds: bool = False,
        cursor: Cursor | None = None,
    ) -> RawPage:
        """Read raw values (:meth:`historian.contract.HistoryReader.read_raw`)."""
        domain = TimeDomain.of(start, end, limit)
        return await self._reader.run(
            lambda connection: read_page(PointScan(connection, point), domain, limit, bounds=bounds, cursor=cursor)
        )

    async def points(self) -> tuple[str, ...]:
        """Name the points that have or had history, as NodeId texts."""

        def query(connection: sqlite3.Connection) -> tuple[str, ...]:
            return tuple(row[0] for row in connection.execute("SELECT node FROM point ORDER BY node"))

        return await self._reader.run(query)

    async def statistics(self) -> StoreStatistics:
        """Measure the store."""

        def query(connection: sqlite3.Connection) -> StoreStatistics:
            total: dict[str, int] = dict(connection.execute("SELECT name, value FROM total"))
            points, segments, blocks = connection.execute(
                "SELECT (SELECT count(*) FROM point), (SELECT count(*) FROM segment), (SELECT count(*) FROM block)"
            ).fetchone()
            appended, expired, damaged = total["appended"], total["expired"], total["damaged"]
            kept = appended - expired - damaged
            return StoreStatistics(points, kept, appended, expired, damaged, segments, blocks, self._database.size())

        return await self._reader.run(query)


class SQLiteStore(SQLiteReader):
    """One history file, written by this process alone."""

    capabilities = StoreCapabilities()

    def __init__(
        self,
        path: Path,
        *,
        retention_days: float = 30.0,
        lock_wait: float = 1.0,
        clock: Clock | None = None,
    ) -> None:
        """Name the file. Samples older than ``retention_days`` by their source time go, a block at a time."""
        super().__init__(path, lock_wait=lock_wait)
        self._retention = int(retention_days * 86_400 * TICKS_PER_SECOND)
        self._clock: Clock = clock or SystemClock()
        self._writer = Writer(self._database)
        self._points: dict[str, int] = {}
        """Ids of points that are committed, so that no append looks them up again."""
        self._due = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._distrusted = False
        """The file was found damaged in use, and no new one could be begun yet."""

    async def open(self) -> OpenOutcome:
        """Open or begin the file; a damaged one is set aside. Raises :class:`~core.errors.StoreUnavailable`."""
        return await self._open(distrust=False)

    async def close(self) -> None:
        """Release everything; safe twice and before :meth:`open`."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
        await self._writer.stop()
        await super().close()

    async def append(self, deliveries: Sequence[Delivery], origin: str) -> None:
        """Keep samples (:meth:`historian.contract.HistoryStore.append`).

        A file found damaged is replaced by a new one.
        """

        def add(connection: sqlite3.Connection) -> dict[str, int]:
            return tables.append(connection, deliveries, origin, self._points)

        if self._distrusted:
            await self._replace()
        try:
            found = await self._writer.run(add)
        except StoreCorrupt:
            self._distrusted = True
            await self._replace()
            found = await self._writer.run(add)
        self._points.update(found)
        self._due.set()

    async def applied(self, origin: str) -> int:
        """Give the highest sequence kept from an origin; 0 for an unknown one."""
        return await self._reader.run(lambda connection: tables.applied(connection, origin))

    async def compact(self) -> None:
        """Merge all that is due; happens by itself in the background too."""
        while await self._writer.run(merge.step):
            pass

    async def expire(self) -> None:
        """Drop what is older than the retention; happens by itself every ten minutes too."""
        before = self._clock.now() - self._retention
        point: int | None = 0
        while point is not None:
            last = point
            point = await self._writer.run(lambda connection, last=last: tables.expire(connection, before, last))

    async def _open(self, *, distrust: bool) -> OpenOutcome:
        outcome = OpenOutcome(await self._reader.prepare(distrust=distrust))
        self._points.clear()
        await self._writer.start()
        self._due.set()
        self._keeper = asyncio.create_task(self._keep(), name=f"{self._database.path.name}-keeper")
        return outcome

    async def _replace(self) -> None:
        """Begin a new file in the place of one found damaged in use; asked for again where that fails half way."""
        await self.close()
        await self._open(distrust=True)
        self._distrusted = False

    async def _keep(self) -> None:
        """Merge when something came, expire now and then; a locked or full disk is tried again later."""
        loop = asyncio.get_running_loop()
        backoff = Backoff()
        next_expiry = loop.time()
        while True:
            try:
                if loop.time() >= next_expiry:
                    await self.expire()
                    next_expiry = loop.time() + _EXPIRY_INTERVAL
                await self.compact()
                backoff.reset()
                timeout = next_expiry - loop.time()
            except StoreCorrupt as error:
                _log.error("%s; the file is set aside with the next samples", error)
                self._distrusted = True
                return
            except StoreError as error:
                _log.warning("history is not being merged for now: %s", error)
                timeout = backoff.next()
                self._due.clear()
            except Exception:  # noqa: BLE001 - what nobody foresaw must not end merging and retention for ever
                _log.exception("history could not be merged in a way that was not foreseen")
                timeout = backoff.next()
                self._due.clear()
            # not wait_for: before Python 3.12 it loses a cancellation that comes together with the event
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._due.wait()
                    self._due.clear()
