"""A DataSetReader: messages of one DataSetWriter, in their order, into variables."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from asyncua.ua.status_codes import StatusCodes

from server.pubsub.commands.answers import matches
from server.pubsub.commands.audit import RefusalAudit
from server.pubsub.commands.rate import Rate
from server.pubsub.commands.refusal import CommandRefused, status_name
from server.pubsub.commands.settings import SubscribedSettings
from server.pubsub.commands.subscribed.json_messages import JsonSource
from server.pubsub.commands.subscribed.messages import (
    DELTA_FRAME,
    KEEP_ALIVE,
    KEY_FRAME,
    MessageUnreadable,
    ReceivedField,
    ReceivedMessage,
    ReceivedMetaData,
    Source,
)
from server.pubsub.commands.subscribed.sequence import Sequence, SequenceCounters
from server.pubsub.commands.subscribed.uadp_messages import Security, UadpSource
from server.pubsub.commands.subscribed.variables import Variables
from server.pubsub.commands.turns import Turns
from server.pubsub.contract import MqttMessage, Subscription
from server.pubsub.uadp.security import ReceivingKeys

T = TypeVar("T")
_Writer = tuple[str, int | None]
"""PublisherId and DataSetWriterId."""
_MOST_WRITERS: Final = 256
"""DataSetWriters whose messages come by one topic filter; of more the one that was silent longest is forgotten."""
_MOST_BYTES: Final = 8
"""How many of the largest messages may wait."""
_log = logging.getLogger("plantspace.pubsub")
MOST_WAITING: Final = 256
_LINES: Final = 0.1
_FIRST_LINES: Final = 20.0
"""Lines of the log and records of the audit trail: a second, and at once."""
_IN_THREAD: Final = 32 * 1024
"""Bytes from which a message is taken apart beside the event loop."""
_STALE: Final = {
    "UncertainLastUsableValue": int(StatusCodes.UncertainLastUsableValue),
    "BadNoCommunication": int(StatusCodes.BadNoCommunication),
}


@dataclass(slots=True)
class ReaderCounters:
    """What came since the start. ``unreadable``: messages; ``unfit``: made by other metadata than is known.

    ``overrun``: messages that fell out because too many waited; ``refused``: fields that could not be written.
    """

    messages: int = 0
    written: int = 0
    unreadable: int = 0
    unfit: int = 0
    overrun: int = 0
    refused: int = 0
    stale: int = 0


class DataSetReader:
    """Reads one DataSet. ``name``: what the configuration calls it."""

    def __init__(
        self,
        name: str,
        settings: SubscribedSettings,
        variables: Variables,
        audit: RefusalAudit,
        clock: Callable[[], float] | None = None,
        *,
        keys: ReceivingKeys | None = None,
    ) -> None:
        """Do nothing before :meth:`start`. ``clock``: seconds; the event loop's if there is none.

        ``keys``: of the settings' SecurityGroup. Raises :class:`ValueError` for ``security`` without them.
        """
        self._name, self._settings, self._variables, self._audit = name, settings, variables, audit
        self._clock = clock
        self.counters = ReaderCounters()
        self.sequences = SequenceCounters()
        self._sequences: dict[_Writer, Sequence] = {}
        most = settings.max_size
        self._source: Source = (
            UadpSource(most, _security(settings, keys)) if settings.encoding == "uadp" else JsonSource(most)
        )
        self._metadata: dict[_Writer, ReceivedMetaData] = {}
        self._waiting: deque[MqttMessage] = deque()
        self._bytes = 0
        self._due = asyncio.Event()
        self._told: dict[str, str] = {}
        self._lines = Rate(_LINES, _FIRST_LINES)
        self._last: float | None = None
        self._is_stale = False
        self._task: asyncio.Task[None] | None = None

    def subscriptions(self) -> list[Subscription]:
        """Name what is to be subscribed."""
        filters = (self._settings.metadata_topic, self._settings.topic)
        return [Subscription(one, 1) for one in filters if one is not None]

    async def start(self) -> None:
        """Begin to write what comes."""
        self._task = asyncio.create_task(self._work(), name=f"reader {self._name}")

    async def stop(self) -> None:
        """Finish the message that is under way; safe twice."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def received(self, message: MqttMessage) -> bool:
        """Take a message, at once; False where it is for others. Of too many that wait the oldest falls out."""
        wanted = (self._settings.topic, self._settings.metadata_topic)
        if not any(one is not None and matches(one, message.topic) for one in wanted):
            return False
        self._waiting.append(message)
        self._bytes += len(message.payload)
        while len(self._waiting) > MOST_WAITING or (
            self._bytes > _MOST_BYTES * self._settings.max_size and len(self._waiting) > 1
        ):
            self._bytes -= len(self._waiting.popleft().payload)
            self.counters.overrun += 1
        self._due.set()
        return True

    def _now(self) -> float:
        return asyncio.get_running_loop().time() if self._clock is None else self._clock()

    async def _work(self) -> None:
        turns = Turns()
        while True:
            await turns.give()
            if not self._waiting:
                self._due.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._patience()):
                        await self._due.wait()
            try:
                if self._waiting:
                    message = self._waiting.popleft()
                    self._bytes -= len(message.payload)
                    await self._read(message)
                else:
                    await self._grow_stale()
            except Exception:  # noqa: BLE001 - whatever one message leads to must not end the others
                _log.exception("the reader %s failed in a way that was not foreseen", self._name)

    def _patience(self) -> float | None:
        """Give the seconds until the values are stale, None where they never are, or are already."""
        after = self._settings.stale_after
        if after is None or self._last is None or self._is_stale:
            return None
        return max(0.001, self._last + after - self._now())

    async def _grow_stale(self) -> None:
        after = self._settings.stale_after
        if after is None or self._last is None or self._is_stale or self._now() < self._last + after:
            return
        self._is_stale = True
        self.counters.stale += 1
        _log.warning("the reader %s: nothing has come for %g s", self._name, after)
        await self._variables.mark(_STALE[self._settings.on_stale])

    async def _read(self, message: MqttMessage) -> None:
        settings = self._settings
        try:
            if settings.metadata_topic is not None and matches(settings.metadata_topic, message.topic):
                for known in await self._parsed(self._source.metadata, message.payload) if message.payload else ():
                    self._know(known)
                return
            found = await self._parsed(self._source.messages, message.payload)
        except MessageUnreadable as error:
            self.counters.unreadable += 1
            self._tell("unreadable", StatusCodes.BadDecodingError, f"a message on {message.topic[:200]!a}: {error}")
            return
        for one in found:
            if self._is_ours(one.publisher, one.writer, one.group):
                await self._take(one, message.topic)

    async def _parsed(self, read: Callable[[bytes], T], payload: bytes) -> T:
        if _IN_THREAD < len(payload) <= self._settings.max_size:
            return await asyncio.to_thread(read, payload)
        return read(payload)

    def _is_ours(self, publisher: str, writer: int | None, group: int | None) -> bool:
        settings = self._settings
        return (
            settings.publisher in ("", publisher)
            and settings.writer in (None, writer)
            and (settings.group is None or group in (None, settings.group))
        )

    def _know(self, metadata: ReceivedMetaData) -> None:
        if self._is_ours(metadata.publisher, metadata.writer, None):
            _remember(self._metadata, (metadata.publisher, metadata.writer), metadata)
            missing = [name for name in self._variables.names if name not in metadata.names]
            if missing:
                why = f"the DataSet has no field {', '.join(missing[:5])}"
                self._tell("fields", StatusCodes.BadNoData, why)

    async def _take(self, message: ReceivedMessage, topic: str) -> None:
        was_silent = self._is_stale
        if not self._fits(message):
            return
        writer = (message.publisher, message.writer)
        sequence = self._sequences.get(writer) or Sequence(self.sequences)
        _remember(self._sequences, writer, sequence)
        if not sequence.is_new(message, was_silent=was_silent):
            return
        self.counters.messages += 1
        self._last = self._now()
        self._is_stale = False
        if message.kind == KEEP_ALIVE and was_silent:
            await self._variables.unmark()
        if message.kind not in (KEY_FRAME, DELTA_FRAME):  # events are no variables' values
            return
        given = {name: _completed(one, message) for name, one in message.fields.items()}
        try:
            refused = await self._variables.write(given, topic)
        except CommandRefused as error:
            self.counters.refused += len(given)
            self._tell("user", error.status, str(error))
            return
        self._told.pop("user", None)
        self.counters.refused += len(refused)
        self.counters.written += sum(name in given for name in self._variables.names) - len(refused)
        for name, (status, why) in refused.items():
            self._tell(f"field {name}", status, f"{name}: {why or status_name(status)}")
        for name in given:
            if name not in refused:
                self._told.pop(f"field {name}", None)

    def _fits(self, message: ReceivedMessage) -> bool:
        """Tell whether a message was made by the metadata that is known (Part 14 v1.05 6.2.9.4).

        What was made by another one may call its fields as before and mean something else.
        """
        if self._settings.metadata_topic is None:
            return True
        known = self._metadata.get((message.publisher, message.writer))
        if known is not None and message.version in (None, known.version) and message.minor in (None, known.minor):
            self._told.pop("metadata", None)
            return True
        self.counters.unfit += 1
        has = "none is there yet" if known is None else f"version {known.version} is there"
        made = message.version or message.minor
        why = f"a message was made by the metadata of version {made}, and {has}; it is not used"
        self._tell("metadata", StatusCodes.BadConfigurationError, why)
        return False

    def _tell(self, what: str, status: int, why: str) -> None:
        """Tell of a refusal by the log and the audit trail, once until it is over or another one."""
        if self._told.get(what) != why:
            self._told[what] = why
            if not self._lines.take():  # each message of a stranger may be wrong in a way of its own
                return
            _log.warning("the reader %s: %s", self._name, why)
            self._audit.refused(int(status), why, f"subscribed {self._name}")


def _security(settings: SubscribedSettings, keys: ReceivingKeys | None) -> Security | None:
    if settings.security is None:
        return None
    if keys is None:
        message = f"there are no keys of the SecurityGroup {settings.security.group}"
        raise ValueError(message)
    return Security(keys, settings.security.mode)


def _remember(known: dict[_Writer, T], writer: _Writer, what: T) -> None:
    """Remember something of a DataSetWriter, as the newest of those there is room for."""
    known.pop(writer, None)
    known[writer] = what
    while len(known) > _MOST_WRITERS:
        known.pop(next(iter(known)))


def _completed(given: ReceivedField, message: ReceivedMessage) -> ReceivedField:
    """Give a field the message's StatusCode and time where it has none of its own."""
    status = message.status if given.status is None else given.status
    source_time = message.time if given.source_time is None else given.source_time
    return replace(given, status=status, source_time=source_time)
