"""Drives the engine without sockets. All that knows the engine's Python API is here; the model does not.

Clocks stand still: samples are taken and publishing cycles run when the history says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.ua.ua_binary import variant_to_binary

from core.batch import Batch
from core.datatypes import DataType
from core.image import ProcessImage
from core.point import Point
from core.time import from_datetime
from nodesets.built_in_types import LocalizedText
from nodesets.nodes import NodeClass
from server.address_space.attributes import Attributes
from server.address_space.keys import key_of, numeric_key
from server.address_space.node import BrowseName, SpaceNode, VariableAttributes
from server.address_space.points import Points
from server.address_space.space import AddressSpace
from server.events.compiled_filter import EventFilters
from server.events.event_types import EventTypes
from server.events.notifiers import Notifiers
from server.subscriptions.limits import SubscriptionLimits
from server.ua_stack.monitored_items import ItemFactory
from server.ua_stack.subscription_service import SubscriptionService
from server.ua_stack.values import encode_variant
from tests.clock import settle
from tests.unit.server.subscriptions.histories.messages import (
    GOOD,
    Answer,
    ItemParameters,
    ItemRequest,
    ItemResult,
    Message,
    PointKind,
    Sample,
    Seen,
    SubscriptionParameters,
    SubscriptionResult,
    canonical,
)
from tests.unit.server.subscriptions.ua_service import Client, UaService

HOUR = 3_600_000.0
"""The publishing interval (ms), within which no history ends: cycles are run by hand."""
EPOCH = 10_000_000
NAMESPACE = 1
RANGES = 10_000
"""Numeric identifiers from here on are those of the points' EURange properties."""


@dataclass
class _Clock:
    """Stands in for the sampling clock."""

    members: dict[float, dict[object, Callable[[], None]]] = field(default_factory=dict)

    def add(self, interval: float, owner: object, sample: Callable[[], None]) -> None:
        self.members.setdefault(interval, {})[owner] = sample

    def remove(self, interval: float, owner: object) -> None:
        self.members.get(interval, {}).pop(owner, None)

    def stop(self) -> None:
        self.members.clear()


