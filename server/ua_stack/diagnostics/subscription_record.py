"""One subscription as a SubscriptionDiagnosticsDataType (Part 5 v1.05 12.15), encoded."""

from __future__ import annotations

from struct import Struct

from server.address_space.encoding import encode_node_id
from server.address_space.keys import NodeKey
from server.subscriptions.requests import DISABLED
from server.subscriptions.subscription import Subscription

_PARAMETERS = Struct("<IBdIII?")
_COUNTS = Struct("<23I")
_UINT32 = 0xFFFF_FFFF


def subscription_record(core: Subscription, session: NodeKey) -> bytes:
    """Give the structure's body. ``session``: the SessionId of who has the subscription now."""
    parameters, counters = core.parameters, core.counters
    fixed = _PARAMETERS.pack(
        core.id,
        parameters.priority,
        parameters.interval * 1e3,
        parameters.keep_alive_count,
        parameters.lifetime_count,
        parameters.max_notifications,
        parameters.enabled,
    )
    counts = (
        counters.modified,
        counters.enabled,
        counters.disabled,
        counters.republish_requests,
        counters.republish_requests,  # each asks for one message
        counters.republished,
        counters.transfer_requests,
        counters.transferred_to_other_client,
        counters.transferred_to_same_client,
        counters.publish_requests,
        counters.data_changes,
        counters.events,
        counters.data_changes + counters.events,
        counters.late,
        core.silent_cycles,
        core.unused_cycles,
        len(core.kept),
        counters.discarded_messages,
        len(core.items),
        [item.mode for item in core.items.values()].count(DISABLED),
        core.lost,
        core.next_sequence,
        core.event_overflows,
    )
    return encode_node_id(session) + fixed + _COUNTS.pack(*[count & _UINT32 for count in counts])
