"""Makes monitored items of what clients ask: revises, checks filters, finds the cohort (Part 4 v1.05 5.13.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from asyncua import ua

from core.datatypes import DataType
from core.image import ProcessImage
from nodesets.nodes import NodeClass
from server.address_space.attributes import AttributeRefused, Attributes
from server.address_space.decoding import GivenValue
from server.address_space.index_range import IndexRangeRefused, parse_index_range, read_range
from server.address_space.keys import NodeKey
from server.address_space.node import SpaceNode
from server.address_space.read_request import ReadItem, check_encoding, known_node
from server.address_space.rights import READING
from server.address_space.session_context import SessionContext
from server.events.compiled_filter import EventFilters
from server.events.event_queue import EventItem
from server.subscriptions.cohort import Cohort, CohortKey
from server.subscriptions.encoding import EncodeVariant, Timestamps
from server.subscriptions.filters import DataFilter, Trigger
from server.subscriptions.limits import MAX_QUEUE, Room
from server.subscriptions.object_items import ObjectItem
from server.subscriptions.requests import ItemRequest, Monitoring
from server.subscriptions.subscription import Item, Subscription
from server.ua_stack.aggregate_filter import aggregate_filter
from server.ua_stack.data_filter import AGGREGATE_FILTER, data_filter
from server.ua_stack.event_filter import event_filter
from server.ua_stack.refusal import ItemRefusedError

FASTEST_SAMPLING = 0.01
"""Seconds: the shortest interval of the sampling clock for points."""
FASTEST_OBJECT_SAMPLING = 0.1
"""Seconds: the same for attributes of ordinary nodes."""
SLOWEST_SAMPLING = 86_400.0
_MODES = 3
_EVENT_NOTIFIER = int(ua.AttributeIds.EventNotifier)
_VALUE = int(ua.AttributeIds.Value)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An item's revised parameters."""

    handle: int
    interval: float
    told_interval: float
    """Milliseconds, as the client is told."""
    size: int
    discard_oldest: bool
    filter: DataFilter = DataFilter()  # noqa: RUF009 - it never changes
    filter_result: bytes | None = None


class Look:
    """Looks at an attribute with a session's rights, as they are at that time; ``context`` may become another."""

    __slots__ = ("_attribute", "_attributes", "_bounds", "_key", "context")

    def __init__(
        self,
        attributes: Attributes,
        key: NodeKey,
        attribute: int,
        bounds: Sequence[tuple[int, int]],
        context: SessionContext,
    ) -> None:
        """Look at the part ``bounds`` of an array, or at all of a value."""
        self._attributes = attributes
        self._key = key
        self._attribute = attribute
        self._bounds = bounds
        self.context = context

    def __call__(self) -> GivenValue:
        """Give what there is; whatever is wrong is its StatusCode."""
        attributes = self._attributes
        try:
            given = attributes.read(
                known_node(attributes.space, self._key, self.context), self._attribute, self.context
            )
            if self._bounds and given.variant is not None:
                return given._replace(variant=read_range(given.variant, self._bounds))
        except (AttributeRefused, IndexRangeRefused) as refused:
            moment = attributes.clock()
            return GivenValue(None, refused.status, moment, moment)
        return given


