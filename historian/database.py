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

from core.durable_files import settle_folder, write_again
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
    """What a kind of file must be. ``application_id`` and ``version`` stand in the SQLite header at bytes 68 and 60.

    ``script`` makes a new file. ``migrations``: statements that bring a file on, the first from version 1 to 2; one for
    each version but the present one.
    """

    application_id: int
    version: int
    tables: frozenset[str]
    script: str
    migrations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Database:
    """One file: where it is, what it must be, and how long a connection waits for another process's lock (seconds)."""

    path: Path
    schema: Schema
    lock_wait: float = 1.0

    def prepare(self, *, distrust: bool = False, replaces: bool = True, settles: bool = True) -> Path | None:
        """Check the file, begin a new one where there is none or it is damaged; gives where a damaged one went.

        ``distrust``: the file was found damaged in use; it goes whatever the check says. ``replaces``: False where a
        damaged one stays as it is; ``settles``: False where another process most likely has the file open, for which
        what stands in the log is left to it. Raises :class:`~core.errors.StoreUnavailable`, and then
        :class:`~core.errors.StoreCorrupt`.
        """
        with translated(self.path):
            set_aside = None
            if self.path.exists() and self.path.stat().st_size > 0:
                try:
                    if distrust:
                        raise StoreCorrupt(self.path, "it was found damaged while in use")  # noqa: TRY301 - joins the other ways here
                    self._bring_on(self._check())
                except StoreCorrupt as error:
                    if not replaces:
                        raise
                    set_aside = self._set_aside()
                    _log.error("%s; it was set aside as %s and a new one is begun", error, set_aside)
            self._create()
            if replaces and settles:
                self._settle_log()
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
        with closing(self._connected()) as connection:
            if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                return
            connection.execute(f"PRAGMA page_size={_PAGE_SIZE}")
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("BEGIN IMMEDIATE")
            if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                return  # another process was faster, and this one waited for it
            for statement in self.schema.script.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id={self.schema.application_id}")
            connection.execute(f"PRAGMA user_version={self.schema.version}")
            connection.execute("COMMIT")
        settle_folder(self.path.parent)

    def _settle_log(self) -> None:
        """Bring what an earlier run left in the write-ahead log to the disk, before anything is written behind it.

        Its last sync may have failed: SQLite then finds a commit in the log that the disk never got, and everything
        after that would be lost with it in a power cut.
        """
        log = self._files()[1]
        if not log.exists():
            return
        with closing(self._connected()) as connection:
            connection.execute("BEGIN IMMEDIATE")  # nobody else writes the log, or begins it anew
            write_again(log)  # it is there: where another process has closed the file meanwhile, BEGIN has made it anew
            connection.execute("ROLLBACK")
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _check(self) -> int:
        """Give the version of the file's format; 0 while it has no tables.

        Raises :class:`StoreCorrupt` when the file is not one of ours or damaged; a lock is no damage.
        """
        self._check_header()
        with translated(self.path), closing(self._connected()) as connection:
            connection.execute("BEGIN")  # one state of the file, though another process may be bringing it on
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")}
            application = connection.execute("PRAGMA application_id").fetchone()[0]
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if not tables:
                return 0  # killed while being made; it is made now
            older = 0 < version < self.schema.version
            if application != self.schema.application_id or not (older or tables >= self.schema.tables):
                raise StoreCorrupt(self.path, "it is a SQLite file of another kind")
            self._refuse_newer(version)
            if self.path.stat().st_size <= _FULLY_CHECKED:
                verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
                if verdict != "ok":
                    raise StoreCorrupt(self.path, f"SQLite says: {verdict}")
            else:
                for table in self.schema.tables & tables:  # both ends of every table's tree
                    for order in ("ASC", "DESC"):
                        connection.execute(f"SELECT * FROM {table} ORDER BY 1 {order} LIMIT 1").fetchall()  # noqa: S608 - names of our own
            return version

    def _bring_on(self, version: int) -> None:
        """Change a file of an older format into today's, in one transaction: killed amid it, it is as it was."""
        if not 0 < version < self.schema.version:
            return
        with closing(self._connected()) as connection:
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("BEGIN IMMEDIATE")
            # another process may have been faster, and this one waited for it
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            self._refuse_newer(version)
            if not 0 < version < self.schema.version:
                return
            try:
                for script in self.schema.migrations[version - 1 :]:
                    for statement in script.split(";"):
                        connection.execute(statement)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
                    raise
                raise StoreCorrupt(self.path, f"its tables are not those of version {version}: {error}") from error
            connection.execute(f"PRAGMA user_version={self.schema.version}")
            connection.execute("COMMIT")
        _log.info("%s: its format was brought from version %d to %d", self.path, version, self.schema.version)

    def _connected(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=self.lock_wait, isolation_level=None)

    def _refuse_newer(self, version: int) -> None:
        if version > self.schema.version:
            problem = (
                f"its format is version {version}, this Plantspace reads {self.schema.version}; "
                "install the newer one again or move the file away"
            )
            raise StoreError(f"{self.path}: {problem}")  # noqa: TRY003, EM102 - names the file and the mend

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
