"""The where-clause of an EventFilter: compiled once, evaluated for each event (Part 4 v1.05 7.7.1).

Elements refer forward only and are evaluated from the last to the first, so each is evaluated once at most, however
often others refer to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from asyncua.ua.status_codes import StatusCodes

from server.events.conversion import as_boolean
from server.events.elements import Element, LiteralRefusedError, count_fits, prepare, support
from server.events.event import Event
from server.events.event_types import EventTypes
from server.events.operands import Operand, OperandReader
from server.events.request import AskedElement
from server.events.result import ElementResult
from server.events.select_clauses import ClauseRefused
from server.events.values import Value

Predicate = Callable[[Event], bool]


class _ElementRefused(Exception):  # noqa: N818 - the name says what became of the element
    def __init__(self, status: int, operands: Sequence[int] = ()) -> None:
        self.result = ElementResult(status, operands)
        super().__init__(f"0x{status:08X}")


def compile_where(types: EventTypes, asked: Sequence[AskedElement]) -> tuple[Predicate, list[ElementResult]]:
    """Give what tells whether an event passes, and a result for each element.

    Where one of the results is bad, no event passes.
    """
    reader = OperandReader(types, len(asked))
    ready: list[Element] = []
    results: list[ElementResult] = []
    for index, element in enumerate(asked):
        try:
            ready.append(_compiled(types, reader, element, index))
            results.append(ElementResult())
        except _ElementRefused as refused:
            results.append(refused.result)
    if len(ready) < len(asked):
        return _never, results
    return _predicate(ready) if ready else _always, results


def _never(_event: Event) -> bool:
    return False


def _always(_event: Event) -> bool:
    return True


def _compiled(types: EventTypes, reader: OperandReader, asked: AskedElement, index: int) -> Element:
    status = support(asked.operator)
    if status:
        raise _ElementRefused(status)
    if not count_fits(asked.operator, len(asked.operands)):
        raise _ElementRefused(StatusCodes.BadFilterOperandCountMismatch)
    operands: list[Operand] = []
    statuses: list[int] = []
    for operand in asked.operands:
        try:
            operands.append(reader.read(operand, index))
            statuses.append(0)
        except ClauseRefused as refused:
            statuses.append(refused.status)
    if any(statuses):
        raise _ElementRefused(StatusCodes.BadFilterOperandInvalid, statuses)
    try:
        return prepare(types, asked.operator, operands)
    except LiteralRefusedError as refused:
        statuses[refused.index] = StatusCodes.BadFilterLiteralInvalid
        raise _ElementRefused(StatusCodes.BadFilterOperandInvalid, statuses) from None


def _predicate(elements: Sequence[Element]) -> Predicate:
    """Evaluate what the first element leads to; what it does not lead to is left out (7.7.1)."""
    reached = {0}
    for index, element in enumerate(elements):
        if index in reached:
            reached.update(operand.element for operand in element.operands if operand.element is not None)
    last_first = sorted(reached, reverse=True)
    steps = [(index, [one.look for one in elements[index].operands], elements[index].apply) for index in last_first]
    count = len(elements)

    def passes(event: Event) -> bool:
        values: list[Value | None] = [None] * count
        for index, operands, apply in steps:
            values[index] = apply([look(event, values) for look in operands])
        return as_boolean(values[0]) is True

    return passes
