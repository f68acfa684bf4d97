"""Which commands have come, and what was answered: ``commands.sqlite``, by which no command is done twice.

Ids are unique in a source, which is a connection and the kind of its commands. One is on disk before its command is
carried out, and the answer after; so a command that was under way when the process died has an id and no answer.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from core.errors import StoreError, StoreUnavailable
from historian.database import Database, Schema
from historian.owned_file import OwnedFile
from historian.threads import Reader

_log = logging.getLogger("plantspace.pubsub")

FILE_NAME: Final = "commands.sqlite"
SCHEMA: Final = Schema(
    application_id=0x504C434D,  # "PLCM"
    version=1,
    tables=frozenset({"command"}),
    script="""
CREATE TABLE command (
    source TEXT NOT NULL, id TEXT NOT NULL, received REAL NOT NULL, digest BLOB NOT NULL, answer BLOB,
    PRIMARY KEY (source, id)
) WITHOUT ROWID;
CREATE INDEX command_received ON command (source, received)
""",
)
LEAST_AGE: Final = 3600.0
"""Seconds that an id is kept in any case: for so long a broker or a link may bring the same message again."""
_EVERY: Final = 60.0
_AT_ONCE: Final = 2000
"""Ids that are forgotten in one transaction."""
_MOST_UNSAVED: Final = 256


class Entry(NamedTuple):
    """A command by its id. ``digest``: tells it from another of the same id."""

    id: str
    digest: bytes


class Known(NamedTuple):
    """A command that has come before. ``answer``: None where it was begun, and nobody knows how it ended."""

    is_same: bool
    answer: bytes | None


@dataclass(slots=True)
class StoreCounters:
    """What has happened since the start. ``forgotten``: ids that became too old, or too many."""

    recorded: int = 0
    forgotten: int = 0
    unsaved: int = 0
    """Answers that could not be written."""


class Limits(NamedTuple):
    """How long ids are kept (seconds), and how many of one source."""

    keep: float = 7 * 86_400.0
    most: int = 500_000


_DEFAULT: Final = Limits()


class CommandStore:
    """Owns the file. ``clock``: seconds since 1970."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        """Name the file; nothing is opened before :meth:`start`."""
        self._clock = clock
        self.counters = StoreCounters()
        database = Database(folder / FILE_NAME, SCHEMA)
        self._file = OwnedFile(database, Reader(database), self._tend, first=self._look)
        self._limits: dict[str, Limits] = {}
        self._held: dict[str, int] = {}
        """How many ids of each source there are, at most."""
        self._unsaved: dict[tuple[str, str], bytes] = {}

    def limit(self, source: str, limits: Limits) -> None:
        """Keep a source's ids within other limits than the usual ones."""
        self._limits[source] = limits

    async def start(self) -> None:
        """Open the file, make it if need be. Raises :class:`~core.errors.StoreUnavailable`."""
        await self._file.open()

    async def stop(self) -> None:
        """Close the file; safe twice."""
        await self._file.close()

    async def begin(self, source: str, entries: Sequence[Entry]) -> list[Known | None]:
        """Record commands of a source that are about to be carried out; None for each that is new, and on disk now.

        Raises :class:`~core.errors.StoreError`; then none of them may be carried out.
        """
        most = self._limits.get(source, _DEFAULT).most
        if self._held.get(source, 0) + len(entries) > most:
            await self._file.run(self._forget)
        if self._held.get(source, 0) + len(entries) > most:
            message = f"{FILE_NAME} has as many ids as it may have, all younger than an hour (send fewer commands)"
            raise StoreUnavailable(message)
        moment = self._clock()
        found = await self._file.write(lambda connection: _begin(connection, source, entries, moment))
        new = found.count(None)
        self._held[source] = self._held.get(source, 0) + new
        self.counters.recorded += new
        return [self._completed(source, entry, known) for entry, known in zip(entries, found, strict=True)]

    async def finish(self, source: str, entry: Entry, answer: bytes) -> None:
        """Keep the answer of a command that was carried out; where the disk does not take it, in memory."""
        try:
            await self._file.write(lambda connection: _finish(connection, source, entry, answer))
        except StoreError as error:
            self.counters.unsaved += 1
            _log.error("an answer to a command is in memory alone, and lost with a restart: %s", error)
            self._unsaved[source, entry.id] = answer
            while len(self._unsaved) > _MOST_UNSAVED:
                self._unsaved.pop(next(iter(self._unsaved)))

    async def withdraw(self, source: str, entries: Sequence[Entry]) -> None:
        """Forget commands that were recorded and certainly not begun: they may come again."""
        keys = [(source, entry.id) for entry in entries]

        def delete(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM command WHERE source = ? AND id = ? AND answer IS NULL", keys)

        try:
            await self._file.write(delete)
        except StoreError as error:
            _log.error("%d commands that were not begun count as interrupted: %s", len(keys), error)

    def _completed(self, source: str, entry: Entry, known: Known | None) -> Known | None:
        if known is not None and known.answer is None:
            return known._replace(answer=self._unsaved.get((source, entry.id)))
        return known

    async def _tend(self) -> float:
        gone = await self._file.run(self._forget)
        return 0.1 if gone >= _AT_ONCE else _EVERY

    def _look(self, connection: sqlite3.Connection) -> None:
        self._held = dict(connection.execute("SELECT source, count(*) FROM command GROUP BY source").fetchall())

    def _forget(self, connection: sqlite3.Connection) -> int:
        """Forget the ids that are too old, and of too many the oldest; gives how many."""
        moment, gone = self._clock(), 0
        self._look(connection)
        for source, held in list(self._held.items()):
            keep, most = self._limits.get(source, _DEFAULT)
            old = connection.execute(_OLDEST, (source, moment - keep, _AT_ONCE)).rowcount
            if held - old >= most:  # a tenth more than need be, lest each command makes room for itself alone
                over = held - old - most + max(most // 10, 1)
                old += connection.execute(_OLDEST, (source, moment - LEAST_AGE, over)).rowcount
            self._held[source] = held - old
            gone += old
        self.counters.forgotten += gone
        return gone


_OLDEST: Final = """
DELETE FROM command WHERE (source, id) IN (
    SELECT source, id FROM command WHERE source = ? AND received < ? ORDER BY received LIMIT ?
)
"""


def _begin(connection: sqlite3.Connection, source: str, entries: Sequence[Entry], moment: float) -> list[Known | None]:
    found: list[Known | None] = []
    for name, digest in entries:
        row = connection.execute(_KNOWN, (source, name)).fetchone()
        if row is None:
            connection.execute("INSERT INTO command VALUES (?, ?, ?, ?, NULL)", (source, name, moment, digest))
            found.append(None)
        else:
            found.append(Known(row[0] == digest, row[1]))
    return found


_KNOWN: Final = "SELECT digest, answer FROM command WHERE source = ? AND id = ?"


def _finish(connection: sqlite3.Connection, source: str, entry: Entry, answer: bytes) -> None:
    connection.execute("UPDATE command SET answer = ? WHERE source = ? AND id = ?", (answer, source, entry.id))
