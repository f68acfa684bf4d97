"""What the store of events writes; each function runs inside one transaction of the writer's thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from core.quality import Status
from historian.editing import UpdateKind
from historian.events import records
from historian.events.contract import EventDelivery, StoredEvent

PATHS_END: Final = "\n"
"""Ends each path of a shape; the text of a path has none (docs/reference/history-file.md, "Event")."""
ROW_BYTES: Final = 120
"""What a row takes beside its EventId and its fields, its places in the indexes included: about so much."""
_ORIGINS_KEPT: Final = 10_000
_REMOVED_AT_ONCE: Final = 200


class _Names:
    """Ids of nodes and shapes, new ones where they have none; good for one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._nodes: dict[tuple[str, bool], int] = {}
        self._shapes: dict[str, int] = {}

    def node(self, text: str, *, is_source: bool) -> int:
        known = self._nodes.get((text, is_source))
        if known is None:
            self._connection.execute(
                "INSERT INTO node (text, is_source) VALUES (?1, ?2)"
                " ON CONFLICT (text) DO UPDATE SET is_source = 1 WHERE is_source < ?2",
                (text, int(is_source)),
            )
            row = self._connection.execute("SELECT id FROM node WHERE text = ?", (text,)).fetchone()
            known = self._nodes[text, is_source] = int(row[0])
        return known

    def shape(self, paths: str) -> int:
        known = self._shapes.get(paths)
        if known is None:
            self._connection.execute("INSERT OR IGNORE INTO shape (paths) VALUES (?)", (paths,))
            row = self._connection.execute("SELECT id FROM shape WHERE paths = ?", (paths,)).fetchone()
            known = self._shapes[paths] = int(row[0])
        return known


def append(connection: sqlite3.Connection, deliveries: Sequence[EventDelivery], origin: str) -> int:
    """Add what is new of ``deliveries``; gives how many bytes are kept now."""
    before = applied(connection, origin)
    new = [delivery for delivery in deliveries if delivery.sequence > before]
    names = _Names(connection)
    for delivery in new:
        for event in delivery.events:
            if _row(connection, event.event_id) is None:
                _insert(connection, names, event)
    if new:
        done = connection.execute("UPDATE applied SET sequence = ? WHERE origin = ?", (new[-1].sequence, origin))
        if not done.rowcount:
            connection.execute("INSERT INTO applied (origin, sequence) VALUES (?, ?)", (origin, new[-1].sequence))
            connection.execute("DELETE FROM applied WHERE id <= (SELECT max(id) FROM applied) - ?", (_ORIGINS_KEPT,))
    return total(connection, "bytes")


def applied(connection: sqlite3.Connection, origin: str) -> int:
    """Read the highest sequence kept from an origin; 0 for an unknown one."""
    row = connection.execute("SELECT sequence FROM applied WHERE origin = ?", (origin,)).fetchone()
    return int(row[0]) if row is not None else 0


def total(connection: sqlite3.Connection, name: str) -> int:
    """Read one of the file's running totals."""
    return int(connection.execute("SELECT value FROM total WHERE name = ?", (name,)).fetchone()[0])


def update(connection: sqlite3.Connection, events: Sequence[StoredEvent], kind: UpdateKind, oldest: int) -> list[int]:
    """Insert, replace or update events; gives a StatusCode each. ``oldest``: ticks; what is older would expire."""
    names = _Names(connection)
    statuses: list[int] = []
    for event in events:
        row = _row(connection, event.event_id)
        if row is None and kind is UpdateKind.REPLACE:
            statuses.append(Status.BAD_NO_ENTRY_EXISTS)
        elif row is not None and kind is UpdateKind.INSERT:
            statuses.append(Status.BAD_ENTRY_EXISTS)
        elif event.time < oldest:
            statuses.append(Status.BAD_OUT_OF_RANGE)
        else:
            if row is not None:
                _remove(connection, [row])
            _insert(connection, names, event, is_new=row is None)
            statuses.append(Status.GOOD_ENTRY_INSERTED if row is None else Status.GOOD_ENTRY_REPLACED)
    return statuses


def delete(connection: sqlite3.Connection, event_ids: Sequence[bytes]) -> list[int]:
    """Delete events; gives Good or BadEventIdUnknown each."""
    statuses: list[int] = []
    for event_id in event_ids:
        row = _row(connection, event_id)
        statuses.append(Status.BAD_EVENT_ID_UNKNOWN if row is None else Status.GOOD)
        if row is not None:
            _remove(connection, [row])
    return statuses


def expire(connection: sqlite3.Connection, before: int, largest: int) -> bool:
    """Drop some of the oldest events that are older than ``before`` (ticks), or beyond ``largest`` bytes.

    Gives whether there may be more to drop.
    """
    rows = connection.execute("SELECT id, time FROM event ORDER BY time, ordinal LIMIT ?", (_REMOVED_AT_ONCE,))
    surplus = total(connection, "bytes") - largest
    gone: list[int] = []
    for row, time in rows.fetchall():
        if time >= before and surplus <= 0:
            break
        gone.append(row)
        surplus -= _remove(connection, [row])
    if gone:
        _count(connection, "expired", len(gone))
    return len(gone) == _REMOVED_AT_ONCE


def _row(connection: sqlite3.Connection, event_id: bytes) -> int | None:
    row = connection.execute("SELECT id FROM event WHERE event_id = ?", (event_id,)).fetchone()
    return None if row is None else int(row[0])


def _insert(connection: sqlite3.Connection, names: _Names, event: StoredEvent, *, is_new: bool = True) -> None:
    payload = records.write_values(event.fields.values())
    paths = "".join([path + PATHS_END for path in event.fields])
    connection.execute(
        "INSERT INTO event (event_id, time, ordinal, source, kind, severity, shape, payload) VALUES"
        " (?1, ?2, (SELECT coalesce(max(ordinal), -1) + 1 FROM event WHERE time = ?2), ?3, ?4, ?5, ?6, ?7)",
        (
            event.event_id,
            event.time,
            names.node(event.source, is_source=True),
            names.node(event.kind, is_source=False),
            event.severity,
            names.shape(paths),
            payload,
        ),
    )
    _count(connection, "events", 1)
    _count(connection, "bytes", len(event.event_id) + len(payload) + ROW_BYTES)
    if is_new:
        _count(connection, "appended", 1)


def _remove(connection: sqlite3.Connection, rows: Sequence[int]) -> int:
    """Remove rows; gives how many bytes they had."""
    size = 0
    for row in rows:
        removed = connection.execute(
            "DELETE FROM event WHERE id = ? RETURNING length(event_id) + length(payload)", (row,)
        ).fetchall()
        size += sum(int(one[0]) + ROW_BYTES for one in removed)
    _count(connection, "events", -len(rows))
    _count(connection, "bytes", -size)
    return size


def _count(connection: sqlite3.Connection, name: str, more: int) -> None:
    connection.execute("UPDATE total SET value = value + ? WHERE name = ?", (more, name))
