"""Columns of every type, and the fields that they are of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from core.datatypes import DataType
from core.time import from_iso
from server.pubsub.fields import DataSetField
from server.pubsub.frames import FieldValues, Frame, MessageType, WriterIdentity
from server.pubsub.json.field_types import NO_TYPES
from server.pubsub.json.fields import FieldEncoder
from server.pubsub.json.settings import JsonForm

MOMENT = from_iso("2024-01-02T03:04:05Z")
IDENTITY = WriterIdentity("line-1", "default", "meters", 7, (10, 11))


def part(datatype: DataType, index: Sequence[int], values: Sequence[object], **other: Any) -> FieldValues:
    """A column; ``status``, ``times`` and ``empty`` as given, else all Good and of one time."""
    column: Any = np.empty(len(values), datatype.dtype)
    for place, value in enumerate(values):  # numpy would take tuples and arrays apart
        column[place] = value
    size = len(values)
    status = np.array(other.get("status", [0] * size), np.uint32)
    source = np.array(other.get("times", [MOMENT] * size), np.int64)
    empty = np.array(other["empty"], np.bool_) if "empty" in other else None
    return FieldValues(datatype, np.array(index, np.int32), column, status, source, source + 10_000, empty)


def frame(kind: MessageType, parts: tuple[FieldValues, ...], sequence: int = 1) -> Frame:
    return Frame(kind, sequence, MOMENT, parts)


def shown(
    field: DataSetField,
    value: object,
    form: JsonForm = "verbose",
    content: Sequence[str] = (),
    codec: Any = NO_TYPES,
    **other: Any,
) -> Any:
    """One field as its JSON is read."""
    column = part(field.datatype, [0], [value], **other)
    payload: dict[str, Any] = json.loads(FieldEncoder([field], content, form, codec).payload((column,)))
    return payload.get(field.name, "nothing")
