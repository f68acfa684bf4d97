"""Values as Sparkplug's metrics hold them, and back: numbers a column at a time, everything else one by one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt

from core.batch import ValueArray
from core.datatypes import DataType
from core.time import DATETIME_MAX_TICKS, TICKS_PER_MILLISECOND, UNIX_EPOCH_TICKS, from_datetime, to_iso
from server.pubsub.sparkplug.payload import Metric
from server.pubsub.sparkplug.rows import ByteArray, LengthArray, NumberArray, varint_columns
from server.pubsub.sparkplug.settings import UnsignedField
from server.pubsub.sparkplug.types import LIMITS, NUMPY, SparkplugType
from server.pubsub.sparkplug.wire import PayloadError, delimited

INT_KEY: Final = 0x50
LONG_KEY: Final = 0x58
FLOAT_KEY: Final = 0x65
DOUBLE_KEY: Final = 0x69
BOOLEAN_KEY: Final = 0x70
_STRING: Final = 15
_BYTES: Final = 16

_LONG: Final = frozenset({DataType.INT64, DataType.UINT64, DataType.DATETIME})
_UNSIGNED_32: Final = frozenset({DataType.UINT32, DataType.STATUSCODE})
_EPOCH_MILLISECONDS: Final = UNIX_EPOCH_TICKS // TICKS_PER_MILLISECOND
_COUNT: Final = np.dtype("<u4")
_TRUE_AT: Final = 8


def milliseconds(ticks: npt.NDArray[np.int64]) -> NumberArray:
    """Give DateTimes as milliseconds since 1970, rounded down; what is before it is 0."""
    return np.maximum(ticks // TICKS_PER_MILLISECOND - _EPOCH_MILLISECONDS, 0).astype(np.uint64)


def unix_milliseconds(ticks: int) -> int:
    """Give one DateTime as :func:`milliseconds` does."""
    return max(ticks // TICKS_PER_MILLISECOND - _EPOCH_MILLISECONDS, 0)


def number_columns(
    datatype: DataType, values: ValueArray, unsigned: UnsignedField
) -> tuple[int, ByteArray, LengthArray]:
    """Give a column of numbers: the key of the value's field, uint8[n, w], and how many bytes of each row count.

    Signed numbers up to 32 bits are sign-extended, as the specification's own library does.
    """
    if datatype is DataType.DOUBLE:
        return DOUBLE_KEY, _fixed(values.astype("<f8")), np.full(len(values), 8, np.int64)
    if datatype is DataType.FLOAT:
        return FLOAT_KEY, _fixed(values.astype("<f4")), np.full(len(values), 4, np.int64)
    if datatype is DataType.BOOLEAN:
        return BOOLEAN_KEY, values.astype(np.uint8).reshape(-1, 1), np.ones(len(values), np.int64)
    if datatype is DataType.DATETIME:
        numbers = (values // TICKS_PER_MILLISECOND - _EPOCH_MILLISECONDS).astype(np.uint64)
    elif datatype in _LONG or values.dtype.kind == "u":
        numbers = values.astype(np.uint64)
    else:
        numbers = values.astype(np.int32).view(np.uint32).astype(np.uint64)
    return LONG_KEY if is_long(datatype, unsigned) else INT_KEY, *varint_columns(numbers)


def is_long(datatype: DataType, unsigned: UnsignedField) -> bool:
    """Tell whether whole numbers of a type stand in ``long_value``."""
    return datatype in _LONG or (unsigned == "long" and datatype in _UNSIGNED_32)


def _fixed(values: npt.NDArray[Any]) -> ByteArray:
    return values.view(np.uint8).reshape(len(values), values.dtype.itemsize)


def object_field(kind: SparkplugType, value: object, text: str) -> bytes:
    """Give the field of a value that is an object. ``text``: of one that goes as String.

    Raises :class:`ValueError` or :class:`TypeError` for one that is not of its type.
    """
    if kind is SparkplugType.BYTES:
        return delimited(_BYTES, bytes(cast("bytes", value)))
    if kind >= SparkplugType.INT8_ARRAY:
        return delimited(_BYTES, array_bytes(kind, cast("Sequence[object]", value)))
    return delimited(_STRING, text.encode("utf-8", "replace"))


def array_bytes(kind: SparkplugType, values: Sequence[Any]) -> bytes:
    """Pack an array. Raises :class:`ValueError`, :class:`TypeError` or :class:`OverflowError` for wrong elements."""
    if kind is SparkplugType.STRING_ARRAY:
        return b"".join(str(value or "").encode("utf-8", "replace").replace(b"\0", b"") + b"\0" for value in values)
    if kind is SparkplugType.BOOLEAN_ARRAY:
        bits = np.asarray(values, np.bool_)
        return np.array(len(bits), _COUNT).tobytes() + np.packbits(bits).tobytes()
    if kind is SparkplugType.DATETIME_ARRAY:
        ticks = [from_datetime(value) if isinstance(value, datetime) else int(value) for value in values]
        return (np.array(ticks, np.int64) // TICKS_PER_MILLISECOND - _EPOCH_MILLISECONDS).astype("<i8").tobytes()
    made = np.asarray(values).astype(NUMPY[kind])
    if made.ndim != 1:
        message = "an array of several dimensions has no Sparkplug type"
        raise ValueError(message)
    return made.tobytes()


def array_values(kind: SparkplugType, data: bytes) -> list[Any]:
    """Unpack an array; DateTimes as texts. Raises :class:`~server.pubsub.sparkplug.wire.PayloadError`."""
    try:
        if kind is SparkplugType.STRING_ARRAY:
            texts = data.split(b"\0")
            return [text.decode() for text in (texts if texts[-1] else texts[:-1])]
        if kind is SparkplugType.BOOLEAN_ARRAY:
            count = int(np.frombuffer(data, _COUNT, 1)[0])
            if count > (len(data) - _COUNT.itemsize) * _TRUE_AT:
                message = f"an array of {count} Booleans has {len(data)} bytes"
                raise PayloadError(message)
            bits = np.unpackbits(np.frombuffer(data, np.uint8, offset=_COUNT.itemsize), count=count)
            return bits.astype(np.bool_).tolist()
        if kind is SparkplugType.DATETIME_ARRAY:
            moments: list[int] = np.frombuffer(data, "<i8").tolist()
            return [_moment(moment) for moment in moments]
        return np.frombuffer(data, NUMPY[kind]).tolist()
    except ValueError as error:
        message = f"{len(data)} bytes are no array of this type: {error}"
        raise PayloadError(message) from error


def metric_value(metric: Metric, kind: SparkplugType) -> object:  # noqa: PLR0911 - one answer a kind of type
    """Give a metric's value as JSON has it: DateTimes as texts, arrays as lists; None if it is null.

    Raises :class:`~server.pubsub.sparkplug.wire.PayloadError` for a value that is not of the type ``kind``.
    """
    if metric.is_null:
        return None
    if kind in LIMITS:
        return _integer(metric, kind)
    match kind:
        case SparkplugType.FLOAT | SparkplugType.DOUBLE:
            return _float(metric, kind)
        case SparkplugType.BOOLEAN if metric.boolean_value is not None:
            return metric.boolean_value
        case SparkplugType.STRING | SparkplugType.TEXT | SparkplugType.UUID if metric.string_value is not None:
            return metric.string_value
        case SparkplugType.DATETIME if metric.long_value is not None:
            return _moment(_signed(metric.long_value, 64))
        case SparkplugType.BYTES | SparkplugType.FILE if metric.bytes_value is not None:
            return metric.bytes_value
        case _ if kind >= SparkplugType.INT8_ARRAY and metric.bytes_value is not None:
            return array_values(kind, metric.bytes_value)
        case _:
            raise _mismatch(kind)


def _integer(metric: Metric, kind: SparkplugType) -> int:
    bits, signed = LIMITS[kind]
    if metric.int_value is not None:
        value = metric.int_value
        # -5 as Int8 comes as 0xFFFFFFFB from some libraries and as 0xFB from others.
        width = 32 if value >> bits else min(bits, 32)
    elif metric.long_value is not None:
        value, width = metric.long_value, 64
    else:
        raise _mismatch(kind)
    if signed:
        value = _signed(value, width)
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    if not low <= value <= high:
        message = f"{value} is no {kind.name}"
        raise PayloadError(message)
    return value


def _float(metric: Metric, kind: SparkplugType) -> float:
    value = metric.float_value if metric.double_value is None else metric.double_value
    if value is None:
        raise _mismatch(kind)
    largest = float(np.finfo(np.float32).max)
    if kind is SparkplugType.FLOAT and math.isfinite(value) and abs(value) > largest:
        message = f"{value} is no Float"
        raise PayloadError(message)
    return value


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def _moment(since_1970: int) -> str:
    ticks = since_1970 * TICKS_PER_MILLISECOND + UNIX_EPOCH_TICKS
    if not 0 <= ticks <= DATETIME_MAX_TICKS:
        message = f"{since_1970} ms after 1970 is no DateTime"
        raise PayloadError(message)
    return to_iso(ticks)


def _mismatch(kind: SparkplugType) -> PayloadError:
    return PayloadError(f"the value is no {kind.name}")
