"""Part 14's JSON as an :class:`~server.pubsub.contract.Encoding`: finished MQTT messages (v1.05 7.2.5, 7.3.5)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from server.address_space.structured import StructureCodec
from server.pubsub.contract import Encoded, MqttMessage
from server.pubsub.fields import DataSetField
from server.pubsub.frames import Frame, WriterIdentity
from server.pubsub.json.field_types import NO_TYPES
from server.pubsub.json.fields import FieldEncoder
from server.pubsub.json.messages import DEFAULTS, MessageEncoder
from server.pubsub.json.metadata import metadata_message
from server.pubsub.json.settings import JsonSettings

CONTENT_TYPE: Final = "application/json"


class JsonEncoding:
    """Makes the messages of one DataSetWriter."""

    def __init__(
        self,
        identity: WriterIdentity,
        fields: Sequence[DataSetField],
        topics: tuple[str, str],
        content: Collection[str] = (),
        settings: JsonSettings = DEFAULTS,
        description: str = "",
        codec: StructureCodec = NO_TYPES,
    ) -> None:
        """Prepare. ``topics``: of the data and of the metadata; ``content``: bits of DataSetFieldContentMask by name.

        ``codec``: the DataTypes of the model; without it, structures and enumerations are what their bytes tell.
        """
        self._topic, self._metadata_topic = topics
        self._identity, self._fields, self._description = identity, tuple(fields), description
        self._codec, self._class_id = codec, settings.class_id
        self._messages = MessageEncoder(identity, FieldEncoder(fields, content, settings.form, codec), settings)

    def data(self, frames: Sequence[Frame], largest: int) -> list[Encoded]:
        """Give NetworkMessages of up to ``largest`` bytes; one DataSetMessage is never cut."""
        topic = self._topic
        return [
            Encoded(MqttMessage(topic, payload, kind="ua-data", content_type=CONTENT_TYPE), values)
            for payload, values in self._messages.network_messages(frames, largest)
        ]

    def metadata(self) -> list[MqttMessage]:
        """Give the DataSetMetaData, to be retained (Part 14 v1.05 7.3.5.7.4)."""
        payload = metadata_message(self._identity, self._description, self._fields, self._codec, self._class_id)
        return [MqttMessage(self._metadata_topic, payload, retain=True, kind="ua-metadata", content_type=CONTENT_TYPE)]
