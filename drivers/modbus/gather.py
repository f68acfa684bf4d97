"""From the bytes of a scan to columns: for each kind of value, which bytes to take. Worked out once, used each scan.

The scan's bytes lie in one row: registers as they travel (two bytes each, big-endian words), bits as one byte each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from core.batch import ValueArray
from drivers.modbus.encoding import Encoding, Order, significance

ByteArray = npt.NDArray[np.uint8]
IndexArray = npt.NDArray[np.intp]

_LOW_BITS = 8


class Gather(Protocol):
    """Takes the values of some points out of the scan's bytes."""

    def __call__(self, image: ByteArray) -> ValueArray:
        """Give fresh values, in the order of the points."""
        ...


class Numbers:
    """Whole numbers and floats; any word and byte order is only another choice of bytes."""

    def __init__(self, encoding: Encoding, places: Sequence[tuple[int, Order]]) -> None:
        """``places``: each value's first byte in the scan's row, and its order."""
        offsets = [
            [start + offset for offset in reversed(significance(encoding.registers, order))] for start, order in places
        ]
        self._index: IndexArray = np.array(offsets, np.intp).reshape(-1)
        self._dtype = encoding.dtype

    def __call__(self, image: ByteArray) -> ValueArray:
        """Give the numbers; the gathered bytes are little-endian."""
        return image.take(self._index).view(self._dtype)


class Bits:
    """Coils, discrete inputs and bits of registers."""

    def __init__(self, places: Sequence[tuple[int, int]]) -> None:
        """``places``: the byte that holds each bit, and the bit in it."""
        self._index: IndexArray = np.array([byte for byte, _ in places], np.intp)
        self._mask: ByteArray = np.array([1 << bit for _, bit in places], np.uint8)

    def __call__(self, image: ByteArray) -> ValueArray:
        """Give booleans."""
        return (image.take(self._index) & self._mask) != 0


class Truths:
    """Whole registers as booleans: everything but 0 is true."""

    def __init__(self, starts: Sequence[int]) -> None:
        """``starts``: each register's first byte."""
        self._index: IndexArray = np.array(starts, np.intp)

    def __call__(self, image: ByteArray) -> ValueArray:
        """Give booleans."""
        return (image.take(self._index) | image.take(self._index + 1)) != 0


class Strings:
    """Texts: UTF-8 up to the first NUL, without the spaces that fill them up."""

    def __init__(self, places: Sequence[tuple[int, int, Order]]) -> None:
        """``places``: each text's first byte, its length in characters (bytes), and its order."""
        self._indexes: list[IndexArray] = [
            np.array([start + offset for offset in significance((length + 1) // 2, order, text=True)][:length], np.intp)
            for start, length, order in places
        ]

    def __call__(self, image: ByteArray) -> ValueArray:
        """Give str objects; what is no UTF-8 becomes U+FFFD."""
        values = np.empty(len(self._indexes), object)
        for place, index in enumerate(self._indexes):
            values[place] = text_of(image.take(index).tobytes())
        return values


def text_of(raw: bytes) -> str:
    """Read a text as devices keep it."""
    return raw.partition(b"\0")[0].decode("utf-8", "replace").rstrip(" ")


def bit_place(start: int, bit: int, order: Order) -> tuple[int, int]:
    """Give the byte (and the bit in it) that holds bit ``bit`` of the register whose first byte is ``start``."""
    high, low = significance(1, order)
    return (start + low, bit) if bit < _LOW_BITS else (start + high, bit - _LOW_BITS)
