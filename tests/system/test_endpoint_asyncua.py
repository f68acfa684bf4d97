"""The endpoint through a real socket with asyncua's client."""

# asyncua's annotations are partial and call a plain int or float wrong where it takes one.
# pyright: reportOptionalMemberAccess=false, reportArgumentType=false, reportCallIssue=false
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua
from asyncua.common.subscription import SubscriptionItemData
from asyncua.ua.uaerrors import UaStatusCodeError

from tests.system.plant import Plant, connected, lay_down, running
from tests.waiting import until


@pytest.fixture
async def plant(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Plant]:
    async with running(lay_down(tmp_path, port=free_port())) as held:
        yield held


@pytest.fixture
async def client(plant: Plant) -> AsyncIterator[Client]:
    async with connected(plant) as held:
        yield held


class Received:
    """Collects what a subscription brings."""

    def __init__(self) -> None:
        self.values: list[tuple[str, Any, int]] = []
        self.events: list[Any] = []
        self.status: list[Any] = []

    def datachange_notification(self, node: Any, value: Any, data: Any) -> None:
        code = data.monitored_item.Value.StatusCode
        self.values.append((node.nodeid.Identifier, value, code.value if code else 0))

    def event_notification(self, event: Any) -> None:
        self.events.append(event)

    def status_change_notification(self, status: Any) -> None:
        self.status.append(status)

    def of(self, name: str) -> list[Any]:
        return [value for node, value, _ in self.values if node == name]


async def test_values_are_read_as_the_model_says(plant: Plant, client: Client) -> None:
    names = ["Level", "Count", "Total", "Name", "Serial", "Limits"]
    values = await client.read_values([client.get_node(plant.node(name)) for name in names])
    assert values == [12.5, 7, -9007199254740993, "Fräse", 99, [1, 2]]
    ratio = await client.get_node(plant.node("Ratio")).read_data_value(raise_on_bad_status=False)
    assert ratio.StatusCode.value == ua.StatusCodes.BadWaitingForInitialData
    moment = plant.put("Level", 40.25, ua.StatusCodes.UncertainLastUsableValue)
    held = await client.get_node(plant.node("Level")).read_data_value(raise_on_bad_status=False)
    assert (held.Value.Value, held.StatusCode.value) == (40.25, ua.StatusCodes.UncertainLastUsableValue)
    assert held.SourceTimestamp is not None
    assert moment > 0


@pytest.mark.parametrize(
    ("wanted", "source", "server"),
    [
        (ua.TimestampsToReturn.Source, True, False),
        (ua.TimestampsToReturn.Server, False, True),
        (ua.TimestampsToReturn.Both, True, True),
        (ua.TimestampsToReturn.Neither, False, False),
    ],
)
async def test_timestamps_to_return(
    plant: Plant, client: Client, wanted: ua.TimestampsToReturn, *, source: bool, server: bool
) -> None:
    params = ua.ReadParameters()
    params.TimestampsToReturn = wanted
    params.NodesToRead = [ua.ReadValueId(NodeId=plant.node("Level"), AttributeId=ua.AttributeIds.Value)]
    (value,) = await client.uaclient.read(params)
    assert (value.SourceTimestamp is not None, value.ServerTimestamp is not None) == (source, server)


