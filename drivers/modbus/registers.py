"""From a value to be written to the registers that hold it; the way back of :mod:`drivers.modbus.gather`."""

from __future__ import annotations

import math
import struct
from typing import cast

import numpy as np

from core.errors import DeviceRefused
from core.quality import Status
from drivers.modbus.encoding import Encoding, Order, significance

_FLOATS = {Encoding.FLOAT32: ">f", Encoding.FLOAT64: ">d"}


def truth_of(value: object) -> bool:
    """Take a boolean or a number that is 0 or 1. Raises :class:`~core.errors.DeviceRefused`."""
    plain = _plain(value)
    if isinstance(plain, int | float) and plain in (0, 1):
        return bool(plain)
    problem = f"{value!r} is not true or false"
    raise DeviceRefused(problem, Status.BAD_TYPE_MISMATCH)


def registers_of(value: object, encoding: Encoding, order: Order, length: int = 0) -> list[int]:
    """Give the registers, in the order of their addresses.

    Whole-number encodings take the nearest whole number: a scaled value comes back from its division as a float.

    Raises:
        DeviceRefused: BadTypeMismatch or BadOutOfRange; the value has no place in the encoding.
    """
    if encoding is Encoding.STRING:
        big = _text_bytes(value, length)
    elif encoding is Encoding.BOOL:
        big = int(truth_of(value)).to_bytes(2, "big")
    else:
        big = _number_bytes(value, encoding)
    wire = bytearray(len(big))
    for byte, offset in zip(big, significance(len(big) // 2, order, text=encoding is Encoding.STRING), strict=True):
        wire[offset] = byte
    return list(struct.unpack(f">{len(wire) // 2}H", wire))


def with_bit(register: int, bit: int, order: Order, *, value: bool) -> int:
    """Give the register with one bit set or cleared."""
    shift = bit ^ 8 if order.bytes_swapped else bit
    return register | 1 << shift if value else register & ~(1 << shift)


def _plain(value: object) -> object:
    """Give the Python value of a numpy scalar."""
    return cast("object", value.item()) if isinstance(value, np.generic) else value


def _text_bytes(value: object, length: int) -> bytes:
    if not isinstance(value, str):
        problem = f"{type(value).__name__} is not a text"
        raise DeviceRefused(problem, Status.BAD_TYPE_MISMATCH)
    try:
        raw = value.encode("utf-8")
    except UnicodeEncodeError as error:
        problem = "the text holds half of a surrogate pair, which UTF-8 has no bytes for"
        raise DeviceRefused(problem, Status.BAD_OUT_OF_RANGE) from error
    if len(raw) > length or "\0" in value:
        problem = "the text holds a NUL" if "\0" in value else f"the text takes {len(raw)} bytes"
        raise DeviceRefused(problem, Status.BAD_OUT_OF_RANGE, mend=f"the registers hold {length}")
    return raw.ljust(length + length % 2, b"\0")


def _number_bytes(value: object, encoding: Encoding) -> bytes:
    value = _plain(value)
    if not isinstance(value, int | float):
        problem = f"{type(value).__name__} is not a number"
        raise DeviceRefused(problem, Status.BAD_TYPE_MISMATCH)
    if encoding in _FLOATS:
        try:
            return struct.pack(_FLOATS[encoding], value)
        except OverflowError as error:
            raise _does_not_fit(value, encoding) from error
    if not math.isfinite(value):
        raise _does_not_fit(value, encoding)
    whole = value if isinstance(value, int) else round(value)
    size = encoding.dtype.itemsize
    try:
        return whole.to_bytes(size, "big", signed=encoding.dtype.kind == "i")
    except OverflowError as error:
        raise _does_not_fit(value, encoding) from error


def _does_not_fit(value: float, encoding: Encoding) -> DeviceRefused:
    problem = f"{value} does not fit into {encoding.value}"
    return DeviceRefused(problem, Status.BAD_OUT_OF_RANGE)
