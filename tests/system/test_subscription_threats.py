"""What the Subscription and MonitoredItem services must refuse, and what they must survive."""

# asyncua's annotations are partial and call a plain int wrong where it takes one.
# pyright: reportArgumentType=false, reportUnknownMemberType=false, reportAttributeAccessIssue=false, reportOptionalMemberAccess=false
from __future__ import annotations

import asyncio
import inspect
import math
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from struct import pack, unpack
from typing import Any

import pytest
from asyncua import Client, ua
from asyncua.common.utils import Buffer, ServiceError
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary
from hypothesis import given, settings
from hypothesis import strategies as st

from core.datatypes import DataType
from server.address_space.decoding import DecodingError
from server.ua_stack.subscription_service import SubscriptionService
from tests.system.plant import Plant, connected, lay_down, running
from tests.system.wire import Wire, connection, session
from tests.unit.server.subscriptions.endpoint import Endpoint, endpoint, request
from tests.waiting import until

IDS = ua.ObjectIds
MANY = 100_000


def kind(name: str) -> int:
    return int(getattr(IDS, f"{name}Request_Encoding_DefaultBinary"))


@pytest.fixture
async def plant(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Plant]:
    async with running(lay_down(tmp_path, port=free_port())) as held:
        yield held


@pytest.fixture
async def wire(plant: Plant) -> AsyncIterator[Wire]:
    async with session(plant.url) as held:
        yield held


@pytest.fixture
async def client(plant: Plant) -> AsyncIterator[Client]:
    async with connected(plant) as held:
        yield held


def subscriptions(plant: Plant) -> SubscriptionService:
    return plant.gateway.plan.stack.internal.subscriptions


def asked(interval: float = 50.0, lifetime: int = 10_000, keep_alive: int = 3000) -> bytes:
    return pack("<dIII", interval, lifetime, keep_alive, 0)


async def subscribe(wire: Wire, interval: float = 50.0) -> int:
    answer = await wire.ask(kind("CreateSubscription"), asked(interval) + b"\1\0")
    assert answer.status == "Good"
    return answer.body.uint32()


def item(node: ua.NodeId, handle: int = 1, size: int = 10) -> ua.MonitoredItemCreateRequest:
    made = ua.MonitoredItemCreateRequest(MonitoringMode=ua.MonitoringMode.Reporting)
    made.ItemToMonitor.NodeId, made.ItemToMonitor.AttributeId = node, ua.AttributeIds.Value
    made.RequestedParameters = ua.MonitoringParameters(ClientHandle=handle, QueueSize=size, DiscardOldest=True)
    return made


def creating(subscription: int, *items: ua.MonitoredItemCreateRequest) -> bytes:
    params = ua.CreateMonitoredItemsParameters(SubscriptionId=subscription, ItemsToCreate=list(items))
    params.TimestampsToReturn = ua.TimestampsToReturn.Both
    return struct_to_binary(params)


def modifying(subscription: int, monitored: int, size: int = 1) -> bytes:
    one = ua.MonitoredItemModifyRequest(MonitoredItemId=monitored)
    one.RequestedParameters = ua.MonitoringParameters(ClientHandle=9, QueueSize=size)
    params = ua.ModifyMonitoredItemsParameters(SubscriptionId=subscription, ItemsToModify=[one])
    params.TimestampsToReturn = ua.TimestampsToReturn.Both
    return struct_to_binary(params)


async def monitor(wire: Wire, subscription: int, node: ua.NodeId, size: int = 10) -> int:
    answer = await wire.ask(kind("CreateMonitoredItems"), creating(subscription, item(node, size=size)))
    assert (answer.status, answer.body.int32(), answer.body.uint32()) == ("Good", 1, 0)
    return answer.body.uint32()


async def publish(wire: Wire, *acks: tuple[int, int]) -> ua.PublishResult:
    body = pack("<i", len(acks)) + b"".join(pack("<II", *one) for one in acks)
    answer = await wire.ask(kind("Publish"), body)
    assert answer.status == "Good"
    return struct_from_binary(ua.PublishResult, Buffer(answer.body.data[answer.body.at :]))


