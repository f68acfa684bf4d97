"""A UADP encoder that is as slow and as plain as can be, a value at a time by the tables of Part 14; and its fields."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np

from core.datatypes import DataType
from core.time import from_iso
from server.pubsub.fields import DataSetField
from server.pubsub.frames import FieldValues, Frame, MessageType, WriterIdentity
from server.pubsub.uadp.publisher import UadpPublisher
from server.pubsub.uadp.publisher_id import PublisherIdType

MOMENT = from_iso("2024-01-02T03:04:05Z")
IDENTITY = WriterIdentity("line-1", "default", "meters", 7, (10, 11))
DEFAULT_CONTENT = ("StatusCode", "SourceTimestamp", "RawData")
CODES = {
    DataType.BOOLEAN: "?",
    DataType.SBYTE: "b",
    DataType.BYTE: "B",
    DataType.INT16: "h",
    DataType.UINT16: "H",
    DataType.INT32: "i",
    DataType.UINT32: "I",
    DataType.INT64: "q",
    DataType.UINT64: "Q",
    DataType.FLOAT: "f",
    DataType.DOUBLE: "d",
    DataType.DATETIME: "q",
    DataType.STATUSCODE: "I",
}


def publisher(name: str = "line-1", kind: PublisherIdType = PublisherIdType.String) -> UadpPublisher:
    """Make a publisher below ``opcua``."""
    return UadpPublisher("opcua", name, kind)


def fields_of(types: list[DataType]) -> list[DataSetField]:
    """Make fields f0, f1 and so on of these types."""
    return [DataSetField(f"f{place}", place, kind, f"nsu=urn:x;s=f{place}") for place, kind in enumerate(types)]


@dataclass
class PlainField:
    """One value of a frame. ``value`` is None where there is none."""

    index: int
    kind: DataType
    value: Any
    status: int = 0
    source: int = MOMENT
    server: int = MOMENT + 10_000


def frame_of(fields: list[PlainField], kind: MessageType = MessageType.KEY_FRAME, sequence: int = 1) -> Frame:
    """Make a frame with a column for each type, as a DataSetWriter does."""
    parts: list[FieldValues] = []
    for datatype in sorted({field.kind for field in fields}):
        own = [field for field in fields if field.kind is datatype]
        values = np.zeros(len(own), datatype.dtype)
        for place, field in enumerate(own):
            if field.value is not None:
                values[place] = field.value
        empty = np.array([field.value is None for field in own])
        parts.append(
            FieldValues(
                datatype,
                np.array([field.index for field in own], np.int32),
                values,
                np.array([field.status for field in own], np.uint32),
                np.array([field.source for field in own], np.int64),
                np.array([field.server for field in own], np.int64),
                empty if empty.any() else None,
            )
        )
    return Frame(kind, sequence, MOMENT + sequence, tuple(parts))


def scalar(kind: DataType, value: Any) -> bytes:
    """Part 6 v1.05 5.2.2."""
    if kind is DataType.STRING:
        return struct.pack("<i", len(value.encode())) + value.encode()
    if kind is DataType.BYTESTRING:
        return struct.pack("<i", len(value)) + value
    if kind is DataType.GUID:
        assert isinstance(value, UUID)
        return value.bytes_le
    return struct.pack("<" + CODES[kind], value)


def data_value(field: PlainField, content: tuple[str, ...]) -> bytes:
    """Part 6 v1.05 5.2.2.17."""
    mask, made = 0, b""
    if field.value is not None:
        mask |= 1
        made += bytes([field.kind]) + scalar(field.kind, field.value)
    if "StatusCode" in content and field.status:
        mask |= 2
        made += struct.pack("<I", field.status)
    if "SourceTimestamp" in content:
        mask |= 4
        made += struct.pack("<q", field.source)
    if "ServerTimestamp" in content:
        mask |= 8
        made += struct.pack("<q", field.server)
    return bytes([mask]) + made


def as_variant(field: PlainField) -> bytes:
    """Part 14 v1.05 6.2.4.2."""
    if field.status & 0x80000000:
        return b"\x13" + struct.pack("<I", field.status)
    if field.status & 0x40000000:
        return b"\x17" + data_value(field, ("StatusCode",))
    return b"\0" if field.value is None else bytes([field.kind]) + scalar(field.kind, field.value)


def raw(field: PlainField) -> bytes:
    """Part 14 v1.05 7.2.4.5.11, with the null of its type where there is no value."""
    if field.value is not None:
        return scalar(field.kind, field.value)
    if field.kind in (DataType.STRING, DataType.BYTESTRING):
        return b"\xff\xff\xff\xff"
    return bytes(16) if field.kind is DataType.GUID else scalar(field.kind, 0)


def dataset_message(frame: Frame, fields: list[PlainField], total: int, content: tuple[str, ...]) -> bytes:
    """Part 14 v1.05 7.2.4.5.4 to 7.2.4.5.8, with the header of Annex A.2.2.7."""
    kind = {
        MessageType.KEY_FRAME: 0,
        MessageType.DELTA_FRAME: 1,
        MessageType.EVENT: 2,
        MessageType.KEEP_ALIVE: 3,
    }[frame.kind]
    if kind == 0 and len(fields) < total:
        kind = 1
    stamped = any(name in content for name in ("StatusCode", "SourceTimestamp", "ServerTimestamp"))
    encoding = 2 if stamped else 1 if "RawData" in content else 0
    if kind == 2:
        encoding = 0
    bad = sum(1 for field in fields if field.status & 0x80000000)
    unsound = any(field.status & 0xC0000000 for field in fields)
    status = 0x80000000 if fields and bad == len(fields) else 0x40000000 if unsound else 0
    made = bytes([0b1101_1001 | encoding << 1, 0x10 | kind])
    made += struct.pack("<HqHI", frame.sequence & 0xFFFF, frame.time, status >> 16, IDENTITY.version[1])
    if kind == 3:
        return made
    if encoding != 1 or kind == 1:
        made += struct.pack("<H", len(fields))
    in_order = sorted(fields, key=lambda field: field.index)
    if kind == 1:
        # A column after the other: the fields tell their numbers.
        in_order = [
            field for datatype in sorted({f.kind for f in fields}) for field in fields if field.kind is datatype
        ]
    for field in in_order:
        if kind == 1:
            made += struct.pack("<H", field.index)
        if encoding == 2:
            made += data_value(field, content)
        else:
            made += raw(field) if encoding == 1 else as_variant(field)
    return made


def network_message(messages: list[bytes]) -> bytes:
    """Part 14 v1.05 7.2.4.4.2 and 7.2.4.5.2, with the header of Annex A.2.2.4 but for the type of the PublisherId."""
    name = IDENTITY.publisher.encode()
    made = b"\xd1\x04" + struct.pack("<i", len(name)) + name + bytes([len(messages)])
    made += struct.pack("<H", IDENTITY.writer_id) * len(messages)
    if len(messages) > 1:
        made += b"".join(struct.pack("<H", len(message)) for message in messages)
    return made + b"".join(messages)
