"""Reading a DataSetMessage (Part 14 v1.05 7.2.4.5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from core.datatypes import DataType
from server.address_space.decoding import Cursor, GivenValue
from server.address_space.encoding import ARRAY
from server.address_space.extents import FIXED, skip, skip_array
from server.pubsub.uadp.errors import MalformedMessage, UnsupportedMessage
from server.pubsub.uadp.flags import (
    FIELD_ENCODING,
    FIELD_ENCODING_SHIFT,
    FLAGS_2,
    FLAGS_2_RESERVED,
    MAJOR_VERSION,
    MESSAGE_PICOSECONDS,
    MESSAGE_TIMESTAMP,
    MESSAGE_TYPE,
    MINOR_VERSION,
    SEQUENCE,
    STATUS,
    VALID,
    DataSetMessageType,
    FieldEncoding,
)
from server.pubsub.uadp.messages import ReceivedDataSetMessage, ReceivedField
from server.pubsub.uadp.metadata import DataSetMetaData, FieldDescription

_STATUS_SHIFT: Final = 16
_DATA_VALUE: Final = 23
_BAD: Final = 0x80000000
_SCALAR: Final = -1
_ONE_DIMENSION: Final = 1
_TEXTS: Final = frozenset((DataType.STRING, DataType.BYTESTRING))


def read_dataset_message(
    cursor: Cursor, writer: int | None, metadata: Callable[[], DataSetMetaData | None]
) -> ReceivedDataSetMessage:
    """Read the DataSetMessage that ``cursor`` holds; zeros behind it are padding. ``metadata``: asked for RawData only.

    Raises :class:`~.errors.UadpError` or :class:`~server.address_space.decoding.DecodingError`.
    """
    first = cursor.byte()
    second = cursor.byte() if first & FLAGS_2 else 0
    if not first & VALID:
        return ReceivedDataSetMessage(writer, valid=False, kind=DataSetMessageType.KEY_FRAME)
    kind, encoding = _kind(second), _encoding(first)
    sequence = cursor.uint16() if first & SEQUENCE else None
    time = cursor.int64() if second & MESSAGE_TIMESTAMP else None
    picoseconds = cursor.uint16() if second & MESSAGE_PICOSECONDS else None
    status = cursor.uint16() << _STATUS_SHIFT if first & STATUS else None
    major = cursor.uint32() if first & MAJOR_VERSION else None
    minor = cursor.uint32() if first & MINOR_VERSION else None
    fields: tuple[ReceivedField, ...] = ()
    raw: bytes | None = None
    # A key frame without even a count of fields is a heartbeat (7.2.4.5.5).
    if kind is not DataSetMessageType.KEEP_ALIVE and cursor.at < len(cursor.data):
        if encoding is FieldEncoding.RAW_DATA:
            known = metadata()
            if known is None or not _describes(known, major, minor):
                raw = cursor.data[cursor.at :]
            else:
                fields = _raw_fields(cursor, kind, known.fields)
        else:
            fields = _fields(cursor, kind, encoding)
    return ReceivedDataSetMessage(
        writer,
        valid=True,
        kind=kind,
        sequence=sequence,
        time=time,
        picoseconds=picoseconds,
        status=status,
        major=major,
        minor=minor,
        fields=fields,
        raw=raw,
    )


def _kind(second: int) -> DataSetMessageType:
    if second & FLAGS_2_RESERVED:
        message = f"DataSet flags 0x{second:02X} are not understood"
        raise UnsupportedMessage(message)
    try:
        return DataSetMessageType(second & MESSAGE_TYPE)
    except ValueError:
        message = f"{second & MESSAGE_TYPE} is no type of a DataSetMessage that is understood"
        raise UnsupportedMessage(message) from None


def _encoding(first: int) -> FieldEncoding:
    try:
        return FieldEncoding((first & FIELD_ENCODING) >> FIELD_ENCODING_SHIFT)
    except ValueError:
        message = "the fields have a reserved encoding"
        raise UnsupportedMessage(message) from None


def _describes(metadata: DataSetMetaData, major: int | None, minor: int | None) -> bool:
    return major in (None, metadata.version[0]) and minor in (None, metadata.version[1])


def _fields(cursor: Cursor, kind: DataSetMessageType, encoding: FieldEncoding) -> tuple[ReceivedField, ...]:
    count = cursor.uint16()
    cursor.spend(count)
    made: list[ReceivedField] = []
    for place in range(count):
        index = cursor.uint16() if kind is DataSetMessageType.DELTA_FRAME else place
        value = cursor.data_value() if encoding is FieldEncoding.DATA_VALUE else _of_variant(cursor.variant())
        made.append(ReceivedField(index, value))
    return tuple(made)


def _of_variant(variant: bytes) -> GivenValue:
    """Give what a Variant says of a field: its value, a StatusCode in its place, or both (Part 14 v1.05 6.2.4.2)."""
    if variant[0] == DataType.STATUSCODE:
        status = int.from_bytes(variant[1:], "little")
        # A value of the type StatusCode looks the same. It is taken for one unless it is Bad.
        return GivenValue(None, status) if status & _BAD else GivenValue(variant, 0)
    if variant[0] == _DATA_VALUE:
        return Cursor(variant, 1).data_value()
    return GivenValue(variant if variant[0] else None, 0)


def _raw_fields(
    cursor: Cursor, kind: DataSetMessageType, fields: tuple[FieldDescription, ...]
) -> tuple[ReceivedField, ...]:
    if kind is DataSetMessageType.EVENT:
        message = "the fields of an event are no RawData"
        raise MalformedMessage(message)
    if kind is DataSetMessageType.KEY_FRAME:
        return tuple(ReceivedField(place, _raw_value(cursor, field)) for place, field in enumerate(fields))
    made: list[ReceivedField] = []
    for _ in range(cursor.uint16()):
        index = cursor.uint16()
        if index >= len(fields):
            message = f"the DataSet has no field {index}"
            raise MalformedMessage(message)
        made.append(ReceivedField(index, _raw_value(cursor, fields[index])))
    return tuple(made)


def _raw_value(cursor: Cursor, field: FieldDescription) -> GivenValue:
    """Read a field of a structure (7.2.4.5.11) and the padding behind it; give it as a Variant."""
    data, begin, code = cursor.data, cursor.at, field.built_in
    if field.value_rank == _SCALAR:
        if code == DataType.VARIANT:
            return GivenValue(cursor.variant(), 0)
        cursor.at = skip(data, begin, code, 0, cursor)
        variant = bytes((code,)) + data[begin : cursor.at]
        if code in _TEXTS and field.longest:
            cursor.at = _padded(cursor, begin + 4 + field.longest)
    elif field.value_rank == _ONE_DIMENSION and code != DataType.VARIANT:
        cursor.at = skip_array(data, begin, code, 0, cursor)
        variant = bytes((code | ARRAY,)) + data[begin : cursor.at]
        size = FIXED.get(code)
        if size is not None and field.dimensions and field.dimensions[0]:
            cursor.at = _padded(cursor, begin + 4 + size * field.dimensions[0])
    else:
        message = f"the field {field.name} has a value rank of {field.value_rank}, which is not read as RawData"
        raise UnsupportedMessage(message)
    return GivenValue(variant, 0)


def _padded(cursor: Cursor, end: int) -> int:
    if not cursor.at <= end <= len(cursor.data):
        message = "a field is longer than its DataSetMetaData says"
        raise MalformedMessage(message)
    return end