def names(result: ua.PublishResult) -> list[str]:
    return [one.name for one in result.Results]


async def statuses(wire: Wire, service: str, body: bytes) -> list[str]:
    """Ask, and give the results that an answer begins with; of a refused service the ServiceResult alone."""
    answer = await wire.ask(kind(service), body)
    if answer.status != "Good":
        return [answer.status]
    return [ua.StatusCode(answer.body.uint32()).name for _ in range(answer.body.int32())]


async def test_threat_07_what_belongs_to_another_session_is_unknown(plant: Plant, wire: Wire) -> None:
    theirs = await subscribe(wire)
    monitored = await monitor(wire, theirs, plant.node("Level"))
    first = await publish(wire)
    assert first.SubscriptionId == theirs
    sequence = first.NotificationMessage.SequenceNumber
    held = subscriptions(plant).held[theirs]
    items, kept = dict(held.core.items), dict(held.core.kept)
    before = held.core.parameters.copied()
    unknown = ["BadSubscriptionIdInvalid"]
    async with session(plant.url, "urn:test:another") as other:
        mine = await subscribe(other)
        one = item(plant.node("Level"))
        for service, body in (
            ("ModifySubscription", pack("<I", theirs) + asked() + b"\0"),
            ("Republish", pack("<II", theirs, sequence)),
            ("CreateMonitoredItems", creating(theirs, one)),
            ("ModifyMonitoredItems", modifying(theirs, monitored)),
            ("SetMonitoringMode", pack("<IiiI", theirs, 0, 1, monitored)),
            ("SetTriggering", pack("<IIiIi", theirs, monitored, 1, monitored, 0)),
            ("DeleteMonitoredItems", pack("<IiI", theirs, 1, monitored)),
            ("SetPublishingMode", b"\0" + pack("<iI", 1, theirs)),
            ("DeleteSubscriptions", pack("<iI", 1, theirs)),
        ):
            assert (service, await statuses(other, service, body)) == (service, unknown)
        # another user's: that much is told (Part 4 v1.05 5.14.7.2)
        told = await statuses(other, "TransferSubscriptions", pack("<iI", 1, theirs) + b"\1")
        assert told == ["BadUserAccessDenied"]
        # an item of another subscription, in one's own
        for service, body in (
            ("ModifyMonitoredItems", modifying(mine, monitored)),
            ("SetMonitoringMode", pack("<IiiI", mine, 0, 1, monitored)),
            ("SetTriggering", pack("<IIiIi", mine, monitored, 1, monitored, 0)),
            ("DeleteMonitoredItems", pack("<IiI", mine, 1, monitored)),
        ):
            assert (service, await statuses(other, service, body)) == (service, ["BadMonitoredItemIdInvalid"])
        own = await monitor(other, mine, plant.node("Level"))
        answer = await other.ask(kind("SetTriggering"), pack("<IIiIiI", mine, own, 1, monitored, 1, monitored))
        links = struct_from_binary(ua.SetTriggeringResult, Buffer(answer.body.data[answer.body.at :]))
        assert [one.name for one in links.AddResults + links.RemoveResults] == ["BadMonitoredItemIdInvalid"] * 2
        result = await publish(other, (theirs, sequence), (mine, 4711))
        assert names(result) == ["BadSubscriptionIdInvalid", "BadSequenceNumberUnknown"]
        assert result.SubscriptionId == mine
    assert (held.core.items, held.core.kept, held.core.parameters) == (items, kept, before)
    assert subscriptions(plant).held[theirs] is held
    plant.put("Level", 77.0)
    following = await publish(wire, (theirs, sequence))
    assert names(following) == ["Good"]
    assert following.NotificationMessage.SequenceNumber == sequence + 1


