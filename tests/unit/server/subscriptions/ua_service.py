"""The services as asyncua's structures ask for them: each goes through its encoding, as a client's request does."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary

from server.address_space.session_context import SessionContext
from server.subscriptions.publish_queue import PublishQueue
from server.ua_stack.publish import PublishRequest
from server.ua_stack.request_header import RequestHeader
from server.ua_stack.subscription_service import SubscriptionService
from server.ua_stack.subscription_wire import SubscriptionWire

_HEADER = RequestHeader(0, 0, 0, 0, 0)


@dataclass(eq=False)
class Client:
    """A session with one connection, and what its Publish requests were answered with."""

    identity: object = "someone"
    context: SessionContext = field(default_factory=SessionContext)
    publishing: PublishQueue = field(default_factory=lambda: PublishQueue(time.monotonic))
    results: list[ua.PublishResult] = field(default_factory=list[ua.PublishResult])
    refused: list[int] = field(default_factory=list[int])

    def respond(self, request_id: int, kind: int, handle: int, body: bytes) -> None:
        del request_id, kind, handle
        self.results.append(struct_from_binary(ua.PublishResult, Buffer(body)))

    def refuse(self, request_id: int, handle: int, status: int) -> None:
        del request_id, handle
        self.refused.append(status)

    @property
    def requests(self) -> int:
        """How many Publish requests wait."""
        return len(self.publishing)

    @requests.setter
    def requests(self, count: int) -> None:
        self.publishing.drop(lambda _: True)
        for _ in range(count):
            self.publishing.put(PublishRequest(self, 0, 0, float("inf"), ()), count)


def _decoded(kind: type[Any], body: bytes) -> Any:
    return struct_from_binary(kind, Buffer(body))


def _statuses(body: bytes) -> list[ua.StatusCode]:
    count = int.from_bytes(body[:4], "little")
    return [ua.StatusCode(ua.UInt32(int.from_bytes(body[4 + 4 * n : 8 + 4 * n], "little"))) for n in range(count)]


class UaService:
    """Every method takes asyncua's parameters and gives its results; ``owner`` is the session that asks."""

    def __init__(self, service: SubscriptionService, client: Client) -> None:
        self.plain = service
        self.wire = SubscriptionWire(service)
        self.client = client

    def create_subscription(
        self, params: ua.CreateSubscriptionParameters, owner: Client | None = None
    ) -> ua.CreateSubscriptionResult:
        body = self.wire.create_subscription(owner or self.client, struct_to_binary(params))
        return _decoded(ua.CreateSubscriptionResult, body)

    def modify_subscription(
        self, params: ua.ModifySubscriptionParameters, owner: Client | None = None
    ) -> ua.ModifySubscriptionResult:
        body = self.wire.modify_subscription(owner or self.client, struct_to_binary(params))
        return _decoded(ua.ModifySubscriptionResult, body)

    def set_publishing_mode(
        self, params: ua.SetPublishingModeParameters, owner: Client | None = None
    ) -> list[ua.StatusCode]:
        return _statuses(self.wire.set_publishing_mode(owner or self.client, struct_to_binary(params)))

    def delete_subscriptions(self, ids: Sequence[int], owner: Client | None = None) -> list[ua.StatusCode]:
        params = ua.DeleteSubscriptionsParameters(SubscriptionIds=[ua.IntegerId(one) for one in ids])
        return _statuses(self.wire.delete_subscriptions(owner or self.client, struct_to_binary(params)))

    def publish(self, acks: Sequence[tuple[int, int]] = (), owner: Client | None = None) -> None:
        params = ua.PublishParameters(
            SubscriptionAcknowledgements=[
                ua.SubscriptionAcknowledgement(ua.IntegerId(held), ua.Counter(sequence)) for held, sequence in acks
            ]
        )
        client = owner or self.client
        self.wire.publish(client, struct_to_binary(params), client, 0, _HEADER)

    def republish(self, params: ua.RepublishParameters, owner: Client | None = None) -> ua.NotificationMessage:
        return _decoded(ua.NotificationMessage, self.wire.republish(owner or self.client, struct_to_binary(params)))

    def transfer_subscriptions(
        self, params: ua.TransferSubscriptionsParameters, owner: Client | None = None
    ) -> list[ua.TransferResult]:
        body = self.wire.transfer_subscriptions(owner or self.client, struct_to_binary(params))
        return _decoded(ua.TransferSubscriptionsResult, body).Results

    async def create_monitored_items(
        self, params: ua.CreateMonitoredItemsParameters, owner: Client | None = None
    ) -> list[ua.MonitoredItemCreateResult]:
        body = await self.wire.create_monitored_items(owner or self.client, struct_to_binary(params))
        return _decoded(ua.CreateMonitoredItemsResponse, _RESPONSE + body).Results

    async def modify_monitored_items(
        self, params: ua.ModifyMonitoredItemsParameters, owner: Client | None = None
    ) -> list[ua.MonitoredItemModifyResult]:
        body = await self.wire.modify_monitored_items(owner or self.client, struct_to_binary(params))
        return _decoded(ua.ModifyMonitoredItemsResponse, _RESPONSE + body).Results

    async def set_monitoring_mode(
        self, params: ua.SetMonitoringModeParameters, owner: Client | None = None
    ) -> list[ua.StatusCode]:
        return _statuses(await self.wire.set_monitoring_mode(owner or self.client, struct_to_binary(params)))

    def set_triggering(self, params: ua.SetTriggeringParameters, owner: Client | None = None) -> ua.SetTriggeringResult:
        return _decoded(
            ua.SetTriggeringResult, self.wire.set_triggering(owner or self.client, struct_to_binary(params))
        )

    async def delete_monitored_items(
        self, params: ua.DeleteMonitoredItemsParameters, owner: Client | None = None
    ) -> list[ua.StatusCode]:
        return _statuses(await self.wire.delete_monitored_items(owner or self.client, struct_to_binary(params)))


_RESPONSE = bytes(2) + struct_to_binary(ua.ResponseHeader())
"""The null NodeId and a ResponseHeader, which asyncua reads before the results."""
