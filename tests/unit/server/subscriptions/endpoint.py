"""The server's subscription service without sockets: a channel that keeps messages, a sampling clock moved by hand."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from asyncua import ua

from core.batch import Batch
from core.datatypes import DataType
from core.image import ProcessImage
from core.point import Point
from core.time import from_datetime
from server.address_space.attributes import Attributes
from server.address_space.keys import key_of
from server.address_space.points import Points
from server.events.compiled_filter import EventFilters
from server.events.event_types import EventTypes
from server.events.notifiers import Notifiers
from server.subscriptions.limits import SubscriptionLimits
from server.subscriptions.subscription import Subscription
from server.ua_stack.monitored_items import ItemFactory
from server.ua_stack.subscription_service import SubscriptionService
from server.ua_stack.values import encode_variant
from tests.clock import settle
from tests.unit.server.subscriptions.ua_service import Client, UaService
from tests.unit.server.ua_stack.nodes import space_of_points

NEVER = 3_600_000.0
"""A publishing interval (ms) within which no test ends: cycles are run by hand."""


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


def notified(result: ua.PublishResult) -> Iterator[Notified]:
    for data in result.NotificationMessage.NotificationData:
        if isinstance(data, ua.DataChangeNotification):
            for item in data.MonitoredItems:
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
    plain: SubscriptionService = field(init=False)
    service: UaService = field(init=False)
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
        space = space_of_points(self.node(slot) for slot in range(len(points)))
        attributes = Attributes(space)
        slots = {key_of(self.node(slot)): slot for slot in range(len(points))}
        attributes.bind(Points(self.image, slots))
        self.plain = SubscriptionService(Notifiers(space), self.limits)
        self.service = UaService(self.plain, self.client)
        self.plain.items.clock = self.clock  # type: ignore[assignment]  # moved by hand
        self.plain.items.bind(
            ItemFactory(attributes, self.image, self.scans, encode_variant, EventFilters(EventTypes(space)))
        )
        self.image.add_tap(self.plain)

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
        result = self.service.create_subscription(params, more.get("session"))
        return self.plain.held[result.SubscriptionId].core

    async def monitor(self, subscription: Subscription, *requests: ua.MonitoredItemCreateRequest) -> list[Any]:
        params = ua.CreateMonitoredItemsParameters()
        params.SubscriptionId = subscription.id
        params.TimestampsToReturn = ua.TimestampsToReturn.Both
        params.ItemsToCreate = list(requests)
        return await self.service.create_monitored_items(params, self._client_of(subscription))

    async def publish(self, subscription: Subscription, requests: int = 1) -> list[Notified]:
        """Run one publishing cycle with as many waiting requests, and give the values that were reported."""
        return [one for result in await self.cycle(subscription, requests) for one in notified(result)]

    async def cycle(self, subscription: Subscription, requests: int = 1) -> list[ua.PublishResult]:
        """Run one publishing cycle, and give the answers."""
        client = self._client_of(subscription)
        client.requests = requests
        subscription.cycle()
        await settle()
        results, client.results = client.results, []
        return results

    def _client_of(self, subscription: Subscription) -> Client:
        return cast("Client", self.plain.held[subscription.id].owner)


@asynccontextmanager
async def endpoint(types: list[DataType], scans: list[float] | None = None, **more: Any) -> AsyncGenerator[Endpoint]:
    """Give an endpoint and stop it."""
    made = Endpoint(types, scans if scans is not None else [0.1] * len(types), **more)
    try:
        yield made
    finally:
        made.plain.stop()


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
