"""A record as it is kept: its bytes, its hash, and reading it back (the format is told in docs/reference/audit.md)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final

from core.time import to_iso
from nodesets.built_in_types import BuiltInType
from server.address_space.decoding import Cursor
from server.address_space.encoding import boolean_variant, encode_string, uint16_variant, variant
from server.address_space.extents import DecodingError
from server.audit.kinds import kept_node
from server.audit.record import AuditRecord

VERSION: Final = 1
"""Of the format."""
HASH: Final = 32
"""Bytes of a hash."""
NO_HASH: Final = bytes(HASH)
"""Stands before the first record."""
_HEAD: Final = Struct(f"<BQq{HASH}s")
_COUNT: Final = Struct("<H")


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of the trail. ``time`` in ticks; ``fields``: encoded Variants by OPC UA name, as they stand in it."""

    sequence: int
    time: int
    previous: bytes
    type: str
    fields: dict[str, bytes]
    hash: bytes

    def __str__(self) -> str:
        """Name it for messages."""
        return f"record {self.sequence} ({self.type}, {to_iso(self.time)})"


@dataclass(frozen=True, slots=True)
class Kept:
    """A record that is to be chained: everything but its number and the hash before it."""

    type: str
    time: int
    tail: bytes


def keep(record: AuditRecord, time: int, server_id: str, uris: Sequence[str]) -> Kept:
    """Write what a record tells. ``time``: when it was recorded; ``uris``: the NamespaceArray.

    Raises whatever the encoders raise for values of a wrong type.
    """
    node = kept_node(uris)
    name = type(record).__name__
    fields = [("EventType", node(record.kind)), ("Severity", uint16_variant(record.severity))]
    fields.append(("ServerId", variant(BuiltInType.String, encode_string(server_id))))
    for field, encoded in record.fields(node):
        if field == "ActionTimeStamp" and not record.action_time_stamp:
            fields.append((field, variant(BuiltInType.DateTime, time.to_bytes(8, "little", signed=True))))
        else:
            fields.append((field, encoded))
    written = b"".join(encode_string(field) + encoded for field, encoded in fields)
    return Kept(name, time, encode_string(name) + _COUNT.pack(len(fields)) + written)


def chain(kept: Kept, sequence: int, previous: bytes) -> bytes:
    """Give the bytes of a record at its place in the chain."""
    return _HEAD.pack(VERSION, sequence, kept.time, previous) + kept.tail


def digest(record: bytes) -> bytes:
    """Give a record's hash, over its bytes, which hold the hash before it."""
    return hashlib.sha256(record).digest()


def read_entry(record: bytes, recorded_hash: bytes) -> Entry:
    """Take a record's bytes apart. Raises :class:`~server.address_space.extents.DecodingError`."""
    cursor = Cursor(record)
    version, sequence, time, previous = _HEAD.unpack(cursor.take(_HEAD.size))
    if version != VERSION:
        message = f"its format has the version {version}, not {VERSION}"
        raise DecodingError(message)
    name = cursor.string() or ""
    fields: dict[str, bytes] = {}
    for _ in range(cursor.uint16()):
        field = cursor.string() or ""
        fields[field] = cursor.variant()
    if cursor.at != len(record):
        message = f"{len(record) - cursor.at} bytes follow its last field"
        raise DecodingError(message)
    return Entry(sequence, time, previous, name, fields, recorded_hash)


def is_done(entry: Entry) -> bool:
    """Tell whether what a record tells of was done."""
    return entry.fields.get("Status") == boolean_variant(value=True)