class Engine:
    """The services of the engine over points of ``kinds``; ids, values and StatusCodes in plain Python.

    Sessions are numbered; those of the same parity are the same user's.
    """

    def __init__(self, kinds: Sequence[PointKind]) -> None:
        self.kinds = kinds
        self.image = ProcessImage(
            [Point(f"nsu=urn:test;i={slot}", kind.type) for slot, kind in enumerate(kinds)], EPOCH
        )
        space = _space(tuple(kinds))
        attributes = Attributes(space)
        attributes.bind(Points(self.image, {key_of(_node(slot)): slot for slot in range(len(kinds))}))
        self.plain = SubscriptionService(Notifiers(space), SubscriptionLimits(subscriptions=10, items=100_000))
        self.sessions: dict[int, Client] = {}
        self.service = UaService(self.plain, self._client(0))
        self.clock = _Clock()
        self.plain.items.clock = self.clock  # type: ignore[assignment]  # moved by hand
        scans = [kind.scan for kind in kinds]
        filters = EventFilters(EventTypes(space))
        self.plain.items.bind(ItemFactory(attributes, self.image, scans, encode_variant, filters))
        self.image.add_tap(self.plain)
        self.moment = EPOCH

    def close(self) -> None:
        """End all subscriptions."""
        self.plain.stop()

    # -- samples

    def now(self, slot: int) -> Sample:
        """Give what a point shows."""
        reading = self.image.read(slot)
        value = reading.value.Value if isinstance(reading.value, ua.Variant) else reading.value
        return Sample(canonical(value), reading.status, reading.source_time, reading.server_time)

    def put(self, values: Mapping[int, Any], status: int) -> dict[int, Sample]:
        """Hand new values in as a driver does, a batch a type; give what is shown then.

        Each time is another's, in whole microseconds, as Python's datetime has no finer ones.
        """
        self.moment += 20
        for datatype, slots in self.image.slots_by_type(values).items():
            column = np.empty(len(slots), datatype.dtype)
            for row, slot in enumerate(slots):
                column[row] = _held(values[int(slot)])
            self.image.apply(Batch(slots, column, status, self.moment, self.moment + 10))
        return {slot: self.now(slot) for slot in values}

    def intervals(self) -> list[float]:
        """Give the sampling clocks' intervals (ms) that strike for anyone."""
        return sorted(interval * 1e3 for interval, members in self.clock.members.items() if members)

    def tick(self, interval: float) -> None:
        """Let the sampling clock of ``interval`` ms strike."""
        for sample in tuple(self.clock.members.get(interval / 1e3, {}).values()):
            sample()

    # -- subscriptions

    def create_subscription(self, session: int, asked: SubscriptionParameters, *, enabled: bool) -> SubscriptionResult:
        params = ua.CreateSubscriptionParameters()
        params.RequestedPublishingInterval = HOUR
        params.RequestedLifetimeCount = asked.lifetime
        params.RequestedMaxKeepAliveCount = asked.keep_alive
        params.MaxNotificationsPerPublish = asked.limit
        params.PublishingEnabled = enabled
        params.Priority = asked.priority
        try:
            result = self.service.create_subscription(params, self._client(session))
        except ServiceError as refused:
            return SubscriptionResult(refused.code)
        return SubscriptionResult(
            GOOD,
            result.SubscriptionId,
            result.RevisedPublishingInterval,
            result.RevisedLifetimeCount,
            result.RevisedMaxKeepAliveCount,
        )

    def modify_subscription(self, session: int, subscription: int, asked: SubscriptionParameters) -> SubscriptionResult:
        params = ua.ModifySubscriptionParameters()
        params.SubscriptionId = subscription
        params.RequestedPublishingInterval = HOUR
        params.RequestedLifetimeCount = asked.lifetime
        params.RequestedMaxKeepAliveCount = asked.keep_alive
        params.MaxNotificationsPerPublish = asked.limit
        params.Priority = asked.priority
        try:
            result = self.service.modify_subscription(params, self._client(session))
        except ServiceError as refused:
            return SubscriptionResult(refused.code)
        return SubscriptionResult(
            GOOD,
            subscription,
            result.RevisedPublishingInterval,
            result.RevisedLifetimeCount,
            result.RevisedMaxKeepAliveCount,
        )

    def set_publishing(self, session: int, subscription: int, *, enabled: bool) -> int:
        params = ua.SetPublishingModeParameters(PublishingEnabled=enabled, SubscriptionIds=[subscription])
        (code,) = self.service.set_publishing_mode(params, self._client(session))
        return code.value

    def delete_subscription(self, session: int, subscription: int) -> int:
        (code,) = self.service.delete_subscriptions([subscription], self._client(session))
        return code.value

    async def publish(self, session: int, acks: Sequence[tuple[int, int]]) -> tuple[int, list[int], list[Answer]]:
        """Send a Publish request: the service's StatusCode, requests that were refused, what was answered at once."""
        client = self._client(session)
        client.refused.clear()
        try:
            self.service.publish(acks, client)
        except ServiceError as refused:
            return refused.code, [], []
        answers = await self._answers()
        return GOOD, list(client.refused), answers

    async def cycle(self, subscription: int) -> tuple[list[Answer], bool]:
        """Run one publishing cycle; give what was answered, and whether the subscription lives on."""
        self.plain.held[subscription].core.cycle()
        return await self._answers(), subscription in self.plain.held

    def republish(self, session: int, subscription: int, sequence: int) -> tuple[int, Message | None]:
        ask = ua.RepublishParameters(SubscriptionId=subscription, RetransmitSequenceNumber=sequence)
        try:
            return GOOD, _message(self.service.republish(ask, self._client(session)))
        except ServiceError as refused:
            return refused.code, None

    async def transfer(
        self, subscription: int, session: int, *, initial: bool
    ) -> tuple[int, tuple[int, ...], list[Answer]]:
        """Give the StatusCode, the numbers of the messages that are kept, and what the sessions were sent."""
        params = ua.TransferSubscriptionsParameters(SubscriptionIds=[subscription], SendInitialValues=initial)
        (result,) = self.service.transfer_subscriptions(params, self._client(session))
        await settle(2)  # who waits for a request is served once the answer to this one is on its way
        return result.StatusCode.value, tuple(result.AvailableSequenceNumbers or ()), await self._answers()

    def resend(self, session: int, subscription: int) -> int:
        """Call ResendData."""
        try:
            self.plain.items.resend(self.plain.mine(self._client(session), subscription))
        except ServiceError as refused:
            return refused.code
        return GOOD

    # -- monitored items

    async def create_items(
        self, session: int, subscription: int, asked: Sequence[tuple[int, ItemRequest]], stamps: int
    ) -> tuple[int, list[ItemResult]]:
        params = ua.CreateMonitoredItemsParameters()
        params.SubscriptionId = subscription
        params.TimestampsToReturn = ua.TimestampsToReturn(stamps)
        for handle, request in asked:
            made = ua.MonitoredItemCreateRequest()
            made.ItemToMonitor.NodeId = _node(request.slot)
            made.ItemToMonitor.AttributeId = ua.AttributeIds.Value
            if request.index_range is not None:
                first, last = request.index_range
                made.ItemToMonitor.IndexRange = str(first) if first == last else f"{first}:{last}"
            made.MonitoringMode = ua.MonitoringMode(request.mode)
            made.RequestedParameters = _parameters(handle, request.parameters)
            params.ItemsToCreate.append(made)
        try:
            results = await self.service.create_monitored_items(params, self._client(session))
        except ServiceError as refused:
            return refused.code, []
        return GOOD, [
            ItemResult(one.StatusCode.value, one.MonitoredItemId, one.RevisedSamplingInterval, one.RevisedQueueSize)
            for one in results
        ]

    async def modify_item(
        self, session: int, subscription: int, item: tuple[int, int], asked: ItemParameters, stamps: int
    ) -> tuple[int, ItemResult | None]:
        """Ask for other parameters of an item, which is given with its client handle."""
        params = ua.ModifyMonitoredItemsParameters()
        params.SubscriptionId = subscription
        params.TimestampsToReturn = ua.TimestampsToReturn(stamps)
        changed = ua.MonitoredItemModifyRequest()
        changed.MonitoredItemId, handle = item
        changed.RequestedParameters = _parameters(handle, asked)
        params.ItemsToModify = [changed]
        try:
            (one,) = await self.service.modify_monitored_items(params, self._client(session))
        except ServiceError as refused:
            return refused.code, None
        return GOOD, ItemResult(one.StatusCode.value, item[0], one.RevisedSamplingInterval, one.RevisedQueueSize)

    async def set_mode(self, session: int, subscription: int, items: Sequence[int], mode: int) -> tuple[int, list[int]]:
        params = ua.SetMonitoringModeParameters()
        params.SubscriptionId = subscription
        params.MonitoringMode = ua.MonitoringMode(mode)
        params.MonitoredItemIds = list(items)
        try:
            codes = await self.service.set_monitoring_mode(params, self._client(session))
        except ServiceError as refused:
            return refused.code, []
        return GOOD, [code.value for code in codes]

    async def delete_items(self, session: int, subscription: int, items: Sequence[int]) -> tuple[int, list[int]]:
        params = ua.DeleteMonitoredItemsParameters()
        params.SubscriptionId = subscription
        params.MonitoredItemIds = list(items)
        try:
            codes = await self.service.delete_monitored_items(params, self._client(session))
        except ServiceError as refused:
            return refused.code, []
        return GOOD, [code.value for code in codes]

    def set_triggering(
        self, session: int, subscription: int, item: int, add: Sequence[int], remove: Sequence[int]
    ) -> tuple[int, list[int], list[int]]:
        """Give the service's StatusCode, and those of the links that are added and removed."""
        params = ua.SetTriggeringParameters()
        params.SubscriptionId = subscription
        params.TriggeringItemId = item
        params.LinksToAdd, params.LinksToRemove = list(add), list(remove)
        try:
            result = self.service.set_triggering(params, self._client(session))
        except ServiceError as refused:
            return refused.code, [], []
        return (
            GOOD,
            [code.value for code in result.AddResults or ()],
            [code.value for code in result.RemoveResults or ()],
        )

    # -- sessions

    def _client(self, session: int) -> Client:
        if session not in self.sessions:
            self.sessions[session] = Client(identity=session % 2)
        return self.sessions[session]

    async def _answers(self) -> list[Answer]:
        """Let what is left of a cycle be sent, and give all that came; refused requests are no answers."""
        taken: list[Answer] = []
        while any(client.results for client in self.sessions.values()):
            for session, client in self.sessions.items():
                taken.extend(_answer(session, result) for result in client.results)
                client.results.clear()
            await settle(2)
        return taken


