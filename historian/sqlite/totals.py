"""The file's running totals: counting millions of rows at a question takes seconds."""

from __future__ import annotations

import sqlite3


def count(connection: sqlite3.Connection, name: str, more: int) -> None:
    """Raise one of the file's running totals."""
    connection.execute("UPDATE total SET value = value + ? WHERE name = ?", (more, name))


def total(connection: sqlite3.Connection, name: str) -> int:
    """Read one of the file's running totals; 0 in a file of a version that does not have it."""
    row = connection.execute("SELECT value FROM total WHERE name = ?", (name,)).fetchone()
    return int(row[0]) if row is not None else 0


def put(connection: sqlite3.Connection, name: str, value: int) -> None:
    """Set one of them, where it is another."""
    connection.execute("UPDATE total SET value = ? WHERE name = ? AND value <> ?", (value, name, value))
