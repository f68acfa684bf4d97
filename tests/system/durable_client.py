"""A client that asks for every message itself, and leaves without ending its subscriptions."""

# asyncua's client is reached inside: its own subscriptions ask for messages by themselves. Its annotations are partial
# and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false, reportArgumentType=false, reportPrivateUsage=false
from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from asyncua import Client, ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary

from tests.system.raw_requests import ask, parameters
from tests.system.running_gateway import GatewayClient, RunningGateway

SERVER, SET_SUBSCRIPTION_DURABLE = ua.NodeId(2253), ua.NodeId(12749)
_ids = ua.ObjectIds


@dataclass
class DurableClient(GatewayClient):
    """A session."""

    async def request(self, service: str, structure: Any, answer: str) -> Any:
        """Ask by asyncua's structures; gives the parameters of the answer, its StatusCode where it is refused."""
        kind = getattr(_ids, f"{service}Request_Encoding_DefaultBinary")
        response = await ask(self.ua, kind, parameters(structure))
        if response.status != "Good":
            return response.status
        return struct_from_binary(getattr(ua, answer), Buffer(response.body.data[response.body.at :]))

    async def subscribe(self, hours: int | None = 1, *, interval: float = 50.0) -> int:
        """Make a subscription, durable for ``hours``; gives its id."""
        asked = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=interval,
            RequestedLifetimeCount=100,
            RequestedMaxKeepAliveCount=2,
            PublishingEnabled=True,
        )
        made = await self.request("CreateSubscription", asked, "CreateSubscriptionResult")
        if hours is not None:
            assert await self.set_durable(made.SubscriptionId, hours) == ("Good", max(hours, 1))
        return int(made.SubscriptionId)

    async def set_durable(self, subscription: int, hours: int) -> tuple[str, int | None]:
        """SetSubscriptionDurable: the StatusCode and the revised hours."""
        request = ua.CallMethodRequest(ObjectId=SERVER, MethodId=SET_SUBSCRIPTION_DURABLE)
        request.InputArguments = [ua.Variant(one, ua.VariantType.UInt32) for one in (subscription, hours)]
        (result,) = await self.ua.uaclient.call([request])
        outputs = result.OutputArguments
        return result.StatusCode.name, outputs[0].Value if outputs else None

    async def monitor(self, subscription: int, *requests: ua.MonitoredItemCreateRequest) -> list[Any]:
        """CreateMonitoredItems."""
        asked = ua.CreateMonitoredItemsParameters(
            SubscriptionId=subscription, TimestampsToReturn=ua.TimestampsToReturn.Both, ItemsToCreate=list(requests)
        )
        return list(await self.ua.uaclient.create_monitored_items(asked))

    def item(self, node: str, handle: int, *, size: int = 100, mode: int = 2) -> ua.MonitoredItemCreateRequest:
        """Ask for every change of a value."""
        made = ua.MonitoredItemCreateRequest(MonitoringMode=ua.MonitoringMode(mode))
        made.ItemToMonitor.NodeId, made.ItemToMonitor.AttributeId = self.node(node).nodeid, ua.AttributeIds.Value
        made.RequestedParameters = ua.MonitoringParameters(
            ClientHandle=handle, SamplingInterval=0.0, QueueSize=size, DiscardOldest=True
        )
        return made

    def event_item(self, handle: int) -> ua.MonitoredItemCreateRequest:
        """Ask for the types of all events."""
        made = ua.MonitoredItemCreateRequest(MonitoringMode=ua.MonitoringMode.Reporting)
        made.ItemToMonitor.NodeId, made.ItemToMonitor.AttributeId = SERVER, ua.AttributeIds.EventNotifier
        clause = ua.SimpleAttributeOperand(AttributeId=ua.AttributeIds.Value)
        clause.TypeDefinitionId = ua.NodeId(ua.ObjectIds.BaseEventType)
        clause.BrowsePath = [ua.QualifiedName("EventType", 0)]
        made.RequestedParameters = ua.MonitoringParameters(
            ClientHandle=handle, QueueSize=50, DiscardOldest=True, Filter=ua.EventFilter(SelectClauses=[clause])
        )
        return made

    async def publish(self, *acks: tuple[int, int]) -> ua.PublishResult:
        """Ask for the next message."""
        asked = ua.PublishParameters()
        asked.SubscriptionAcknowledgements = [
            ua.SubscriptionAcknowledgement(SubscriptionId=held, SequenceNumber=sequence) for held, sequence in acks
        ]
        return await self.request("Publish", asked, "PublishResult")

    async def message(self) -> tuple[int, list[tuple[int, Any]]]:
        """Ask until a message tells anything; gives its sequence number, and what it tells."""
        while True:
            told = (await self.publish()).NotificationMessage
            if told.NotificationData:
                return told.SequenceNumber, changes(told)

    async def changes(self, subscription: int, wanted: int) -> list[tuple[int, Any]]:
        """Ask for messages until so many changes came, and acknowledge them."""
        found: list[tuple[int, Any]] = []
        acks: list[tuple[int, int]] = []
        while len(found) < wanted:
            told = (await self.publish(*acks)).NotificationMessage
            acks = [(subscription, told.SequenceNumber)] if told.NotificationData else []
            found += changes(told)
        return found

    async def republish(self, subscription: int, sequence: int) -> list[tuple[int, Any]] | str:
        """Ask for a message again."""
        asked = ua.RepublishParameters(SubscriptionId=subscription, RetransmitSequenceNumber=sequence)
        told = await self.request("Republish", asked, "NotificationMessage")
        return told if isinstance(told, str) else changes(told)

    async def transfer(self, subscription: int) -> tuple[str, list[int]]:
        """TransferSubscriptions: the StatusCode, and the messages that can be asked for."""
        asked = ua.TransferSubscriptionsParameters(SubscriptionIds=[subscription], SendInitialValues=False)
        (result,) = await self.ua.uaclient.transfer_subscriptions(asked)
        return result.StatusCode.name, list(result.AvailableSequenceNumbers or ())


