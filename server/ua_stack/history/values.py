"""Values of history between a store's columns and Variants (Part 6 v1.05 5.2.2.16)."""

from __future__ import annotations

from functools import partial
from typing import Any, Final, cast

import numpy as np
from asyncua.ua.status_codes import StatusCodes

from core.batch import ValueArray
from core.datatypes import DataType
from core.quality import NO_VALUE, SHOWN
from core.time import DATETIME_MAX_TICKS
from historian.contract import RawPage
from nodesets.built_in_types import BuiltInType
from server.address_space.decoding import Cursor, GivenValue, decode_object
from server.address_space.encoding import (
    ARRAY,
    COLUMNS,
    MATRIX,
    TYPE,
    array_variant,
    encode_bytes,
    encode_data_value,
    encode_string,
)
from server.address_space.index_range import Bounds, IndexRangeRefused, RangeReader
from server.subscriptions.encoding import EncodeVariant, Timestamps, encode_columns, encode_objects
from server.ua_stack.values import encode_variant

_NUMBERS: Final = {DataType(code).dtype: code for code in range(DataType.BOOLEAN, DataType.STRING)}
_COLUMNS: Final = frozenset(int(one) for one in DataType if one is not DataType.VARIANT)
"""Built-in types whose scalars are columns of their own."""
_TEXTS: Final = {BuiltInType.String: encode_string, BuiltInType.ByteString: encode_bytes}


class NotKept(TypeError):  # noqa: N818 - the name says what is wrong with the value
    """History has no form for a value: a structure, a matrix of texts."""


def encode_page(page: RawPage, timestamps: Timestamps, base: int, bounds: tuple[Bounds, ...] | None) -> bytes:
    """Write DataValues one behind the other. ``base``: the built-in type of the variable's DataType, 0 for any."""
    columns = (None, page.values, page.status, page.source_time, page.server_time)
    if bounds is not None:
        return _encode_parts(page, timestamps, base, bounds)
    if page.datatype.is_object:
        return encode_objects(page.datatype, *columns, timestamps, partial(_variant, base))
    return encode_columns(page.datatype, *columns, timestamps)


def data_values(page: RawPage, base: int) -> tuple[bytes, ...]:
    """Write a few values as DataValues of their own, with both times; ``base`` as in :func:`encode_page`."""
    rows = zip(page.values, page.status.tolist(), page.source_time.tolist(), page.server_time.tolist(), strict=True)
    written: list[bytes] = []
    for value, status, source, server in rows:
        variant = None if value is None or status & NO_VALUE else _variant(base, page.datatype, value)
        written.append(encode_data_value(variant, status & SHOWN, source, server))
    return tuple(written)


def time_refusal(value: GivenValue) -> int:
    """Give the StatusCode of a value whose times no history has room for, 0 for any other.

    Part 6 v1.05 5.2.2.5: DateTimes are of the years 1601 to 9999; calculations would end beside them.
    """
    source = value.source_time
    if not source:
        return StatusCodes.BadInvalidTimestamp
    is_kept = 0 < source <= DATETIME_MAX_TICKS and (value.server_time or 0) <= DATETIME_MAX_TICKS
    return 0 if is_kept else StatusCodes.BadOutOfRange


def _encode_parts(page: RawPage, timestamps: Timestamps, base: int, bounds: tuple[Bounds, ...]) -> bytes:
    """Write parts of values; one that has no such part is BadIndexRangeNoData (Part 11 v1.05 6.5.1)."""
    reader = RangeReader()
    status = page.status.copy()
    parts = np.empty(len(page), object)
    for place, value in enumerate(page.values):
        variant = None if value is None else _variant(base, page.datatype, value)
        try:
            parts[place] = None if variant is None else reader.read(variant, bounds)
        except IndexRangeRefused as refused:
            status[place] = refused.status
    columns = (None, parts, status, page.source_time, page.server_time)
    return encode_objects(DataType.VARIANT, *columns, timestamps, _as_it_is)


def _as_it_is(_: DataType, value: bytes) -> bytes:
    return value


def _variant(base: int, datatype: DataType, value: Any) -> bytes | None:
    """Write a value that a store has kept as a Variant; None for what makes none."""
    if not datatype.is_object:
        return COLUMNS[datatype].pack(datatype, value.item() if isinstance(value, np.generic) else value)
    try:
        if isinstance(value, np.ndarray):
            return _array(cast("np.ndarray[Any, np.dtype[Any]]", value))
        if isinstance(value, list):
            return _list(base, cast("list[object]", value))
    except (TypeError, ValueError, KeyError, OverflowError):
        return None
    encode: EncodeVariant = encode_variant
    return encode(datatype, value)


def _array(value: np.ndarray[Any, np.dtype[Any]]) -> bytes:
    """Write an array or matrix of numbers."""
    code = _NUMBERS[np.dtype(value.dtype).newbyteorder("=")]
    body = np.ascontiguousarray(value, value.dtype.newbyteorder("<")).tobytes()
    count = value.size.to_bytes(4, "little")
    if value.ndim == 1:
        return bytes((code | ARRAY,)) + count + body
    shape = b"".join(size.to_bytes(4, "little") for size in value.shape)
    return bytes((code | ARRAY | MATRIX,)) + count + body + value.ndim.to_bytes(4, "little") + shape


def _list(base: int, value: list[object]) -> bytes:
    """Write a list as an array of the variable's type, else of what its elements are."""
    encode = _TEXTS.get(BuiltInType(base)) if base else None
    if encode is None and value and not base:
        encode = _TEXTS[BuiltInType.String] if isinstance(value[0], str) else None
        base = int(BuiltInType.String) if encode is not None else 0
    if encode is not None:
        written: Any = encode  # of str or bytes
        return array_variant(base, [written(one) for one in value])
    kind = DataType(base) if base in _COLUMNS else DataType.DOUBLE
    return _array(np.array(value, kind.dtype))


def column_value(variant: bytes) -> tuple[DataType, Any]:
    """Take a value as a store keeps it: its column's type and itself. Raises :class:`NotKept`."""
    code = variant[0] & TYPE
    if not variant[0] & ARRAY:
        if code in _COLUMNS:
            return DataType(code), decode_object(DataType(code), variant)
        raise NotKept(code)
    cursor = Cursor(variant, 1)
    if code in _TEXTS:
        if variant[0] & MATRIX:
            raise NotKept(code)
        read = cursor.string if code == BuiltInType.String else cursor.bytes
        return DataType.VARIANT, [read() for _ in range(cursor.count(4))]
    if not DataType.BOOLEAN <= code <= DataType.DOUBLE:
        raise NotKept(code)
    dtype = DataType(code).dtype.newbyteorder("<")
    count = cursor.count(dtype.itemsize)
    array = np.frombuffer(cursor.take(count * dtype.itemsize), dtype).astype(DataType(code).dtype)
    if variant[0] & MATRIX:
        array = array.reshape([cursor.int32() for _ in range(cursor.count(4))])
    return DataType.VARIANT, array


def column(datatype: DataType, values: list[Any]) -> ValueArray:
    """Make a column; None, which stands for no value, becomes 0 in one of numbers."""
    if not datatype.is_object:
        return np.array([0 if value is None else value for value in values], datatype.dtype)
    made: np.ndarray[tuple[int], np.dtype[Any]] = np.empty(len(values), datatype.dtype)
    for place, value in enumerate(values):  # one by one: numpy would take an array inside for another dimension
        made[place] = value
    return made