def _answer(session: int, result: ua.PublishResult) -> Answer:
    return Answer(
        session,
        result.SubscriptionId,
        _message(result.NotificationMessage),
        bool(result.MoreNotifications),
        tuple(result.AvailableSequenceNumbers or ()),
        tuple(code.value for code in result.Results or ()),
    )


def _held(value: Any) -> Any:
    """Give what a column holds; an array with numbers of its own, so that no NaN is the same object as another."""
    if not isinstance(value, list):
        return value
    numbers: list[float] = [one * 1.0 for one in value]  # pyright: ignore[reportUnknownVariableType] - histories' arrays
    return ua.Variant(numbers, ua.VariantType.Double, is_array=True)


def _node(slot: int) -> ua.NodeId:
    return ua.NodeId(ua.Int32(slot), ua.Int16(NAMESPACE))


@cache
def _space(kinds: tuple[PointKind, ...]) -> AddressSpace:
    """Make the points' Variables, with the EURange property where there is one."""
    space = AddressSpace()
    text = (LocalizedText(None, "point"),)
    attributes = VariableAttributes(numeric_key(0, ua.ObjectIds.Range))
    for slot, kind in enumerate(kinds):
        key = key_of(_node(slot))
        rank = 1 if kind.is_array else -1
        point = VariableAttributes(numeric_key(0, kind.shown_type), rank, access_level=7, user_access_level=7)
        space.add(SpaceNode(key, NodeClass.VARIABLE, BrowseName(NAMESPACE, "point"), text, (), point))
        if kind.span is not None:
            limits = variant_to_binary(ua.Variant(ua.Range(-kind.span / 2, kind.span / 2)))
            property_key = numeric_key(NAMESPACE, RANGES + slot)
            name = BrowseName(0, "EURange")
            space.add(SpaceNode(property_key, NodeClass.VARIABLE, name, text, (), attributes, limits))
            space.refer(key, numeric_key(0, ua.ObjectIds.HasProperty), property_key)
    return space


