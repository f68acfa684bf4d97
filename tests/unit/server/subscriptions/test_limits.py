"""What subscriptions may take of the gateway's memory: queues, kinds of items, and messages kept for Republish."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from asyncua import ua
from asyncua.common.utils import ServiceError

from core.datatypes import DataType
from server.subscriptions.entries import Entries
from server.subscriptions.limits import SubscriptionLimits
from server.subscriptions.queues import QueueLog
from server.subscriptions.subscription import Subscription
from tests.unit.server.subscriptions.endpoint import NEVER, Endpoint, endpoint, monitoring, request
from tests.unit.server.subscriptions.ua_service import Client
from tests.waiting import until

OTHER = Client()
DOUBLES = [DataType.DOUBLE] * 20


def sizes(results: list[Any]) -> list[int]:
    assert all(result.StatusCode.is_good() for result in results)
    return [int(result.RevisedQueueSize) for result in results]


async def modify(made: Endpoint, subscription: Subscription, item: int, **parameters: Any) -> Any:
    wanted = ua.MonitoredItemModifyRequest(MonitoredItemId=ua.IntegerId(item))
    wanted.RequestedParameters = monitoring(7, **parameters)
    params = ua.ModifyMonitoredItemsParameters(SubscriptionId=ua.IntegerId(subscription.id))
    params.TimestampsToReturn = ua.TimestampsToReturn.Both
    params.ItemsToModify = [wanted]
    (result,) = await made.service.modify_monitored_items(params)
    return result


async def drop(made: Endpoint, subscription: Subscription, *items: int) -> None:
    params = ua.DeleteMonitoredItemsParameters(SubscriptionId=ua.IntegerId(subscription.id))
    params.MonitoredItemIds = [ua.IntegerId(item) for item in items]
    await made.service.delete_monitored_items(params)


async def test_queue_sizes_are_revised_to_what_is_left() -> None:
    # Part 4 v1.05 5.13.2.2: revisedQueueSize is the actual queue size that the Server will use
    async with endpoint(DOUBLES, limits=SubscriptionLimits(session_queued=100)) as made:
        subscription = await made.subscribe()
        results = await made.monitor(subscription, *(request(slot, slot, size=40) for slot in range(5)))
        assert sizes(results) == [40, 40, 20, 1, 1]
        for value in range(50):
            made.put({2: float(value)})
        told = await made.publish(subscription)
        assert len([one for one in told if one.handle == 2]) == 20, "the queue is as long as was said"


async def test_each_session_has_its_own_share_and_all_have_the_servers() -> None:
    async with endpoint(DOUBLES, limits=SubscriptionLimits(queued=150, session_queued=100)) as made:
        mine = await made.subscribe()
        assert sizes(await made.monitor(mine, request(0, 0, size=500))) == [100]
        another = await made.subscribe()
        assert sizes(await made.monitor(another, request(0, 0, size=500))) == [1], (
            "the session's, not the subscription's"
        )
        others = await made.subscribe(session=OTHER)
        assert sizes(await made.monitor(others, request(0, 0, size=500))) == [49]


async def test_queues_are_free_again_when_items_and_subscriptions_end() -> None:
    async with endpoint(DOUBLES, limits=SubscriptionLimits(queued=100, session_queued=100)) as made:
        subscription = await made.subscribe()
        (item,) = await made.monitor(subscription, request(0, 0, size=100))
        assert sizes(await made.monitor(subscription, request(1, 1, size=50))) == [1]
        await drop(made, subscription, item.MonitoredItemId)
        assert sizes(await made.monitor(subscription, request(2, 2, size=50))) == [50]
        made.service.delete_subscriptions([subscription.id])
        following = await made.subscribe()
        assert sizes(await made.monitor(following, request(0, 0, size=100))) == [100]
        assert following.queued == 100


async def test_a_modified_item_may_have_what_it_had() -> None:
    # Part 4 v1.05 5.13.3.2
    async with endpoint(DOUBLES, limits=SubscriptionLimits(session_queued=100)) as made:
        subscription = await made.subscribe()
        one, other = await made.monitor(subscription, request(0, 0, size=60), request(1, 1, size=40))
        assert (await modify(made, subscription, one.MonitoredItemId, size=80)).RevisedQueueSize == 60
        assert (await modify(made, subscription, other.MonitoredItemId, size=10)).RevisedQueueSize == 10
        assert (await modify(made, subscription, one.MonitoredItemId, size=80)).RevisedQueueSize == 80
        refused = await modify(made, subscription, one.MonitoredItemId, size=5, deadband=-1.0)
        assert refused.StatusCode.name == "BadDeadbandFilterInvalid"
        assert subscription.queued == 90, "what is refused changes nothing"
        moved = await modify(made, subscription, one.MonitoredItemId, size=85, sampling=5000.0)
        assert (moved.RevisedQueueSize, subscription.queued) == (85, 95)


async def test_events_and_attributes_count_too() -> None:
    async with endpoint(DOUBLES, limits=SubscriptionLimits(session_queued=100)) as made:
        subscription = await made.subscribe()
        (item,) = await made.monitor(subscription, request(0, 0, size=90))
        assert item.StatusCode.is_good()
        named = request(0, 1, size=50, attribute=ua.AttributeIds.Executable)
        (refused,) = await made.monitor(subscription, named)
        assert not refused.StatusCode.is_good(), "a Variable has no such attribute"
        assert subscription.queued == 90


async def test_past_the_hard_bound_items_are_refused() -> None:
    # Part 4 v1.05 5.13.2.4 BadTooManyMonitoredItems
    async with endpoint(DOUBLES, limits=SubscriptionLimits(session_items=3, items=5)) as made:
        subscription = await made.subscribe()
        results = await made.monitor(subscription, *(request(slot, slot) for slot in range(4)))
        assert [one.StatusCode.name for one in results] == ["Good"] * 3 + ["BadTooManyMonitoredItems"]
        others = await made.subscribe(session=OTHER)
        results = await made.monitor(others, *(request(slot, slot) for slot in range(3)))
        assert [one.StatusCode.name for one in results] == ["Good"] * 2 + ["BadTooManyMonitoredItems"]


async def test_items_of_ever_new_kinds_are_bounded_and_a_refused_change_changes_nothing() -> None:
    async with endpoint(DOUBLES, limits=SubscriptionLimits(session_cohorts=3)) as made:
        subscription = await made.subscribe()
        results = await made.monitor(subscription, *(request(0, handle) for handle in range(5)))
        assert [one.StatusCode.name for one in results] == ["Good"] * 3 + ["BadTooManyMonitoredItems"] * 2
        first = results[0].MonitoredItemId
        made.put({0: 1.0})
        refused = await modify(made, subscription, first, sampling=7000.0)
        assert refused.StatusCode.name == "BadTooManyMonitoredItems"
        told = await made.publish(subscription)
        assert sorted(one.handle for one in told if one.value == 1.0) == [0, 1, 2], "its queue is still there"
        await drop(made, subscription, results[1].MonitoredItemId)
        assert (await modify(made, subscription, first, sampling=7000.0)).StatusCode.is_good()


async def fill(made: Endpoint, subscription: Subscription, messages: int) -> None:
    await made.monitor(subscription, *(request(slot, slot, size=1) for slot in range(20)))
    for number in range(messages):
        made.put({slot: float(number) for slot in range(20)})
        await made.publish(subscription)


async def test_messages_kept_are_bounded_for_a_session_and_for_all() -> None:
    # Part 4 v1.05 5.14.6: what is not kept any more is BadMessageNotAvailable
    limits = SubscriptionLimits(session_kept_bytes=20_000, kept_bytes=30_000)
    async with endpoint(DOUBLES, limits=limits) as made:

        def kept(*subscriptions: Subscription) -> int:
            return sum(message.cost for one in subscriptions for message in one.kept.values())

        first = await made.subscribe()
        await fill(made, first, 30)
        assert 15_000 < kept(first) <= 20_000
        second = await made.subscribe()
        assert kept(first) <= 10_000, "the latest subscription's part is taken from the others at once"
        await fill(made, second, 30)
        assert kept(first, second) <= 20_000
        third = await made.subscribe(session=OTHER)
        await fill(made, third, 30)
        assert kept(first, second, third) <= 30_000
        lost = ua.RepublishParameters(SubscriptionId=first.id, RetransmitSequenceNumber=ua.Counter(1))
        with pytest.raises(ServiceError) as refused:
            made.service.republish(lost)
        assert refused.value.code == ua.StatusCodes.BadMessageNotAvailable
        lost.RetransmitSequenceNumber = ua.Counter(max(first.kept))
        assert made.service.republish(lost).SequenceNumber == max(first.kept)
        made.service.delete_subscriptions([second.id])
        made.service.delete_subscriptions([third.id], OTHER)
        await fill(made, first, 30)
        assert kept(first) > 15_000


async def test_a_transferred_subscription_keeps_what_its_new_session_may() -> None:
    limits = SubscriptionLimits(session_kept_bytes=20_000)
    async with endpoint(DOUBLES, limits=limits) as made:
        mine, theirs = await made.subscribe(), await made.subscribe(session=OTHER)
        await fill(made, mine, 30)
        params = ua.TransferSubscriptionsParameters()
        params.SubscriptionIds = [ua.IntegerId(mine.id)]
        (result,) = made.service.transfer_subscriptions(params, OTHER)
        assert sum(message.cost for message in mine.kept.values()) <= 10_000
        assert result.AvailableSequenceNumbers == list(mine.kept)
        assert not theirs.kept


async def test_a_hundred_subscriptions_are_made_and_ended_quickly() -> None:
    limits = SubscriptionLimits(subscriptions=1000)
    async with endpoint(DOUBLES, limits=limits) as made:
        made_ones = [await made.subscribe(interval=NEVER) for _ in range(100)]
        made.service.delete_subscriptions([one.id for one in made_ones])
        assert not made.plain.held


async def test_threat_16_subscriptions_left_behind_make_room_for_others() -> None:
    async with endpoint(DOUBLES, limits=SubscriptionLimits(subscriptions=2, session_subscriptions=2)) as made:
        left = [await made.subscribe(session=OTHER) for _ in range(2)]
        with pytest.raises(ServiceError) as refused:
            await made.subscribe()
        assert refused.value.code == ua.StatusCodes.BadTooManySubscriptions
        made.plain.session_left(OTHER)
        mine = await made.subscribe()
        assert set(made.plain.held) == {left[1].id, mine.id}, "the oldest goes first"


async def test_a_cycle_that_fails_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    async with endpoint(DOUBLES) as made:
        subscription = await made.subscribe(interval=10.0)
        cycles: list[int] = []

        def fails() -> bool:
            cycles.append(1)
            raise RuntimeError

        monkeypatch.setattr(subscription, "cycle", fails)
        await until(lambda: len(cycles) > 2)


@pytest.mark.parametrize("size", [1, 3, 500])
def test_many_small_parts_do_not_pile_up(size: int) -> None:
    log = QueueLog(np.dtype(np.int64))
    log.grow(1)
    log.resize(0, size, discard_oldest=True)
    for number in range(2000):
        one = np.array([number], np.int64)
        entries = Entries(np.array([0], np.int32), one, np.array([0], np.uint32), one, one)
        log.append(entries)
        assert len(log._parts) <= 200
        assert log.count <= 2 * size + 1024 + 1
    drained = log.drain(10_000, None)
    assert drained is not None
    assert drained.values.tolist() == list(range(2000 - size, 2000))
