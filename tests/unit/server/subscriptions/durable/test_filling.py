"""Kept queues given to items that are of another kind by now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from core.datatypes import DataType
from server.address_space.decoding import GivenValue
from server.events.event import Event
from server.events.event_queue import EventItem
from server.subscriptions.durable.filling import fill
from server.subscriptions.durable.queue_bytes import KeptColumns, KeptEvents, Kind
from server.subscriptions.encoding import Timestamps
from server.subscriptions.entries import OVERFLOW, Entries
from server.subscriptions.object_items import ObjectItem
from server.subscriptions.subscription import Item, Subscription
from server.ua_stack.values import encode_variant
from tests.unit.server.subscriptions.endpoint import Endpoint, endpoint, request


@dataclass
class _NoFilter:
    def select(self, event: Event) -> bytes | None:
        del event
        return None

    def fields(self, event: Event) -> bytes:
        del event
        return b""


def _item(core: Subscription, item_id: int, held: ObjectItem | EventItem) -> None:
    core.items[item_id] = Item(item_id, item_id, item_id, 13, 2, 0.0, object_item=held)


def _looked_at(size: int = 9) -> ObjectItem:
    return ObjectItem(1, size, True, 0.1, GivenValue, Timestamps.BOTH)  # noqa: FBT003 - fields of a dataclass


def _column(ids: list[int], values: list[Any], status: int = 0, datatype: DataType = DataType.DOUBLE) -> KeptColumns:
    count = len(ids)
    held = np.empty(count, datatype.dtype)
    held[:] = values
    times = np.arange(count, dtype=np.int64) + 100
    index = np.arange(count, dtype=np.int32)
    entries = Entries(index, held, np.full(count, status, np.uint32), times, times + 1)
    return KeptColumns(Kind(datatype, parts=False), np.array(ids, np.uint32), entries, np.zeros(0, np.uint32))


async def _subscribed(made: Endpoint) -> Subscription:
    core = await made.subscribe()
    await made.monitor(core, request(0, 1))
    await made.publish(core, 5)
    return core


async def test_values_of_what_is_no_point_any_more_are_sent_all_the_same() -> None:
    async with endpoint([DataType.DOUBLE]) as made:
        core = await _subscribed(made)
        held = _looked_at()
        _item(core, 77, held)
        assert fill(core, {-1: [_column([77, 77], [1.5, 2.5], status=OVERFLOW)]}, encode_variant) == 0
        first, second = held.queued
        assert first == (GivenValue(b"\x0b" + np.float64(1.5).tobytes(), 0, 100, 101), True)
        assert second[0].source_time == 101


async def test_values_of_another_type_are_lost_and_counted() -> None:
    async with endpoint([DataType.DOUBLE]) as made:
        core = await _subscribed(made)
        (item_id,) = core.items
        wrong = _column([item_id, item_id], [1, 2], datatype=DataType.INT32)
        assert fill(core, {-1: [wrong], item_id: [[(GivenValue(), False)]]}, encode_variant) == 3
        assert core.waiting == 0


async def test_what_deleted_items_had_is_nothing_to_anyone() -> None:
    async with endpoint([DataType.DOUBLE]) as made:
        core = await _subscribed(made)
        lanes = {-1: [_column([900], [1.0])], 901: [[(GivenValue(), False)]], 902: [KeptEvents([b"x"], None, 0)]}
        assert fill(core, lanes, encode_variant) == 0


async def test_a_queue_that_is_smaller_by_now_keeps_its_latest_and_tells_of_the_others() -> None:
    async with endpoint([DataType.DOUBLE]) as made:
        core = await made.subscribe()
        (asked,) = await made.monitor(core, request(0, 1, size=2))
        await made.publish(core, 5)
        assert fill(core, {-1: [_column([asked.MonitoredItemId] * 4, [1.0, 2.0, 3.0, 4.0])]}, encode_variant) == 0
        told = await made.publish(core, 5)
        assert [(one.value, one.status) for one in told] == [(3.0, OVERFLOW), (4.0, 0)]


async def test_events_and_the_one_that_tells_of_an_overflow_keep_their_order() -> None:
    async with endpoint([DataType.DOUBLE]) as made:
        core = await _subscribed(made)
        held = EventItem(5, 9, True, _NoFilter())  # noqa: FBT003 - as above
        _item(core, 5, held)
        rows = [KeptEvents([b"one", b"two"], None, 0), KeptEvents([b"three"], None, 0), KeptEvents([], b"over", 2)]
        assert fill(core, {5: rows}, encode_variant) == 0
        assert [one[4:] for one in held.drain(9)] == [b"one", b"two", b"over", b"three"]
