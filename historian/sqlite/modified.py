"""Old values of what was changed by hand: kept beside the samples, bounded, forgotten when asked."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from typing import Final

from historian import chunks
from historian.editing import Modification, UpdateKind
from historian.encoding import DamagedData
from historian.samples import Columns, join
from historian.sqlite import merge
from historian.sqlite.holdings import Moments, masked
from historian.sqlite.totals import count, put, total

_log = logging.getLogger("plantspace.historian")

_BYTES: Final = "length(payload) + length(user) + 120"
"""What a row takes, its places in the indexes included: about so much."""
_INSERT: Final = (
    "INSERT INTO modified (point, kind, time, user, t_first, t_last, samples, payload) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    " RETURNING length(payload) + length(user) + 120"
)
_TOTAL: Final = "modified_bytes"
_JOINED: Final = 256
"""Samples up to which a row takes in what the same call changes next: beyond, writing it again costs too much."""
_AT_ONCE: Final = 1000


def keep(connection: sqlite3.Connection, kind: UpdateKind, by: Modification, old: Sequence[Columns]) -> None:
    """Keep samples of one point as they were before a change, or as they were brought in.

    What one caller changes at one time, one value a call, shares rows.
    """
    for columns in join(old, by_time=True):
        whole = _with_the_last(connection, kind, by, columns)
        for first in range(0, len(whole), merge.LARGEST_BLOCK):
            part = whole.cut(first, min(first + merge.LARGEST_BLOCK, len(whole)))
            size = connection.execute(
                _INSERT,
                (int(part.points[0]), kind, by.time, by.user, *_ends(part), len(part), chunks.write([part])),
            ).fetchall()
            count(connection, _TOTAL, size[0][0])


def _with_the_last(connection: sqlite3.Connection, kind: UpdateKind, by: Modification, columns: Columns) -> Columns:
    """Take the newest row out where it is of the same change and small, and put its values before ``columns``."""
    row = connection.execute("SELECT id, point, kind, time, user, samples FROM modified ORDER BY id DESC LIMIT 1")
    for number, *same, samples in row.fetchall():
        if same != [int(columns.points[0]), int(kind), by.time, by.user] or samples + len(columns) > _JOINED:
            continue
        (payload,) = connection.execute("SELECT payload FROM modified WHERE id = ?", (number,)).fetchone()
        try:
            before = [chunk.columns() for chunk in chunks.read(payload)]
        except DamagedData:
            continue
        joined = join([*before, columns], by_time=True)
        if len(joined) == 1:
            _removed(connection, "id = ?", (number,))
            return joined[0]
    return columns


def count_bytes(connection: sqlite3.Connection) -> None:
    """Begin the running total of what old values take, in a file that has none yet."""
    if connection.execute("SELECT 1 FROM total WHERE name = ?", (_TOTAL,)).fetchone() is None:
        connection.execute(
            f"INSERT INTO total SELECT ?, coalesce(sum({_BYTES}), 0) FROM modified",  # noqa: S608 - names of our own
            (_TOTAL,),
        )


def keep_within(connection: sqlite3.Connection, most: int, *, steps: int | None = None) -> int:
    """Drop the oldest changes while all take more than ``most`` bytes; gives how many values were in them.

    ``steps``: how many times up to a thousand rows at most; None: until they fit.
    """
    gone = 0
    while (surplus := total(connection, _TOTAL) - most) > 0 and steps != 0:
        steps = None if steps is None else steps - 1
        rows = connection.execute(
            f"SELECT id, samples, {_BYTES} FROM modified ORDER BY id LIMIT ?",  # noqa: S608 - names of our own
            (_AT_ONCE,),
        ).fetchall()
        if not rows:
            put(connection, _TOTAL, 0)
            break
        for number, samples, size in rows:
            if surplus <= 0:
                break
            surplus -= size
            gone += samples
            _removed(connection, "id = ?", (number,))
    return gone


def _removed(connection: sqlite3.Connection, which: str, arguments: Sequence[int]) -> int:
    """Remove rows; gives how many values were in them."""
    rows = connection.execute(f"DELETE FROM modified WHERE {which} RETURNING samples, {_BYTES}", arguments).fetchall()  # noqa: S608 - names of our own
    if rows:
        count(connection, _TOTAL, -sum(size for _, size in rows))
    return sum(samples for samples, _ in rows)


def forget(connection: sqlite3.Connection, point: int, moments: Moments) -> int:
    """Remove old values from ``moments.low`` to ``moments.high``; gives how many there were."""
    gone = _removed(connection, "point = ? AND t_first >= ? AND t_last <= ?", (point, moments.low, moments.high))
    rows = connection.execute(
        "SELECT id, samples, payload FROM modified WHERE point = ? AND t_first <= ? AND t_last >= ?",
        (point, moments.high, moments.low),
    ).fetchall()
    for number, samples, payload in rows:
        try:
            parts = [chunk.columns() for chunk in chunks.read(payload)]
        except DamagedData as error:
            _log.error("%d old values of the history file are damaged and were removed: %s", samples, error)
            parts = []
        left = [masked(part, kept) for part in parts if (kept := ~moments.among(part.source_time)).any()]
        gone += samples - sum(map(len, left))
        if not left:
            _removed(connection, "id = ?", (number,))
        elif sum(map(len, left)) < samples:
            first, last = min(_ends(part)[0] for part in left), max(_ends(part)[1] for part in left)
            written = chunks.write(left)
            connection.execute(
                "UPDATE modified SET t_first = ?, t_last = ?, samples = ?, payload = ? WHERE id = ?",
                (first, last, sum(map(len, left)), written, number),
            )
            count(connection, _TOTAL, len(written) - len(payload))
    return gone


def expire(connection: sqlite3.Connection, before: int) -> None:
    """Drop old values that end before a time (ticks): they go with the samples they once were."""
    _removed(connection, "t_last < ?", (before,))


def _ends(columns: Columns) -> tuple[int, int]:
    return int(columns.source_time.min()), int(columns.source_time.max())
