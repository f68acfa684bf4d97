"""Queued values and events as the bytes of a row, and back.

A row begins with its form. *Columns*: data type, whether values are encoded Variants whatever the type, n; then ids
u4[n], StatusCodes u4[n], source and server times i8[n], and the values: as they stand in the column, or of objects
their lengths i4[n] (-1 for None) and encoded Variants. *Values*: one after the other a Byte (1: Overflow, 2: a Variant,
4: StatusCode, 8: source time, 16: server time) and what it names. *Events*: ByteStrings. All little-endian.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from struct import Struct
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from core.batch import ValueArray
from core.datatypes import DataType
from server.address_space.decoding import Cursor, GivenValue
from server.address_space.encoding import encode_bytes
from server.address_space.extents import DecodingError
from server.subscriptions.encoding import EncodeVariant
from server.subscriptions.entries import Entries, joined

IdArray = npt.NDArray[np.uint32]
DecodeVariant = Callable[[DataType, bytes], Any]
"""Reads a Variant into what a column of that type holds; raises whatever damaged bytes lead it to."""
_HEAD = Struct("<BBBI")
_EVENTS_HEAD = Struct("<Bi")
_OVERFLOW, _VARIANT, _STATUS, _SOURCE, _SERVER = 1, 2, 4, 8, 16
_NONE = -1


class Form(IntEnum):
    """What a row holds."""

    COLUMNS = 1
    VALUES = 2
    EVENTS = 3


class Kind(NamedTuple):
    """What the values of a column are: of a type, or (``parts``) encoded parts of values of that type."""

    datatype: DataType
    parts: bool

    @property
    def encoded(self) -> bool:
        """Tell whether values are encoded Variants in the row."""
        return self.parts or self.datatype.is_object


class KeptColumns(NamedTuple):
    """Queued values of several items: ``entries.index`` stands for ``ids``. ``gaps``: items behind a gap."""

    kind: Kind
    ids: IdArray
    entries: Entries
    gaps: IdArray


class KeptEvents(NamedTuple):
    """Queued events of one item, EventFields each; ``before``: how many go before the one that tells of an overflow."""

    events: list[bytes]
    overflow: bytes | None
    before: int


KeptValues = list[tuple[GivenValue, bool]]


def encode_columns(parts: Sequence[Entries], ids: IdArray, kind: Kind, gaps: IdArray, encode: EncodeVariant) -> bytes:
    """Write queued values; ``ids`` names the item of each index. Objects are read, and no other state."""
    entries = joined(list(parts)) if parts else _nothing(kind)
    head = _HEAD.pack(Form.COLUMNS, kind.datatype, kind.parts, len(entries))
    body = (
        ids[entries.index].astype("<u4").tobytes(),
        entries.status.astype("<u4").tobytes(),
        entries.source_time.astype("<i8").tobytes(),
        entries.server_time.astype("<i8").tobytes(),
    )
    if kind.encoded:
        variants = [
            None if one is None else one if kind.parts else encode(kind.datatype, one) for one in entries.values
        ]
        lengths = np.array([_NONE if one is None else len(one) for one in variants], "<i4")
        values = lengths.tobytes() + b"".join(one for one in variants if one is not None)
    else:
        values = entries.values.astype(entries.values.dtype.newbyteorder("<")).tobytes()
    return b"".join((head, *body, values, len(gaps).to_bytes(4, "little"), gaps.astype("<u4").tobytes()))


def encode_values(values: Iterable[tuple[GivenValue, bool]]) -> bytes:
    """Write queued values of one item, and whether each carries the Overflow bit."""
    parts: list[bytes] = [bytes((Form.VALUES,))]
    for given, overflow in values:
        mask = _OVERFLOW if overflow else 0
        body = b""
        if given.variant is not None:
            mask |= _VARIANT
            body += given.variant
        if given.status:
            mask |= _STATUS
            body += given.status.to_bytes(4, "little")
        for bit, time in ((_SOURCE, given.source_time), (_SERVER, given.server_time)):
            if time is not None:
                mask |= bit
                body += time.to_bytes(8, "little", signed=True)
        parts += (bytes((mask,)), body)
    return b"".join(parts)


def encode_events(events: Iterable[bytes], overflow: bytes | None = None, before: int = 0) -> bytes:
    """Write queued events of one item."""
    return b"".join((_EVENTS_HEAD.pack(Form.EVENTS, before), encode_bytes(overflow), *map(encode_bytes, events)))


def decode(body: bytes, decode_variant: DecodeVariant) -> KeptColumns | KeptValues | KeptEvents:
    """Read a row. Raises :class:`DecodingError` and :class:`ValueError`, and what ``decode_variant`` raises."""
    cursor = Cursor(body)
    form = Form(cursor.byte())
    if form is Form.COLUMNS:
        return _columns(cursor, decode_variant)
    if form is Form.VALUES:
        return _values(cursor)
    before = cursor.int32()
    overflow = cursor.bytes()
    events: list[bytes] = []
    while cursor.at < len(body):
        events.append(cursor.bytes() or b"")
    return KeptEvents(events, overflow, before)


def _columns(cursor: Cursor, decode_variant: DecodeVariant) -> KeptColumns:
    kind = Kind(DataType(cursor.byte()), bool(cursor.byte()))
    count = cursor.uint32()
    ids = _array(cursor, "<u4", count).astype(np.uint32)
    status = _array(cursor, "<u4", count).astype(np.uint32)
    source = _array(cursor, "<i8", count).astype(np.int64)
    server = _array(cursor, "<i8", count).astype(np.int64)
    values: ValueArray
    if kind.encoded:
        values = np.empty(count, object)
        for position, length in enumerate(_array(cursor, "<i4", count).tolist()):
            if length != _NONE:
                variant = cursor.take(length)
                values[position] = variant if kind.parts else decode_variant(kind.datatype, variant)
    else:
        dtype = kind.datatype.dtype
        values = _array(cursor, dtype.newbyteorder("<").str, count).astype(dtype)
    gaps = _array(cursor, "<u4", cursor.uint32()).astype(np.uint32)
    if cursor.at != len(cursor.data):
        message = "something stands behind the end"
        raise DecodingError(message)
    return KeptColumns(kind, ids, Entries(np.arange(count, dtype=np.int32), values, status, source, server), gaps)


def _values(cursor: Cursor) -> KeptValues:
    found: KeptValues = []
    while cursor.at < len(cursor.data):
        mask = cursor.byte()
        given = GivenValue(
            cursor.variant() if mask & _VARIANT else None,
            cursor.uint32() if mask & _STATUS else None,
            cursor.int64() if mask & _SOURCE else None,
            cursor.int64() if mask & _SERVER else None,
        )
        found.append((given, bool(mask & _OVERFLOW)))
    return found


def _array(cursor: Cursor, dtype: str, count: int) -> npt.NDArray[Any]:  # of the type that is asked for
    kind = np.dtype(dtype)
    return np.frombuffer(cursor.take(count * kind.itemsize), kind)


def _nothing(kind: Kind) -> Entries:
    dtype = np.dtype(object) if kind.encoded else kind.datatype.dtype
    times = np.zeros(0, np.int64)
    return Entries(np.zeros(0, np.int32), np.zeros(0, dtype), np.zeros(0, np.uint32), times, times)
