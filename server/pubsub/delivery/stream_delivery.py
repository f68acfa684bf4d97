"""Delivers one stream of the outbox to a broker: in order, or what is new at once and the backlog beside it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from core.backoff import Backoff
from core.errors import StoreError, StoreUnavailable
from core.time import TICKS_PER_SECOND, Clock, SystemClock
from historian.contract import Record
from historian.outbox import Outbox
from server.pubsub.contract import BrokerSession, Link, MqttMessage, SpeakingSession
from server.pubsub.delivery.ages import Ages
from server.pubsub.delivery.counters import DeliveryCounters
from server.pubsub.delivery.fresh import Fresh
from server.pubsub.delivery.lane import Allowance, Lane
from server.pubsub.delivery.opened import Opened, of_metadata
from server.pubsub.delivery.pace import Pace, Rate
from server.pubsub.delivery.ranges import Ranges
from server.pubsub.delivery.together import together

_log = logging.getLogger("plantspace.pubsub")

_ACKNOWLEDGED_EVERY: Final = 0.5
"""Seconds between two moves of the outbox's cursor: what a kill may send again."""
_LONGEST_RETRY: Final = 1.0
_TOPICS_KEPT: Final = 100_000
METADATA: Final = "ua-metadata"

LIVE_ALLOWANCE: Final = Allowance(4 << 20, 4_000, 4 << 20, 1_000, 1 << 20)
BACKLOG_ALLOWANCE: Final = Allowance(1 << 20, 1_000, 1 << 20, 250, 128 << 10)
"""A backlog has little in hand, so that what is new waits for little."""


class Broker(Protocol):
    """The connection to a broker, which others start and stop."""

    async def link(self) -> Link:
        """Wait for a link that may take data, however long the broker is away."""
        ...


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """``live_first``: what is new does not wait for the backlog; ``late_after``: seconds after which data are backfill.

    ``live`` and ``backlog``: priorities on the link.
    """

    live: int
    backlog: int
    live_first: bool = False
    late_after: float = 10.0
    replay_rate: Rate | None = None


