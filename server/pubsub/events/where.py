"""The where-clause of an event DataSet, built of the elements that EventFilters have (Part 4 v1.05 7.22.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from asyncua.ua.attribute_ids import AttributeIds

from server.address_space.encoding import node_id_variant, uint16_variant
from server.address_space.keys import NodeKey
from server.events.event import BASE_EVENT_TYPE, SEVERITY
from server.events.request import AskedElement, ElementReference, Literal, Operand, SimpleAttribute

_AT_LEAST, _NOT, _AND, _OR, _OF_TYPE = 4, 7, 10, 11, 14
"""FilterOperators (Part 4 v1.05 7.7.3)."""


class Condition(NamedTuple):
    """An element, whose operands may be elements."""

    operator: int
    operands: tuple[Operand | Condition, ...]


SEVERITY_CLAUSE: Final = SimpleAttribute(
    BASE_EVENT_TYPE, tuple((part.namespace, part.name) for part in SEVERITY), AttributeIds.Value, None
)


def where_elements(kinds: Sequence[NodeKey], excepted: Sequence[NodeKey], severity: int) -> list[AskedElement]:
    """Give the elements by which events of any of ``kinds`` pass, but none of those ``excepted``.

    Subtypes are meant with their types. ``severity``: the least.
    """
    conditions = [_any([_of_type(kind) for kind in kinds])] if kinds else []
    conditions += [Condition(_NOT, (_of_type(kind),)) for kind in excepted]
    if severity > 1:
        conditions.append(Condition(_AT_LEAST, (SEVERITY_CLAUSE, Literal(uint16_variant(severity)))))
    elements: list[AskedElement] = []
    if conditions:
        _add(_joined(_AND, conditions), elements)
    return elements


def _of_type(kind: NodeKey) -> Condition:
    return Condition(_OF_TYPE, (Literal(node_id_variant(kind)),))


def _any(conditions: Sequence[Condition]) -> Condition:
    return _joined(_OR, conditions)


def _joined(operator: int, conditions: Sequence[Condition]) -> Condition:
    """Join conditions two by two, which is what the operators take."""
    whole = conditions[-1]
    for one in reversed(conditions[:-1]):
        whole = Condition(operator, (one, whole))
    return whole


def _add(condition: Condition, elements: list[AskedElement]) -> int:
    """Append an element and then those that it refers to: references go forward only (Part 4 v1.05 7.7.1)."""
    place = len(elements)
    elements.append(AskedElement(condition.operator, ()))
    operands = tuple(
        ElementReference(_add(one, elements)) if isinstance(one, Condition) else one for one in condition.operands
    )
    elements[place] = AskedElement(condition.operator, operands)
    return place
