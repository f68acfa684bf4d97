"""The methods of PublishSubscribe, its connections and WriterGroups, and of Status objects (Part 14 v1.05 9.1)."""

# The seam on asyncua, whose structures' fields and exports are known to itself alone.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false
from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from asyncua import ua
from asyncua.ua.status_codes import StatusCodes

from core.durations import format_duration
from server.address_space.keys import NodeKey, key_of, nodeid_of
from server.pubsub_model import names
from server.pubsub_model.answering import Answer
from server.pubsub_model.arguments import AskedGroup, AskedWriter, connection_of, group_of, structure, writer_of
from server.pubsub_model.configuration import PubSubConfiguration
from server.pubsub_model.dataset_methods import written_elsewhere
from server.pubsub_model.merging import PUBLISHED
from server.pubsub_model.overlay import Overlay, OverlayConnection, OverlayGroup, OverlayWriter
from server.pubsub_model.planner import Planned
from server.pubsub_model.profiles import PROFILES
from server.pubsub_model.refusal import PubSubRefused
from server.pubsub_model.shown import Shown, ShownConnection
from server.pubsub_model.tls_files import check_files


class ConnectionMethods:
    """Answers them. ``show`` gives what there is; ``namespace``: the index of the objects' NodeIds."""

    def __init__(self, configuration: PubSubConfiguration, show: Callable[[], Shown], namespace: int) -> None:
        """Change ``configuration``."""
        self._configuration = configuration
        self._show = show
        self._namespace = namespace

    async def add_connection(self, given: object) -> Answer:
        """Answer AddConnection (9.1.3.2)."""
        asked = connection_of(structure(given, ua.PubSubConnectionDataType, "Configuration"))
        await asyncio.to_thread(check_files, asked.words, self._configuration.base)

        def edit(overlay: Overlay, _: Planned) -> None:
            if asked.name in self._show().connections or asked.name == PUBLISHED:
                raise PubSubRefused(StatusCodes.BadBrowseNameDuplicated, f"there is a connection {asked.name} already")
            overlay.connections[asked.name] = OverlayConnection(dict(asked.words), asked.enabled)
            for group in asked.groups:
                self._add_group(overlay, asked.name, group)

        await self._configuration.change(edit)
        return self._nodeid(names.connection_path(asked.name))

    async def remove_connection(self, connection: object) -> Answer:
        """Answer RemoveConnection (9.1.3.3)."""
        name = names.connection_of(_key(connection), self._namespace)

        def edit(overlay: Overlay, _: Planned) -> None:
            shown = self._connection(name)
            if not shown.is_own:
                raise written_elsewhere(what=f"the connection {name}")
            del overlay.connections[name or ""]

        await self._configuration.change(edit)
        return []

    async def add_group(self, connection: str, given: object) -> Answer:
        """Answer AddWriterGroup (9.1.5.3)."""
        asked = group_of(given, self._encoding(connection))

        def edit(overlay: Overlay, _: Planned) -> None:
            self._connection(connection)
            self._add_group(overlay, connection, asked)

        await self._configuration.change(edit)
        return self._nodeid(names.group_path(names.GroupName(connection, asked.name)))

    async def remove_group(self, connection: str, given: object) -> Answer:
        """Answer RemoveGroup (9.1.5.5)."""
        name = names.group_of(_key(given), self._namespace)

        def edit(overlay: Overlay, _: Planned) -> None:
            shown = self._connection(connection).groups.get(name.group) if name is not None else None
            if shown is None or name is None or name.connection != connection:
                raise PubSubRefused(StatusCodes.BadNodeIdUnknown, f"{connection} has no such group")
            if not shown.is_own or not all(writer.is_own for writer in shown.writers.values()):
                raise written_elsewhere(what=f"the group {name.group}, or a writer of it,")
            held = overlay.connections[connection]
            del held.groups[name.group]
            for writer in shown.writers:
                del held.writers[writer]

        await self._configuration.change(edit)
        return []

    async def add_writer(self, group: names.GroupName, given: object) -> Answer:
        """Answer AddDataSetWriter (9.1.6.4)."""
        asked = writer_of(given, self._encoding(group.connection))

        def edit(overlay: Overlay, _: Planned) -> None:
            if group.group not in self._connection(group.connection).groups:
                raise PubSubRefused(StatusCodes.BadNodeIdUnknown, f"there is no group {group.group} any more")
            self._add_writer(overlay, group, asked)

        await self._configuration.change(edit)
        return self._nodeid(names.writer_path(names.WriterName(*group, asked.name)))

    async def remove_writer(self, group: names.GroupName, given: object) -> Answer:
        """Answer RemoveDataSetWriter (9.1.6.5)."""
        name = names.writer_of(_key(given), self._namespace)

        def edit(overlay: Overlay, _: Planned) -> None:
            held = self._connection(group.connection).groups.get(group.group)
            shown = held.writers.get(name.writer) if held is not None and name is not None else None
            if shown is None or name is None or name[:2] != group:
                raise PubSubRefused(StatusCodes.BadNodeIdUnknown, f"{group.group} has no such writer")
            if not shown.is_own:
                raise written_elsewhere(what=f"the writer {name.writer}")
            del overlay.connections[group.connection].writers[name.writer]

        await self._configuration.change(edit)
        return []

    async def set_enabled(self, name: str | names.GroupName | names.WriterName, *, enabled: bool) -> Answer:
        """Answer Enable and Disable of a Status object (9.1.10.2, 9.1.10.3)."""

        def edit(overlay: Overlay, _: Planned) -> None:
            held = _held(overlay, name)
            if held is None:
                raise written_elsewhere(what=" ".join(name) if isinstance(name, tuple) else name)
            if held.enabled == enabled:
                raise PubSubRefused(StatusCodes.BadInvalidState, f"it is {'en' if enabled else 'dis'}abled already")
            held.enabled = enabled

        await self._configuration.change(edit)
        return []

    def _add_group(self, overlay: Overlay, connection: str, asked: AskedGroup) -> None:
        shown = self._show().connections.get(connection)
        held = overlay.connections.setdefault(connection, OverlayConnection())
        if asked.name in held.groups or (shown is not None and asked.name in shown.groups):
            raise PubSubRefused(StatusCodes.BadBrowseNameDuplicated, f"{connection} has a group {asked.name} already")
        held.groups[asked.name] = OverlayGroup(dict(asked.words), asked.enabled)
        for writer in asked.writers:
            self._add_writer(overlay, names.GroupName(connection, asked.name), writer)

    def _add_writer(self, overlay: Overlay, group: names.GroupName, asked: AskedWriter) -> None:
        shown = self._show()
        if asked.dataset not in shown.datasets and asked.dataset not in overlay.datasets:
            problem = f"there is no dataset {asked.dataset}"
            raise PubSubRefused(StatusCodes.BadDataSetIdInvalid, problem, f"datasets: {', '.join(shown.datasets)}")
        held = overlay.connections.setdefault(group.connection, OverlayConnection())
        there = shown.connections.get(group.connection)
        taken = there is not None and any(asked.name in one.writers for one in there.groups.values())
        if taken or asked.name in held.writers:
            problem = f"{group.connection} has a writer {asked.name} already"
            raise PubSubRefused(StatusCodes.BadBrowseNameDuplicated, problem, "names are unique in a connection")
        words = dict(asked.words)
        if group.group not in held.groups and there is not None:  # a group of the configuration: its writers tell
            words["publish"] = _interval(there, group.group)
        held.writers[asked.name] = OverlayWriter(asked.dataset, group.group, words, asked.enabled)

    def _connection(self, name: str | None) -> ShownConnection:
        shown = self._show().connections.get(name or "")
        if shown is None:
            raise PubSubRefused(StatusCodes.BadNodeIdUnknown, "there is no such connection")
        return shown

    def _encoding(self, connection: str) -> str:
        encoding = self._connection(connection).settings.encoding
        if encoding not in PROFILES:
            problem = f"the connection {connection} speaks {encoding}, which Part 14 has no settings for"
            raise PubSubRefused(StatusCodes.BadInvalidState, problem, "add datasets to it in the configuration")
        return encoding

    def _nodeid(self, path: str) -> Answer:
        return [ua.Variant(nodeid_of((self._namespace, path)), ua.VariantType.NodeId)]


def _interval(connection: ShownConnection, group: str) -> str:
    """Give the publishing interval of a group in the words of the configuration."""
    return format_duration(connection.groups[group].interval)


def _held(
    overlay: Overlay, name: str | names.GroupName | names.WriterName
) -> OverlayConnection | OverlayGroup | OverlayWriter | None:
    """Find what has a state of its own here; None for what the configuration says."""
    connection = overlay.connections.get(name if isinstance(name, str) else name.connection)
    if connection is None:
        return None
    if isinstance(name, names.WriterName):
        return connection.writers.get(name.writer)
    if isinstance(name, names.GroupName):
        return connection.groups.get(name.group)
    return connection if connection.words else None


def _key(value: object) -> NodeKey:
    return key_of(cast("ua.NodeId", value))
