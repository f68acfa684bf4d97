"""The bounds of the outbox: what a new record needs room for, what goes when there is none, what is too old.

Each function runs inside one transaction of the writer's thread. None looks at more records than it drops, but for the
oldest of each stream: this runs with every record that is accepted.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from heapq import merge
from pathlib import Path
from typing import Final

from historian.outbox_priorities import Priority
from historian.outbox_tables import Loss

_FETCHED_AT_ONCE: Final = 256
ROOM: Final = "bytes"
"""The reason of a loss: there was no room."""
AGE: Final = "age"
"""The reason of a loss: it had waited too long."""


@dataclass(frozen=True, slots=True)
class Cap:
    """How much may wait: ``largest`` bytes of payload in all, of alarms alone ``hardest``, none accepted before it.

    ``shares``: tells by a dropped record's stream, payload and samples whose these were; called on the writer's thread.
    """

    largest: int
    hardest: int
    priority: Callable[[str], Priority]
    shares: Callable[[str, bytes, int], Mapping[str, int]] | None = None


@dataclass(slots=True)
class _Stream:
    """A stream with the acceptance time of its oldest record (None: it holds none)."""

    number: int
    name: str
    bytes: int
    oldest: int | None


@dataclass(frozen=True, slots=True)
class _Held:
    sequence: int
    stream: _Stream
    samples: int
    size: int
    time: int


def refusal(connection: sqlite3.Connection, file: Path, stream: str, size: int, cap: Cap) -> str:
    """Say why there is no room that a record may take; an empty text where there is.

    It may take the room of its own class and of lower ones. One that is larger than the whole cap is let through, to be
    dropped and counted: a refusal would hold up what comes after it for ever. It raises nothing, so that what
    :func:`expire` dropped in the same transaction stays dropped.
    """
    mine = cap.priority(stream)
    above = kept = 0
    for name, waiting in connection.execute("SELECT name, bytes FROM stream"):
        other = cap.priority(name)
        above += waiting if other > mine else 0
        kept += waiting if other is Priority.ALARM else 0
    if mine is Priority.ALARM:
        if kept + size > cap.hardest:
            return (
                f"{file}: {kept} bytes of alarms wait, and no more than {cap.hardest} are kept; "
                "see why nobody takes them"
            )
    elif above + size > cap.largest >= size:
        return (
            f"{file}: it is full: {above} of {cap.largest} bytes are taken by what matters more than {stream}; "
            "see why nobody takes it, or let the outbox be larger"
        )
    return ""


def expire(connection: sqlite3.Connection, cap: Cap, oldest_of: Callable[[str], int]) -> list[Loss]:
    """Drop what was accepted before ``oldest_of`` its stream (ticks), whatever its class.

    Gives one loss a stream, which is counted in the file too.
    """
    losses: list[Loss] = []
    for stream in _streams(connection):
        oldest = oldest_of(stream.name)
        if stream.oldest is not None and stream.oldest < oldest:
            aged = _until(_oldest_first(connection, stream), lambda held, oldest=oldest: held.time >= oldest)
            losses.extend(loss for loss, _ in _drop(connection, cap, aged, AGE))
    return losses


def make_room(connection: sqlite3.Connection, cap: Cap) -> list[Loss]:
    """Drop what is over the cap: the lowest class first, in it the oldest.

    Gives one loss a stream, which is counted in the file too.
    """
    streams = _streams(connection)
    total = sum(stream.bytes for stream in streams)
    losses: list[Loss] = []
    for priority in Priority:
        if total <= cap.largest or priority is Priority.ALARM:
            break
        of_class = [stream for stream in streams if cap.priority(stream.name) is priority]
        waiting = merge(*(_oldest_first(connection, stream) for stream in of_class), key=lambda held: held.sequence)
        gone = _drop(connection, cap, _for_room(waiting, total - cap.largest), ROOM)
        total -= sum(size for _, size in gone)
        losses.extend(loss for loss, _ in gone)
    return losses


def _streams(connection: sqlite3.Connection) -> list[_Stream]:
    rows = connection.execute(
        "SELECT s.id, s.name, s.bytes,"
        " (SELECT r.time FROM record r WHERE r.stream = s.id ORDER BY r.sequence LIMIT 1) FROM stream s"
    )
    return [_Stream(*row) for row in rows]


def _oldest_first(connection: sqlite3.Connection, stream: _Stream) -> Iterator[_Held]:
    after = 0
    while True:
        rows = connection.execute(
            "SELECT sequence, samples, size, time FROM record WHERE stream = ? AND sequence > ?"
            " ORDER BY sequence LIMIT ?",
            (stream.number, after, _FETCHED_AT_ONCE),
        ).fetchall()
        if not rows:
            return
        for sequence, samples, size, time in rows:
            yield _Held(sequence, stream, samples, size, time)
        after = rows[-1][0]


def _until(held: Iterable[_Held], ends: Callable[[_Held], bool]) -> Iterator[_Held]:
    for one in held:
        if ends(one):
            return
        yield one


def _for_room(held: Iterable[_Held], wanted: int) -> Iterator[_Held]:
    for one in held:
        if wanted <= 0:
            return
        wanted -= one.size
        yield one


def _drop(connection: sqlite3.Connection, cap: Cap, held: Iterable[_Held], reason: str) -> list[tuple[Loss, int]]:
    """Drop records; gives what each stream lost, and how many bytes that were."""
    gone: dict[str, tuple[_Stream, Loss, int]] = {}
    for one in held:
        name = one.stream.name
        shares = _shares(connection, cap, one)
        connection.execute("DELETE FROM record WHERE sequence = ?", (one.sequence,))
        _, loss, size = gone.get(name, (one.stream, Loss(name, 0, 0, reason, one.time, one.time), 0))
        loss = replace(
            loss,
            records=loss.records + 1,
            samples=loss.samples + one.samples,
            first=min(loss.first, one.time),
            last=max(loss.last, one.time),
            through=max(loss.through, one.sequence),
            shares={who: loss.shares.get(who, 0) + shares.get(who, 0) for who in {**loss.shares, **shares}},
        )
        gone[name] = (one.stream, loss, size + one.size)
    for stream, loss, size in gone.values():
        connection.execute(
            "UPDATE stream SET records = records - ?1, samples = samples - ?2, bytes = bytes - ?3,"
            " lost_records = lost_records + ?1, lost_samples = lost_samples + ?2 WHERE id = ?4",
            (loss.records, loss.samples, size, stream.number),
        )
        connection.execute(
            "INSERT INTO loss (stream, reason, records, samples, first, last) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (stream, reason) DO UPDATE SET records = records + excluded.records,"
            " samples = samples + excluded.samples,"
            " first = min(first, excluded.first), last = max(last, excluded.last)",
            (stream.number, reason, loss.records, loss.samples, loss.first, loss.last),
        )
    return [(loss, size) for _, loss, size in gone.values()]


def _shares(connection: sqlite3.Connection, cap: Cap, held: _Held) -> Mapping[str, int]:
    """Ask whose samples a record holds, before it goes."""
    if cap.shares is None or not held.samples:
        return {}
    row = connection.execute("SELECT payload FROM record WHERE sequence = ?", (held.sequence,)).fetchone()
    return cap.shares(held.stream.name, row[0], held.samples)


def losses(connection: sqlite3.Connection) -> tuple[Loss, ...]:
    """Read all that was ever lost: one entry a stream and reason."""
    rows = connection.execute(
        "SELECT s.name, l.records, l.samples, l.reason, l.first, l.last FROM loss l JOIN stream s ON s.id = l.stream"
        " ORDER BY s.name, l.reason"
    )
    return tuple(Loss(*row) for row in rows)
