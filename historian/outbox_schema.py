"""The tables of the outbox's file (docs/reference/history-file.md, "outbox.sqlite")."""

from __future__ import annotations

from typing import Final

from historian.database import Schema

_LOSS: Final = """
CREATE TABLE loss (
    stream INTEGER NOT NULL REFERENCES stream(id), reason TEXT NOT NULL, records INTEGER NOT NULL,
    samples INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (stream, reason)) WITHOUT ROWID
"""

SCHEMA: Final = Schema(
    application_id=0x504C4F42,  # "PLOB"
    version=2,
    tables=frozenset({"origin", "point", "stream", "record", "sink", "dead", "loss"}),
    migrations=(_LOSS,),
    script=f"""
CREATE TABLE origin (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, first INTEGER NOT NULL);
CREATE TABLE point (id INTEGER PRIMARY KEY AUTOINCREMENT, node TEXT NOT NULL UNIQUE);
CREATE TABLE stream (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
    records INTEGER NOT NULL DEFAULT 0, samples INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0,
    accepted_samples INTEGER NOT NULL DEFAULT 0,
    lost_records INTEGER NOT NULL DEFAULT 0, lost_samples INTEGER NOT NULL DEFAULT 0);
CREATE TABLE record (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, stream INTEGER NOT NULL REFERENCES stream(id), time INTEGER NOT NULL,
    samples INTEGER NOT NULL, size INTEGER NOT NULL, checksum INTEGER NOT NULL, payload BLOB NOT NULL);
CREATE INDEX record_stream ON record (stream, sequence);
CREATE TABLE sink (
    name TEXT PRIMARY KEY, stream INTEGER NOT NULL REFERENCES stream(id), acknowledged INTEGER NOT NULL DEFAULT 0,
    acknowledged_samples INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE dead (
    sequence INTEGER NOT NULL, sink TEXT NOT NULL, time INTEGER NOT NULL, samples INTEGER NOT NULL,
    reason TEXT NOT NULL, payload BLOB NOT NULL, PRIMARY KEY (sink, sequence)) WITHOUT ROWID;
{_LOSS}
""",
)
