"""The PublishSubscribe object (i=14443, Part 14 v1.05 9.1): shows what is published, and lets it be changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from typing import Final

from asyncua.ua.object_ids import ObjectIds

from core.time import now
from nodesets.nodes import NodeClass
from server.address_space.encoding import boolean_variant, int32_variant, uint16_variant, uint32_variant
from server.address_space.keys import NodeKey, numeric_key
from server.address_space.node import Flag
from server.model_change.telling import tell
from server.model_change.verbs import NodeChange, Verb
from server.plan import Plan
from server.pubsub.frames import PubSubState
from server.pubsub_model import limits, names
from server.pubsub_model.answering import answering
from server.pubsub_model.configuration import PubSubConfiguration
from server.pubsub_model.configuration_file import ConfigurationFile
from server.pubsub_model.configuration_value import configuration_file
from server.pubsub_model.connection_methods import ConnectionMethods
from server.pubsub_model.dataset_methods import DataSetMethods
from server.pubsub_model.diagnostics import Diagnostics
from server.pubsub_model.instances import HAS_COMPONENT, ORGANIZES, InstanceMaker, Parts
from server.pubsub_model.parts import PartsOf, texts_variant
from server.pubsub_model.planner import Planned
from server.pubsub_model.profiles import PROFILES
from server.pubsub_model.readers import GROUP, reader, reader_group
from server.pubsub_model.running import RunningPubSub
from server.pubsub_model.security_keys import get_security_keys
from server.pubsub_model.shown import Shown, ShownConnection, shown

_log = logging.getLogger("plantspace.pubsub")
PUBLISH_SUBSCRIBE: Final = numeric_key(0, ObjectIds.PublishSubscribe)
_DATASETS: Final = numeric_key(0, ObjectIds.PublishSubscribe_PublishedDataSets)
_CONFIGURATION: Final = numeric_key(0, ObjectIds.PublishSubscribe_PubSubConfiguration)
_CONNECTION_TYPE: Final = numeric_key(0, ObjectIds.PubSubConnectionType)
_GROUP_TYPE: Final = numeric_key(0, ObjectIds.WriterGroupType)
_WRITER_TYPE: Final = numeric_key(0, ObjectIds.DataSetWriterType)
_DATASET_TYPE: Final = numeric_key(0, ObjectIds.PublishedDataItemsType)
_EVENTS_TYPE: Final = numeric_key(0, ObjectIds.PublishedEventsType)
_FOLDER_TYPE: Final = numeric_key(0, ObjectIds.DataSetFolderType)
_HAS_CONNECTION: Final = numeric_key(0, ObjectIds.HasPubSubConnection)
_HAS_WRITER_GROUP: Final = numeric_key(0, ObjectIds.HasWriterGroup)
_HAS_WRITER: Final = numeric_key(0, ObjectIds.HasDataSetWriter)
_READER_GROUP_TYPE: Final = numeric_key(0, ObjectIds.ReaderGroupType)
_READER_TYPE: Final = numeric_key(0, ObjectIds.DataSetReaderType)
_HAS_READER_GROUP: Final = numeric_key(0, ObjectIds.HasReaderGroup)
_HAS_READER: Final = numeric_key(0, ObjectIds.HasDataSetReader)
_DATASET_TO_WRITER: Final = numeric_key(0, ObjectIds.DataSetToWriter)
_NEEDED: Final = (
    PUBLISH_SUBSCRIBE,
    _DATASETS,
    _CONNECTION_TYPE,
    _GROUP_TYPE,
    _WRITER_TYPE,
    _DATASET_TYPE,
    _EVENTS_TYPE,
    _FOLDER_TYPE,
    _HAS_CONNECTION,
    _HAS_WRITER_GROUP,
    _HAS_WRITER,
    _DATASET_TO_WRITER,
    _READER_GROUP_TYPE,
    _READER_TYPE,
)
_NO_LIMIT: Final = 0
_CAPABILITIES: Final[Mapping[str, bytes]] = {
    "MaxPubSubConnections": uint32_variant(limits.MOST_CONNECTIONS),
    "MaxWriterGroups": uint32_variant(limits.MOST_GROUPS),
    "MaxDataSetWriters": uint32_variant(limits.MOST_WRITERS),
    "MaxFieldsPerDataSet": uint32_variant(_NO_LIMIT),
    "MaxDataSetWritersPerGroup": uint32_variant(limits.MOST_WRITERS),
    "MaxPublishedDataSets": uint32_variant(limits.MOST_DATASETS),
    "MaxNetworkMessageSizeBroker": uint32_variant(_NO_LIMIT),
    "SupportSecurityKeyPull": boolean_variant(value=False),
    "SupportSecurityKeyPush": boolean_variant(value=False),
    "SupportSecurityKeyServer": boolean_variant(value=True),
}
_EPOCH_2000: Final = 125_911_584_000_000_000
_SECOND: Final = 10_000_000

_Object = tuple[NodeKey, NodeKey, NodeKey, str, Parts]
"""What an object is made of: parent, reference, type, name, parts."""


class PubSubObject:
    """The object and everything beneath it. Belongs to the event loop."""

    def __init__(self, plan: Plan, running: RunningPubSub) -> None:
        """Serve what ``running`` publishes in the address space of ``plan``."""
        self._plan = plan
        self._namespace = plan.nodeids.index_of(f"urn:plantspace:{plan.settings.name}")
        self._maker = InstanceMaker(plan.stack.internal.space, self._namespace)
        self.configuration = PubSubConfiguration(plan, running)
        self._running = running
        self._shown = Shown()
        self._version = 0
        self._file: tuple[object, bytes] = (None, b"")
        self._made: dict[str, list[NodeKey]] = {}
        self._links: set[tuple[NodeKey, NodeKey]] = set()
        self._telling: set[asyncio.Task[int]] = set()
        connections = ConnectionMethods(self.configuration, self._now, self._namespace)
        datasets = DataSetMethods(plan, self.configuration, self._now, self._namespace)
        self._connections = connections
        self._parts = PartsOf(plan, self.configuration, self._now, connections, datasets)

    async def start(self) -> None:
        """Show everything, once PubSub runs; before that the object is as the standard's file has it.

        Raises :class:`~server.pubsub_model.refusal.PubSubRefused` for a configuration that does not fit the model.
        """
        space = self._plan.stack.internal.space
        if any(key not in space for key in _NEEDED):
            _log.info("PublishSubscribe is not shown: the standard's NodeSet is an older one")
            return
        await self.configuration.start()
        self._bind()
        self._show(self.configuration.planned)
        self.configuration.on_change = self._changed

    async def stop(self) -> None:
        """Bring what is being changed to its end."""
        await self.configuration.stop()
        if self._telling:
            await asyncio.wait(self._telling)

    def model_changed(self) -> None:
        """Follow a changed model: datasets by pattern and type may have other fields."""
        self.configuration.model_changed()

    def _content(self) -> bytes:
        """Give PubSubConfiguration, made anew where something of it is another."""
        identities = [self._running.identity(one.connection, one.writer) for one in self._writers()]
        key = (self._version, identities)
        if self._file[0] != key:
            made = configuration_file(self._plan, self._shown, self.configuration, self._version)
            self._file = (key, made)
        return self._file[1]

    def _now(self) -> Shown:
        return self._shown

    def _changed(self, before: Planned, planned: Planned) -> None:
        del before
        added, removed = self._show(planned)
        changes = [NodeChange(key, kind, Verb.NODE_ADDED) for key, kind in added]
        changes += [NodeChange(key, kind, Verb.NODE_DELETED) for key, kind in removed]
        if changes:
            task = asyncio.get_running_loop().create_task(
                tell(self._plan.stack, changes, "what is published has changed")
            )
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    def _bind(self) -> None:
        """Answer the standard's own nodes, and close the methods of what is not offered."""
        state = partial(int32_variant, PubSubState.OPERATIONAL)
        counts = Diagnostics(dict[str, int], lambda: PubSubState.OPERATIONAL, frozenset())
        values = {
            "Status/State": state,
            "SupportedTransportProfiles": partial(texts_variant, list(PROFILES.values())),
            "ConfigurationVersion": lambda: uint32_variant(self._version),
            "Diagnostics/LiveValues/ConfiguredDataSetWriters": lambda: uint16_variant(len(self._writers())),
            "Diagnostics/LiveValues/OperationalDataSetWriters": lambda: uint16_variant(self._operational()),
            "Diagnostics/LiveValues/ConfiguredDataSetReaders": lambda: uint16_variant(self._readers_configured()),
            "Diagnostics/LiveValues/OperationalDataSetReaders": lambda: uint16_variant(self._readers_operational()),
            **counts.values(),
            **{f"PubSubCapablities/{name}": partial(bytes, value) for name, value in _CAPABILITIES.items()},
        }
        methods = {
            "AddConnection": answering("AddConnection", self._connections.add_connection),
            "RemoveConnection": answering("RemoveConnection", self._connections.remove_connection),
            "GetSecurityKeys": answering("GetSecurityKeys", get_security_keys(self._running.security_keys)),
        }
        self._maker.answer(PUBLISH_SUBSCRIBE, Parts(values, methods))
        self._maker.complete(_DATASETS, f"{names.FOLDERS}", self._parts.folder(""))
        file = ConfigurationFile(self._content)
        if _CONFIGURATION in self._plan.stack.internal.space:
            self._maker.answer(_CONFIGURATION, file.parts())
        space = self._plan.stack.internal.space
        for node in self._maker.methods_beneath(PUBLISH_SUBSCRIBE):
            if node.definition is None and node.node_class is NodeClass.METHOD:
                node.flags &= ~Flag.EXECUTABLE
                space.changed(node)

    def _show(self, planned: Planned) -> tuple[list[tuple[NodeKey, NodeKey]], list[tuple[NodeKey, NodeKey]]]:
        """Make the nodes of what came and remove those of what went; give both with their types."""
        self._shown = shown(planned)
        self._version = max(self._version + 1, (now() - _EPOCH_2000) // _SECOND)
        space = self._plan.stack.internal.space
        wanted = self._objects()
        removed: list[tuple[NodeKey, NodeKey]] = []
        for path in [path for path in self._made if path not in wanted]:
            keys = self._made.pop(path)
            removed.append((keys[0], space.type_of(space[keys[0]]) or PUBLISH_SUBSCRIBE))
            self._maker.remove([key for key in keys if key in space])
        self._links = {link for link in self._links if link[0] in space and link[1] in space}
        added: list[tuple[NodeKey, NodeKey]] = []
        for path, (parent, reference, kind, name, parts) in wanted.items():
            if path not in self._made:
                self._made[path] = self._maker.make(parent, reference, kind, path, name, parts)
                added.append((self._maker.key(path), kind))
        for dataset, held in self._shown.datasets.items():
            for connection, writer in held.writers:
                group = self._shown.connections[connection].settings.published[writer].group
                source = self._maker.key(names.dataset_path(dataset))
                target = self._maker.key(names.writer_path(names.WriterName(connection, group, writer)))
                if (source, target) not in self._links:
                    space.refer(source, _DATASET_TO_WRITER, target)
                    self._links.add((source, target))
        return added, removed

    def _objects(self) -> dict[str, _Object]:
        """Give every object by its path, each after the one that it hangs on."""
        key, parts, held = self._maker.key, self._parts, self._shown
        found: dict[str, _Object] = {}
        for path in held.folders:
            above, _, name = path.rpartition("/")
            parent = key(names.folder_path(above)) if above else _DATASETS
            found[names.folder_path(path)] = (parent, ORGANIZES, _FOLDER_TYPE, name, parts.folder(path))
        for name, dataset in held.datasets.items():
            parent = key(names.folder_path(dataset.folder)) if dataset.folder else _DATASETS
            kind = _DATASET_TYPE if dataset.events is None else _EVENTS_TYPE
            found[names.dataset_path(name)] = (parent, HAS_COMPONENT, kind, name, parts.dataset(name))
        for name, connection in held.connections.items():
            path = names.connection_path(name)
            found[path] = (PUBLISH_SUBSCRIBE, _HAS_CONNECTION, _CONNECTION_TYPE, name, parts.connection(name))
            found |= self._readers(name, connection)
            for group, inner in connection.groups.items():
                at = names.GroupName(name, group)
                own = names.group_path(at)
                found[own] = (key(path), _HAS_WRITER_GROUP, _GROUP_TYPE, group, parts.group(at))
                for writer in inner.writers:
                    one = names.WriterName(name, group, writer)
                    made = (key(own), _HAS_WRITER, _WRITER_TYPE, writer, parts.writer(one))
                    found[names.writer_path(one)] = made
        return found

    def _readers(self, name: str, connection: ShownConnection) -> dict[str, _Object]:
        settings, key = connection.settings, self._maker.key
        if not settings.subscribed:
            return {}
        state = partial(self._parts.state, name)
        above = names.reader_path(name)
        group = reader_group(settings.max_message, state)
        found = {above: (key(names.connection_path(name)), _HAS_READER_GROUP, _READER_GROUP_TYPE, GROUP, group)}
        for one, subscribed in settings.subscribed.items():
            parts = reader(one, subscribed, state, self._plan)
            found[names.reader_path(name, one)] = (key(above), _HAS_READER, _READER_TYPE, one, parts)
        return found

    def _readers_configured(self) -> int:
        return sum(len(one.settings.subscribed) for one in self._shown.connections.values())

    def _readers_operational(self) -> int:
        return sum(
            len(one.settings.subscribed)
            for name, one in self._shown.connections.items()
            if one.settings.subscribed and self._parts.state(name) is PubSubState.OPERATIONAL
        )

    def _writers(self) -> list[names.WriterName]:
        return [
            names.WriterName(connection, group, writer)
            for connection, one in self._shown.connections.items()
            for group, held in one.groups.items()
            for writer in held.writers
        ]

    def _operational(self) -> int:
        return sum(self._parts.state(*one) is PubSubState.OPERATIONAL for one in self._writers())
