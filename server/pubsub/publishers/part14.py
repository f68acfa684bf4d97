"""Part 14's publisher, in JSON or UADP."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from server.pubsub.cloud.presets import PRESETS
from server.pubsub.cloud.topics import IotHubTopics, TopicScheme
from server.pubsub.contract import BrokerSession, Encoding, MqttMessage
from server.pubsub.fields import DataSetField
from server.pubsub.frames import PubSubState, WriterIdentity
from server.pubsub.json import discovery
from server.pubsub.json.encoding import CONTENT_TYPE, JsonEncoding
from server.pubsub.json.topics import Topics
from server.pubsub.publishers.contract import AnyDataSet, Published
from server.pubsub.settings import DataSetSettings, EncodingName
from server.pubsub.ua_session import UaSession
from server.pubsub.uadp.encoding import UadpEncoding
from server.pubsub.uadp.publisher import UadpPublisher
from server.pubsub.uadp.settings import UadpSettings
from server.pubsub.uadp.topics import UadpTopics

_NO_POINTS: Final = ()


class Part14Publisher:
    """One publisher of Part 14 (v1.05 7.3.5)."""

    by_time = True

    def __init__(self, published: Published) -> None:
        """Prepare. Raises :class:`~core.errors.SettingError` for a publisher that UADP cannot name."""
        settings, name = published.settings, published.publisher
        self._published = published
        self._uadp: UadpPublisher | None = None
        topics: TopicScheme = Topics(settings.prefix, name)
        if settings.encoding == "uadp":
            first = next(iter(settings.published.values()), None)
            kind = (first.uadp if first is not None else UadpSettings()).publisher_id_type
            self._uadp = UadpPublisher(settings.prefix, name, kind, codec=published.codec, groups=published.security)
            topics = self._uadp.topics
        elif settings.preset is not None and PRESETS[settings.preset].device_topics:
            topics = IotHubTopics(settings.client_id)
        self._topics = topics
        self._numbers: dict[str, itertools.count[int]] = {}
        self._groups: dict[str, list[discovery.WriterDescription]] = {}
        self._intervals: dict[str, float] = {}
        self._masks: dict[str, int] = {}

    @property
    def name(self) -> EncodingName:
        """The encoding's name."""
        return "json" if self._uadp is None else "uadp"

    async def open(self) -> BrokerSession:
        """Give who speaks on the links."""
        return UaSession(self._status, self._describe)

    def data_topic(self, group: str, dataset: str) -> str:
        """Give where a DataSet's data go."""
        return self._topics_of(dataset).data(group, dataset)

    def metadata_topic(self, group: str, dataset: str) -> str:
        """Give where a DataSet's metadata is retained."""
        return self._topics_of(dataset).metadata(group, dataset)

    def encoding(self, identity: WriterIdentity, dataset: AnyDataSet, fields: Sequence[DataSetField]) -> Encoding:
        """Make a DataSet's encoding. Raises :class:`~core.errors.SettingError` for what UADP cannot say."""
        content = dataset.content if isinstance(dataset, DataSetSettings) else _NO_POINTS
        codec = self._published.codec
        if self._uadp is None:
            group, writer = identity.group, identity.writer
            topics = self._topics_of(writer)
            place = topics.data(group, writer), topics.metadata(group, writer)
            return JsonEncoding(identity, fields, place, content, dataset.json_, dataset.description, codec)
        return UadpEncoding(
            self._uadp,
            identity,
            fields,
            content,
            dataset.uadp,
            prefix=self._published.settings.prefix_of(identity.writer),
            description=dataset.description,
            group_sequence=self._numbers.setdefault(identity.group, itertools.count(1)),
        )

    def admitted(self, identity: WriterIdentity, dataset: AnyDataSet) -> None:
        """Describe a DataSetWriter in the connection's message."""
        group, writer = identity.group, identity.writer
        description = discovery.WriterDescription(
            writer,
            identity.writer_id,
            writer,
            self.data_topic(group, writer),
            self.metadata_topic(group, writer),
            dataset.keyframe if isinstance(dataset, DataSetSettings) else 1,
            dataset.content if isinstance(dataset, DataSetSettings) else (),
            dataset.json_.message_mask,
        )
        self._groups.setdefault(group, []).append(description)
        self._intervals[group] = min(dataset.publish, self._intervals.get(group, dataset.publish))
        self._masks[group] = dataset.json_.network_mask

    def _topics_of(self, dataset: str) -> TopicScheme:
        """Give the topics of a DataSet: those of its class may begin otherwise than the publisher's own."""
        topics = self._topics
        if not isinstance(topics, Topics | UadpTopics):
            return topics
        return replace(topics, prefix=self._published.settings.prefix_of(dataset))

    def _status(self, state: PubSubState) -> MqttMessage:
        if self._uadp is not None:
            return self._uadp.status(state)
        payload = discovery.status_message(self._published.publisher, state)
        return MqttMessage(self._topics.status, payload, retain=True, kind="ua-status", content_type=CONTENT_TYPE)

    def _describe(self) -> Sequence[MqttMessage]:
        """Give the ua-connection message; UADP's form of it is a PubSubConnection that nobody here reads yet."""
        topics = self._topics
        if not isinstance(topics, Topics):
            return ()
        published = self._published
        groups = [
            discovery.GroupDescription(
                name,
                self._intervals[name],
                writers,
                largest=published.settings.max_message,
                network_mask=self._masks[name],
            )
            for name, writers in self._groups.items()
        ]
        payload = discovery.connection_message(published.publisher, published.name, groups)
        kind = "ua-connection"
        return (MqttMessage(topics.connection, payload, retain=True, kind=kind, content_type=CONTENT_TYPE),)
