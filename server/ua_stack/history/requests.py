"""HistoryRead and HistoryUpdate requests off their bytes (Part 4 v1.05 5.11.3.2 and 5.11.5.2).

Times stay DateTime ticks: a value is deleted by its very time, of which asyncua's own times lose the last digit.
Filters and fields of events stay the bytes that they came as, for the part that knows them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from asyncua import ua

from core.time import DATETIME_MAX_TICKS
from server.address_space.decoding import Cursor, GivenValue
from server.address_space.extents import MOST_VALUES
from server.address_space.keys import NULL_KEY, NodeKey
from server.address_space.operation_count import check_count
from server.subscriptions.encoding import Timestamps
from server.ua_stack.decode_budget.requests import take_structure
from server.ua_stack.operation_limits import MAX_NODES_PER_HISTORY_UPDATE

_ids = ua.ObjectIds
_TIME = 8
_LEAST_ITEM = 2 + 4 + 6 + 4
"""Bytes of a HistoryReadValueId at least."""
_LEAST_DETAILS = 3
_LEAST_ROW = 4
"""Of a HistoryEventFieldList, and of an EventId."""
_BINARY = 1
_TIMESTAMPS: Sequence[Timestamps | None] = (Timestamps.SOURCE, Timestamps.SERVER, Timestamps.BOTH, None)


class ReadRaw(NamedTuple):
    """ReadRawModifiedDetails (Part 11 v1.05 6.5.3); times are ticks, None for those not given."""

    modified: bool
    start: int | None
    end: int | None
    limit: int
    bounds: bool


class GivenConfiguration(NamedTuple):
    """An AggregateConfiguration (Part 13 v1.05 4.2.1.2)."""

    uncertain_is_bad: bool
    percent_bad: int
    percent_good: int
    sloped: bool


class ReadProcessed(NamedTuple):
    """ReadProcessedDetails (6.5.4). ``interval``: ms; ``aggregates``: one a node; no configuration: the defaults."""

    start: int | None
    end: int | None
    interval: float
    aggregates: tuple[NodeKey, ...]
    configuration: GivenConfiguration | None


class ReadAtTime(NamedTuple):
    """ReadAtTimeDetails (6.5.5)."""

    times: tuple[int, ...]
    simple_bounds: bool


class ReadAnnotations(NamedTuple):
    """ReadAnnotationDataDetails (6.5.6)."""

    times: tuple[int, ...]


class ReadEvents(NamedTuple):
    """ReadEventDetails (6.5.2). ``wanted``: events, 0 for all; ``filter``: the EventFilter as it was sent."""

    start: int | None
    end: int | None
    wanted: int
    filter: bytes


class UpdateEvents(NamedTuple):
    """UpdateEventDetails (6.9.4). ``filter``, and of each event the HistoryEventFieldList, are as they were sent."""

    node: NodeKey
    perform: int
    filter: bytes
    rows: tuple[bytes, ...]


class DeleteEvents(NamedTuple):
    """DeleteEventDetails (6.9.7). ``ids``: EventIds."""

    node: NodeKey
    ids: tuple[bytes, ...]


class EventDetails(NamedTuple):
    """What is asked of the history of events. ``node``: of a change; of a read it stands with the nodes."""

    node: NodeKey
    given: ReadEvents | UpdateEvents | DeleteEvents


class UnknownDetails(NamedTuple):
    """Details of a kind that this server does not have."""

    kind: NodeKey
    node: NodeKey = NULL_KEY


class UpdateData(NamedTuple):
    """UpdateDataDetails (6.9.2), or UpdateStructureDataDetails (6.9.3); ``perform``: PerformUpdateType."""

    node: NodeKey
    structures: bool
    perform: int
    values: tuple[GivenValue, ...]


class DeleteRaw(NamedTuple):
    """DeleteRawModifiedDetails (6.9.5)."""

    node: NodeKey
    modified: bool
    start: int | None
    end: int | None


class DeleteAtTime(NamedTuple):
    """DeleteAtTimeDetails (6.9.6)."""

    node: NodeKey
    times: tuple[int, ...]


ReadDetails = ReadRaw | ReadProcessed | ReadAtTime | ReadAnnotations | EventDetails | UnknownDetails
UpdateDetails = UpdateData | DeleteRaw | DeleteAtTime | EventDetails | UnknownDetails


class HistoryItem(NamedTuple):
    """A HistoryReadValueId (Part 4 v1.05 7.15). ``encoding``: DataEncoding's name; ``point``: b"" for a first read."""

    node: NodeKey
    index_range: str
    encoding: str
    point: bytes


class HistoryRead(NamedTuple):
    """A whole request. ``timestamps``: None for Neither, and for a number that is none."""

    details: ReadDetails
    timestamps: Timestamps | None
    release: bool
    items: tuple[HistoryItem, ...]


def read_request(body: bytes) -> HistoryRead:
    """Read HistoryRead's parameters. Raises :class:`DecodingError`."""
    cursor = Cursor(body, 0, MOST_VALUES)
    details = _details(cursor, _READS)
    timestamps = cursor.int32()
    release = bool(cursor.byte())
    items: list[HistoryItem] = []
    for _ in range(_count(cursor, _LEAST_ITEM)):
        node, index_range = cursor.node_id(), cursor.string() or ""
        _, encoding = cursor.qualified_name()
        items.append(HistoryItem(node, index_range, encoding or "", cursor.bytes() or b""))
    known = _TIMESTAMPS[timestamps] if 0 <= timestamps < len(_TIMESTAMPS) else None
    return HistoryRead(details, known, release, tuple(items))


