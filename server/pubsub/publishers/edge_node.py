"""A Sparkplug edge node as a connection's publisher."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from core.errors import SettingError
from core.image import ProcessImage
from server.pubsub.contract import BrokerSession, Encoding
from server.pubsub.fields import DataSetField
from server.pubsub.frames import FieldValues, WriterIdentity
from server.pubsub.publishers.contract import AnyDataSet, Published
from server.pubsub.sampling import LatestValues
from server.pubsub.settings import EncodingName
from server.pubsub.sparkplug.commands import SparkplugCommand
from server.pubsub.sparkplug.node import EdgeNode
from server.pubsub.sparkplug.session import SparkplugSession
from server.pubsub.sparkplug.settings import SparkplugSettings
from server.pubsub.sparkplug.state import NodeState


class EdgeNodePublisher:
    """One edge node; its DataSets are devices, or the node's own metrics."""

    name: EncodingName = "sparkplug"
    by_time = False

    def __init__(
        self,
        published: Published,
        image: ProcessImage,
        state_file: Path,
        *,
        on_command: Callable[[SparkplugCommand], None] | None,
        has_backlog: Callable[[], bool],
    ) -> None:
        """Read nothing yet. ``state_file``: where aliases are kept; ``on_command`` takes what hosts want written."""
        self._published = published
        self._image = image
        self._state = NodeState(state_file)
        self._on_command = on_command
        self._has_backlog = has_backlog
        self._node: EdgeNode | None = None

    async def open(self) -> BrokerSession:
        """Read and keep the aliases, and give who speaks on the links."""
        self._node = await asyncio.to_thread(self._make)
        published = self._published
        shown = {name: LatestValues(self._image, fields) for name, fields in published.fields.items()}

        def snapshot(dataset: str) -> Sequence[FieldValues]:
            return shown[dataset].take(whole=True)

        return SparkplugSession(
            self._node, self._state, snapshot, on_command=self._on_command, has_backlog=self._has_backlog
        )

    def data_topic(self, group: str, dataset: str) -> str:
        """Give nothing: records name their DataSets."""
        del group, dataset
        return ""

    def metadata_topic(self, group: str, dataset: str) -> str:
        """Give nothing: births describe the metrics."""
        del group, dataset
        return ""

    def encoding(self, identity: WriterIdentity, dataset: AnyDataSet, fields: Sequence[DataSetField]) -> Encoding:
        """Give a device's encoding."""
        del dataset, fields
        if self._node is None or identity.writer not in self._node.devices:
            problem = f"{identity.writer} is no device of the Sparkplug node"
            raise SettingError(problem, "publish events by a connection with encoding: json")
        return self._node.encoding(identity.writer)

    def admitted(self, identity: WriterIdentity, dataset: AnyDataSet) -> None:
        """Do nothing: births tell what there is."""

    def _make(self) -> EdgeNode:
        published = self._published
        self._state.load()
        settings = published.settings.sparkplug or SparkplugSettings()
        node = EdgeNode(settings, published.publisher, published.fields, self._state, published.codec)
        self._state.save()
        return node
