"""What a publisher says of itself in JSON: its status and its connection (Part 14 v1.05 7.2.5.5).

The connection is CompactEncoding: fields that have the default of their type are not written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from core.time import now, to_iso
from server.pubsub.frames import PubSubState
from server.pubsub.json.values import text

JSON_PROFILE: Final = "http://opcfoundation.org/UA-Profile/Transport/pubsub-mqtt-json"
"""TransportProfileUri of JSON over MQTT (Part 14 v1.05 7.3.5.7.8)."""

_FIELD_BITS: Final = (
    "StatusCode",
    "SourceTimestamp",
    "ServerTimestamp",
    "SourcePicoSeconds",
    "ServerPicoSeconds",
    "RawData",
)
"""DataSetFieldContentMask, bit 0 first (Part 14 v1.05 6.2.4.2)."""
_STRING: Final = 12
_BROKER_GROUP, _BROKER_WRITER = "i=15667", "i=15669"
"""BrokerWriterGroupTransportDataType, BrokerDataSetWriterTransportDataType (Part 14 v1.05 6.4.2)."""
_JSON_GROUP, _JSON_WRITER = "i=15657", "i=15664"
"""JsonWriterGroupMessageDataType, JsonDataSetWriterMessageDataType (Part 14 v1.05 6.3.2)."""
_AT_LEAST_ONCE: Final = 2
"""BrokerTransportQualityOfService (Part 14 v1.05 6.4.2.1)."""
_MILLISECONDS: Final = 1000.0

Member = dict[str, object]


@dataclass(frozen=True, slots=True)
class WriterDescription:
    """A DataSetWriter as others may know of it. ``content``: bits of DataSetFieldContentMask by name."""

    name: str
    writer_id: int
    dataset: str
    topic: str
    metadata_topic: str
    keyframe: int = 1
    content: Sequence[str] = ()
    message_mask: int = 0


@dataclass(frozen=True, slots=True)
class GroupDescription:
    """A WriterGroup; ``interval`` is its publishing interval in seconds, ``network_mask`` of its NetworkMessages."""

    name: str
    interval: float
    writers: Sequence[WriterDescription]
    group_id: int = 0
    largest: int = 0
    network_mask: int = 0


def field_content_mask(content: Sequence[str]) -> int:
    """Give the DataSetFieldContentMask of names."""
    return sum(1 << bit for bit, name in enumerate(_FIELD_BITS) if name in content)


def status_message(publisher: str, state: PubSubState) -> bytes:
    """Give the publisher's status (7.2.5.5.5): the broker tells when it goes, so it is not cyclic."""
    return (
        f'{{"MessageId":"{uuid4()}","MessageType":"ua-status","PublisherId":{text(publisher)},'
        f'"IsCyclic":false,"Status":{int(state)}}}'
    ).encode("utf-8", "replace")


def connection_message(publisher: str, name: str, groups: Sequence[GroupDescription]) -> bytes:
    """Give the PubSubConnection (7.2.5.5.6), without its address, readers and properties, as that clause wants."""
    connection = {
        "Name": name,
        "Enabled": True,
        "PublisherId": {"UaType": _STRING, "Value": publisher},
        "TransportProfileUri": JSON_PROFILE,
        "WriterGroups": [_group(group) for group in groups],
    }
    message = {
        "MessageId": str(uuid4()),
        "MessageType": "ua-connection",
        "PublisherId": publisher,
        "Timestamp": to_iso(now()),
        "Connection": connection,
    }
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _group(group: GroupDescription) -> Member:
    message = {"UaTypeId": _JSON_GROUP, "NetworkMessageContentMask": group.network_mask}
    return {
        "Name": group.name,
        "Enabled": True,
        **_without_defaults({"MaxNetworkMessageSize": group.largest, "WriterGroupId": group.group_id}),
        "PublishingInterval": group.interval * _MILLISECONDS,
        "TransportSettings": {"UaTypeId": _BROKER_GROUP, "RequestedDeliveryGuarantee": _AT_LEAST_ONCE},
        "MessageSettings": _without_defaults(message),
        "DataSetWriters": [_writer(writer) for writer in group.writers],
    }


def _writer(writer: WriterDescription) -> Member:
    transport = {
        "UaTypeId": _BROKER_WRITER,
        "QueueName": writer.topic,
        "RequestedDeliveryGuarantee": _AT_LEAST_ONCE,
        "MetaDataQueueName": writer.metadata_topic,
    }
    message = {"UaTypeId": _JSON_WRITER, "DataSetMessageContentMask": writer.message_mask}
    written = {
        "Name": writer.name,
        "Enabled": True,
        "DataSetWriterId": writer.writer_id,
        "DataSetFieldContentMask": field_content_mask(writer.content),
        "KeyFrameCount": writer.keyframe,
        "DataSetName": writer.dataset,
        "TransportSettings": transport,
        "MessageSettings": _without_defaults(message),
    }
    return _without_defaults(written)


def _without_defaults(written: Mapping[str, object]) -> Member:
    return {key: value for key, value in written.items() if value not in (0, "", None, [])}
