"""The tables of the history file (docs/reference/history-file.md, "history.sqlite")."""

from __future__ import annotations

from typing import Final

from historian.database import Schema

SCHEMA: Final = Schema(
    application_id=0x504C4849,  # "PLHI"
    version=1,
    tables=frozenset({"point", "applied", "total", "segment", "block", "damaged"}),
    script="""
CREATE TABLE point (id INTEGER PRIMARY KEY AUTOINCREMENT, node TEXT NOT NULL UNIQUE, span INTEGER NOT NULL DEFAULT 0);
CREATE TABLE applied (
    id INTEGER PRIMARY KEY AUTOINCREMENT, origin TEXT NOT NULL UNIQUE, sequence INTEGER NOT NULL);
CREATE TABLE total (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO total VALUES ('appended', 0), ('expired', 0), ('damaged', 0);
CREATE TABLE segment (
    id INTEGER PRIMARY KEY AUTOINCREMENT, level INTEGER NOT NULL, shard INTEGER NOT NULL,
    t_first INTEGER NOT NULL, t_last INTEGER NOT NULL, samples INTEGER NOT NULL, payload BLOB NOT NULL);
CREATE INDEX segment_level ON segment (level, shard, samples);
CREATE INDEX segment_shard ON segment (shard, t_first, t_last);
CREATE TABLE block (
    id INTEGER PRIMARY KEY AUTOINCREMENT, point INTEGER NOT NULL REFERENCES point(id),
    t_first INTEGER NOT NULL, t_last INTEGER NOT NULL, samples INTEGER NOT NULL, payload BLOB NOT NULL);
CREATE INDEX block_first ON block (point, t_first);
CREATE INDEX block_last ON block (point, t_last);
CREATE TABLE damaged (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, samples INTEGER NOT NULL, reason TEXT NOT NULL,
    payload BLOB NOT NULL)
""",
)