async def test_threat_07_the_same_user_takes_over_and_the_first_session_has_it_no_more(
    plant: Plant, wire: Wire
) -> None:
    moved = await subscribe(wire)
    monitored = await monitor(wire, moved, plant.node("Level"))
    async with session(plant.url) as other:
        assert await statuses(other, "TransferSubscriptions", pack("<iI", 1, moved) + b"\0") == ["Good"]
        for service, body in (
            ("DeleteMonitoredItems", pack("<IiI", moved, 1, monitored)),
            ("DeleteSubscriptions", pack("<iI", 1, moved)),
            ("Republish", pack("<II", moved, 1)),
        ):
            assert await statuses(wire, service, body) == ["BadSubscriptionIdInvalid"]
        told = await publish(wire, (moved, 1))
        assert names(told) == ["BadSubscriptionIdInvalid"]
        (change,) = told.NotificationMessage.NotificationData
        assert change.Status.name == "GoodSubscriptionTransferred"
        assert await statuses(other, "DeleteMonitoredItems", pack("<IiI", moved, 1, monitored)) == ["Good"]


def where(*elements: tuple[int, ...]) -> ua.EventFilter:
    """Give a filter whose elements are And of the elements that their indexes name; the last is IsNull of a literal."""
    made = ua.EventFilter()
    clause = ua.SimpleAttributeOperand(TypeDefinitionId=ua.NodeId(IDS.BaseEventType), AttributeId=13)
    clause.BrowsePath = [ua.QualifiedName("Message")]
    made.SelectClauses = [clause]
    for indexes in elements:
        element = ua.ContentFilterElement(FilterOperator=ua.FilterOperator.And)
        element.FilterOperands = [ua.ElementOperand(Index=index) for index in indexes]
        made.WhereClause.Elements.append(element)
    last = ua.ContentFilterElement(FilterOperator=ua.FilterOperator.IsNull)
    last.FilterOperands = [ua.LiteralOperand(Value=ua.Variant(1, ua.VariantType.Int32))]
    made.WhereClause.Elements.append(last)
    return made


async def test_threat_14_where_clauses_that_go_round_are_refused_and_the_others_served(
    plant: Plant, wire: Wire, client: Client
) -> None:
    doubled = [(place + 1, place + 1) for place in range(31)]
    clauses = [
        (where((0, 1)), False),  # itself
        (where((1, 2), (0, 2)), False),  # a cycle of two
        (where((1, 3), (2, 3), (0, 3)), False),  # of three
        (where((1, 2), (1, 1)), False),
        (where((7, 1)), False),  # past the end
        (where((0xFFFF_FFFF, 1)), False),
        (where(*doubled), True),  # twice at each of 31 levels: 2^31 ways, and each element is looked at once
        (where(*doubled, (32, 32)), False),  # one element too many
        (where((1, 1)), True),
    ]
    requests: list[ua.MonitoredItemCreateRequest] = []
    for handle, (clause, _) in enumerate(clauses):
        made = item(ua.NodeId(IDS.Server), handle)
        made.ItemToMonitor.AttributeId = ua.AttributeIds.EventNotifier
        made.RequestedParameters.Filter = clause
        requests.append(made)
    requests.append(item(plant.node("Level"), 99))
    subscription = await subscribe(wire)
    began = time.process_time()
    answer = await wire.ask(kind("CreateMonitoredItems"), creating(subscription, *requests))
    assert time.process_time() - began < 10.0
    response = bytes(2) + struct_to_binary(ua.ResponseHeader()) + answer.body.data[answer.body.at :]
    results = struct_from_binary(ua.CreateMonitoredItemsResponse, Buffer(response)).Results
    assert [one.StatusCode.is_good() for one in results] == [*(fine for _, fine in clauses), True]
    assert subscriptions(plant).items.count == 3
    began = time.process_time()
    await client.nodes.server.read_browse_name()
    assert time.process_time() - began < 10.0


INTERVALS = [0.001, 0.0, -1.0, -math.inf, math.inf, math.nan, 1e308, 5e-324]


