"""What one request and one session may ask of the endpoint, and how calls are checked, with asyncua's client."""

# asyncua's annotations are partial and call a plain int or float wrong where it takes one.
# pyright: reportOptionalMemberAccess=false, reportArgumentType=false, reportCallIssue=false
from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, Node, ua
from asyncua.ua.uaerrors import UaStatusCodeError

from server.ua_stack.operation_limits import MAX_METHODS_PER_CALL, MAX_NODES_PER_HISTORY_READ
from tests.system.plant import Plant, connected, lay_down, running
from tests.waiting import until

IDS = ua.ObjectIds
KIND = ua.VariantType
TYPES = "https://plantspace.io/UA/"


@pytest.fixture
async def plant(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Plant]:
    config = lay_down(tmp_path, port=free_port())
    with config.open("a", encoding="utf-8") as file:
        file.write("historian:\n  nodes: [/Objects/Tank/Name]\n")
    async with running(config) as held:
        yield held


@pytest.fixture
async def client(plant: Plant) -> AsyncIterator[Client]:
    async with connected(plant) as held:
        yield held


async def _watch(plant: Plant, client: Client) -> tuple[Node, dict[str, Node]]:
    """Give the operator beneath the tank, and its methods."""
    tank = await client.nodes.objects.get_child([f"{plant.index()}:Tank"])
    (watch,) = [one for one in await tank.get_children() if "ZScore" in (await one.read_browse_name()).Name]
    methods = await watch.get_methods()
    return watch, {(await one.read_browse_name()).Name: one for one in methods}


async def _call(client: Client, owner: Any, method: Any, *arguments: ua.Variant) -> ua.CallMethodResult:
    request = ua.CallMethodRequest(ObjectId=_id(owner), MethodId=_id(method))
    request.InputArguments = list(arguments)
    (result,) = await client.uaclient.call([request])
    return result


def _id(node: Any) -> ua.NodeId:
    return node.nodeid if isinstance(node, Node) else ua.NodeId(node) if isinstance(node, int) else node


async def test_an_object_is_called_by_its_own_methods_alone(plant: Plant, client: Client) -> None:
    # Part 4 v1.05 5.12.2.2: a component of the object, or of its ObjectType or that one's supertypes
    watch, methods = await _watch(plant, client)
    reset = methods["Reset"]
    declared = ua.NodeId("RobustZScoreType.Reset", plant.index(TYPES))
    inherited = ua.NodeId("OperatorType.Reset", plant.index(TYPES))
    for owner, method, status in (
        (watch, reset, "Good"),
        (watch, declared, "Good"),
        (watch, inherited, "Good"),
        (plant.node("Tank"), reset, "BadMethodInvalid"),
        (IDS.ObjectsFolder, reset, "BadMethodInvalid"),
        (watch, plant.node("Level"), "BadMethodInvalid"),
        (watch, plant.node("Nothing"), "BadMethodInvalid"),
        (watch, IDS.Server_GetMonitoredItems, "BadMethodInvalid"),
        (plant.node("Nothing"), reset, "BadNodeIdUnknown"),
        (ua.NodeId(), reset, "BadNodeIdInvalid"),
        (plant.node("Level"), reset, "BadNodeIdInvalid"),
        (IDS.Server, IDS.Server_GetMonitoredItems, "BadArgumentsMissing"),
        (IDS.Server, IDS.ServerType_GetMonitoredItems, "BadArgumentsMissing"),
        (IDS.ServerType, IDS.ServerType_GetMonitoredItems, "BadNotExecutable"),
    ):
        result = await _call(client, owner, method)
        assert (owner, method, result.StatusCode.name) == (owner, method, status)
        assert not result.InputArgumentResults


async def test_arguments_are_checked_before_the_method_is_asked(plant: Plant, client: Client) -> None:
    # Part 4 v1.05 5.12.2.2: inputArgumentResults come with Bad_InvalidArgument alone
    watch, methods = await _watch(plant, client)
    for arguments, status, results in (
        ([], "BadArgumentsMissing", []),
        ([ua.Variant(1.0, KIND.Double)] * 2, "BadTooManyArguments", []),
        ([ua.Variant("x", KIND.String)], "BadInvalidArgument", ["BadTypeMismatch"]),
        ([ua.Variant(1, KIND.Int32)], "BadInvalidArgument", ["BadTypeMismatch"]),
        ([ua.Variant([1.0], KIND.Double)], "BadInvalidArgument", ["BadTypeMismatch"]),
        ([ua.Variant()], "BadInvalidArgument", ["BadTypeMismatch"]),
        ([ua.Variant(float("inf"), KIND.Double)], "BadInvalidArgument", ["BadOutOfRange"]),
    ):
        result = await _call(client, watch, methods["Evaluate"], *arguments)
        assert result.StatusCode.name == status
        assert [one.name for one in result.InputArgumentResults] == results


