from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.ua.ua_binary import variant_to_binary

from core.datatypes import DataType
from server.events.compiled_filter import CompiledFilter
from server.events.event import Event
from server.events.event_queue import EventItem
from server.subscriptions.subscription import Subscription
from tests.unit.server.subscriptions.endpoint import Endpoint, endpoint, notified, request
from tests.unit.server.subscriptions.ua_service import Client
from tests.waiting import until


@pytest.fixture
async def made() -> AsyncIterator[Endpoint]:
    async with endpoint([DataType.DOUBLE, DataType.INT32, DataType.STRING]) as held:
        held.put({0: 1.0, 1: 1, 2: "on"})
        yield held


async def cycle(made: Endpoint, subscription: Subscription, requests: int = 1) -> list[ua.PublishResult]:
    return await made.cycle(subscription, requests)


async def test_the_first_cycle_answers_even_when_there_is_nothing(made: Endpoint) -> None:
    subscription = await made.subscribe()
    (result,) = await cycle(made, subscription)
    assert result.NotificationMessage.NotificationData == []
    assert result.NotificationMessage.SequenceNumber == 1, "a keep-alive names the number of the next message"
    assert result.AvailableSequenceNumbers == []


async def test_keep_alives_come_after_so_many_silent_cycles_and_use_no_number(made: Endpoint) -> None:
    subscription = await made.subscribe(keep_alive=3)
    await cycle(made, subscription)
    answers = [len(await cycle(made, subscription)) for _ in range(6)]
    assert answers == [0, 0, 1, 0, 0, 1]
    await made.monitor(subscription, request(0, 7))
    (result,) = await cycle(made, subscription)
    assert result.NotificationMessage.SequenceNumber == 1
    assert [one.value for one in notified(result)] == [1.0]


async def test_messages_are_numbered_kept_and_given_again_until_acknowledged(made: Endpoint) -> None:
    subscription = await made.subscribe()
    await made.monitor(subscription, request(0, 7))
    first = (await cycle(made, subscription))[0]
    made.put({0: 2.0})
    second = (await cycle(made, subscription))[0]
    assert first.AvailableSequenceNumbers == [1]
    assert second.AvailableSequenceNumbers == [1, 2]
    ask = ua.RepublishParameters(SubscriptionId=subscription.id, RetransmitSequenceNumber=1)
    for _ in range(2):
        again = ua.PublishResult(NotificationMessage=made.service.republish(ask))
        assert [one.value for one in notified(again)] == [1.0]
    made.client.requests = 0
    made.service.publish([(subscription.id, 1), (subscription.id, 1), (subscription.id, 9), (4711, 1)])
    made.put({0: 3.0})
    subscription.cycle()
    (answer,) = made.client.results
    assert [code.name for code in answer.Results] == [
        "Good",
        "BadSequenceNumberUnknown",
        "BadSequenceNumberUnknown",
        "BadSubscriptionIdInvalid",
    ]
    with pytest.raises(ServiceError) as refused:
        made.service.republish(ask)
    assert refused.value.code == ua.StatusCodes.BadMessageNotAvailable


async def test_numbers_go_round_past_zero(made: Endpoint) -> None:
    subscription = await made.subscribe()
    await made.monitor(subscription, request(0, 7))
    subscription._sequence = 0xFFFFFFFF - 1
    numbers: list[int] = []
    for value in (5.0, 6.0, 7.0):
        made.put({0: value})
        numbers.append((await cycle(made, subscription))[0].NotificationMessage.SequenceNumber)
    assert numbers == [0xFFFFFFFF, 1, 2]


async def test_no_more_than_the_client_takes_in_one_message_and_more_is_told(made: Endpoint) -> None:
    subscription = await made.subscribe(max_notifications=2)
    await made.monitor(subscription, request(0, 7), request(1, 8), request(2, 9))
    results = await cycle(made, subscription, requests=5)
    assert [len(list(notified(result))) for result in results] == [2, 1]
    assert [result.MoreNotifications for result in results] == [True, False]


async def test_a_late_subscription_answers_the_next_request_at_once(made: Endpoint) -> None:
    subscription = await made.subscribe()
    await made.monitor(subscription, request(0, 7))
    assert await cycle(made, subscription, requests=0) == []
    made.service.publish()
    assert [one.value for result in made.client.results for one in notified(result)] == [1.0]
    made.service.publish()
    assert made.client.requests == 1, "nothing to say: the request waits in the queue"


async def test_publishing_can_be_switched_off_and_values_queue_meanwhile(made: Endpoint) -> None:
    subscription = await made.subscribe(keep_alive=1)
    await made.monitor(subscription, request(0, 7))
    off = ua.SetPublishingModeParameters(PublishingEnabled=False, SubscriptionIds=[subscription.id, 4711])
    codes = made.service.set_publishing_mode(off)
    assert [code.name for code in codes] == ["Good", "BadSubscriptionIdInvalid"]
    made.put({0: 2.0})
    (silent,) = await cycle(made, subscription)
    assert silent.NotificationMessage.NotificationData == []
    made.service.set_publishing_mode(
        ua.SetPublishingModeParameters(PublishingEnabled=True, SubscriptionIds=[subscription.id])
    )
    (result,) = await cycle(made, subscription)
    assert [one.value for one in notified(result)] == [1.0, 2.0]


async def test_the_lifetime_ends_the_subscription_and_its_task(made: Endpoint) -> None:
    subscription = await made.subscribe(interval=10.0, lifetime=3, keep_alive=1)
    await made.monitor(subscription, request(0, 7), request(2, 8, attribute=ua.AttributeIds.Value))
    await until(lambda: subscription.id not in made.plain.held)
    assert made.plain.items.count == 0
    assert subscription._timer is None


