"""Sparkplug's data types (Sparkplug 3.0.0, 6.4.16), and which of them an OPC UA type becomes."""

from __future__ import annotations

import enum
from typing import Final

from core.datatypes import DataType
from server.pubsub.fields import DataSetField


class SparkplugType(enum.IntEnum):
    """``datatype`` of a metric, ``type`` of a property, a column or a parameter."""

    UNKNOWN = 0
    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATETIME = 13
    TEXT = 14
    UUID = 15
    DATASET = 16
    BYTES = 17
    FILE = 18
    TEMPLATE = 19
    PROPERTY_SET = 20
    PROPERTY_SET_LIST = 21
    INT8_ARRAY = 22
    INT16_ARRAY = 23
    INT32_ARRAY = 24
    INT64_ARRAY = 25
    UINT8_ARRAY = 26
    UINT16_ARRAY = 27
    UINT32_ARRAY = 28
    UINT64_ARRAY = 29
    FLOAT_ARRAY = 30
    DOUBLE_ARRAY = 31
    BOOLEAN_ARRAY = 32
    STRING_ARRAY = 33
    DATETIME_ARRAY = 34


GOOD: Final = 192
BAD: Final = 0
STALE: Final = 500
"""What the property ``Quality`` may say (Sparkplug 3.0.0, 6.4.9.1)."""

SCALARS: Final = {
    DataType.BOOLEAN: SparkplugType.BOOLEAN,
    DataType.SBYTE: SparkplugType.INT8,
    DataType.BYTE: SparkplugType.UINT8,
    DataType.INT16: SparkplugType.INT16,
    DataType.UINT16: SparkplugType.UINT16,
    DataType.INT32: SparkplugType.INT32,
    DataType.UINT32: SparkplugType.UINT32,
    DataType.INT64: SparkplugType.INT64,
    DataType.UINT64: SparkplugType.UINT64,
    DataType.FLOAT: SparkplugType.FLOAT,
    DataType.DOUBLE: SparkplugType.DOUBLE,
    DataType.STRING: SparkplugType.STRING,
    DataType.DATETIME: SparkplugType.DATETIME,
    DataType.GUID: SparkplugType.UUID,
    DataType.BYTESTRING: SparkplugType.BYTES,
    DataType.STATUSCODE: SparkplugType.UINT32,
}

ARRAYS: Final = {
    DataType.BOOLEAN: SparkplugType.BOOLEAN_ARRAY,
    DataType.SBYTE: SparkplugType.INT8_ARRAY,
    DataType.BYTE: SparkplugType.UINT8_ARRAY,
    DataType.INT16: SparkplugType.INT16_ARRAY,
    DataType.UINT16: SparkplugType.UINT16_ARRAY,
    DataType.INT32: SparkplugType.INT32_ARRAY,
    DataType.UINT32: SparkplugType.UINT32_ARRAY,
    DataType.INT64: SparkplugType.INT64_ARRAY,
    DataType.UINT64: SparkplugType.UINT64_ARRAY,
    DataType.FLOAT: SparkplugType.FLOAT_ARRAY,
    DataType.DOUBLE: SparkplugType.DOUBLE_ARRAY,
    DataType.STRING: SparkplugType.STRING_ARRAY,
    DataType.DATETIME: SparkplugType.DATETIME_ARRAY,
    DataType.STATUSCODE: SparkplugType.UINT32_ARRAY,
}

NUMPY: Final = {
    SparkplugType.INT8_ARRAY: "<i1",
    SparkplugType.INT16_ARRAY: "<i2",
    SparkplugType.INT32_ARRAY: "<i4",
    SparkplugType.INT64_ARRAY: "<i8",
    SparkplugType.UINT8_ARRAY: "<u1",
    SparkplugType.UINT16_ARRAY: "<u2",
    SparkplugType.UINT32_ARRAY: "<u4",
    SparkplugType.UINT64_ARRAY: "<u8",
    SparkplugType.FLOAT_ARRAY: "<f4",
    SparkplugType.DOUBLE_ARRAY: "<f8",
}
"""How the elements of an array of numbers lie in ``bytes_value``: packed, little-endian (6.4.16)."""

LIMITS: Final = {
    SparkplugType.INT8: (8, True),
    SparkplugType.INT16: (16, True),
    SparkplugType.INT32: (32, True),
    SparkplugType.INT64: (64, True),
    SparkplugType.UINT8: (8, False),
    SparkplugType.UINT16: (16, False),
    SparkplugType.UINT32: (32, False),
    SparkplugType.UINT64: (64, False),
}
"""Bits of each integer type, and whether it has a sign."""


def sparkplug_type(field: DataSetField) -> SparkplugType:
    """Give the type of a field's metric: JSON text in a String for what Sparkplug has no type for."""
    if field.datatype is not DataType.VARIANT:
        return SCALARS[field.datatype]
    return ARRAYS.get(field.wire_type, SparkplugType.STRING) if field.value_rank == 1 else SparkplugType.STRING
