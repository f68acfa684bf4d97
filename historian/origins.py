"""Which opening of the outbox gave a sequence number out.

A file brought back from a backup goes on counting where the backup stood and gives numbers out a second time. So a
sequence alone names no record: stores remember it together with its *origin*, a random name that each opening of the
outbox gives to what it will accept (docs/decisions/0004-outbox-and-store.md).
"""

from __future__ import annotations

import sqlite3
import uuid
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """One opening: its name, and the first and last sequence that it could give out; None while it still does."""

    name: str
    first: int
    last: int | None


@dataclass(frozen=True, slots=True)
class Origins:
    """The openings of which records may still be there, oldest first; the last one is the present."""

    all: tuple[Origin, ...]

    def of(self, sequence: int) -> str:
        """Name the origin of a sequence."""
        place = bisect_right(self.all, sequence, key=lambda origin: origin.first) - 1
        return self.all[max(place, 0)].name


def begin(connection: sqlite3.Connection) -> Origins:
    """Begin a new origin, inside a transaction, and forget those of which nothing is left but the one before."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'record'").fetchone()
    first = (int(row[0]) if row is not None else 0) + 1
    connection.execute("INSERT INTO origin (name, first) VALUES (?, ?)", (uuid.uuid4().hex, first))
    oldest = connection.execute("SELECT min(sequence) FROM record").fetchone()[0]
    rows = connection.execute("SELECT id, name, first FROM origin ORDER BY id").fetchall()
    needed = len(rows) - 2
    if oldest is not None:
        needed = min(needed, bisect_right(rows, oldest, key=lambda row: row[2]) - 1)
    kept = rows[max(needed, 0) :]
    connection.execute("DELETE FROM origin WHERE id < ?", (kept[0][0],))
    return Origins(tuple(_numbered([(name, start) for _, name, start in kept])))


def _numbered(starts: Sequence[tuple[str, int]]) -> list[Origin]:
    ends: list[int | None] = [start - 1 for _, start in starts[1:]]
    return [Origin(name, first, last) for (name, first), last in zip(starts, [*ends, None], strict=True)]
