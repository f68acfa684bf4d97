"""Opening Plantspace's SQLite files.

Settings for durability, a check that does not read gigabytes, damaged ones set aside.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import sqlite3
import struct
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from core.durable_files import settle_folder
from core.errors import StoreCorrupt, StoreError, StoreUnavailable

_log = logging.getLogger("plantspace.historian")

_MAGIC: Final = b"SQLite format 3\x00"
_HEADER_SIZE: Final = 100
_PAGE_SIZE: Final = 8192
_LARGEST_PAGE: Final = 65_536
_FULLY_CHECKED: Final = 64 << 20
"""Files up to this many bytes are checked page by page on open (about 0.1 s).

Of larger ones the header, schema and ends.
"""
_CORRUPT: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}
_TRANSIENT: Final = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_PROTOCOL,
}
_OWNER: Final = "give the file and its folder to the user that Plantspace runs as"
_ROOM: Final = "make room on the disk"
_MENDS: Final = {
    errno.EACCES: _OWNER,
    errno.EPERM: _OWNER,
    errno.EISDIR: "a folder stands where the file belongs; move it away",
    errno.ENOENT: "make its folder",
    errno.ENOTDIR: "a file stands where its folder belongs; move it away",
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EROFS: "mount the disk for writing",
}
_SQLITE_MENDS: Final = {
    sqlite3.SQLITE_BUSY: "another process holds it; end that one",
    sqlite3.SQLITE_FULL: _ROOM,
    sqlite3.SQLITE_READONLY: _OWNER,
    sqlite3.SQLITE_PERM: _OWNER,
}


@dataclass(frozen=True, slots=True)
class Schema:
    """What a kind of file must be. ``application_id`` and ``version`` stand in the SQLite header at bytes 68 and 60."""

    application_id: int
    version: int
    tables: frozenset[str]
    script: str


@dataclass(frozen=True, slots=True)
class Database:
    """One file: where it is, what it must be, and how long a connection waits for another process's lock (seconds)."""

    path: Path
    schema: Schema
    lock_wait: float = 1.0

    def prepare(self, *, distrust: bool = False) -> Path | None:
        """Check the file, begin a new one where there is none or it is damaged; gives where a damaged one went.

        ``distrust``: the file was found damaged in use; it goes whatever the check says. Raises
        :class:`~core.errors.StoreUnavailable`.
        """
        with translated(self.path):
            set_aside = None
            if self.path.exists() and self.path.stat().st_size > 0:
                try:
                    if distrust:
                        raise StoreCorrupt(self.path, "it was found damaged while in use")  # noqa: TRY301 - joins the other ways here
                    self._check()
                except StoreCorrupt as error:
                    set_aside = self._set_aside()
                    _log.error("%s; it was set aside as %s and a new one is begun", error, set_aside)
            self._create()
            return set_aside

    def connect(self, *, read_only: bool = False) -> sqlite3.Connection:
        """Open a connection for the calling thread. Raises :class:`~core.errors.StoreUnavailable`."""
        with translated(self.path):
            connection = sqlite3.connect(
                f"{self.path.absolute().as_uri()}?mode=rw", timeout=self.lock_wait, isolation_level=None, uri=True
            )
            try:
                if read_only:
                    connection.execute("PRAGMA query_only=ON")
                else:
                    connection.execute("PRAGMA synchronous=FULL")
                    connection.execute(f"PRAGMA journal_size_limit={64 << 20}")
                connection.execute("PRAGMA cache_size=-8192")
            except BaseException:
                connection.close()
                raise
            return connection

    def size(self) -> int:
        """Count the bytes on disk, the write-ahead log included."""
        total = 0
        for part in self._files():
            with contextlib.suppress(FileNotFoundError):  # another process that closes takes the log with it
                total += part.stat().st_size
        return total

    def _files(self) -> tuple[Path, ...]:
        return tuple(self.path.with_name(self.path.name + tail) for tail in ("", "-wal", "-shm"))

    def _create(self) -> None:
        # made before SQLite opens it, so that nobody but the owner can read it at any moment; -wal and -shm take its
        # mode
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        self.path.chmod(0o600)
        with closing(sqlite3.connect(self.path, timeout=self.lock_wait, isolation_level=None)) as connection:
            if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                return
            connection.execute(f"PRAGMA page_size={_PAGE_SIZE}")
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("BEGIN IMMEDIATE")
            for statement in self.schema.script.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id={self.schema.application_id}")
            connection.execute(f"PRAGMA user_version={self.schema.version}")
            connection.execute("COMMIT")
        settle_folder(self.path.parent)

    def _check(self) -> None:
        """Raise :class:`StoreCorrupt` when the file is not one of ours or damaged; a lock is no damage."""
        self._check_header()
        with translated(self.path), closing(sqlite3.connect(self.path, timeout=self.lock_wait)) as connection:
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")}
            application = connection.execute("PRAGMA application_id").fetchone()[0]
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if not tables:
                return  # killed while being made; it is made now
            if application != self.schema.application_id or not tables >= self.schema.tables:
                raise StoreCorrupt(self.path, "it is a SQLite file of another kind")
            if version > self.schema.version:
                problem = (
                    f"its format is version {version}, this Plantspace reads {self.schema.version}; "
                    "install the newer one again or move the file away"
                )
                raise StoreError(f"{self.path}: {problem}")  # noqa: TRY003, EM102 - names the file and the mend
            if self.path.stat().st_size <= _FULLY_CHECKED:
                verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
                if verdict != "ok":
                    raise StoreCorrupt(self.path, f"SQLite says: {verdict}")
            else:
                for table in self.schema.tables:  # both ends of every table's tree
                    for order in ("ASC", "DESC"):
                        connection.execute(f"SELECT * FROM {table} ORDER BY 1 {order} LIMIT 1").fetchall()  # noqa: S608 - names of our own

    def _check_header(self) -> None:
        with self.path.open("rb") as file:
            header = file.read(_HEADER_SIZE)
        if len(header) < _HEADER_SIZE or not header.startswith(_MAGIC):
            raise StoreCorrupt(self.path, "it is no SQLite file")
        (page,) = struct.unpack_from(">H", header, 16)
        page = _LARGEST_PAGE if page == 1 else page
        changes, pages = struct.unpack_from(">II", header, 24)
        (valid_for,) = struct.unpack_from(">I", header, 92)
        wal = self._files()[1]
        truncated = self.path.stat().st_size < pages * page
        # with a write-ahead log the missing pages may stand there
        if changes == valid_for and truncated and not (wal.exists() and wal.stat().st_size):
            raise StoreCorrupt(self.path, f"it has {self.path.stat().st_size} bytes of {pages * page}")

    def _set_aside(self) -> Path:
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        target = self.path.with_name(f"{self.path.name}.corrupt-{moment}")
        turn = 1
        while target.exists():
            turn += 1
            target = self.path.with_name(f"{self.path.name}.corrupt-{moment}-{turn}")
        # the log first: a new main file beside an old log would be taken for its own
        for part in reversed(self._files()):
            if part.exists():
                part.rename(target.with_name(target.name + part.name.removeprefix(self.path.name)))
        return target


@contextmanager
def translated(path: Path) -> Generator[None]:
    """Turn SQLite's and the system's errors into the :class:`~core.errors.StoreError` kinds."""
    try:
        yield
    except sqlite3.Error as error:
        raise translate(path, error) from error
    except OSError as error:
        raise StoreUnavailable(
            _with_mend(f"{path}: {error.strerror or error}", _MENDS.get(error.errno or 0))
        ) from error


def translate(path: Path, error: sqlite3.Error) -> StoreError:
    """Choose the error that says whether trying again can help."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in _CORRUPT:
        return StoreCorrupt(path, str(error))
    if code in _TRANSIENT:
        return StoreUnavailable(_with_mend(f"{path}: {error}", _SQLITE_MENDS.get(code)))
    return StoreError(f"{path}: {error}")


def _with_mend(problem: str, mend: str | None) -> str:
    return f"{problem} ({mend})" if mend else problem
