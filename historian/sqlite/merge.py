"""How segments of many points become blocks of one: levels of growing segments, as in a log-structured merge tree.

What is appended is a segment of level 0. Eight of them are merged and cut into shards of ``SHARD_POINTS`` points; from
there on eight segments of a level and shard are merged into one of the next level. A point that has ``BLOCK_SAMPLES``
samples in a merge, or whose samples there span a day, leaves it as blocks. So each sample is written again once a
level, a handful of times in all, slow points fill whole blocks too, and a merge stays small however many points there
are.

Of any one point, what stands in blocks arrived before what stands in segments; of segments the higher level is the
older, and within a level the lower id. Readers put samples of equal time in order by that, so a merge must keep it
true.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from core.time import TICKS_PER_SECOND
from historian import chunks
from historian.encoding import DamagedData
from historian.samples import Columns, IndexArray
from historian.sqlite import tables
from historian.sqlite.gather import gather

_log = logging.getLogger("plantspace.historian")

FAN: Final = 8
SHARD_POINTS: Final = 128
BLOCK_SAMPLES: Final = 1000
LARGEST_BLOCK: Final = 8192
_AT_ONCE: Final = 500_000
"""Samples of level 0 taken into one merge, which bounds how long the writer is busy with it."""
_DAY: Final = 86_400 * TICKS_PER_SECOND


@dataclass(frozen=True, slots=True, eq=False)
class _Segment:
    number: int
    level: int
    samples: int
    payload: bytes


def step(connection: sqlite3.Connection) -> bool:
    """Merge the lowest level that is due; false when none is."""
    segments = _due(connection)
    if not segments:
        return False
    connection.executemany("DELETE FROM segment WHERE id = ?", [(segment.number,) for segment in segments])
    parts = [part for segment in segments for part in _decoded(connection, segment)]
    shards: dict[int, list[Columns]] = {}
    for columns in gather(parts):
        full = _full(columns)
        if full.any():
            full &= ~np.isin(columns.points, _held_above(connection, segments[0].level, columns.points[full]))
        blocks, remaining = _pick(columns, full), _pick(columns, ~full)
        if blocks is not None:
            tables.add_blocks(connection, blocks, LARGEST_BLOCK)
        if remaining is not None:
            for shard, members in _sharded(remaining):
                shards.setdefault(shard, []).append(members)
    for shard, members in shards.items():
        connection.execute(
            "INSERT INTO segment (level, shard, t_first, t_last, samples, payload) VALUES (?, ?, ?, ?, ?, ?)",
            (
                segments[0].level + 1,
                shard,
                min(int(columns.source_time.min()) for columns in members),
                max(int(columns.source_time.max()) for columns in members),
                sum(map(len, members)),
                chunks.write(members),
            ),
        )
    return True


def _due(connection: sqlite3.Connection) -> list[_Segment]:
    """Choose the oldest segments of the lowest level and shard that has enough of them, at level 0 also of samples."""
    levels = connection.execute(
        "SELECT level, shard, count(*), sum(samples) FROM segment GROUP BY level, shard ORDER BY level, shard"
    )
    for level, shard, number, samples in levels.fetchall():
        if number < FAN and not (level == 0 and samples >= _AT_ONCE):
            continue
        taken: list[_Segment] = []
        total = 0
        rows = connection.execute(
            "SELECT id, level, samples, payload FROM segment WHERE level = ? AND shard = ? ORDER BY id",
            (level, shard),
        )
        for row in rows:
            taken.append(_Segment(*row))
            total += taken[-1].samples
            if level == 0 and total >= _AT_ONCE:
                break
        rows.close()
        return taken
    return []


def _sharded(columns: Columns) -> Iterator[tuple[int, Columns]]:
    """Cut columns, which stand in the order of their points, into shards."""
    shards = columns.points // SHARD_POINTS
    ends = np.cumsum(columns.counts)
    start = 0
    for last in [*np.flatnonzero(np.diff(shards)).tolist(), len(shards) - 1]:
        yield int(shards[last]), columns.cut(start, int(ends[last]))
        start = int(ends[last])


def _decoded(connection: sqlite3.Connection, segment: _Segment) -> list[Columns]:
    """Decode a segment; a damaged one is set aside in its own table, counted and told."""
    try:
        return [chunk.columns() for chunk in chunks.read(segment.payload)]
    except DamagedData as error:
        _log.error("%d samples of the history file are damaged and set aside: %s", segment.samples, error)
        connection.execute(
            "INSERT INTO damaged (kind, samples, reason, payload) VALUES ('segment', ?, ?, ?)",
            (segment.samples, str(error), segment.payload),
        )
        tables.count(connection, "damaged", segment.samples)
        return []


def _full(columns: Columns) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    ends = np.cumsum(columns.counts)
    span = columns.source_time[ends - 1] - columns.source_time[ends - columns.counts]
    return (columns.counts >= BLOCK_SAMPLES) | (span >= _DAY)


def _held_above(connection: sqlite3.Connection, level: int, points: IndexArray) -> IndexArray:
    """Name the points of which older samples still stand in segments of higher levels.

    Such a point goes up with the segment until it meets them; were it to leave before, its older samples would come
    into a later block.
    """
    held: list[IndexArray] = []
    for shard in np.unique(points // SHARD_POINTS).tolist():
        rows = connection.execute("SELECT payload FROM segment WHERE shard = ? AND level > ?", (shard, level))
        for (payload,) in rows:
            with contextlib.suppress(DamagedData):  # found again, counted and told, when its turn to be merged comes
                held.extend(chunk.points for chunk in chunks.read(payload))
    return np.unique(np.concatenate(held)) if held else np.zeros(0, np.int32)


def _pick(columns: Columns, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Columns | None:
    if not chosen.any():
        return None
    if chosen.all():
        return columns
    mask = np.repeat(chosen, columns.counts)
    return Columns(
        columns.datatype,
        columns.points[chosen],
        columns.counts[chosen],
        columns.values[mask],
        columns.status[mask],
        columns.source_time[mask],
        columns.server_time[mask],
    )
