"""What goes when it is old or room is short: raw values first, and what they came to stays.

Each function runs inside one transaction of the writer's thread and does a bounded part of the work.
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
from historian.raw_read import LATEST
from historian.resolutions import Resolution
from historian.sqlite import modified, summary_tables
from historian.sqlite.gather import gather
from historian.sqlite.leftovers import put_together
from historian.sqlite.summary_scan import WIDEST
from historian.sqlite.summary_tables import Placed
from historian.sqlite.totals import count, put, total

_log = logging.getLogger("plantspace.historian")

_DAY: Final = 86_400 * TICKS_PER_SECOND
_POINTS_AT_ONCE: Final = 500
_BLOCKS_AT_ONCE: Final = 2000
_LOG_BYTES: Final = 64 << 20
"""Left for the write-ahead log, which counts among the file's bytes."""
_STEPS: Final = 64
"""Into how many parts of its time history is cut when room is short; so much may go at once."""
_MOST_MODIFIED: Final = 1 << 30
"""Bytes of old values in a file that may grow without end."""
_SPARED: Final = 16
"""Of what the file may hold, the part of it that old values keep before any sample goes."""
_FOR_EVER: Final = LATEST
_SINCE: Final = {
    Resolution.SECOND: "second_since",
    Resolution.MINUTE: "minute_since",
    Resolution.HOUR: "hour_since",
}


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what is kept, in ticks; ``largest_bytes``: how large the file may grow, None without end.

    Summaries are kept as long as raw values at least; ``second`` None: just so long.
    """

    raw: int = 30 * _DAY
    second: int | None = None
    minute: int = 90 * _DAY
    hour: int = 730 * _DAY
    largest_bytes: int | None = None

    @property
    def most_modified(self) -> int:
        """Give how many bytes old values of changes by hand may take."""
        return _MOST_MODIFIED if self.largest_bytes is None else self.largest_bytes // 4

    def of(self, resolution: Resolution) -> int:
        """Give how long buckets of a resolution are kept."""
        own = {Resolution.SECOND: self.second or 0, Resolution.MINUTE: self.minute, Resolution.HOUR: self.hour}
        return max(self.raw, own[resolution])

    def declare(self, connection: sqlite3.Connection) -> None:
        """Tell the file whether seconds outlive raw values, and so are written of slow points too."""
        put(connection, "all_seconds", int(self.of(Resolution.SECOND) > self.raw))
        modified.count_bytes(connection)


def raw_since(connection: sqlite3.Connection, node: str) -> int | None:
    """Give the source time from which on a point's raw values are complete; None when none has expired."""
    return _moment(connection, node, "raw_since")


def summaries_since(connection: sqlite3.Connection, node: str, resolution: Resolution) -> int | None:
    """Give the time from which on a point's buckets are complete; None when none has expired."""
    return _moment(connection, node, _SINCE[resolution])


def _moment(connection: sqlite3.Connection, node: str, column: str) -> int | None:
    if connection.execute("PRAGMA user_version").fetchone()[0] == 1:
        return None
    row = connection.execute(f"SELECT {column} FROM point WHERE node = ?", (node,)).fetchone()  # noqa: S608 - names of our own
    return None if row is None else row[0]