@pytest.mark.parametrize("interval", INTERVALS)
async def test_threat_15_publishing_intervals_are_clamped_and_the_revised_one_is_told(
    plant: Plant, wire: Wire, interval: float
) -> None:
    most = 2**32 - 1
    answer = await wire.ask(kind("CreateSubscription"), asked(interval, most, most) + b"\1\xff")
    told = [unpack("<IdII", answer.body.take(20))]
    subscription = told[0][0]
    answer = await wire.ask(kind("ModifySubscription"), pack("<I", subscription) + asked(interval, most, most) + b"\0")
    told.append((subscription, *unpack("<dII", answer.body.take(16))))
    parameters = subscriptions(plant).held[subscription].core.parameters
    for _, revised, lifetime, keep_alive in told:
        assert 10.0 <= revised <= 3_600_000.0
        assert revised == parameters.interval * 1e3
        assert (lifetime, keep_alive) == (parameters.lifetime_count, parameters.keep_alive_count)
        assert 3 * keep_alive <= lifetime < most


@pytest.mark.parametrize("sampling", INTERVALS)
async def test_threat_15_queue_sizes_and_sampling_are_clamped_also_by_modify(
    plant: Plant, wire: Wire, sampling: float
) -> None:
    subscription = await subscribe(wire)
    made = item(plant.node("Level"), size=2**32 - 1)
    made.RequestedParameters.SamplingInterval = sampling
    attribute = item(ua.NodeId(IDS.Server_ServerStatus_CurrentTime), size=2**32 - 1)
    attribute.RequestedParameters.SamplingInterval = sampling
    answer = await wire.ask(kind("CreateMonitoredItems"), creating(subscription, made, attribute))
    assert answer.body.int32() == 2
    for _ in range(2):
        status, monitored, interval, size = unpack("<IIdI", answer.body.take(20))
        answer.body.take(3)
        assert (status, size) == (0, 5000)
        assert 0.0 <= interval <= 86_400_000.0
        parameters = ua.MonitoringParameters(QueueSize=2**32 - 1, SamplingInterval=sampling)
        one = ua.MonitoredItemModifyRequest(MonitoredItemId=monitored, RequestedParameters=parameters)
        params = ua.ModifyMonitoredItemsParameters(SubscriptionId=subscription, ItemsToModify=[one])
        changed = await wire.ask(kind("ModifyMonitoredItems"), struct_to_binary(params))
        assert changed.body.int32() == 1
        assert unpack("<IdI", changed.body.take(16)) == (0, interval, 5000)
    assert subscriptions(plant).held[subscription].core.queued == 10_000


async def test_threat_16_subscriptions_are_bounded_for_a_session_and_for_all(plant: Plant, wire: Wire) -> None:
    service = subscriptions(plant)
    service.limits = replace(service.limits, subscriptions=5, session_subscriptions=3)
    create, body = kind("CreateSubscription"), asked() + b"\1\0"
    mine = [await subscribe(wire) for _ in range(3)]
    assert (await wire.ask(create, body)).status == "BadTooManySubscriptions"
    async with session(plant.url) as other:
        theirs = [await subscribe(other) for _ in range(2)]
        assert (await other.ask(create, body)).status == "BadTooManySubscriptions"
        assert await statuses(wire, "DeleteSubscriptions", pack("<iI", 1, mine[0])) == ["Good"]
        theirs.append(await subscribe(other))
        # and what one session may have, it may not have by taking over either
        moving = pack("<iII", 2, mine[1], theirs[0]) + b"\0"
        assert await statuses(other, "TransferSubscriptions", moving) == ["BadTooManySubscriptions", "Good"]
        assert service.held[mine[1]].owner is not service.held[theirs[0]].owner
    await until(lambda: len(protocols(plant)) == 1)


def protocols(plant: Plant) -> list[Any]:
    return plant.gateway.plan.stack.server.bserver.clients


