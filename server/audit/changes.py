"""Records of values written, methods called and nodes changed (Part 5 v1.05 6.4.19 to 6.4.30, Part 11 v1.05 5.6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from asyncua.ua.object_ids import ObjectIds

from server.address_space.keys import numeric_key
from server.audit.kinds import (
    Boolean,
    ByteStrings,
    CallArguments,
    DataValues,
    Enumeration,
    NodeId,
    StatusCode,
    String,
    Structures,
    UInt32,
    UtcTime,
    UtcTimes,
    Value,
)
from server.audit.record import AuditRecord

VALUE_ATTRIBUTE = 13
_UPDATE_DATA, _DELETE_RAW, _DELETE_AT_TIME, _UPDATE_EVENT, _DELETE_EVENT = (
    numeric_key(0, number)
    for number in (
        ObjectIds.UpdateDataDetails,
        ObjectIds.DeleteRawModifiedDetails,
        ObjectIds.DeleteAtTimeDetails,
        ObjectIds.UpdateEventDetails,
        ObjectIds.DeleteEventDetails,
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditWriteUpdate(AuditRecord):
    """An attribute was written, or was not (6.4.25). ``source_node``: the node; one record for each value.

    ``index_range``: None for the whole value. ``old_value``, ``new_value``: encoded Variants, with an IndexRange those
    of that range; the old one is None where it is not known.
    """

    event_type: ClassVar[int] = ObjectIds.AuditWriteUpdateEventType
    source_name: String = "Attribute/Write"
    attribute_id: UInt32 = VALUE_ATTRIBUTE
    index_range: String = None
    old_value: Value = None
    new_value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditHistoryUpdate(AuditRecord):
    """History was changed (6.4.26). ``source_node``: the node, and ``updated_node`` too in those that have it.

    ``parameter_data_type_id``: the details' DataType.
    """

    event_type: ClassVar[int] = ObjectIds.AuditHistoryUpdateEventType
    source_name: String = "Attribute/HistoryUpdate"
    parameter_data_type_id: NodeId


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditHistoryValueUpdate(AuditHistoryUpdate):
    """Values of history were inserted, replaced or removed (Part 11). ``perform_insert_replace``: PerformUpdateType."""

    event_type: ClassVar[int] = ObjectIds.AuditHistoryValueUpdateEventType
    parameter_data_type_id: NodeId = _UPDATE_DATA
    updated_node: NodeId
    perform_insert_replace: Enumeration
    new_values: DataValues
    old_values: DataValues = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditHistoryRawModifyDelete(AuditHistoryUpdate):
    """A stretch of history was deleted (Part 11). ``start_time`` and ``end_time``: DateTime ticks."""

    event_type: ClassVar[int] = ObjectIds.AuditHistoryRawModifyDeleteEventType
    parameter_data_type_id: NodeId = _DELETE_RAW
    updated_node: NodeId
    is_delete_modified: Boolean
    start_time: UtcTime
    end_time: UtcTime
    old_values: DataValues = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditHistoryAtTimeDelete(AuditHistoryUpdate):
    """Values of certain times were deleted from history (Part 11). ``req_times``: DateTime ticks."""

    event_type: ClassVar[int] = ObjectIds.AuditHistoryAtTimeDeleteEventType
    parameter_data_type_id: NodeId = _DELETE_AT_TIME
    updated_node: NodeId
    req_times: UtcTimes
    old_values: DataValues = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditHistoryEventUpdate(AuditHistoryUpdate):
    """Events of history were inserted or replaced (Part 11). ``filter``: the EventFilter, a Variant.

    The values are HistoryEventFieldLists, encoded as ExtensionObjects.
    """

    event_type: ClassVar[int] = ObjectIds.AuditHistoryEventUpdateEventType
    parameter_data_type_id: NodeId = _UPDATE_EVENT
    updated_node: NodeId
    perform_insert_replace: Enumeration
    filter: Value = None
    new_values: Structures = None
    old_values: Structures = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditHistoryEventDelete(AuditHistoryUpdate):
    """Events were deleted from history (Part 11). ``event_ids``: which; ``old_values``: a HistoryEventFieldList."""

    event_type: ClassVar[int] = ObjectIds.AuditHistoryEventDeleteEventType
    parameter_data_type_id: NodeId = _DELETE_EVENT
    updated_node: NodeId
    event_ids: ByteStrings
    old_values: Value = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditAddNodes(AuditRecord):
    """Nodes were added (6.4.20). ``nodes_to_add``: AddNodesItems, encoded as ExtensionObjects."""

    event_type: ClassVar[int] = ObjectIds.AuditAddNodesEventType
    source_name: String = "NodeManagement/AddNodes"
    nodes_to_add: Structures


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditDeleteNodes(AuditRecord):
    """Nodes were deleted (6.4.21). ``nodes_to_delete``: DeleteNodesItems, encoded as ExtensionObjects."""

    event_type: ClassVar[int] = ObjectIds.AuditDeleteNodesEventType
    source_name: String = "NodeManagement/DeleteNodes"
    nodes_to_delete: Structures


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditAddReferences(AuditRecord):
    """References were added (6.4.22). ``references_to_add``: AddReferencesItems, encoded as ExtensionObjects."""

    event_type: ClassVar[int] = ObjectIds.AuditAddReferencesEventType
    source_name: String = "NodeManagement/AddReferences"
    references_to_add: Structures


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditDeleteReferences(AuditRecord):
    """References were deleted (6.4.23). ``references_to_delete``: DeleteReferencesItems, as ExtensionObjects."""

    event_type: ClassVar[int] = ObjectIds.AuditDeleteReferencesEventType
    source_name: String = "NodeManagement/DeleteReferences"
    references_to_delete: Structures


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditUpdateMethod(AuditRecord):
    """A Method was called, or was not (6.4.27). ``source_node``: the Object; one record for each call.

    ``input_arguments`` and ``output_arguments`` are made by :meth:`~server.audit.kinds.Arguments.of`, which hides
    secrets. ``status_code_id``: how the call was answered.
    """

    event_type: ClassVar[int] = ObjectIds.AuditUpdateMethodEventType
    source_name: String = "Attribute/Call"
    method_id: NodeId
    status_code_id: StatusCode = 0
    input_arguments: CallArguments = None
    output_arguments: CallArguments = None
