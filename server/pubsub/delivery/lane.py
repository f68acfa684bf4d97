"""Sends the records of a stream from one place on, some of them at once, and takes the broker's answers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final, Protocol

from core.errors import StoreUnavailable
from historian.contract import Record
from server.pubsub.columns import Messages
from server.pubsub.contract import FAILURE, LOST, Flight, Link, MqttMessage
from server.pubsub.delivery.fresh import Fresh
from server.pubsub.delivery.opened import Opened, open_record
from server.pubsub.delivery.pace import Pace
from server.pubsub.delivery.together import together
from server.pubsub.mqtt.reasons import reason_text
from server.pubsub.record import DamagedRecord

NEVER: Final = frozenset({0x90, 0x95, 0x99})
"""Topic Name invalid, Packet too large, Payload format invalid: no later try mends these (MQTT 5.0, 3.4.2.1)."""
_TAKEN: Final = frozenset({0x00, 0x10})
"""Success, and that nobody listens: what a broker says of almost all (MQTT 5.0, 3.4.2.1)."""
_OVERHEAD: Final = 64
"""Bytes of a PUBLISH packet besides its texts and payload, at most: fixed header, lengths, packet id, property ids."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a lane may have read ahead, and handed to the link in all and at once."""

    read_bytes: int
    messages: int
    bytes: int
    flight_messages: int
    flight_bytes: int


class LaneOwner(Protocol):
    """The stream that lanes work for."""

    fresh: Fresh
    """What was accepted a moment ago."""

    async def read(self, after: int, limit_bytes: int) -> list[Record]:
        """Read records of the stream after a sequence."""
        ...

    async def arrival(self, after: int) -> None:
        """Wait for a record after a sequence."""
        ...

    def newest(self) -> int:
        """Give the sequence of the newest record."""
        ...

    def missing(self, after: int, through: int, records: Sequence[Record]) -> list[Record]:
        """Give records of metadata that should be among these, and are not."""
        ...

    def goes_as_it_is(self, record: Record) -> bool:
        """Tell whether nothing is done to the messages of a record, nor to those of later ones."""
        ...

    def outgoing(self, record: Record, message: MqttMessage, lane: Lane) -> Sequence[MqttMessage]:
        """Give a message its last touch; what has to go in front of it stands before it."""
        ...

    def is_delivered(self, sequence: int) -> bool:
        """Tell whether a record needs nothing more."""
        ...

    def begun(self, sequence: int) -> Opened | None:
        """Give a record of which some messages are with the broker already."""
        ...

    def leave(self, opened: Opened) -> None:
        """Keep a record that has answers to some of its messages for the next try."""
        ...

    def is_late(self, record: Record) -> bool:
        """Tell whether a record is so old that those behind it should not wait for it."""
        ...

    async def damaged(self, after: int, record: Record, reason: str) -> None:
        """Set a whole record aside."""
        ...

    async def settled(self, after: int, opened: Opened) -> None:
        """Take a record whose messages are all answered for."""
        ...

    def delivered(self, after: int, opened: Opened) -> None:
        """Take a record whose messages are all with the broker."""
        ...

    def passed(self, after: int, through: int) -> None:
        """Take it that there is nothing to deliver between two places."""
        ...

    def count(self, published: int, acknowledged: int, refused: int, in_flight: int) -> None:
        """Count messages; ``in_flight``: how many more or fewer are."""
        ...


@dataclass(slots=True, eq=False)
class _Segment:
    """Messages of one record, by their places in it."""

    opened: Opened
    places: Sequence[int]

    @property
    def messages(self) -> Messages:
        """Give them."""
        whole = self.opened.burst.messages
        return whole if len(self.places) == len(whole) else whole.chosen(self.places)


@dataclass(slots=True, eq=False)
class _Sent:
    """Messages handed to the link together, by their records, and the records that end with them.

    ``places``: where their answers are in the flight, in which there may be messages of the session's own, too.
    """

    flight: Flight | None = None
    segments: list[_Segment] = field(default_factory=list[_Segment])
    count: int = 0
    size: int = 0
    ends: list[tuple[int, Opened]] = field(default_factory=list[tuple[int, Opened]])
    places: Sequence[int] = ()

    def add(self, opened: Opened, places: Sequence[int], size: int) -> None:
        """Put messages behind the others."""
        if places:
            self.segments.append(_Segment(opened, places))
            self.count += len(places)
            self.size += size

    @property
    def items(self) -> list[tuple[Opened, int]]:
        """Give each message's record and its place in it."""
        return [(segment.opened, place) for segment in self.segments for place in segment.places]


