"""What the outbox does to its tables; each function runs inside one transaction of the writer's thread."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from historian.contract import Record

_DEAD_KEPT: Final = 10_000
"""Records set aside that are kept a sink; the oldest go first."""
_NO_LAST: Final = (1 << 63) - 1
"""Above every sequence."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Records that had to be dropped before every sink had them.

    ``first``, ``last``: when the oldest and the newest of them had been accepted, DateTime ticks. ``shares``: whose the
    samples were, where the outbox was told how to find that out. ``through``: the last one's sequence; in a stream the
    oldest go first, so nothing before it is held any more.
    """

    stream: str
    records: int
    samples: int
    reason: str
    first: int
    last: int
    shares: Mapping[str, int] = field(default_factory=dict[str, int], compare=False)
    through: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class StreamStatistics:
    """One stream: what waits now, and in samples what was ever accepted and lost."""

    records: int
    samples: int
    bytes: int
    accepted_samples: int
    lost_records: int
    lost_samples: int


@dataclass(frozen=True, slots=True)
class SinkStatistics:
    """One sink: how far it is, what it took, and what was set aside as undeliverable."""

    stream: str
    acknowledged: int
    acknowledged_samples: int
    dead: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a sink had not acknowledged."""

    records: int
    samples: int
    bytes: int


def points_by_id(connection: sqlite3.Connection) -> dict[int, str]:
    """Read the whole point dictionary."""
    return dict(connection.execute("SELECT id, node FROM point"))


def name_points(connection: sqlite3.Connection, nodes: Sequence[str]) -> list[int]:
    """Give each node its id, a new one where it has none."""
    connection.executemany("INSERT OR IGNORE INTO point (node) VALUES (?)", [(node,) for node in nodes])
    query = "SELECT id FROM point WHERE node = ?"
    return [connection.execute(query, (node,)).fetchone()[0] for node in nodes]


def stream_id(connection: sqlite3.Connection, name: str) -> int:
    """Give a stream its id, a new one where it has none."""
    query = "SELECT id FROM stream WHERE name = ?"
    row = connection.execute(query, (name,)).fetchone()
    if row is None:
        connection.execute("INSERT INTO stream (name) VALUES (?)", (name,))
        row = connection.execute(query, (name,)).fetchone()
    return int(row[0])


def append(connection: sqlite3.Connection, stream: str, payload: bytes, samples: int, moment: int) -> tuple[int, int]:
    """Add a record; gives its sequence, and that of the one before it in its stream, 0 where none is held."""
    number = stream_id(connection, stream)
    before = connection.execute("SELECT max(sequence) FROM record WHERE stream = ?", (number,)).fetchone()[0]
    done = connection.execute(
        "INSERT INTO record (stream, time, samples, size, checksum, payload) VALUES (?, ?, ?, ?, ?, ?)",
        (number, moment, samples, len(payload), zlib.crc32(payload), payload),
    )
    connection.execute(
        "UPDATE stream SET records = records + 1, samples = samples + ?, bytes = bytes + ?,"
        " accepted_samples = accepted_samples + ? WHERE id = ?",
        (samples, len(payload), samples, number),
    )
    if done.lastrowid is None:
        message = "SQLite gave no rowid"
        raise sqlite3.InternalError(message)
    return done.lastrowid, before or 0


def read(connection: sqlite3.Connection, stream: str, after: int, limit: int) -> list[Record]:
    """Read records after a sequence until ``limit`` bytes are reached; at least one where there is one."""
    rows = connection.execute(
        "SELECT r.sequence, r.time, r.samples, r.payload, r.checksum FROM record r"
        " WHERE r.stream = (SELECT id FROM stream WHERE name = ?) AND r.sequence > ? ORDER BY r.sequence",
        (stream, after),
    )
    records: list[Record] = []
    taken = 0
    for sequence, moment, samples, payload, checksum in rows:
        records.append(Record(sequence, moment, samples, payload, zlib.crc32(payload) != checksum))
        taken += len(payload)
        if taken >= limit:
            break
    rows.close()
    return records


def newest(connection: sqlite3.Connection) -> dict[str, int]:
    """Read the sequence of each stream's newest record; a stream that holds none is not named."""
    return dict(
        connection.execute(
            "SELECT s.name, max(r.sequence) FROM record r JOIN stream s ON s.id = r.stream GROUP BY s.id"
        )
    )


def register(connection: sqlite3.Connection, sink: str, stream: str) -> int:
    """Make a sink known; gives how far it is. One that moved to another stream begins there anew."""
    number = stream_id(connection, stream)
    connection.execute("DELETE FROM sink WHERE name = ? AND stream <> ?", (sink, number))
    connection.execute("INSERT OR IGNORE INTO sink (name, stream) VALUES (?, ?)", (sink, number))
    return int(connection.execute("SELECT acknowledged FROM sink WHERE name = ?", (sink,)).fetchone()[0])


