"""Reading a history file that may be damaged: what SQLite cannot read is stepped over, what it reads is checked.

SQLite knows damage of its pages' structure alone. Samples have a checksum of their own; what stands beside them in a
row (times, counts, the point) is taken from them where the file is damaged anywhere. Nothing is ever written to the
file: where its first page is damaged, a copy with a new one is read.
"""

from __future__ import annotations

import shutil
import sqlite3
import struct
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import BinaryIO, Final, cast

from historian.database import Database
from historian.sqlite.leaves import Leaves, Row, open_leaves
from historian.sqlite.schema import SCHEMA

_PAGE: Final = 8192
_PROBED: Final = 1000
"""Ids that are tried one by one behind damage, before steps grow."""
_HIGHEST: Final = 1 << 48
_MESSAGES: Final = 100


class Wreck:
    """One history file, open for reading until :meth:`close`. Belongs to one thread."""

    def __init__(self, path: Path, workplace: Path) -> None:
        """Open the file. ``workplace``: a folder for the copy that a damaged first page needs.

        Raises :class:`sqlite3.DatabaseError` where nothing can be read.
        """
        self.path = path
        self.first_page_lost = False
        self._connection = _open(path)
        self._leaves: tuple[Leaves, BinaryIO] | None = None
        try:
            self.tables = self._tables()
        except sqlite3.DatabaseError:
            self._connection.close()
            self.first_page_lost = True
            self._connection = _open(_with_new_first_page(path, workplace))
            self.tables = self._tables()

    def close(self) -> None:
        """Release the file."""
        self._connection.close()
        if self._leaves is not None:
            self._leaves[1].close()

    def findings(self, alive: Callable[[], None]) -> list[str]:
        """Let SQLite look at every page; gives what is wrong. ``alive`` is called now and then."""
        if self.first_page_lost:
            return ["the first page is damaged"]

        def step() -> int:
            alive()
            return 0

        self._connection.set_progress_handler(step, 100_000)
        try:
            rows = self._connection.execute(f"PRAGMA integrity_check({_MESSAGES})").fetchall()
        except sqlite3.DatabaseError as error:
            return [str(error)]
        finally:
            self._connection.set_progress_handler(None, 0)
        return [str(row[0]) for row in rows if row[0] != "ok"]

    def astray(self, table: str, known: set[int]) -> Iterator[Row]:
        """Give rows, as (id, …), of the tables with samples that no tree leads to any more, by rising id."""
        if self.first_page_lost or _log_of(self.path) is not None:
            return  # which pages are free stands there
        if self._leaves is None:
            self._leaves = open_leaves(self.path)
        if self._leaves is not None:
            yield from self._leaves[0].rows(table, known)

    def rows(self, table: str, columns: str) -> Iterator[Row]:
        """Give all rows that can be read, as (id, …), by rising id."""
        if table not in self.tables:
            return
        last = 0
        while True:
            try:
                for row in self._connection.execute(
                    f"SELECT id, {columns} FROM {table} WHERE id > ? ORDER BY id",  # noqa: S608 - names of our own
                    (last,),
                ):
                    if row[0] > last:
                        last = int(row[0])
                        yield row
            except sqlite3.DatabaseError:
                found = self._behind(table, columns, last)
                if found is None:
                    return
                last = int(found[0])
                yield found
            else:
                return

    def listed(self, query: str) -> list[Row]:
        """Give what can be read of a query from its beginning on, and from its end when it breaks off.

        ``query`` has ``{}`` where the direction of its order belongs.
        """
        found: list[Row] = []
        for direction in ("ASC", "DESC"):
            try:
                for row in self._connection.execute(query.format(direction)):
                    found.append(row)  # noqa: PERF402 - what came before the damage is kept
            except sqlite3.DatabaseError:
                continue
            return found
        return list(dict.fromkeys(found))

    def _behind(self, table: str, columns: str, last: int) -> Row | None:
        """Find the first row behind a damaged place after the id ``last``."""
        step, bad = 1, last
        while last + step < _HIGHEST:
            with suppress(sqlite3.DatabaseError):
                found = self._from(table, columns, last + step)
                return found if found is None or step <= _PROBED else self._nearer(table, columns, bad, found)
            bad = last + step
            step = step + 1 if step < _PROBED else step * 2
        return None

    def _nearer(self, table: str, columns: str, bad: int, found: Row) -> Row:
        """Halve the way back to the damage."""
        good = int(found[0])
        while good - bad > 1:
            middle = (good + bad) // 2
            try:
                row = self._from(table, columns, middle)
            except sqlite3.DatabaseError:
                bad = middle
                continue
            if row is None or int(row[0]) >= good:
                good = middle
            else:
                found, good = row, int(row[0])
        return found

    def _from(self, table: str, columns: str, first: int) -> Row | None:
        rows = self._connection.execute(
            f"SELECT id, {columns} FROM {table} WHERE id >= ? ORDER BY id LIMIT 1",  # noqa: S608 - names of our own
            (first,),
        ).fetchall()
        return cast("Row", rows[0]) if rows else None

    def _tables(self) -> frozenset[str]:
        names = {row[0] for row in self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not {"point", "block", "segment"} <= names:
            message = "it has none of the tables of a history"
            raise sqlite3.DatabaseError(message)
        return SCHEMA.tables & names


def _open(path: Path) -> sqlite3.Connection:
    """Open a file so that nothing of it changes, not even its write-ahead log."""
    mode = "mode=ro" if _log_of(path) is not None else "immutable=1"
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", isolation_level=None, uri=True)
    connection.text_factory = _text
    return connection


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _log_of(path: Path) -> Path | None:
    """Give the write-ahead log that belongs to a file, where there is one."""
    log = path.with_name(path.name + "-wal")
    return log if log.exists() and log.stat().st_size else None


def _with_new_first_page(path: Path, workplace: Path) -> Path:
    """Copy a file and give the copy the first page of a new one: the tables of all of them begin at the same pages."""
    template = workplace / "template.sqlite"
    Database(template, SCHEMA).prepare()
    with closing(sqlite3.connect(template)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    copy = workplace / f"{path.name}.read"
    shutil.copyfile(path, copy)
    page = bytearray(template.read_bytes()[:_PAGE])
    pages = copy.stat().st_size // _PAGE
    struct.pack_into(">II", page, 24, 1, pages)  # change counter, pages
    struct.pack_into(">II", page, 32, 0, 0)  # no free pages are known
    struct.pack_into(">I", page, 92, 1)  # the change counter for which the number of pages is right
    with copy.open("r+b") as file:
        file.write(page)
    return copy