def expire_segment(connection: sqlite3.Connection, before: int) -> bool:
    """Drop one segment that ends before a time, leaving what it comes to; false when there is none."""
    row = connection.execute(
        "SELECT id, samples, payload FROM segment WHERE t_last < ? ORDER BY id LIMIT 1", (before,)
    ).fetchone()
    if row is None:
        return False
    number, samples, payload = row
    connection.execute("DELETE FROM segment WHERE id = ?", (number,))
    count(connection, "expired", samples)
    try:
        parts = [chunk.columns() for chunk in chunks.read(payload)]
    except DamagedData:  # nothing can be said of what it came to
        return True
    for columns in gather(parts):
        # ids of blocks that never were keep the order of arrival
        last = summary_tables.last_block(connection)
        summary_tables.use_ids(connection, len(columns.points))
        ends = np.cumsum(columns.counts, dtype=np.intp)
        begins = ends - columns.counts
        points, firsts, lasts = columns.points.tolist(), columns.source_time[begins], columns.source_time[ends - 1]
        placed = [
            Placed(point, last + 1 + turn, first)
            for turn, (point, first) in enumerate(zip(points, begins.tolist(), strict=True))
        ]
        summary_tables.add(connection, columns, placed)
        widths = (lasts - firsts).tolist()
        connection.executemany(
            "UPDATE point SET span = max(span, ?), raw_since = max(coalesce(raw_since, 0), ?) WHERE id = ?",
            zip(widths, (lasts + 1).tolist(), points, strict=True),
        )
        slow = summary_tables.are_slow(columns.source_time, begins, ends)
        if not summary_tables.keeps_all_seconds(connection):
            connection.executemany(
                "UPDATE point SET second_since = max(coalesce(second_since, 0), ?) WHERE id = ?",
                [
                    (moment, point)
                    for moment, point, is_slow in zip(_next_second(lasts), points, slow.tolist(), strict=True)
                    if is_slow
                ],
            )
    return True


