"""Reading events off their file: where they stand first, then what of them is wanted."""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Collection, Sequence
from itertools import islice
from typing import Final, NamedTuple

from historian.contract import Cursor
from historian.encoding import DamagedData
from historian.events import records
from historian.events.contract import EventPage, StoredEvent
from historian.events.tables import PATHS_END
from historian.raw_read import LATEST, TimeDomain

EXAMINED: Final = 20_000
"""Events that one page looks at where it looks for many sources; about 20 ms."""
PAGE_BYTES: Final = 1024 * 1024
"""Bytes of the fields, compressed, of one page that has a limit; a larger event is a page by itself."""
FEW_SOURCES: Final = 8
"""So many sources are each looked up; of more of them, all events are looked through."""
_COLUMNS: Final = (
    "SELECT e.event_id, e.time, k.text, s.text, e.severity, h.paths, e.payload FROM event e"
    " JOIN node k ON k.id = e.kind JOIN node s ON s.id = e.source JOIN shape h ON h.id = e.shape"
)


class _Place(NamedTuple):
    """Where an event stands, its row, and whose it is."""

    time: int
    ordinal: int
    row: int
    source: int

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.time, self.ordinal)


def read_page(
    connection: sqlite3.Connection,
    domain: TimeDomain,
    limit: int,
    sources: Collection[str] | None,
    cursor: Cursor | None,
) -> EventPage:
    """Read one page, on one snapshot."""
    begin = cursor or _before(domain)
    known = None if sources is None else _ids(connection, sources)
    wanted = limit + 1 if limit else -1
    if known is None:
        places, end = _cut(_places(connection, domain, begin, wanted), limit)
    elif len(known) <= FEW_SOURCES:
        places, end = _cut(_of_few(connection, domain, begin, wanted, known), limit)
    else:
        examined = _places(connection, domain, begin, EXAMINED if limit else -1)
        places, end = _cut([place for place in examined if place.source in known], limit)
        if end is None and len(examined) == EXAMINED and limit:
            end = examined[-1].cursor
    return _page(connection, places, end, is_bounded=bool(limit))


def find(connection: sqlite3.Connection, event_ids: Sequence[bytes]) -> list[StoredEvent | None]:
    """Look events up; None for each that is not kept, or whose bytes are damaged."""
    found: list[StoredEvent | None] = []
    for event_id in event_ids:
        row = connection.execute(f"{_COLUMNS} WHERE e.event_id = ?", (event_id,)).fetchone()
        try:
            found.append(None if row is None else _event(row))
        except DamagedData:
            found.append(None)
    return found


def sources(connection: sqlite3.Connection) -> frozenset[str]:
    """Name the SourceNodes that have or had events."""
    return frozenset(row[0] for row in connection.execute("SELECT text FROM node WHERE is_source"))


def _before(domain: TimeDomain) -> Cursor:
    """Give the position from which everything in the domain is still to come."""
    return Cursor(domain.begin, -1) if domain.forward else Cursor(min(domain.begin, LATEST) + 1, 0)


def _ids(connection: sqlite3.Connection, texts: Collection[str]) -> frozenset[int]:
    wanted = frozenset(texts)
    rows = connection.execute("SELECT id, text FROM node WHERE is_source")
    return frozenset(row for row, text in rows if text in wanted)


def _places(
    connection: sqlite3.Connection, domain: TimeDomain, begin: Cursor, limit: int, source: int | None = None
) -> list[_Place]:
    """Give up to ``limit`` places (-1 = all) behind ``begin``, straight along an index."""
    order, beyond, within = ("ASC", ">", "<=") if domain.forward else ("DESC", "<", ">=")
    only = "" if source is None else "source = ?5 AND "
    query = (
        f"SELECT time, ordinal, id, source FROM event WHERE {only}(time, ordinal) {beyond} (?1, ?2)"  # noqa: S608 - words of our own
        f" AND time {within} ?3 ORDER BY time {order}, ordinal {order} LIMIT ?4"
    )
    values = (begin.time, begin.ordinal, domain.high if domain.forward else domain.low, limit)
    return [_Place(*row) for row in connection.execute(query, values if source is None else (*values, source))]


def _of_few(
    connection: sqlite3.Connection, domain: TimeDomain, begin: Cursor, limit: int, known: Collection[int]
) -> list[_Place]:
    """Look each source up, and put what is found in order."""
    found = [_places(connection, domain, begin, limit, source) for source in known]
    merged = heapq.merge(*found, reverse=not domain.forward)
    return list(merged if limit < 0 else islice(merged, limit))


def _cut(places: list[_Place], limit: int) -> tuple[list[_Place], Cursor | None]:
    """Leave the one out that was asked for to know whether there is more."""
    if not limit or len(places) <= limit:
        return places, None
    kept = places[:limit]
    return kept, kept[-1].cursor


def _page(
    connection: sqlite3.Connection, places: Sequence[_Place], end: Cursor | None, *, is_bounded: bool
) -> EventPage:
    events: list[StoredEvent] = []
    positions: list[Cursor] = []
    size = damaged = 0
    for number, place in enumerate(places):
        row = connection.execute(f"{_COLUMNS} WHERE e.id = ?", (place.row,)).fetchone()
        size += len(row[-1])
        if is_bounded and size > PAGE_BYTES and number:
            return EventPage(events, positions, places[number - 1].cursor, damaged)
        try:
            events.append(_event(row))
            positions.append(place.cursor)
        except DamagedData:
            damaged += 1
    return EventPage(events, positions, end, damaged)


def _event(row: tuple[bytes, int, str, str, int, str, bytes]) -> StoredEvent:
    event_id, time, kind, source, severity, shape, payload = row
    paths = shape.split(PATHS_END)[:-1]
    fields = dict(zip(paths, records.read_values(payload, len(paths)), strict=True))
    return StoredEvent(event_id, time, kind, source, severity, fields)
