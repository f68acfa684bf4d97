"""Commands of one connection: taken from the link, done one after the other, each once, and answered."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from asyncua.ua.status_codes import StatusCodes

from core.errors import StoreError
from core.quality import is_bad
from core.time import now
from server.address_space.structured import StructureCodec
from server.pubsub.commands import answers
from server.pubsub.commands.audit import RefusalAudit
from server.pubsub.commands.intake import Asked, Intake, Send
from server.pubsub.commands.method_port import CallOutcome, MethodPort
from server.pubsub.commands.port import CommandPort, WriteOutcome
from server.pubsub.commands.refusal import CommandRefused
from server.pubsub.commands.request import Command
from server.pubsub.commands.settings import CommandSettings
from server.pubsub.commands.store import CommandStore, Known, Limits
from server.pubsub.contract import MqttMessage, Subscription

_log = logging.getLogger("plantspace.pubsub")

_ENDS_WITHIN: Final = 5.0
_INTERRUPTED: Final = CommandRefused(
    StatusCodes.BadRequestInterrupted,
    "the gateway ended while this command was under way: it was done, in part or not at all, and is not done again",
    "read the values, and send a new command under a new id",
)
_DOWN: Final = CommandRefused(StatusCodes.BadShutdown, "the gateway is going down", "send it again")
_OTHER: Final = CommandRefused(
    StatusCodes.BadEntryExists, "another command had this id before", "choose a new id for each command"
)


class _Done(NamedTuple):
    """A command that was carried out, and its answer, which is not on disk yet."""

    asked: Asked
    payload: bytes


class CommandHandler:
    """Takes JSON commands on ``topic``. ``own``: beginnings of topics that are for our own data.

    The store is open before :meth:`start` and closed after :meth:`stop`.
    """

    def __init__(  # noqa: PLR0913 - what one connection's commands need, each from another room
        self,
        settings: CommandSettings,
        *,
        connection: str,
        topic: str,
        own: Sequence[str],
        writes: CommandPort,
        calls: MethodPort,
        codec: Callable[[], StructureCodec],
        store: CommandStore,
        audit: RefusalAudit,
        send: Send,
    ) -> None:
        """Do nothing before :meth:`start`. ``connection``: its name, in which ids are unique."""
        self._source, self._topic = f"{connection}/json", topic
        self._writes, self._calls, self._codec = writes, calls, codec
        self._store, self._audit = store, audit
        self._intake = Intake(settings, topic, own, audit, send)
        store.limit(self._source, Limits(settings.keep_ids, settings.most_ids))
        self.counters = self._intake.counters
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def subscriptions(self) -> Sequence[Subscription]:
        """Name the topic that commands come on."""
        return (Subscription(self._topic, 1, no_local=True),)

    def takes(self, message: MqttMessage) -> bool:
        """Tell whether a message is a command to this connection."""
        return message.topic == self._topic

    async def start(self) -> None:
        """Begin to carry commands out."""
        self._stopping = False
        self._task = asyncio.create_task(self._work(), name=f"commands of {self._source}")

    async def stop(self) -> None:
        """Finish the command that is under way, within seconds, and answer those that wait; safe twice."""
        task, self._task = self._task, None
        if task is None:
            return
        self._stopping = True
        self._intake.due.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(task, _ENDS_WITHIN)
        self._intake.close(_DOWN)

    def received(self, message: MqttMessage) -> None:
        """Take a message; returns at once. What is one too many is refused, and amid a flood without an answer."""
        self._intake.put(message)

    async def _work(self) -> None:
        done: _Done | None = None
        while not self._stopping:
            try:
                asked = await self._intake.take()
                if asked is None and done is None:
                    self._intake.due.clear()
                    await self._intake.due.wait()
                    continue
                concluding, done = done, None
                # One write to the disk for the answer of the last and the id of the next.
                _, begun = await asyncio.gather(self._conclude(concluding), self._begin(asked))
                if asked is not None and begun:
                    done = await self._do(asked)
                await asyncio.sleep(0)
            except Exception:  # noqa: BLE001 - whatever one command leads to must not end the others
                _log.exception("commands could not be carried out in a way that was not foreseen")
        await self._conclude(done)

    async def _begin(self, asked: Asked | None) -> bool:
        """Record a command; false where it is not to be carried out, and has its answer."""
        if asked is None:
            return False
        entry = asked.entry
        try:
            (known,) = await self._store.begin(self._source, [entry])
        except StoreError as error:
            refused = CommandRefused(
                StatusCodes.BadResourceUnavailable,
                "the gateway cannot record the command, so it is not carried out",
                "look at the gateway's log, and send it again",
            )
            _log.error("a command is refused: %s", error)
            self._intake.refuse(asked, refused)
            return False
        if known is not None:
            self._repeat(asked, known)
            return False
        if self._stopping:
            await self._store.withdraw(self._source, [entry])
            self._intake.refuse(asked, _DOWN)
            return False
        return True

    async def _conclude(self, done: _Done | None) -> None:
        """Keep an answer, and give it."""
        if done is not None:
            await self._store.finish(self._source, done.asked.entry, done.payload)
            self._intake.publish(done.asked.reply, done.payload)

    def _repeat(self, asked: Asked, before: Known) -> None:
        """Answer a command that came before."""
        self.counters.duplicates += 1
        name = asked.command.id
        if not before.is_same:
            self._intake.refuse(asked, _OTHER)
            return
        if before.answer is None:
            self._audit.refused(_INTERRUPTED.status, str(_INTERRUPTED), self._intake.entry(name))
            payload = answers.encoded(answers.refusal(name, _INTERRUPTED, duplicate=True))
        else:
            payload = answers.as_duplicate(before.answer)
        self._intake.publish(asked.reply, payload)

    async def _do(self, asked: Asked) -> _Done:
        """Carry a command out; whatever happens, there is an answer."""
        return _Done(asked, answers.encoded(await self._answered(asked.command)))

    async def _answered(self, command: Command) -> dict[str, object]:
        entry = self._intake.entry(command.id)
        written: list[WriteOutcome] = []
        called: CallOutcome | None = None
        try:
            _check_time(command)  # behind the store: one that comes again after its time has its answer
            if command.writes:
                written = await self._writes.write(command.writes, entry=entry, all_or_nothing=command.all_or_nothing)
            if command.call is not None:
                if any(is_bad(one.status) for one in written):
                    called = CallOutcome(
                        StatusCodes.BadOperationAbandoned, "not called: a write of this command failed"
                    )
                else:
                    called = await self._calls.call(command.call, entry=entry)
        except CommandRefused as refused:
            self.counters.refused += 1
            self._audit.refused(refused.status, str(refused), entry)
            return answers.refusal(command.id, refused)
        except Exception:  # noqa: BLE001 - it has to be answered, and the next one carried out
            _log.exception("the command %s failed in a way that was not foreseen", command.id)
            failed = CommandRefused(
                StatusCodes.BadUnexpectedError, "the command failed amid", "read the values; see the gateway's log"
            )
            return answers.refusal(command.id, failed)
        if all(is_bad(one.status) for one in written) and (called is None or is_bad(called.status)):
            self.counters.refused += 1
        else:
            self.counters.done += 1
        try:
            return await answers.answer(command.id, written, called, self._codec())
        except Exception:  # noqa: BLE001 - it was carried out, and what was read back must not make it look otherwise
            _log.exception("the answer to the command %s could not be made whole", command.id)
            return answers.without_values(command.id, written, called)


def _check_time(command: Command) -> None:
    """Raise :class:`CommandRefused` for a command whose time is over."""
    if command.expires is not None and now() >= command.expires:
        raise CommandRefused(
            StatusCodes.BadTimeout, "the command has expired", "compare the clocks, and send it under a new id"
        )
