"""The server's subscription service without sockets: a channel that keeps messages, a sampling clock moved by hand."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary

from core.batch import Batch
from core.datatypes import DataType
from core.image import ProcessImage
from core.point import Point
from core.time import from_datetime
from server.subscriptions.limits import SubscriptionLimits
from server.subscriptions.subscription import Subscription
from server.ua_stack.monitored_items import ItemFactory
from server.ua_stack.subscription_service import SubscriptionService
from tests.unit.server.ua_stack.nodes import access_to, space_of_points

NEVER = 3_600_000.0
"""A publishing interval (ms) within which no test ends: cycles are run by hand."""
SESSION = ua.NodeId(ua.Int32(1))


@dataclass
class ManualSampling:
    """Stands in for the sampling clock."""

    members: dict[float, dict[object, Callable[[], None]]] = field(default_factory=dict)

    def add(self, interval: float, owner: object, sample: Callable[[], None]) -> None:
        self.members.setdefault(interval, {})[owner] = sample

    def remove(self, interval: float, owner: object) -> None:
        self.members.get(interval, {}).pop(owner, None)

    def stop(self) -> None:
        self.members.clear()

    def tick(self, interval: float) -> None:
        for sample in tuple(self.members.get(interval, {}).values()):
            sample()


@dataclass(frozen=True)
class Notified:
    """One value as a client gets it; ``value`` is NaN-safe text for comparing."""

    handle: int
    value: Any
    status: int
    source_time: int | None


@dataclass
class Client:
    """Publish requests of one connection, and what they were answered with."""

    requests: int = 0
    results: list[ua.PublishResult] = field(default_factory=list[ua.PublishResult])

    def take(self, _subscription_id: int) -> int | None:
        if not self.requests:
            return None
        self.requests -= 1
        return self.requests

    async def forward(self, result: ua.PublishResult, _request: Any) -> None:
        self.results.append(result)

    def notifications(self) -> list[Notified]:
        """Give all values of the results so far, in their order, and forget the results."""
        taken = [one for result in self.results for one in notified(result.NotificationMessage)]
        self.results.clear()
        return taken


def notified(message: ua.NotificationMessage) -> Iterator[Notified]:
    for data in message.NotificationData:
        if isinstance(data, ua.ExtensionObject):
            change = struct_from_binary(ua.DataChangeNotification, Buffer(bytes(data.Body or b"")))
            for item in change.MonitoredItems:
                value = item.Value
                source = None if value.SourceTimestamp is None else from_datetime(value.SourceTimestamp)
                status = 0 if value.StatusCode is None else value.StatusCode.value
                yield Notified(item.ClientHandle, plain(value.Value and value.Value.Value), status, source)


def plain(value: Any) -> Any:
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


@dataclass
class Endpoint:
    """A service over an image of ``types``; point ``n`` is node ``ns=1;i=n``, its scan ``scans[n]`` seconds."""

    types: list[DataType]
    scans: list[float]
    image: ProcessImage = field(init=False)
    service: SubscriptionService = field(init=False)
    clock: ManualSampling = field(default_factory=ManualSampling)
    client: Client = field(default_factory=Client)
    moment: int = 10_000_000
    limits: SubscriptionLimits = field(default_factory=lambda: SubscriptionLimits(subscriptions=10, items=100_000))
    deadbands: dict[int, float] = field(default_factory=dict[int, float])

    def __post_init__(self) -> None:
        points = [
            Point(f"nsu=urn:test;i={slot}", datatype, deadband=self.deadbands.get(slot, 0.0))
            for slot, datatype in enumerate(self.types)
        ]
        self.image = ProcessImage(points, 10)
        access, aspace = access_to(space_of_points(self.node(slot) for slot in range(len(points))))
        slots = {self.node(slot): slot for slot in range(len(points))}
        access.bind(self.image, slots, _not_written)
        self.service = SubscriptionService(aspace, self.limits)
        self.service._clock = self.clock  # type: ignore[assignment]  # moved by hand
        self.service.bind(ItemFactory(aspace, access, self.image, self.scans))
        self.image.add_tap(self.service)

    @staticmethod
    def node(slot: int) -> ua.NodeId:
        return ua.NodeId(ua.Int32(slot), ua.Int16(1))

    def put(self, values: dict[int, Any], status: int = 0, *, advance: int = 10) -> None:
        """Hand in new values as a driver does, a batch a type; every sample has a later source time."""
        self.moment += advance
        for datatype, slots in self.image.slots_by_type(values).items():
            column = np.empty(len(slots), datatype.dtype)
            column[:] = [values[int(slot)] for slot in slots]
            self.image.apply(Batch(slots, column, status, self.moment, self.moment))

    async def subscribe(self, *, max_notifications: int = 0, **more: Any) -> Subscription:
        params = ua.CreateSubscriptionParameters()
        params.RequestedPublishingInterval = more.get("interval", NEVER)
        params.RequestedLifetimeCount = more.get("lifetime", 10_000)
        params.RequestedMaxKeepAliveCount = more.get("keep_alive", 3000)
        params.MaxNotificationsPerPublish = max_notifications
        params.PublishingEnabled = more.get("enabled", True)
        session = more.get("session", SESSION)
        result = await self.service.create_subscription(params, self.client.forward, session, self.client.take)
        return self.service.subscriptions[result.SubscriptionId].core

    async def monitor(self, subscription: Subscription, *requests: ua.MonitoredItemCreateRequest) -> list[Any]:
        params = ua.CreateMonitoredItemsParameters()
        params.SubscriptionId = subscription.id
        params.TimestampsToReturn = ua.TimestampsToReturn.Both
        params.ItemsToCreate = list(requests)
        return await self.service.create_monitored_items(params)

    async def publish(self, subscription: Subscription, requests: int = 1) -> list[Notified]:
        """Run one publishing cycle with as many waiting requests, and give the values that were reported."""
        self.client.requests = requests
        await subscription._cycle()
        return self.client.notifications()


async def _not_written(_slot: int, _value: Any) -> int:
    raise AssertionError


@asynccontextmanager
async def endpoint(types: list[DataType], scans: list[float] | None = None, **more: Any) -> AsyncGenerator[Endpoint]:
    """Give an endpoint and stop it."""
    made = Endpoint(types, scans if scans is not None else [0.1] * len(types), **more)
    try:
        yield made
    finally:
        await made.service.stop()


def request(slot: int, handle: int, mode: int = 2, **parameters: Any) -> ua.MonitoredItemCreateRequest:
    made = ua.MonitoredItemCreateRequest()
    made.ItemToMonitor.NodeId = Endpoint.node(slot)
    made.ItemToMonitor.AttributeId = parameters.pop("attribute", ua.AttributeIds.Value)
    made.MonitoringMode = ua.MonitoringMode(mode)
    made.RequestedParameters = monitoring(handle, **parameters)
    return made


def monitoring(handle: int, **parameters: Any) -> ua.MonitoringParameters:
    made = ua.MonitoringParameters()
    made.ClientHandle = handle
    made.SamplingInterval = parameters.get("sampling", 0.0)
    made.QueueSize = parameters.get("size", 10)
    made.DiscardOldest = parameters.get("discard_oldest", True)
    trigger, deadband = parameters.get("trigger"), parameters.get("deadband")
    if trigger is not None or deadband is not None:
        made.Filter = ua.DataChangeFilter(
            Trigger=ua.DataChangeTrigger(1 if trigger is None else trigger),
            DeadbandType=0 if deadband is None else 1,
            DeadbandValue=deadband or 0.0,
        )
    return made
