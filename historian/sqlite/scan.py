"""One point's samples by source time, then arrival, out of segments and blocks, reading no more than is asked for."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import Final

import numpy as np

from core.batch import TimeArray, ValueArray
from core.datatypes import DataType
from core.quality import StatusArray
from historian import chunks
from historian.contract import Cursor
from historian.encoding import DamagedData
from historian.raw_read import EARLIEST, LATEST, Run
from historian.samples import Columns
from historian.sqlite.merge import SHARD_POINTS
from historian.sqlite.segment_cache import SegmentCache

_log = logging.getLogger("plantspace.historian")

_BLOCK: Final = -(1 << 31)
"""Before any segment, whose first key is its level's negative."""
_FORWARD: Final = (
    "SELECT id, t_first, t_last, samples, payload FROM block"
    " WHERE point = ? AND t_first >= ? AND t_first <= ? AND t_last >= ? ORDER BY t_first"
)
_BACKWARD: Final = (
    "SELECT id, t_first, t_last, samples, payload FROM block"
    " WHERE point = ? AND t_last <= ? AND t_last >= ? AND t_first <= ? ORDER BY t_last DESC"
)


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Samples from one place, in time order; ``order`` sorts places by arrival (historian/sqlite/merge.py says why)."""

    order: tuple[int, int, int]
    datatype: DataType
    values: ValueArray
    status: StatusArray
    source_time: TimeArray
    server_time: TimeArray


class PointScan:
    """Scans one point on one connection's snapshot.

    Keeps between two scans what segments hold of the point.
    """

    def __init__(self, connection: sqlite3.Connection, node: str, cache: SegmentCache | None = None) -> None:
        """Look the point up; an unknown one has no samples. ``cache``: what earlier scans of the file have decoded."""
        self._connection = connection
        self._cache = cache or SegmentCache()
        row = connection.execute("SELECT id, span FROM point WHERE node = ?", (node,)).fetchone()
        self._point: int | None = row[0] if row is not None else None
        self._span = int(row[1]) if row is not None else 0
        self._segments: list[tuple[int, int, int, int, int]] = connection.execute(
            "SELECT id, level, t_first, t_last, samples FROM segment WHERE shard IN (-1, ?)",
            (-1 if self._point is None else self._point // SHARD_POINTS,),
        ).fetchall()
        self._decoded: dict[int, list[Piece]] = {}
        self._unreadable: dict[int, int] = {}
        """Samples of segments that are damaged, by their ids: each scan that touches one tells so."""
        self._lost: dict[tuple[str, int], int] = {}

    @property
    def point(self) -> int | None:
        """The point's id in the file."""
        return self._point

    @property
    def span(self) -> int:
        """Ticks from the first to the last sample of its longest block."""
        return self._span

    def tail(self, low: int, high: int) -> list[Piece]:
        """Give what segments hold of the point from ``low`` to ``high``, and maybe around it, in order of arrival."""
        if self._point is None:
            return []
        return sorted(self._tail(self._point, low, high), key=lambda piece: piece.order)

    def block(self, number: int) -> list[Piece]:
        """Give a block's samples; nothing of one that is damaged, which is told."""
        row = self._connection.execute("SELECT samples, payload FROM block WHERE id = ?", (number,)).fetchone()
        return [] if row is None else self._from_block(number, *row)

    def __call__(self, low: int, high: int, need: int | None, *, forward: bool, after: Cursor | None = None) -> Run:
        """Give up to ``need`` samples (None = all) of low <= time <= high beyond ``after`` (:class:`Scan`)."""
        self._lost = {}
        if after is not None:
            low, high = (max(low, after.time), high) if forward else (low, min(high, after.time))
        if self._point is None or low > high:
            return _nothing()
        pieces, settled = self._gather(self._point, low, high, need, forward=forward, after=after)
        pieces = [piece for piece in chain(self._tail(self._point, low, high), pieces) if len(piece.source_time)]
        if not pieces:
            return _nothing(self._lost)
        return _merged(pieces, low, high, need, forward=forward, after=after, settled=settled, lost=self._lost)

    def _gather(
        self, point: int, low: int, high: int, need: int | None, *, forward: bool, after: Cursor | None
    ) -> tuple[list[Piece], int | None]:
        """Take blocks until enough samples are settled.

        Gives also the time from which on, backwards up to which, samples of other blocks are still missing; None
        when none are.
        """
        # no block is longer than the point's span, which bounds how far outside one that reaches in can begin or end
        if forward:
            bounds = (point, max(low - self._span, EARLIEST), high, low)
        else:
            bounds = (point, min(high + self._span, LATEST), low, high)
        rows = self._connection.execute(_FORWARD if forward else _BACKWARD, bounds)
        if after is not None:  # how many at the cursor's own time lie beyond it is known only when all are read
            low, high = (after.time + 1, high) if forward else (low, after.time - 1)
        wanted = None if need is None else need + 1
        pieces: list[Piece] = []
        inside = 0
        for number, t_first, t_last, samples, payload in rows:
            edge = int(t_first if forward else t_last)
            if wanted is not None and inside >= wanted and _settled(pieces, low, high, edge, forward=forward) >= wanted:
                rows.close()
                return pieces, edge
            found = self._from_block(number, samples, payload)
            pieces.extend(found)
            inside += samples if found else 0
        return pieces, None

    def _from_block(self, number: int, samples: int, payload: bytes) -> list[Piece]:
        try:
            columns = [chunk.columns() for chunk in chunks.read(payload)]
        except DamagedData as error:
            _log.error("block %d of the history file is damaged, %d samples: %s", number, samples, error)
            self._lost["block", number] = samples
            return []
        return [_piece((_BLOCK, number, turn), part, slice(0, len(part))) for turn, part in enumerate(columns)]

    def _tail(self, point: int, low: int, high: int) -> Iterator[Piece]:
        """Give what the segments that reach into the range hold of the point; each is decoded once for all scans."""
        for number, level, t_first, t_last, samples in self._segments:
            if t_first > high or t_last < low:
                continue
            if number not in self._decoded:
                self._decoded[number] = []
                try:
                    self._decoded[number].extend(self._from_segment(point, number, level, samples))
                except DamagedData as error:
                    _log.error("segment %d of the history file is damaged, %d samples: %s", number, samples, error)
                    self._unreadable[number] = samples
            if number in self._unreadable:
                self._lost["segment", number] = self._unreadable[number]
            yield from self._decoded[number]

    def _from_segment(self, point: int, number: int, level: int, samples: int) -> Iterator[Piece]:
        for turn, chunk in enumerate(self._cache.chunks(self._connection, number, samples)):
            places = np.flatnonzero(chunk.points == point).tolist()
            columns = chunk.columns() if places else None
            for place in places:
                counts = chunk.chunk.counts
                start = int(counts[:place].sum())
                part = slice(start, start + int(counts[place]))
                if columns is not None:
                    yield _piece((-level, number, turn), columns, part)


