"""The SQLite history store."""

from __future__ import annotations

from historian.sqlite.store import SQLiteReader, SQLiteStore

__all__ = ["SQLiteReader", "SQLiteStore"]
