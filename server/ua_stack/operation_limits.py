"""How much one request may ask for, and where clients read it (OperationLimits, Part 5 v1.05 6.3.11)."""

from __future__ import annotations

from asyncua import ua

from server.address_space.asyncua_values import encode_variant
from server.address_space.keys import numeric_key
from server.address_space.space import AddressSpace
from server.address_space.view.limits import ViewLimits
from server.events.request import MAX_ELEMENTS, MAX_SELECT_CLAUSES
from server.subscriptions.aggregates.kinds import SUPPORTED
from server.subscriptions.limits import MAX_ITEMS_PER_CALL, MAX_QUEUE, SubscriptionLimits
from server.ua_stack.monitored_items import FASTEST_SAMPLING

MAX_NODES_PER_READ = 10_000
MAX_NODES_PER_WRITE = 1_000
MAX_NODES_PER_NODE_MANAGEMENT = 1_000
MAX_NODES_PER_HISTORY_READ = 100
MAX_NODES_PER_HISTORY_UPDATE = 100
MAX_METHODS_PER_CALL = 100
MAX_HISTORY_CONTINUATION_POINTS = 100
"""A session's; as many as one request has nodes, so that each node may have one."""


def advertise(space: AddressSpace, limits: SubscriptionLimits, views: ViewLimits) -> None:
    """Write the limits into the standard address space, in place of what asyncua says of itself."""
    ids = ua.ObjectIds
    told = {
        ids.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead: MAX_NODES_PER_READ,
        ids.Server_ServerCapabilities_OperationLimits_MaxNodesPerWrite: MAX_NODES_PER_WRITE,
        ids.Server_ServerCapabilities_OperationLimits_MaxNodesPerNodeManagement: MAX_NODES_PER_NODE_MANAGEMENT,
        ids.Server_ServerCapabilities_OperationLimits_MaxNodesPerHistoryReadData: MAX_NODES_PER_HISTORY_READ,
        ids.Server_ServerCapabilities_OperationLimits_MaxNodesPerHistoryReadEvents: MAX_NODES_PER_HISTORY_READ,
        ids.Server_ServerCapabilities_OperationLimits_MaxNodesPerHistoryUpdateData: MAX_NODES_PER_HISTORY_UPDATE,
        ids.Server_ServerCapabilities_OperationLimits_MaxNodesPerHistoryUpdateEvents: MAX_NODES_PER_HISTORY_UPDATE,
        ids.Server_ServerCapabilities_OperationLimits_MaxNodesPerMethodCall: MAX_METHODS_PER_CALL,
        ids.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall: MAX_ITEMS_PER_CALL,
        ids.Server_ServerCapabilities_MaxSubscriptions: limits.subscriptions,
        ids.Server_ServerCapabilities_MaxSubscriptionsPerSession: limits.session_subscriptions,
        ids.Server_ServerCapabilities_MaxMonitoredItems: limits.items,
        ids.Server_ServerCapabilities_MaxMonitoredItemsPerSubscription: limits.session_items,
        ids.Server_ServerCapabilities_MaxMonitoredItemsQueueSize: MAX_QUEUE,
        ids.Server_ServerCapabilities_MaxSelectClauseParameters: MAX_SELECT_CLAUSES,
        ids.Server_ServerCapabilities_MaxWhereClauseParameters: MAX_ELEMENTS,
    }
    for number, value in told.items():
        _tell(space, number, value, ua.VariantType.UInt32)
    points = ids.Server_ServerCapabilities_MaxHistoryContinuationPoints
    _tell(space, points, MAX_HISTORY_CONTINUATION_POINTS, ua.VariantType.UInt16)
    for number, (value, kind) in views.advertised().items():
        _tell(space, number, value, kind)
    functions = numeric_key(0, ids.Server_ServerCapabilities_AggregateFunctions)
    for kind in sorted(SUPPORTED):  # what monitored items may ask for (Part 13 v1.05 4.2.2.3)
        space.refer(functions, numeric_key(0, ids.Organizes), numeric_key(0, kind))
    for number, value in _MANDATORY.items():
        space[numeric_key(0, number)].value = encode_variant(value)


def _tell(space: AddressSpace, number: int, value: int, kind: ua.VariantType) -> None:
    space[numeric_key(0, number)].value = encode_variant(ua.Variant(value, kind))


_ids, _kinds = ua.ObjectIds, ua.VariantType
_MANDATORY: dict[int, ua.Variant] = {
    _ids.Server_Auditing: ua.Variant(Value=True, VariantType=_kinds.Boolean),
    _ids.Server_ServerRedundancy_RedundancySupport: ua.Variant(0, _kinds.Int32),
    _ids.Server_ServerStatus_SecondsTillShutdown: ua.Variant(0, _kinds.UInt32),
    _ids.Server_ServerStatus_ShutdownReason: ua.Variant(ua.LocalizedText(), _kinds.LocalizedText),
    _ids.Server_ServerCapabilities_ServerProfileArray: ua.Variant([], _kinds.String, is_array=True),
    _ids.Server_ServerCapabilities_LocaleIdArray: ua.Variant([], _kinds.String, is_array=True),
    _ids.Server_ServerCapabilities_SoftwareCertificates: ua.Variant([], _kinds.ExtensionObject, is_array=True),
    _ids.Server_ServerCapabilities_MaxQueryContinuationPoints: ua.Variant(0, _kinds.UInt16),
    _ids.Server_ServerCapabilities_MinSupportedSampleRate: ua.Variant(FASTEST_SAMPLING * 1000.0, _kinds.Double),
}
"""What ServerType and ServerCapabilitiesType make mandatory (Part 5 v1.05 6.3.1, 6.3.2) and nothing else tells."""