def _piece(order: tuple[int, int, int], columns: Columns, part: slice) -> Piece:
    times = columns.source_time[part]
    if len(times) > 1 and bool((times[1:] < times[:-1]).any()):
        index = np.argsort(times, kind="stable")
        return Piece(
            order,
            columns.datatype,
            columns.values[part][index],
            columns.status[part][index],
            times[index],
            columns.server_time[part][index],
        )
    return Piece(order, columns.datatype, columns.values[part], columns.status[part], times, columns.server_time[part])


def _settled(pieces: list[Piece], low: int, high: int, edge: int, *, forward: bool) -> int:
    """Count samples in the range that no later block can come before."""
    first, last = (low, min(high, edge - 1)) if forward else (max(low, edge + 1), high)
    return sum(
        int(np.searchsorted(piece.source_time, last, "right") - np.searchsorted(piece.source_time, first, "left"))
        for piece in pieces
        if first <= last
    )


def _merged(
    pieces: list[Piece],
    low: int,
    high: int,
    need: int | None,
    *,
    forward: bool,
    after: Cursor | None,
    settled: int | None,
    lost: Mapping[tuple[str, int], int],
) -> Run:
    """Put the pieces in order, cut the range out, and take what is needed of one DataType."""
    pieces = sorted(pieces, key=lambda piece: piece.order)
    times = np.concatenate([piece.source_time for piece in pieces])
    order = None
    if bool((times[1:] < times[:-1]).any()):
        order = np.argsort(times, kind="stable")
        times = times[order]
    first, last = int(np.searchsorted(times, low, "left")), int(np.searchsorted(times, high, "right"))
    if after is not None:
        stand = int(np.searchsorted(times, after.time, "left")) + after.ordinal
        first, last = (max(first, stand + 1), last) if forward else (first, min(last, stand))
    if settled is not None:
        if forward:
            last = min(last, int(np.searchsorted(times, settled, "left")))
        else:
            first = max(first, int(np.searchsorted(times, settled, "right")))
    count = max(0, last - first)
    taken = count if need is None else min(count, need)
    if taken == 0:
        return _nothing(lost)
    part = slice(first, first + taken) if forward else slice(last - taken, last)
    chosen = np.arange(part.start, part.stop) if order is None else order[part]
    chosen = chosen if forward else chosen[::-1]
    datatype, alike = _one_type(pieces, chosen)
    chosen = chosen[:alike]
    sources = [piece for piece in pieces if piece.datatype is datatype]
    if len(sources) < len(pieces):
        chosen = _without_other_types(pieces, datatype, chosen)
    source_time = np.concatenate([piece.source_time for piece in sources])[chosen]
    end = int(source_time[-1])
    place = first + alike - 1 if forward else last - alike
    return Run(
        datatype,
        np.concatenate([piece.values for piece in sources])[chosen],
        np.concatenate([piece.status for piece in sources])[chosen],
        source_time,
        np.concatenate([piece.server_time for piece in sources])[chosen],
        Cursor(end, place - int(np.searchsorted(times, end, "left"))),
        more=alike < count,
        lost=lost,
    )


def _one_type(pieces: list[Piece], chosen: np.ndarray[tuple[int], np.dtype[np.intp]]) -> tuple[DataType, int]:
    """Give the first sample's DataType and how many from there on share it."""
    if len({piece.datatype for piece in pieces}) == 1:
        return pieces[0].datatype, len(chosen)
    types = np.concatenate([np.full(len(piece.source_time), piece.datatype, np.uint8) for piece in pieces])[chosen]
    others = np.flatnonzero(types != types[0])
    return DataType(int(types[0])), int(others[0]) if len(others) else len(types)


def _without_other_types(
    pieces: list[Piece], datatype: DataType, chosen: np.ndarray[tuple[int], np.dtype[np.intp]]
) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Turn places among all pieces into places among those of one DataType."""
    kept = np.concatenate([np.full(len(piece.source_time), piece.datatype is datatype) for piece in pieces])
    return (np.cumsum(kept) - 1)[chosen]


def _nothing(lost: Mapping[tuple[str, int], int] = MappingProxyType({})) -> Run:
    empty = np.zeros(0, np.int64)
    return Run(DataType.VARIANT, np.zeros(0, object), np.zeros(0, np.uint32), empty, empty, None, more=False, lost=lost)
