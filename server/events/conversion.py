"""Conversions between built-in types in filters (Part 4 v1.05 7.7.3, Tables 125 and 126).

Of two types, the one of lower precedence is converted to the other, if that conversion is an implicit one. Cast may do
the explicit ones, too. Every function here gives None for what cannot be converted.
"""

from __future__ import annotations

from nodesets.built_in_types import BuiltInType as Kind
from server.events.conversions import CONVERSIONS, FLOATING, INTEGERS
from server.events.values import Value

_PRECEDENCE = (
    Kind.Double,
    Kind.Float,
    Kind.Int64,
    Kind.UInt64,
    Kind.Int32,
    Kind.UInt32,
    Kind.StatusCode,
    Kind.Int16,
    Kind.UInt16,
    Kind.SByte,
    Kind.Byte,
    Kind.Boolean,
    Kind.Guid,
    Kind.String,
    Kind.ExpandedNodeId,
    Kind.NodeId,
    Kind.LocalizedText,
    Kind.QualifiedName,
)
_RANK: dict[int, int] = {kind: rank for rank, kind in enumerate(_PRECEDENCE)}
_NUMBERS = frozenset((*INTEGERS, *FLOATING))
_IMPLICIT: dict[int, frozenset[Kind]] = {
    **dict.fromkeys(_NUMBERS, _NUMBERS),
    Kind.UInt16: _NUMBERS | {Kind.StatusCode},
    Kind.Boolean: _NUMBERS,
    Kind.StatusCode: frozenset({Kind.Int32, Kind.UInt32, Kind.Int64, Kind.UInt64}),
    Kind.String: _NUMBERS | {Kind.Boolean, Kind.Guid},
    Kind.ExpandedNodeId: frozenset({Kind.String}),
    Kind.NodeId: frozenset({Kind.String, Kind.ExpandedNodeId}),
    Kind.LocalizedText: frozenset({Kind.String}),
    Kind.QualifiedName: frozenset({Kind.String, Kind.LocalizedText}),
}
"""What each type is converted to without being asked; towards higher precedence alone."""


def in_common(left: Value, right: Value) -> tuple[Value, Value] | None:
    """Give two values as ones of the same type."""
    if left.kind == right.kind:
        return left, right
    ranks = _RANK.get(left.kind), _RANK.get(right.kind)
    if ranks[0] is None or ranks[1] is None:
        return None
    if ranks[0] < ranks[1]:
        converted = implicit(right, left.kind)
        return None if converted is None else (left, converted)
    converted = implicit(left, right.kind)
    return None if converted is None else (converted, right)


def implicit(value: Value, kind: int) -> Value | None:
    """Convert a value to a type for which nobody has to ask."""
    if value.kind == kind:
        return value
    return explicit(value, kind) if kind in _IMPLICIT.get(value.kind, ()) else None


def explicit(value: Value, kind: int) -> Value | None:
    """Convert a value as Cast does."""
    if value.kind == kind:
        return value
    convert = CONVERSIONS.get((value.kind, kind))
    held = None if convert is None else convert(value.held)
    return None if held is None else Value(kind, held)


def as_boolean(value: Value | None) -> bool | None:
    """Give what And, Or and Not see: what is no Boolean and does not become one by itself is null."""
    converted = None if value is None else implicit(value, Kind.Boolean)
    return None if converted is None else converted.held
