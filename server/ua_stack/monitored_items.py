"""Makes monitored items of what clients ask: revises, checks filters, finds the cohort (Part 4 v1.05 5.13.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary
from asyncua.ua.uaprotocol_auto import DataChangeFilter  # what is decoded; ua.DataChangeFilter is a subclass of it

from core.datatypes import DataType
from core.image import ProcessImage
from core.time import now, to_datetime
from server.address_space.asyncua_seam import UaAddressSpace
from server.address_space.encoding import encode_data_value
from server.subscriptions.cohort import TRIGGER_STATUS_VALUE, TRIGGER_STATUS_VALUE_TIMESTAMP, Cohort, CohortKey
from server.subscriptions.encoding import Timestamps
from server.subscriptions.limits import Room
from server.subscriptions.object_items import OVERFLOW, EventItem, ObjectItem, ObservedValue
from server.subscriptions.subscription import Item, Subscription
from server.ua_stack.events import may_notify, selector
from server.ua_stack.point_access import PointAccess
from server.ua_stack.values import GOOD, data_value

MAX_QUEUE = 5000
FASTEST_SAMPLING = 0.01
"""Seconds: the shortest interval of the sampling clock for points."""
FASTEST_OBJECT_SAMPLING = 0.1
"""Seconds: the same for attributes of ordinary nodes."""
SLOWEST_SAMPLING = 86_400.0
_WHOLE = 100.0
"""Percent of a range."""
_TIMESTAMPS = {
    ua.TimestampsToReturn.Source: Timestamps.SOURCE,
    ua.TimestampsToReturn.Server: Timestamps.SERVER,
    ua.TimestampsToReturn.Both: Timestamps.BOTH,
    ua.TimestampsToReturn.Neither: Timestamps.NEITHER,
}


class ItemRefusedError(Exception):
    """An item cannot be made; ``status`` is its StatusCode, the others of the call are served."""

    def __init__(self, status: int) -> None:
        """Keep the StatusCode."""
        self.status = status
        super().__init__(f"0x{status:08X}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """An item's revised parameters."""

    handle: int
    interval: float
    told_interval: float
    """Milliseconds, as the client is told."""
    size: int
    discard_oldest: bool
    trigger: int
    deadband: float


