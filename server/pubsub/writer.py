"""A DataSetWriter: turns its DataSet into messages and puts them into the outbox, where they are accepted."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from core.errors import StoreError
from core.image import ProcessImage
from core.time import now
from historian.outbox import Accepted, Outbox
from server.pubsub.columns import EncodedMessages
from server.pubsub.contract import Encoded, Encoding
from server.pubsub.events.contract import EventSource
from server.pubsub.fields import DataSetField
from server.pubsub.frames import FieldValues, Frame, MessageType, WriterIdentity
from server.pubsub.record import Burst, pack
from server.pubsub.sampling import EverySample, LatestValues
from server.pubsub.settings import DataSetSettings
from server.pubsub.state import StateFile
from server.pubsub.writer_counters import WriterCounters

_log = logging.getLogger("plantspace.pubsub")

_INLINE: Final = 500
"""Values encoded on the loop, in a millisecond or two; more go to a thread."""
_RECORD_BYTES: Final = 1 << 20
_RECORD_MESSAGES: Final = 5_000
"""What one record of the outbox holds at most; one message may be longer."""
_MOST_EVENTS: Final = 5_000
"""Events taken at one interval."""
_MASK: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a writer's messages go: the outbox's ``stream``, in an encoding that is called ``name``.

    ``largest``: bytes of a message, where the encoding can be cut; ``by_time``: it wants a frame for each source time.
    ``accepted`` is told of each record: its place, its bytes, and what they hold.
    """

    outbox: Outbox
    stream: str
    encoding: Encoding
    name: str
    largest: int
    by_time: bool = True
    accepted: Callable[[Accepted, bytes, Burst], None] = lambda _, __, ___: None


class PointValues:
    """What a DataSet of points has to say, as frames without numbers."""

    def __init__(
        self,
        name: str,
        settings: DataSetSettings,
        fields: Sequence[DataSetField],
        image: ProcessImage,
        *,
        by_time: bool,
    ) -> None:
        """With ``samples: all`` it taps the image from :meth:`start` to :meth:`stop`."""
        self._fields = len(fields)
        self._image = image
        self._keyframe = settings.keyframe
        self._by_time = by_time
        self._latest = LatestValues(image, fields) if settings.samples == "latest" else None
        self._every = EverySample(image, fields, name, settings.queue) if self._latest is None else None
        self._interval = 0
        self._whole = True
        self._acquired = 0

    @property
    def keeps(self) -> bool:
        """Tell whether samples wait between two intervals."""
        return self._every is not None

    @property
    def acquired(self) -> int:
        """Count the samples that came in."""
        return self._acquired if self._every is None else self._every.counters.offered

    @property
    def dropped(self) -> int:
        """Count those that there was no room for."""
        return 0 if self._every is None else self._every.counters.dropped

    @property
    def waiting(self) -> int:
        """Count those that were not taken yet."""
        return 0 if self._every is None else self._every.counters.waiting

    def start(self) -> None:
        """Begin to take samples."""
        if self._every is not None:
            self._image.add_tap(self._every)

    def stop(self) -> None:
        """Take no more; what was taken is still there."""
        if self._every is not None:
            self._image.remove_tap(self._every)

    def show_all(self) -> None:
        """Let the next frame have all fields."""
        self._whole = True

    def take(self) -> Iterator[tuple[MessageType, int, tuple[FieldValues, ...]]]:
        """Give what one interval has to say (Part 14 v1.05 6.2.4.3: a key frame every so many intervals)."""
        due = self._interval % self._keyframe == 0
        self._interval += 1
        moment = now()
        if self._latest is not None:
            whole = self._whole or due
            parts = self._latest.take(whole=whole)
            if parts:
                self._whole = False
                self._acquired += sum(map(len, parts))
                yield MessageType.KEY_FRAME if whole else MessageType.DELTA_FRAME, moment, parts
            return
        taken = self._taken()
        for parts in taken:
            complete = sum(map(len, parts)) == self._fields
            yield MessageType.KEY_FRAME if complete else MessageType.DELTA_FRAME, moment, parts
        if due and not taken:
            yield MessageType.KEEP_ALIVE, moment, ()

    def _taken(self) -> list[tuple[FieldValues, ...]]:
        if self._every is None:
            return []
        if self._by_time:
            return self._every.take()
        parts = self._every.take_all()
        return [parts] if parts else []


class Events:
    """What a DataSet of events has to say, as frames without numbers."""

    def __init__(self, source: EventSource) -> None:
        """Hear nothing yet."""
        self._source = source
        self.keeps = True

    @property
    def acquired(self) -> int:
        """Count the events that came in."""
        return self._source.counters.acquired

    @property
    def dropped(self) -> int:
        """Count those that there was no room for, or of which nothing could be made."""
        return self._source.counters.dropped + self._source.counters.failed

    @property
    def waiting(self) -> int:
        """Count those that were not taken yet."""
        return self._source.counters.waiting

    def start(self) -> None:
        """Begin to listen."""
        self._source.start()

    def stop(self) -> None:
        """Listen no more; what was heard is still there."""
        self._source.stop()

    def show_all(self) -> None:
        """Do nothing: an event is said once."""

    def take(self) -> Iterator[tuple[MessageType, int, tuple[FieldValues, ...]]]:
        """Give the events that wait, in their order."""
        for event in self._source.take(_MOST_EVENTS):
            yield MessageType.EVENT, event.time, event.parts


