"""The SQLite store: durable segments as they come, merged into blocks a point in the background, read on a snapshot."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

from core.batch import TimeArray
from core.quality import StatusArray
from core.time import TICKS_PER_SECOND, Clock, SystemClock
from historian.contract import Cursor, Delivery, OpenOutcome, RawPage, StoreCapabilities, StoreStatistics
from historian.database import Database
from historian.editing import Modification, ModifiedPage, PointSamples, UpdateKind
from historian.owned_file import OwnedFile
from historian.raw_read import TimeDomain, read_page
from historian.resolutions import Resolution, Summaries
from historian.sqlite import (
    edits,
    merge,
    modified,
    modified_scan,
    retention,
    statistics,
    summary_scan,
    summary_tables,
    tables,
)
from historian.sqlite.ingest import IngestRate
from historian.sqlite.retention import Retention
from historian.sqlite.scan import PointScan
from historian.sqlite.schema import SCHEMA
from historian.sqlite.segment_cache import SegmentCache
from historian.threads import Reader

_log = logging.getLogger("plantspace.historian")

T = TypeVar("T")

_DAY: Final = 86_400 * TICKS_PER_SECOND
_EXPIRY_INTERVAL: Final = 600.0
"""Seconds between two looks for what is older than the retention."""

_OLDER_INTERVAL: Final = 0.2
"""Seconds between two steps that give blocks of an older file their summaries: a fifth of a core."""


class SQLiteReader:
    """Reads a history file, also one that a running gateway writes."""

    capabilities = StoreCapabilities()

    def __init__(self, path: Path, *, lock_wait: float = 1.0) -> None:
        """Name the file, which must exist by the first read. ``lock_wait``.

        Seconds to wait for another process's lock.
        """
        self._database = Database(path, SCHEMA, lock_wait)
        self._reader = Reader(self._database)
        self._segments = SegmentCache()
        """Used in the reader's thread alone."""

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
            lambda connection: read_page(
                PointScan(connection, point, self._segments), domain, limit, bounds=bounds, cursor=cursor
            )
        )

    async def read_summaries(self, point: str, start: int, end: int, resolution: Resolution) -> Summaries:
        """Read what values came to (:meth:`historian.resolutions.SummaryReader.read_summaries`)."""
        return await self._reader.run(
            lambda connection: summary_scan.read(
                PointScan(connection, point, self._segments), connection, start, end, resolution
            )
        )

    async def raw_since(self, point: str) -> int | None:
        """Give the source time from which on raw values are complete; None when none has expired."""
        return await self._reader.run(lambda connection: retention.raw_since(connection, point))

    async def summaries_since(self, point: str, resolution: Resolution) -> int | None:
        """Give the time from which on the buckets of a resolution are complete; None when none has expired."""
        return await self._reader.run(lambda connection: retention.summaries_since(connection, point, resolution))

    async def summaries_extent(self, point: str, before: int) -> tuple[int, int] | None:
        """Tell when data begins and ends (:meth:`historian.resolutions.SummaryReader.summaries_extent`)."""
        return await self._reader.run(
            lambda connection: summary_scan.extent(PointScan(connection, point, self._segments), connection, before)
        )

    async def read_modified(
        self, point: str, start: int | None, end: int | None, limit: int, *, cursor: Cursor | None = None
    ) -> ModifiedPage:
        """Read changed values (:meth:`historian.editing.HistoryEditor.read_modified`)."""
        domain = TimeDomain.of(start, end, limit)
        return await self._reader.run(lambda connection: modified_scan.read(connection, point, domain, limit, cursor))

    async def points(self) -> tuple[str, ...]:
        """Name the points that have or had history, as NodeId texts."""

        def query(connection: sqlite3.Connection) -> tuple[str, ...]:
            return tuple(row[0] for row in connection.execute("SELECT node FROM point ORDER BY node"))

        return await self._reader.run(query)

    async def statistics(self) -> StoreStatistics:
        """Measure the store."""
        return await self._reader.run(lambda connection: statistics.measure(connection, self._database.size()))


