"""The Subscription and MonitoredItem services from bytes to bytes (Part 4 v1.05 5.13, 5.14; Part 6 v1.05 5.2)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from struct import Struct
from typing import TypeVar

from asyncua import ua
from asyncua.common.utils import ServiceError

from server.address_space.decoding import Cursor
from server.address_space.encoding import encode_uint32
from server.address_space.operation_count import check_count
from server.address_space.read_request import timestamps_of
from server.subscriptions.encoding import Timestamps
from server.subscriptions.limits import MAX_ITEMS_PER_CALL, MAX_SUBSCRIPTIONS_PER_CALL
from server.subscriptions.requests import Asked, Filter, ItemRequest, ItemResult, Monitoring
from server.subscriptions.subscription import Parameters, Subscription
from server.ua_stack.publish import PublishRequest, Responder, acknowledgements, encode_statuses, republished
from server.ua_stack.request_header import RequestHeader
from server.ua_stack.subscription_service import Owner, SubscriptionService

_NO_DIAGNOSTICS = b"\xff\xff\xff\xff"
_NO_FILTER = b"\x00\x00\x00"
"""The null ExtensionObject."""
_REVISED = Struct("<dII")
_CREATED = Struct("<IIdI")
_MODIFIED = Struct("<IdI")
_LEAST_ITEM = 42
_LEAST_CHANGE = 24
_ID = 4
_SLICE = 100
"""Items that are made or changed before others have their turn on the loop."""
_TIMESTAMPS = 4
_FOREVER = 1e18
_T = TypeVar("_T")


class SubscriptionWire:
    """Decodes requests, asks the service, encodes what it says.

    Every method raises :class:`ServiceError` for a service that is refused as a whole, and
    :class:`~server.address_space.decoding.DecodingError` for bytes that make no sense.
    """

    def __init__(self, service: SubscriptionService) -> None:
        """Answer by ``service``."""
        self._service = service

    def create_subscription(self, owner: Owner, body: bytes) -> bytes:
        """CreateSubscription (5.14.2)."""
        cursor = Cursor(body)
        asked = _asked(cursor)
        enabled = bool(cursor.byte())
        core = self._service.create(owner, asked._replace(enabled=enabled, priority=cursor.byte()))
        return encode_uint32(core.id) + _told(core.parameters)

    def modify_subscription(self, owner: Owner, body: bytes) -> bytes:
        """ModifySubscription (5.14.3)."""
        cursor = Cursor(body)
        subscription_id = cursor.uint32()
        asked = _asked(cursor)
        return _told(self._service.modify(owner, subscription_id, asked._replace(priority=cursor.byte())))

    def set_publishing_mode(self, owner: Owner, body: bytes) -> bytes:
        """SetPublishingMode (5.14.4)."""
        cursor = Cursor(body)
        enabled = bool(cursor.byte())
        return encode_statuses(self._service.set_publishing(owner, _ids(cursor), enabled=enabled))

    def publish(self, owner: Owner, body: bytes, responder: Responder, request_id: int, header: RequestHeader) -> None:
        """Publish (5.14.5), which is answered when there is something to say."""
        results = self._service.acknowledge(owner, acknowledgements(body))
        deadline = time.monotonic() + header.timeout / 1e3 if header.timeout else _FOREVER
        self._service.publish(owner, PublishRequest(responder, request_id, header.handle, deadline, results))

    def republish(self, owner: Owner, body: bytes) -> bytes:
        """Republish (5.14.6)."""
        cursor = Cursor(body)
        return republished(self._service.republish(owner, cursor.uint32(), cursor.uint32()))

    def transfer_subscriptions(self, owner: Owner, body: bytes) -> bytes:
        """TransferSubscriptions (5.14.7)."""
        cursor = Cursor(body)
        ids = _ids(cursor)
        moved = self._service.transfer(owner, ids, send_initial_values=bool(cursor.byte()))
        results = [encode_uint32(one.status) + _counters(one.available) for one in moved]
        return encode_uint32(len(results)) + b"".join(results) + _NO_DIAGNOSTICS

    def delete_subscriptions(self, owner: Owner, body: bytes) -> bytes:
        """DeleteSubscriptions (5.14.8)."""
        return encode_statuses(self._service.delete(owner, _ids(Cursor(body))))

    async def create_monitored_items(self, owner: Owner, body: bytes) -> bytes:
        """CreateMonitoredItems (5.13.2)."""
        cursor = Cursor(body)
        core = self._service.mine(owner, cursor.uint32())
        timestamps = _timestamps(cursor)
        requests = await _in_slices(cursor, _count(cursor, _LEAST_ITEM), _item_request)
        parts: list[bytes] = []
        for begin in range(0, len(requests), _SLICE):
            some = requests[begin : begin + _SLICE]
            if begin:
                await asyncio.sleep(0)
            if self._is_gone(owner, core):
                parts += [_created(ItemResult(ua.StatusCodes.BadSubscriptionIdInvalid))] * len(some)
                continue
            results = self._service.items.create(core, some, timestamps, owner.context, self._service.room(owner, core))
            parts += [_created(result) for result in results]
        return encode_uint32(len(parts)) + b"".join(parts) + _NO_DIAGNOSTICS

    async def modify_monitored_items(self, owner: Owner, body: bytes) -> bytes:
        """ModifyMonitoredItems (5.13.3)."""
        cursor = Cursor(body)
        core = self._service.mine(owner, cursor.uint32())
        timestamps = _timestamps(cursor)
        changes = await _in_slices(cursor, _count(cursor, _LEAST_CHANGE), _item_change)
        parts: list[bytes] = []
        for begin in range(0, len(changes), _SLICE):
            some = changes[begin : begin + _SLICE]
            if begin:
                await asyncio.sleep(0)
            results = self._service.items.modify(core, some, timestamps, self._service.room(owner, core))
            parts += [_modified(result) for result in results]
        return encode_uint32(len(parts)) + b"".join(parts) + _NO_DIAGNOSTICS

    async def set_monitoring_mode(self, owner: Owner, body: bytes) -> bytes:
        """SetMonitoringMode (5.13.4)."""
        cursor = Cursor(body)
        core = self._service.mine(owner, cursor.uint32())
        mode = cursor.int32()
        items, results = _ids(cursor, MAX_ITEMS_PER_CALL), list[int]()
        for begin in range(0, len(items), _SLICE):
            if begin:
                await asyncio.sleep(0)
            results += self._service.items.set_mode(core, mode, items[begin : begin + _SLICE])
        return encode_statuses(results)

    def set_triggering(self, owner: Owner, body: bytes) -> bytes:
        """SetTriggering (5.13.5)."""
        cursor = Cursor(body)
        core = self._service.mine(owner, cursor.uint32())
        triggering = cursor.uint32()
        add_at, adding = cursor.at, cursor.count(_ID)
        cursor.take(adding * _ID)
        removing = cursor.count(_ID)
        check_count(adding + removing, MAX_ITEMS_PER_CALL)
        remove = [cursor.uint32() for _ in range(removing)]
        cursor.at = add_at + _ID
        add = [cursor.uint32() for _ in range(adding)]
        room = self._service.room(owner, core)
        added, removed = self._service.items.set_triggering(core, triggering, add, remove, room)
        return encode_statuses(added) + encode_statuses(removed)

    async def delete_monitored_items(self, owner: Owner, body: bytes) -> bytes:
        """DeleteMonitoredItems (5.13.6)."""
        cursor = Cursor(body)
        core = self._service.mine(owner, cursor.uint32())
        items, results = _ids(cursor, MAX_ITEMS_PER_CALL), list[int]()
        for begin in range(0, len(items), _SLICE):
            if begin:
                await asyncio.sleep(0)
            results += self._service.items.delete(core, items[begin : begin + _SLICE])
        return encode_statuses(results)

    def _is_gone(self, owner: Owner, core: Subscription) -> bool:
        held = self._service.held.get(core.id)
        return held is None or held.owner is not owner


def _asked(cursor: Cursor) -> Asked:
    return Asked(cursor.double(), cursor.uint32(), cursor.uint32(), cursor.uint32(), 0)


def _told(parameters: Parameters) -> bytes:
    return _REVISED.pack(parameters.interval * 1e3, parameters.lifetime_count, parameters.keep_alive_count)


def _count(cursor: Cursor, least: int, most: int = MAX_ITEMS_PER_CALL) -> int:
    """Read an array's length. Raises :class:`ServiceError` for none, or too many (threat 17)."""
    count = cursor.int32()
    check_count(count, most)
    cursor.at -= _ID
    return cursor.count(least)


