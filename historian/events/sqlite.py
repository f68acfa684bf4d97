"""The store of events in SQLite: a row an event, found by time, by source and time, and by EventId."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from core.time import TICKS_PER_SECOND, Clock, SystemClock
from historian.contract import Cursor, OpenOutcome
from historian.database import Database
from historian.editing import UpdateKind
from historian.events import scan, tables
from historian.events.contract import EventDelivery, EventPage, EventStatistics, StoredEvent
from historian.events.schema import SCHEMA
from historian.owned_file import OwnedFile
from historian.raw_read import TimeDomain
from historian.threads import Reader

_log = logging.getLogger("plantspace.historian")

_EXPIRY_INTERVAL: Final = 600.0
"""Seconds between two looks for what is older than the retention."""


class SQLiteEventReader:
    """Reads a file of events, also one that a running gateway writes."""

    def __init__(self, path: Path, *, lock_wait: float = 1.0) -> None:
        """Name the file, which must exist by the first read. ``lock_wait``: seconds to wait for another's lock."""
        self._database = Database(path, SCHEMA, lock_wait)
        self._reader = Reader(self._database)

    async def close(self) -> None:
        """Release everything; safe twice and before any read."""
        await self._reader.stop()

    async def read(
        self,
        start: int | None,
        end: int | None,
        limit: int,
        *,
        sources: Collection[str] | None = None,
        cursor: Cursor | None = None,
    ) -> EventPage:
        """Read events (:meth:`historian.events.contract.EventStore.read`)."""
        domain = TimeDomain.of(start, end, limit)
        page = await self._reader.run(
            lambda connection: scan.read_page(connection, domain, limit, sources, cursor),
        )
        if page.damaged:
            _log.error("%s: %d events cannot be read, their bytes are damaged", self._database.path, page.damaged)
        return page

    async def sources(self) -> frozenset[str]:
        """Name the SourceNodes that have or had events."""
        return await self._reader.run(scan.sources)

    async def find(self, event_ids: Sequence[bytes]) -> list[StoredEvent | None]:
        """Look events up; None for each that is not kept."""
        return await self._reader.run(lambda connection: scan.find(connection, event_ids))

    async def statistics(self) -> EventStatistics:
        """Measure the store."""

        def query(connection: sqlite3.Connection) -> EventStatistics:
            total: dict[str, int] = dict(connection.execute("SELECT name, value FROM total"))
            return EventStatistics(total["events"], total["appended"], total["expired"], self._database.size())

        return await self._reader.run(query)


class SQLiteEventStore(SQLiteEventReader):
    """One file of events, written by this process alone."""

    def __init__(
        self,
        path: Path,
        *,
        retention_days: float = 365.0,
        largest_bytes: int = 1 << 30,
        lock_wait: float = 1.0,
        clock: Clock | None = None,
    ) -> None:
        """Name the file. Events older than ``retention_days`` by their Time go, and the oldest over ``largest_bytes``.

        That is what the events take; the file never gets smaller, its free room is used again.
        """
        super().__init__(path, lock_wait=lock_wait)
        self._retention = int(retention_days * 86_400 * TICKS_PER_SECOND)
        self._largest = largest_bytes
        self._clock: Clock = clock or SystemClock()
        self._owned = OwnedFile(self._database, self._reader, self._tend)

    async def open(self) -> OpenOutcome:
        """Open or begin the file; a damaged one is set aside. Raises :class:`~core.errors.StoreUnavailable`."""
        return await self._owned.open()

    async def close(self) -> None:
        """Release everything; safe twice and before :meth:`open`."""
        await self._owned.close()

    async def append(self, deliveries: Sequence[EventDelivery], origin: str) -> None:
        """Keep events (:meth:`historian.events.contract.EventStore.append`); replaces a file found damaged."""
        kept = await self._owned.write(lambda connection: tables.append(connection, deliveries, origin))
        if kept > self._largest:
            self._owned.wake()

    async def applied(self, origin: str) -> int:
        """Give the highest sequence kept from an origin; 0 for an unknown one."""
        return await self._reader.run(lambda connection: tables.applied(connection, origin))

    async def update(self, events: Sequence[StoredEvent], kind: UpdateKind) -> list[int]:
        """Insert, replace or update events (:meth:`historian.events.contract.EventStore.update`)."""
        oldest = self._oldest()
        return await self._owned.write(lambda connection: tables.update(connection, events, kind, oldest))

    async def delete(self, event_ids: Sequence[bytes]) -> list[int]:
        """Delete events; Good or BadEventIdUnknown each (Part 11 v1.05 6.9.7)."""
        return await self._owned.write(lambda connection: tables.delete(connection, event_ids))

    async def expire(self) -> None:
        """Drop what is older than the retention or too much; happens by itself in the background too."""
        oldest = self._oldest()
        while await self._owned.run(lambda connection: tables.expire(connection, oldest, self._largest)):
            pass

    def _oldest(self) -> int:
        return self._clock.now() - self._retention

    async def _tend(self) -> float:
        await self.expire()
        return _EXPIRY_INTERVAL