class ItemFactory:
    """Knows the image, the address space and the points' scans; makes and changes items of any subscription."""

    def __init__(
        self,
        aspace: UaAddressSpace,
        access: PointAccess,
        image: ProcessImage,
        scans: Sequence[float],
    ) -> None:
        """``scans``: seconds between two values of each slot, 0 where they come by themselves."""
        self._aspace = aspace
        self._access = access
        self._image = image
        self._scans = scans

    def make(
        self,
        subscription: Subscription,
        request: ua.MonitoredItemCreateRequest,
        timestamps: ua.TimestampsToReturn,
        item_id: int,
        room: Room,
    ) -> tuple[Item, Wanted]:
        """Make one item, not active yet, with a queue for which there is room. Raises :class:`ItemRefusedError`."""
        target = request.ItemToMonitor
        if timestamps not in _TIMESTAMPS:
            raise ItemRefusedError(ua.StatusCodes.BadTimestampsToReturnInvalid)
        if target.AttributeId == ua.AttributeIds.EventNotifier:
            return self._make_event_item(request, item_id, room)
        if target.IndexRange:
            raise ItemRefusedError(ua.StatusCodes.BadIndexRangeInvalid)
        slot = self._access.slot_of(target.NodeId) if target.AttributeId == ua.AttributeIds.Value else None
        if slot is None:
            return self._make_object_item(subscription, request, timestamps, item_id, room)
        wanted = self._revise(subscription, request.RequestedParameters, slot, target.NodeId, room)
        item = Item(item_id, target.NodeId, int(target.AttributeId), int(request.MonitoringMode), wanted.interval)
        cohort = self._cohort(subscription, slot, wanted, _TIMESTAMPS[timestamps], room)
        self._settle_in(item, cohort, slot, wanted)
        return item, wanted

    def change(
        self,
        subscription: Subscription,
        item: Item,
        parameters: ua.MonitoringParameters,
        timestamps: ua.TimestampsToReturn,
        room: Room,
    ) -> tuple[Wanted, Cohort | None]:
        """Give an item other parameters, and the caller the cohort that it left, if it moved.

        ``room``: what there is without the item's present queue.

        Raises :class:`ItemRefusedError`; then nothing has changed.
        """
        held = item.object_item
        if isinstance(held, EventItem):
            wanted = self._revise_event(parameters, room)
            held.select = self._selector(parameters)
            held.handle, held.size, held.discard_oldest = wanted.handle, wanted.size, wanted.discard_oldest
            return wanted, None
        if isinstance(held, ObjectItem):
            wanted = self._revise_object(subscription, parameters, room)
            held.handle, held.size, held.discard_oldest = wanted.handle, wanted.size, wanted.discard_oldest
            held.interval = item.interval = wanted.interval
            return wanted, None
        old = item.cohort
        if old is None:
            raise ItemRefusedError(ua.StatusCodes.BadMonitoredItemIdInvalid)
        slot = self._access.slot_of(item.node)
        if slot is None:
            raise ItemRefusedError(ua.StatusCodes.BadNodeIdUnknown)
        wanted = self._revise(subscription, parameters, slot, item.node, room)
        asked = replace(old.key, interval=wanted.interval, trigger=wanted.trigger, deadband=wanted.deadband > 0.0)
        asked = replace(asked, timestamps=_TIMESTAMPS.get(timestamps, old.key.timestamps))
        if asked == old.key:
            old.change(item.index, wanted.handle, wanted.size, wanted.deadband, discard_oldest=wanted.discard_oldest)
            return wanted, None
        cohort = self._cohort(subscription, slot, wanted, asked.timestamps, room)
        moving = old.take_out(item.index)
        item.interval = wanted.interval
        self._settle_in(item, cohort, slot, wanted)
        cohort.adopt(item.index, moving)
        return wanted, old

    def loosen(self, subscription: Subscription, item: Item) -> None:
        """Look at an item's node from now on as at one that is no point: it is none any more, or is gone.

        Then the look says BadNodeIdUnknown, and finds the node again once it is back. The caller has taken the item out
        of its cohort's sampling.
        """
        cohort = item.cohort
        if cohort is None:
            return
        handle, discard_oldest = cohort.asked_of(item.index)
        cohort.remove(item.index)
        item.cohort, item.index = None, -1
        item.interval = max(item.interval or subscription.parameters.interval, FASTEST_OBJECT_SAMPLING)
        look = self._looker(item.node, ua.AttributeIds.Value, cohort.key.timestamps)
        held = ObjectItem(handle, item.size, discard_oldest, item.interval, look)
        item.object_item = subscription.objects[item.id] = held

    def _cohort(
        self, subscription: Subscription, slot: int, wanted: Wanted, timestamps: Timestamps, room: Room
    ) -> Cohort:
        """Find the cohort of an item's kind that has no item on this row yet, or make it, if there may be another."""
        datatype = self._image.points[slot].datatype
        row = int(self._image.row_of[slot])
        layer = 0
        while True:
            key = CohortKey(datatype, wanted.interval, wanted.trigger, wanted.deadband > 0.0, timestamps, layer)
            cohort = subscription.cohorts.get(key)
            if cohort is None:
                if room.cohorts <= 0:
                    raise ItemRefusedError(ua.StatusCodes.BadTooManyMonitoredItems)
                room.cohorts -= 1
                cohort = subscription.cohorts[key] = Cohort(key, self._image.columns[datatype])
            if not cohort.has_row(row):
                return cohort
            layer += 1

    def _settle_in(self, item: Item, cohort: Cohort, slot: int, wanted: Wanted) -> None:
        row = int(self._image.row_of[slot])
        item.cohort = cohort
        item.index = cohort.add(row, wanted.handle, wanted.size, wanted.deadband, discard_oldest=wanted.discard_oldest)

    def _revise(
        self, subscription: Subscription, parameters: ua.MonitoringParameters, slot: int, nodeid: ua.NodeId, room: Room
    ) -> Wanted:
        trigger, deadband = self._data_filter(parameters, nodeid, self._image.points[slot].datatype)
        scan = self._scans[slot]
        asked = _asked_interval(subscription, parameters)
        if asked == 0:
            interval, told = 0.0, 0.0
        elif asked <= scan:
            interval, told = 0.0, scan
        else:
            interval = told = min(max(round(asked, 3), FASTEST_SAMPLING), SLOWEST_SAMPLING)
        if interval > 0.0 or deadband > 0.0 or trigger != TRIGGER_STATUS_VALUE:
            # The image's own change detection, which knows the binding's deadband, is not asked: measure it here,
            # from what this item was told last.
            deadband = max(deadband, self._image.points[slot].deadband)
        return Wanted(
            int(parameters.ClientHandle),
            interval,
            told * 1e3,
            _queue_size(parameters, room),
            bool(parameters.DiscardOldest),
            trigger,
            deadband,
        )

    def _revise_object(self, subscription: Subscription, parameters: ua.MonitoringParameters, room: Room) -> Wanted:
        asked = _asked_interval(subscription, parameters)
        interval = min(max(round(asked, 3), FASTEST_OBJECT_SAMPLING), SLOWEST_SAMPLING)
        size = _queue_size(parameters, room)
        discard = bool(parameters.DiscardOldest)
        return Wanted(int(parameters.ClientHandle), interval, interval * 1e3, size, discard, TRIGGER_STATUS_VALUE, 0.0)

    def _revise_event(self, parameters: ua.MonitoringParameters, room: Room) -> Wanted:
        size = min(MAX_QUEUE, room.largest_queue) if parameters.QueueSize == 0 else _queue_size(parameters, room)
        return Wanted(int(parameters.ClientHandle), 0.0, 0.0, size, bool(parameters.DiscardOldest), 0, 0.0)

    def _data_filter(
        self, parameters: ua.MonitoringParameters, nodeid: ua.NodeId, datatype: DataType
    ) -> tuple[int, float]:
        """Check a DataChangeFilter (Part 4 v1.05 7.22.2); give trigger and absolute deadband."""
        asked: Any = parameters.Filter  # any ExtensionObject that the client sent
        if asked is None or (isinstance(asked, ua.ExtensionObject) and asked.TypeId.is_null()):
            return TRIGGER_STATUS_VALUE, 0.0
        if not isinstance(asked, DataChangeFilter):
            raise ItemRefusedError(ua.StatusCodes.BadMonitoredItemFilterUnsupported)
        trigger = int(asked.Trigger)
        kind = int(asked.DeadbandType)
        if kind == ua.DeadbandType.None_:
            return trigger, 0.0
        if not datatype.is_number:
            raise ItemRefusedError(ua.StatusCodes.BadFilterNotAllowed)
        if trigger == TRIGGER_STATUS_VALUE_TIMESTAMP:
            trigger = TRIGGER_STATUS_VALUE  # a deadband takes the timestamp out of it (Part 4 v1.05 7.10)
        if not asked.DeadbandValue >= 0.0:
            raise ItemRefusedError(ua.StatusCodes.BadDeadbandFilterInvalid)
        if kind == ua.DeadbandType.Absolute:
            return trigger, float(asked.DeadbandValue)
        span = self._eu_span(nodeid)
        if kind != ua.DeadbandType.Percent or span is None or asked.DeadbandValue > _WHOLE:
            raise ItemRefusedError(ua.StatusCodes.BadDeadbandFilterInvalid)
        return trigger, span * float(asked.DeadbandValue) / _WHOLE

    def _eu_span(self, nodeid: ua.NodeId) -> float | None:
        """Give high - low of the node's EURange property (Part 8 v1.05 5.3.2.3), if it has one."""
        node = self._aspace.get(nodeid)
        for reference in node.references if node is not None else ():
            if reference.IsForward and reference.BrowseName is not None and reference.BrowseName.Name == "EURange":
                value = self._access.read_one(reference.NodeId, ua.AttributeIds.Value).Value
                if value is not None and isinstance(value.Value, ua.Range):
                    return float(value.Value.High - value.Value.Low)
        return None

    def _make_object_item(
        self,
        subscription: Subscription,
        request: ua.MonitoredItemCreateRequest,
        timestamps: ua.TimestampsToReturn,
        item_id: int,
        room: Room,
    ) -> tuple[Item, Wanted]:
        target = request.ItemToMonitor
        first = self._access.read_one(target.NodeId, target.AttributeId)
        if first.StatusCode is not None and first.StatusCode.value in _REFUSED:
            raise ItemRefusedError(first.StatusCode.value)
        self._data_filter(request.RequestedParameters, target.NodeId, DataType.VARIANT)
        wanted = self._revise_object(subscription, request.RequestedParameters, room)
        times = _TIMESTAMPS[timestamps]
        if target.AttributeId == ua.AttributeIds.Value and self._access.is_structured(target.NodeId):
            look = self._structure_looker(target.NodeId, times)
        else:
            look = self._looker(target.NodeId, target.AttributeId, times)
        held = ObjectItem(wanted.handle, wanted.size, wanted.discard_oldest, wanted.interval, look)
        item = Item(item_id, target.NodeId, int(target.AttributeId), int(request.MonitoringMode), wanted.interval)
        item.object_item = subscription.objects[item_id] = held
        return item, wanted

    def _looker(
        self, nodeid: ua.NodeId, attribute: ua.AttributeIds, timestamps: Timestamps
    ) -> Callable[[], ObservedValue]:
        def look() -> ObservedValue:
            value = self._access.read_one(nodeid, attribute)
            status = 0 if value.StatusCode is None else int(value.StatusCode.value)
            looked = to_datetime(now())

            def encode(overflow: bool) -> bytes:  # noqa: FBT001 - the one argument of a callback
                code = status | OVERFLOW if overflow else status
                source = (value.SourceTimestamp or looked) if timestamps & Timestamps.SOURCE else None
                server = looked if timestamps & Timestamps.SERVER else None
                wrapped = ua.StatusCode(ua.UInt32(code)) if code else GOOD
                return struct_to_binary(data_value(value.Value, wrapped, source, server))

            return ObservedValue((value.Value, status), encode)

        return look

    def _structure_looker(self, nodeid: ua.NodeId, timestamps: Timestamps) -> Callable[[], ObservedValue]:
        """Look at a variable that is composed of points: its value is encoded as it comes."""

        def look() -> ObservedValue:
            variant, status, source_time, _ = self._access.read_encoded(nodeid)
            looked = now()

            def encode(overflow: bool) -> bytes:  # noqa: FBT001 - the one argument of a callback
                code = (status or 0) | (OVERFLOW if overflow else 0)
                source = source_time if timestamps & Timestamps.SOURCE else None
                return encode_data_value(variant, code, source, looked if timestamps & Timestamps.SERVER else None)

            return ObservedValue((variant, status), encode)

        return look

    def _make_event_item(self, request: ua.MonitoredItemCreateRequest, item_id: int, room: Room) -> tuple[Item, Wanted]:
        target = request.ItemToMonitor
        if target.NodeId not in self._aspace:
            raise ItemRefusedError(ua.StatusCodes.BadNodeIdUnknown)
        if not may_notify(self._aspace, target.NodeId):
            raise ItemRefusedError(ua.StatusCodes.BadNotSupported)
        wanted = self._revise_event(request.RequestedParameters, room)
        held = EventItem(wanted.handle, wanted.size, wanted.discard_oldest, self._selector(request.RequestedParameters))
        item = Item(item_id, target.NodeId, int(target.AttributeId), int(request.MonitoringMode), 0.0)
        item.object_item = held
        return item, wanted

    def _selector(self, parameters: ua.MonitoringParameters) -> Callable[[Any], bytes | None]:
        asked: Any = parameters.Filter  # any ExtensionObject that the client sent
        if not isinstance(asked, ua.EventFilter):
            raise ItemRefusedError(ua.StatusCodes.BadEventFilterInvalid)
        try:
            return selector(self._aspace, asked)
        except ValueError:
            raise ItemRefusedError(ua.StatusCodes.BadEventFilterInvalid) from None


def _asked_interval(subscription: Subscription, parameters: ua.MonitoringParameters) -> float:
    """Give the sampling interval in seconds; a negative one means the publishing interval, and so does NaN."""
    milliseconds = float(parameters.SamplingInterval)
    return milliseconds / 1e3 if milliseconds >= 0.0 else subscription.parameters.interval


def _queue_size(parameters: ua.MonitoringParameters, room: Room) -> int:
    return min(max(int(parameters.QueueSize), 1), MAX_QUEUE, room.largest_queue)


_REFUSED = (
    ua.StatusCodes.BadNodeIdUnknown,
    ua.StatusCodes.BadNodeIdInvalid,
    ua.StatusCodes.BadAttributeIdInvalid,
)