async def test_no_calls_and_too_many_calls_are_refused(plant: Plant, client: Client) -> None:
    # Part 4 v1.05 7.38.2
    watch, methods = await _watch(plant, client)
    one = ua.CallMethodRequest(ObjectId=watch.nodeid, MethodId=methods["Reset"].nodeid)
    most = await client.get_node(
        ua.NodeId(IDS.Server_ServerCapabilities_OperationLimits_MaxNodesPerMethodCall)
    ).read_value()
    assert most == MAX_METHODS_PER_CALL
    results = await client.uaclient.call([one] * most)
    assert {result.StatusCode.name for result in results} == {"Good"}
    assert await _refusal(client.uaclient.call, []) == ua.StatusCodes.BadNothingToDo
    assert await _refusal(client.uaclient.call, [one] * (most + 1)) == ua.StatusCodes.BadTooManyOperations


async def test_an_observer_is_told_what_is_wrong_and_may_call_nothing(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    config = lay_down(tmp_path, port=free_port(), anonymous="Observer")
    async with running(config) as plant, connected(plant) as client:
        watch, methods = await _watch(plant, client)
        assert (await _call(client, watch, methods["Reset"])).StatusCode.name == "BadUserAccessDenied"
        assert (await _call(client, plant.node("Tank"), methods["Reset"])).StatusCode.name == "BadMethodInvalid"


async def _refusal(ask: Callable[..., Any], *arguments: Any) -> int:
    with pytest.raises(UaStatusCodeError) as refused:
        await ask(*arguments)
    return refused.value.code


def _history(*nodes: ua.NodeId) -> ua.HistoryReadParameters:
    details = ua.ReadRawModifiedDetails(IsReadModified=False, NumValuesPerNode=0, ReturnBounds=False)
    details.StartTime, details.EndTime = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
    params = ua.HistoryReadParameters(HistoryReadDetails=details, TimestampsToReturn=ua.TimestampsToReturn.Both)
    params.ReleaseContinuationPoints = False
    params.NodesToRead = [ua.HistoryReadValueId(NodeId=node) for node in nodes]
    return params


async def test_history_of_many_nodes_comes_in_shares(plant: Plant, client: Client) -> None:
    # Part 4 v1.05 5.11.3, Part 5 v1.05 6.3.11 MaxNodesPerHistoryReadData
    numbers = [float(number) for number in range(300)]
    for number in numbers:
        plant.put("Level", number)
        plant.put("Name", f"{number} " + "x" * 20_000)
    await until(lambda: plant.gateway.counters()["stored"] >= 2 * len(numbers))
    most = await client.get_node(
        ua.NodeId(IDS.Server_ServerCapabilities_OperationLimits_MaxNodesPerHistoryReadData)
    ).read_value()
    assert most == MAX_NODES_PER_HISTORY_READ
    level, name = plant.node("Level"), plant.node("Name")
    read = client.uaclient.history_read
    assert await _refusal(read, _history()) == ua.StatusCodes.BadNothingToDo
    assert await _refusal(read, _history(*[level] * (most + 1))) == ua.StatusCodes.BadTooManyOperations
    params = _history(*[level, name] * (most // 2))
    results = await read(params)
    assert sum(len(result.HistoryData.DataValues) for result in results) <= 10_000
    told: list[list[Any]] = [[] for _ in results]
    for index in (0, 1, most - 1):
        result = results[index]
        while True:
            told[index] += [one.Value.Value for one in result.HistoryData.DataValues if one.Value is not None]
            if not result.ContinuationPoint:
                break
            following = _history(params.NodesToRead[index].NodeId)
            following.NodesToRead[0].ContinuationPoint = result.ContinuationPoint
            (result,) = await read(following)
            assert result.StatusCode.is_good()
    assert told[0][-300:] == numbers
    assert [one.split()[0] for one in told[1][-300:]] == [str(number) for number in numbers]
    assert told[most - 1] == told[1]


async def test_queue_sizes_are_revised_and_free_again_with_the_session(plant: Plant, client: Client) -> None:
    # Part 4 v1.05 5.13.2.2 revisedQueueSize, 5.7.4 CloseSession
    service = plant.gateway.plan.stack.internal.subscriptions
    service.limits = replace(service.limits, queued=150, session_queued=100)
    assert await _revised(client, plant.node("Level"), plant.node("Count"), plant.node("Total")) == [60, 40, 1]
    async with connected(plant) as other:
        assert await _revised(other, plant.node("Level")) == [49]
    async with connected(plant) as another:
        assert await _revised(another, plant.node("Level")) == [49], "what the closed session had is free again"


async def _revised(client: Client, *nodes: ua.NodeId) -> list[int]:
    subscription = await client.create_subscription(1000, None)
    requests: list[ua.MonitoredItemCreateRequest] = []
    for handle, node in enumerate(nodes):
        request = ua.MonitoredItemCreateRequest()
        request.ItemToMonitor.NodeId, request.ItemToMonitor.AttributeId = node, ua.AttributeIds.Value
        request.MonitoringMode = ua.MonitoringMode.Reporting
        request.RequestedParameters = ua.MonitoringParameters(ClientHandle=handle, QueueSize=60)
        requests.append(request)
    params = ua.CreateMonitoredItemsParameters(
        SubscriptionId=subscription.subscription_id,
        TimestampsToReturn=ua.TimestampsToReturn.Both,
        ItemsToCreate=requests,
    )
    results = await client.uaclient.create_monitored_items(params)
    return [result.RevisedQueueSize for result in results]
