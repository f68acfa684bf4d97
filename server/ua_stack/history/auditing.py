"""Changes of history as audit records (Part 11 v1.05 5.6, Part 5 v1.05 6.4.26)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from asyncua import ua

from nodesets.built_in_types import BuiltInType
from server.address_space.encoding import encode_data_value, encode_extension_object, variant
from server.address_space.keys import numeric_key
from server.audit.changes import (
    AuditHistoryAtTimeDelete,
    AuditHistoryEventDelete,
    AuditHistoryEventUpdate,
    AuditHistoryRawModifyDelete,
    AuditHistoryUpdate,
    AuditHistoryValueUpdate,
)
from server.ua_stack.history.requests import (
    DeleteAtTime,
    DeleteEvents,
    DeleteRaw,
    EventDetails,
    UpdateData,
    UpdateDetails,
    UpdateEvents,
)

_ids = ua.ObjectIds
_DETAILS = numeric_key(0, _ids.HistoryUpdateDetails)
_FILTER = numeric_key(0, _ids.EventFilter_Encoding_DefaultBinary)
_FIELDS = numeric_key(0, _ids.HistoryEventFieldList_Encoding_DefaultBinary)
_VALUE = 32
"""Bytes of a DataValue beside its Variant."""
_STRUCTURES = numeric_key(0, _ids.UpdateStructureDataDetails)
_MOST_TOLD = 1000
"""Values, times and EventIds of one change that a record tells; what is longer is told by its digest anyway."""


def refused_record(message: str, who: Mapping[str, Any]) -> AuditHistoryUpdate:
    """Make the record of a request that was refused as a whole, before it was known what it asks for."""
    return AuditHistoryUpdate(status=False, parameter_data_type_id=_DETAILS, message=message, **who)


def size_of(asked: UpdateDetails) -> int:
    """Give about how many bytes the making of a record touches."""
    if isinstance(asked, UpdateData):
        return sum(_VALUE + len(one.variant or b"") for one in asked.values[:_MOST_TOLD])
    if isinstance(asked, EventDetails) and isinstance(asked.given, UpdateEvents):
        return len(asked.given.filter) + sum(map(len, asked.given.rows[:_MOST_TOLD]))
    return 0


def history_record(
    asked: UpdateDetails, message: str, *, done: bool, who: Mapping[str, Any], old: Sequence[bytes] | None = None
) -> AuditHistoryUpdate:
    """Make the record of a change, in any thread.

    ``message``: what became of it; ``who``: the fields that tell who asked; ``old``: DataValues that it took away.
    """
    about: dict[str, Any] = {"status": done, "source_node": asked.node, "message": message, **who}
    if isinstance(asked, UpdateData):
        kind: dict[str, Any] = {"parameter_data_type_id": _STRUCTURES} if asked.structures else {}
        values = [
            encode_data_value(one.variant, one.status or 0, one.source_time, one.server_time)
            for one in asked.values[:_MOST_TOLD]
        ]
        return AuditHistoryValueUpdate(
            updated_node=asked.node,
            perform_insert_replace=asked.perform,
            new_values=values,
            old_values=old,
            **about,
            **kind,
        )
    if isinstance(asked, DeleteRaw):
        return AuditHistoryRawModifyDelete(
            updated_node=asked.node,
            is_delete_modified=asked.modified,
            start_time=asked.start or 0,
            end_time=asked.end or 0,
            old_values=old,
            **about,
        )
    if isinstance(asked, DeleteAtTime):
        times = asked.times[:_MOST_TOLD]
        return AuditHistoryAtTimeDelete(updated_node=asked.node, req_times=times, old_values=old, **about)
    if isinstance(asked, EventDetails):
        return _event_record(asked, about)
    return AuditHistoryUpdate(parameter_data_type_id=asked.kind, **about)


def _event_record(asked: EventDetails, about: Mapping[str, Any]) -> AuditHistoryUpdate:
    given = asked.given
    if isinstance(given, UpdateEvents):
        return AuditHistoryEventUpdate(
            updated_node=asked.node,
            perform_insert_replace=given.perform,
            filter=variant(BuiltInType.ExtensionObject, encode_extension_object(_FILTER, given.filter)),
            new_values=[encode_extension_object(_FIELDS, row) for row in given.rows[:_MOST_TOLD]],
            **about,
        )
    events = given.ids[:_MOST_TOLD] if isinstance(given, DeleteEvents) else ()
    return AuditHistoryEventDelete(updated_node=asked.node, event_ids=events, **about)
