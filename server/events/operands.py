"""The operands of a where-clause's elements: checked once, looked up for each event (Part 4 v1.05 7.7.4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from asyncua.ua.status_codes import StatusCodes

from server.address_space.extents import DecodingError
from server.events import request
from server.events.event import Event
from server.events.event_types import EventTypes
from server.events.select_clauses import ClauseRefused, read_clause
from server.events.values import Value, decode

MAX_LITERALS = 65_536
"""Bytes of all literals of a where-clause together."""

Look = Callable[[Event, Sequence[Value | None]], Value | None]
"""Gives an operand's value for an event; the sequence holds the values of the elements behind its own."""


@dataclass(frozen=True, slots=True)
class Operand:
    """One operand. ``element``: the element that it refers to; ``literal``: its value where that is always the same."""

    look: Look
    element: int | None = None
    literal: Value | None = None
    is_literal: bool = False


class OperandReader:
    """Reads the operands of one where-clause of ``elements`` elements."""

    def __init__(self, types: EventTypes, elements: int) -> None:
        """Look fields up in ``types``."""
        self._types = types
        self._elements = elements
        self._literals = 0

    def read(self, asked: request.Operand, element: int) -> Operand:
        """Check an operand of the element of that index.

        An AttributeOperand is refused: Part 4 v1.05 7.22.3 has no use for it in EventFilters. Raises
        :class:`ClauseRefused`.
        """
        if isinstance(asked, request.ElementReference):
            return self._element(asked.element, element)
        if isinstance(asked, request.Literal):
            return self._literal(asked.variant)
        if isinstance(asked, request.SimpleAttribute):
            value = read_clause(self._types, asked).value
            return Operand(lambda event, _values: value(event))
        raise ClauseRefused(StatusCodes.BadFilterOperandInvalid)

    def _element(self, index: int, element: int) -> Operand:
        # Only forward: no cycle can come about, and each element's value is known before it is asked for.
        if not element < index < self._elements:
            raise ClauseRefused(StatusCodes.BadFilterOperandInvalid)
        return Operand(lambda _event, values: values[index], index)

    def _literal(self, variant: bytes) -> Operand:
        self._literals += len(variant)
        if self._literals > MAX_LITERALS:
            raise ClauseRefused(StatusCodes.BadFilterLiteralInvalid)
        try:
            value = decode(variant)
        except DecodingError:
            raise ClauseRefused(StatusCodes.BadFilterLiteralInvalid) from None
        return Operand(lambda _event, _values: value, literal=value, is_literal=True)