async def test_threat_16_items_and_queues_are_bounded_for_a_session_and_for_all(plant: Plant, wire: Wire) -> None:
    service = subscriptions(plant)
    service.limits = replace(service.limits, items=5, session_items=3)
    level = plant.node("Level")
    body = creating(await subscribe(wire), *[item(level)] * 2)
    assert await _made(wire, body) == ["Good"] * 2
    body = creating(await subscribe(wire), *[item(level)] * 2)
    assert await _made(wire, body) == ["Good", "BadTooManyMonitoredItems"]
    async with session(plant.url) as other:
        body = creating(await subscribe(other), *[item(level)] * 3)
        assert await _made(other, body) == ["Good", "Good", "BadTooManyMonitoredItems"]


async def _made(wire: Wire, body: bytes) -> list[str]:
    answer = await wire.ask(kind("CreateMonitoredItems"), body)
    told: list[str] = []
    for _ in range(answer.body.int32()):
        told.append(ua.StatusCode(answer.body.uint32()).name)
        answer.body.take(4 + 8 + 4 + 3)
    return told


async def test_threat_16_lifetimes_are_bounded_both_ways(plant: Plant, wire: Wire) -> None:
    for interval, lifetime, keep_alive in ((0.0, 0, 0), (10.0, 1, 1), (3_600_000.0, 2**32 - 1, 2**32 - 1)):
        answer = await wire.ask(kind("CreateSubscription"), asked(interval, lifetime, keep_alive) + b"\1\0")
        _, revised, count, alive = unpack("<IdII", answer.body.take(20))
        assert count >= 3 * alive >= 3
        assert revised * count <= 48 * 3_600_000.0, "an abandoned subscription is gone after two days"
    # who never publishes loses what it has
    quick = await wire.ask(kind("CreateSubscription"), asked(10.0, 3, 1) + b"\1\0")
    subscription = quick.body.uint32()
    await monitor(wire, subscription, plant.node("Level"))
    await until(lambda: subscription not in subscriptions(plant).held)
    assert subscriptions(plant).items.count == 0


async def test_threat_17_a_hundred_thousand_operations_are_refused_at_once(
    plant: Plant, wire: Wire, client: Client
) -> None:
    subscription = await subscribe(wire)
    monitored = await monitor(wire, subscription, plant.node("Level"))
    created, modified = creating(subscription, item(plant.node("Level"))), modifying(subscription, monitored)
    many, ids = pack("<i", MANY), pack("<I", monitored) * MANY
    head = pack("<I", subscription)
    bodies = [
        ("CreateMonitoredItems", created[:8] + many + created[12:] * MANY),
        ("ModifyMonitoredItems", modified[:8] + many + modified[12:] * MANY),
        ("SetMonitoringMode", head + pack("<i", 0) + many + ids),
        ("DeleteMonitoredItems", head + many + ids),
        ("SetTriggering", head + pack("<I", monitored) + many + ids + pack("<i", 0)),
        ("SetTriggering", head + pack("<Ii", monitored, 0) + many + ids),
        ("SetTriggering", head + pack("<I", monitored) + many + ids + many + ids),
        ("SetPublishingMode", b"\0" + many + pack("<I", subscription) * MANY),
        ("TransferSubscriptions", many + pack("<I", subscription) * MANY + b"\0"),
        ("DeleteSubscriptions", many + pack("<I", subscription) * MANY),
        ("Publish", many + pack("<II", subscription, 1) * MANY),
    ]
    service = plant.gateway.plan.stack.internal.subscription_wire
    (owner,) = {held.owner for held in subscriptions(plant)}
    for name, body in bodies:
        answer = await wire.ask(kind(name), body)
        assert (name, answer.status) == (name, "BadTooManyOperations")
        if name != "Publish":
            took: list[float] = []
            for _ in range(3):
                began = time.process_time()
                with pytest.raises(ServiceError):
                    await _answer(getattr(service, _method(name)), owner, body)
                took.append(time.process_time() - began)
            assert (name, min(took) < 0.01) == (name, True), "refused on the count"
    assert subscription in subscriptions(plant).held
    assert subscriptions(plant).items.count == 1
    assert await client.get_node(plant.node("Serial")).read_value() == 99


