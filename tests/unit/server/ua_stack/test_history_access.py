"""HistoryRead over a real history file: what one request may have, and that it holds nobody else up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asyncua import ua
from asyncua.common.utils import Buffer, ServiceError
from asyncua.ua.ua_binary import struct_from_binary

from core.datatypes import DataType
from core.image import ProcessImage
from core.point import Point
from core.time import to_datetime
from historian.contract import Delivery
from historian.samples import SampleBlock, group
from historian.sqlite import SQLiteStore
from server.ua_stack.history_access import ANSWER_BYTES, ANSWER_VALUES, OBJECT_VALUES, HistoryAccess
from server.ua_stack.nodeids import NodeIds
from server.ua_stack.operation_limits import MAX_HISTORY_CONTINUATION_POINTS, MAX_NODES_PER_HISTORY_READ
from tests.loop_monitor import LoopMonitor
from tests.unit.server.ua_stack.nodes import access_to, space_of_points

T0 = 133_000_000_000_000_000
NUMBERS, TEXTS = 100, 4
SAMPLES = 400
SESSION = ua.NodeId(ua.Int32(1))
OTHER = ua.NodeId(ua.Int32(2))


def nodeid(number: int) -> ua.NodeId:
    return ua.NodeId(ua.Int32(number), ua.Int16(1))


def text(number: int) -> str:
    return f"nsu=urn:test;i={number}"


def block(numbers: range, datatype: DataType, values: Any) -> SampleBlock:
    """Make ``SAMPLES`` samples of each point."""
    index = np.repeat(np.arange(len(numbers), dtype=np.int32), SAMPLES)
    times = T0 + np.tile(np.arange(SAMPLES, dtype=np.int64), len(numbers)) * 10_000
    column = np.empty(len(index), datatype.dtype)
    column[:] = values
    columns = group(datatype, index, column, np.where(np.arange(len(index)) % 2, 0x40000000, 0), times, times)
    return SampleBlock.of(columns, [text(numbers[point]) for point in columns.points.tolist()])


@pytest.fixture
async def access(tmp_path: Path) -> AsyncIterator[HistoryAccess]:
    """Give the history of 100 numbers and 4 texts of 10 kB, 400 samples each."""
    store = SQLiteStore(tmp_path / "history.sqlite", retention_days=36_500)
    await store.open()
    await store.append([Delivery(1, [block(range(NUMBERS), DataType.DOUBLE, 1.5)])], "origin")
    texts = range(NUMBERS, NUMBERS + TEXTS)
    await store.append([Delivery(2, [block(texts, DataType.STRING, "x" * 10_000)])], "origin")
    space = space_of_points(nodeid(number) for number in range(NUMBERS + TEXTS))
    points = [Point(text(number), DataType.DOUBLE) for number in range(NUMBERS)]
    points += [Point(text(number), DataType.STRING) for number in texts]
    points_access, _ = access_to(space)
    points_access.bind(ProcessImage(points, 10), {nodeid(slot): slot for slot in range(len(points))}, _not_written)
    made = HistoryAccess(space, points_access)
    made.bind(store, NodeIds(["http://opcfoundation.org/UA/", "urn:test"]), lambda _node: True)
    yield made
    await store.close()


async def _not_written(_slot: int, _value: Any) -> int:
    raise AssertionError


def asked(nodes: list[int], count: int = 0) -> ua.HistoryReadParameters:
    details = ua.ReadRawModifiedDetails(IsReadModified=False, NumValuesPerNode=ua.Counter(count), ReturnBounds=False)
    details.StartTime, details.EndTime = _moment(T0), _moment(T0 + 10**10)
    params = ua.HistoryReadParameters(HistoryReadDetails=details, TimestampsToReturn=ua.TimestampsToReturn.Both)
    params.ReleaseContinuationPoints = False
    params.NodesToRead = [ua.HistoryReadValueId(NodeId=nodeid(node)) for node in nodes]
    return params


def _moment(ticks: int) -> Any:  # asyncua calls it ua.DateTime, and takes datetime
    return to_datetime(ticks)


def counts(results: list[ua.HistoryReadResult]) -> list[int]:
    return [len(values(result)) for result in results]


def values(result: ua.HistoryReadResult) -> list[ua.DataValue]:
    body: Any = result.HistoryData  # an ExtensionObject of bytes
    return struct_from_binary(ua.HistoryData, Buffer(bytes(body.Body))).DataValues


async def test_nodes_share_the_values_of_one_answer(access: HistoryAccess) -> None:
    # Part 4 v1.05 5.11.3.2: what is too much for one response goes on with a continuation point
    params = asked(list(range(NUMBERS)))
    results = await access.read(params, SESSION)
    assert counts(results) == [ANSWER_VALUES // NUMBERS] * NUMBERS
    assert all(result.StatusCode.is_good() and result.ContinuationPoint for result in results)
    told = counts(results)
    while any(result.ContinuationPoint for result in results):
        for item, result in zip(params.NodesToRead, results, strict=True):
            item.ContinuationPoint = result.ContinuationPoint
        results = await access.read(params, SESSION)
        told = [before + now for before, now in zip(told, counts(results), strict=True)]
        assert sum(counts(results)) <= ANSWER_VALUES
    assert told == [SAMPLES] * NUMBERS


async def test_what_one_node_leaves_is_for_those_after_it(access: HistoryAccess) -> None:
    results = await access.read(asked([0] * 20 + [1] * 20), SESSION)
    assert counts(results)[0] == ANSWER_VALUES // 40
    small = await access.read(asked([0] * 20, count=3), SESSION)
    assert counts(small) == [3] * 20


async def test_texts_come_in_smaller_pages_and_an_answer_is_bounded_in_bytes(access: HistoryAccess) -> None:
    texts = [NUMBERS + number % TEXTS for number in range(8)]
    results = await access.read(asked(texts), SESSION)
    told = counts(results)
    assert max(told) <= OBJECT_VALUES
    sizes = [sum(len(value.Value.Value) for value in values(result) if value.Value) for result in results]
    assert sum(sizes) <= ANSWER_BYTES * 1.3
    assert told[-1] == 0
    assert results[-1].ContinuationPoint, "a node that found the answer full has a continuation point"
    assert results[-1].StatusCode.is_good()
    assert results[-1].StatusCode.value == 0, "it has data, so it is not GoodNoData"
    params = asked(texts[-1:])
    params.NodesToRead[0].ContinuationPoint = results[-1].ContinuationPoint
    (following,) = await access.read(params, SESSION)
    assert len(values(following)) > 0


async def test_no_nodes_and_too_many_nodes_are_refused(access: HistoryAccess) -> None:
    # Part 4 v1.05 7.38.2, and MaxNodesPerHistoryReadData of Part 5 v1.05 6.3.11
    for nodes, status in (
        ([], ua.StatusCodes.BadNothingToDo),
        ([0] * (MAX_NODES_PER_HISTORY_READ + 1), ua.StatusCodes.BadTooManyOperations),
    ):
        with pytest.raises(ServiceError) as refused:
            await access.read(asked(nodes), SESSION)
        assert refused.value.code == status


async def test_the_oldest_continuation_points_make_room(access: HistoryAccess) -> None:
    # Part 4 v1.05 7.9: those of prior requests are freed where a new request needs them
    (first,) = await access.read(asked([0], count=1), SESSION)
    (others,) = await access.read(asked([0], count=1), OTHER)
    results = await access.read(asked([1] * MAX_HISTORY_CONTINUATION_POINTS, count=1), SESSION)
    assert all(result.ContinuationPoint for result in results)
    params = asked([0], count=1)
    params.NodesToRead[0].ContinuationPoint = first.ContinuationPoint
    (gone,) = await access.read(params, SESSION)
    assert gone.StatusCode.name == "BadContinuationPointInvalid"
    params.NodesToRead[0].ContinuationPoint = others.ContinuationPoint
    (held,) = await access.read(params, OTHER)
    assert held.StatusCode.is_good()


@pytest.mark.parametrize("nodes", [[0], list(range(NUMBERS)), [NUMBERS] * 20], ids=["one", "numbers", "texts"])
async def test_the_loop_is_not_held(access: HistoryAccess, loop_monitor: LoopMonitor, nodes: list[int]) -> None:
    await access.read(asked(nodes), SESSION)
    held = [one for one in loop_monitor.blocked if one.cpu_seconds > loop_monitor.threshold]
    assert not held, f"{held}"


async def test_others_have_their_turn_between_nodes(access: HistoryAccess) -> None:
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(take_turns())
    unknown = asked([9999] * MAX_NODES_PER_HISTORY_READ)
    results = await access.read(unknown, SESSION)
    other.cancel()
    await asyncio.gather(other, return_exceptions=True)
    assert {result.StatusCode.name for result in results} == {"BadNodeIdUnknown"}
    assert turns >= MAX_NODES_PER_HISTORY_READ
