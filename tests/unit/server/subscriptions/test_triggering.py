"""Links between items: against a set of pairs, and through the service (Part 4 v1.05 5.13.1.6, 5.13.5)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from asyncua import ua
from asyncua.common.utils import ServiceError
from hypothesis import given
from hypothesis import strategies as st

from core.datatypes import DataType
from server.subscriptions.limits import SubscriptionLimits
from server.subscriptions.subscription import Subscription
from server.subscriptions.triggering import Links
from tests.unit.server.subscriptions.endpoint import Endpoint, endpoint, request

ITEMS = st.integers(1, 5)
SAMPLING, REPORTING = 1, 2
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), ITEMS, ITEMS),
        st.tuples(st.just("remove"), ITEMS, ITEMS),
        st.tuples(st.just("forget"), ITEMS, st.just(0)),
    ),
    max_size=40,
)


@given(STEPS)
def test_links_are_a_set_of_pairs(steps: list[tuple[str, int, int]]) -> None:
    links, pairs = Links(), set[tuple[int, int]]()
    for what, one, other in steps:
        if what == "add":
            links.add(one, other)
            pairs.add((one, other))
        elif what == "remove":
            assert links.remove(one, other) == ((one, other) in pairs)
            pairs.discard((one, other))
        else:
            links.forget(one)
            pairs = {pair for pair in pairs if one not in pair}
        assert len(links) == len(pairs)
        for item in range(1, 6):
            assert set(links.triggered(item)) == {to for begin, to in pairs if begin == item}
            assert set(links.triggering(item)) == {begin for begin, to in pairs if to == item}
            assert (item in links) == any(begin == item for begin, _ in pairs)
            assert all(links.has(item, to) == ((item, to) in pairs) for to in range(1, 6))


@pytest.fixture
async def made() -> AsyncIterator[Endpoint]:
    async with endpoint([DataType.DOUBLE] * 6, limits=SubscriptionLimits(session_links=4, links=6)) as held:
        yield held


async def items(made: Endpoint, subscription: Subscription, *modes: int) -> list[int]:
    """Make an item a mode, each on its own point with a handle of its slot; its initial value is -1."""
    made.put(dict.fromkeys(range(len(modes)), -1.0))
    results = await made.monitor(subscription, *(request(slot, slot, mode) for slot, mode in enumerate(modes)))
    return [int(result.MonitoredItemId) for result in results]


def link(
    made: Endpoint, subscription: Subscription, triggering: int, add: list[int], remove: list[int] | None = None
) -> tuple[list[str], list[str]]:
    params = ua.SetTriggeringParameters()
    params.SubscriptionId = ua.IntegerId(subscription.id)
    params.TriggeringItemId = ua.IntegerId(triggering)
    params.LinksToAdd = [ua.IntegerId(one) for one in add]
    params.LinksToRemove = [ua.IntegerId(one) for one in remove or ()]
    result = made.service.set_triggering(params)
    return [one.name for one in result.AddResults], [one.name for one in result.RemoveResults]


async def test_links_are_removed_before_others_are_added(made: Endpoint) -> None:
    # 5.13.5.1: the links in linksToRemove are deleted before those in linksToAdd are made
    subscription = await made.subscribe()
    first, second, third = await items(made, subscription, REPORTING, SAMPLING, SAMPLING)
    assert link(made, subscription, first, [second, third]) == (["Good", "Good"], [])
    assert link(made, subscription, first, [second], [second, third, 99]) == (
        ["Good"],
        ["Good", "Good", "BadMonitoredItemIdInvalid"],
    )
    assert set(subscription.links.triggered(first)) == {second}
    assert link(made, subscription, first, [99, second]) == (["BadMonitoredItemIdInvalid", "Good"], [])
    assert len(subscription.links) == 1


async def test_a_call_that_makes_no_sense_changes_nothing(made: Endpoint) -> None:
    subscription = await made.subscribe()
    first, second = await items(made, subscription, REPORTING, SAMPLING)
    for triggering, add, status in (
        (first, [], ua.StatusCodes.BadNothingToDo),
        (99, [second], ua.StatusCodes.BadMonitoredItemIdInvalid),
        (first, [second] * 10_001, ua.StatusCodes.BadTooManyOperations),
    ):
        with pytest.raises(ServiceError) as refused:
            link(made, subscription, triggering, add)
        assert refused.value.code == status
    assert len(subscription.links) == 0


async def test_a_trigger_lets_report_what_was_queued_once(made: Endpoint) -> None:
    # 5.13.1.6: the triggered item reports what it has queued; from then on nothing, until it is triggered again
    subscription = await made.subscribe()
    first, second = await items(made, subscription, REPORTING, SAMPLING)
    link(made, subscription, first, [second])
    made.put({1: 1.0})
    made.put({1: 2.0})
    assert [one.handle for one in await made.publish(subscription)] == [0], "the initial value, from before the link"
    made.put({0: 10.0})
    told = await made.publish(subscription)
    assert [one.value for one in told if one.handle == 0] == [10.0]
    assert [one.value for one in told if one.handle == 1] == [-1.0, 1.0, 2.0]
    made.put({1: 3.0})
    assert await made.publish(subscription) == []


async def test_an_item_that_is_sampled_itself_triggers_and_links_end_with_their_items(made: Endpoint) -> None:
    # 5.13.1.6: the mode of the triggering item, but Disabled, makes no difference
    subscription = await made.subscribe()
    first, second, third = await items(made, subscription, SAMPLING, SAMPLING, SAMPLING)
    link(made, subscription, first, [second, third])
    made.put({1: 1.0, 2: 2.0})
    made.put({0: 10.0})
    told = [(one.handle, one.value) for one in await made.publish(subscription)]
    assert sorted(told) == [(1, -1.0), (1, 1.0), (2, -1.0), (2, 2.0)]
    params = ua.DeleteMonitoredItemsParameters(SubscriptionId=ua.IntegerId(subscription.id))
    params.MonitoredItemIds = [ua.IntegerId(second)]
    await made.service.delete_monitored_items(params)
    assert set(subscription.links.triggered(first)) == {third}
    params.MonitoredItemIds = [ua.IntegerId(first)]
    await made.service.delete_monitored_items(params)
    assert len(subscription.links) == 0
    made.put({0: 11.0, 2: 3.0})
    assert await made.publish(subscription) == []


async def test_threat_16_links_are_bounded_for_a_session_and_for_all(made: Endpoint) -> None:
    mine = await made.subscribe()
    one = await items(made, mine, *[SAMPLING] * 6)
    another = await made.subscribe()
    two = await items(made, another, *[SAMPLING] * 6)
    assert link(made, mine, one[0], one[1:4]) == (["Good"] * 3, [])
    assert link(made, another, two[0], two[1:4]) == (["Good", "BadOutOfMemory", "BadOutOfMemory"], [])
    assert link(made, mine, one[0], [one[1]]) == (["Good"], []), "a link that is there costs nothing"
    assert link(made, mine, one[0], [one[4], one[5]], [one[1]]) == (["Good", "BadOutOfMemory"], ["Good"])