async def test_writes_are_taken_refused_and_read_back(plant: Plant, client: Client) -> None:
    level, serial = client.get_node(plant.node("Level")), client.get_node(plant.node("Serial"))
    await level.write_value(33.5)
    assert await level.read_value() == 33.5
    await client.get_node(plant.node("Name")).write_value("Säge")
    assert await client.get_node(plant.node("Name")).read_value() == "Säge"
    await client.get_node(plant.node("Limits")).write_value([4, 5, 6], ua.VariantType.Int32)
    assert await client.get_node(plant.node("Limits")).read_value() == [4, 5, 6]
    limits = client.get_node(plant.node("Limits"))
    for node, value, code in (
        (serial, ua.Variant(1, ua.VariantType.Int32), ua.StatusCodes.BadNotWritable),
        (level, ua.Variant(1, ua.VariantType.Int32), ua.StatusCodes.BadTypeMismatch),
        (level, ua.Variant([1.0], ua.VariantType.Double), ua.StatusCodes.BadTypeMismatch),
        (level, ua.Variant(), ua.StatusCodes.BadTypeMismatch),
        (level, ua.DataValue(ua.Variant(1.0), ua.StatusCode(0x808C0000)), ua.StatusCodes.BadWriteNotSupported),
        (limits, ua.Variant(["a"], ua.VariantType.String), ua.StatusCodes.BadTypeMismatch),
        (limits, ua.Variant(4, ua.VariantType.Int32), ua.StatusCodes.BadTypeMismatch),
        (client.get_node(plant.node("Level.EURange")), ua.Variant(1.0), ua.StatusCodes.BadNotWritable),
        (client.get_node("ns=1;s=Nothing"), ua.Variant(1.0), ua.StatusCodes.BadNodeIdUnknown),
    ):
        with pytest.raises(UaStatusCodeError) as refused:
            await node.write_value(value)
        assert refused.value.code == code
    assert await serial.read_value() == 99


async def test_an_observer_reads_and_neither_writes_nor_calls(tmp_path: Path, free_port: Callable[[], int]) -> None:
    config = lay_down(tmp_path, port=free_port(), anonymous="Observer")
    async with running(config) as plant, connected(plant) as client:
        level = client.get_node(plant.node("Level"))
        assert await level.read_value() == 12.5
        with pytest.raises(UaStatusCodeError) as refused:
            await level.write_value(1.0)
        assert refused.value.code == ua.StatusCodes.BadUserAccessDenied
        assert await level.read_value() == 12.5
        operator = await client.nodes.objects.get_child([f"{plant.index()}:Tank"])
        (watch,) = [one for one in await operator.get_children() if "ZScore" in (await one.read_browse_name()).Name]
        types = plant.index("https://plantspace.io/UA/")
        with pytest.raises(UaStatusCodeError) as refused:
            await watch.call_method(f"{types}:Reset")
        assert refused.value.code == ua.StatusCodes.BadUserAccessDenied


async def test_the_model_and_the_generated_tags_can_be_browsed(plant: Plant, client: Client) -> None:
    tank = await client.nodes.objects.get_child([f"{plant.index()}:Tank"])
    names = {(await one.read_browse_name()).Name for one in await tank.get_children()}
    assert {"Level", "Count", "Total", "Name", "Serial", "Ratio", "Limits"} <= names
    sim = await client.nodes.objects.get_child([f"{plant.index('urn:plantspace:test')}:sim"])
    tags = {(await one.read_browse_name()).Name for one in await sim.get_children()}
    assert {f"t{number}" for number in range(20)} <= tags


async def test_a_subscription_brings_every_change_with_its_status(plant: Plant, client: Client) -> None:
    received = Received()
    subscription = await client.create_subscription(50, received)
    node = client.get_node(plant.node("Level"))
    await subscription.subscribe_data_change(node, queuesize=100, sampling_interval=0)
    await until(lambda: received.of("Level") == [12.5])
    for value in range(30):
        plant.put("Level", float(value))
    plant.put("Level", 29.0)
    plant.put("Level", 29.0, ua.StatusCodes.UncertainLastUsableValue)
    plant.put("Level", 1.0, ua.StatusCodes.BadNoCommunication)
    await until(lambda: len(received.values) >= 33)
    assert received.of("Level") == [12.5, *map(float, range(30)), 29.0, 29.0]
    assert [status for _, _, status in received.values[-2:]] == [
        ua.StatusCodes.UncertainLastUsableValue,
        ua.StatusCodes.BadNoCommunication,
    ]
    await subscription.delete()


@pytest.mark.parametrize(
    ("size", "discard_oldest", "left"),
    [
        (3, True, [(7.0, 0x480), (8.0, 0), (9.0, 0)]),
        (3, False, [(0.0, 0), (1.0, 0), (9.0, 0x480)]),
        (1, True, [(9.0, 0)]),
    ],
)
async def test_a_full_queue_loses_values_and_says_so(
    plant: Plant, client: Client, size: int, *, discard_oldest: bool, left: list[tuple[float, int]]
) -> None:
    received = Received()
    subscription = await client.create_subscription(200, received)
    (item,) = await create(client, subscription, plant, size=size, discard_oldest=discard_oldest)
    assert item.RevisedQueueSize == size
    await until(lambda: received.values)
    received.values.clear()
    await subscription.set_publishing_mode(publishing=False)
    for value in range(10):
        plant.put("Level", float(value))
    await subscription.set_publishing_mode(publishing=True)
    await until(lambda: len(received.values) >= len(left))
    assert [(value, status) for _, value, status in received.values] == left
    await subscription.delete()