class Lane:
    """Delivers what lies after ``place``, up to ``until`` or for ever.

    ``floor``: what lies before it is another lane's. A lane with ``skips`` leaves what is late to that one; one that
    ``probes`` sends its first record alone, because that was refused a moment ago.
    """

    def __init__(  # noqa: PLR0913 - from where, how much, how fast, and what it leaves to others
        self,
        owner: LaneOwner,
        link: Link,
        place: int,
        *,
        allowance: Allowance,
        priority: int,
        until: int | None = None,
        pace: Pace | None = None,
        skips: bool = False,
        probes: bool = False,
    ) -> None:
        """Send nothing yet."""
        self._owner = owner
        self._link = link
        self._place = self.floor = place
        self._allowance = allowance
        self._priority = priority
        self._until = until
        self._pace = pace or Pace(None)
        self._skips = skips
        self._probes = probes
        self._sent: deque[_Sent] = deque()
        self._messages = self._bytes = 0
        self._changed = asyncio.Event()
        self._ended = False
        self._batch = _Sent()
        self.started = asyncio.Event()
        """Set when what goes first is with the broker."""
        self.skipped = asyncio.Event()
        """Set when something was left to another lane."""

    @property
    def is_live(self) -> bool:
        """Tell whether it follows what comes, and has no end."""
        return self._until is None

    async def run(self, first: Sequence[Record] = ()) -> None:
        """Deliver ``first`` and what lies ahead; returns at the end of a lane that has one.

        Raises :class:`~core.errors.StoreError`; what the broker has answered until then is kept.
        """
        try:
            await together(self._send(first), self._settle())
        finally:
            self._leave()

    async def _send(self, first: Sequence[Record]) -> None:
        for record in first:
            await self._take(record.sequence - 1, record)
        await self._quiet()
        self.started.set()
        while self._until is None or self._place < self._until:
            newest = self._owner.newest()  # asked before reading: what is not found up to there was dropped
            if self._until is None and self._place >= newest:
                await self._owner.arrival(self._place)
                continue
            records = await self._owner.read(self._place, self._allowance.read_bytes)
            if self._until is not None:
                records = [record for record in records if record.sequence <= self._until]
            end = newest if self._until is None else self._until
            through = records[-1].sequence if records else end
            if missing := self._owner.missing(self._place, through, records):
                records = sorted((*missing, *records), key=attrgetter("sequence"))
            if not records:
                self._owner.passed(self._place, end)
                self._place = max(self._place, end)
                if self._until is None:
                    await self._owner.arrival(self._place)
                continue
            await self._take_all(records)
        self._ended = True
        self._changed.set()

    async def _take_all(self, records: Sequence[Record]) -> None:
        for record in records:
            if self._skips and self._owner.is_late(record):
                await self._skip()
                break
            await self._take(self._place, record)
            self._place = record.sequence
            if self._probes and self._batch.ends:
                await self._quiet()
                self._probes = False
        await self._flush()

    async def _skip(self) -> None:
        """Go on with what comes now, once what was sent is answered."""
        await self._quiet()
        self._place = self.floor = self._owner.newest()
        self.skipped.set()

    async def _quiet(self) -> None:
        """Return when all that was taken is answered."""
        await self._flush()
        while self._sent:
            self._changed.clear()
            await self._changed.wait()

    async def _take(self, after: int, record: Record) -> None:
        """Put a record's messages into flights."""
        if self._owner.is_delivered(record.sequence):
            self._owner.passed(after, record.sequence)
            return
        opened = self._owner.begun(record.sequence)
        if opened is None:
            try:
                if record.damaged:
                    message = "its bytes in the outbox do not match their checksum"
                    raise DamagedRecord(message)  # noqa: TRY301 - one answer to both kinds of damage
                opened = await open_record(record, self._owner.fresh)
            except DamagedRecord as error:
                await self._owner.damaged(after, record, str(error))
                return
        most_messages, most_bytes = self._allowance.flight_messages, self._allowance.flight_bytes
        largest, batch = self._link.largest - _OVERHEAD, self._batch
        sizes, places = opened.burst.messages.sizes(), opened.unanswered
        wanted = sizes if len(places) == len(sizes) else [sizes[place] for place in places]
        whole = sum(wanted)
        if (
            batch.count + len(places) <= most_messages
            and batch.size + whole <= most_bytes
            and max(wanted, default=0) <= largest
        ):
            batch.add(opened, places, whole)
            batch.ends.append((after, opened))
            return
        chosen: list[int] = []
        gathered = 0
        for place, size in zip(places, wanted, strict=True):
            if size > largest:
                problem = f"it has about {size} bytes, and the broker takes {self._link.largest}"
                opened.refuse(place, problem)
                continue
            count = batch.count + len(chosen)
            if count and (count >= most_messages or batch.size + gathered + size > most_bytes):
                batch.add(opened, chosen, gathered)
                chosen, gathered = [], 0
                await self._flush()
                batch = self._batch
            chosen.append(place)
            gathered += size
        batch.add(opened, chosen, gathered)
        self._batch.ends.append((after, opened))

    async def _flush(self) -> None:
        """Hand what was gathered to the link, when it may have it."""
        batch, allowance = self._batch, self._allowance
        if not batch.count and not batch.ends:
            return
        if batch.count:
            await self._pace.take(batch.count, batch.size)
            while self._sent and (
                self._messages + batch.count > allowance.messages or self._bytes + batch.size > allowance.bytes
            ):
                self._changed.clear()
                await self._changed.wait()
        self._batch = _Sent()
        for sent in self._flights(batch):
            self._sent.append(sent)
            self._messages += sent.count
            self._bytes += sent.size
            self._owner.count(sent.count, 0, 0, sent.count)
        self._changed.set()

    def _flights(self, batch: _Sent) -> list[_Sent]:
        """Send messages together; one by one where there is one that MQTT cannot carry."""
        if not batch.count:
            return [batch]
        owner, link = self._owner, self._link
        messages: Sequence[MqttMessage]
        if owner.goes_as_it_is(batch.segments[0].opened.record):
            # The records of a flight follow each other: what is true of the oldest is true of all.
            messages = Messages.joined([segment.messages for segment in batch.segments])
            batch.places = range(batch.count)
        else:
            messages, batch.places = self._touched(batch)
        try:
            batch.flight = link.fly(messages, self._priority)
        except ValueError:
            return self._singly(batch, messages)
        return [batch]

    def _touched(self, batch: _Sent) -> tuple[list[MqttMessage], list[int]]:
        """Give messages their last touch, each in the order of sending, and tell where they stand then."""
        messages: list[MqttMessage] = []
        places: list[int] = []
        for segment in batch.segments:
            for message in segment.messages:
                messages += self._owner.outgoing(segment.opened.record, message, self)
                places.append(len(messages) - 1)
        return messages, places

    def _singly(self, batch: _Sent, messages: Sequence[MqttMessage]) -> list[_Sent]:
        """Send all that can be sent; the rest never can."""
        made: list[_Sent] = []
        items = dict(zip(batch.places, batch.items, strict=True))
        for number, message in enumerate(messages):
            item = items.get(number)
            try:
                flight = self._link.fly([message], self._priority)
            except ValueError as error:
                if item is not None:
                    item[0].refuse(item[1], str(error))
            else:
                if item is not None:
                    alone = _Segment(item[0], (item[1],))
                    made.append(_Sent(flight, [alone], 1, len(message.payload), places=(0,)))
        made.append(_Sent(ends=batch.ends))
        return made

    async def _settle(self) -> None:
        """Take the answers, flight after flight; those of one come in any order."""
        while True:
            while not self._sent:
                if self._ended:
                    return
                self._changed.clear()
                await self._changed.wait()
            sent = self._sent[0]
            if sent.flight is not None:
                await sent.flight.wait()
            self._sent.popleft()
            problem = self._answer(sent)
            for _, opened in sent.ends:
                self._owner.leave(opened)
            for after, opened in sent.ends:
                if opened.is_settled:
                    await self._owner.settled(after, opened)
            self._changed.set()
            if problem:
                raise StoreUnavailable(problem)

    def _answer(self, sent: _Sent) -> str:
        """Note what the broker has said; gives why it cannot go on, an empty text where it can."""
        self._messages -= sent.count
        self._bytes -= sent.size
        if sent.flight is None:
            return ""
        problem, acknowledged, refused = "", 0, 0
        codes = sent.flight.codes
        if all(map(_TAKEN.__contains__, codes)):  # as it almost always is
            for segment in sent.segments:
                segment.opened.deliver(segment.places)
            self._owner.count(0, sent.count, 0, -sent.count)
            return ""
        for (opened, place), number in zip(sent.items, sent.places, strict=True):
            code = codes[number]
            if code is None or code == LOST:
                problem = problem or self._link.reason or "the link ended before it was acknowledged"
            elif code < FAILURE:
                opened.codes[place] = code
                acknowledged += 1
            else:
                refused += 1
                reason = f"the broker refuses {opened.burst.messages[place].topic}: {reason_text(code)}"
                if code in NEVER:
                    opened.refuse(place, reason, code)
                else:
                    problem = problem or reason
        self._owner.count(0, acknowledged, refused, -sent.count)
        return problem

    def _leave(self) -> None:
        """Keep the answers that are there already; the rest is sent again on the next link."""
        sent, self._sent = self._sent, deque()
        for one in sent:
            self._answer(one)
        left = {id(one.opened): one.opened for each in (*sent, self._batch) for one in each.segments}
        left |= {id(opened): opened for one in (*sent, self._batch) for _, opened in one.ends}
        for after, opened in [end for one in sent for end in one.ends]:
            if opened.is_settled and not opened.problems:  # it need not stay in memory
                self._owner.delivered(after, left.pop(id(opened)))
        for opened in left.values():
            if any(code is not None for code in opened.codes):
                self._owner.leave(opened)
