"""Events through asyncua: which nodes notify, and the fields a client selected."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from asyncua import ua
from asyncua.server.monitored_item_service import WhereClauseEvaluator
from asyncua.ua.ua_binary import variant_to_binary

from server.address_space.asyncua_seam import UaAddressSpace

_log = logging.getLogger("plantspace.events")
MAX_FILTER_ELEMENTS = 32


def may_notify(aspace: UaAddressSpace, nodeid: ua.NodeId) -> bool:
    """Tell whether a node's EventNotifier lets clients subscribe to its events."""
    notifier = aspace.read_attribute_value(nodeid, ua.AttributeIds.EventNotifier).Value
    return notifier is not None and bool(int(notifier.Value or 0) & (1 << ua.EventNotifier.SubscribeToEvents))


def selector(aspace: UaAddressSpace, event_filter: ua.EventFilter) -> Callable[[Any], bytes | None]:
    """Make what turns an event into the encoded EventFields of a client's filter, or into None where it says no.

    Raises :class:`ValueError` for a where-clause of more than 32 elements.
    """
    if len(event_filter.WhereClause.Elements) > MAX_FILTER_ELEMENTS:
        message = (
            f"the where-clause has {len(event_filter.WhereClause.Elements)} elements; {MAX_FILTER_ELEMENTS} are allowed"
        )
        raise ValueError(message)
    where = WhereClauseEvaluator(_log, aspace, event_filter.WhereClause)  # type: ignore[arg-type]  # what asyncua is shown has the methods that it calls
    clauses = event_filter.SelectClauses

    def select(event: Any) -> bytes | None:  # asyncua's Event, made at run time from its type's properties
        if not where.eval(event):
            return None
        fields: list[ua.Variant] = event.to_event_fields(clauses)
        return len(fields).to_bytes(4, "little") + b"".join(variant_to_binary(variant) for variant in fields)

    return select