async def create(client: Client, subscription: Any, plant: Plant, **more: Any) -> list[Any]:
    """Create one item on Level through the service itself."""
    handle = more.pop("handle", 4711)
    request = ua.MonitoredItemCreateRequest()
    request.ItemToMonitor.NodeId = plant.node(more.pop("name", "Level"))
    request.ItemToMonitor.AttributeId = ua.AttributeIds.Value
    request.MonitoringMode = more.pop("mode", ua.MonitoringMode.Reporting)
    request.RequestedParameters = ua.MonitoringParameters(
        ClientHandle=handle,
        SamplingInterval=more.pop("sampling", 0.0),
        QueueSize=more.pop("size", 10),
        DiscardOldest=more.pop("discard_oldest", True),
        **more,
    )
    params = ua.CreateMonitoredItemsParameters(
        SubscriptionId=subscription.subscription_id,
        TimestampsToReturn=ua.TimestampsToReturn.Both,
        ItemsToCreate=[request],
    )
    results = await client.uaclient.create_monitored_items(params)
    for result in results:
        result.StatusCode.check()
        node = client.get_node(request.ItemToMonitor.NodeId)
        data = SubscriptionItemData()
        data.node, data.attribute = node, ua.AttributeIds.Value
        data.server_handle, data.client_handle = result.MonitoredItemId, handle
        data.mfilter = None
        subscription._monitored_items[handle] = data
    return results


async def test_a_sampled_item_sees_what_there_is_at_its_own_pace(plant: Plant, client: Client) -> None:
    received = Received()
    subscription = await client.create_subscription(50, received)
    (item,) = await create(client, subscription, plant, sampling=150.0, size=100)
    assert item.RevisedSamplingInterval == 150.0
    await until(lambda: received.values)
    for value in range(100):
        plant.put("Level", float(value))
    await until(lambda: 99.0 in received.of("Level"))
    assert len(received.values) <= 3, "a burst between two looks is one value"
    await subscription.delete()


@pytest.mark.parametrize(
    ("asked", "told"), [(0.0, 0.0), (5.0, 20.0), (-1.0, 100.0), (float("nan"), 100.0), (50.0, 50.0)]
)
async def test_sampling_intervals_are_revised_by_the_points_scan(
    plant: Plant, client: Client, asked: float, told: float
) -> None:
    subscription = await client.create_subscription(100, Received())
    request = ua.MonitoredItemCreateRequest()
    request.ItemToMonitor.NodeId = ua.NodeId(ua.String("sim.t0"), ua.Int16(plant.index("urn:plantspace:test")))
    request.ItemToMonitor.AttributeId = ua.AttributeIds.Value
    request.MonitoringMode = ua.MonitoringMode.Disabled
    request.RequestedParameters = ua.MonitoringParameters(ClientHandle=1, SamplingInterval=asked, QueueSize=2**32 - 1)
    params = ua.CreateMonitoredItemsParameters(
        SubscriptionId=subscription.subscription_id,
        TimestampsToReturn=ua.TimestampsToReturn.Both,
        ItemsToCreate=[request],
    )
    (result,) = await client.uaclient.create_monitored_items(params)
    result.StatusCode.check()
    assert (result.RevisedSamplingInterval, result.RevisedQueueSize) == (told, 5000)
    await subscription.delete()