class ItemFactory:
    """Knows the image, the address space and the points' scans; makes and changes items of any subscription."""

    def __init__(
        self,
        attributes: Attributes,
        image: ProcessImage,
        scans: Sequence[float],
        encode_variant: EncodeVariant,
        filters: EventFilters,
    ) -> None:
        """``scans``: seconds between two values of each slot, 0 where they come by themselves."""
        self._attributes = attributes
        self._filters = filters
        self._image = image
        self._scans = scans
        self._encode_variant = encode_variant

    def make(
        self,
        subscription: Subscription,
        request: ItemRequest,
        timestamps: Timestamps,
        context: SessionContext,
        item_id: int,
        room: Room,
    ) -> tuple[Item, Wanted]:
        """Make one item, not active yet, with a queue for which there is room. Raises :class:`ItemRefusedError`.

        An item on what the session may not read is made, and says so, but for what it may not even browse: that is not
        there (Part 4 v1.05 5.13.2.1).
        """
        if not 0 <= request.mode < _MODES:
            raise ItemRefusedError(ua.StatusCodes.BadMonitoringModeInvalid)
        try:
            node = known_node(self._attributes.space, request.node, context)
            bounds = parse_index_range(request.index_range) if request.index_range else ()
        except (AttributeRefused, IndexRangeRefused) as refused:
            raise ItemRefusedError(refused.status) from None
        item = Item(item_id, request.monitoring.handle, request.node, request.attribute, request.mode, 0.0)
        if request.attribute == _EVENT_NOTIFIER:
            return item, self._make_event_item(item, node, request.monitoring, context, room)
        slot = self._slot(node, request, columns_only=bool(bounds))
        if slot is None:
            return item, self._make_object_item(subscription, item, node, request, timestamps, context, room)
        refused = self.reading_refusal(item, context)
        if refused == ua.StatusCodes.BadNodeIdUnknown:
            raise ItemRefusedError(refused)
        wanted = self._revise(subscription, request.monitoring, slot, node, room)
        item.interval = wanted.interval
        cohort = self._cohort(subscription, slot, wanted, timestamps, bounds, room)
        self._settle_in(item, cohort, slot, wanted)
        if refused:
            cohort.refuse([item.index], [refused])
        return item, wanted

    def change(
        self, subscription: Subscription, item: Item, parameters: Monitoring, timestamps: Timestamps, room: Room
    ) -> tuple[Wanted, Cohort | None]:
        """Give an item other parameters, and the caller the cohort that it left, if it moved.

        ``room``: what there is without the item's present queue.

        Raises :class:`ItemRefusedError`; then nothing has changed.
        """
        held = item.object_item
        if isinstance(held, EventItem):
            wanted = self._revise_event(parameters, room)
            held.filter = compiled = event_filter(self._filters, parameters.filter)
            held.resize(wanted.size, discard_oldest=wanted.discard_oldest)
            held.handle = item.handle = wanted.handle
            return replace(wanted, filter_result=compiled.result), None
        if isinstance(held, ObjectItem):
            wanted = self._revise_object(subscription, item, parameters, room)
            held.handle, held.filter, held.timestamps = wanted.handle, wanted.filter, timestamps
            held.resize(wanted.size, discard_oldest=wanted.discard_oldest)
            held.interval = item.interval = wanted.interval
            item.handle = wanted.handle
            return wanted, None
        return self._change_column_item(subscription, item, parameters, timestamps, room)

    def reading_refusal(self, item: Item, context: SessionContext) -> int:
        """Give the StatusCode that refuses a session what an item in columns shows, 0 where it may have it."""
        node = self._attributes.space.get(item.node)
        if node is None:
            return ua.StatusCodes.BadNodeIdUnknown
        return self._attributes.space.rights.value_refusal(node, context, READING)

    def may_hear(self, item: Item, context: SessionContext) -> bool:
        """Tell whether a session may have events of an item's notifier."""
        node = self._attributes.space.get(item.node)
        return node is not None and not self._attributes.space.rights.event_refusal(node, context)

    def loosen(self, subscription: Subscription, item: Item, context: SessionContext) -> None:
        """Look at an item's node from now on as at one that is no point: it is none any more, or is gone.

        Then the look says BadNodeIdUnknown, and finds the node again once it is back. It has the rights of ``context``.
        The caller has taken the item out of its cohort's sampling.
        """
        cohort = item.cohort
        if cohort is None:
            return
        handle, discard_oldest = cohort.asked_of(item.index)
        cohort.remove(item.index)
        item.cohort, item.index = None, -1
        item.interval = max(item.interval or subscription.parameters.interval, FASTEST_OBJECT_SAMPLING)
        look = Look(self._attributes, item.node, item.attribute, cohort.key.index_range, context)
        held = ObjectItem(handle, item.size, discard_oldest, item.interval, look, cohort.key.timestamps)
        item.object_item = subscription.objects[item.id] = held

    def stand_in(
        self,
        subscription: Subscription,
        item_id: int,
        request: ItemRequest,
        timestamps: Timestamps,
        status: int,
        context: SessionContext,
    ) -> Item:
        """Make an item of a durable subscription that the model has no place for any more: it says ``status``.

        One on a node that is gone finds it once it is back; one on events has nothing to say.
        """
        item = Item(item_id, request.monitoring.handle, request.node, request.attribute, request.mode, 0.0)
        if request.attribute == _EVENT_NOTIFIER:
            return item
        item.interval = max(_asked_interval(subscription, request.monitoring), FASTEST_OBJECT_SAMPLING)

        def say() -> GivenValue:
            moment = self._attributes.clock()
            return GivenValue(None, status, moment, moment)

        gone = status == ua.StatusCodes.BadNodeIdUnknown
        look = Look(self._attributes, item.node, item.attribute, (), context) if gone else say
        asked = request.monitoring
        held = ObjectItem(asked.handle, asked.size, asked.discard_oldest, item.interval, look, timestamps)
        item.object_item = subscription.objects[item.id] = held
        return item

    def _slot(self, node: SpaceNode, request: ItemRequest, *, columns_only: bool) -> int | None:
        """Give the slot of an item that lives in columns; others are looked at like any attribute.

        ``columns_only``: values of numbers have no parts.
        """
        if request.attribute != _VALUE or any(request.encoding):
            return None
        slot = self._attributes.slot_of(node)
        if slot is None or (columns_only and not self._image.points[slot].datatype.is_object):
            return None
        return slot

    def _change_column_item(
        self, subscription: Subscription, item: Item, parameters: Monitoring, timestamps: Timestamps, room: Room
    ) -> tuple[Wanted, Cohort | None]:
        old = item.cohort
        node = self._attributes.space.get(item.node)
        slot = None if node is None else self._attributes.slot_of(node)
        if old is None or node is None or slot is None:
            raise ItemRefusedError(ua.StatusCodes.BadNodeIdUnknown)
        wanted = self._revise(subscription, parameters, slot, node, room)
        asked = replace(
            old.key,
            interval=wanted.interval,
            trigger=wanted.filter.trigger,
            deadband=wanted.filter.deadband > 0.0,
            timestamps=timestamps,
            aggregate=wanted.filter.aggregate,
        )
        if asked == old.key:
            item.handle = wanted.handle
            old.change(
                item.index, wanted.handle, wanted.size, wanted.filter.deadband, discard_oldest=wanted.discard_oldest
            )
            return wanted, None
        cohort = self._cohort(subscription, slot, wanted, timestamps, old.key.index_range, room)
        moving = old.take_out(item.index)
        item.handle, item.interval = wanted.handle, wanted.interval
        self._settle_in(item, cohort, slot, wanted)
        cohort.adopt(item.index, moving)
        return wanted, old

    def _cohort(
        self,
        subscription: Subscription,
        slot: int,
        wanted: Wanted,
        timestamps: Timestamps,
        bounds: tuple[tuple[int, int], ...],
        room: Room,
    ) -> Cohort:
        """Find the cohort of an item's kind that has no item on this row yet, or make it, if there may be another."""
        datatype = self._image.points[slot].datatype
        row = int(self._image.row_of[slot])
        layer = 0
        while True:
            key = CohortKey(
                datatype,
                wanted.interval,
                wanted.filter.trigger,
                wanted.filter.deadband > 0.0,
                timestamps,
                bounds,
                wanted.filter.aggregate,
                layer,
            )
            cohort = subscription.cohorts.get(key)
            if cohort is None:
                if room.cohorts <= 0:
                    raise ItemRefusedError(ua.StatusCodes.BadTooManyMonitoredItems)
                room.cohorts -= 1
                cohort = Cohort(key, self._image.columns[datatype], self._encode_variant)
                subscription.cohorts[key] = cohort
            if not cohort.has_row(row):
                return cohort
            layer += 1

    def _settle_in(self, item: Item, cohort: Cohort, slot: int, wanted: Wanted) -> None:
        row = int(self._image.row_of[slot])
        item.cohort = cohort
        item.index = cohort.add(
            row, wanted.handle, wanted.size, wanted.filter.deadband, discard_oldest=wanted.discard_oldest
        )

    def _revise(
        self, subscription: Subscription, parameters: Monitoring, slot: int, node: SpaceNode, room: Room
    ) -> Wanted:
        point = self._image.points[slot]
        chosen, result = self._filter(parameters, node, point.datatype)
        scan = self._scans[slot]
        asked = _asked_interval(subscription, parameters)
        if asked == 0:
            interval, told = 0.0, 0.0
        elif asked <= scan:
            interval, told = 0.0, scan
        else:
            interval = told = min(max(round(asked, 3), FASTEST_SAMPLING), SLOWEST_SAMPLING)
        slowest = node.variable.minimum_sampling_interval / 1e3 if node.variable is not None else 0.0
        if slowest > scan and told < slowest:  # the model knows a limit beside the scan (Part 3 v1.05 5.6.2)
            interval = told = min(slowest, SLOWEST_SAMPLING)
        if chosen.aggregate is not None:
            pass  # of all values, whatever the binding's deadband
        elif interval > 0.0 or chosen.deadband > 0.0 or chosen.trigger is not Trigger.STATUS_VALUE:
            # The image's own change detection, which knows the binding's deadband, is not asked: measure it here,
            # from what this item was told last.
            chosen = chosen._replace(deadband=max(chosen.deadband, point.deadband))
        size = _queue_size(parameters, room)
        return Wanted(parameters.handle, interval, told * 1e3, size, parameters.discard_oldest, chosen, result)

    def _filter(self, parameters: Monitoring, node: SpaceNode, datatype: DataType) -> tuple[DataFilter, bytes | None]:
        asked = parameters.filter
        if asked is not None and asked.kind == AGGREGATE_FILTER:
            return aggregate_filter(asked, datatype)
        return data_filter(self._attributes, asked, node.key, datatype), None

    def _revise_object(self, subscription: Subscription, item: Item, parameters: Monitoring, room: Room) -> Wanted:
        node = self._attributes.space.get(item.node)
        chosen = DataFilter()
        if parameters.filter is not None:
            if item.attribute != _VALUE:
                raise ItemRefusedError(ua.StatusCodes.BadFilterNotAllowed)  # Part 4 v1.05 7.22.2: values alone
            chosen = data_filter(self._attributes, parameters.filter, item.node, _number_type(node))
        asked = _asked_interval(subscription, parameters)
        interval = min(max(round(asked, 3), FASTEST_OBJECT_SAMPLING), SLOWEST_SAMPLING)
        if node is not None and node.variable is not None and item.attribute == _VALUE:
            interval = min(max(interval, node.variable.minimum_sampling_interval / 1e3), SLOWEST_SAMPLING)
        size = _queue_size(parameters, room)
        return Wanted(parameters.handle, interval, interval * 1e3, size, parameters.discard_oldest, chosen)

    def _revise_event(self, parameters: Monitoring, room: Room) -> Wanted:
        size = min(MAX_QUEUE, room.largest_queue) if parameters.size == 0 else _queue_size(parameters, room)
        return Wanted(parameters.handle, 0.0, 0.0, size, parameters.discard_oldest)

    def _make_object_item(
        self,
        subscription: Subscription,
        item: Item,
        node: SpaceNode,
        request: ItemRequest,
        timestamps: Timestamps,
        context: SessionContext,
        room: Room,
    ) -> Wanted:
        bounds = parse_index_range(request.index_range) if request.index_range else ()
        look = Look(self._attributes, item.node, item.attribute, bounds, context)
        first = look()
        if first.status in (ua.StatusCodes.BadAttributeIdInvalid, ua.StatusCodes.BadNodeIdUnknown):
            raise ItemRefusedError(first.status)
        try:
            check_encoding(node, ReadItem(item.node, item.attribute, None, request.encoding), first.variant)
        except AttributeRefused as refused:
            raise ItemRefusedError(refused.status) from None
        wanted = self._revise_object(subscription, item, request.monitoring, room)
        item.interval = wanted.interval
        item.object_item = subscription.objects[item.id] = ObjectItem(
            wanted.handle, wanted.size, wanted.discard_oldest, wanted.interval, look, timestamps, wanted.filter
        )
        return wanted

    def _make_event_item(
        self, item: Item, node: SpaceNode, parameters: Monitoring, context: SessionContext, room: Room
    ) -> Wanted:
        refused = self._attributes.space.rights.event_refusal(node, context)
        if refused == ua.StatusCodes.BadNodeIdUnknown:
            raise ItemRefusedError(refused)
        if node.node_class not in (NodeClass.OBJECT, NodeClass.VIEW):
            raise ItemRefusedError(ua.StatusCodes.BadAttributeIdInvalid)
        if not node.flags & (1 << ua.EventNotifier.SubscribeToEvents):
            raise ItemRefusedError(ua.StatusCodes.BadNotSupported)
        if refused:
            raise ItemRefusedError(refused)
        compiled = event_filter(self._filters, parameters.filter)
        wanted = self._revise_event(parameters, room)
        item.object_item = EventItem(wanted.handle, wanted.size, wanted.discard_oldest, compiled, context)
        return replace(wanted, filter_result=compiled.result)


def _number_type(node: SpaceNode | None) -> DataType | None:
    """Give a type that stands for the numbers of a variable that is no point, None where it holds no numbers."""
    data_type = None if node is None or node.variable is None else node.variable.data_type
    if not isinstance(data_type, int):
        return None
    try:
        known = DataType(data_type)
    except ValueError:
        return None
    return known if known.is_number else None


def _asked_interval(subscription: Subscription, parameters: Monitoring) -> float:
    """Give the sampling interval in seconds; a negative one means the publishing interval, and so does NaN."""
    return parameters.interval / 1e3 if parameters.interval >= 0.0 else subscription.parameters.interval


def _queue_size(parameters: Monitoring, room: Room) -> int:
    return min(max(parameters.size, 1), room.largest_queue)
