"""Values that no column of numbers holds, one by one: texts, arrays, structures (Part 6 v1.05 5.2)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Final, cast

import numpy as np
from asyncua import ua
from asyncua.ua.uaerrors import UaError

from core.datatypes import DataType
from core.quality import Status
from nodesets.built_in_types import BuiltInType
from server.address_space.asyncua_values import encode_variant
from server.address_space.encoding import ARRAY, MATRIX, encode_array, encode_data_value, encode_object, encode_uint32
from server.address_space.extents import FIXED
from server.pubsub.fields import DataSetField
from server.pubsub.uadp.flags import FieldEncoding

_NULL_LENGTH: Final = b"\xff\xff\xff\xff"
_STATUS_CODE: Final = bytes((DataType.STATUSCODE,))
_DATA_VALUE: Final = b"\x17"
_SEVERITY: Final = 0xC0000000
_BAD: Final = 0x80000000
_NULL: Final = b"\0"
"""A null Variant, and whatever else is null in one byte: a LocalizedText, a DataValue."""
_DEFAULTS: Final = {
    BuiltInType.String: _NULL_LENGTH,
    BuiltInType.ByteString: _NULL_LENGTH,
    BuiltInType.XmlElement: _NULL_LENGTH,
    BuiltInType.NodeId: bytes(2),
    BuiltInType.ExpandedNodeId: bytes(2),
    BuiltInType.QualifiedName: bytes(2) + _NULL_LENGTH,
    BuiltInType.ExtensionObject: bytes(3),
} | {BuiltInType(code): bytes(size) for code, size in FIXED.items()}
"""What RawData shows where there is no value, if that is more than one zero."""


def object_variant(value: Any, field: DataSetField) -> bytes | None:  # noqa: ANN401 - whatever a driver gave
    """Give a value as a Variant; None where there is none, or nothing that its type can be told from."""
    if value is None:
        return None
    try:
        if field.datatype is not DataType.VARIANT:
            return encode_object(field.datatype, value)
        if field.built_in is not None and isinstance(value, list | tuple | np.ndarray):
            return _array(cast("Sequence[Any]", value), field.built_in)
        return encode_variant(value)
    except (UaError, struct.error, TypeError, ValueError, AttributeError, LookupError, OverflowError):
        return None


def _array(values: Sequence[Any], built_in: DataType) -> bytes:
    """Write an array or, by the rows of a numpy array, a matrix (Part 6 v1.05 5.2.2.16)."""
    if built_in.is_object:
        if built_in is DataType.VARIANT:
            return encode_variant(ua.Variant(list(values)))
        return bytes((built_in | ARRAY,)) + encode_array([encode_object(built_in, one)[1:] for one in values])
    array = np.asarray(values, built_in.dtype.newbyteorder("<"))
    if array.ndim <= 1:
        return bytes((built_in | ARRAY,)) + encode_uint32(array.size) + array.tobytes()
    dimensions = np.array(array.shape, "<i4").tobytes()
    head = bytes((built_in | ARRAY | MATRIX,)) + encode_uint32(array.size)
    return head + array.tobytes() + encode_uint32(array.ndim) + dimensions


def object_field(
    value: Any,  # noqa: ANN401 - as above
    field: DataSetField,
    kind: int,
    encoding: FieldEncoding,
    status: int,
    source_time: int | None,
    server_time: int | None,
) -> bytes:
    """Give one field of a DataSetMessage; the times are left out where they are None.

    ``value`` is None where there is none to show; ``kind``: the built-in type that the metadata tell. A value that
    cannot be written is shown as BadEncodingError.
    """
    variant = object_variant(value, field)
    if encoding is FieldEncoding.RAW_DATA:
        return _raw(variant, kind, is_array=field.value_rank >= 0)
    if variant is None and value is not None:
        status = int(Status.BAD_ENCODING_ERROR)
    if encoding is FieldEncoding.DATA_VALUE:
        return encode_data_value(variant, status, source_time, server_time)
    if status & _BAD:
        return _STATUS_CODE + encode_uint32(status)
    if status & _SEVERITY:
        return _DATA_VALUE + encode_data_value(variant, status, None, None)
    return b"\0" if variant is None else variant


def _raw(variant: bytes | None, kind: int, *, is_array: bool) -> bytes:
    """Give a value as a field of a structure (Part 14 v1.05 7.2.4.5.11): without its type, which the metadata tells."""
    if kind == BuiltInType.Variant:
        return _NULL if variant is None else variant
    if variant is None or variant[0] != (kind | ARRAY if is_array else kind):
        return _NULL_LENGTH if is_array else _DEFAULTS.get(BuiltInType(kind), _NULL)
    return variant[1:]