def _ids(cursor: Cursor, most: int = MAX_SUBSCRIPTIONS_PER_CALL) -> list[int]:
    return [cursor.uint32() for _ in range(_count(cursor, _ID, most))]


def _timestamps(cursor: Cursor) -> Timestamps:
    asked = cursor.int32()
    if not 0 <= asked < _TIMESTAMPS:
        raise ServiceError(ua.StatusCodes.BadTimestampsToReturnInvalid)
    return timestamps_of(asked)


def _item_request(cursor: Cursor) -> ItemRequest:
    return ItemRequest(
        cursor.node_id(),
        cursor.uint32(),
        cursor.string(),
        cursor.qualified_name(),
        cursor.int32(),
        _monitoring(cursor),
    )


def _item_change(cursor: Cursor) -> tuple[int, Monitoring]:
    return cursor.uint32(), _monitoring(cursor)


async def _in_slices(cursor: Cursor, count: int, decode: Callable[[Cursor], _T]) -> list[_T]:
    """Decode so many, and all before any of them counts: a request that makes no sense changes nothing."""
    decoded: list[_T] = []
    while len(decoded) < count:
        decoded += [decode(cursor) for _ in range(min(_SLICE, count - len(decoded)))]
        await asyncio.sleep(0)
    return decoded


def _monitoring(cursor: Cursor) -> Monitoring:
    return Monitoring(cursor.uint32(), cursor.double(), _filter(cursor), cursor.uint32(), bool(cursor.byte()))


def _filter(cursor: Cursor) -> Filter | None:
    kind, form = cursor.node_id(), cursor.byte()
    body = cursor.bytes() if form else None
    return Filter(kind, body or b"") if kind or form else None


def _created(result: ItemResult) -> bytes:
    return _CREATED.pack(result.status, result.item, result.interval, result.size) + (result.filter or _NO_FILTER)


def _modified(result: ItemResult) -> bytes:
    return _MODIFIED.pack(result.status, result.interval, result.size) + (result.filter or _NO_FILTER)


def _counters(numbers: Sequence[int]) -> bytes:
    return encode_uint32(len(numbers)) + b"".join(map(encode_uint32, numbers))
