"""How much one request may ask for, and where clients read it (OperationLimits, Part 5 v1.05 6.3.11)."""

from __future__ import annotations

from asyncua import ua

from server.address_space.asyncua_values import encode_variant
from server.address_space.keys import numeric_key
from server.address_space.space import AddressSpace
from server.address_space.view.limits import ViewLimits
from server.subscriptions.limits import SubscriptionLimits
from server.ua_stack.monitored_items import MAX_QUEUE

MAX_NODES_PER_READ = 10_000
MAX_NODES_PER_WRITE = 1_000
MAX_NODES_PER_NODE_MANAGEMENT = 1_000
MAX_NODES_PER_HISTORY_READ = 100
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
        ids.Server_ServerCapabilities_OperationLimits_MaxNodesPerMethodCall: MAX_METHODS_PER_CALL,
        ids.Server_ServerCapabilities_MaxSubscriptions: limits.subscriptions,
        ids.Server_ServerCapabilities_MaxMonitoredItems: limits.items,
        ids.Server_ServerCapabilities_MaxMonitoredItemsQueueSize: MAX_QUEUE,
    }
    for number, value in told.items():
        _tell(space, number, value, ua.VariantType.UInt32)
    points = ids.Server_ServerCapabilities_MaxHistoryContinuationPoints
    _tell(space, points, MAX_HISTORY_CONTINUATION_POINTS, ua.VariantType.UInt16)
    for number, (value, kind) in views.advertised().items():
        _tell(space, number, value, kind)


def _tell(space: AddressSpace, number: int, value: int, kind: ua.VariantType) -> None:
    space[numeric_key(0, number)].value = encode_variant(ua.Variant(value, kind))
