"""Finding the first place where a trail is not what was written. Nothing is changed; a copy of the file will do."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from server.address_space.extents import DecodingError
from server.audit.entry import NO_HASH, Entry, digest, read_entry
from server.audit.head import Head, HeadDamagedError, read_head
from server.audit.reading import reading, trail_file
from server.audit.schema import HEAD_FILE, SCHEMA, missing_triggers
from server.audit.trail_records import RecordsCut, RecordsLost, TrailBegun, TrailBroken
from server.events.values import decode

_PER_LOOK: Final = 1000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found. ``broken``: the first thing that is wrong, in words that name the record; empty for nothing.

    ``first``, ``last``: numbers of the first and last record that are in order, -1 where there is none. ``lost``:
    records that the trail itself says were lost. ``beyond``: records behind the one that the head file names.
    """

    broken: str
    records: int
    first: int = -1
    last: int = -1
    last_hash: bytes = NO_HASH
    lost: int = 0
    beyond: int = 0


class _BrokenError(Exception):
    """Something is wrong; the message says where and what."""


def verify(path: Path, head_file: Path | None = None) -> Verdict:
    """Check a trail from its first record to its last, and against a head file: the one beside it if none is named.

    Raises :class:`~core.errors.StoreUnavailable` where there is no trail, and :class:`OSError` for a head file that
    cannot be read.
    """
    file = trail_file(path)
    walk = _Walk()
    head: Head | None = None
    try:
        beside = file.with_name(HEAD_FILE)
        head = read_head(head_file or beside)  # before the trail: that may only be further
        with reading(file) as connection:
            walk.schema(connection)
            walk.records(connection)
            walk.cuts(connection)
            walk.head(connection, head, head_file or beside)
    except sqlite3.Error as error:
        return walk.verdict(f"the file is damaged behind record {walk.last}: {error}", head)
    except HeadDamagedError as error:
        return walk.verdict(str(error), head)
    except _BrokenError as error:
        return walk.verdict(str(error), head)
    return walk.verdict("", head)


class _Walk:
    """One way along the chain."""

    def __init__(self) -> None:
        self.first = self.last = -1
        self.hash = NO_HASH
        self.before = NO_HASH
        """The hash that the first record names."""
        self.count = 0
        self.lost = 0
        self._cuts: dict[int, bytes] = {}
        self._told = ""

    def verdict(self, broken: str, head: Head | None) -> Verdict:
        beyond = max(self.last - head.sequence, 0) if head is not None else 0
        return Verdict(broken, self.count, self.first, self.last, self.hash, self.lost, beyond)

    def schema(self, connection: sqlite3.Connection) -> None:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        if application != SCHEMA.application_id or not tables >= SCHEMA.tables:
            message = "the file is no audit trail"
            raise _BrokenError(message)
        missing = missing_triggers(connection)
        if missing:
            message = f"what keeps records from being changed is missing: {', '.join(missing)}"
            raise _BrokenError(message)

    def records(self, connection: sqlite3.Connection) -> None:
        rows = connection.execute("SELECT sequence, time, hash, record FROM record NOT INDEXED ORDER BY sequence")
        while found := rows.fetchmany(_PER_LOOK):
            for sequence, time, recorded_hash, record in found:
                self._record(sequence, time, recorded_hash, record)
        if not self.count:
            message = "there is no record at all, not even the one that a trail begins with"
            raise _BrokenError(message)
        if self._told:
            raise _BrokenError(self._told)

    def _record(self, sequence: int, time: int, recorded_hash: object, record: object) -> None:
        if self.count and sequence != self.last + 1:
            missing = f"{self.last + 1} to {sequence - 1}" if sequence > self.last + 2 else f"{self.last + 1}"
            message = f"record {missing} was removed: {sequence} follows {self.last}"
            raise _BrokenError(message)
        if not isinstance(record, bytes) or not isinstance(recorded_hash, bytes) or digest(record) != recorded_hash:
            message = f"record {sequence} was changed: its hash is another one"
            raise _BrokenError(message)
        try:
            entry = read_entry(record, recorded_hash)
        except DecodingError as error:
            message = f"record {sequence} cannot be read: {error}"
            raise _BrokenError(message) from error
        if entry.sequence != sequence:
            message = f"record {sequence} is not in its place: it was written as {entry.sequence}"
            raise _BrokenError(message)
        if entry.time != time:
            message = f"record {sequence} was changed: the time beside it is another one"
            raise _BrokenError(message)
        if not self.count:
            self.first, self.before = sequence, entry.previous
            self._check_first(entry)
        elif entry.previous != self.hash:
            message = f"record {sequence} does not follow what stands before it: one of the two was put there later"
            raise _BrokenError(message)
        self._note(entry)
        self.last, self.hash = sequence, recorded_hash
        self.count += 1

    def _check_first(self, entry: Entry) -> None:
        if (entry.sequence == 0) != (entry.type == TrailBegun.__name__ and entry.previous == NO_HASH):
            message = f"record {entry.sequence} is no beginning of a trail"
            raise _BrokenError(message)

    def _note(self, entry: Entry) -> None:
        if entry.type == RecordsCut.__name__:
            self._cuts[_held(entry, "Through")] = _held(entry, "Continues")
        elif entry.type == RecordsLost.__name__:
            self.lost += _held(entry, "Lost")
        elif entry.type == TrailBroken.__name__ and not self._told:
            text = decode(entry.fields["Message"])
            self._told = f"{entry} says: {text.held.text if text is not None else 'the trail was broken'}"

    def cuts(self, connection: sqlite3.Connection) -> None:
        """Check that what is gone from the beginning was removed by a cut, and that no other cut is claimed."""
        if self.first > 0 and self._cuts.get(self.first - 1) != self.before:
            message = f"the records before {self.first} were removed, and no record says so"
            raise _BrokenError(message)
        for through, recorded_hash in connection.execute("SELECT through, hash FROM cut ORDER BY through"):
            if through >= self.first or self._cuts.get(through, recorded_hash) != recorded_hash:
                message = f"a cut through record {through} is prepared, and no record says so"
                raise _BrokenError(message)
        if self.first > 0:
            newest = connection.execute("SELECT max(through) FROM cut").fetchone()[0]
            if newest != self.first - 1:
                message = f"the records before {self.first} were removed, and the last cut was through {newest}"
                raise _BrokenError(message)

    def head(self, connection: sqlite3.Connection, head: Head | None, file: Path) -> None:
        if head is None:
            if self.count > 1:
                message = (
                    f"there is no head file {file}: whether the end is complete cannot be told (name a copy of it)"
                )
                raise _BrokenError(message)
            return
        if head.sequence > self.last:
            what = (
                f"record {self.last + 1} to {head.sequence}"
                if head.sequence > self.last + 1
                else f"record {head.sequence}"
            )
            message = f"the end was removed: {what}, which the head file names, is not there"
            raise _BrokenError(message)
        found = connection.execute("SELECT hash FROM record WHERE sequence = ?", (head.sequence,)).fetchone()
        if found is not None and found[0] != head.hash:
            message = (
                f"record {head.sequence} is not the one that the head file names: all from there on may be another's"
            )
            raise _BrokenError(message)


def _held(entry: Entry, name: str) -> Any:  # noqa: ANN401 - a field's value is of its own type
    value = decode(entry.fields.get(name, b"\x00"))
    if value is None:
        message = f"{entry} has no {name}"
        raise _BrokenError(message)
    return value.held
