"""IndexRange: parts of encoded arrays, matrices, Strings and ByteStrings (NumericRange, Part 4 v1.05 7.27)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from struct import Struct
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from asyncua.ua.status_codes import StatusCodes

from core.errors import PlantspaceError
from nodesets.built_in_types import BuiltInType
from server.address_space.decoding import Cursor
from server.address_space.encoding import ARRAY, MATRIX, TYPE, encode_bytes, encode_string
from server.address_space.extents import FIXED, skip, too_short

Bounds = tuple[int, int]
"""The first index and the last."""
_DIMENSION = re.compile(r"(\d{1,10})(?::(\d{1,10}))?", re.ASCII)
_MOST_DIMENSIONS = 32
"""What numpy can hold, and more than anyone has."""
_LARGE = 1024
_INT32 = Struct("<i")
_TEXTS = (BuiltInType.String, BuiltInType.ByteString)
_LAST_INDEX = 0xFFFF_FFFF
_Elements = npt.NDArray[Any]  # bytes objects, or numpy's void for elements that are equally long


class IndexRangeRefused(PlantspaceError):  # noqa: N818 - the name says what became of the range
    """A range is malformed or does not fit the value; ``status`` says which."""

    def __init__(self, status: int) -> None:
        """Keep the StatusCode."""
        self.status = status
        super().__init__(f"0x{status:08X}")


def parse_index_range(text: str) -> tuple[Bounds, ...]:
    """Read a NumericRange: a pair for each dimension. Raises :class:`IndexRangeRefused` with BadIndexRangeInvalid."""
    bounds: list[Bounds] = []
    for part in text.split(",", _MOST_DIMENSIONS):
        match = _DIMENSION.fullmatch(part)
        if match is None:
            raise IndexRangeRefused(StatusCodes.BadIndexRangeInvalid)
        low = int(match[1])
        high = low if match[2] is None else int(match[2])
        if high > _LAST_INDEX or (match[2] is not None and high <= low):
            raise IndexRangeRefused(StatusCodes.BadIndexRangeInvalid)
        bounds.append((low, high))
    return tuple(bounds)


class _Array(NamedTuple):
    """An array or matrix taken apart; ``elements`` has its shape."""

    kind: int
    elements: _Elements
    is_matrix: bool


class RangeReader:
    """Gives parts of values; a large array is taken apart once, however many of its parts are wanted."""

    def __init__(self) -> None:
        """Begin; what is taken apart is kept as long as the reader."""
        self._known: dict[int, tuple[bytes, _Array]] = {}

    def read(self, variant: bytes, bounds: Sequence[Bounds]) -> bytes:
        """Give the part of a value as a Variant of the same type; upper bounds may lie beyond the value's end.

        Raises :class:`IndexRangeRefused` with BadIndexRangeNoData.
        """
        if not variant[0] & ARRAY:
            return _read_text(variant, bounds)
        if len(variant) < _LARGE:
            return _read_array(_taken_apart(variant), bounds)
        known = self._known.get(id(variant))  # whose bytes are kept with it, so no others can have that id
        if known is None:
            known = self._known[id(variant)] = (variant, _taken_apart(variant))
        return _read_array(known[1], bounds)


def read_range(variant: bytes, bounds: Sequence[Bounds]) -> bytes:
    """Give one part of a value, as :meth:`RangeReader.read` does."""
    return RangeReader().read(variant, bounds)


def _read_array(array: _Array, bounds: Sequence[Bounds]) -> bytes:
    rank = array.elements.ndim
    within_texts = len(bounds) == rank + 1 and array.kind in _TEXTS
    if len(bounds) != rank and not within_texts:
        raise _no_data()
    chosen = array.elements[_slices(bounds[:rank], array.elements.shape)]
    if within_texts:
        flat = [_part_of_text(array.kind, element, bounds[-1]) for element in chosen.ravel()]
        chosen = _objects(flat).reshape(chosen.shape)
    return _put_together(array, chosen)


def write_range(variant: bytes, bounds: Sequence[Bounds], part: bytes) -> bytes:
    """Give a value with a part of it replaced by ``part``, which is as large as the range.

    Raises :class:`IndexRangeRefused`: BadTypeMismatch for another type, BadIndexRangeNoData where the range goes beyond
    the value, BadIndexRangeDataMismatch where ``part`` is of another size (Part 4 v1.05 5.11.4.2).
    """
    if (variant[0] ^ part[0]) & TYPE:
        raise IndexRangeRefused(StatusCodes.BadTypeMismatch)
    if not variant[0] & ARRAY:
        return _write_text(variant, bounds, part)
    if not part[0] & ARRAY:
        raise _mismatch()
    array, given = _taken_apart(variant), _taken_apart(part)
    rank = array.elements.ndim
    within_texts = len(bounds) == rank + 1 and array.kind in _TEXTS
    if len(bounds) != rank and not within_texts:
        raise _no_data()
    if any(high >= size for (_, high), size in zip(bounds, array.elements.shape, strict=False)):
        raise _no_data()
    chosen = array.elements[_slices(bounds[:rank], array.elements.shape)]
    if chosen.shape != given.elements.shape:
        raise _mismatch()
    replacing = given.elements
    if within_texts:
        pairs = zip(chosen.ravel(), given.elements.ravel(), strict=True)
        flat = [_text_replaced(array.kind, old, bounds[-1], new) for old, new in pairs]
        replacing = _objects(flat).reshape(chosen.shape)
    elements = array.elements.copy()
    elements[_slices(bounds[:rank], elements.shape)] = replacing
    return _put_together(array, elements)


def _taken_apart(variant: bytes) -> _Array:
    kind = variant[0] & TYPE
    cursor = Cursor(variant, 1)
    count = cursor.count(1)
    size = FIXED.get(kind)
    elements: _Elements
    if size is not None:
        if count * size > len(variant) - cursor.at:
            raise too_short()
        elements = np.frombuffer(variant, np.dtype((np.void, size)), count, cursor.at) if count else _objects(())
        cursor.at += count * size
    else:
        parts: list[bytes] = []
        for _ in range(count):
            end = skip(variant, cursor.at, kind)
            parts.append(cursor.take(end - cursor.at))
        elements = _objects(parts)
    is_matrix = bool(variant[0] & MATRIX)
    if is_matrix:
        rank = cursor.count(4)
        # Of nothing there is no part; and the other dimensions may be anything, also more than an array can have.
        if not count or rank > _MOST_DIMENSIONS:
            raise _no_data()
        dimensions = [cursor.int32() for _ in range(rank)]
        if math.prod(dimensions) != count or min(dimensions, default=0) < 0:
            raise _no_data()
        elements = elements.reshape(dimensions)
    return _Array(kind, elements, is_matrix)


def _put_together(array: _Array, elements: _Elements) -> bytes:
    body = elements.tobytes() if elements.dtype.kind == "V" else b"".join(elements.ravel())
    head = bytes((array.kind | ARRAY | (MATRIX if array.is_matrix else 0),)) + _INT32.pack(elements.size)
    if not array.is_matrix:
        return head + body
    return head + body + _INT32.pack(elements.ndim) + b"".join(_INT32.pack(size) for size in elements.shape)


def _objects(parts: Sequence[bytes]) -> _Elements:
    elements = np.empty(len(parts), np.object_)
    elements[:] = parts
    return elements


def _slices(bounds: Sequence[Bounds], shape: Sequence[int]) -> tuple[slice, ...]:
    if any(low >= size for (low, _), size in zip(bounds, shape, strict=True)):
        raise _no_data()
    return tuple(slice(low, high + 1) for low, high in bounds)


def _read_text(variant: bytes, bounds: Sequence[Bounds]) -> bytes:
    if variant[0] not in _TEXTS or len(bounds) != 1:
        raise _no_data()
    return variant[:1] + _part_of_text(variant[0], variant[1:], bounds[0])


def _write_text(variant: bytes, bounds: Sequence[Bounds], part: bytes) -> bytes:
    if variant[0] not in _TEXTS or len(bounds) != 1:
        raise _no_data()
    if part[0] & ARRAY:
        raise _mismatch()
    return variant[:1] + _text_replaced(variant[0], variant[1:], bounds[0], part[1:])


def _part_of_text(kind: int, encoded: bytes, bounds: Bounds) -> bytes:
    """Give a part of an encoded String, by characters, or ByteString."""
    held = _text(kind, encoded)
    if bounds[0] >= len(held):
        raise _no_data()
    return _encoded(held[bounds[0] : bounds[1] + 1])


def _text_replaced(kind: int, encoded: bytes, bounds: Bounds, part: bytes) -> bytes:
    held, given = _text(kind, encoded), _text(kind, part)
    if bounds[1] >= len(held):
        raise _no_data()
    if len(given) != bounds[1] + 1 - bounds[0]:
        raise _mismatch()
    return _encoded(_joined(held, bounds, given))


def _text(kind: int, encoded: bytes) -> str | bytes:
    cursor = Cursor(encoded)
    return (cursor.string() or "") if kind == BuiltInType.String else (cursor.bytes() or b"")


def _joined(held: str | bytes, bounds: Bounds, given: str | bytes) -> str | bytes:
    if isinstance(held, str) and isinstance(given, str):
        return held[: bounds[0]] + given + held[bounds[1] + 1 :]
    if isinstance(held, bytes) and isinstance(given, bytes):
        return held[: bounds[0]] + given + held[bounds[1] + 1 :]
    raise _mismatch()


def _encoded(text: str | bytes) -> bytes:
    return encode_string(text) if isinstance(text, str) else encode_bytes(text)


def _no_data() -> IndexRangeRefused:
    return IndexRangeRefused(StatusCodes.BadIndexRangeNoData)


def _mismatch() -> IndexRangeRefused:
    return IndexRangeRefused(StatusCodes.BadIndexRangeDataMismatch)
