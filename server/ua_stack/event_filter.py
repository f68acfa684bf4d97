"""Event filters as clients send them (Part 4 v1.05 7.22.3)."""

from __future__ import annotations

from asyncua import ua

from server.events.compiled_filter import CompiledFilter, EventFilterRefused, EventFilters
from server.subscriptions.requests import Filter
from server.ua_stack.data_filter import EVENT_FILTER
from server.ua_stack.refusal import ItemRefusedError


def event_filter(filters: EventFilters, asked: Filter | None) -> CompiledFilter:
    """Compile the filter of an item on events, which has to have one. Raises :class:`ItemRefusedError`."""
    if asked is None or asked.kind != EVENT_FILTER:
        raise ItemRefusedError(ua.StatusCodes.BadEventFilterInvalid)
    try:
        return filters.compile(asked.body)
    except EventFilterRefused as refused:
        raise ItemRefusedError(refused.status, refused.result) from None
