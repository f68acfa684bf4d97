"""What blocks come to by seconds, minutes and hours, written and removed with them, in their transaction."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from core.batch import TimeArray
from core.quality import NO_VALUE
from core.time import TICKS_PER_SECOND
from historian import chunks, digest
from historian.encoding import DamagedData
from historian.resolutions import Digest, Resolution
from historian.samples import Columns
from historian.sqlite import summary_rows
from historian.sqlite.totals import count, put, total
from historian.summing import PartArray, StartArray, add_up, summarise

_log = logging.getLogger("plantspace.historian")

SECONDS_PAY: Final = 32
"""Samples a second from which on a block's seconds are written; below, they would take as much room and time."""
_OLDER_AT_ONCE: Final = 64
_Row = tuple[int, int, int, int, int, int, bytes]


@dataclass(frozen=True, slots=True)
class Placed:
    """A block among columns: its point and id, and which sample is its first."""

    point: int
    block: int
    first: int


def add(connection: sqlite3.Connection, columns: Columns, blocks: Sequence[Placed]) -> None:
    """Write the summaries of blocks, which take all samples of ``columns`` in their order, each in the order of time.

    What is no number has none.
    """
    if columns.datatype.is_object or not blocks:
        return
    rows = _rows(columns, blocks, slow_too=keeps_all_seconds(connection))
    rows.sort(key=lambda row: row[:3])
    insert(connection, rows)


