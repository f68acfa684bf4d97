"""HistoricalEventFilter: which fields of which events are in the history (Part 11 v1.05 5.4.2)."""

from __future__ import annotations

from typing import Final

from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds

from nodesets.built_in_types import BuiltInType
from server.address_space.encoding import (
    encode_array,
    encode_extension_object,
    encode_node_id,
    encode_qualified_name,
    encode_string,
    encode_uint32,
    node_id_variant,
    variant,
)
from server.address_space.keys import NodeKey, numeric_key
from server.audit.events import AUDIT_EVENT_TYPE
from server.events.elements import OF_TYPE
from server.events.event import BASE_EVENT_TYPE, Path
from server.events.event_types import EventTypes
from server.events.request import MAX_SELECT_CLAUSES
from server.slices import Slices

_FILTER: Final = numeric_key(0, ObjectIds.EventFilter_Encoding_DefaultBinary)
_ELEMENT: Final = numeric_key(0, ObjectIds.ElementOperand_Encoding_DefaultBinary)
_LITERAL: Final = numeric_key(0, ObjectIds.LiteralOperand_Encoding_DefaultBinary)
_NOT: Final = 7
"""FilterOperator (Part 4 v1.05 7.7.3)."""
_CONDITION: Final = numeric_key(0, ObjectIds.ConditionType)


async def kept_fields(types: EventTypes, *, audit: bool) -> bytes:
    """Give the EventFilter, as an encoded Variant, that says what is kept: all fields of all event types.

    Those of the base types come first, and there are as many as a filter may have. ``audit``: of audit events, too.
    """
    space = types.space
    slices = Slices()
    named: set[Path] = set()
    clauses = [_clause(_CONDITION, ())]
    kinds = sorted(space.subtypes(BASE_EVENT_TYPE), key=lambda kind: (len(space.supertypes(kind)), str(kind)))
    for kind in kinds:
        if not audit and space.is_subtype(kind, AUDIT_EVENT_TYPE):
            continue
        for path in types.fields(kind):
            if path not in named:
                named.add(path)
                clauses.append(_clause(kind, path))
        await slices.turn()
    where = () if audit else (_element(_NOT, _operand(_ELEMENT, encode_uint32(1))), _element(OF_TYPE, _no_audit()))
    body = encode_array(clauses[:MAX_SELECT_CLAUSES]) + encode_array(where)
    return variant(BuiltInType.ExtensionObject, encode_extension_object(_FILTER, body))


def _clause(kind: NodeKey, path: Path) -> bytes:
    names = encode_array([encode_qualified_name(part.namespace, part.name) for part in path])
    attribute = AttributeIds.Value if path else AttributeIds.NodeId
    return encode_node_id(kind) + names + encode_uint32(attribute) + encode_string(None)


def _element(operator: int, operand: bytes) -> bytes:
    return encode_uint32(operator) + encode_array((operand,))


def _operand(encoding: NodeKey, body: bytes) -> bytes:
    return encode_extension_object(encoding, body)


def _no_audit() -> bytes:
    return _operand(_LITERAL, node_id_variant(AUDIT_EVENT_TYPE))