def changes(message: ua.NotificationMessage) -> list[tuple[int, Any]]:
    """Give handles, and values or the names of StatusCodes that are Bad; of events the first field."""
    told: Sequence[Any] = message.NotificationData or ()
    found: list[tuple[int, Any]] = []
    for data in told:
        if isinstance(data, ua.DataChangeNotification):
            found += [(item.ClientHandle, _shown(item.Value)) for item in data.MonitoredItems]
        elif isinstance(data, ua.EventNotificationList):
            found += [(event.ClientHandle, event.EventFields[0].Value) for event in data.Events]
    return found


def _shown(value: ua.DataValue) -> Any:
    status = value.StatusCode
    return status.name if status is not None and status.is_bad() else value.Value and value.Value.Value


@asynccontextmanager
async def durable_client(
    gateway: RunningGateway, *, application: str = "urn:test:durable", end: bool = False, lives: float = 60.0
) -> AsyncGenerator[DurableClient]:
    """Log on, and leave; ``end``: CloseSession ends the subscriptions. ``lives``: the session's timeout, seconds."""
    client = Client(gateway.url, timeout=30)
    client.session_timeout = round(lives * 1000)
    client.application_uri = application
    await client.connect()
    try:
        yield DurableClient(client, await client.get_namespace_array(), gateway.name)
    finally:
        # As Client.disconnect, which always ends the subscriptions.
        client.uaclient.request_disconnect()
        for task in (client._stale_watchdog_task, client._supervisor_task, client._renew_channel_task):
            await client._cancel_task(task)
        client.uaclient.pre_request_hook = None
        with contextlib.suppress(ConnectionError, TimeoutError, ua.UaError):  # the gateway may be gone
            await client.uaclient.close_session(end)
            await client.close_secure_channel()
        client.disconnect_socket()
