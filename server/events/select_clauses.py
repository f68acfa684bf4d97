"""SimpleAttributeOperands on events: what to look up, worked out once (Part 4 v1.05 7.7.4.5 and 7.22.3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes

from core.errors import PlantspaceError
from nodesets.built_in_types import BuiltInType
from nodesets.nodes import NodeClass
from server.address_space.encoding import NULL_VARIANT, encode_uint32, node_id_variant, variant
from server.address_space.index_range import Bounds, IndexRangeRefused, parse_index_range, read_range
from server.address_space.keys import NodeKey, numeric_key
from server.address_space.node import BrowseName, SpaceNode
from server.events.event import BASE_EVENT_TYPE, Event, Path
from server.events.event_types import EventTypes
from server.events.request import SimpleAttribute
from server.events.values import Value, decode

_CONDITION_TYPE = numeric_key(0, ObjectIds.ConditionType)
_BASE_DATA_TYPE = numeric_key(0, ObjectIds.BaseDataType)
_TEXTS = (numeric_key(0, BuiltInType.String), numeric_key(0, BuiltInType.ByteString))
_STATUS_CODE = (numeric_key(0, BuiltInType.StatusCode),)
_SCALAR = -1


class ClauseRefused(PlantspaceError):  # noqa: N818 - the name says what became of the clause
    """A clause names what no event will ever have; ``status`` is its result."""

    def __init__(self, status: int) -> None:
        """Keep the StatusCode."""
        self.status = status
        super().__init__(f"0x{status:08X}")


@dataclass(frozen=True, slots=True)
class Clause:
    """What a clause selects: ``field(event)`` as an encoded Variant, ``value(event)`` for comparing."""

    field: Callable[[Event], bytes]
    value: Callable[[Event], Value | None]


def read_clause(types: EventTypes, asked: SimpleAttribute) -> Clause:
    """Check a clause. Raises :class:`ClauseRefused` with a StatusCode of Part 4 v1.05 7.22.3."""
    kind, attribute = asked.type, asked.attribute
    if not types.is_event_type(kind):
        raise ClauseRefused(StatusCodes.BadTypeDefinitionInvalid)
    path = tuple(BrowseName(namespace, name or "") for namespace, name in asked.path)
    if not all(part.name for part in path):
        raise ClauseRefused(StatusCodes.BadBrowseNameInvalid)
    bounds = _bounds(asked.index_range)
    if not path:
        return _condition_id(types, kind, attribute, bounds)
    declared = types.declarations(kind, path)
    if not declared:
        raise ClauseRefused(StatusCodes.BadNodeIdUnknown)
    if attribute == AttributeIds.NodeId and any(node.node_class is NodeClass.OBJECT for node in declared):
        return _object_id(types, kind, path)
    variables = [node for node in declared if node.node_class is NodeClass.VARIABLE]
    if attribute != AttributeIds.Value or not variables:
        raise ClauseRefused(StatusCodes.BadAttributeIdInvalid)
    if bounds and not any(_has_parts(types, node) for node in variables):
        raise ClauseRefused(StatusCodes.BadTypeMismatch)
    return _field(types, kind, path, bounds, holds_codes=any(_holds_codes(types, node) for node in variables))


def _bounds(text: str | None) -> tuple[Bounds, ...]:
    try:
        return parse_index_range(text) if text else ()
    except IndexRangeRefused as refused:
        raise ClauseRefused(refused.status) from None


def _has_parts(types: EventTypes, node: SpaceNode) -> bool:
    """Tell whether an IndexRange may ever take a part of a field: of arrays, texts, and what holds anything."""
    described = node.variable
    return described is None or described.value_rank != _SCALAR or _is_any(types, described.data_type, _TEXTS)


def _holds_codes(types: EventTypes, node: SpaceNode) -> bool:
    return node.variable is None or _is_any(types, node.variable.data_type, _STATUS_CODE)


def _is_any(types: EventTypes, data_type: NodeKey, bases: Sequence[NodeKey]) -> bool:
    return data_type == _BASE_DATA_TYPE or any(types.space.is_subtype(data_type, base) for base in bases)


def _is_of(types: EventTypes, kind: NodeKey) -> Callable[[Event], bool]:
    """Tell for events whether a clause's type lets it select from them."""
    if kind == BASE_EVENT_TYPE:
        return lambda _event: True
    return lambda event: types.space.is_subtype(event.type, kind)


def _condition_id(types: EventTypes, kind: NodeKey, attribute: int, bounds: Sequence[Bounds]) -> Clause:
    """An empty path with the NodeId attribute selects the ConditionId (Part 9 v1.05 5.5.2)."""
    related = types.space.is_subtype(kind, _CONDITION_TYPE) or types.space.is_subtype(_CONDITION_TYPE, kind)
    if attribute != AttributeIds.NodeId or not related:
        raise ClauseRefused(StatusCodes.BadAttributeIdInvalid)
    if bounds:
        raise ClauseRefused(StatusCodes.BadTypeMismatch)
    fits = _is_of(types, kind)

    def field(event: Event) -> bytes:
        return node_id_variant(event.condition) if event.condition is not None and fits(event) else NULL_VARIANT

    return Clause(field, lambda event: decode(field(event)))


def _object_id(types: EventTypes, kind: NodeKey, path: Path) -> Clause:
    """The NodeId of an object of a Condition that is in the address space; other events have none."""
    fits = _is_of(types, kind)

    def field(event: Event) -> bytes:
        found = types.follow(event.condition, path) if event.condition is not None and fits(event) else None
        return NULL_VARIANT if found is None else node_id_variant(found)

    return Clause(field, lambda event: decode(field(event)))


def _field(types: EventTypes, kind: NodeKey, path: Path, bounds: Sequence[Bounds], *, holds_codes: bool) -> Clause:
    fits = _is_of(types, kind)

    def field(event: Event) -> bytes:
        if not fits(event):
            return NULL_VARIANT
        encoded = event.encoded(path)
        return _part(encoded, bounds) if bounds and encoded != NULL_VARIANT else encoded

    def value(event: Event) -> Value | None:
        if not fits(event):
            return None
        held = decode(field(event)) if bounds else event.value(path)
        # Part 4 v1.05 7.7.3: a StatusCode in place of a value says why there is none, and counts as null.
        return None if held is not None and held.kind == BuiltInType.StatusCode and not holds_codes else held

    if kind == BASE_EVENT_TYPE and not bounds:  # nearly all clauses are like this one

        def plain(event: Event) -> bytes:
            return event.fields.get(path, NULL_VARIANT)

        return Clause(plain, value)
    return Clause(field, value)


def _part(encoded: bytes, bounds: Sequence[Bounds]) -> bytes:
    """Give a part of a field, or the StatusCode that says why there is none."""
    try:
        return read_range(encoded, bounds)
    except IndexRangeRefused as refused:
        return variant(BuiltInType.StatusCode, encode_uint32(refused.status))
