"""What waits in the outbox for each of its sinks."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SinkBacklog:
    """What a sink has not acknowledged. ``oldest``: when the oldest of it was accepted (ticks), None for nothing."""

    records: int
    samples: int
    bytes: int
    oldest: int | None


def backlogs(connection: sqlite3.Connection) -> dict[str, SinkBacklog]:
    """Read the backlog of every sink.

    Of a stream with one sink the stream's own counts are the backlog: there may be a million records, and counting them
    takes long.
    """
    sinks = connection.execute(
        "SELECT k.name, s.id, k.acknowledged, s.records, s.samples, s.bytes,"
        " (SELECT count(*) FROM sink o WHERE o.stream = s.id) FROM sink k JOIN stream s ON s.id = k.stream"
    ).fetchall()
    found: dict[str, SinkBacklog] = {}
    for name, stream, acknowledged, *of_stream, shared_by in sinks:
        held = _counted(connection, stream, acknowledged) if shared_by > 1 else of_stream
        first = connection.execute(
            "SELECT time FROM record WHERE stream = ? AND sequence > ? ORDER BY sequence LIMIT 1",
            (stream, acknowledged),
        ).fetchone()
        records, samples, size = held
        found[name] = SinkBacklog(records, samples, size, None if first is None else first[0])
    return found


def _counted(connection: sqlite3.Connection, stream: int, after: int) -> list[int]:
    """Count records, samples and bytes of a stream after a sequence."""
    row: tuple[int, int, int] = connection.execute(
        "SELECT count(*), coalesce(sum(samples), 0), coalesce(sum(size), 0) FROM record"
        " WHERE stream = ? AND sequence > ?",
        (stream, after),
    ).fetchone()
    return list(row)
