"""How long records are kept, and removing older ones so that the chain can still be verified."""

from __future__ import annotations

import sqlite3
from typing import Final

from core.time import TICKS_PER_SECOND, to_iso
from server.audit.retention_rule import Retention
from server.audit.trail_records import RecordsCut

PER_CUT: Final = 10_000
"""Records that are removed at a time: the writer is not held up for long."""
_ALWAYS_KEPT: Final = 100
_FILLED: Final = 0.9
"""Of the largest size: that much is left by a cut, so that not every batch cuts anew."""


def due(connection: sqlite3.Connection, retention: Retention, now: int) -> RecordsCut | None:
    """Give the cut that is due, or None. ``now``: DateTime ticks. Raises :class:`sqlite3.Error`."""
    first, last = connection.execute("SELECT min(sequence), max(sequence) FROM record").fetchone()
    if first is None:
        return None
    through, reason = _too_old(connection, retention, now, first, last)
    by_size = _too_many(connection, retention, first, last)
    if by_size > through:
        through, reason = by_size, f"the trail had grown beyond {retention.size >> 20} MiB"
    through = min(through, first + PER_CUT - 1, last - _ALWAYS_KEPT)
    if through < first:
        return None
    ((continues,),) = connection.execute("SELECT hash FROM record WHERE sequence = ?", (through,)).fetchall()
    message = f"records {first} to {through} were removed: {reason}"
    return RecordsCut(message=message, through=through, continues=continues)


def cut_off(connection: sqlite3.Connection, cut: RecordsCut) -> None:
    """Remove what a cut says; the record of it has been chained in the same transaction. Raises sqlite3.Error."""
    connection.execute("INSERT INTO cut VALUES (?, ?)", (cut.through, cut.continues))
    connection.execute("DELETE FROM record WHERE sequence <= ?", (cut.through,))


def _too_old(connection: sqlite3.Connection, retention: Retention, now: int, first: int, last: int) -> tuple[int, str]:
    """Give the last of those at the beginning that are all too old."""
    oldest = now - round(retention.age * TICKS_PER_SECOND)
    # in the order of the chain, not of time: a clock that was set back leaves no gaps
    found = connection.execute(
        "SELECT sequence FROM record NOT INDEXED WHERE time >= ? ORDER BY sequence LIMIT 1", (oldest,)
    ).fetchone()
    young = last + 1 if found is None else found[0]
    return (young - 1, f"they were from before {to_iso(oldest)}") if young > first else (-1, "")


def _too_many(connection: sqlite3.Connection, retention: Retention, first: int, last: int) -> int:
    """Give the last one of as many as must go for the file to be small enough."""
    pages, free, page = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    used = (pages - free) * page
    if used <= retention.size:
        return -1
    return first + round((last - first + 1) * (1 - _FILLED * retention.size / used)) - 1
