"""Metrics of data, a whole message at a time: columns of bytes and a mask of those that are there.

A metric is ``12 length | 28 00 | 10 alias | 18 timestamp | 38 01 | 4a properties | value``, where is_historical (28)
always stands first, for :func:`historical` to find, is_null (38) and the properties are only where they say something,
and what is no number (texts, bytes, and in births the name) stands last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from core.batch import MaskArray
from server.pubsub.sparkplug.wire import PayloadError, read_varint, varint

ByteArray = npt.NDArray[np.uint8]
NumberArray = npt.NDArray[np.uint64]
LengthArray = npt.NDArray[np.int64]
_Part = tuple[ByteArray, MaskArray | None]

_SHIFTS: Final = np.arange(10, dtype=np.uint64) * np.uint64(7)
_BOUNDS: Final = np.array([1 << 7 * places for places in range(1, 10)], np.uint64)
_SEVEN: Final = np.uint64(0x7F)

_METRIC: Final = 0x12
MARK: Final = b"\x28\x00"
"""is_historical, false."""
_ALIAS: Final = 0x10
_TIMESTAMP: Final = 0x18
_LONG: Final = 0x80
"""From here on a length takes more than a byte."""
_DATATYPE: Final = 0x20
_NULL: Final = (0x38, 0x01)


def varint_columns(values: NumberArray) -> tuple[ByteArray, LengthArray]:
    """Encode numbers: uint8[n, w] with w the longest, and how many bytes of each row count."""
    lengths = np.searchsorted(_BOUNDS, values, "right") + 1
    width = int(lengths.max(initial=1))
    columns = (values[:, None] >> _SHIFTS[:width] & _SEVEN).astype(np.uint8)
    columns |= (np.arange(1, width + 1) < lengths[:, None]).astype(np.uint8) << np.uint8(7)
    return columns, lengths


@dataclass(slots=True)
class Rows:
    """Metrics to be encoded, [n] each.

    ``alias``: uint64, or None where the tails tell it. ``milliseconds``: uint64. ``keys``: uint8, the key of a
    number's value, 0 where there is none. ``values``: uint8[n, w], its bytes, and ``lengths`` how many.
    ``properties``: indexes into ``blocks``, whose first is empty. ``null``: no value. ``tails``: what stands last.
    ``kinds``: uint8, types to be told beside the values.
    """

    alias: NumberArray | None
    milliseconds: NumberArray
    keys: ByteArray
    values: ByteArray
    lengths: LengthArray
    null: MaskArray | None = None
    properties: npt.NDArray[np.intp] | None = None
    blocks: Sequence[bytes] = (b"",)
    tails: Sequence[bytes] | None = None
    kinds: ByteArray | None = None


def encode(rows: Rows) -> tuple[bytes, LengthArray]:
    """Give the metrics' bytes one behind the other, and where each ends."""
    count = len(rows.milliseconds)
    parts = _parts(rows)
    sizes = np.zeros(count, np.int64)
    for part, mask in parts:
        sizes += part.shape[-1] if mask is None else np.count_nonzero(mask, axis=1)
    contents = sizes if rows.tails is None else sizes + np.fromiter(map(len, rows.tails), np.int64, count)
    length, length_sizes = varint_columns(contents.astype(np.uint64))
    front = 1 + length.shape[1]

    whole = np.empty((count, front + sum(part.shape[-1] for part, _ in parts)), np.uint8)
    there = np.ones(whole.shape, np.bool_)
    whole[:, 0] = _METRIC
    whole[:, 1:front] = length
    there[:, 1:front] = _first(length_sizes, front - 1)
    place = front
    for part, mask in parts:
        stop = place + part.shape[-1]
        whole[:, place:stop] = part
        if mask is not None:
            there[:, place:stop] = mask
        place = stop
    heads = whole[there].tobytes()
    ends = np.cumsum(1 + length_sizes + contents)
    if rows.tails is None:
        return heads, ends
    return _with_tails(heads, np.cumsum(1 + length_sizes + sizes), rows.tails), ends


def _parts(rows: Rows) -> list[_Part]:
    """Give the bytes of all but the length: uint8[n, w], or uint8[w] for all rows, and which of them are there."""
    parts: list[_Part] = []
    if rows.alias is not None:
        parts.append((np.frombuffer(MARK, np.uint8), None))
        _add_number(parts, _ALIAS, rows.alias)
    _add_number(parts, _TIMESTAMP, rows.milliseconds)
    if rows.kinds is not None:
        parts.append((np.array([_DATATYPE], np.uint8), None))
        parts.append((rows.kinds[:, None], None))
    if rows.null is not None:
        parts.append((np.array(_NULL, np.uint8), np.repeat(rows.null[:, None], 2, axis=1)))
    if rows.properties is not None:
        _add_blocks(parts, rows.properties, rows.blocks)
    parts.append((rows.keys[:, None], (rows.lengths > 0)[:, None]))
    parts.append((rows.values, _first(rows.lengths, rows.values.shape[1])))
    return parts


def _with_tails(heads: bytes, ends: LengthArray, tails: Sequence[bytes]) -> bytes:
    pieces: list[bytes] = []
    start = 0
    for end, tail in zip(ends.tolist(), tails, strict=True):
        if tail:
            pieces += (heads[start:end], tail)
            start = end
    pieces.append(heads[start:])
    return b"".join(pieces)


def _add_number(parts: list[_Part], key: int, values: NumberArray) -> None:
    columns, lengths = varint_columns(values)
    mask = _first(lengths, columns.shape[1])
    parts.append((np.array([key], np.uint8), None))
    parts.append((columns, None if mask.all() else mask))


def _first(lengths: LengthArray, width: int) -> MaskArray:
    """Tell of each row's bytes which come before its length."""
    places = np.arange(width, dtype=np.int64)
    return np.less(places[None, :], lengths[:, None])


def _add_blocks(parts: list[_Part], which: npt.NDArray[np.intp], blocks: Sequence[bytes]) -> None:
    width = max(map(len, blocks))
    table = np.frombuffer(b"".join(block.ljust(width, b"\0") for block in blocks), np.uint8).reshape(-1, width)
    lengths = np.array([len(block) for block in blocks], np.int64)
    parts.append((table[which], _first(lengths[which], width)))


def historical(payload: bytes) -> bytes:
    """Mark each metric of a payload of :func:`encode` as historical. Raises :class:`PayloadError` for any other."""
    marked = bytearray(payload)
    place, end = 0, len(payload)
    while place < end:
        if payload[place] != _METRIC:
            message = f"there is no metric at byte {place}"
            raise PayloadError(message)
        start = place + 2
        size = payload[place + 1] if start <= end else 0
        if size >= _LONG:
            size, start = read_varint(payload, place + 1, end)
        if payload[start : start + 2] != MARK:
            message = f"the metric at byte {place} does not begin with is_historical"
            raise PayloadError(message)
        marked[start + 1] = 1
        place = start + size
    return bytes(marked)


def closing(milliseconds: int, sequence: int | None) -> bytes:
    """Give what stands last in a payload, where Protocol Buffers lets any field stand: when it is sent, and ``seq``."""
    time = b"\x08" + varint(milliseconds)
    return time if sequence is None else time + b"\x18" + varint(sequence)
