"""One point's summaries out of what blocks left, and of raw values where they left nothing yet."""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import dataclass
from typing import Final

import numpy as np

from core.batch import TimeArray
from core.quality import NO_VALUE
from core.time import TICKS_PER_SECOND
from historian import digest
from historian.encoding import DamagedData
from historian.raw_read import EARLIEST, LATEST
from historian.resolutions import Digest, Resolution, Summaries
from historian.sqlite import summary_rows
from historian.sqlite.scan import Piece, PointScan
from historian.sqlite.totals import total
from historian.summing import PART, PartArray, StartArray, add_up, summarise

_log = logging.getLogger("plantspace.historian")

_TAIL: Final = np.iinfo(np.int64).max
"""What stands in segments arrived after every block."""
WIDEST: Final = 86_400 * TICKS_PER_SECOND
"""Ticks from the first to the last bucket of a row that stands for many blocks, at most."""


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    """Parts of buckets; ``blocks``: int64, of each the block that it is of, :data:`_TAIL` for none yet."""

    blocks: TimeArray
    parts: PartArray
    digests: list[Digest]


def read(scan: PointScan, connection: sqlite3.Connection, start: int, end: int, resolution: Resolution) -> Summaries:
    """Add up the buckets that begin in [start, end) (:meth:`historian.resolutions.SummaryReader.read_summaries`)."""
    ticks = resolution.ticks
    # a bucket that begins before all times has none of its samples asked for, and none begins after all times
    low, high = max(-(-start // ticks) * ticks, EARLIEST), min(-(-end // ticks) * ticks, LATEST + 1)
    if scan.point is None or low >= high:
        return _summaries(np.zeros(0, PART), [] if resolution is Resolution.HOUR else None)
    summed, damaged = _from_rows(connection, scan, low, high, resolution)
    sources = [summed]
    known = {*summed.blocks.tolist(), *damaged}
    for block in [*damaged, *_without_rows(connection, scan, low, high, resolution, known)]:
        sources += [_of_piece(piece, block, low, high, resolution) for piece in scan.block(block)]
    sources += [_of_piece(piece, _TAIL, low, high, resolution) for piece in scan.tail(low, high - 1)]
    return _added_up(sources, low, high, resolution)


def extent(scan: PointScan, connection: sqlite3.Connection, before: int) -> tuple[int, int] | None:
    """Tell when the data of the hours before a time begins and ends, reading the first and last of them alone."""
    if scan.point is None or connection.execute("PRAGMA user_version").fetchone()[0] == 1:
        return None
    hours = (scan.point, int(Resolution.HOUR))
    (first,) = connection.execute(
        "SELECT min(t_first) FROM summary WHERE point = ? AND resolution = ?", hours
    ).fetchone()
    if first is None or first >= before:
        return None
    (newest,) = connection.execute(
        "SELECT max(t_first) FROM summary WHERE point = ? AND resolution = ? AND t_first < ?", (*hours, before)
    ).fetchone()
    # one that begins earlier may end later, but none is wider than the widest
    (last,) = connection.execute(
        "SELECT max(t_last) FROM summary WHERE point = ? AND resolution = ? AND t_first >= ? AND t_first < ?",
        (*hours, max(newest - max(scan.span, WIDEST), EARLIEST), before),
    ).fetchone()
    begins = read(scan, connection, first, first + 1, Resolution.HOUR)
    if last >= before:  # a row that goes on beyond
        ends = read(scan, connection, max(newest, before - WIDEST), before, Resolution.HOUR)
    else:
        ends = read(scan, connection, last, last + 1, Resolution.HOUR)
    return (int(begins.first_time[0]), int(ends.last_time[-1])) if len(begins) and len(ends) else None


def _from_rows(
    connection: sqlite3.Connection, scan: PointScan, low: int, high: int, resolution: Resolution
) -> tuple[_Source, set[int]]:
    """Read the rows that reach into the range; of such as are damaged, which is told, the blocks are named."""
    if connection.execute("PRAGMA user_version").fetchone()[0] == 1:
        return _Source(np.zeros(0, np.int64), np.zeros(0, PART), []), set()
    rows: list[tuple[int, int, bytes]] = connection.execute(
        "SELECT block, buckets, payload FROM summary"
        " WHERE point = ? AND resolution = ? AND t_first >= ? AND t_first < ? AND t_last >= ?",
        (scan.point, int(resolution), max(low - max(scan.span, WIDEST) - resolution.ticks, EARLIEST), high, low),
    ).fetchall()
    good: list[tuple[int, int, bytes]] = []
    damaged: set[int] = set()
    for block, buckets, payload in rows:
        try:
            summary_rows.check(payload)
        except DamagedData as error:
            _log.error("summaries of block %d of the history file are damaged: %s", block, error)
            damaged.add(block)
        else:
            good.append((block, buckets, payload))
    parts, digests = summary_rows.read([payload for *_, payload in good], resolution)
    blocks = np.repeat(
        np.array([block for block, *_ in good], np.int64), np.array([buckets for _, buckets, _ in good], np.int64)
    )
    return _Source(blocks, parts, digests), damaged


def _without_rows(
    connection: sqlite3.Connection,
    scan: PointScan,
    low: int,
    high: int,
    resolution: Resolution,
    known: set[int],
) -> list[int]:
    """Name the blocks in the range that have no row of their own.

    Of seconds these are the slow ones, else such as came from a file of version 1.
    """
    blocks = "SELECT id FROM block WHERE point = ? AND t_first >= ? AND t_first < ? AND t_last >= ?"
    bounds = (scan.point, max(low - scan.span, EARLIEST), high, low)
    if resolution is not Resolution.SECOND and connection.execute("PRAGMA user_version").fetchone()[0] > 1:
        done, last = total(connection, "summarised"), total(connection, "unsummarised")
        if done >= last:
            return []
        rows = connection.execute(f"{blocks} AND id > ? AND id <= ? ORDER BY id", (*bounds, done, last))
    else:
        rows = connection.execute(f"{blocks} ORDER BY id", bounds)
    return [row[0] for row in rows.fetchall() if row[0] not in known]


def _of_piece(piece: Piece, block: int, low: int, high: int, resolution: Resolution) -> _Source:
    """Summarise raw samples of the range."""
    nothing = _Source(np.zeros(0, np.int64), np.zeros(0, PART), [])
    if piece.datatype.is_object:
        return nothing
    part = slice(*np.searchsorted(piece.source_time, [low, high]).tolist())
    times, values, status = piece.source_time[part], piece.values[part], piece.status[part]
    if not len(times):
        return nothing
    starts = np.flatnonzero(np.diff(times // resolution.ticks, prepend=-1))
    parts = summarise(values, status, times, starts, resolution.ticks)
    digests: list[Digest] = []
    if resolution is Resolution.HOUR:
        digests = digest.of_runs(values, (status & np.uint32(0xC0000000 | NO_VALUE)) == 0, starts)
    return _Source(np.full(len(parts), block, np.int64), parts, digests)


def _added_up(sources: list[_Source], low: int, high: int, resolution: Resolution) -> Summaries:
    hours = resolution is Resolution.HOUR
    sources = [source for source in sources if len(source.parts)] or sources[:1]
    parts = sources[0].parts if len(sources) == 1 else np.concatenate([source.parts for source in sources])
    digests = [each for source in sources for each in source.digests]
    order = np.lexsort((np.concatenate([source.blocks for source in sources]), parts["start"]))
    order = order[slice(*np.searchsorted(parts["start"], [low, high], sorter=order).tolist())]
    parts = parts[order]
    starts: StartArray = np.flatnonzero(np.diff(parts["start"], prepend=-1))
    if hours:
        digests = digest.merged_runs(digest.in_order(digests, order), starts)
    if len(starts) < len(parts):
        parts = add_up(parts, starts, resolution.ticks)
    return _summaries(parts, digests if hours else None)


def _summaries(parts: PartArray, digests: list[Digest] | None) -> Summaries:
    columns = {name: np.ascontiguousarray(parts[name]) for name in PART.names or ()}
    return Summaries(**columns, digests=tuple(digests) if digests is not None else None)
