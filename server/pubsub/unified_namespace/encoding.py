"""One message a value: plain JSON that needs nobody to explain it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from itertools import count, repeat
from typing import Final

import numpy as np

from core.datatypes import DataType
from core.quality import StatusArray, symbol
from nodesets import units
from server.address_space.structured import StructureCodec
from server.pubsub.columns import EncodedMessages, Form, Messages
from server.pubsub.contract import MqttMessage
from server.pubsub.fields import DataSetField
from server.pubsub.frames import FieldValues, Frame
from server.pubsub.json.field_types import NO_TYPES
from server.pubsub.json.times import datetime_text, datetime_texts
from server.pubsub.json.values import column_texts, text
from server.pubsub.object_json import ObjectJson
from server.pubsub.unified_namespace.settings import NamespaceSettings
from server.pubsub.unified_namespace.topics import meta_topic

CONTENT_TYPE: Final = "application/json"
_PLAIN: Final = frozenset({DataType.INT64, DataType.UINT64})
"""Types that Part 6 writes as strings of digits and this namespace as numbers."""


class NamespaceEncoding:
    """Encodes one DataSet; each field has a topic of its own."""

    def __init__(
        self,
        settings: NamespaceSettings,
        fields: Sequence[DataSetField],
        topics: Sequence[str],
        codec: StructureCodec = NO_TYPES,
    ) -> None:
        """Prepare the texts that do not change."""
        self._fields = tuple(fields)
        self._topics: list[str] = list(topics)
        self._form = Form(settings.qos, settings.retain, "", CONTENT_TYPE)
        self._has_metadata = settings.metadata
        self._objects = ObjectJson(fields, codec)
        self._units = [_unit(field) for field in fields]
        self._id = uuid.uuid4().hex[:16]
        self._numbers = count(1)

    def data(self, frames: Sequence[Frame], largest: int) -> EncodedMessages:
        """Encode each value of frames; keep-alives have none. A message is never cut, whatever ``largest`` is."""
        del largest
        topics: list[str] = []
        payloads: list[bytes] = []
        for frame in frames:
            server_time = datetime_text(frame.time)
            for part in frame.parts:
                index: list[int] = part.index.tolist()
                topics += map(self._topics.__getitem__, index)
                payloads += self._payloads(part, index, server_time)
        count = len(payloads)
        return EncodedMessages(Messages(topics, payloads, [self._form] * count), [1] * count)

    def metadata(self) -> list[MqttMessage]:
        """Describe each point beside its values, if so configured."""
        if not self._has_metadata:
            return []
        return [
            MqttMessage(
                meta_topic(topic), _description(field), 1, retain=True, kind="ua-metadata", content_type=CONTENT_TYPE
            )
            for field, topic in zip(self._fields, self._topics, strict=True)
        ]

    def _payloads(self, part: FieldValues, index: list[int], server_time: str) -> list[bytes]:
        end = f'","serverTime":"{server_time}","id":"{self._id}'
        rows = zip(
            map(self._units.__getitem__, index),
            self._values(part, index),
            _qualities(part.status),
            _times(part.source_time.tolist()),
            _times(part.server_time.tolist()),
            self._numbers,
            strict=False,
        )
        return [
            f'{{"value":{value}{unit}{quality},"sourceTime":"{source}","gatewayTime":"{gateway}{end}{number:x}"}}'.encode()
            for unit, value, quality, source, gateway, number in rows
        ]

    def _values(self, part: FieldValues, index: list[int]) -> list[str]:
        values = part.values
        if part.datatype in _PLAIN:
            texts = list(map(repr, values.tolist()))
        elif part.datatype is DataType.STATUSCODE:
            texts = list(map(str, values.tolist()))
        else:
            texts = column_texts(part.datatype, values) or [
                self._objects.text(field, value) for field, value in zip(index, values, strict=True)
            ]
        if part.empty is not None:
            for place in np.flatnonzero(part.empty).tolist():
                texts[place] = "null"
        return texts


def _qualities(status: StatusArray) -> Iterable[str]:
    if not status.any():
        return repeat(',"quality":"Good","status":0')
    known = {code: f',"quality":"{symbol(code)}","status":{code}' for code in set(status.tolist())}
    return [known[code] for code in status.tolist()]


def _times(ticks: list[int]) -> Iterable[str]:
    first = ticks[0] if ticks else 0
    return repeat(datetime_text(first)) if ticks.count(first) == len(ticks) else datetime_texts(ticks)


def _unit(field: DataSetField) -> str:
    if not field.unit:
        return ""
    known = units.by_code(field.unit)
    return f',"unit":{text(known.symbol if known is not None else field.unit)}'


def _description(field: DataSetField) -> bytes:
    made: dict[str, object] = {"name": field.name, "nodeId": field.node, "type": field.wire_type.symbol}
    if field.path:
        made["path"] = list(field.path)
    if field.value_rank >= 0:
        made["array"] = True
    if field.unit:
        known = units.by_code(field.unit)
        made["unit"] = known.symbol if known is not None else field.unit
        if known is not None:
            made["unitCode"] = known.code
    if field.range is not None:
        made["low"], made["high"] = field.range
    if field.description:
        made["description"] = field.description
    return json.dumps(made, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
