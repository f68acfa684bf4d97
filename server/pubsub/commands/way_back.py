"""Everything that one connection takes in: JSON commands, Sparkplug's, and the DataSets of others."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from core.lifecycle import Lifecycle
from server.audit.record import AuditRecord
from server.pubsub.commands.audit import RefusalAudit
from server.pubsub.commands.caller import Caller, Origin, Users
from server.pubsub.commands.handler import CommandHandler
from server.pubsub.commands.intake import CommandCounters, Send
from server.pubsub.commands.method_port import MethodPort
from server.pubsub.commands.nodes import Directory, Nodes
from server.pubsub.commands.port import CommandPort
from server.pubsub.commands.settings import CommandSettings, SubscribedSettings
from server.pubsub.commands.sparkplug import SparkplugWriter
from server.pubsub.commands.store import CommandStore
from server.pubsub.commands.subscribed.reader import DataSetReader
from server.pubsub.commands.subscribed.variables import Variables
from server.pubsub.contract import MqttMessage, Subscription
from server.pubsub.uadp.keys import GroupKeys, SecurityGroups
from server.ua_stack.nodeids import NodeIds
from server.ua_stack.stack import UaStack
from server.writing import WriteRouter


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all connections' commands are done with. ``users``: :class:`server.access.Access`.

    ``record`` takes audit records; ``store`` is open while any of the connections is. ``ready``: set once the gateway
    is up: what comes before waits, since nobody could hand it to a device yet. None: it is up already.
    """

    stack: UaStack
    nodeids: NodeIds
    directory: Directory
    router: WriteRouter
    users: Users
    store: CommandStore
    record: Callable[[AuditRecord], None] | None = None
    ready: asyncio.Event | None = None


class WayBack:
    """The way back of one connection. Its session asks :meth:`subscriptions` and hands on what :meth:`received`."""

    def __init__(self, around: Surroundings, origin: Origin, send: Send) -> None:
        """Take nothing in yet. ``send`` publishes on the present link, or lets go where there is none."""
        self._around, self._origin, self._send = around, origin, send
        self._lifecycle = Lifecycle()
        self._beginning: asyncio.Task[None] | None = None
        self._callers: list[Caller] = []
        self.commands: CommandHandler | None = None
        self.sparkplug: SparkplugWriter | None = None
        self.readers: dict[str, DataSetReader] = {}

    def take_commands(self, settings: CommandSettings, topic: str, own: Sequence[str]) -> CommandHandler:
        """Take JSON commands on ``topic``. ``own``: beginnings of topics that no answer may go to."""
        around = self._around
        caller, nodes = self._caller(settings.user), self._nodes(settings.allow)
        self.commands = CommandHandler(
            settings,
            connection=self._origin.name,
            topic=topic,
            own=own,
            writes=CommandPort(around.stack, around.nodeids, nodes, caller),
            calls=MethodPort(around.stack, around.nodeids, nodes, caller),
            codec=lambda: around.stack.codec,
            store=around.store,
            audit=RefusalAudit(around.record, settings.user, self._origin.url),
            send=self._send,
        )
        return self.commands

    def take_sparkplug(self, settings: CommandSettings) -> SparkplugWriter:
        """Carry out what Sparkplug hosts ask for (:meth:`SparkplugWriter.carry_out`)."""
        around = self._around
        self.sparkplug = SparkplugWriter(
            settings,
            connection=self._origin.name,
            port=self.port(settings),
            store=around.store,
            audit=RefusalAudit(around.record, settings.user, self._origin.url),
        )
        return self.sparkplug

    def port(self, settings: CommandSettings) -> CommandPort:
        """Give who writes as the user of commands: a cloud's twin does so, too."""
        around = self._around
        return CommandPort(around.stack, around.nodeids, self._nodes(settings.allow), self._caller(settings.user))

    def read_datasets(self, settings: Mapping[str, SubscribedSettings], groups: SecurityGroups | None = None) -> None:
        """Write the fields of others' DataSets to variables. ``groups``: those that their messages are secured with."""
        around = self._around
        for name, one in settings.items():
            caller = self._caller(one.user)
            variables = Variables(around.stack, around.nodeids, self._nodes(()), around.router, caller, one.fields)
            audit = RefusalAudit(around.record, one.user, self._origin.url)
            keys = None if groups is None or one.security is None else GroupKeys(groups, one.security.group)
            self.readers[name] = DataSetReader(name, one, variables, audit, keys=keys)

    @property
    def counters(self) -> CommandCounters | None:
        """What came of commands, as JSON or from Sparkplug hosts; None where none are taken."""
        taken = self.commands or self.sparkplug
        return None if taken is None else taken.counters

    def subscriptions(self) -> list[Subscription]:
        """Name what is to be subscribed on each link."""
        wanted = [*(() if self.commands is None else self.commands.subscriptions())]
        for reader in self.readers.values():
            wanted.extend(reader.subscriptions())
        return list(dict.fromkeys(wanted))

    def received(self, message: MqttMessage) -> bool:
        """Take a message, at once; False where it is for nobody here."""
        if self.commands is not None and self.commands.takes(message):
            self.commands.received(message)
            return True
        taken = [reader.received(message) for reader in self.readers.values()]  # all of them, not the first alone
        return any(taken)

    async def start(self) -> None:
        """Begin to carry out what comes, once the gateway is up."""
        ready = self._around.ready
        if ready is None or ready.is_set():
            await self._begin()
        else:
            self._beginning = asyncio.create_task(self._wait(ready), name=f"way back of {self._origin.name}")

    async def _wait(self, ready: asyncio.Event) -> None:
        await ready.wait()
        await self._begin()

    async def _begin(self) -> None:
        if self.commands is not None:
            await self._lifecycle.start("commands", self.commands)
        if self.sparkplug is not None:
            await self._lifecycle.start("sparkplug commands", self.sparkplug)
        for name, reader in self.readers.items():
            await self._lifecycle.start(f"reader {name}", reader)

    async def stop(self) -> None:
        """Finish what is under way; safe twice."""
        beginning, self._beginning = self._beginning, None
        if beginning is not None:
            beginning.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beginning
        await self._lifecycle.stop()
        for caller in self._callers:
            caller.close()

    def _caller(self, user: str) -> Caller:
        caller = Caller(self._around.stack.internal, self._around.users, user, self._origin)
        self._callers.append(caller)
        return caller

    def _nodes(self, allow: Sequence[str]) -> Nodes:
        return Nodes(self._around.stack.internal.space, self._around.directory, allow)
