"""The file of users and roles: SQLite, for its owner alone. It is never begun anew by itself when it is damaged."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from core.durable_files import settle_folder, write_again
from server.users.errors import UserStoreError

FILE_NAME: Final = "users.sqlite"
_APPLICATION_ID: Final = 0x504C_5355  # "PLSU"
_VERSION: Final = 1
_LOCK_WAIT: Final = 5.0
_SCHEMA: Final = """
CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    secret TEXT NOT NULL,
    options INTEGER NOT NULL,
    description TEXT NOT NULL,
    expires INTEGER,
    made INTEGER NOT NULL,
    password_changed INTEGER NOT NULL,
    released INTEGER NOT NULL
) STRICT;
CREATE TABLE user_sources (
    user INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    source TEXT NOT NULL,
    seen INTEGER NOT NULL,
    PRIMARY KEY (user, source)
) STRICT, WITHOUT ROWID;
CREATE TABLE roles (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    applications_exclude INTEGER NOT NULL,
    endpoints_exclude INTEGER NOT NULL
) STRICT;
CREATE TABLE role_identities (
    role INTEGER NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    criterion INTEGER NOT NULL,
    criteria TEXT NOT NULL,
    PRIMARY KEY (role, place)
) STRICT, WITHOUT ROWID;
CREATE TABLE role_applications (
    role INTEGER NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    uri TEXT NOT NULL,
    PRIMARY KEY (role, place)
) STRICT, WITHOUT ROWID;
CREATE TABLE role_endpoints (
    role INTEGER NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    url TEXT NOT NULL,
    security_mode INTEGER NOT NULL,
    security_policy TEXT NOT NULL,
    transport TEXT NOT NULL,
    PRIMARY KEY (role, place)
) STRICT, WITHOUT ROWID
"""
_RESTORE: Final = "bring it back from a backup, or move it away and run 'plantspace user setup' again"


def open_database(path: Path) -> sqlite3.Connection:
    """Open the file for the calling thread; make it where there is none, mode 0600. Blocks.

    Raises :class:`~server.users.errors.UserStoreError`.
    """
    with translated(path):
        is_new = not path.exists()
        # made before SQLite opens it, so that nobody else can read it at any moment; -wal and -shm take its mode
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        path.chmod(0o600)
        connection = sqlite3.connect(path, timeout=_LOCK_WAIT, isolation_level=None)
        try:
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA foreign_keys=ON")
            connection.execute("PRAGMA journal_mode=WAL")
            _prepare(path, connection)
        except BaseException:
            connection.close()
            raise
        if is_new:
            settle_folder(path.parent)
        return connection


def _prepare(path: Path, connection: sqlite3.Connection) -> None:
    """Check that it is our file and sound; begin an empty one."""
    connection.execute("BEGIN IMMEDIATE")  # two that find it empty do not both begin it
    try:
        log = path.with_name(f"{path.name}-wal")
        if log.exists():
            write_again(log)  # its last sync may have failed, and what comes behind that would be lost with it
        if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id={_APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={_VERSION}")
        _check(path, connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.rollback()
        raise


def _check(path: Path, connection: sqlite3.Connection) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != _APPLICATION_ID:
        message = f"{path}: it is a SQLite file of another kind ({_RESTORE})"
        raise UserStoreError(message)
    if version != _VERSION:
        message = f"{path}: its format is {version}, this Plantspace reads {_VERSION} (install the other one again)"
        raise UserStoreError(message)
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        message = f"{path}: SQLite says: {verdict} ({_RESTORE})"
        raise UserStoreError(message)


@contextmanager
def translated(path: Path) -> Generator[None]:
    """Turn SQLite's and the system's errors into :class:`~server.users.errors.UserStoreError`."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        damaged = code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
        busy = "another process holds it; try again" if code == sqlite3.SQLITE_BUSY else "see its folder's rights"
        message = f"{path}: {error} ({_RESTORE if damaged else busy})"
        raise UserStoreError(message) from error
    except OSError as error:
        mend = "give it and its folder to the user that Plantspace runs as"
        message = f"{path}: {error.strerror or error} ({mend})"
        raise UserStoreError(message) from error
