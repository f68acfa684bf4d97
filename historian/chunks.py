"""Bytes of :class:`~historian.samples.Columns` (docs/reference/history-file.md, "Chunk").

What outbox records and history rows hold. A payload is chunks end to end. A chunk says which points it holds before its
compressed body, so that a reader after one point skips the others, and holds at most ``CHUNK_SAMPLES`` samples, so that
reading one point decodes little else.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from core.datatypes import DataType
from historian import encoding, objects
from historian.encoding import DamagedData
from historian.samples import Columns, IndexArray

VERSION: Final = 1
CHUNK_SAMPLES: Final = 16_384
FAST: Final = 1
"""Deflate level for what is written on the way; level 6 makes it 5 % smaller for twice the time."""
SMALL: Final = 6
"""Deflate level for what stays."""

_HEADER: Final = struct.Struct("<BBHIIIIII")
"""Version, DataType, reserved 0, samples, points, directory bytes, body bytes, inflated body bytes, CRC-32."""
_UNCHECKED: Final = _HEADER.size - 4
_LARGEST_BODY: Final = 1 << 30
_DATATYPES: Final = frozenset(int(datatype) for datatype in DataType)

_INT32: Final = np.dtype(np.int32)
_INT64: Final = np.dtype(np.int64)
_UINT32: Final = np.dtype(np.uint32)


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """A chunk found in a payload, checked but not inflated; ``whole``: all its bytes, header and directory too."""

    datatype: DataType
    samples: int
    points: IndexArray
    counts: IndexArray
    body: memoryview
    inflated: int
    whole: memoryview

    def columns(self) -> Columns:
        """Decode the samples. Raises :class:`~historian.encoding.DamagedData`."""
        try:
            inflater = zlib.decompressobj()
            raw = inflater.decompress(self.body, self.inflated or 1)
        except zlib.error as error:
            message = f"a chunk's body cannot be inflated: {error}"
            raise DamagedData(message) from error
        if len(raw) != self.inflated:
            message = f"a chunk's body inflates to {len(raw)} bytes and should to {self.inflated}"
            raise DamagedData(message)
        data = memoryview(raw)
        count = self.samples
        source_time, offset = encoding.decode(data, 0, count, _INT64)
        lag, offset = encoding.decode(data, offset, count, _INT64)
        status, offset = encoding.decode(data, offset, count, _UINT32)
        if self.datatype.is_object:
            values = objects.decode(raw[offset:], count)
        else:
            values, _ = encoding.decode(data, offset, count, self.datatype.dtype)
        return Columns(
            self.datatype,
            self.points,
            self.counts,
            values,
            status.astype(np.uint32, copy=False),
            source_time.astype(np.int64, copy=False),
            source_time.astype(np.int64, copy=False) + lag.astype(np.int64, copy=False),
        )


def write(columns: Iterable[Columns], level: int = FAST) -> bytes:
    """Encode columns as a payload. Raises :class:`TypeError`/:class:`ValueError` for objects that have no form."""
    return b"".join(_chunk(part, level) for whole in columns for part in _parts(whole))


def read(payload: bytes) -> Iterator[Chunk]:
    """Find a payload's chunks.

    Raises :class:`~historian.encoding.DamagedData` where the bytes are not what the format says.
    """
    data = memoryview(payload)
    offset = 0
    while offset < len(data):
        if offset + _HEADER.size > len(data):
            message = f"a chunk's header is cut off at byte {offset}"
            raise DamagedData(message)
        version, datatype, _, samples, points, directory, body, inflated, checksum = _HEADER.unpack_from(data, offset)
        if version != VERSION:
            message = f"a chunk at byte {offset} has the unknown version {version}"
            raise DamagedData(message)
        start = offset + _HEADER.size
        end = start + directory + body
        if end > len(data) or inflated > _LARGEST_BODY or not 0 < points <= samples:
            message = f"a chunk at byte {offset} says {directory} + {body} bytes, {samples} samples of {points} points"
            raise DamagedData(message)
        if zlib.crc32(data[start:end], zlib.crc32(data[offset : offset + _UNCHECKED])) != checksum:
            message = f"a chunk at byte {offset} does not match its checksum"
            raise DamagedData(message)
        known, next_offset = encoding.decode(data, start, points, _INT32)
        counts, _ = encoding.decode(data, next_offset, points, _INT32)
        if datatype not in _DATATYPES or int(counts.sum()) != samples:
            message = f"a chunk at byte {offset} has DataType {datatype} and a directory of {int(counts.sum())} samples"
            raise DamagedData(message)
        yield Chunk(
            DataType(datatype),
            samples,
            known.astype(np.int32, copy=False),
            counts.astype(np.int32, copy=False),
            data[start + directory : end],
            inflated,
            data[offset:end],
        )
        offset = end


def _parts(columns: Columns) -> Iterator[Columns]:
    """Cut at ``CHUNK_SAMPLES``, between two points where one ends before it."""
    total = len(columns)
    if 0 < total <= CHUNK_SAMPLES:
        yield columns
        return
    ends = np.cumsum(columns.counts)
    first = 0
    while first < total:
        last = min(first + CHUNK_SAMPLES, total)
        whole = int(np.searchsorted(ends, last, "right")) - 1
        if whole >= 0 and int(ends[whole]) > first:
            last = int(ends[whole])
        yield columns.cut(first, last)
        first = last


def _chunk(columns: Columns, level: int) -> bytes:
    directory = encoding.encode(columns.points) + encoding.encode(columns.counts)
    raw = b"".join(
        (
            encoding.encode(columns.source_time),
            encoding.encode(columns.server_time - columns.source_time),
            encoding.encode(columns.status),
            objects.encode(columns.values) if columns.datatype.is_object else encoding.encode(columns.values),
        )
    )
    body = zlib.compress(raw, level)
    header = _HEADER.pack(
        VERSION, columns.datatype, 0, len(columns), len(columns.points), len(directory), len(body), len(raw), 0
    )[:_UNCHECKED]
    checksum = zlib.crc32(body, zlib.crc32(directory, zlib.crc32(header)))
    return b"".join((header, struct.pack("<I", checksum), directory, body))
