"""The trail's file: records are appended in transactions, each chained to the one before it.

Everything here blocks on the disk. Two processes may append at once: each looks for the chain's end anew, while it
holds SQLite's lock.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from core.errors import StoreError
from core.time import Clock, SystemClock
from historian.database import Database, translated
from server.audit.entry import NO_HASH, Kept, chain, digest, keep, read_entry
from server.audit.head import Head, HeadDamagedError, read_head, write_head
from server.audit.record import AuditRecord
from server.audit.retention import cut_off, due
from server.audit.retention_rule import Retention
from server.audit.schema import HEAD_FILE, SCHEMA, TRAIL_FILE, make_triggers, missing_triggers
from server.audit.trail_records import TrailBegun, TrailBroken, TrailStarted, TrailStopped

_log = logging.getLogger("plantspace.audit")
_LOOKS_BACK: Final = 1000
"""Records in which the end of the run before is looked for."""
_LOCK_WAIT: Final = 1.0
"""Seconds that another process may take to append, such as the command line."""


class Written(NamedTuple):
    """A record that the disk has: its number, its hash, its bytes."""

    sequence: int
    hash: bytes
    record: bytes


class TrailFile:
    """One open trail, used by one thread."""

    def __init__(
        self, folder: Path, name: str, clock: Clock, server_id: str, uris: Callable[[], Sequence[str]]
    ) -> None:
        """Name the folder; nothing is opened. ``name``: the gateway's; ``uris``: gives the NamespaceArray."""
        self._database = Database(folder / TRAIL_FILE, SCHEMA, _LOCK_WAIT)
        self._head_file = folder / HEAD_FILE
        self._name = name
        self._clock = clock
        self._server_id = server_id or name
        self._uris = uris
        self._connection: sqlite3.Connection | None = None

    def open(self, *, starting: bool = True) -> list[Written]:
        """Open the file, begin a trail where there is none, and compare it with its head.

        ``starting``: a gateway's run begins, which is recorded. Gives what was recorded. Raises
        :class:`~core.errors.StoreError`; then nothing is left open.
        """
        with translated(self._database.path):
            set_aside = self._database.prepare(settles=starting)
            self._connection = self._database.connect()
            try:
                return self._begin(set_aside, starting=starting)
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Close the file; safe twice."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def keep(self, record: AuditRecord, time: int) -> Kept:
        """Write a record's bytes but for its place in the chain; raises what the encoders raise."""
        return keep(record, time, self._server_id, self._uris())

    def append(self, batch: Sequence[Kept]) -> list[Written]:
        """Chain records; they are on the disk when this returns. Raises :class:`~core.errors.StoreError`."""
        return self._append(batch, lambda _: None)

    def cut(self, retention: Retention) -> list[Written]:
        """Remove old records if that is due, in one piece of many. Raises :class:`~core.errors.StoreError`."""
        with translated(self._database.path):
            cut = due(self._opened(), retention, self._clock.now())
            if cut is None:
                return []
            return self._append([self.keep(cut, self._clock.now())], lambda connection: cut_off(connection, cut))

    def _append(self, batch: Sequence[Kept], more: Callable[[sqlite3.Connection], None]) -> list[Written]:
        written: list[Written] = []
        with translated(self._database.path):
            connection = self._opened()
            with _transaction(connection):
                sequence, last = _last(connection) or (-1, NO_HASH)
                for kept in batch:
                    sequence += 1
                    record = chain(kept, sequence, last)
                    last = digest(record)
                    connection.execute("INSERT INTO record VALUES (?, ?, ?, ?)", (sequence, kept.time, last, record))
                    written.append(Written(sequence, last, record))
                more(connection)
        if written:
            self._write_head()
        return written

    def _write_head(self) -> None:
        """Say where the trail ends. The records are kept already: where this fails, the next batch does it."""
        try:
            with translated(self._head_file):
                connection = self._opened()
                with _transaction(connection):  # SQLite's lock, so that of two processes none says what is past
                    last = _last(connection)
                    if last is not None:
                        write_head(self._head_file, Head(*last))
        except StoreError as error:
            _log.error("the head of the audit trail is behind: %s", error)

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            message = f"{self._database.path} is not open"
            raise sqlite3.ProgrammingError(message)
        return self._connection

    def _begin(self, set_aside: Path | None, *, starting: bool) -> list[Written]:
        connection = self._opened()
        head, problem = self._read_head()  # before the trail, which another process may take further meanwhile
        last = _last(connection)
        missing = missing_triggers(connection) if last is not None else []
        make_triggers(connection)
        broken = TrailBroken(head=0, head_hash=None, message=problem) if problem else self._compare(head, last)
        if set_aside is not None:
            broken = broken or TrailBroken(head=0, head_hash=None)
            broken = _because(broken, f"the file was damaged and was set aside as {set_aside.name}")
        elif missing:
            broken = broken or TrailBroken(head=last[0] if last else 0, head_hash=last[1] if last else None)
            broken = _because(broken, f"what keeps records from being changed was missing: {', '.join(missing)}")
        written: list[Written] = []
        if last is None:  # alone, so that a new trail without a head is known as one that was just begun
            written += self.append([self.keep(TrailBegun(name=self._name), self._clock.now())])
        opening: list[AuditRecord] = []
        if broken is not None:
            _log.error("the audit trail is broken: %s", broken.message)
            opening.append(broken)
        if starting:
            well = last is None or _ended_well(connection)
            opening.append(TrailStarted(status=well, message="" if well else "the run before did not end as it should"))
        if opening:
            written += self.append([self.keep(one, self._clock.now()) for one in opening])
        return written

    def _read_head(self) -> tuple[Head | None, str]:
        try:
            return read_head(self._head_file), ""
        except HeadDamagedError as error:
            return None, str(error)

    def _compare(self, head: Head | None, last: tuple[int, bytes] | None) -> TrailBroken | None:
        if head is None:
            if last is None or last[0] == 0:
                return None
            return TrailBroken(head=last[0], head_hash=last[1], message="the head file was missing")
        end = -1 if last is None else last[0]
        if head.sequence > end:
            text = f"the trail ended at record {end}, its head was record {head.sequence}"
            return TrailBroken(head=head.sequence, head_hash=head.hash, message=text)
        found = self._opened().execute("SELECT hash FROM record WHERE sequence = ?", (head.sequence,)).fetchone()
        if found is None or found[0] != head.hash:
            text = f"record {head.sequence} was not the one that the head file names"
            return TrailBroken(head=head.sequence, head_hash=head.hash, message=text)
        return None


