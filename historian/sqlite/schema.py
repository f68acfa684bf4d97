"""The tables of the history file (docs/reference/history-file.md, "history.sqlite")."""

from __future__ import annotations

from typing import Final

from historian.database import Schema

_EDITS: Final = """
CREATE TABLE modified (
    id INTEGER PRIMARY KEY AUTOINCREMENT, point INTEGER NOT NULL REFERENCES point(id), kind INTEGER NOT NULL,
    time INTEGER NOT NULL, user TEXT NOT NULL, t_first INTEGER NOT NULL, t_last INTEGER NOT NULL,
    samples INTEGER NOT NULL, payload BLOB NOT NULL);
CREATE INDEX modified_first ON modified (point, t_first);
CREATE INDEX modified_last ON modified (t_last);
INSERT INTO total VALUES ('edited', 0)
"""
"""Old values of what was changed by hand; ``edited``: samples that came by hand less those that went so."""

_SUMMARIES: Final = """
CREATE TABLE summary (
    point INTEGER NOT NULL, resolution INTEGER NOT NULL, t_first INTEGER NOT NULL, block INTEGER NOT NULL,
    t_last INTEGER NOT NULL, buckets INTEGER NOT NULL, payload BLOB NOT NULL,
    PRIMARY KEY (point, resolution, t_first, block)) WITHOUT ROWID;
ALTER TABLE point ADD COLUMN raw_since INTEGER;
ALTER TABLE point ADD COLUMN second_since INTEGER;
ALTER TABLE point ADD COLUMN minute_since INTEGER;
ALTER TABLE point ADD COLUMN hour_since INTEGER;
INSERT INTO total VALUES
    ('blocks', 0), ('raw_bytes', 0), ('summary_bytes', 0), ('summarised', 0), ('all_seconds', 0);
INSERT INTO total SELECT 'unsummarised', coalesce(max(id), 0) FROM block
"""
"""What blocks come to by seconds, minutes and hours, and from when on each is complete.

Blocks with an id above ``summarised`` up to ``unsummarised`` come from a file of version 1: they have no rows in
``summary`` and are in no total yet.
"""

SCHEMA: Final = Schema(
    application_id=0x504C4849,  # "PLHI"
    version=2,
    tables=frozenset({"point", "applied", "total", "segment", "block", "damaged", "modified", "summary"}),
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
    payload BLOB NOT NULL);
"""
    + _EDITS
    + ";"
    + _SUMMARIES,
    migrations=(_EDITS + ";" + _SUMMARIES,),
)
