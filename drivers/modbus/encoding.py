"""How values lie in coils and registers: areas, encodings and the four orders."""

from __future__ import annotations

import enum

import numpy as np

from core.datatypes import DataType

REGISTER_BYTES = 2
ADDRESSES = 65_536
"""Addresses that each area has (MODBUS Application Protocol V1.1b3, 4.4)."""


class Area(enum.Enum):
    """The four tables of a Modbus device, by the names that addresses use."""

    COIL = "coil"
    DISCRETE = "discrete"
    INPUT = "input"
    HOLDING = "holding"

    @property
    def is_bits(self) -> bool:
        """Tell whether the area holds single bits and not registers."""
        return self in (Area.COIL, Area.DISCRETE)

    @property
    def is_writable(self) -> bool:
        """Tell whether the protocol has functions that write the area."""
        return self in (Area.COIL, Area.HOLDING)

    @property
    def noun(self) -> str:
        """Name one member of the area for error messages."""
        return _NOUNS[self]


_NOUNS = {
    Area.COIL: "coil",
    Area.DISCRETE: "discrete input",
    Area.INPUT: "input register",
    Area.HOLDING: "holding register",
}


class Encoding(enum.Enum):
    """What the bits mean, by the names that addresses use."""

    BOOL = "bool"
    INT16 = "int16"
    UINT16 = "uint16"
    INT32 = "int32"
    UINT32 = "uint32"
    INT64 = "int64"
    UINT64 = "uint64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    STRING = "string"

    @property
    def datatype(self) -> DataType:
        """Give the built-in type that holds every value of the encoding."""
        return _DATATYPES[self]

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Give the numpy type of decoded values: little-endian, object for strings."""
        return self.datatype.dtype.newbyteorder("<")

    @property
    def registers(self) -> int:
        """Count the registers that one value takes; a string's depend on its length."""
        return max(1, self.dtype.itemsize // REGISTER_BYTES)

    @property
    def is_number(self) -> bool:
        """Tell whether values are numbers in registers."""
        return self not in (Encoding.BOOL, Encoding.STRING)


_DATATYPES = {
    Encoding.BOOL: DataType.BOOLEAN,
    Encoding.INT16: DataType.INT16,
    Encoding.UINT16: DataType.UINT16,
    Encoding.INT32: DataType.INT32,
    Encoding.UINT32: DataType.UINT32,
    Encoding.INT64: DataType.INT64,
    Encoding.UINT64: DataType.UINT64,
    Encoding.FLOAT32: DataType.FLOAT,
    Encoding.FLOAT64: DataType.DOUBLE,
    Encoding.STRING: DataType.STRING,
}


class Order(enum.Enum):
    """The order in which a value's bytes travel; ``a`` is the most significant byte of a 32-bit value.

    Longer values follow the same two questions: are the words reversed, are the bytes in each word swapped?
    """

    ABCD = "abcd"
    CDAB = "cdab"
    BADC = "badc"
    DCBA = "dcba"

    @property
    def words_reversed(self) -> bool:
        """Tell whether the least significant word comes first."""
        return self in (Order.CDAB, Order.DCBA)

    @property
    def bytes_swapped(self) -> bool:
        """Tell whether the less significant byte of each word comes first."""
        return self in (Order.BADC, Order.DCBA)


def significance(registers: int, order: Order, *, text: bool = False) -> list[int]:
    """Give the offsets on the wire of a value's bytes, most significant first; a text keeps its words' order.

    ``significance(2, Order.CDAB)`` is ``[2, 3, 0, 1]``.
    """
    words = range(registers)
    offsets: list[int] = []
    for word in words if text or not order.words_reversed else reversed(words):
        pair = (2 * word, 2 * word + 1)
        offsets += reversed(pair) if order.bytes_swapped else pair
    return offsets
