"""An event: its type, its source and its fields, each encoded once however many clients hear it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from asyncua.ua.object_ids import ObjectIds

from core.datatypes import DataType
from nodesets.built_in_types import BuiltInType, LocalizedText
from server.address_space.encoding import (
    COLUMNS,
    NULL_VARIANT,
    encode_bytes,
    encode_localized_text,
    encode_string,
    node_id_variant,
    uint16_variant,
    variant,
)
from server.address_space.keys import NodeKey, numeric_key
from server.address_space.node import BrowseName
from server.events.values import Value, decode

Path = tuple[BrowseName, ...]
"""A field by the BrowseNames that lead to it from the event type (Part 4 v1.05 7.7.4.5)."""

BASE_EVENT_TYPE = numeric_key(0, ObjectIds.BaseEventType)
SERVER = numeric_key(0, ObjectIds.Server)
LOWEST_SEVERITY, HIGHEST_SEVERITY = 1, 1000
_EVENT_ID_BYTES = 16


def standard_path(*names: str) -> Path:
    """Give the path of a field of the standard's own."""
    return tuple(BrowseName(0, name) for name in names)


EVENT_ID, EVENT_TYPE, SOURCE_NODE, SOURCE_NAME, TIME, RECEIVE_TIME, MESSAGE, SEVERITY = (
    standard_path(name)
    for name in (
        "EventId",
        "EventType",
        "SourceNode",
        "SourceName",
        "Time",
        "ReceiveTime",
        "Message",
        "Severity",
    )
)
"""The mandatory fields of BaseEventType (Part 5 v1.05 6.4.2)."""


@dataclass(slots=True, eq=False)
class Event:
    """One event. ``fields``: encoded Variants; ``condition``: the ConditionId of a Condition's (Part 9 v1.05 5.5.2)."""

    type: NodeKey
    source: NodeKey
    fields: Mapping[Path, bytes]
    condition: NodeKey | None = None
    _values: dict[Path, Value | None] = field(default_factory=dict[Path, Value | None], init=False)

    def encoded(self, path: Path) -> bytes:
        """Give a field's Variant, the null one for a field that the event has not got."""
        return self.fields.get(path, NULL_VARIANT)

    def value(self, path: Path) -> Value | None:
        """Give a field for comparing; None is null. Each is decoded once for all filters."""
        try:
            return self._values[path]
        except KeyError:
            held = self._values[path] = decode(self.encoded(path))
            return held


def base_fields(
    kind: NodeKey, source: NodeKey, source_name: str, message: LocalizedText, severity: int, time: int
) -> dict[Path, bytes]:
    """Give the fields of BaseEventType with a new EventId; ``time``: DateTime ticks, of the event and its receipt.

    A severity beyond 1 to 1000 becomes the nearest within (Part 5 v1.05 6.4.2).
    """
    stamp = COLUMNS[DataType.DATETIME].pack(DataType.DATETIME, time)
    return {
        EVENT_ID: variant(BuiltInType.ByteString, encode_bytes(os.urandom(_EVENT_ID_BYTES))),
        EVENT_TYPE: node_id_variant(kind),
        SOURCE_NODE: node_id_variant(source),
        SOURCE_NAME: variant(BuiltInType.String, encode_string(source_name)),
        TIME: stamp,
        RECEIVE_TIME: stamp,
        MESSAGE: variant(BuiltInType.LocalizedText, encode_localized_text(message)),
        SEVERITY: uint16_variant(min(max(severity, LOWEST_SEVERITY), HIGHEST_SEVERITY)),
    }
