"""A DataSetWriter: turns its DataSet into NetworkMessages and puts them into the outbox, where they are accepted."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from core.errors import StoreError
from core.image import ProcessImage
from core.time import now
from historian.outbox import Outbox
from server.pubsub.fields import DataSetField
from server.pubsub.json_encoding import FieldEncoder, FieldValues, Frame, MessageEncoder, MessageType, WriterIdentity
from server.pubsub.record import MqttMessage, pack
from server.pubsub.sampling import EverySample, LatestValues
from server.pubsub.settings import DataSetSettings
from server.pubsub.state import StateFile

_log = logging.getLogger("plantspace.pubsub")

STREAM: Final = "pubsub"
"""The outbox stream of MQTT messages; one for all DataSets, so that metadata stays in front of its data."""

_INLINE: Final = 500
"""Values encoded on the loop, in well under a millisecond; more go to a thread."""
_MASK: Final = 0xFFFFFFFF


@dataclass(slots=True)
class WriterCounters:
    """Since the start. ``values``, ``dropped``: samples.

    ``missed``: intervals that found the last one still busy. ``failures``: messages that the outbox did not accept.
    """

    messages: int = 0
    values: int = 0
    dropped: int = 0
    missed: int = 0
    failures: int = 0


class DataSetWriter:
    """Publishes one DataSet. With ``samples: all`` it taps the image from :meth:`start` to :meth:`stop`."""

    def __init__(
        self,
        identity: WriterIdentity,
        settings: DataSetSettings,
        fields: Sequence[DataSetField],
        image: ProcessImage,
        outbox: Outbox,
        state: StateFile,
        topic: str,
        largest: int,
    ) -> None:
        """Prepare. ``topic``: where the data go; ``largest``: bytes of a NetworkMessage."""
        self.identity = identity
        self.settings = settings
        self._fields = len(fields)
        self._image = image
        self._outbox = outbox
        self._state = state
        self._topic = topic
        self._largest = largest
        self._encoder = MessageEncoder(identity, FieldEncoder(fields, settings.content))
        self._latest = LatestValues(image, fields) if settings.samples == "latest" else None
        self._every = EverySample(image, fields, identity.writer, settings.queue) if self._latest is None else None
        self._counters = WriterCounters()
        self._next = state.writers[identity.writer].sequence
        self._interval = 0
        self._whole = True
        self._unmade = 0
        self._made: list[Frame] = []
        self._waiting: deque[tuple[bytes, int]] = deque()

    @property
    def counters(self) -> WriterCounters:
        """What was published, and what was dropped because the outbox could not take it or no message be made of it."""
        queued = self._every.counters.dropped if self._every is not None else 0
        self._counters.dropped = self._unmade + queued
        return self._counters

    def start(self) -> None:
        """Begin to take samples."""
        if self._every is not None:
            self._image.add_tap(self._every)

    async def stop(self) -> None:
        """Take nothing more, put what waits into the outbox, and give back the sequence numbers not used."""
        if self._every is not None:
            self._image.remove_tap(self._every)
        try:
            if self._every is not None or self._made or self._waiting:
                await self.publish()
            self._state.writers[self.identity.writer].sequence = self._next
            await self._state.save()
        except StoreError as error:
            _log.error("%s: what was not accepted yet is lost: %s", self.identity.writer, error)
        except Exception:  # noqa: BLE001 - a value that no one foresaw must not keep the other DataSets from their end
            _log.exception("%s: a last message could not be made", self.identity.writer)

    async def publish(self) -> None:
        """Do what one publishing interval asks for.

        Raises :class:`~core.errors.StoreError` when the outbox does not accept; what was made is kept for the next try,
        and meanwhile nothing more is made. Whatever a value raises that no one foresaw comes through, and what was made
        is dropped.
        """
        if not self._waiting:
            self._made = self._made or self._frames()
            if not self._made:
                return
            await self._state.promise(self.identity.writer, self._next)
            values = sum(map(len, self._made))
            try:
                many = values > _INLINE
                records = await asyncio.to_thread(self._pack, self._made) if many else self._pack(self._made)
            except Exception:
                # Tried again it would fail again, for ever: dropped and counted, and the next frame shows all there is.
                self._unmade += values
                self._made, self._whole = [], True
                raise
            self._waiting.extend(records)
            self._made = []
        while self._waiting:
            payload, values = self._waiting[0]
            try:
                await self._outbox.append(STREAM, payload, values)
            except StoreError:
                self._counters.failures += 1
                raise
            self._waiting.popleft()
            self._counters.messages += 1
            self._counters.values += values

    def _frames(self) -> list[Frame]:
        """Decide what is to be said (Part 14 v1.05 6.2.4.3: a key frame every so many publishing intervals)."""
        due = self._interval % self.settings.keyframe == 0
        self._interval += 1
        moment = now()
        if self._latest is not None:
            whole = self._whole or due
            parts = self._latest.take(whole=whole)
            if not parts:
                return []
            self._whole = False
            return [self._frame(MessageType.KEY_FRAME if whole else MessageType.DELTA_FRAME, moment, parts)]
        taken = self._every.take() if self._every is not None else []
        if taken:
            return [self._frame(self._kind(parts), moment, parts) for parts in taken]
        return [self._frame(MessageType.KEEP_ALIVE, moment, ())] if due else []

    def _kind(self, parts: tuple[FieldValues, ...]) -> MessageType:
        complete = sum(map(len, parts)) == self._fields
        return MessageType.KEY_FRAME if complete else MessageType.DELTA_FRAME

    def _frame(self, kind: MessageType, moment: int, parts: tuple[FieldValues, ...]) -> Frame:
        number = self._next
        # A keep-alive tells the number that the next message will have (Part 14 v1.05 7.2.3).
        if kind is not MessageType.KEEP_ALIVE:
            self._next += 1
        return Frame(kind, number & _MASK, moment, parts)

    def _pack(self, frames: list[Frame]) -> list[tuple[bytes, int]]:
        made = self._encoder.network_messages(frames, self._largest)
        return [(pack(MqttMessage(self._topic, payload)), values) for payload, values in made]
