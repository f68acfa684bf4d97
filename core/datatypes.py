"""The built-in types a column can hold (Part 6 v1.05 5.1.2) and how numpy stores them."""

from __future__ import annotations

import enum

import numpy as np


class DataType(enum.IntEnum):
    """OPC UA built-in types by their Part 6 ids. Those from STRING on, and all arrays, travel in object columns."""

    BOOLEAN = 1
    SBYTE = 2
    BYTE = 3
    INT16 = 4
    UINT16 = 5
    INT32 = 6
    UINT32 = 7
    INT64 = 8
    UINT64 = 9
    FLOAT = 10
    DOUBLE = 11
    STRING = 12
    DATETIME = 13
    GUID = 14
    BYTESTRING = 15
    STATUSCODE = 19
    VARIANT = 24
    """Anything else: structures, arrays, localized texts; kept as Python objects."""

    @property
    def symbol(self) -> str:
        """Give the name that NodeSets and binding tables use (``UInt16``, ``Double``)."""
        return _SYMBOLS[self]

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Give the numpy type of the column."""
        return _DTYPES[self]

    @property
    def is_number(self) -> bool:
        """Tell whether scaling, limits and deadbands apply."""
        return DataType.SBYTE <= self <= DataType.DOUBLE

    @property
    def is_integer(self) -> bool:
        """Tell whether the column holds whole numbers only."""
        return DataType.SBYTE <= self <= DataType.UINT64

    @property
    def is_object(self) -> bool:
        """Tell whether values are Python objects and not numbers in a column."""
        return _DTYPES[self] == np.dtype(object)

    @classmethod
    def named(cls, name: str) -> DataType:
        """Find a type by its OPC UA name in any case. Raises :class:`KeyError` for an unknown one."""
        return _BY_NAME[name.casefold()]


_SYMBOLS = {
    DataType.BOOLEAN: "Boolean",
    DataType.SBYTE: "SByte",
    DataType.BYTE: "Byte",
    DataType.INT16: "Int16",
    DataType.UINT16: "UInt16",
    DataType.INT32: "Int32",
    DataType.UINT32: "UInt32",
    DataType.INT64: "Int64",
    DataType.UINT64: "UInt64",
    DataType.FLOAT: "Float",
    DataType.DOUBLE: "Double",
    DataType.STRING: "String",
    DataType.DATETIME: "DateTime",
    DataType.GUID: "Guid",
    DataType.BYTESTRING: "ByteString",
    DataType.STATUSCODE: "StatusCode",
    DataType.VARIANT: "Variant",
}
_DTYPES: dict[DataType, np.dtype[np.generic]] = {
    DataType.BOOLEAN: np.dtype(np.bool_),
    DataType.SBYTE: np.dtype(np.int8),
    DataType.BYTE: np.dtype(np.uint8),
    DataType.INT16: np.dtype(np.int16),
    DataType.UINT16: np.dtype(np.uint16),
    DataType.INT32: np.dtype(np.int32),
    DataType.UINT32: np.dtype(np.uint32),
    DataType.INT64: np.dtype(np.int64),
    DataType.UINT64: np.dtype(np.uint64),
    DataType.FLOAT: np.dtype(np.float32),
    DataType.DOUBLE: np.dtype(np.float64),
    DataType.STRING: np.dtype(object),
    DataType.DATETIME: np.dtype(np.int64),
    DataType.GUID: np.dtype(object),
    DataType.BYTESTRING: np.dtype(object),
    DataType.STATUSCODE: np.dtype(np.uint32),
    DataType.VARIANT: np.dtype(object),
}
_BY_NAME = {symbol.casefold(): member for member, symbol in _SYMBOLS.items()}