def _next_second(times: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[int]:
    return ((np.minimum(times, LATEST - TICKS_PER_SECOND) // TICKS_PER_SECOND + 1) * TICKS_PER_SECOND).tolist()


def expire_raw(connection: sqlite3.Connection, before: int, after_point: int) -> int | None:
    """Drop blocks that end before a time, of some points from ``after_point`` on; their summaries stay.

    Gives the point to go on with, None at the end.
    """
    left = _BLOCKS_AT_ONCE
    points = _points(connection, after_point)
    for point in points:
        gone = _expire_blocks(connection, point, before, left)
        left -= gone
        if left <= 0:
            return point - 1
    return points[-1] if points else None


def expire_summaries(
    connection: sqlite3.Connection, resolution: Resolution, before: int, after_point: int
) -> int | None:
    """Drop rows of a resolution that end before a time, as :func:`expire_raw` drops blocks."""
    points = _points(connection, after_point)
    for point in points:
        rows = connection.execute(
            "DELETE FROM summary WHERE point = ? AND resolution = ? AND t_first < ? AND t_last <= ?"
            " RETURNING t_last, length(payload)",
            (point, int(resolution), before, before - resolution.ticks),
        ).fetchall()
        if rows:
            count(connection, "summary_bytes", -sum(row[1] for row in rows))
            _since(connection, point, _SINCE[resolution], min(max(row[0] for row in rows) + resolution.ticks, LATEST))
    return points[-1] if points else None


def is_full(connection: sqlite3.Connection, retention: Retention, *, share: float = 1.0) -> bool:
    """Tell whether what is in use exceeds a share of what the file may hold; free pages are used again."""
    if retention.largest_bytes is None:
        return False
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    most = retention.largest_bytes - min(_LOG_BYTES, retention.largest_bytes // 4)
    return (pages - free) * size > most * share


def shrink(connection: sqlite3.Connection, retention: Retention, newest: int) -> bool:
    """Drop some of what there is; false when there is no more to do.

    Old values of changes by hand go first, but for a small part of the file; then what was damaged, the oldest raw
    blocks, the rest of the old values, seconds, minutes and hours.
    """
    if retention.largest_bytes is None or not is_full(connection, retention, share=1 - 1 / _STEPS):
        return False
    if _drop_modified(connection, retention.largest_bytes // _SPARED) or _drop_damaged(connection):
        return True
    oldest = connection.execute(
        "SELECT min((SELECT min(t_last) FROM block WHERE point = point.id)) FROM point"
    ).fetchone()[0]
    if oldest is not None:
        before = _cut(oldest, newest)
        left = _BLOCKS_AT_ONCE
        for point in _points(connection, 0, -1):
            left -= _expire_blocks(connection, point, before, left)
            if left <= 0:
                break
        return True
    return _drop_modified(connection, 0) or _drop_summaries(connection, newest)


def _drop_summaries(connection: sqlite3.Connection, newest: int) -> bool:
    """Drop some of the oldest seconds; when none are left, of minutes and hours. False: there are none."""
    for resolution in Resolution:
        oldest = connection.execute(
            "SELECT min((SELECT min(t_first) FROM summary WHERE point = point.id AND resolution = ?)) FROM point",
            (int(resolution),),
        ).fetchone()[0]
        if oldest is not None:
            before = total(connection, "summary_bytes")
            # a row of a slow point may reach beyond any step: then all of the resolution goes
            for cut in (_cut(oldest, newest) + WIDEST, _FOR_EVER):
                point: int | None = 0
                while point is not None:
                    point = expire_summaries(connection, resolution, cut, point)
                if total(connection, "summary_bytes") < before:
                    return True
    return False


def _drop_modified(connection: sqlite3.Connection, most: int) -> bool:
    """Drop some of the oldest changes by hand where all take more than ``most`` bytes."""
    gone = modified.keep_within(connection, most, steps=1)
    if gone:
        _log.warning("%d old values of changes by hand went: the history file is full", gone)
    return gone > 0


def _drop_damaged(connection: sqlite3.Connection) -> bool:
    """Drop the oldest of what was set aside because it is damaged; no sample can be read out of it."""
    return bool(
        connection.execute(
            "DELETE FROM damaged WHERE id IN (SELECT id FROM damaged ORDER BY id LIMIT 16) RETURNING id"
        ).fetchall()
    )


def _cut(oldest: int, newest: int) -> int:
    return min(oldest + 1 + max(0, newest - oldest) // _STEPS, LATEST - WIDEST)


def _points(connection: sqlite3.Connection, after: int, most: int = _POINTS_AT_ONCE) -> list[int]:
    rows = connection.execute("SELECT id FROM point WHERE id > ? ORDER BY id LIMIT ?", (after, most))
    return [row[0] for row in rows]


def _expire_blocks(connection: sqlite3.Connection, point: int, before: int, most: int) -> int:
    """Drop up to ``most`` blocks of a point that end before a time; gives how many."""
    rows: list[tuple[int, int, int, int, int]] = connection.execute(
        "SELECT id, t_first, t_last, samples, length(payload) FROM block WHERE point = ? AND t_last < ?"
        " ORDER BY t_last LIMIT ?",
        (point, before, most),
    ).fetchall()
    if not rows:
        return 0
    for number, *_ in rows:
        if summary_tables.is_older(connection, number):
            (payload,) = connection.execute("SELECT payload FROM block WHERE id = ?", (number,)).fetchone()
            summary_tables.add_older(connection, number, point, payload)
    connection.executemany("DELETE FROM block WHERE id = ?", [(row[0],) for row in rows])
    count(connection, "expired", sum(row[3] for row in rows))
    count(connection, "blocks", -len(rows))
    count(connection, "raw_bytes", -sum(row[4] for row in rows))
    _since(connection, point, "raw_since", rows[-1][2] + 1)
    for resolution in (Resolution.MINUTE, Resolution.HOUR):
        put_together(connection, point, resolution, [(row[0], row[1]) for row in rows])
    without = [row[2] for row in rows if not _has_seconds(connection, point, row[0], row[1])]
    if without:
        complete = (max(without) // TICKS_PER_SECOND + 1) * TICKS_PER_SECOND
        _since(connection, point, "second_since", min(complete, LATEST))
    return len(rows)


def _has_seconds(connection: sqlite3.Connection, point: int, block: int, first: int) -> bool:
    return (
        connection.execute(
            "SELECT 1 FROM summary WHERE point = ? AND resolution = 1 AND t_first = ? AND block = ?",
            (point, first // TICKS_PER_SECOND * TICKS_PER_SECOND, block),
        ).fetchone()
        is not None
    )


def _since(connection: sqlite3.Connection, point: int, column: str, moment: int) -> None:
    connection.execute(
        f"UPDATE point SET {column} = max(coalesce({column}, 0), ?) WHERE id = ?",  # noqa: S608 - names of our own
        (moment, point),
    )
