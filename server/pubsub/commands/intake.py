"""Commands of one connection as they come in: bounded, taken apart, and refused where they may not be done at all."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from asyncua.ua.status_codes import StatusCodes

from server.pubsub.commands import answers
from server.pubsub.commands.answers import Reply, ReplyTopics
from server.pubsub.commands.audit import RefusalAudit
from server.pubsub.commands.rate import Rate
from server.pubsub.commands.refusal import CommandRefused
from server.pubsub.commands.request import Command, CommandUnreadable, read_command
from server.pubsub.commands.settings import CommandSettings
from server.pubsub.commands.store import Entry
from server.pubsub.commands.turns import Turns
from server.pubsub.contract import MqttMessage

_log = logging.getLogger("plantspace.pubsub")

Send = Callable[[Sequence[MqttMessage]], None]
"""Publishes on the present link; what is sent while there is none is lost, and asked for again by id."""

MOST_WAITING: Final = 256
_MOST_BYTES: Final = 16 * 1024 * 1024
"""Of messages that wait."""
_IN_THREAD: Final = 32 * 1024
"""Bytes from which a message is taken apart beside the event loop."""
_REFUSALS: Final = 5.0
"""How many times as many refusals as commands are answered; the rest of a flood is only counted."""


@dataclass(slots=True)
class CommandCounters:
    """What came since the start. ``unanswered``: refused amid a flood, without an answer."""

    received: int = 0
    done: int = 0
    refused: int = 0
    duplicates: int = 0
    unanswered: int = 0


class _Received(NamedTuple):
    """A message that waits. ``over``: why it is one too many; empty where it is not."""

    message: MqttMessage
    over: str


class Asked(NamedTuple):
    """A command, and where its answer goes."""

    command: Command
    reply: Reply

    @property
    def entry(self) -> Entry:
        """What the store knows it by."""
        return Entry(self.command.id, self.command.digest)


class Intake:
    """Takes messages on ``topic`` in. ``own``: beginnings of topics that are for our own data."""

    def __init__(
        self, settings: CommandSettings, topic: str, own: Sequence[str], audit: RefusalAudit, send: Send
    ) -> None:
        """Begin empty."""
        self._settings, self._topic, self._audit, self._send = settings, topic, audit, send
        self._topics = ReplyTopics(topic, own, settings.answers)
        self.counters = CommandCounters()
        self.due = asyncio.Event()
        """Something has come."""
        self._rate = Rate(settings.rate, max(2.0 * settings.rate, 1.0))
        self._refusals = Rate(_REFUSALS * settings.rate, max(_REFUSALS * settings.rate, 1.0))
        self._waiting: deque[_Received] = deque()
        self._bytes = 0

    def put(self, message: MqttMessage) -> None:
        """Take a message; returns at once. What is one too many is refused, and amid a flood without an answer."""
        self.counters.received += 1
        over = ""
        if not self._rate.take():
            over = f"more than {self._settings.rate:g} commands came in a second"
        elif len(self._waiting) >= MOST_WAITING or self._bytes > _MOST_BYTES:
            over = f"{len(self._waiting)} commands wait already"
        if over and (not self._refusals.take() or len(self._waiting) >= 2 * MOST_WAITING or self._bytes > _MOST_BYTES):
            self.counters.refused += 1
            self.counters.unanswered += 1
            self._audit.refused(int(StatusCodes.BadTooManyOperations), over, self._topic)
            return
        self._waiting.append(_Received(message, over))
        self._bytes += len(message.payload)
        self.due.set()

    async def take(self) -> Asked | None:
        """Take the next command out; those that are refused at once are answered on the way."""
        turns = Turns()
        while self._waiting:
            given = self._waiting.popleft()
            self._bytes -= len(given.message.payload)
            asked = await self._read(given)
            if asked is not None:
                return asked
            await turns.give()
        return None

    def close(self, refused: CommandRefused) -> None:
        """Refuse all that waits."""
        for one in self._waiting:
            self._answer(one.message, refused)
        self._waiting.clear()
        self._bytes = 0

    def refuse(self, asked: Asked, refused: CommandRefused) -> None:
        """Answer a command of which nothing is done."""
        self.counters.refused += 1
        self._audit.refused(refused.status, str(refused), self.entry(asked.command.id))
        payload = answers.encoded(answers.refusal(asked.command.id, refused))
        self.publish(asked.reply, payload)

    def publish(self, reply: Reply, payload: bytes) -> None:
        """Send an answer."""
        try:
            self._send([answers.message(reply, payload)])
        except ValueError as error:  # the broker takes no such topic, or nothing of that size
            _log.warning("an answer on %s cannot be sent: %s", reply.topic, error)

    def entry(self, name: str) -> str:
        """Give what audit records call a command (ClientAuditEntryId)."""
        return f"{self._topic} {name}"

    async def _read(self, given: _Received) -> Asked | None:
        """Take a message apart; None for a command that was refused and has its answer."""
        message, most = given.message, self._settings.max_size
        try:
            if _IN_THREAD < len(message.payload) <= most:
                command = await asyncio.to_thread(read_command, message.payload, most)
            else:
                command = read_command(message.payload, most)
        except CommandUnreadable as refused:
            self._answer(message, refused, refused.id)
            return None
        asked = Asked(command, self._topics.by_id(command.id))
        try:
            asked = Asked(command, self._topics.asked_for(message) or asked.reply)
            self._check(given, command)
        except CommandRefused as refused:
            self.refuse(asked, refused)
            return None
        return asked

    def _check(self, given: _Received, command: Command) -> None:
        """Refuse what may not be done whatever it is. Raises :class:`CommandRefused`."""
        if given.message.retain:
            problem = "the command is retained: it may be of any age, and would come again with each connection"
            raise CommandRefused(StatusCodes.BadRequestTimeout, problem, "send it without the retain flag")
        if given.over:
            raise CommandRefused(StatusCodes.BadTooManyOperations, given.over, "send fewer, or raise commands: rate:")
        if command.call is not None and not self._settings.methods:
            problem = "methods are not called for commands"
            raise CommandRefused(StatusCodes.BadUserAccessDenied, problem, "set commands: methods: true")

    def _answer(self, message: MqttMessage, refused: CommandRefused, name: str = "") -> None:
        """Answer a message that was not, or could not be, taken apart. ``name``: its id, where it has one."""
        self.counters.refused += 1
        self._audit.refused(refused.status, str(refused), self.entry(name))
        reply = self._topics.by_id(name)
        with contextlib.suppress(CommandRefused):
            reply = self._topics.asked_for(message) or reply
        self.publish(reply, answers.encoded(answers.refusal(name, refused)))
