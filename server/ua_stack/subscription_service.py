"""asyncua's subscription service replaced by ours (seam: ``InternalServer.subscription_service``)."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

from asyncua import ua
from asyncua.common.utils import ServiceError

from core.batch import Samples
from core.datatypes import DataType
from core.quality import Status
from core.time import now
from server.address_space.asyncua_seam import UaAddressSpace
from server.subscriptions.cohort import Cohort
from server.subscriptions.limits import Room, SubscriptionLimits
from server.subscriptions.object_items import EventItem, ObjectItem
from server.subscriptions.sampling import SamplingClock
from server.subscriptions.subscription import Item, Parameters, Subscription
from server.ua_stack.monitored_items import ItemFactory, ItemRefusedError
from server.ua_stack.notifications import ForwardResult, SessionChannel, TakeRequest, to_notification_message
from server.ua_stack.values import encode_variant

_log = logging.getLogger("plantspace.subscriptions")
FASTEST_PUBLISHING = 0.01
SLOWEST_PUBLISHING = 3600.0
_KEEP_ALIVE_LIMIT = 10_000
_LIFETIME_LIMIT = 30_000
_DISABLED, _SAMPLING, _REPORTING = 0, 1, 2


class StackSubscription:
    """A subscription as asyncua's connections see it: they rebind the callbacks when a session moves."""

    def __init__(self, core: Subscription, channel: SessionChannel, session_id: ua.NodeId) -> None:
        """Tie the subscription to its session."""
        self.core = core
        self.session_id = session_id
        self._channel = channel

    @property
    def pub_result_callback(self) -> ForwardResult:
        """The connection's way of answering."""
        return self._channel.forward

    @pub_result_callback.setter
    def pub_result_callback(self, forward: ForwardResult) -> None:
        self._channel.forward = forward

    @property
    def pub_request_callback(self) -> TakeRequest | None:
        """The connection's queue of Publish requests."""
        return self._channel.take

    @pub_request_callback.setter
    def pub_request_callback(self, take: TakeRequest | None) -> None:
        self._channel.take = take

    async def move_to(self, session_id: ua.NodeId, forward: ForwardResult, take: TakeRequest | None) -> None:
        """Serve another session (Part 4 v1.05 5.14.7); the one that had it is told if it waits for a message."""
        before = SessionChannel(self._channel.forward, self._channel.take)
        moved = self.session_id != session_id
        self.session_id = session_id
        self._channel.forward, self._channel.take = forward, take
        if moved:
            await self.core.tell_end(before, ua.StatusCodes.GoodSubscriptionTransferred)
        before.forget(self.core.id)

    async def publish_results(self, request: Any) -> bool:  # asyncua's PublishRequestData
        """Use a Publish request that came late; false when there is nothing to say."""
        return await self.core.answer(request)


