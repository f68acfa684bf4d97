"""The InfluxDB store: samples as lines over HTTP, read back by InfluxQL. 1.x, 2.x and 3.x.

**A sample's place.** InfluxDB keeps one value a series and timestamp, and what comes later with the same ones takes its
place. So a sample's timestamp is its source time in nanoseconds plus its *ordinal*, the number of samples that the
point had at that source time before it: DateTime has ticks of 100 ns, which leaves room (:mod:`.positions`). The order
of time in the database is then the order of (source time, arrival) that a read wants, and no tag multiplies the series.

**Ordinals without asking.** A sample newer than all of its point is the first at its time; the newest time of each
point is kept in memory. Late samples, and each point's first ones after a start, are looked up (:mod:`.ordinals`).

**Nothing twice.** What is written carries the record that brought it (field ``rec``). The ledger (:mod:`.ledger`) says
up to which record of an origin all is there; it is written after the samples. A kill in between delivers again: what a
lookup then finds of the same or later records counts as not there, so each sample is given the ordinal that it had,
and its line, the same to the last byte, takes its own place. The ledger goes on inside a long delivery too, so that a
slow server which fails after an hour is not begun with again.

**Nothing lost.** A record is kept when the server has acknowledged every line of it; then, in a later request, the
ledger. Lines that the server can never take are found by halving, after another line has shown that it is the line and
not the server; the other samples of that record are kept, and the record is set aside (fault 20). The server's own
advice when to come again travels in :class:`~core.errors.StoreUnavailable`.

One gateway and one import at a time may write into one measurement (:class:`.positions.Lane`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from core.errors import StoreUnavailable
from historian.contract import Cursor, Delivery, OpenOutcome, RawPage, StoreCapabilities, StoreStatistics
from historian.influx import ledger, query
from historian.influx.appending import Appender
from historian.influx.lines import untag
from historian.influx.positions import Lane
from historian.influx.query import Querier
from historian.influx.readers import Readers
from historian.influx.scan import PointScan
from historian.influx.settings import InfluxSettings
from historian.raw_read import TimeDomain, read_page

T = TypeVar("T")


def _nowhere(_: str) -> str:
    return ""


class InfluxReader:
    """Reads a measurement, also one that a running gateway writes."""

    def __init__(self, settings: InfluxSettings) -> None:
        """Name the database; nothing is connected before the first read."""
        self._settings = settings
        self._readers: Readers | None = None

    async def close(self) -> None:
        """End reads that are under way and release everything; safe twice and before any read."""
        readers, self._readers = self._readers, None
        if readers is not None:
            await readers.stop()

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
        measurement = self._settings.measurement

        def work(querier: Querier) -> RawPage:
            return read_page(PointScan(querier, measurement, point), domain, limit, bounds=bounds, cursor=cursor)

        return await self._read(work)

    async def points(self) -> tuple[str, ...]:
        """Name the points that have or had history, as NodeId texts."""
        return await self._read(self._points)

    async def statistics(self) -> StoreStatistics:
        """Measure the store: what was appended, of which InfluxDB's retention may have dropped some without a word.

        What it takes on the disk is the server's affair and stands as 0.
        """

        def work(querier: Querier) -> StoreStatistics:
            appended = sum(entry.samples for entry in ledger.read(querier, self._settings.measurement).values())
            return StoreStatistics(len(self._points(querier)), appended, appended, 0, 0, 0, 0, 0)

        return await self._read(work)

    async def applied(self, origin: str) -> int:
        """Give the highest sequence kept from an origin; 0 for an unknown one."""

        def work(querier: Querier) -> int:
            entry = ledger.read(querier, self._settings.measurement).get(origin)
            return entry.sequence if entry is not None else 0

        return await self._read(work)

    def _points(self, querier: Querier) -> tuple[str, ...]:
        name = query.identifier(self._settings.measurement)
        tables = querier.ask([f"SHOW TAG VALUES FROM {name} WITH KEY = node"])[0]
        return tuple(sorted(untag(str(row[-1])) for table in tables for row in table.rows))

    async def _read(self, work: Callable[[Querier], T]) -> T:
        if self._readers is None:
            self._readers = Readers(self._settings)
        return await self._readers.run(work)


class InfluxStore(InfluxReader):
    """One measurement of an InfluxDB, written by this process alone in its lane."""

    capabilities = StoreCapabilities(keeps_summaries=False, keeps_edits=False)

    def __init__(
        self,
        settings: InfluxSettings,
        *,
        path_of: Callable[[str], str] = _nowhere,
        lane: Lane = Lane.GATEWAY,
    ) -> None:
        """Name the database. ``path_of`` gives a point's browse path by its NodeId text, empty where there is none."""
        super().__init__(settings)
        self._path_of = path_of
        self._lane = lane
        self._appender: Appender | None = None
        self._thread: ThreadPoolExecutor | None = None

    async def open(self) -> OpenOutcome:
        """Find the database, or make it where ``create`` is set. Raises :class:`StoreUnavailable`."""
        await self.close()
        self._appender = appender = Appender(self._settings, self._path_of, self._lane)
        self._thread = ThreadPoolExecutor(1, "influx-writer")
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, appender.open)
        except BaseException:
            await self.close()
            raise
        return OpenOutcome()

    async def close(self) -> None:
        """End what is under way and release everything; safe twice and before :meth:`open`."""
        thread, self._thread = self._thread, None
        appender, self._appender = self._appender, None
        if appender is not None and thread is not None:
            appender.connection.abort()
            await asyncio.get_running_loop().run_in_executor(thread, appender.connection.close)
            thread.shutdown()
        await super().close()

    async def append(self, deliveries: Sequence[Delivery], origin: str) -> None:
        """Keep samples (:meth:`historian.contract.HistoryStore.append`).

        Raises :class:`StoreUnavailable` with the server's advice; then a first part of the deliveries may be kept, and
        :meth:`applied` tells which. A :class:`~historian.contract.PoisonRecord`'s other samples are kept.
        """
        if self._appender is None or self._thread is None:
            message = "the InfluxDB store is not open"
            raise StoreUnavailable(message)
        await asyncio.get_running_loop().run_in_executor(self._thread, self._appender.append, deliveries, origin)