async def _answer(method: Callable[..., Any], *given: Any) -> bytes:
    told = method(*given)
    return await told if inspect.isawaitable(told) else told


def _method(service: str) -> str:
    return "".join(f"_{one.lower()}" if one.isupper() else one for one in service)[1:]


async def test_fault_29_a_slow_subscriber_is_told_what_it_lost_and_others_lose_nothing(
    plant: Plant, wire: Wire
) -> None:
    slow = await subscribe(wire)
    await monitor(wire, slow, plant.node("Level"), size=3)
    async with session(plant.url) as quick:
        mine = await subscribe(quick, 10.0)
        await monitor(quick, mine, plant.node("Level"), size=1000)
        for number in range(50):
            plant.put("Level", 1000.0 + number)
        seen: list[float] = []
        while len(seen) < 51:  # the initial value is the first
            seen += [value for value, _ in values(await publish(quick))]
        assert seen[1:] == [1000.0 + number for number in range(50)]
        late = values(await publish(wire))
        assert [value for value, _ in late] == [1047.0, 1048.0, 1049.0]
        assert [overflow for _, overflow in late] == [True, False, False]
        plant.put("Level", 2000.0)
        assert values(await publish(wire)) == [(2000.0, False)], "told once"
        assert values(await publish(quick)) == [(2000.0, False)]


async def test_fault_29_a_lost_answer_is_given_again_also_twice_and_on_another_connection(plant: Plant) -> None:
    async with session(plant.url) as bystander:
        other = await subscribe(bystander, 10.0)
        await monitor(bystander, other, plant.node("Level"))
        await publish(bystander)
        async with session(plant.url) as first:
            token = first.token
            subscription = await subscribe(first, 10.0)
            await monitor(first, subscription, plant.node("Level"))
            await publish(first)
            first.send(first.encode(kind("Publish"), pack("<i", 0)))
            core = subscriptions(plant).held[subscription].core
            await until(lambda: len(core.queue) == 1)
            plant.put("Level", 321.0)
            await until(lambda: len(core.kept) == 2)  # sent, and never read
        await until(lambda: len(protocols(plant)) == 1)
        plant.put("Level", 322.0)
        async with connection(plant.url) as second:
            await second.greet()
            await second.open_channel()
            second.token = token
            await second.activate()
            result = await publish(second)
            assert values(result) == [(322.0, False)]
            assert list(result.AvailableSequenceNumbers) == [1, 2, 3]
            again = [await second.ask(kind("Republish"), pack("<II", subscription, 2)) for _ in range(2)]
            bodies = [answer.body.data[answer.body.at :] for answer in again]
            assert bodies[0] == bodies[1]
            message = struct_from_binary(ua.NotificationMessage, Buffer(bodies[0]))
            assert message.SequenceNumber == 2
            assert values(ua.PublishResult(NotificationMessage=message)) == [(321.0, False)]
            plant.put("Level", 323.0)
            result = await publish(second, (subscription, 2), (subscription, 2))
            assert names(result) == ["Good", "BadSequenceNumberUnknown"]
            assert (await second.ask(kind("Republish"), pack("<II", subscription, 2))).status == (
                "BadMessageNotAvailable"
            )
        seen: list[float] = []
        while len(seen) < 3:
            seen += [value for value, _ in values(await publish(bystander))]
        assert seen == [321.0, 322.0, 323.0]


def values(result: ua.PublishResult) -> list[tuple[float, bool]]:
    """Give the values of an answer, each with its Overflow bit (Part 4 v1.05 7.39.1)."""
    return [
        (one.Value.Value.Value, bool(one.Value.StatusCode.value & 0x80))
        for data in result.NotificationMessage.NotificationData
        for one in data.MonitoredItems
    ]


SERVICES = [
    "create_subscription",
    "modify_subscription",
    "set_publishing_mode",
    "publish",
    "republish",
    "transfer_subscriptions",
    "delete_subscriptions",
    "create_monitored_items",
    "modify_monitored_items",
    "set_monitoring_mode",
    "set_triggering",
    "delete_monitored_items",
]


