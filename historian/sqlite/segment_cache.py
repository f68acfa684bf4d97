"""What the newest rows hold, decoded once for all points: a question for a hundred points looks into the same few."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from historian import chunks
from historian.samples import Columns, IndexArray

_MOST_BYTES: Final = 48 << 20
"""What is kept at most; a larger segment is read anew each time."""
_DECODED: Final = 28
"""Bytes of a number once decoded, its status and its times."""


@dataclass(slots=True, eq=False)
class SegmentChunk:
    """A chunk of a segment, inflated when first asked for; of objects, whose size nobody knows, each time."""

    chunk: chunks.Chunk
    decoded: Columns | None = None

    @property
    def points(self) -> IndexArray:
        """Which points it holds."""
        return self.chunk.points

    def columns(self) -> Columns:
        """Decode it. Raises :class:`~historian.encoding.DamagedData`."""
        if self.decoded is not None:
            return self.decoded
        columns = self.chunk.columns()
        if not columns.datatype.is_object:
            self.decoded = columns
        return columns

    @property
    def bytes(self) -> int:
        """Give what it takes once decoded."""
        return len(self.chunk.whole) + (0 if self.chunk.datatype.is_object else self.chunk.samples * _DECODED)


class SegmentCache:
    """Segments last asked for. Ids are never given again, and a change by hand takes samples out: both name a state."""

    def __init__(self) -> None:
        """Begin empty."""
        self._segments: OrderedDict[tuple[int, int], tuple[int, list[SegmentChunk]]] = OrderedDict()
        self._bytes = 0

    @property
    def bytes(self) -> int:
        """Give what it takes once all of it is decoded."""
        return self._bytes

    def chunks(self, connection: sqlite3.Connection, number: int, samples: int) -> list[SegmentChunk]:
        """Give a segment's chunks. Raises :class:`~historian.encoding.DamagedData`."""
        known = self._segments.get((number, samples))
        if known is not None:
            self._segments.move_to_end((number, samples))
            return known[1]
        (payload,) = connection.execute("SELECT payload FROM segment WHERE id = ?", (number,)).fetchone()
        found = [SegmentChunk(chunk) for chunk in chunks.read(payload)]
        size = sum(chunk.bytes for chunk in found)
        if size <= _MOST_BYTES:
            self._segments[number, samples] = size, found
            self._bytes += size
            while self._bytes > _MOST_BYTES:
                _, (gone, _) = self._segments.popitem(last=False)
                self._bytes -= gone
        return found
