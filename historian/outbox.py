"""The outbox.

The durable log between what the gateway accepts and every sink (docs/decisions/0004-outbox-and-store.md). A record that
:meth:`Outbox.append` returned from reaches each sink of its stream at least once, in order, through kill -9. Past the
cap the lowest class of streams goes first, in it the oldest; alarms never go for room. What goes is counted exactly and
told (docs/decisions/0016-the-historian.md, "Priorities in the outbox").
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from core.errors import StoreError, StoreUnavailable
from core.time import TICKS_PER_SECOND, Clock, SystemClock
from historian import origins, outbox_cap
from historian import outbox_tables as tables
from historian.contract import OpenOutcome, Record
from historian.database import Database
from historian.origins import Origins
from historian.outbox_backlog import SinkBacklog, backlogs
from historian.outbox_cap import Cap
from historian.outbox_priorities import priority_of
from historian.outbox_schema import SCHEMA
from historian.outbox_tables import Backlog, Loss, SinkStatistics, StreamStatistics
from historian.threads import Reader, Writer

_log = logging.getLogger("plantspace.outbox")

_DAY: Final = 86_400 * TICKS_PER_SECOND
_ENFORCED_EVERY: Final = 60.0
"""Seconds between two looks at the bounds, so that what is too old goes where nothing comes any more."""


class Accepted(NamedTuple):
    """A record's place: its sequence, that of the one before it in its stream (0: none is held), when it was accepted.

    What lies between the two is no more: whoever has all up to ``previous`` has all but this one.
    """

    sequence: int
    previous: int
    time: int


_REFUSED: Final = Accepted(0, 0, 0)


@dataclass(frozen=True, slots=True)
class OutboxStatistics:
    """What the outbox holds and counted. ``bytes``: on disk, the log included.

    ``losses``: since the file was begun, one entry a stream and reason. ``refused``: records not accepted since it was
    opened, by stream.
    """

    streams: dict[str, StreamStatistics]
    sinks: dict[str, SinkStatistics]
    bytes: int
    losses: tuple[Loss, ...]
    refused: dict[str, int]


class Outbox:
    """One SQLite file: streams of records, a cursor for each sink, and a dictionary of points for compact payloads."""

    def __init__(
        self,
        path: Path,
        *,
        largest_bytes: int = 4 << 30,
        longest_days: float = 30.0,
        largest_alarm_bytes: int | None = None,
        on_loss: Callable[[Loss], None] | None = None,
        on_refusal: Callable[[str, str], None] | None = None,
        shares: Callable[[str, bytes, int], Mapping[str, int]] | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Name the file and bound it by the bytes of what waits, and by its age.

        ``largest_alarm_bytes``: what alarms alone may take, when nothing else is left to go; twice ``largest_bytes``
        where nothing is said. Streams have their classes by name (:mod:`historian.outbox_priorities`).

        ``on_loss`` is called on the loop's thread, once a stream and reason that lost anything, and is who tells of it;
        the log does where there is none. ``on_refusal`` is called there with a stream and why its records are no longer
        accepted (a full disk, a full outbox), and with the stream and no reason when they are again. ``shares`` tells
        whose the samples of a dropped record were, by its stream, payload and samples; it is called on a thread of the
        outbox.
        """
        self._database = Database(path, SCHEMA)
        hardest = 2 * largest_bytes if largest_alarm_bytes is None else largest_alarm_bytes
        self._cap = Cap(largest_bytes, hardest, priority_of, shares)
        self._longest = int(longest_days * _DAY)
        self._shorter: dict[str, int] = {}
        """Ticks that a stream's records may wait, where that is less than for all."""
        self._on_loss = on_loss
        self._on_refusal = on_refusal
        self._refusing: dict[str, str] = {}
        self._refused: Counter[str] = Counter()
        self._clock: Clock = clock or SystemClock()
        self._began = self._clock.now(), self._clock.monotonic()
        self._writer = Writer(self._database)
        self._reader = Reader(self._database)
        self._closing = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._arrived: dict[str, asyncio.Event] = {}
        self._last: dict[str, int] = {}
        self._dropped: dict[str, int] = {}
        self._nodes: dict[int, str] = {}
        self.origins = Origins(())
        """Tells sequences from those of a file that was set aside, or that came back from a backup; known once open."""

    async def open(self) -> OpenOutcome:
        """Open or begin the file; a damaged one is set aside. Raises :class:`~core.errors.StoreUnavailable`."""
        self._began = self._clock.now(), self._clock.monotonic()
        outcome = OpenOutcome(await self._reader.prepare())
        await self._writer.start()
        self.origins = await self._writer.run(origins.begin)
        self._nodes = await self._reader.run(tables.points_by_id)
        self._last = await self._reader.run(tables.newest)
        self._closing.clear()
        self._keeper = asyncio.create_task(self._keep(), name=f"{self._database.path.name}-keeper")
        return outcome

    async def close(self) -> None:
        """Finish what waits. Safe twice and before :meth:`open`."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            self._closing.set()  # not cancelled: what it drops at this moment is told
            await asyncio.gather(keeper, return_exceptions=True)
        await self._writer.stop()
        await self._reader.stop()

    async def append(self, stream: str, payload: bytes, samples: int = 1) -> int:
        """Accept a record: durable (fsynced) when this returns its sequence. ``samples``: what its loss would count.

        Raises :class:`~core.errors.StoreUnavailable` when it cannot be kept now; then it is not accepted.
        """
        return (await self.accept(stream, payload, samples)).sequence

    async def accept(self, stream: str, payload: bytes, samples: int = 1) -> Accepted:
        """Accept a record as :meth:`append` does, for whoever also wants to know what it follows."""
        moment, oldest = self._clock.now(), self._oldest()
        file = self._database.path

        def accept(connection: sqlite3.Connection) -> tuple[Accepted, str, list[Loss]]:
            # what is too old goes first and stays gone: nothing is refused for the sake of what is dropped anyway
            losses = outbox_cap.expire(connection, self._cap, oldest)
            if refusal := outbox_cap.refusal(connection, file, stream, len(payload), self._cap):
                return _REFUSED, refusal, losses
            accepted = Accepted(*tables.append(connection, stream, payload, samples, moment), moment)
            return accepted, "", losses + outbox_cap.make_room(connection, self._cap)

        try:
            accepted, refusal, losses = await self._writer.run(accept)
        except StoreError as error:
            self._refuse(stream, str(error))
            raise
        if refusal:
            self._refuse(stream, refusal)
            self._tell(losses)
            raise StoreUnavailable(refusal)
        self._last[stream] = max(accepted.sequence, self.newest(stream))
        self._arrived.setdefault(stream, asyncio.Event()).set()
        if stream in self._refusing:
            self._accept_again(stream)
        self._tell(losses)
        return accepted

    async def read(self, stream: str, after: int, limit_bytes: int = 4 << 20) -> list[Record]:
        """Read records after sequence ``after``, oldest first, up to about ``limit_bytes``.

        At least one where there is one.
        """
        return await self._reader.run(lambda connection: tables.read(connection, stream, after, limit_bytes))

    def newest(self, stream: str) -> int:
        """Give the sequence of the newest record accepted into a stream; 0 when none is known."""
        return self._last.get(stream, 0)

    def dropped(self, stream: str) -> int:
        """Give the sequence up to which records of a stream were dropped since the outbox was made; 0 if none were."""
        return self._dropped.get(stream, 0)

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

    def keep_for(self, stream: str, seconds: float | None) -> None:
        """Let what waits in a stream go after that time already; None: after the same as everything else."""
        self._shorter = {name: longest for name, longest in self._shorter.items() if name != stream}
        if seconds is not None:
            self._shorter[stream] = min(int(seconds * TICKS_PER_SECOND), self._longest)

    async def enforce_cap(self) -> None:
        """Drop what is too old or over the cap now; :meth:`append` does it too, and so does time."""
        oldest = self._oldest()

        def enforce(connection: sqlite3.Connection) -> list[Loss]:
            return outbox_cap.expire(connection, self._cap, oldest) + outbox_cap.make_room(connection, self._cap)

        self._tell(await self._writer.run(enforce))

    async def statistics(self) -> OutboxStatistics:
        """Read what is held and counted."""
        (streams, sinks), losses = await self._reader.run(
            lambda connection: (tables.statistics(connection), outbox_cap.losses(connection))
        )
        return OutboxStatistics(streams, sinks, self._database.size(), losses, dict(self._refused))

    async def backlogs(self) -> dict[str, SinkBacklog]:
        """Read what waits for each sink."""
        return await self._reader.run(backlogs)

    async def _keep(self) -> None:
        """Enforce the bounds now and then; a locked or full disk is tried again at the next turn."""
        while not self._closing.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_ENFORCED_EVERY):
                    await self._closing.wait()
                return
            try:
                await self.enforce_cap()
            except StoreError as error:
                _log.warning("the outbox drops nothing for now that is too old: %s", error)
            except Exception:  # noqa: BLE001 - what nobody foresaw must not end the bounds for ever
                _log.exception("the outbox could not drop what is too old in a way that was not foreseen")

    def _oldest(self) -> Callable[[str], int]:
        """Give the acceptance time before which records of a stream are too old.

        Where the clock was set on since the file was opened, the time that really went by counts: nothing becomes a
        month older because somebody mends the clock.
        """
        opened, started = self._began
        elapsed = opened + int((self._clock.monotonic() - started) * TICKS_PER_SECOND)
        moment = min(self._clock.now(), elapsed)
        longest, shorter = self._longest, self._shorter
        return lambda stream: moment - shorter.get(stream, longest)

    def _refuse(self, stream: str, reason: str) -> None:
        self._refused[stream] += 1
        if stream in self._refusing:
            return
        self._refusing[stream] = reason
        if self._on_refusal is not None:
            self._on_refusal(stream, reason)
        else:
            _log.error("records of %s are not accepted for now: %s", stream, reason)

    def _accept_again(self, stream: str) -> None:
        del self._refusing[stream]
        if self._on_refusal is not None:
            self._on_refusal(stream, "")
        else:
            _log.info("records of %s are accepted again", stream)

    def _tell(self, losses: list[Loss]) -> None:
        for loss in losses:
            self._dropped[loss.stream] = max(loss.through, self.dropped(loss.stream))
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