def _unregister(connection: sqlite3.Connection, sink: str) -> Backlog:
    """Forget a sink, and what waited for it alone; gives all that it had not acknowledged."""
    row = connection.execute("SELECT stream, acknowledged FROM sink WHERE name = ?", (sink,)).fetchone()
    if row is None:
        return Backlog(0, 0, 0)
    backlog = Backlog(*_held(connection, row[0], row[1], _NO_LAST))
    connection.execute("DELETE FROM sink WHERE name = ?", (sink,))
    _prune(connection, row[0])
    return backlog


def keep_only(connection: sqlite3.Connection, sinks: Collection[str]) -> dict[str, Backlog]:
    """Forget every sink that is not one of ``sinks``; gives what each had not acknowledged."""
    known = [row[0] for row in connection.execute("SELECT name FROM sink ORDER BY name").fetchall()]
    return {name: _unregister(connection, name) for name in known if name not in sinks}


def acknowledge(connection: sqlite3.Connection, sink: str, sequence: int) -> None:
    """Move a sink's cursor forward and drop what every sink of its stream has.

    Raises :class:`KeyError` for an unknown sink.
    """
    row = connection.execute("SELECT stream, acknowledged FROM sink WHERE name = ?", (sink,)).fetchone()
    if row is None:
        raise KeyError(sink)
    stream, before = row
    if sequence <= before:
        return
    (samples,) = connection.execute(
        "SELECT coalesce(sum(samples), 0) FROM record WHERE stream = ? AND sequence > ? AND sequence <= ?",
        (stream, before, sequence),
    ).fetchone()
    connection.execute(
        "UPDATE sink SET acknowledged = ?, acknowledged_samples = acknowledged_samples + ? WHERE name = ?",
        (sequence, samples, sink),
    )
    _prune(connection, stream)


def set_aside(connection: sqlite3.Connection, sink: str, record: Record, reason: str) -> None:
    """Keep a record that a sink can never take where a person can look at it."""
    connection.execute(
        "INSERT OR REPLACE INTO dead (sequence, sink, time, samples, reason, payload) VALUES (?, ?, ?, ?, ?, ?)",
        (record.sequence, sink, record.time, record.samples, reason, record.payload),
    )
    connection.execute(
        "DELETE FROM dead WHERE sink = ?1 AND sequence <="
        " (SELECT sequence FROM dead WHERE sink = ?1 ORDER BY sequence DESC LIMIT 1 OFFSET ?2)",
        (sink, _DEAD_KEPT),
    )


def statistics(connection: sqlite3.Connection) -> tuple[dict[str, StreamStatistics], dict[str, SinkStatistics]]:
    """Read what is counted, by stream and by sink."""
    streams = {
        row[0]: StreamStatistics(*row[1:])
        for row in connection.execute(
            "SELECT name, records, samples, bytes, accepted_samples, lost_records, lost_samples FROM stream"
        )
    }
    sinks = {
        row[0]: SinkStatistics(*row[1:])
        for row in connection.execute(
            "SELECT k.name, s.name, k.acknowledged, k.acknowledged_samples,"
            " (SELECT count(*) FROM dead d WHERE d.sink = k.name) FROM sink k JOIN stream s ON s.id = k.stream"
        )
    }
    return streams, sinks


def _held(connection: sqlite3.Connection, stream: int, after: int, last: int) -> tuple[int, int, int]:
    """Count records, samples and bytes of a stream's records after a sequence up to another one."""
    records, samples, size = connection.execute(
        "SELECT count(*), coalesce(sum(samples), 0), coalesce(sum(size), 0) FROM record"
        " WHERE stream = ? AND sequence > ? AND sequence <= ?",
        (stream, after, last),
    ).fetchone()
    return records, samples, size


def _prune(connection: sqlite3.Connection, stream: int) -> None:
    """Drop what every sink of a stream has: everything where its last sink was forgotten."""
    (last,) = connection.execute(
        "SELECT coalesce(min(acknowledged), ?) FROM sink WHERE stream = ?", (_NO_LAST, stream)
    ).fetchone()
    records, samples, size = _held(connection, stream, 0, last)
    if records:
        connection.execute("DELETE FROM record WHERE stream = ? AND sequence <= ?", (stream, last))
        connection.execute(
            "UPDATE stream SET records = records - ?, samples = samples - ?, bytes = bytes - ? WHERE id = ?",
            (records, samples, size, stream),
        )