async def test_any_use_begins_the_lifetime_anew(made: Endpoint) -> None:
    subscription = await made.subscribe(lifetime=3, keep_alive=1)
    for _ in range(5):
        assert subscription.cycle()
        assert subscription.cycle()
        made.service.publish()
        made.client.results.clear()
        made.client.requests = 0
    assert [subscription.cycle() for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ((100.0, 0, 0), (100.0, 3, 1)),
        ((0.0, 100, 10), (10.0, 100, 10)),
        ((-1.0, 5, 10), (10.0, 30, 10)),
        ((float("nan"), 2**32 - 1, 2**32 - 1), (1000.0, 30_000, 10_000)),
        ((1e300, 30, 10), (3_600_000.0, 30, 10)),
        ((0.001, 30, 10), (10.0, 30, 10)),
    ],
)
async def test_parameters_are_revised_and_told(
    made: Endpoint, asked: tuple[float, int, int], told: tuple[float, int, int]
) -> None:
    params = ua.CreateSubscriptionParameters()
    params.RequestedPublishingInterval, params.RequestedLifetimeCount, params.RequestedMaxKeepAliveCount = asked
    result = made.service.create_subscription(params)
    assert (
        result.RevisedPublishingInterval,
        result.RevisedLifetimeCount,
        result.RevisedMaxKeepAliveCount,
    ) == told
    change = ua.ModifySubscriptionParameters()
    change.SubscriptionId = result.SubscriptionId
    change.RequestedPublishingInterval, change.RequestedLifetimeCount, change.RequestedMaxKeepAliveCount = asked
    revised = made.service.modify_subscription(change)
    assert revised.RevisedPublishingInterval == told[0]


async def test_a_shorter_interval_counts_at_once(made: Endpoint) -> None:
    subscription = await made.subscribe()
    await made.monitor(subscription, request(0, 7))
    made.client.requests = 3
    change = ua.ModifySubscriptionParameters(
        SubscriptionId=subscription.id,
        RequestedPublishingInterval=10.0,
        RequestedLifetimeCount=1000,
        RequestedMaxKeepAliveCount=100,
    )
    made.service.modify_subscription(change)
    await until(lambda: made.client.results)


async def test_kept_messages_are_bounded(made: Endpoint) -> None:
    subscription = await made.subscribe()
    await made.monitor(subscription, request(0, 7))
    for number in range(1200):
        made.put({0: float(number)})
        await cycle(made, subscription)
    assert len(subscription.kept) == 1000
    assert min(subscription.kept) == 201
    assert subscription._kept_bytes == sum(message.cost for message in subscription.kept.values())


async def test_a_transfer_moves_the_messages_and_tells_the_old_session(made: Endpoint) -> None:
    subscription = await made.subscribe()
    await made.monitor(subscription, request(0, 7), request(1, 8, mode=1))
    await cycle(made, subscription)
    new = Client()
    made.client.requests = 1
    params = ua.TransferSubscriptionsParameters(SubscriptionIds=[subscription.id, 4711], SendInitialValues=True)
    good, unknown = made.service.transfer_subscriptions(params, new)
    assert good.StatusCode.is_good()
    assert good.AvailableSequenceNumbers == [1]
    assert unknown.StatusCode.name == "BadSubscriptionIdInvalid"
    (told,) = made.client.results
    change = told.NotificationMessage.NotificationData[0]
    assert change.Status.value == ua.StatusCodes.GoodSubscriptionTransferred
    made.client.results.clear()
    new.requests = 1
    subscription.cycle()
    assert made.client.results == []
    assert [one.handle for result in new.results for one in notified(result)] == [7], (
        "initial values come again for what is reported"
    )


async def test_a_transfer_to_another_user_is_refused(made: Endpoint) -> None:
    # threat 7; Part 4 v1.05 5.14.7.1
    subscription = await made.subscribe()
    params = ua.TransferSubscriptionsParameters(SubscriptionIds=[subscription.id], SendInitialValues=True)
    (refused,) = made.service.transfer_subscriptions(params, Client(identity="someone else"))
    assert refused.StatusCode.name == "BadUserAccessDenied"
    assert made.plain.held[subscription.id].owner is made.client


async def test_events_and_values_share_a_message(made: Endpoint) -> None:
    subscription = await made.subscribe()
    await made.monitor(subscription, request(0, 7))
    fields = (1).to_bytes(4, "little") + variant_to_binary(ua.Variant("boom"))
    chosen = CompiledFilter(lambda _: fields, lambda _: fields)
    item = EventItem(9, 10, discard_oldest=True, filter=chosen)
    subscription.event_items[1] = item
    item.offer(Event(0, 0, {}))
    (result,) = await cycle(made, subscription)
    change, events = result.NotificationMessage.NotificationData
    assert change.MonitoredItems[0].ClientHandle == 7
    assert [(one.ClientHandle, one.EventFields[0].Value) for one in events.Events] == [(9, "boom")]


async def test_deleting_a_subscription_lets_go_of_its_items(made: Endpoint) -> None:
    subscription = await made.subscribe()
    await made.monitor(subscription, *[request(0, handle, size=2) for handle in range(3)])
    assert made.plain.items.count == 3
    assert (made.service.delete_subscriptions([subscription.id, subscription.id]))[1].name == (
        "BadSubscriptionIdInvalid"
    )
    assert made.plain.items.count == 0
    assert not any(made.plain.items._by_type.values())