async def test_deadbands_absolute_and_percent_of_the_range(plant: Plant, client: Client) -> None:
    def deadband(kind: ua.DeadbandType, value: float) -> ua.DataChangeFilter:
        return ua.DataChangeFilter(Trigger=ua.DataChangeTrigger.StatusValue, DeadbandType=kind, DeadbandValue=value)

    received = Received()
    subscription = await client.create_subscription(50, received)
    await create(client, subscription, plant, Filter=deadband(ua.DeadbandType.Percent, 5.0))  # of 0 to 200: 10
    await until(lambda: received.values)
    for value in (20.0, 22.5, 23.0, 24.0, 32.0, 33.5):
        plant.put("Level", value)
    await until(lambda: len(received.values) >= 3)
    assert received.of("Level") == [12.5, 23.0, 33.5]
    for kind, value, name, code in (
        (ua.DeadbandType.Percent, 101.0, "Level", ua.StatusCodes.BadDeadbandFilterInvalid),
        (ua.DeadbandType.Percent, 5.0, "Count", ua.StatusCodes.BadDeadbandFilterInvalid),
        (ua.DeadbandType.Absolute, -1.0, "Level", ua.StatusCodes.BadDeadbandFilterInvalid),
        (ua.DeadbandType.Absolute, 1.0, "Name", ua.StatusCodes.BadFilterNotAllowed),
    ):
        with pytest.raises(UaStatusCodeError) as refused:
            await create(client, subscription, plant, name=name, handle=5, Filter=deadband(kind, value))
        assert refused.value.code == code
    await subscription.delete()


async def test_items_are_modified_muted_and_disabled(plant: Plant, client: Client) -> None:
    received = Received()
    subscription = await client.create_subscription(50, received)
    (item,) = await create(client, subscription, plant, size=10)
    await until(lambda: received.values)
    (changed,) = await subscription.modify_monitored_item(item.MonitoredItemId, 500.0, 3)
    assert (changed.RevisedSamplingInterval, changed.RevisedQueueSize) == (500.0, 3)
    (changed,) = await subscription.modify_monitored_item(item.MonitoredItemId, 0.0, 10)
    received.values.clear()
    await subscription.set_monitoring_mode(ua.MonitoringMode.Sampling)
    plant.put("Level", 1.0)
    plant.put("Level", 2.0)
    await subscription.set_monitoring_mode(ua.MonitoringMode.Reporting)
    await until(lambda: len(received.values) >= 2)
    await subscription.set_monitoring_mode(ua.MonitoringMode.Disabled)
    plant.put("Level", 3.0)
    plant.put("Level", 4.0)
    await subscription.set_monitoring_mode(ua.MonitoringMode.Reporting)
    await until(lambda: 4.0 in received.of("Level"))
    assert received.of("Level") == [1.0, 2.0, 4.0], "while disabled nothing is queued; enabled, the present value comes"
    await subscription.delete()


async def test_what_cannot_be_monitored_is_refused_by_itself(plant: Plant, client: Client) -> None:
    subscription = await client.create_subscription(100, Received())
    requests: list[ua.MonitoredItemCreateRequest] = []
    for node, attribute in (
        (plant.node("Level"), ua.AttributeIds.Value),
        (plant.node("Nothing"), ua.AttributeIds.Value),
        (plant.node("Level"), ua.AttributeIds.Executable),
        (plant.node("Level"), ua.AttributeIds.DisplayName),
        (plant.node("Tank"), ua.AttributeIds.EventNotifier),
    ):
        request = ua.MonitoredItemCreateRequest()
        request.ItemToMonitor.NodeId, request.ItemToMonitor.AttributeId = node, attribute
        request.MonitoringMode = ua.MonitoringMode.Disabled
        request.RequestedParameters = ua.MonitoringParameters(ClientHandle=1, QueueSize=1)
        requests.append(request)
    params = ua.CreateMonitoredItemsParameters(
        SubscriptionId=subscription.subscription_id,
        TimestampsToReturn=ua.TimestampsToReturn.Both,
        ItemsToCreate=requests,
    )
    results = await client.uaclient.create_monitored_items(params)
    assert [result.StatusCode.name for result in results] == [
        "Good",
        "BadNodeIdUnknown",
        "BadAttributeIdInvalid",
        "Good",
        "BadNotSupported",
    ]
    await subscription.delete()


