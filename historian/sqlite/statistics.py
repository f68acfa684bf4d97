"""Sizes of a history file, out of running totals and the ends of indexes."""

from __future__ import annotations

import sqlite3

from historian.contract import StoreStatistics


def measure(connection: sqlite3.Connection, size: int) -> StoreStatistics:
    """Measure a file of ``size`` bytes; blocks of a file of version 1 count once they have their summaries."""
    total: dict[str, int] = dict(connection.execute("SELECT name, value FROM total"))
    points, segments, segment_bytes = connection.execute(
        "SELECT (SELECT count(*) FROM point), count(*), coalesce(sum(length(payload)), 0) FROM segment"
    ).fetchone()
    oldest = connection.execute(
        "SELECT min(t) FROM (SELECT min(t_first) AS t FROM segment UNION ALL"
        " SELECT (SELECT min(t_first) FROM block WHERE point = point.id) FROM point)"
    ).fetchone()[0]
    appended, expired, damaged = total["appended"], total["expired"], total["damaged"]
    return StoreStatistics(
        points,
        appended - expired - damaged + total.get("edited", 0),
        appended,
        expired,
        damaged,
        segments,
        total.get("blocks", 0),
        size,
        raw_bytes=total.get("raw_bytes", 0) + segment_bytes,
        summary_bytes=total.get("summary_bytes", 0),
        oldest_raw=oldest,
    )
