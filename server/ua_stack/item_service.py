"""The MonitoredItem services (Part 4 v1.05 5.13), and the tap that feeds the items from the process image."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

from asyncua import ua
from asyncua.common.utils import ServiceError

from core.batch import Samples
from core.datatypes import DataType
from core.time import now
from server.address_space.keys import NodeKey
from server.address_space.session_context import SessionContext
from server.audit.events import may_hear
from server.events.event import Event
from server.events.event_queue import EventItem
from server.events.notifiers import Notifiers
from server.subscriptions.cohort import Cohort
from server.subscriptions.durable.record import Definition
from server.subscriptions.encoding import Timestamps
from server.subscriptions.limits import Room
from server.subscriptions.object_items import ObjectItem
from server.subscriptions.requests import DISABLED, REPORTING, SAMPLING, ItemRequest, ItemResult, Monitoring
from server.subscriptions.sampling import SamplingClock
from server.subscriptions.subscription import Item, Subscription
from server.ua_stack.monitored_items import ItemFactory, Look, Wanted
from server.ua_stack.refusal import ItemRefusedError

_GOOD = 0
_CONCLUDES = 0.1
"""Seconds between two looks for intervals of aggregates that have ended."""
_UNKNOWN = ua.StatusCodes.BadMonitoredItemIdInvalid


class ItemService:
    """Every monitored item of the server. Its operations are on one subscription, whose owner asks."""

    def __init__(self, notifiers: Notifiers) -> None:
        """Begin without items; :meth:`bind` says how they are made."""
        self.count = 0
        self.clock = SamplingClock()
        self._notifiers = notifiers
        self._factory: ItemFactory | None = None
        self._by_type: dict[DataType, list[Cohort]] = {}
        self._listeners: dict[NodeKey, dict[int, EventItem]] = {}
        self._next = 1

    def bind(self, factory: ItemFactory) -> None:
        """Make items with ``factory`` from now on."""
        self._factory = factory

    def offer(self, samples: Samples) -> None:
        """Take what the process image hands on (:class:`~core.image.Tap`)."""
        for cohort in self._by_type.get(samples.datatype, ()):
            cohort.offer(samples)

    def happened(self, event: Event) -> None:
        """Offer an event to the items on the nodes at which it is heard."""
        if not self._listeners:
            return
        hears: dict[tuple[object, int], bool] = {}
        for key in self._notifiers.of(event.source):
            for item in tuple(self._listeners.get(key, {}).values()):
                if self._hears(event, key, item.context, hears):
                    item.offer(event)

    def _hears(
        self, event: Event, notifier: NodeKey, context: SessionContext, known: dict[tuple[object, int], bool]
    ) -> bool:
        """Tell whether a session is told an event at a notifier (ReceiveEvents, Part 3 v1.05 8.55).

        ``known``: the answers for the event itself, by roles and security mode.
        """
        space = self._notifiers.space
        asked = (context.roles, context.mode)
        if asked not in known:
            heard = space.rights.hears(event.type, event.source, context)
            known[asked] = heard and may_hear(space, event, context.roles)
        return known[asked] and space.rights.hears_at(notifier, context)

    def rights_changed(self, core: Subscription, context: SessionContext) -> None:
        """Go on with a subscription's items as its session's rights are now (Part 4 v1.05 5.13.2.1).

        What may no longer be read is thrown away where it waits, and says why from then on; what may be read again is
        reported again. Events that wait are thrown away, unless the session has all the roles that it had.
        """
        changed: dict[Cohort, tuple[list[Item], list[int]]] = {}
        for item in tuple(core.items.values()):
            held = item.object_item
            if item.cohort is not None:
                refused = 0 if self._factory is None else self._factory.reading_refusal(item, context)
                if refused != item.cohort.refused(item.index):
                    items, statuses = changed.setdefault(item.cohort, ([], []))
                    items.append(item)
                    statuses.append(refused)
            elif isinstance(held, EventItem):
                self._hear_as(item, held, context)
            elif held is not None and isinstance(held.look, Look):
                held.look.context = context
                if item.mode != DISABLED:
                    held.recheck()
        for cohort, (items, statuses) in changed.items():
            cohort.refuse([item.index for item in items], statuses)
            cohort.activate([item.index for item in items if item.mode != DISABLED])

    def _hear_as(self, item: Item, held: EventItem, context: SessionContext) -> None:
        before, held.context = held.context, context
        heard = self._factory is not None and self._factory.may_hear(item, context)
        had = before.roles is not None and (context.roles is None or context.roles >= before.roles)
        if not (heard and had and before.mode <= context.mode):
            held.clear()

    def stop(self) -> None:
        """Sample no more."""
        self.clock.stop()
        self._by_type.clear()
        self._listeners.clear()

    def create(
        self,
        core: Subscription,
        requests: Sequence[ItemRequest],
        timestamps: Timestamps,
        context: SessionContext,
        room: Room,
    ) -> list[ItemResult]:
        """CreateMonitoredItems (5.13.2): each item succeeds or fails by itself."""
        results: list[ItemResult] = []
        begun: dict[Cohort, list[int]] = {}
        for request in requests:
            try:
                item, wanted = self._make(core, request, timestamps, context, room)
            except ItemRefusedError as refused:
                results.append(ItemResult(refused.status, filter=refused.result))
                continue
            _mute(item)
            if item.mode != DISABLED:
                self._begin(item, begun)
            results.append(ItemResult(_GOOD, item.id, wanted.told_interval, wanted.size, wanted.filter_result))
            if core.record is not None:
                core.record.added(item.id, Definition(request, timestamps), wanted.size)
        for cohort, indexes in begun.items():
            cohort.activate(indexes)
        return results

    def modify(
        self, core: Subscription, asked: Sequence[tuple[int, Monitoring]], timestamps: Timestamps, room: Room
    ) -> list[ItemResult]:
        """ModifyMonitoredItems (5.13.3)."""
        results: list[ItemResult] = []
        for item_id, parameters in asked:
            item = core.items.get(item_id)
            if item is None:
                results.append(ItemResult(_UNKNOWN))
                continue
            try:
                wanted = self._change(core, item, parameters, timestamps, room)
            except ItemRefusedError as refused:
                results.append(ItemResult(refused.status, filter=refused.result))
            else:
                told = ItemResult(_GOOD, item.id, wanted.told_interval, wanted.size, wanted.filter_result)
                results.append(told)
                if core.record is not None:
                    core.record.modified(item.id, parameters, timestamps, wanted.size)
        return results

    def set_mode(self, core: Subscription, mode: int, item_ids: Sequence[int]) -> list[int]:
        """SetMonitoringMode (5.13.4). Raises :class:`ServiceError` for a mode that there is not."""
        if mode not in (DISABLED, SAMPLING, REPORTING):
            raise ServiceError(ua.StatusCodes.BadMonitoringModeInvalid)
        results: list[int] = []
        begun: dict[Cohort, list[int]] = {}
        for item_id in item_ids:
            item = core.items.get(item_id)
            if item is None:
                results.append(_UNKNOWN)
                continue
            before, item.mode = item.mode, mode
            if before == DISABLED and mode != DISABLED:
                self._begin(item, begun)
            elif mode == DISABLED and before != DISABLED:
                self._end(item, forget=True)
            _mute(item)
            results.append(_GOOD)
            if core.record is not None:
                core.record.moded(item_id, mode)
        for cohort, indexes in begun.items():
            cohort.activate(indexes)
        return results

    def set_triggering(
        self, core: Subscription, triggering: int, add: Sequence[int], remove: Sequence[int], room: Room
    ) -> tuple[list[int], list[int]]:
        """SetTriggering (5.13.5): links are removed before others are added.

        Raises :class:`ServiceError` for a triggering item that there is not.
        """
        item = core.items.get(triggering)
        if item is None:
            raise ServiceError(_UNKNOWN)
        before = len(core.links)
        removed = [_GOOD if core.links.remove(triggering, linked) else _UNKNOWN for linked in remove]
        most = before + room.links
        added: list[int] = []
        for linked in add:
            if linked not in core.items:
                added.append(_UNKNOWN)
            elif len(core.links) < most or core.links.has(triggering, linked):
                core.links.add(triggering, linked)
                added.append(_GOOD)
            else:
                added.append(ua.StatusCodes.BadOutOfMemory)
        self._watch(core, item)
        if core.record is not None:
            core.record.relinked(triggering)
        return added, removed

    def delete(self, core: Subscription, item_ids: Sequence[int]) -> list[int]:
        """DeleteMonitoredItems (5.13.6)."""
        results: list[int] = []
        for item_id in item_ids:
            item = core.items.get(item_id)
            if item is None:
                results.append(_UNKNOWN)
            else:
                self.remove(core, item)
                results.append(_GOOD)
        return results

    def remove(self, core: Subscription, item: Item) -> None:
        """Let go of an item and its links."""
        linking = core.links.triggering(item.id)
        core.links.forget(item.id)
        for one in linking:
            self._watch(core, core.items[one])
        if core.record is not None:
            core.record.removed(item.id)
        self._end(item, forget=False)
        if item.object_item is not None:
            core.counters.lost += item.object_item.lost
        if isinstance(item.object_item, EventItem):
            core.counters.event_overflows += item.object_item.overflows
        core.items.pop(item.id, None)
        core.objects.pop(item.id, None)
        core.event_items.pop(item.id, None)
        self.count -= 1
        core.queued -= item.size
        if item.cohort is not None:
            item.cohort.remove(item.index)
            if not item.cohort.items:
                self._retire(core, item.cohort)

    def remove_all(self, core: Subscription) -> None:
        """Let go of all items of a subscription that ends, a cohort at a time."""
        for cohort in tuple(core.cohorts.values()):
            self._retire(core, cohort)
        for item in core.items.values():
            if item.object_item is not None:
                self._end(item, forget=False)
        self.count -= len(core.items)
        core.items.clear()
        core.objects.clear()
        core.event_items.clear()
        core.queued = 0

    def resend(self, core: Subscription) -> None:
        """Report what every reporting item has now once more (ResendData, Part 5 v1.05 9.3)."""
        for cohort in core.cohorts.values():
            cohort.resend()
        for item in core.items.values():
            if isinstance(item.object_item, ObjectItem) and item.mode == REPORTING:
                item.object_item.resend()

    def remake(
        self,
        core: Subscription,
        item_id: int,
        request: ItemRequest,
        timestamps: Timestamps,
        context: SessionContext,
        room: Room,
    ) -> tuple[Item, int]:
        """Make an item of a durable subscription again, not begun; give why it is a stand-in, 0 where it is none."""
        if self._factory is None:
            raise ItemRefusedError(ua.StatusCodes.BadShutdown)
        status, size = _GOOD, request.monitoring.size
        try:
            item, wanted = self._factory.make(core, request, timestamps, context, item_id, room)
            size = wanted.size
        except ItemRefusedError as refused:
            status = refused.status
            item = self._factory.stand_in(core, item_id, request, timestamps, status, context)
        self._next = max(self._next, item_id + 1)
        self.count += 1
        _reserve(core, item, size, room)
        core.items[item_id] = item
        self._register(core, item)
        _mute(item)
        return item, status

    def resume(self, core: Subscription, links: Sequence[tuple[int, Sequence[int]]]) -> None:
        """Begin to sample the items of a restored subscription, and let them trigger each other."""
        begun: dict[Cohort, list[int]] = {}
        for item in core.items.values():
            if item.mode != DISABLED:
                self._begin(item, begun)
        for cohort, indexes in begun.items():
            cohort.activate(indexes)
        for triggering, linked in links:
            for one in linked:
                core.links.add(triggering, one)
            self._watch(core, core.items[triggering])

    def leave_points(self, cores: Sequence[tuple[Subscription, SessionContext]], nodes: Collection[NodeKey]) -> None:
        """Go on with the items on nodes that are points no more, or are gone: those are told BadNodeIdUnknown.

        ``cores``: the subscriptions, with the rights of their sessions.
        """
        concerned = [(core, item, mine) for core, mine in cores for item in core.items.values() if item.node in nodes]
        for core, item, context in concerned:
            cohort = item.cohort
            if cohort is not None and self._factory is not None:
                self._factory.loosen(core, item, context)
                if not cohort.items:
                    self._retire(core, cohort)
                _mute(item)
                self._watch(core, item)
                if item.mode != DISABLED:
                    self._begin(item, {})

    def _make(
        self,
        core: Subscription,
        request: ItemRequest,
        timestamps: Timestamps,
        context: SessionContext,
        room: Room,
    ) -> tuple[Item, Wanted]:
        if self._factory is None:
            raise ItemRefusedError(ua.StatusCodes.BadShutdown)
        if room.items <= 0:
            raise ItemRefusedError(ua.StatusCodes.BadTooManyMonitoredItems)
        item, wanted = self._factory.make(core, request, timestamps, context, self._next, room)
        self._next += 1
        self.count += 1
        room.items -= 1
        _reserve(core, item, wanted.size, room)
        core.items[item.id] = item
        self._register(core, item)
        return item, wanted

    def _change(
        self, core: Subscription, item: Item, parameters: Monitoring, timestamps: Timestamps, room: Room
    ) -> Wanted:
        if self._factory is None:
            raise ItemRefusedError(ua.StatusCodes.BadShutdown)
        active = item.mode != DISABLED
        released = _is_released(item)
        if active and isinstance(item.object_item, ObjectItem):
            self.clock.remove(item.interval, id(item.object_item))
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
                self.clock.add(item.interval, id(item.object_item), item.object_item.sample)
        if left is not None:
            self._register(core, item)
            if not left.items:
                self._retire(core, left)
                room.cohorts += 1
            _mute(item)
            if released:  # what it had queued is still to be reported
                _release(item)
            self._watch(core, item)
            if active and item.cohort is not None:
                item.cohort.resume(item.index)
        return wanted

    def _watch(self, core: Subscription, item: Item) -> None:
        """Look out for what an item queues while it triggers others."""
        queued = partial(_trigger, core, item) if item.id in core.links else None
        if item.cohort is not None:
            item.cohort.watch(item.index, queued)
        elif item.object_item is not None:
            item.object_item.on_queued = queued

    def _register(self, core: Subscription, item: Item) -> None:
        """Feed the item's cohort, if nobody does yet; events by their source."""
        cohort = item.cohort
        if cohort is not None and cohort.items == 1:
            if cohort.key.aggregate is not None:
                self.clock.add(_CONCLUDES, id(cohort), partial(_conclude, cohort))
            if cohort.key.interval:
                self.clock.add(cohort.key.interval, cohort, cohort.sample)
            else:
                fed = self._by_type.setdefault(cohort.key.datatype, [])
                if cohort not in fed:
                    fed.append(cohort)
        if isinstance(item.object_item, EventItem):
            core.event_items[item.id] = item.object_item

    def _retire(self, core: Subscription, cohort: Cohort) -> None:
        core.cohorts.pop(cohort.key, None)
        core.counters.lost += cohort.log.lost
        if cohort.key.aggregate is not None:
            self.clock.remove(_CONCLUDES, id(cohort))
        if cohort.key.interval:
            self.clock.remove(cohort.key.interval, cohort)
        elif cohort in self._by_type.get(cohort.key.datatype, ()):
            self._by_type[cohort.key.datatype].remove(cohort)

    def _begin(self, item: Item, begun: dict[Cohort, list[int]]) -> None:
        """Begin to sample; column items are gathered so that a cohort's initial values are queued in one go."""
        if item.cohort is not None:
            begun.setdefault(item.cohort, []).append(item.index)
        elif isinstance(item.object_item, ObjectItem):
            item.object_item.sample()
            self.clock.add(item.interval, id(item.object_item), item.object_item.sample)
        elif isinstance(item.object_item, EventItem):
            self._listeners.setdefault(item.node, {})[item.id] = item.object_item

    def _end(self, item: Item, *, forget: bool) -> None:
        if item.cohort is not None:
            item.cohort.deactivate(item.index)
            if forget:
                item.cohort.clear_queue(item.index)
        elif isinstance(item.object_item, ObjectItem):
            self.clock.remove(item.interval, id(item.object_item))
            item.object_item.clear()
        elif isinstance(item.object_item, EventItem):
            listeners = self._listeners.get(item.node, {})
            listeners.pop(item.id, None)
            if not listeners:
                self._listeners.pop(item.node, None)
            item.object_item.clear()


def _conclude(cohort: Cohort) -> None:
    cohort.conclude(now())


def _trigger(core: Subscription, triggering: Item) -> None:
    """Let what an item triggers report what it has queued, if it is in monitoring mode Sampling (5.13.1.6)."""
    for linked in core.links.triggered(triggering.id):
        item = core.items[linked]
        if item.mode == SAMPLING:
            _release(item)


def _release(item: Item) -> None:
    if item.cohort is not None:
        item.cohort.release(item.index)
    elif item.object_item is not None:
        item.object_item.released = True


def _is_released(item: Item) -> bool:
    if item.cohort is not None:
        return item.cohort.is_released(item.index)
    return item.object_item is not None and item.object_item.released


def _reserve(core: Subscription, item: Item, size: int, room: Room) -> None:
    """Give an item's queue another size, at the cost of what is left."""
    core.queued += size - item.size
    room.values -= size - item.size
    item.size = size


def _mute(item: Item) -> None:
    """Report nothing of an item in monitoring mode Sampling."""
    muted = item.mode == SAMPLING
    if item.cohort is not None:
        item.cohort.mute(item.index, muted=muted)
    elif item.object_item is not None:
        item.object_item.muted = muted
        item.object_item.released = False
