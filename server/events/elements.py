"""The elements of a where-clause whose operators know more than their operands: types, and literals made ready."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from asyncua.ua.status_codes import StatusCodes

from nodesets.built_in_types import BuiltInType as Kind
from nodesets.nodes import NodeClass
from server.address_space.keys import NodeKey, numeric_key
from server.events.conversion import explicit
from server.events.event import Event
from server.events.event_types import EventTypes
from server.events.like import Like, PatternError
from server.events.operands import Operand
from server.events.operators import IN_LIST, LIKE, OPERATORS, Operator, boolean, like_pattern, text_of
from server.events.values import ExpandedKey, Value

CAST, IN_VIEW, OF_TYPE, RELATED_TO = 12, 13, 14, 15
UNSUPPORTED = frozenset({IN_VIEW, RELATED_TO})
"""Operators on nodes and their references, which queries have and events have not."""
_FIRST_OF_MANY = {IN_LIST}
_COUNTS = {CAST: 2, OF_TYPE: 1} | {number: count for number, (count, _) in OPERATORS.items()}
_BUILT_IN = frozenset(numeric_key(0, number) for number in range(1, 26))
_ENUMERATION = numeric_key(0, 29)
_TYPES = (NodeClass.OBJECT_TYPE, NodeClass.VARIABLE_TYPE)


class LiteralRefusedError(Exception):
    """The literal at ``index`` of an element's operands can never be right."""

    def __init__(self, index: int) -> None:
        """Keep the operand's index."""
        self.index = index
        super().__init__(f"operand {index}")


class Element(NamedTuple):
    """An element ready to be evaluated."""

    operands: Sequence[Operand]
    apply: Operator


def count_fits(number: int, count: int) -> bool:
    """Tell whether an operator takes that many operands; one too many is an error, too (7.7.1)."""
    wanted = _COUNTS[number]
    return count >= wanted if number in _FIRST_OF_MANY else count == wanted


def support(number: int) -> int:
    """Give the StatusCode of an operator: 0, or why there is none of that number."""
    if number in _COUNTS:
        return 0
    return StatusCodes.BadFilterOperatorUnsupported if number in UNSUPPORTED else StatusCodes.BadFilterOperatorInvalid


def prepare(types: EventTypes, number: int, operands: Sequence[Operand]) -> Element:
    """Make an element of checked operands. Raises :class:`LiteralRefusedError`."""
    if number == OF_TYPE:
        return _of_type(types, operands[0])
    if number == CAST:
        return Element(operands, _cast(types))
    if number == LIKE and operands[1].is_literal:
        return Element(operands[:1], _like(operands[1].literal))
    if number == IN_LIST and all(operand.is_literal for operand in operands[1:]):
        return Element(operands[:1], _in_list([operand.literal for operand in operands[1:]]))
    return Element(operands, OPERATORS[number][1])


def _of_type(types: EventTypes, operand: Operand) -> Element:
    """TRUE for events of a type or of its subtypes."""
    if operand.is_literal and operand.literal is not None:
        node = types.space.get(_key(operand.literal) or 0)
        if node is None or node.node_class not in _TYPES:
            raise LiteralRefusedError(0)

    def apply(values: Sequence[Value | None]) -> Value | None:
        kind, wanted = values
        key = None if wanted is None else _key(wanted)
        if kind is None or wanted is None:
            return None
        return boolean(key is not None and types.space.is_subtype(kind.held, key))

    return Element((Operand(_event_type), operand), apply)


def _event_type(event: Event, _values: Sequence[Value | None]) -> Value:
    return Value(Kind.NodeId, event.type)


def _key(value: Value) -> NodeKey | None:
    held = value.held
    if isinstance(held, ExpandedKey):
        return held.key if held.uri is None and not held.server else None
    return held if value.kind == Kind.NodeId else None


def _cast(types: EventTypes) -> Operator:
    """Any mistake gives null (Table 122)."""

    def apply(values: Sequence[Value | None]) -> Value | None:
        value, wanted = values
        key = None if wanted is None else _key(wanted)
        kind = None if key is None else _built_in(types, key)
        return None if value is None or kind is None else explicit(value, kind)

    return apply


def _built_in(types: EventTypes, data_type: NodeKey) -> int | None:
    """Give the built-in type that values of a DataType are encoded as."""
    node = types.space.get(data_type)
    if node is None or node.node_class is not NodeClass.DATA_TYPE:
        return None
    for key in (data_type, *types.space.supertypes(data_type)):
        if key in _BUILT_IN and isinstance(key, int):
            return key
        if key == _ENUMERATION:
            return Kind.Int32
    return None


def _like(pattern: Value | None) -> Operator:
    if pattern is None:
        return lambda _values: None
    text = text_of(pattern)
    if text is None:
        return lambda values: None if values[0] is None else boolean(False)  # noqa: FBT003 - the value of the operator
    try:
        read = Like(text)
    except PatternError:
        raise LiteralRefusedError(1) from None
    return lambda values: like_pattern(read, values[0])


def _is_itself(held: object) -> bool:
    """Tell all else from NaN, which equals nothing and yet is found in a set that it is in."""
    return not isinstance(held, float) or not math.isnan(held)


def _in_list(literals: Sequence[Value | None]) -> Operator:
    """Look among the literals of the value's own type at once; those of others are compared one by one."""
    whole = OPERATORS[IN_LIST][1]
    same = frozenset(literal for literal in literals if literal is not None)
    kinds = {literal.kind for literal in same}
    has_null = None in literals

    def apply(values: Sequence[Value | None]) -> Value | None:
        value = values[0]
        if value is not None and kinds <= {value.kind} and _is_itself(value.held):
            found = value in same
            return boolean(None if has_null and not found else found)
        return whole((value, *literals))

    return apply