def _parameters(handle: int, asked: ItemParameters) -> ua.MonitoringParameters:
    made = ua.MonitoringParameters()
    made.ClientHandle = handle
    made.SamplingInterval = asked.sampling
    made.QueueSize = asked.size
    made.DiscardOldest = asked.discard_oldest
    if asked.filter is not None:
        trigger, kind, value = asked.filter
        made.Filter = ua.DataChangeFilter(Trigger=ua.DataChangeTrigger(trigger), DeadbandType=kind, DeadbandValue=value)
    return made


def _message(message: ua.NotificationMessage) -> Message:
    values: list[Seen] = []
    status: int | None = None
    for data in message.NotificationData or ():
        if isinstance(data, ua.StatusChangeNotification):
            status = data.Status.value
        else:
            values.extend(_seen(data))
    return Message(message.SequenceNumber, tuple(values), status)


def _seen(data: Any) -> Iterator[Seen]:
    for item in data.MonitoredItems:
        shown = item.Value
        variant = shown.Value
        yield Seen(
            item.ClientHandle,
            None if variant is None else canonical(variant.Value),
            0 if variant is None else int(variant.VariantType.value),
            0 if shown.StatusCode is None else shown.StatusCode.value,
            None if shown.SourceTimestamp is None else from_datetime(shown.SourceTimestamp),
            None if shown.ServerTimestamp is None else from_datetime(shown.ServerTimestamp),
        )


KINDS = (
    PointKind(DataType.DOUBLE, 0.1),
    PointKind(DataType.DOUBLE, 0.0, 200.0),
    PointKind(DataType.FLOAT, 0.1),
    PointKind(DataType.INT16, 0.1, 100.0),
    PointKind(DataType.UINT64, 0.1),
    PointKind(DataType.BOOLEAN, 1.0),
    PointKind(DataType.STRING, 0.1),
    PointKind(DataType.VARIANT, 0.1, is_array=True),
)
