from __future__ import annotations

import time
from dataclasses import fields
from typing import Any

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary

from server.subscriptions.message import Message
from server.subscriptions.publish_queue import PublishQueue
from server.subscriptions.requests import DISABLED, REPORTING, SAMPLING
from server.subscriptions.subscription import Item, Parameters, Subscription, SubscriptionCounters
from server.ua_stack.diagnostics.subscription_record import subscription_record


def subscription() -> Subscription:
    parameters = Parameters(0.25, 90, 30, 500, 7, enabled=True)
    return Subscription(42, parameters, PublishQueue(time.monotonic), lambda: 0, lambda _: None)


def decoded(core: Subscription) -> Any:
    buffer = Buffer(subscription_record(core, 77))
    told = struct_from_binary(ua.SubscriptionDiagnosticsDataType, buffer)
    assert not len(buffer)
    return told


def test_every_field_is_in_its_place() -> None:
    # Part 5 v1.05 12.15
    core = subscription()
    for number, counter in enumerate(fields(SubscriptionCounters), 1):
        setattr(core.counters, counter.name, number)
    counters = core.counters
    for number, mode in enumerate((DISABLED, SAMPLING, REPORTING, DISABLED)):
        core.items[number] = Item(number, number, 1, 13, mode, 0.0)
    core.kept.update({1: Message(1, 0), 2: Message(2, 0), 3: Message(3, 0)})
    told = decoded(core)
    assert told == ua.SubscriptionDiagnosticsDataType(
        SessionId=ua.NodeId(ua.Int32(77)),
        SubscriptionId=42,
        Priority=7,
        PublishingInterval=250.0,
        MaxKeepAliveCount=30,
        MaxLifetimeCount=90,
        MaxNotificationsPerPublish=500,
        PublishingEnabled=True,
        ModifyCount=counters.modified,
        EnableCount=counters.enabled,
        DisableCount=counters.disabled,
        RepublishRequestCount=counters.republish_requests,
        RepublishMessageRequestCount=counters.republish_requests,
        RepublishMessageCount=counters.republished,
        TransferRequestCount=counters.transfer_requests,
        TransferredToAltClientCount=counters.transferred_to_other_client,
        TransferredToSameClientCount=counters.transferred_to_same_client,
        PublishRequestCount=counters.publish_requests,
        DataChangeNotificationsCount=counters.data_changes,
        EventNotificationsCount=counters.events,
        NotificationsCount=counters.data_changes + counters.events,
        LatePublishRequestCount=counters.late,
        CurrentKeepAliveCount=core.silent_cycles,
        CurrentLifetimeCount=core.unused_cycles,
        UnacknowledgedMessageCount=3,
        DiscardedMessageCount=counters.discarded_messages,
        MonitoredItemCount=4,
        DisabledMonitoredItemCount=2,
        MonitoringQueueOverflowCount=counters.lost,
        NextSequenceNumber=1,
        EventQueueOverflowCount=counters.event_overflows,
    )


def test_counters_begin_anew_where_their_type_ends() -> None:
    core = subscription()
    core.counters.data_changes = 2**32 - 1
    core.counters.events = 3
    told = decoded(core)
    assert (told.DataChangeNotificationsCount, told.NotificationsCount) == (2**32 - 1, 2)