class SQLiteStore(SQLiteReader):
    """One history file, written by this process alone."""

    def __init__(  # noqa: PLR0913 - each says how long or how much of one kind is kept
        self,
        path: Path,
        *,
        retention_days: float = 30.0,
        second_days: float | None = None,
        minute_days: float = 90.0,
        hour_days: float = 730.0,
        largest_bytes: int | None = None,
        lock_wait: float = 1.0,
        clock: Clock | None = None,
        replaces_damaged: bool = True,
    ) -> None:
        """Name the file. Samples older than ``retention_days`` by their source time go, a block at a time.

        What they came to by minutes and hours is kept ``minute_days`` and ``hour_days``, at least as long as they are;
        seconds as long as samples where ``second_days`` is None. Past ``largest_bytes``, the write-ahead log included,
        old values of what was changed by hand go first, down to a part of their own, then the oldest samples; when none
        are left, seconds, minutes and hours. ``replaces_damaged``: a damaged file is set aside and a new one begun;
        False where another process may be writing it: then it stays, and each call raises
        :class:`~core.errors.StoreCorrupt`.
        """
        super().__init__(path, lock_wait=lock_wait)
        self._retention = Retention(
            raw=int(retention_days * _DAY),
            second=None if second_days is None else int(second_days * _DAY),
            minute=int(minute_days * _DAY),
            hour=int(hour_days * _DAY),
            largest_bytes=largest_bytes,
        )
        self._clock: Clock = clock or SystemClock()
        self._ingest = IngestRate(self._clock)
        self._points: dict[str, int] = {}
        """Ids of points that are committed, so that no append looks them up again."""
        self._told_full = False
        self._next_expiry = 0.0
        self._owned = OwnedFile(
            self._database,
            self._reader,
            self._tend,
            begun=self._begin,
            first=self._retention.declare,
            replaces_damaged=replaces_damaged,
        )

    async def open(self) -> OpenOutcome:
        """Open or begin the file; a damaged one is set aside.

        Raises :class:`~core.errors.StoreUnavailable`, and :class:`~core.errors.StoreCorrupt` where a damaged one stays.
        """
        return await self._owned.open()

    async def close(self) -> None:
        """Release everything; safe twice and before :meth:`open`."""
        await self._owned.close()

    async def append(self, deliveries: Sequence[Delivery], origin: str) -> None:
        """Keep samples (:meth:`historian.contract.HistoryStore.append`).

        A file found damaged is replaced by a new one.
        """

        def add(connection: sqlite3.Connection) -> tuple[dict[str, int], dict[str, int]]:
            known = self._points  # those of the file that is written: another one begins with none
            return known, tables.append(connection, deliveries, origin, known)

        known, found = await self._owned.write(add)
        known.update(found)
        self._ingest.note(sum(len(block) for delivery in deliveries for block in delivery.blocks))
        self._owned.wake()

    async def update(self, point: str, samples: PointSamples, kind: UpdateKind, by: Modification) -> StatusArray:
        """Bring samples in by hand (:meth:`historian.editing.HistoryEditor.update`)."""
        return await self._edit(lambda connection: edits.update(connection, point, samples, kind, by))

    async def delete_raw(self, point: str, start: int, end: int, by: Modification) -> int:
        """Delete values of a time (:meth:`historian.editing.HistoryEditor.delete_raw`)."""
        return await self._edit(lambda connection: edits.delete_raw(connection, point, start, end, by))

    async def delete_modified(self, point: str, start: int, end: int) -> int:
        """Forget old values (:meth:`historian.editing.HistoryEditor.delete_modified`)."""
        return await self._edit(lambda connection: edits.delete_modified(connection, point, start, end))

    async def delete_at(self, point: str, times: TimeArray, by: Modification) -> StatusArray:
        """Delete values of single times (:meth:`historian.editing.HistoryEditor.delete_at`)."""
        return await self._edit(lambda connection: edits.delete_at(connection, point, times, by))

    async def applied(self, origin: str) -> int:
        """Give the highest sequence kept from an origin; 0 for an unknown one."""
        return await self._reader.run(lambda connection: tables.applied(connection, origin))

    async def compact(self) -> None:
        """Merge all that is due, and keep within ``largest_bytes``; happens by itself in the background too."""
        while await self._owned.run(merge.step):
            await self._make_room()
        await self._make_room()

    async def expire(self) -> None:
        """Drop what is older than the retention; happens by itself every ten minutes too."""
        now = self._clock.now()
        before = now - self._retention.raw
        while await self._owned.run(lambda connection: retention.expire_segment(connection, before)):
            pass
        await self._for_all_points(lambda connection, point: retention.expire_raw(connection, before, point))
        for resolution in Resolution:
            past = now - self._retention.of(resolution)
            await self._for_all_points(
                lambda connection, point, resolution=resolution, past=past: retention.expire_summaries(
                    connection, resolution, past, point
                )
            )
        await self._owned.run(lambda connection: modified.expire(connection, before))

    async def statistics(self) -> StoreStatistics:
        """Measure the store, and how much comes in."""
        return replace(await super().statistics(), ingest=self._ingest.rate())

    async def summarise(self) -> None:
        """Give blocks of a file of version 1 their summaries at once; happens bit by bit in the background too."""
        while await self._owned.run(summary_tables.step):
            pass

    async def _make_room(self) -> None:
        if self._retention.largest_bytes is None:
            return
        if not await self._is_full():
            self._told_full = False
            return
        newest = self._clock.now()
        while await self._owned.run(lambda connection: retention.shrink(connection, self._retention, newest)):
            pass
        if not self._told_full and await self._is_full():
            self._told_full = True
            most = self._retention.largest_bytes
            _log.warning(
                "%s is larger than %s bytes and there is nothing left in it to drop; give it more room",
                self._database.path,
                most,
            )

    async def _is_full(self) -> bool:
        return await self._reader.run(lambda connection: retention.is_full(connection, self._retention))

    async def _for_all_points(self, work: Callable[[sqlite3.Connection, int], int | None]) -> None:
        """Do a work that goes on from point to point, a transaction a step."""
        point: int | None = 0
        while point is not None:
            last = point
            point = await self._owned.run(lambda connection, last=last: work(connection, last))

    async def _edit(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """Run a change by hand; a file found damaged is replaced with the next samples."""
        most = self._retention.most_modified

        def work(connection: sqlite3.Connection) -> tuple[T, int]:
            return change(connection), modified.keep_within(connection, most)

        result, gone = await self._owned.run(work)
        if gone:
            _log.warning(
                "%s: %d old values of changes by hand went, the oldest first: together they take %d bytes at most",
                self._database.path,
                gone,
                most,
            )
        return result

    def _begin(self) -> None:
        self._points = {}
        self._segments = SegmentCache()

    async def _tend(self) -> float:
        """Merge what came, expire now and then; between, blocks of a file of version 1 get their summaries."""
        loop = asyncio.get_running_loop()
        if loop.time() >= self._next_expiry:
            await self.expire()
            self._next_expiry = loop.time() + _EXPIRY_INTERVAL
        await self.compact()
        lacking = await self._owned.run(summary_tables.step)
        return _OLDER_INTERVAL if lacking else self._next_expiry - loop.time()