async def test_an_anomaly_comes_as_an_event_and_methods_answer(plant: Plant, client: Client) -> None:
    types = plant.index("https://plantspace.io/UA/")
    tank = await client.nodes.objects.get_child([f"{plant.index()}:Tank"])
    (watch,) = [one for one in await tank.get_children() if "ZScore" in (await one.read_browse_name()).Name]
    with pytest.raises(UaStatusCodeError) as refused:
        await watch.call_method(f"{types}:Evaluate", 5.0)
    assert refused.value.code == ua.StatusCodes.BadInvalidState
    received = Received()
    subscription = await client.create_subscription(50, received)
    await subscription.subscribe_events(evtypes=ua.NodeId(ua.String("AnomalyEventType"), ua.Int16(types)))
    for number in range(20):
        plant.put("Level", 50.0 + number % 3)
        await asyncio.sleep(0)
    score = await watch.get_child([f"{types}:Score"])
    await until(_good(score))
    plant.put("Level", 199.0)
    await until(lambda: received.events)
    event = received.events[0]
    assert event.Score > 5.0
    assert event.Threshold == 5.0
    assert "anomaly" in event.Message.Text
    assert event.Severity == 600
    value, anomaly = await watch.call_method(f"{types}:Evaluate", 51.0)
    assert abs(value) < 5.0
    assert anomaly is False
    with pytest.raises(UaStatusCodeError) as refused:
        await watch.call_method(f"{types}:Evaluate")
    assert refused.value.code == ua.StatusCodes.BadArgumentsMissing
    await watch.call_method(f"{types}:Reset")
    threshold = await watch.get_child([f"{types}:Threshold"])
    await threshold.write_value(7.5)
    assert await threshold.read_value() == 7.5
    with pytest.raises(UaStatusCodeError) as refused:
        await threshold.write_value(-1.0)
    assert refused.value.code == ua.StatusCodes.BadOutOfRange
    await subscription.delete()


def _good(node: Any) -> Callable[[], Any]:
    async def condition() -> bool:
        value = await node.read_data_value(raise_on_bad_status=False)
        return value.StatusCode.is_good()

    return condition


async def test_one_session_cannot_touch_anothers_subscription(plant: Plant, client: Client) -> None:
    received = Received()
    subscription = await client.create_subscription(50, received)
    (item,) = await create(client, subscription, plant)
    number = subscription.subscription_id
    async with connected(plant) as other:
        assert (await other.uaclient.delete_subscriptions([number]))[0].name == "BadSubscriptionIdInvalid"
        items = ua.DeleteMonitoredItemsParameters(SubscriptionId=number, MonitoredItemIds=[item.MonitoredItemId])
        attempts: list[Callable[[], Any]] = [
            lambda: other.uaclient.delete_monitored_items(items),
            lambda: other.uaclient.modify_subscription(
                ua.ModifySubscriptionParameters(SubscriptionId=number, RequestedPublishingInterval=10.0)
            ),
            lambda: other.uaclient.create_monitored_items(
                ua.CreateMonitoredItemsParameters(SubscriptionId=number, ItemsToCreate=[])
            ),
            lambda: other.uaclient.set_monitoring_mode(
                ua.SetMonitoringModeParameters(SubscriptionId=number, MonitoredItemIds=[item.MonitoredItemId])
            ),
        ]
        for attempt in attempts:
            with pytest.raises(UaStatusCodeError) as refused:
                await attempt()
            assert refused.value.code == ua.StatusCodes.BadSubscriptionIdInvalid
        codes = await other.uaclient.set_publishing_mode(
            ua.SetPublishingModeParameters(PublishingEnabled=False, SubscriptionIds=[number])
        )
        assert [code.name for code in codes] == ["BadSubscriptionIdInvalid"]
    plant.put("Level", 77.0)
    await until(lambda: 77.0 in received.of("Level"))
    await subscription.delete()


async def test_sessions_and_subscriptions_end_with_their_client(plant: Plant) -> None:
    async with connected(plant) as client:
        subscription = await client.create_subscription(50, Received())
        await create(client, subscription, plant)
        assert plant.gateway.plan.stack.internal.subscriptions.items.count == 1
    await until(lambda: not plant.gateway.plan.stack.internal.subscriptions.held)
    assert plant.gateway.plan.stack.internal.subscriptions.items.count == 0
