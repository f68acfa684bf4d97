"""The outbox.

The durable log between what the gateway accepts and every sink (docs/decisions/0004-outbox-and-store.md). A record that
:meth:`Outbox.append` returned from reaches each sink of its stream at least once, in order, through kill -9. Past the
cap the oldest goes first, whichever stream it is in; what goes is counted exactly and told.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.time import TICKS_PER_SECOND, Clock, SystemClock
from historian import origins
from historian import outbox_tables as tables
from historian.contract import OpenOutcome, Record
from historian.database import Database
from historian.origins import Origins
from historian.outbox_schema import SCHEMA
from historian.outbox_tables import Backlog, Loss, SinkStatistics, StreamStatistics
from historian.threads import Reader, Writer

_log = logging.getLogger("plantspace.outbox")

_DAY: Final = 86_400 * TICKS_PER_SECOND


@dataclass(frozen=True, slots=True)
class OutboxStatistics:
    """What the outbox holds and counted. ``bytes``: on disk, the log included."""

    streams: dict[str, StreamStatistics]
    sinks: dict[str, SinkStatistics]
    bytes: int


class Outbox:
    """One SQLite file: streams of records, a cursor for each sink, and a dictionary of points for compact payloads."""

    def __init__(
        self,
        path: Path,
        *,
        largest_bytes: int = 4 << 30,
        longest_days: float = 30.0,
        on_loss: Callable[[Loss], None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Name the file and bound it.

        ``on_loss`` is called on the loop's thread, once a stream and reason that lost anything, and is who tells of it;
        the log does where there is none.
        """
        self._database = Database(path, SCHEMA)
        self._largest = largest_bytes
        self._longest = int(longest_days * _DAY)
        self._on_loss = on_loss
        self._clock: Clock = clock or SystemClock()
        self._writer = Writer(self._database)
        self._reader = Reader(self._database)
        self._arrived: dict[str, asyncio.Event] = {}
        self._last: dict[str, int] = {}
        self._nodes: dict[int, str] = {}
        self.origins = Origins(())
        """Tells sequences from those of a file that was set aside, or that came back from a backup; known once open."""

    async def open(self) -> OpenOutcome:
        """Open or begin the file; a damaged one is set aside. Raises :class:`~core.errors.StoreUnavailable`."""
        outcome = OpenOutcome(await self._reader.prepare())
        await self._writer.start()
        self.origins = await self._writer.run(origins.begin)
        self._nodes = await self._reader.run(tables.points_by_id)
        self._last = await self._reader.run(tables.newest)
        return outcome

    async def close(self) -> None:
        """Finish what waits. Safe twice and before :meth:`open`."""
        await self._writer.stop()
        await self._reader.stop()

    async def append(self, stream: str, payload: bytes, samples: int = 1) -> int:
        """Accept a record: durable (fsynced) when this returns its sequence. ``samples``: what its loss would count.

        Raises :class:`~core.errors.StoreUnavailable` when it cannot be kept now; then it is not accepted.
        """
        moment = self._clock.now()

        def accept(connection: sqlite3.Connection) -> tuple[int, list[Loss]]:
            sequence = tables.append(connection, stream, payload, samples, moment)
            return sequence, tables.enforce(connection, self._largest, moment - self._longest)

        sequence, losses = await self._writer.run(accept)
        self._tell(losses)
        self._last[stream] = max(sequence, self.newest(stream))
        self._arrived.setdefault(stream, asyncio.Event()).set()
        return sequence

    async def read(self, stream: str, after: int, limit_bytes: int = 4 << 20) -> list[Record]:
        """Read records after sequence ``after``, oldest first, up to about ``limit_bytes``.

        At least one where there is one.
        """
        return await self._reader.run(lambda connection: tables.read(connection, stream, after, limit_bytes))

    def newest(self, stream: str) -> int:
        """Give the sequence of the newest record accepted into a stream; 0 when none is known."""
        return self._last.get(stream, 0)

    async def arrival(self, stream: str, after: int) -> None:
        """Wait until a record after sequence ``after`` is accepted; returns at once when one was."""
        while self.newest(stream) <= after:
            event = self._arrived.setdefault(stream, asyncio.Event())
            event.clear()
            await event.wait()

    async def register(self, sink: str, stream: str) -> int:
        """Make a sink of a stream known, so that records wait for it; gives the sequence it has acknowledged."""
        return await self._writer.run(lambda connection: tables.register(connection, sink, stream))

    async def keep_only(self, sinks: Collection[str]) -> dict[str, Backlog]:
        """Forget every sink but those that the configuration has; what waited for one of the others alone is dropped.

        Gives what each had not acknowledged, and warns of it. That is in no loss counter, and ``on_loss`` is not
        called: nothing went wrong, whoever took the sink out of the configuration asked for it
        (docs/decisions/0004-outbox-and-store.md). Kept instead, it would fill the file up to its cap, and be delivered
        to whatever has the sink's name some day.
        """
        forgotten = await self._writer.run(lambda connection: tables.keep_only(connection, sinks))
        for sink, backlog in forgotten.items():
            _log.warning(
                "the configuration no longer has the sink %s: the outbox forgets it, and what it had not taken is lost"
                " to it: %d samples in %d records, %d bytes",
                sink,
                backlog.samples,
                backlog.records,
                backlog.bytes,
            )
        return forgotten

    async def acknowledge(self, sink: str, sequence: int) -> None:
        """Say that a sink has everything up to ``sequence``.

        Raises :class:`KeyError` for one that is not registered.
        """
        await self._writer.run(lambda connection: tables.acknowledge(connection, sink, sequence))

    async def set_aside(self, sink: str, record: Record, reason: str) -> None:
        """Keep a record that ``sink`` can never take, for a person to look at (table ``dead``)."""
        await self._writer.run(lambda connection: tables.set_aside(connection, sink, record, reason))

    async def name_points(self, nodes: Sequence[str]) -> list[int]:
        """Give each NodeId text its id in this file, durable when this returns."""
        numbers = await self._writer.run(lambda connection: tables.name_points(connection, nodes))
        self._nodes.update(zip(numbers, nodes, strict=True))
        return numbers

    def nodes(self, points: Iterable[int]) -> tuple[str, ...]:
        """Name points by id. Raises :class:`KeyError` for one that this file never gave."""
        known = self._nodes
        return tuple([known[point] for point in points])

    async def enforce_cap(self) -> None:
        """Drop what is over the cap now; :meth:`append` does it too."""
        oldest = self._clock.now() - self._longest
        self._tell(await self._writer.run(lambda connection: tables.enforce(connection, self._largest, oldest)))

    async def statistics(self) -> OutboxStatistics:
        """Read what is held and counted."""
        streams, sinks = await self._reader.run(tables.statistics)
        return OutboxStatistics(streams, sinks, self._database.size())

    def _tell(self, losses: list[Loss]) -> None:
        summed: dict[tuple[str, str], Loss] = {}
        for loss in losses:
            key = (loss.stream, loss.reason)
            before = summed.get(key, Loss(loss.stream, 0, 0, loss.reason))
            summed[key] = Loss(loss.stream, before.records + loss.records, before.samples + loss.samples, loss.reason)
        for loss in summed.values():
            if self._on_loss is not None:
                self._on_loss(loss)
                continue
            _log.warning(
                "%s: %d records (%d samples) dropped, over the cap in %s",
                loss.stream,
                loss.records,
                loss.samples,
                loss.reason,
            )