async def stage(made: Endpoint) -> dict[str, bytes]:
    """Set a subscription with three items up; give a request of each service that makes sense of it."""
    subscription = await made.subscribe()
    results = await made.monitor(subscription, *(request(slot, slot) for slot in range(3)))
    first, second, third = (int(result.MonitoredItemId) for result in results)
    made.put({0: 1.0, 1: 2.0})
    await made.publish(subscription)
    held = pack("<I", subscription.id)
    filtered = request(1, 5, deadband=1.0)
    return {
        "create_subscription": asked() + b"\1\0",
        "modify_subscription": held + asked() + b"\0",
        "set_publishing_mode": b"\0" + pack("<i", 1) + held,
        "publish": pack("<i", 1) + held + pack("<I", 1),
        "republish": held + pack("<I", 1),
        "transfer_subscriptions": pack("<i", 1) + held + b"\1",
        "delete_subscriptions": pack("<i", 1) + held,
        "create_monitored_items": creating(subscription.id, request(0, 4), filtered, request(2, 6)),
        "modify_monitored_items": modifying(subscription.id, first, 7),
        "set_monitoring_mode": held + pack("<iiII", 0, 2, first, second),
        "set_triggering": held + pack("<IiIiI", first, 1, second, 1, third),
        "delete_monitored_items": held + pack("<iII", 2, first, second),
    }


def state(made: Endpoint) -> object:
    """Say what services change, in short."""
    return (
        made.plain.items.count,
        made.plain.created,
        len(made.client.publishing),
        [
            (
                held.core.id,
                held.core.parameters.copied(),
                list(held.core.kept),
                len(held.core.links),
                held.core.queued,
                [(one.id, one.handle, one.mode, one.size, one.interval) for one in held.core.items.values()],
            )
            for held in made.plain
        ],
    )


async def ask(made: Endpoint, service: str, body: bytes) -> str:
    """Ask; say how it ended. Anything but an answer, a ServiceError or a DecodingError fails the test."""
    wire, client = made.service.wire, made.client
    before = state(made)
    try:
        if service == "publish":
            wire.publish(client, body, client, 0, _Header)
            return "answered"
        assert isinstance(await _answer(getattr(wire, service), client, body), bytes)
    except DecodingError:
        assert state(made) == before, "a body that makes no sense changes nothing"
        return "undecodable"
    except ServiceError:
        assert state(made) == before, "what is refused as a whole changes nothing"
        return "refused"
    return "answered"


class _Header:
    """Of a RequestHeader as much as Publish asks for."""

    handle = 0
    timeout = 0


@pytest.mark.parametrize("service", SERVICES)
async def test_a_body_that_is_cut_anywhere_changes_nothing(service: str) -> None:
    async with endpoint([DataType.DOUBLE] * 3) as made:
        body = (await stage(made))[service]
        for size in range(len(body)):
            assert (size, await ask(made, service, body[:size])) != (size, "answered")
        assert await ask(made, service, body) == "answered"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(SERVICES),
            st.one_of(st.none(), st.binary(max_size=80)),
            st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), max_size=4),
        ),
        min_size=20,
        max_size=40,
    )
)
def test_bytes_of_any_kind_are_answered_refused_or_undecodable(
    asks: list[tuple[str, bytes | None, list[tuple[int, int]]]],
) -> None:
    """Random bytes, and requests with some bytes changed; ``None`` stands for a request that makes sense."""

    async def run() -> None:
        async with endpoint([DataType.DOUBLE] * 3) as made:
            sensible = await stage(made)
            for service, body, changes in asks:
                changed = bytearray(sensible[service] if body is None else body)
                for where_, value in changes:
                    if changed:
                        changed[where_ % len(changed)] = value
                began = time.process_time()
                await ask(made, service, bytes(changed))
                assert time.process_time() - began < 1.0
                made.put({0: float(len(changed)), 1: 3.0})
                for held in made.plain:
                    held.core.cycle()

    asyncio.run(run())
