"""Events as a client brings them: an EventFilter that names the fields, and their values (Part 11 v1.05 6.9.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes

from core.errors import PlantspaceError
from core.time import DATETIME_MAX_TICKS
from historian.editing import UpdateKind
from nodesets.built_in_types import BuiltInType, LocalizedText
from server.address_space.decoding import Cursor, DecodingError
from server.address_space.keys import NULL_KEY
from server.address_space.node import BrowseName
from server.events.event import (
    EVENT_ID,
    EVENT_TYPE,
    HIGHEST_SEVERITY,
    LOWEST_SEVERITY,
    SEVERITY,
    SOURCE_NODE,
    TIME,
    Event,
    Path,
    base_fields,
)
from server.events.event_types import EventTypes
from server.events.request import EventFilterUnreadableError, SimpleAttribute, read_event_filter
from server.events.values import decode
from server.ua_stack.history.pages import HistoryRefused

CONDITION_ID: Final[Path] = ()
"""Stands for the ConditionId, which is selected by an empty path (Part 9 v1.05 5.5.2)."""
_KINDS: Final[Mapping[Path, BuiltInType]] = {
    EVENT_ID: BuiltInType.ByteString,
    EVENT_TYPE: BuiltInType.NodeId,
    SOURCE_NODE: BuiltInType.NodeId,
    TIME: BuiltInType.DateTime,
    SEVERITY: BuiltInType.UInt16,
    CONDITION_ID: BuiltInType.NodeId,
}
"""Fields that the history goes by; null is of any type."""
_REQUIRED: Final[Mapping[UpdateKind, Sequence[Path]]] = {
    UpdateKind.INSERT: (EVENT_TYPE, TIME),
    UpdateKind.REPLACE: (EVENT_ID,),
    UpdateKind.UPDATE: (EVENT_ID, EVENT_TYPE, TIME),
}

Fields = dict[Path, bytes]


class EventRefused(PlantspaceError):  # noqa: N818 - the name says what became of the event
    """One event cannot be brought in; ``status``: what its result is."""

    def __init__(self, status: int) -> None:
        """Keep the StatusCode."""
        self.status = status
        super().__init__(f"0x{status:08X}")


def read_clauses(asked: bytes, kind: UpdateKind) -> list[Path]:
    """Read the fields that a change brings off its EventFilter. Raises :class:`HistoryRefused`.

    The where-clause is empty: the EventId says which event is meant.
    """
    try:
        read = read_event_filter(asked)
    except EventFilterUnreadableError:
        raise HistoryRefused(StatusCodes.BadEventFilterInvalid) from None
    if read.where:
        raise HistoryRefused(StatusCodes.BadEventFilterInvalid)
    paths = [_path(clause) for clause in read.select]
    if any(path not in paths for path in _REQUIRED[kind]):
        raise HistoryRefused(StatusCodes.BadArgumentsMissing)
    return paths


def read_fields(paths: Sequence[Path], row: bytes) -> Fields:
    """Read the fields of one event off its HistoryEventFieldList. Raises :class:`EventRefused`."""
    cursor = Cursor(row)
    try:
        if cursor.count(1) != len(paths):
            raise EventRefused(StatusCodes.BadInvalidArgument)
        fields = {path: cursor.variant() for path in paths}
    except DecodingError:
        raise EventRefused(StatusCodes.BadDecodingError) from None
    for path, kind in _KINDS.items():
        held = decode(fields[path]) if path in fields else None
        if held is not None and held.kind != kind:
            raise EventRefused(StatusCodes.BadTypeMismatch)
    return fields


def event_id_of(fields: Fields) -> bytes:
    """Give the EventId that a client named; empty for none."""
    return _held(fields, EVENT_ID) or b""


def whole(types: EventTypes, fields: Fields, before: Event | None) -> tuple[Event, bool]:
    """Make the event of a client's fields, and of those that it had ``before``; and tell whether some are ignored.

    An EventId that is not given is made, and what else BaseEventType has. Raises :class:`EventRefused`.
    """
    given = {**before.fields, **fields} if before is not None else fields
    kind, source = _held(given, EVENT_TYPE), _held(given, SOURCE_NODE) or NULL_KEY
    if kind is None or not types.is_event_type(kind):
        raise EventRefused(StatusCodes.BadTypeDefinitionInvalid)
    node = types.space.get(source)
    if node is None and source != NULL_KEY and (before is None or before.source != source):
        raise EventRefused(StatusCodes.BadSourceNodeIdInvalid)
    time, severity = _held(given, TIME), _held(given, SEVERITY)
    if time is None or not 0 < time <= DATETIME_MAX_TICKS:
        raise EventRefused(StatusCodes.BadOutOfRange)
    if severity is not None and not LOWEST_SEVERITY <= severity <= HIGHEST_SEVERITY:
        raise EventRefused(StatusCodes.BadOutOfRange)
    known = types.fields(kind)
    condition = _held(given, CONDITION_ID) or (before.condition if before is not None else None)
    name = "" if node is None else node.browse_name.name
    made = base_fields(kind, source, name, LocalizedText(None, None), severity or LOWEST_SEVERITY, time)
    made |= {path: encoded for path, encoded in given.items() if path in known and path != EVENT_ID}
    if event_id_of(given):
        made[EVENT_ID] = given[EVENT_ID]
    ignored = any(path not in known and path != CONDITION_ID for path in fields)
    return Event(kind, source, made, condition), ignored


def _path(clause: SimpleAttribute) -> Path:
    path = tuple(BrowseName(namespace, name or "") for namespace, name in clause.path)
    wanted = AttributeIds.Value if path else AttributeIds.NodeId
    if clause.attribute != wanted or clause.index_range or not all(part.name for part in path):
        raise HistoryRefused(StatusCodes.BadEventFilterInvalid)
    return path


def _held(fields: Mapping[Path, bytes], path: Path) -> Any:  # noqa: ANN401 - of the type in _KINDS
    encoded = fields.get(path)
    value = None if encoded is None else decode(encoded)
    return None if value is None else value.held
