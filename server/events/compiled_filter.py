"""EventFilters compiled: which fields of which events a monitored item gets (Part 4 v1.05 7.22.3)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from asyncua.ua.status_codes import StatusCodes

from core.errors import PlantspaceError
from server.address_space.encoding import NULL_VARIANT, encode_uint32
from server.events.event import Event
from server.events.event_types import EventTypes
from server.events.request import EventFilterUnreadableError, read_event_filter
from server.events.result import encode_result
from server.events.select_clauses import ClauseRefused, read_clause
from server.events.where_clause import compile_where

MOST_REMEMBERED = 64
"""Filters that are remembered, those used last."""


class EventFilterRefused(PlantspaceError):  # noqa: N818 - the name says what became of the filter
    """A filter cannot be used; ``status`` is the item's StatusCode, ``result`` its encoded FilterResult or None."""

    def __init__(self, status: int, result: bytes | None) -> None:
        """Keep what the client is told."""
        self.status = status
        self.result = result
        super().__init__(f"0x{status:08X}")


@dataclass(frozen=True, slots=True)
class CompiledFilter:
    """A filter at work. Both functions give the encoded EventFields of an EventFieldList, without the client's handle.

    ``select``: None for events that do not pass; ``fields``: without the where-clause, for events that no filter holds
    back (EventQueueOverflowEventType). ``result``: the FilterResult as an encoded ExtensionObject, None for the null
    one, which says that all is well.
    """

    select: Callable[[Event], bytes | None]
    fields: Callable[[Event], bytes]
    result: bytes | None = None


def compile_filter(types: EventTypes, body: bytes) -> CompiledFilter:
    """Compile a client's EventFilter, given as its binary encoding.

    A select clause that makes no sense gives null fields, and says why in the result. Raises
    :class:`EventFilterRefused` where no select clause makes sense, or an element of the where-clause does not, or there
    are too many of either.
    """
    try:
        asked = read_event_filter(body)
    except EventFilterUnreadableError:
        raise EventFilterRefused(StatusCodes.BadEventFilterInvalid, None) from None
    looks: list[Callable[[Event], bytes]] = []
    statuses: list[int] = []
    for clause in asked.select:
        try:
            looks.append(read_clause(types, clause).field)
            statuses.append(0)
        except ClauseRefused as refused:
            looks.append(_null)
            statuses.append(refused.status)
    passes, told = compile_where(types, asked.where)
    result = encode_result(statuses, told)
    if all(statuses) or any(element.status for element in told):
        raise EventFilterRefused(StatusCodes.BadEventFilterInvalid, result)
    count = encode_uint32(len(looks))

    def fields(event: Event) -> bytes:
        return count + b"".join([look(event) for look in looks])

    def select(event: Event) -> bytes | None:
        return fields(event) if passes(event) else None

    return CompiledFilter(select, fields, result)


class EventFilters:
    """Compiles filters; items that ask for the same one share it, since many clients ask the same of each notifier."""

    def __init__(self, types: EventTypes) -> None:
        """Look fields up in ``types``."""
        self._types = types
        self._version = types.space.version
        self._known: OrderedDict[bytes, CompiledFilter] = OrderedDict()

    def compile(self, body: bytes) -> CompiledFilter:
        """Give the filter of a binary encoding; raises as :func:`compile_filter` does."""
        if self._version != self._types.space.version:
            self._version = self._types.space.version
            self._known.clear()
        known = self._known.get(body)
        if known is None:
            known = self._known[body] = compile_filter(self._types, body)
            if len(self._known) > MOST_REMEMBERED:
                self._known.popitem(last=False)
        self._known.move_to_end(body)
        return known


def _null(_event: Event) -> bytes:
    return NULL_VARIANT
