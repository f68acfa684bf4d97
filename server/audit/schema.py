"""The tables of the trail's file, and what keeps others from changing them by mistake."""

from __future__ import annotations

import sqlite3
from typing import Final

from historian.database import Schema

TRAIL_FILE: Final = "audit.sqlite"
HEAD_FILE: Final = "audit.head"
SCHEMA: Final = Schema(
    application_id=0x504C4155,  # "PLAU"
    version=1,
    tables=frozenset({"record", "cut"}),
    script="""
CREATE TABLE record (sequence INTEGER PRIMARY KEY, time INTEGER NOT NULL, hash BLOB NOT NULL, record BLOB NOT NULL);
CREATE INDEX record_time ON record (time);
CREATE TABLE cut (through INTEGER PRIMARY KEY, hash BLOB NOT NULL)
""",
)
_REFUSE: Final = "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END"
_TRIGGERS: Final = {
    "record_update": "BEFORE UPDATE ON record",
    "record_delete": "BEFORE DELETE ON record WHEN OLD.sequence > coalesce((SELECT max(through) FROM cut), -1)",
    "record_insert": (
        "BEFORE INSERT ON record WHEN NEW.sequence <> coalesce((SELECT max(sequence) FROM record), -1) + 1"
    ),
    "cut_update": "BEFORE UPDATE ON cut",
    "cut_delete": "BEFORE DELETE ON cut",
    "cut_insert": "BEFORE INSERT ON cut WHEN NEW.through <= coalesce((SELECT max(through) FROM cut), -1)",
}
"""What each refuses. Those on INSERT also see INSERT OR REPLACE, which would go past those on DELETE."""


def make_triggers(connection: sqlite3.Connection) -> None:
    """Make those that are not there. Raises :class:`sqlite3.Error`."""
    for name, refused in _TRIGGERS.items():
        connection.execute(f"CREATE TRIGGER IF NOT EXISTS {name} {refused} {_REFUSE}")


def missing_triggers(connection: sqlite3.Connection) -> list[str]:
    """Name the triggers that are not there, or not as they should be. Raises :class:`sqlite3.Error`."""
    found = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall())
    return [
        name for name, refused in _TRIGGERS.items() if found.get(name) != f"CREATE TRIGGER {name} {refused} {_REFUSE}"
    ]
