"""The tables of the file of events (docs/reference/history-file.md, "events.sqlite")."""

from __future__ import annotations

from typing import Final

from historian.database import Schema

SCHEMA: Final = Schema(
    application_id=0x504C4556,  # "PLEV"
    version=1,
    tables=frozenset({"applied", "total", "node", "shape", "event"}),
    script="""
CREATE TABLE applied (
    id INTEGER PRIMARY KEY AUTOINCREMENT, origin TEXT NOT NULL UNIQUE, sequence INTEGER NOT NULL);
CREATE TABLE total (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO total VALUES ('appended', 0), ('expired', 0), ('events', 0), ('bytes', 0);
CREATE TABLE node (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL UNIQUE, is_source INTEGER NOT NULL);
CREATE TABLE shape (id INTEGER PRIMARY KEY AUTOINCREMENT, paths TEXT NOT NULL UNIQUE);
CREATE TABLE event (
    id INTEGER PRIMARY KEY AUTOINCREMENT, event_id BLOB NOT NULL UNIQUE,
    time INTEGER NOT NULL, ordinal INTEGER NOT NULL,
    source INTEGER NOT NULL REFERENCES node(id), kind INTEGER NOT NULL REFERENCES node(id), severity INTEGER NOT NULL,
    shape INTEGER NOT NULL REFERENCES shape(id), payload BLOB NOT NULL);
CREATE UNIQUE INDEX event_time ON event (time, ordinal, source);
CREATE INDEX event_source ON event (source, time, ordinal)
""",
)
