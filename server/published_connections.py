"""What the connections of this gateway are made of: its image, outbox, users, devices, events and keys.

Loaded once something is published: what it imports is a tenth of a gateway's start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from core.image import ProcessImage
from core.time import SystemClock
from historian.outbox import Outbox
from server.events.notifiers import Notifiers
from server.plan.datasets import PlannedConnection
from server.plan.plan import Plan
from server.publishing import Commanding
from server.pubsub.cloud import settings as cloud
from server.pubsub.cloud.twin.assembly import twin_of
from server.pubsub.commands.caller import Origin
from server.pubsub.commands.port import CommandPort
from server.pubsub.commands.store import CommandStore
from server.pubsub.commands.way_back import Surroundings as CommandSurroundings
from server.pubsub.commands.way_back import WayBack
from server.pubsub.component import Planned, PubSub
from server.pubsub.connection import PubSubConnection, Send, Surroundings
from server.pubsub.connection_session import Twin
from server.pubsub.events.contract import EventSource
from server.pubsub.events.logs import LogEvents
from server.pubsub.events.source import AddressSpaceEvents
from server.pubsub.settings import ConnectionSettings
from server.pubsub.sparkplug.commands import SparkplugCommand
from server.pubsub.uadp.key_rotation import KeyRotation
from server.pubsub.uadp.keys import SecurityGroups, SecurityKeys


class PublishedConnections:
    """Makes connections (:meth:`make`), and owns what they share: answered commands and rotating keys.

    ``commanding``: None where nothing comes back.
    """

    def __init__(self, plan: Plan, image: ProcessImage, outbox: Outbox, commanding: Commanding | None) -> None:
        """Make nothing yet; ``outbox`` is open."""
        self._plan = plan
        self._image = image
        self._outbox = outbox
        self._commanding = commanding
        self._store: CommandStore | None = None
        self._keys: KeyRotation | None = None
        self._connected: dict[str, _Connected] = {}
        self.pubsub = PubSub(outbox, self.make)

    async def stop(self) -> None:
        """End all connections, and what they share. Safe twice."""
        await self.pubsub.stop()
        keys, self._keys = self._keys, None
        if keys is not None:
            await keys.stop()
        store, self._store = self._store, None
        if store is not None:
            await store.stop()

    def way_backs(self) -> dict[str, WayBack]:
        """Give what takes in what comes, by connection, of those that run."""
        running = self.pubsub.connections
        found = {name: one.back for name, one in self._connected.items() if name in running}
        return {name: back for name, back in found.items() if back is not None}

    def security_keys(self, group: str, starting_token: int, count: int) -> SecurityKeys | None:
        """Give the keys of a SecurityGroup; None where there is none of that name."""
        if self._keys is None or group not in self._keys.groups.names():
            return None
        return self._keys.groups.security_keys(group, starting_token, count)

    async def make(self, name: str, planned: Planned) -> PubSubConnection:
        """Make one; it is started by whoever asked. Raises :class:`~core.errors.PlantspaceError`."""
        plan, settings = self._plan, planned.settings
        made = self._connected[name] = _Connected(name, settings)
        if (settings.commands is not None or settings.subscribed) and self._commanding is not None:
            made.around = await self._command_surroundings(self._commanding)
        security = made.groups = await self._security(settings)

        def twin() -> Twin | None:
            file = plan.data_dir / f"twin-{name}.json"
            return twin_of(settings, settings.client_id, planned.twin, self._image, made.writes(), file)

        return PubSubConnection(
            settings,
            Surroundings(
                self._image,
                self._outbox,
                plan.data_dir,
                plan.config.parent,
                plan.stack.codec,
                self._sources(name, planned),
                made.way_back if made.around is not None else None,
                twin if settings.twin is not None else None,
                made.on_command if made.around is not None and settings.commands is not None else None,
                security=security,
            ),
            gateway=plan.settings.name,
            fields=planned.fields,
            name=name,
        )

    async def _command_surroundings(self, commanding: Commanding) -> CommandSurroundings:
        if self._store is None:
            store = CommandStore(self._plan.data_dir)
            await store.start()
            self._store = store
        plan = self._plan
        return CommandSurroundings(
            plan.stack,
            plan.nodeids,
            plan.directory,
            commanding.router,
            commanding.users,
            self._store,
            commanding.record,
            commanding.ready,
        )

    async def _security(self, settings: ConnectionSettings) -> SecurityGroups | None:
        """Have the SecurityGroups that a connection's messages are secured with."""
        sent = [one.uadp.security for one in settings.published.values()] if settings.encoding == "uadp" else []
        read = [one.security for one in settings.subscribed.values()]
        wanted = [one for one in (*sent, *read) if one is not None]
        if not wanted:
            return None
        if self._keys is None:
            self._keys = KeyRotation(self._plan.data_dir, SystemClock(), self._describe)
        await self._keys.ensure(wanted)
        return self._keys.groups

    async def _describe(self) -> None:
        """Say all metadata anew, since a key has changed."""
        await asyncio.gather(*(connection.describe() for connection in self.pubsub.connections.values()))

    def _sources(self, connection: str, planned: Planned) -> Mapping[str, EventSource]:
        internal = self._plan.stack.internal
        made: dict[str, EventSource] = {}
        if isinstance(planned, PlannedConnection):
            for name, selection in planned.events.items():
                made[name] = AddressSpaceEvents(
                    f"{connection}/{name}",
                    selection,
                    internal.subscriptions.on_event,
                    Notifiers(internal.space),
                    lambda: self._plan.stack.codec,
                    planned.settings.events[name].queue,
                )
        made |= {name: LogEvents(name, settings) for name, settings in planned.settings.logs.items()}
        return made


@dataclass(slots=True)
class _Connected:
    """The way back of one connection, made anew with each start of it."""

    name: str
    settings: ConnectionSettings
    around: CommandSurroundings | None = None
    groups: SecurityGroups | None = None
    back: WayBack | None = field(default=None, init=False)
    """What was made last."""

    def way_back(self, send: Send, publisher: str) -> WayBack:
        """Make what takes in what comes."""
        settings, around = self.settings, self.around
        if around is None:
            message = "there is nobody to carry commands out"
            raise RuntimeError(message)
        back = WayBack(around, Origin(self.name, settings.broker, settings.address.secure), send)
        if settings.commands is not None:
            if settings.encoding == "sparkplug":
                back.take_sparkplug(settings.commands)
            else:
                topic = settings.commands.topic or f"{settings.prefix}/json/commands/{publisher}"
                own = [f"{prefix}/" for prefix in (settings.prefix, *settings.prefixes.values())]
                limits = cloud.limits(settings)
                if limits is None or limits.takes_filter(topic):  # a hub has no such topics; its twin brings commands
                    back.take_commands(settings.commands, topic, own)
        back.read_datasets(settings.subscribed, self.groups)
        self.back = back
        return back

    def writes(self) -> CommandPort | None:
        """Give who writes what a twin wants, once :meth:`way_back` was called; None where nothing may be written."""
        if self.back is None or self.settings.commands is None:
            return None
        return self.back.port(self.settings.commands)

    def on_command(self, command: SparkplugCommand) -> None:
        """Hand on what a Sparkplug host wants written."""
        if self.back is not None and self.back.sparkplug is not None:
            self.back.sparkplug.carry_out(command)
