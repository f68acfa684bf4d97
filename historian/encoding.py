"""Bytes of one column of numbers (docs/reference/history-file.md, "Column"): small differences in few byte planes.

Deflate then sees long runs: measured on rounded sensor values 0.7 bytes a value against 1.3 for the plain array, in
half the time.
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np
import numpy.typing as npt

from core.batch import ValueArray

IntArray = npt.NDArray[np.int64]

HEADER: Final = struct.Struct("<BBBBIqq")
"""Transform, decimal exponent, kind, width in bytes, bytes of data, first, base."""

INTEGER: Final = 0
FLOAT_BITS: Final = 1
DECIMAL: Final = 2
OBJECTS: Final = 3

_PLAIN: Final = 0
_DELTA: Final = 1
_PROBES: Final = 16
_LARGEST_EXPONENT: Final = 4
_EXACT_INTEGERS: Final = 2.0**53


class DamagedData(ValueError):  # noqa: N818 - the name says the state of the bytes
    """Bytes are not what the format says; the message tells what is wrong."""


def encode(values: ValueArray) -> bytes:
    """Encode numbers or booleans [n >= 1], every bit kept (NaN payloads and the sign of zero too)."""
    if values.dtype.kind != "f":
        return _encode_integers(_as_int64(values), INTEGER, 0, prefer_delta=True)
    exponent = _decimal_exponent(values)
    if exponent is not None:
        scaled = np.rint(values.astype(np.float64) * 10.0**exponent)
        return _encode_integers(scaled.astype(np.int64), DECIMAL, exponent, prefer_delta=True)
    bits = values.view(np.int32 if values.dtype.itemsize == 4 else np.int64)  # noqa: PLR2004 - bytes of a float32
    return _encode_integers(bits.astype(np.int64), FLOAT_BITS, 0, prefer_delta=False)


def decode(data: memoryview, offset: int, count: int, dtype: np.dtype[np.generic]) -> tuple[ValueArray, int]:
    """Decode ``count`` values at ``offset``; gives them and where the next column begins.

    Raises :class:`DamagedData`.
    """
    if offset + HEADER.size > len(data):
        message = "a column's header is cut off"
        raise DamagedData(message)
    transform, exponent, kind, width, length, first, base = HEADER.unpack_from(data, offset)
    offset += HEADER.size
    stored = count - 1 if kind == _DELTA else count
    if offset + length > len(data) or length != stored * width or width > 8 or kind > _DELTA:  # noqa: PLR2004 - int64
        message = f"a column of {count} values says {length} bytes of width {width}"
        raise DamagedData(message)
    numbers = _from_planes(data[offset : offset + length], stored, width)
    numbers += np.int64(base)
    if kind == _DELTA:
        numbers = np.cumsum(np.concatenate((np.array([first], np.int64), numbers)))
    offset += length
    if transform == INTEGER:
        # int64 -> uint64 keeps the bits; narrower ones were widened from the very type
        return numbers.astype(dtype), offset
    if transform == FLOAT_BITS:
        return (numbers.astype(np.int32).view(dtype) if dtype.itemsize == 4 else numbers.view(dtype)), offset  # noqa: PLR2004 - bytes of a float32
    if transform == DECIMAL and exponent <= _LARGEST_EXPONENT:
        return (numbers / 10.0**exponent).astype(dtype), offset
    message = f"a column has the unknown transform {transform}, exponent {exponent}"
    raise DamagedData(message)


def _as_int64(values: ValueArray) -> IntArray:
    return values.view(np.int64) if values.dtype == np.uint64 else values.astype(np.int64)


def _encode_integers(numbers: IntArray, transform: int, exponent: int, *, prefer_delta: bool) -> bytes:
    low, high = int(numbers.min()), int(numbers.max())
    width = _width(high - low)
    if width > 0 and len(numbers) > 1:
        # differences wrap modulo 2**64, and so does the sum that undoes them
        steps = numbers[1:] - numbers[:-1]
        step_low, step_high = int(steps.min()), int(steps.max())
        step_width = _width(step_high - step_low)
        if step_width < width or (prefer_delta and step_width == width):
            planes = _to_planes(steps - np.int64(step_low), step_width)
            header = HEADER.pack(transform, exponent, _DELTA, step_width, len(planes), int(numbers[0]), step_low)
            return header + planes
    planes = _to_planes(numbers - np.int64(low), width)
    return HEADER.pack(transform, exponent, _PLAIN, width, len(planes), 0, low) + planes


def _width(span: int) -> int:
    return (span.bit_length() + 7) // 8


def _to_planes(numbers: IntArray, width: int) -> bytes:
    if width == 0:
        return b""
    octets = numbers.astype("<i8", copy=False).view(np.uint8).reshape(-1, 8)
    return np.ascontiguousarray(octets[:, :width].T).tobytes()


def _from_planes(data: memoryview, count: int, width: int) -> IntArray:
    octets = np.zeros((count, 8), np.uint8)
    if width:
        octets[:, :width] = np.frombuffer(data, np.uint8).reshape(width, count).T
    return octets.view("<i8").reshape(count).astype(np.int64, copy=False)


def _decimal_exponent(values: ValueArray) -> int | None:
    """Find how many decimals give every value back exactly, if few do: most sensors deliver scaled whole numbers."""
    wide = values.astype(np.float64)
    largest = float(np.abs(wide).max())  # NaN stays NaN
    if not largest * 10.0**_LARGEST_EXPONENT < _EXACT_INTEGERS:
        return None
    exponent = 0
    for probe in values[:: max(1, len(values) // _PROBES)]:
        found = _decimals(float(probe), values.dtype)
        if found is None:
            return None
        exponent = max(exponent, found)
    for candidate in sorted({exponent, _LARGEST_EXPONENT}):
        restored = (np.rint(wide * 10.0**candidate).astype(np.int64) / 10.0**candidate).astype(values.dtype)
        if np.array_equal(restored, values) and not np.any(np.signbit(values) & (values == 0)):
            return candidate
    return None


def _decimals(value: float, dtype: np.dtype[np.generic]) -> int | None:
    single = dtype.itemsize == 4  # noqa: PLR2004 - bytes of a float32
    for exponent in range(_LARGEST_EXPONENT + 1):
        restored = round(value * 10.0**exponent) / 10.0**exponent
        if (float(np.float32(restored)) if single else restored) == value:
            return exponent
    return None