def update_request(body: bytes) -> tuple[UpdateDetails, ...]:
    """Read HistoryUpdate's parameters. Raises :class:`DecodingError`.

    What has more details than MaxNodesPerHistoryUpdate allows is refused before any are read: then, and for none at
    all, it raises asyncua's ``ServiceError``.
    """
    cursor = Cursor(body, 0, MOST_VALUES)
    count = _count(cursor, _LEAST_DETAILS)
    check_count(count, MAX_NODES_PER_HISTORY_UPDATE)
    return tuple(_details(cursor, _UPDATES) for _ in range(count))


def _details(cursor: Cursor, known: dict[NodeKey, Callable[[Cursor], Any]]) -> Any:
    kind, form = cursor.node_id(), cursor.byte()
    body = cursor.bytes() or b"" if form else b""
    read = known.get(kind)
    if read is None or form != _BINARY:
        return UnknownDetails(kind)
    inner = Cursor(body, 0, cursor.left)  # of the one budget that the message has
    details = read(inner)
    cursor.left = inner.left
    return details


def _count(cursor: Cursor, least: int) -> int:
    """Read an array's length, which the message's budget has to allow (threat 4)."""
    count = cursor.count(least)
    cursor.spend(count)
    return count


def _moment(cursor: Cursor) -> int | None:
    """Read a time; DateTime.MinValue means not given (Part 11 v1.05 6.5.3.1), MaxValue the end of the year 9999.

    On the wire whatever is no more than the one, or no less than the other, stands for it (Part 6 v1.05 5.2.2.5).
    """
    ticks = cursor.int64()
    return min(ticks, DATETIME_MAX_TICKS) if ticks > 0 else None


def _times(cursor: Cursor) -> tuple[int, ...]:
    """Read times, those beyond DateTime's ends as these."""
    given = np.frombuffer(cursor.take(_TIME * _count(cursor, _TIME)), "<i8")
    return tuple(np.clip(given, 0, DATETIME_MAX_TICKS).tolist())


def _raw(cursor: Cursor) -> ReadRaw:
    modified = bool(cursor.byte())
    start, end = _moment(cursor), _moment(cursor)
    return ReadRaw(modified, start, end, cursor.uint32(), bool(cursor.byte()))


def _processed(cursor: Cursor) -> ReadProcessed:
    start, end, interval = _moment(cursor), _moment(cursor), cursor.double()
    aggregates = tuple(cursor.node_id() for _ in range(_count(cursor, 2)))
    defaults, uncertain = bool(cursor.byte()), bool(cursor.byte())
    bad, good, sloped = cursor.byte(), cursor.byte(), bool(cursor.byte())
    given = None if defaults else GivenConfiguration(uncertain, bad, good, sloped)
    return ReadProcessed(start, end, interval, aggregates, given)


def _at_time(cursor: Cursor) -> ReadAtTime:
    return ReadAtTime(_times(cursor), bool(cursor.byte()))


def _annotations(cursor: Cursor) -> ReadAnnotations:
    return ReadAnnotations(_times(cursor))


def _update(cursor: Cursor, *, structures: bool) -> UpdateData:
    node, perform = cursor.node_id(), cursor.int32()
    return UpdateData(node, structures, perform, tuple(cursor.data_value() for _ in range(_count(cursor, 1))))


def _update_data(cursor: Cursor) -> UpdateData:
    return _update(cursor, structures=False)


def _update_structures(cursor: Cursor) -> UpdateData:
    return _update(cursor, structures=True)


def _delete_raw(cursor: Cursor) -> DeleteRaw:
    return DeleteRaw(cursor.node_id(), bool(cursor.byte()), _moment(cursor), _moment(cursor))


def _delete_at(cursor: Cursor) -> DeleteAtTime:
    return DeleteAtTime(cursor.node_id(), _times(cursor))


def _read_events(cursor: Cursor) -> EventDetails:
    wanted, start, end = cursor.uint32(), _moment(cursor), _moment(cursor)
    return EventDetails(NULL_KEY, ReadEvents(start, end, wanted, take_structure(ua.EventFilter, cursor)))


def _update_events(cursor: Cursor) -> EventDetails:
    node, perform, asked = cursor.node_id(), cursor.int32(), take_structure(ua.EventFilter, cursor)
    rows = tuple(take_structure(ua.HistoryEventFieldList, cursor) for _ in range(_count(cursor, _LEAST_ROW)))
    return EventDetails(node, UpdateEvents(node, perform, asked, rows))


def _delete_events(cursor: Cursor) -> EventDetails:
    node = cursor.node_id()
    ids = tuple(cursor.bytes() or b"" for _ in range(_count(cursor, _LEAST_ROW)))
    return EventDetails(node, DeleteEvents(node, ids))


def _encodings(readers: dict[str, Callable[[Cursor], Any]]) -> dict[NodeKey, Callable[[Cursor], Any]]:
    return {int(getattr(_ids, f"{name}_Encoding_DefaultBinary")): read for name, read in readers.items()}


_READS = _encodings(
    {
        "ReadRawModifiedDetails": _raw,
        "ReadProcessedDetails": _processed,
        "ReadAtTimeDetails": _at_time,
        "ReadAnnotationDataDetails": _annotations,
        "ReadEventDetails": _read_events,
    }
)
_UPDATES = _encodings(
    {
        "UpdateDataDetails": _update_data,
        "UpdateStructureDataDetails": _update_structures,
        "DeleteRawModifiedDetails": _delete_raw,
        "DeleteAtTimeDetails": _delete_at,
        "UpdateEventDetails": _update_events,
        "DeleteEventDetails": _delete_events,
    }
)