class SubscriptionService:
    """Every subscription of the server, and the tap that feeds them from the process image."""

    def __init__(self, aspace: UaAddressSpace, limits: SubscriptionLimits) -> None:
        """Serve within ``limits``."""
        self.subscriptions: dict[int, StackSubscription] = {}
        self.standard_events: dict[int, Any] = {}  # asyncua's condition refresh looks here
        self._aspace = aspace
        self._limits = limits
        self._factory: ItemFactory | None = None
        self._clock = SamplingClock()
        self._by_type: dict[DataType, list[Cohort]] = {}
        self._event_sources: dict[ua.NodeId, dict[int, EventItem]] = {}
        self._next_subscription = 1
        self._next_item = 1
        self._items = 0

    def bind(self, factory: ItemFactory) -> None:
        """Make items with ``factory`` from now on."""
        self._factory = factory

    def offer(self, samples: Samples) -> None:
        """Take what the process image hands on (:class:`~core.image.Tap`)."""
        for cohort in self._by_type.get(samples.datatype, ()):
            cohort.offer(samples)

    @property
    def item_count(self) -> int:
        """Count the monitored items of all subscriptions."""
        return self._items

    async def stop(self) -> None:
        """End all subscriptions."""
        self._clock.stop()
        for held in tuple(self.subscriptions.values()):
            await held.core.stop()
        self.subscriptions.clear()
        self._by_type.clear()
        self._event_sources.clear()

    async def create_subscription(
        self,
        params: ua.CreateSubscriptionParameters,
        callback: ForwardResult,
        session_id: ua.NodeId,
        request_callback: TakeRequest | None = None,
    ) -> ua.CreateSubscriptionResult:
        """CreateSubscription (Part 4 v1.05 5.14.2)."""
        if len(self.subscriptions) >= self._limits.subscriptions:
            raise ServiceError(ua.StatusCodes.BadTooManySubscriptions)
        parameters = _revised(
            params.RequestedPublishingInterval,
            params.RequestedLifetimeCount,
            params.RequestedMaxKeepAliveCount,
            params.MaxNotificationsPerPublish,
            params.Priority,
            enabled=bool(params.PublishingEnabled),
        )
        subscription_id = self._next_subscription
        self._next_subscription += 1
        channel = SessionChannel(callback, request_callback)
        core = Subscription(subscription_id, parameters, channel, encode_variant, now, self._expire)
        self.subscriptions[subscription_id] = StackSubscription(core, channel, session_id)
        self._share_kept()
        core.start()
        result = ua.CreateSubscriptionResult()
        result.SubscriptionId = ua.IntegerId(subscription_id)
        result.RevisedPublishingInterval = ua.Duration(parameters.interval * 1e3)
        result.RevisedLifetimeCount = ua.Counter(parameters.lifetime_count)
        result.RevisedMaxKeepAliveCount = ua.Counter(parameters.keep_alive_count)
        return result

    def modify_subscription(self, params: ua.ModifySubscriptionParameters) -> ua.ModifySubscriptionResult:
        """ModifySubscription (Part 4 v1.05 5.14.3)."""
        core = self._core(params.SubscriptionId)
        parameters = _revised(
            params.RequestedPublishingInterval,
            params.RequestedLifetimeCount,
            params.RequestedMaxKeepAliveCount,
            params.MaxNotificationsPerPublish,
            params.Priority,
            enabled=core.parameters.enabled,
        )
        core.revise(parameters)
        result = ua.ModifySubscriptionResult()
        result.RevisedPublishingInterval = ua.Duration(parameters.interval * 1e3)
        result.RevisedLifetimeCount = ua.Counter(parameters.lifetime_count)
        result.RevisedMaxKeepAliveCount = ua.Counter(parameters.keep_alive_count)
        return result

    async def delete_subscriptions(self, ids: list[int]) -> list[ua.StatusCode]:
        """DeleteSubscriptions (Part 4 v1.05 5.14.8)."""
        results: list[ua.StatusCode] = []
        for subscription_id in ids:
            held = self.subscriptions.pop(int(subscription_id), None)
            if held is None:
                results.append(_status(ua.StatusCodes.BadSubscriptionIdInvalid))
                continue
            for item in tuple(held.core.items.values()):
                self._remove(held.core, item)
            await held.core.stop()
            results.append(ua.StatusCode())
        self._share_kept()
        return results

    async def set_publishing_mode(self, params: ua.SetPublishingModeParameters) -> list[ua.StatusCode]:
        """SetPublishingMode (Part 4 v1.05 5.14.4)."""
        results: list[ua.StatusCode] = []
        for subscription_id in params.SubscriptionIds:
            held = self.subscriptions.get(int(subscription_id))
            if held is None:
                results.append(_status(ua.StatusCodes.BadSubscriptionIdInvalid))
                continue
            held.core.parameters.enabled = bool(params.PublishingEnabled)
            held.core.touched()
            results.append(ua.StatusCode())
        return results

    def publish(
        self, acks: Iterable[ua.SubscriptionAcknowledgement], session_id: ua.NodeId | None = None
    ) -> tuple[int, list[ua.StatusCode]]:
        """Take a Publish request's acknowledgements (Part 4 v1.05 5.14.5); count the session's subscriptions."""
        mine = {key: held for key, held in self.subscriptions.items() if session_id in (None, held.session_id)}
        if not mine:
            raise ServiceError(ua.StatusCodes.BadNoSubscription)
        results: list[ua.StatusCode] = []
        for ack in acks:
            held = mine.get(int(ack.SubscriptionId))
            if held is None:
                results.append(_status(ua.StatusCodes.BadSubscriptionIdInvalid))
            elif held.core.acknowledge(int(ack.SequenceNumber)):
                results.append(ua.StatusCode())
            else:
                results.append(_status(ua.StatusCodes.BadSequenceNumberUnknown))
        for held in mine.values():
            held.core.touched()
        return len(mine), results

    def republish(self, params: ua.RepublishParameters) -> ua.NotificationMessage:
        """Republish (Part 4 v1.05 5.14.6): any number of times, until acknowledged."""
        message = self._core(params.SubscriptionId).kept.get(int(params.RetransmitSequenceNumber))
        if message is None:
            raise ServiceError(ua.StatusCodes.BadMessageNotAvailable)
        return to_notification_message(message)

    async def transfer_subscriptions(
        self, params: ua.TransferSubscriptionsParameters, session_id: ua.NodeId, callback: ForwardResult
    ) -> list[ua.TransferResult]:
        """TransferSubscriptions (Part 4 v1.05 5.14.7)."""
        results: list[ua.TransferResult] = []
        moved: list[tuple[Subscription, ua.TransferResult]] = []
        take = getattr(getattr(callback, "__self__", None), "get_publish_request", None)
        for subscription_id in params.SubscriptionIds:
            result = ua.TransferResult()
            held = self.subscriptions.get(int(subscription_id))
            if held is None:
                result.StatusCode = _status(ua.StatusCodes.BadSubscriptionIdInvalid)
            else:
                await held.move_to(session_id, callback, take)
                held.core.touched()
                if params.SendInitialValues:
                    _resend(held.core)
                moved.append((held.core, result))
            results.append(result)
        self._share_kept()
        for core, result in moved:
            result.AvailableSequenceNumbers = [ua.Counter(number) for number in core.kept]
        return results

    async def create_monitored_items(
        self, params: ua.CreateMonitoredItemsParameters
    ) -> list[ua.MonitoredItemCreateResult]:
        """CreateMonitoredItems (Part 4 v1.05 5.13.2): each item succeeds or fails by itself."""
        core = self._core(params.SubscriptionId)
        results: list[ua.MonitoredItemCreateResult] = []
        begun: dict[Cohort, list[int]] = {}
        room = self._room(core)
        for request in params.ItemsToCreate:
            result = ua.MonitoredItemCreateResult()
            try:
                item = self._create(core, request, params.TimestampsToReturn, result, room)
            except ItemRefusedError as refused:
                result.StatusCode = _status(refused.status)
            else:
                _mute(item)
                if item.mode != _DISABLED:
                    self._begin(item, begun)
            results.append(result)
        for cohort, indexes in begun.items():
            cohort.activate(indexes)
        return results

    def modify_monitored_items(self, params: ua.ModifyMonitoredItemsParameters) -> list[ua.MonitoredItemModifyResult]:
        """ModifyMonitoredItems (Part 4 v1.05 5.13.3)."""
        core = self._core(params.SubscriptionId)
        results: list[ua.MonitoredItemModifyResult] = []
        room = self._room(core)
        for request in params.ItemsToModify:
            result = ua.MonitoredItemModifyResult()
            item = core.items.get(int(request.MonitoredItemId))
            if item is None:
                result.StatusCode = _status(ua.StatusCodes.BadMonitoredItemIdInvalid)
                results.append(result)
                continue
            try:
                self._modify(core, item, request.RequestedParameters, params.TimestampsToReturn, result, room)
            except ItemRefusedError as refused:
                result.StatusCode = _status(refused.status)
            results.append(result)
        return results

    async def set_monitoring_mode(self, params: ua.SetMonitoringModeParameters) -> list[ua.StatusCode]:
        """SetMonitoringMode (Part 4 v1.05 5.13.4)."""
        core = self._core(params.SubscriptionId)
        results: list[ua.StatusCode] = []
        begun: dict[Cohort, list[int]] = {}
        for item_id in params.MonitoredItemIds:
            item = core.items.get(int(item_id))
            if item is None:
                results.append(_status(ua.StatusCodes.BadMonitoredItemIdInvalid))
                continue
            before, item.mode = item.mode, int(params.MonitoringMode)
            if before == _DISABLED and item.mode != _DISABLED:
                self._begin(item, begun)
            elif item.mode == _DISABLED and before != _DISABLED:
                self._end(item, forget=True)
            _mute(item)
            results.append(ua.StatusCode())
        for cohort, indexes in begun.items():
            cohort.activate(indexes)
        return results

    def delete_monitored_items(self, params: ua.DeleteMonitoredItemsParameters) -> list[ua.StatusCode]:
        """DeleteMonitoredItems (Part 4 v1.05 5.13.6)."""
        core = self._core(params.SubscriptionId)
        results: list[ua.StatusCode] = []
        for item_id in params.MonitoredItemIds:
            item = core.items.get(int(item_id))
            if item is None:
                results.append(_status(ua.StatusCodes.BadMonitoredItemIdInvalid))
            else:
                self._remove(core, item)
                results.append(ua.StatusCode())
        return results

    def leave_points(self, nodes: Collection[ua.NodeId]) -> None:
        """Go on with the items on nodes that are points no more, or are gone: those are told BadNodeIdUnknown."""
        all_items = ((held.core, item) for held in self.subscriptions.values() for item in held.core.items.values())
        for core, item in [one for one in all_items if one[1].node in nodes] if nodes else ():
            cohort = item.cohort
            if cohort is not None and self._factory is not None:
                self._factory.loosen(core, item)
                if not cohort.items:
                    self._retire(core, cohort)
                _mute(item)
                if item.mode != _DISABLED:
                    self._begin(item, {})

    async def trigger_event(self, event: Any, subscription_id: int | None = None) -> None:  # noqa: ARG002 - asyncua's signature
        """Offer an event to the items on its node, and on the Server object, which hears all (Part 3 v1.05 5.5.1)."""
        sources = {event.emitting_node, _SERVER}
        for source in sources:
            for item in tuple(self._event_sources.get(source, {}).values()):
                item.offer(event)

    def _room(self, core: Subscription) -> Room:
        """Sum up what the subscriptions hold; nothing is counted beside them, so what ends is free at once."""
        limits, session = self._limits, self.subscriptions[core.id].session_id
        room = Room(limits.items - self._items, limits.queued, limits.cohorts)
        mine = Room(limits.session_items, limits.session_queued, limits.session_cohorts)
        for held in self.subscriptions.values():
            room.values -= held.core.queued
            room.cohorts -= len(held.core.cohorts)
            if held.session_id == session:
                mine.items -= len(held.core.items)
                mine.values -= held.core.queued
                mine.cohorts -= len(held.core.cohorts)
        return Room(min(room.items, mine.items), min(room.values, mine.values), min(room.cohorts, mine.cohorts))

    def _share_kept(self) -> None:
        """Give each subscription its part of what its session, and all, may keep for Republish."""
        mine = Counter(held.session_id for held in self.subscriptions.values())
        for held in self.subscriptions.values():
            of_session = self._limits.session_kept_bytes // mine[held.session_id]
            held.core.limit_kept(min(of_session, self._limits.kept_bytes // len(self.subscriptions)))

    def _create(
        self,
        core: Subscription,
        request: ua.MonitoredItemCreateRequest,
        timestamps: ua.TimestampsToReturn,
        result: ua.MonitoredItemCreateResult,
        room: Room,
    ) -> Item:
        if self._factory is None:
            raise ItemRefusedError(ua.StatusCodes.BadShutdown)
        if room.items <= 0:
            raise ItemRefusedError(ua.StatusCodes.BadTooManyMonitoredItems)
        item, wanted = self._factory.make(core, request, timestamps, self._next_item, room)
        self._next_item += 1
        self._items += 1
        room.items -= 1
        _reserve(core, item, wanted.size, room)
        core.items[item.id] = item
        self._register(core, item)
        result.MonitoredItemId = ua.IntegerId(item.id)
        result.RevisedSamplingInterval = ua.Duration(wanted.told_interval)
        result.RevisedQueueSize = ua.Counter(wanted.size)
        return item

    def _modify(
        self,
        core: Subscription,
        item: Item,
        parameters: ua.MonitoringParameters,
        timestamps: ua.TimestampsToReturn,
        result: ua.MonitoredItemModifyResult,
        room: Room,
    ) -> None:
        if self._factory is None:
            raise ItemRefusedError(ua.StatusCodes.BadShutdown)
        active = item.mode != _DISABLED
        if active and isinstance(item.object_item, ObjectItem):
            self._clock.remove(item.interval, id(item.object_item))
        before = item.size
        _reserve(core, item, 0, room)
        try:
            wanted, left = self._factory.change(core, item, parameters, timestamps, room)
        except ItemRefusedError:
            _reserve(core, item, before, room)
            raise
        else:
            _reserve(core, item, wanted.size, room)
        finally:
            if active and isinstance(item.object_item, ObjectItem):
                self._clock.add(item.interval, id(item.object_item), item.object_item.sample)
        if left is not None:
            self._register(core, item)
            if not left.items:
                self._retire(core, left)
                room.cohorts += 1
            _mute(item)
            if active and item.cohort is not None:
                item.cohort.resume(item.index)
        result.RevisedSamplingInterval = ua.Duration(wanted.told_interval)
        result.RevisedQueueSize = ua.Counter(wanted.size)

    def _register(self, core: Subscription, item: Item) -> None:
        """Feed the item's cohort, if nobody does yet; events by their source."""
        cohort = item.cohort
        if cohort is not None and cohort.items == 1:
            if cohort.key.interval:
                self._clock.add(cohort.key.interval, cohort, cohort.sample)
            else:
                fed = self._by_type.setdefault(cohort.key.datatype, [])
                if cohort not in fed:
                    fed.append(cohort)
        if isinstance(item.object_item, EventItem):
            core.event_items[item.id] = item.object_item

    def _retire(self, core: Subscription, cohort: Cohort) -> None:
        core.cohorts.pop(cohort.key, None)
        if cohort.key.interval:
            self._clock.remove(cohort.key.interval, cohort)
        elif cohort in self._by_type.get(cohort.key.datatype, ()):
            self._by_type[cohort.key.datatype].remove(cohort)

    def _begin(self, item: Item, begun: dict[Cohort, list[int]]) -> None:
        """Begin to sample; column items are gathered so that a cohort's initial values are queued in one go."""
        if item.cohort is not None:
            begun.setdefault(item.cohort, []).append(item.index)
        elif isinstance(item.object_item, ObjectItem):
            item.object_item.sample()
            self._clock.add(item.interval, id(item.object_item), item.object_item.sample)
        elif isinstance(item.object_item, EventItem):
            self._event_sources.setdefault(item.node, {})[item.id] = item.object_item

    def _end(self, item: Item, *, forget: bool) -> None:
        if item.cohort is not None:
            item.cohort.deactivate(item.index)
            if forget:
                item.cohort.clear_queue(item.index)
        elif isinstance(item.object_item, ObjectItem):
            self._clock.remove(item.interval, id(item.object_item))
            item.object_item.clear()
        elif isinstance(item.object_item, EventItem):
            listeners = self._event_sources.get(item.node, {})
            listeners.pop(item.id, None)
            if not listeners:
                self._event_sources.pop(item.node, None)
            item.object_item.clear()

    def _remove(self, core: Subscription, item: Item) -> None:
        self._end(item, forget=False)
        core.items.pop(item.id, None)
        core.objects.pop(item.id, None)
        core.event_items.pop(item.id, None)
        self._items -= 1
        core.queued -= item.size
        if item.cohort is not None:
            item.cohort.remove(item.index)
            if not item.cohort.items:
                self._retire(core, item.cohort)

    def _core(self, subscription_id: int) -> Subscription:
        held = self.subscriptions.get(int(subscription_id))
        if held is None:
            raise ServiceError(ua.StatusCodes.BadSubscriptionIdInvalid)
        held.core.touched()
        return held.core

    async def _expire(self, core: Subscription) -> None:
        _log.info("subscription %s ended: no Publish request within its lifetime", core.id)
        await core.tell_end(core.channel, Status.BAD_TIMEOUT)
        await self.delete_subscriptions([core.id])


_SERVER = ua.NodeId(ua.Int32(ua.ObjectIds.Server))


def _reserve(core: Subscription, item: Item, size: int, room: Room) -> None:
    """Give an item's queue another size, at the cost of what is left."""
    core.queued += size - item.size
    room.values -= size - item.size
    item.size = size


def _mute(item: Item) -> None:
    """Report nothing of an item in monitoring mode Sampling."""
    muted = item.mode == _SAMPLING
    if item.cohort is not None:
        item.cohort.mute(item.index, muted=muted)
    elif item.object_item is not None:
        item.object_item.muted = muted


def _resend(core: Subscription) -> None:
    for cohort in core.cohorts.values():
        cohort.resend()
    for item in core.items.values():
        if isinstance(item.object_item, ObjectItem) and item.mode == _REPORTING:
            item.object_item.resend()


def _status(code: int) -> ua.StatusCode:
    return ua.StatusCode(ua.UInt32(code))


def _revised(
    interval: float, lifetime: int, keep_alive: int, max_notifications: int, priority: int, *, enabled: bool
) -> Parameters:
    """Revise what a client asks (Part 4 v1.05 5.14.2.2): the lifetime is at least three keep-alives."""
    seconds = interval / 1e3
    revised = min(max(seconds, FASTEST_PUBLISHING), SLOWEST_PUBLISHING) if seconds == seconds else 1.0  # noqa: PLR0124 - NaN
    kept_alive = min(max(int(keep_alive), 1), _KEEP_ALIVE_LIMIT)
    lifetime_count = min(max(int(lifetime), 3 * kept_alive), _LIFETIME_LIMIT)
    return Parameters(revised, lifetime_count, kept_alive, int(max_notifications), int(priority), enabled)