def append_now(folder: Path, name: str, record: AuditRecord) -> None:
    """Record what was done without the gateway, such as by a command; also while it runs. Blocks on the disk.

    NodeIds of namespaces other than the standard one keep their index: give none. Raises
    :class:`~core.errors.StoreError`.
    """
    clock = SystemClock()
    file = TrailFile(folder, name, clock, "", tuple)
    file.open(starting=False)
    try:
        file.append([file.keep(record, clock.now())])
    finally:
        file.close()


def _because(broken: TrailBroken, reason: str) -> TrailBroken:
    text = f"{reason}; {broken.message}" if broken.message else reason
    return TrailBroken(head=broken.head, head_hash=broken.head_hash, message=text)


def _last(connection: sqlite3.Connection) -> tuple[int, bytes] | None:
    return connection.execute("SELECT sequence, hash FROM record ORDER BY sequence DESC LIMIT 1").fetchone()


def _ended_well(connection: sqlite3.Connection) -> bool:
    """Tell whether the run before said that it stopped. Others may have appended since, such as the command line."""
    rows = connection.execute("SELECT record, hash FROM record ORDER BY sequence DESC LIMIT ?", (_LOOKS_BACK,))
    for record, recorded_hash in rows:
        kind = read_entry(record, recorded_hash).type
        if kind in (TrailStopped.__name__, TrailBegun.__name__):
            return True
        if kind == TrailStarted.__name__:
            return False
    return False


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Generator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.rollback()
        raise