class DataSetWriter:
    """Publishes one DataSet from :meth:`start` to :meth:`stop`."""

    def __init__(
        self, identity: WriterIdentity, source: PointValues | Events, destination: Destination, state: StateFile
    ) -> None:
        """Prepare; numbers go on where ``state`` has them."""
        self.identity = identity
        self._source = source
        self._to = destination
        self._state = state
        self._counters = WriterCounters()
        self._next = state.writers[identity.writer].sequence
        self._unmade = 0
        self._made: list[Frame] = []
        self._waiting: deque[tuple[bytes, Burst]] = deque()
        """Records and what they hold."""

    @property
    def counters(self) -> WriterCounters:
        """What was published, and what was dropped because the outbox could not take it or no message be made of it."""
        self._counters.dropped = self._unmade + self._source.dropped
        self._counters.acquired = self._source.acquired
        return self._counters

    def start(self) -> None:
        """Begin to take samples."""
        self._source.start()

    async def stop(self) -> None:
        """Take nothing more, put what waits into the outbox, and give back the sequence numbers not used.

        What the outbox does not accept now either is counted as dropped.
        """
        self._source.stop()
        try:
            if self._made or self._waiting:  # of a try that failed
                await self.publish()
            if self._source.keeps:
                await self.publish()
            while self._source.waiting:
                await self.publish()
            self._state.writers[self.identity.writer].sequence = self._next
            await self._state.save()
        except StoreError as error:
            _log.error("%s: what was not accepted yet is lost: %s", self.identity.writer, error)
        except Exception:  # noqa: BLE001 - a value that no one foresaw must not keep the other DataSets from their end
            _log.exception("%s: a last message could not be made", self.identity.writer)
        self._unmade += (
            self._source.waiting
            + sum([frame.samples for frame in self._made])
            + sum([sum(burst.values) for _, burst in self._waiting])
        )
        self._made = []
        self._waiting.clear()

    async def publish(self) -> None:
        """Do what one publishing interval asks for.

        Raises :class:`~core.errors.StoreError` when the outbox does not accept; what was made is kept for the next try,
        and meanwhile nothing more is made. Whatever a value raises that no one foresaw comes through, and what was made
        is dropped.
        """
        if not self._waiting:
            self._made = self._made or [self._frame(*said) for said in self._source.take()]
            if not self._made:
                return
            await self._state.promise(self.identity.writer, self._next)
            values = sum([frame.samples for frame in self._made])
            try:
                many = values > _INLINE
                records = await asyncio.to_thread(self._pack, self._made) if many else self._pack(self._made)
            except Exception:
                # Tried again it would fail again, for ever: dropped and counted, and the next frame shows all there is.
                self._unmade += values
                self._made = []
                self._source.show_all()
                raise
            self._waiting.extend(records)
            self._made = []
        while self._waiting:
            payload, burst = self._waiting[0]
            values = sum(burst.values)
            try:
                accepted = await self._to.outbox.accept(self._to.stream, payload, values)
            except StoreError:
                self._counters.failures += 1
                raise
            self._waiting.popleft()
            self._to.accepted(accepted, payload, burst)
            self._counters.messages += len(burst.messages)
            self._counters.values += values

    def _frame(self, kind: MessageType, moment: int, parts: tuple[FieldValues, ...]) -> Frame:
        number = self._next
        # A keep-alive tells the number that the next message will have (Part 14 v1.05 7.2.3).
        if kind is not MessageType.KEEP_ALIVE:
            self._next += 1
        return Frame(kind, number & _MASK, moment, parts)

    def _pack(self, frames: list[Frame]) -> list[tuple[bytes, Burst]]:
        to, name = self._to, self.identity.writer
        moment = frames[-1].time
        made: list[tuple[bytes, Burst]] = []
        for burst in bursts(to.encoding.data(frames, to.largest)):
            held = Burst(name, to.name, moment, burst.messages, burst.values)
            made.append((pack(name, to.name, moment, burst), held))
        return made


def bursts(encoded: Sequence[Encoded]) -> Iterator[EncodedMessages]:
    """Divide messages into those that one record holds."""
    whole = EncodedMessages.of(encoded)
    if 0 < len(whole) <= _RECORD_MESSAGES and sum(map(len, whole.messages.payloads)) <= _RECORD_BYTES:
        yield whole
        return
    begin = size = 0
    for place, length in enumerate(map(len, whole.messages.payloads)):
        if place > begin and (size + length > _RECORD_BYTES or place - begin >= _RECORD_MESSAGES):
            yield whole[begin:place]
            begin, size = place, 0
        size += length
    if len(whole):
        yield whole[begin:]