def last_block(connection: sqlite3.Connection) -> int:
    """Give the highest id that a block ever had."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'block'").fetchone()
    return int(row[0]) if row is not None else 0


def insert(connection: sqlite3.Connection, rows: Sequence[_Row]) -> None:
    """Write rows: point, resolution, first bucket, block, last bucket, buckets, payload."""
    connection.executemany(
        "INSERT INTO summary (point, resolution, t_first, block, t_last, buckets, payload)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    count(connection, "summary_bytes", sum(len(row[-1]) for row in rows))


def remove(connection: sqlite3.Connection, point: int, block: int, first: int) -> None:
    """Remove what a block, whose first sample is of the time ``first``, comes to."""
    for resolution in Resolution:
        remove_row(connection, point, resolution, block, first // resolution.ticks * resolution.ticks)


def remove_row(connection: sqlite3.Connection, point: int, resolution: Resolution, block: int, first: int) -> None:
    """Remove one row, whose first bucket begins at ``first``."""
    rows = connection.execute(
        "DELETE FROM summary WHERE point = ? AND resolution = ? AND t_first = ? AND block = ?"
        " RETURNING length(payload)",
        (point, int(resolution), first, block),
    )
    for (size,) in rows.fetchall():
        count(connection, "summary_bytes", -size)


def keeps_all_seconds(connection: sqlite3.Connection) -> bool:
    """Tell whether seconds are written of slow blocks too."""
    return total(connection, "all_seconds") != 0


def use_ids(connection: sqlite3.Connection, number: int) -> None:
    """Pass over ``number`` ids of blocks, the next ones after :func:`last_block`."""
    used = connection.execute("UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'block'", (number,))
    if not used.rowcount:
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('block', ?)", (number,))


def is_older(connection: sqlite3.Connection, block: int) -> bool:
    """Tell whether a block stood in a file of version 1 and has not got its summaries yet."""
    return block <= total(connection, "unsummarised") and block > total(connection, "summarised")


def step(connection: sqlite3.Connection) -> bool:
    """Give some blocks of a file of version 1 their summaries; false when all have them."""
    done, last = total(connection, "summarised"), total(connection, "unsummarised")
    if done >= last:
        return False
    rows: list[tuple[int, int, bytes]] = connection.execute(
        "SELECT id, point, payload FROM block WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
        (done, last, _OLDER_AT_ONCE),
    ).fetchall()
    for number, point, payload in rows:
        add_older(connection, number, point, payload)
    put(connection, "summarised", rows[-1][0] if rows else last)
    return True


def add_older(connection: sqlite3.Connection, number: int, point: int, payload: bytes) -> None:
    """Write the summaries of a block that has none yet, and count it; a damaged one has none."""
    count(connection, "blocks", 1)
    count(connection, "raw_bytes", len(payload))
    try:
        for chunk in chunks.read(payload):
            add(connection, chunk.columns(), [Placed(point, number, 0)])
    except DamagedData as error:
        _log.error("block %d of the history file is damaged and has no summaries: %s", number, error)


def _rows(columns: Columns, blocks: Sequence[Placed], *, slow_too: bool) -> list[_Row]:
    """Make the rows of all blocks: seconds of those that have many samples in each, minutes and hours of all."""
    begins = np.array([block.first for block in blocks], np.intp)
    ends = np.append(begins[1:], len(columns))
    fast = ~are_slow(columns.source_time, begins, ends)
    made: list[_Row] = []
    for quick in (True, False):
        chosen = np.flatnonzero(fast == quick)
        if not len(chosen):
            continue
        members = [blocks[place] for place in chosen.tolist()]
        if len(chosen) == len(blocks):
            part, firsts = columns, begins
        else:
            part = _masked(columns, np.repeat(fast == quick, ends - begins))
            sizes = (ends - begins)[chosen]
            firsts = np.cumsum(sizes) - sizes
        made += _alike(part, members, firsts, seconds=quick or slow_too)
    return made


def are_slow(times: TimeArray, begins: StartArray, ends: StartArray) -> npt.NDArray[np.bool_]:
    """Tell of each block, from begin to end in ``times``, whether it has too few samples a second to keep seconds."""
    seconds = times[ends - 1] // TICKS_PER_SECOND - times[begins] // TICKS_PER_SECOND + 1
    return ends - begins < seconds * SECONDS_PAY


def _masked(columns: Columns, mask: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Columns:
    """Give the samples of ``mask``; of the points nothing is asked any more."""
    return Columns(
        columns.datatype,
        columns.points,
        columns.counts,
        columns.values[mask],
        columns.status[mask],
        columns.source_time[mask],
        columns.server_time[mask],
    )


def _alike(columns: Columns, blocks: Sequence[Placed], firsts: StartArray, *, seconds: bool) -> list[_Row]:
    """Make the rows of blocks from seconds, or from minutes, up."""
    finest = Resolution.SECOND if seconds else Resolution.MINUTE
    starts = _edges(columns.source_time // finest.ticks, firsts)
    parts = summarise(columns.values, columns.status, columns.source_time, starts, finest.ticks)
    owners = np.searchsorted(firsts, starts, "right") - 1
    made: list[_Row] = []
    for resolution in Resolution:
        if resolution < finest:
            continue
        if resolution > finest:
            edges = _edges(parts["start"] // resolution.ticks, np.searchsorted(owners, np.arange(len(blocks))))
            starts, owners = starts[edges], owners[edges]
            parts = add_up(parts, edges, resolution.ticks)
        digests = None
        if resolution is Resolution.HOUR:
            good = (columns.status & np.uint32(0xC0000000 | NO_VALUE)) == 0
            digests = digest.of_runs(columns.values, good, starts)
        rows = np.searchsorted(owners, np.arange(len(blocks)))
        made += _encoded(parts, rows, resolution, blocks, digests)
    return made


def _edges(buckets: np.ndarray[tuple[int], np.dtype[np.int64]], firsts: StartArray) -> StartArray:
    """Give where a block or a bucket begins."""
    change = np.empty(len(buckets), np.bool_)
    np.not_equal(buckets[1:], buckets[:-1], out=change[1:])
    change[firsts] = True
    return np.flatnonzero(change)


def _encoded(
    parts: PartArray,
    rows: StartArray,
    resolution: Resolution,
    blocks: Sequence[Placed],
    digests: Sequence[Digest] | None,
) -> list[_Row]:
    """Encode one row a block."""
    payloads = summary_rows.write(parts, rows, resolution, digests)
    ends = np.append(rows[1:], len(parts))
    begins = parts["start"]
    return [
        (block.point, int(resolution), first, block.block, last, size, payload)
        for block, first, last, size, payload in zip(
            blocks, begins[rows].tolist(), begins[ends - 1].tolist(), (ends - rows).tolist(), payloads, strict=True
        )
    ]