class StreamDelivery:
    """Delivers ``stream``, known to the outbox as ``sink``. ``last_error`` is empty while all is well.

    ``name_of`` gives the DataSet of a topic, for records that do not name theirs; ``remember`` is told of metadata that
    the broker has. ``on_dead`` is told of each record, or part of one, that is set aside. ``touches_live``: the session
    finishes what is not replayed, too.
    """

    def __init__(  # noqa: PLR0913 - where from, where to, how, and who is told of what
        self,
        outbox: Outbox,
        stream: str,
        sink: str,
        broker: Broker,
        session: BrokerSession,
        settings: DeliverySettings,
        *,
        name_of: Callable[[str], str | None] = lambda _: None,
        remember: Callable[[MqttMessage], None] = lambda _: None,
        touches_live: bool = True,
        clock: Clock | None = None,
    ) -> None:
        """Deliver nothing yet."""
        self.outbox = outbox
        self.stream = stream
        self.sink = sink
        self.counters = DeliveryCounters()
        self.fresh = Fresh()
        self.last_error = ""
        self.on_health: Callable[[str], None] | None = None
        self.on_dead: Callable[[Record], None] | None = None
        self._broker = broker
        self._session = session
        self._speaks = session if isinstance(session, SpeakingSession) else None
        if self._speaks is not None and self._speaks.in_sequence:
            settings = replace(settings, live=self._speaks.priority, backlog=self._speaks.priority)
        self._settings = settings
        self._name_of = name_of
        self._remember = remember
        self._touches_live = touches_live
        self._judged = (0, False)
        """The last record that was sent of, and whether it counts as replayed."""
        self._ages = Ages(clock or SystemClock())
        self._backoff = Backoff(longest=_LONGEST_RETRY)
        self._task: asyncio.Task[None] | None = None
        self._cursor = 0
        self._delivered = Ranges()
        self._moved = asyncio.Event()
        self._told = asyncio.Event()
        self._draining = asyncio.Event()
        self._begun: dict[int, Opened] = {}
        self._expected: dict[int, Sequence[MqttMessage]] = {}
        self._link: Link | None = None
        self._linked_at = 0
        self._late = int(settings.late_after * TICKS_PER_SECOND)
        self._retained: dict[str, int] | None = {}
        """The newest record of each topic whose retained message went ahead; None: there are too many to know them."""

    async def start(self) -> None:
        """Register the sink and begin; the broker may be away.

        Raises :class:`~core.errors.StoreUnavailable` of the outbox.
        """
        if self._task is None:
            self._cursor = await self.outbox.register(self.sink, self.stream)
            self._delivered = Ranges()
            self._task = asyncio.create_task(self._run(), name=f"delivery-{self.sink}")

    async def stop(self) -> None:
        """End delivery; what is not acknowledged stays in the outbox. Safe twice and before :meth:`start`."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            with contextlib.suppress(StoreError):
                await self._acknowledge()
            self._begun.clear()
            self.counters.in_flight = 0

    async def drain(self) -> None:
        """Return once every record that was accepted before this call is acknowledged in the outbox.

        That is: delivered, set aside, or dropped over the outbox's cap. Waits as long as the broker is away: bound it.
        """
        newest = self.newest()
        self._draining.set()
        try:
            while self._cursor < newest:
                self._told.clear()
                await self._told.wait()
        finally:
            self._draining.clear()

    def expect(self, sequence: int, metadata: Sequence[MqttMessage]) -> None:
        """Take a copy of the metadata accepted as record ``sequence``, in case that one does not get here.

        It may be dropped over the outbox's cap or be damaged; what comes after it cannot be read without it.
        """
        self._expected[sequence] = tuple(metadata)

    @property
    def has_backlog(self) -> bool:
        """Tell whether something waits that was accepted before the present link."""
        return self._link is None or self._cursor < self._linked_at

    # What lanes ask for.

    async def read(self, after: int, limit_bytes: int) -> list[Record]:
        """Read records of the stream after a sequence; what was accepted a moment ago need not be read."""
        self.fresh.forget(self.outbox.dropped(self.stream))  # what is told as lost is not delivered after all
        return self.fresh.following(after, limit_bytes) or await self.outbox.read(self.stream, after, limit_bytes)

    async def arrival(self, after: int) -> None:
        """Wait for a record after a sequence."""
        await self.outbox.arrival(self.stream, after)

    def newest(self) -> int:
        """Give the sequence of the newest record."""
        return self.outbox.newest(self.stream)

    def missing(self, after: int, through: int, records: Sequence[Record]) -> list[Record]:
        """Give expected metadata that should be among these records, and is not."""
        if not self._expected:
            return []
        present = {record.sequence for record in records}
        return [
            of_metadata(sequence, metadata)
            for sequence, metadata in self._expected.items()
            if after < sequence <= through and sequence not in present
        ]

    def goes_as_it_is(self, record: Record) -> bool:
        """Tell whether nothing is done to the messages of a record, nor to those of later ones."""
        if self._touches_live or self._settings.live_first:
            return False
        return record.sequence > self._linked_at and not self.is_late(record)

    def outgoing(self, record: Record, message: MqttMessage, lane: Lane) -> Sequence[MqttMessage]:
        """Give a message its last touch: the session's, and no retained one over a newer one."""
        if message.retain and self._settings.live_first:
            if lane.is_live:
                if self._retained is not None:
                    self._retained[message.topic] = record.sequence
                    self._retained = None if len(self._retained) > _TOPICS_KEPT else self._retained
            elif self._is_outdated(record.sequence, message):
                message = replace(message, retain=False)
        judged, replayed = self._judged
        if judged != record.sequence:
            replayed = record.sequence <= self._linked_at or self.is_late(record)
            self._judged = record.sequence, replayed
        if replayed:
            self.counters.replayed += 1
        elif not self._touches_live:
            return (message,)
        if self._speaks is None:
            return (self._session.finish(message, replayed=replayed),)
        return (*self._speaks.before(message), self._session.finish(message, replayed=replayed))

    def is_delivered(self, sequence: int) -> bool:
        """Tell whether a record needs nothing more."""
        return self._delivered.holds(sequence)

    def begun(self, sequence: int) -> Opened | None:
        """Give a record of which some messages are with the broker already."""
        return self._begun.get(sequence)

    def leave(self, opened: Opened) -> None:
        """Keep a record that has answers to some of its messages for the next try."""
        self._begun[opened.record.sequence] = opened

    def is_late(self, record: Record) -> bool:
        """Tell whether a record is so old that it counts as backfill."""
        return self._ages.of(record.sequence, record.time, self.newest()) > self._late

    async def damaged(self, after: int, record: Record, reason: str) -> None:
        """Set a whole record aside."""
        await self._set_aside(record, reason)
        self.passed(after, record.sequence)

    async def settled(self, after: int, opened: Opened) -> None:
        """Take a record whose messages are all answered for: what can never be delivered is set aside singly."""
        if opened.problems:
            await self._set_aside(opened.dead(), "; ".join(dict.fromkeys(opened.problems.values())))
        self.delivered(after, opened)
        self._recovered()

    def delivered(self, after: int, opened: Opened) -> None:
        """Count a record of which nothing more is to be sent."""
        counters, record = self.counters, opened.record
        if len(opened.problems) < len(opened.codes):
            counters.records += 1
        if record.samples:
            delivered = record.samples - (opened.lost if opened.problems else 0)
            counters.samples += delivered
            name = opened.burst.dataset or self._name_of(opened.burst.messages[0].topic)
            if name:
                counters.values[name] += delivered
        for place, message in enumerate(opened.burst.messages if not record.samples else ()):
            outdated = self._settings.live_first and self._is_outdated(record.sequence, message)
            if message.kind == METADATA and place not in opened.problems and not outdated:
                self._remember(message)
        self._expected.pop(record.sequence, None)
        self._begun.pop(record.sequence, None)
        self.passed(after, record.sequence)

    def passed(self, after: int, through: int) -> None:
        """Take it that all between two places is delivered, or not there."""
        self._delivered.add(after, through)
        self._moved.set()

    def count(self, published: int, acknowledged: int, refused: int, in_flight: int) -> None:
        """Count messages; ``in_flight``: how many more or fewer are."""
        counters = self.counters
        counters.published += published
        counters.acknowledged += acknowledged
        counters.refused += refused
        counters.in_flight += in_flight

    def _is_outdated(self, sequence: int, message: MqttMessage) -> bool:
        """Tell whether a newer retained message went ahead of one of the backlog."""
        if message.kind == METADATA:  # the present one went ahead, or was in the link's greeting
            return sequence not in self._expected
        return self._retained is None or sequence < self._retained.get(message.topic, 0)

    # Its own life.

    async def _run(self) -> None:
        while True:
            link = await self._broker.link()
            try:
                await together(self._serve(link), _until_lost(link), self._acknowledging())
            except StoreError as error:
                if not link.lost.is_set():  # the next link is waited for by whoever makes it
                    await self._wait(error)
            except Exception as error:  # noqa: BLE001 - what nobody foresaw must not end delivery for ever
                _log.exception("%s failed in a way it does not foresee", self.sink)
                await self._wait(error)

    async def _serve(self, link: Link) -> None:
        """Deliver on one link for as long as it is there."""
        await self._acknowledge()
        settings, newest = self._settings, self.newest()
        if link is not self._link:
            self._link, self._linked_at = link, newest
            self._judged = (0, False)
        waiting = self._delivered.hole(self._cursor, newest) is not None
        if not waiting:
            self._retained = {}
        if not settings.live_first:
            probes = bool(self.last_error)
            await Lane(self, link, self._cursor, allowance=LIVE_ALLOWANCE, priority=settings.live, probes=probes).run()
            return
        live = Lane(
            self,
            link,
            newest if waiting else max(self._cursor, newest),
            allowance=LIVE_ALLOWANCE,
            priority=settings.live,
            skips=True,
        )
        first = [
            of_metadata(sequence, metadata)
            for sequence, metadata in sorted(self._expected.items())
            if sequence <= live.floor and self._delivered.hole(sequence - 1, sequence)
        ]
        await together(live.run(first), self._catch_up(link, live))

    async def _catch_up(self, link: Link, live: Lane) -> None:
        """Deliver what the live lane has left, oldest first."""
        settings, pace = self._settings, Pace(self._settings.replay_rate)
        allowance = _paced(BACKLOG_ALLOWANCE, settings.replay_rate)
        await live.started.wait()
        while True:
            live.skipped.clear()
            hole = self._delivered.hole(self._cursor, live.floor)
            if hole is None:
                await live.skipped.wait()
                continue
            place, until = hole
            lane = Lane(
                self,
                link,
                place,
                allowance=allowance,
                priority=settings.backlog,
                until=until,
                pace=pace,
                probes=bool(self.last_error),
            )
            await lane.run()

    async def _acknowledging(self) -> None:
        """Move the outbox's cursor behind what is delivered."""
        while True:
            await self._moved.wait()
            await self._acknowledge()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_ACKNOWLEDGED_EVERY):
                    await self._draining.wait()
            # while somebody drains, each move is told at once
            await asyncio.sleep(0)

    async def _acknowledge(self) -> None:
        self._moved.clear()
        through = self._delivered.through(self._cursor)
        if through > self._cursor:
            try:
                await self.outbox.acknowledge(self.sink, through)
            except BaseException:
                self._moved.set()
                raise
            self._cursor = through
            self._delivered.forget(through)
            self.fresh.forget(through)
            for sequence in [sequence for sequence in self._begun if sequence <= through]:
                del self._begun[sequence]
            self._told.set()

    async def _set_aside(self, record: Record, reason: str) -> None:
        await self.outbox.set_aside(self.sink, record, reason)
        self.counters.dead_records += 1
        self.counters.dead_samples += record.samples
        self._expected.pop(record.sequence, None)
        if self.on_dead is not None:
            self.on_dead(record)
        _log.error(
            "%s cannot take record %d (%d samples), set aside: %s", self.sink, record.sequence, record.samples, reason
        )

    async def _wait(self, error: Exception) -> None:
        self.counters.failures += 1
        if str(error) != self.last_error:
            level = logging.WARNING if isinstance(error, StoreUnavailable) else logging.ERROR
            _log.log(level, "%s takes nothing for now, what it misses waits in the outbox: %s", self.sink, error)
        well, self.last_error = not self.last_error, str(error) or type(error).__name__
        if well and self.on_health is not None:
            self.on_health(self.last_error)
        await asyncio.sleep(self._backoff.next())

    def _recovered(self) -> None:
        if self.last_error:
            _log.info("%s is back", self.sink)
            self.last_error = ""
            if self.on_health is not None:
                self.on_health("")
        self._backoff.reset()


def _paced(allowance: Allowance, rate: Rate | None) -> Allowance:
    """Hand over a tenth of a second's worth at most at once, so that a pace is an even one."""
    if rate is None:
        return allowance
    tenth = max(1, int(rate.most / 10))
    if rate.in_bytes:
        return replace(allowance, flight_bytes=min(allowance.flight_bytes, tenth))
    return replace(allowance, flight_messages=min(allowance.flight_messages, tenth))


async def _until_lost(link: Link) -> None:
    await link.lost.wait()
    raise StoreUnavailable(link.reason or "the link has ended")
