"""How segments of many points become blocks of one: levels of growing segments, as in a log-structured merge tree.

Eight segments of a level are merged into one of the next. A point that has ``BLOCK_SAMPLES`` samples in a merged
segment, or whose samples there span a day, leaves it as blocks. So each sample is written again once a level, a handful
of times in all, and slow points fill whole blocks too. Ties in time are ordered by ``arrival``, which a merge keeps.
"""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import dataclass
from typing import Final

import numpy as np

from core.time import TICKS_PER_SECOND
from historian import chunks
from historian.encoding import DamagedData
from historian.samples import Columns, join
from historian.sqlite import tables

_log = logging.getLogger("plantspace.historian")

FAN: Final = 8
BLOCK_SAMPLES: Final = 1000
LARGEST_BLOCK: Final = 8192
_AT_ONCE: Final = 500_000
"""Samples taken into one merge, which bounds how long the writer is busy with it."""
_DAY: Final = 86_400 * TICKS_PER_SECOND


@dataclass(frozen=True, slots=True, eq=False)
class _Segment:
    number: int
    level: int
    arrival: int
    samples: int
    payload: bytes


def step(connection: sqlite3.Connection) -> bool:
    """Merge the lowest level that is due; false when none is."""
    segments = _due(connection)
    if not segments:
        return False
    connection.executemany("DELETE FROM segment WHERE id = ?", [(segment.number,) for segment in segments])
    parts = [part for segment in segments for part in _decoded(connection, segment)]
    rest: list[Columns] = []
    for columns in join(parts, by_time=True):
        full = _full(columns)
        blocks, remaining = _pick(columns, full), _pick(columns, ~full)
        if blocks is not None:
            tables.add_blocks(connection, blocks, segments[0].arrival, LARGEST_BLOCK)
        if remaining is not None:
            rest.append(remaining)
    if rest:
        connection.execute(
            "INSERT INTO segment (level, arrival, t_first, t_last, samples, payload) VALUES (?, ?, ?, ?, ?, ?)",
            (
                segments[0].level + 1,
                segments[0].arrival,
                min(int(columns.source_time.min()) for columns in rest),
                max(int(columns.source_time.max()) for columns in rest),
                sum(map(len, rest)),
                chunks.write(rest),
            ),
        )
    return True


def _due(connection: sqlite3.Connection) -> list[_Segment]:
    """Choose the oldest segments of the lowest level that has enough of them or of samples."""
    levels = connection.execute("SELECT level, count(*), sum(samples) FROM segment GROUP BY level ORDER BY level")
    for level, number, samples in levels.fetchall():
        if number < FAN and samples < _AT_ONCE:
            continue
        taken: list[_Segment] = []
        total = 0
        rows = connection.execute(
            "SELECT id, level, arrival, samples, payload FROM segment WHERE level = ? ORDER BY arrival", (level,)
        )
        for row in rows:
            taken.append(_Segment(*row))
            total += taken[-1].samples
            if total >= _AT_ONCE:
                break
        rows.close()
        return taken
    return []


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
