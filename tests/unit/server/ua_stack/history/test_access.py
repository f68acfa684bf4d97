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
from historian.aggregates.kinds import AggregateKind
from historian.contract import Cursor, Delivery, RawPage
from historian.samples import SampleBlock, group
from historian.sqlite import SQLiteStore
from nodesets.nodes import NodeClass
from server.address_space.keys import key_of
from server.address_space.node import BrowseName, SpaceNode
from server.address_space.session_context import GATEWAY, SessionContext
from server.subscriptions.encoding import Timestamps
from server.ua_stack.history.access import HistoryAccess
from server.ua_stack.history.continuation import EXPIRES_AFTER
from server.ua_stack.history.limits import ANSWER_BYTES, LEAST_BYTES, OBJECT_VALUES, VALUE_BYTES
from server.ua_stack.history.pages import NOTHING, ReadResult
from server.ua_stack.history.raw import Shown
from server.ua_stack.history.reading import EVENT_HISTORY_READ
from server.ua_stack.history.requests import (
    EventDetails,
    HistoryItem,
    HistoryRead,
    ReadAtTime,
    ReadEvents,
    ReadProcessed,
    ReadRaw,
    UnknownDetails,
)
from server.ua_stack.nodeids import NodeIds
from server.ua_stack.operation_limits import MAX_HISTORY_CONTINUATION_POINTS, MAX_NODES_PER_HISTORY_READ
from server.ua_stack.secure_channel.complaints import Complaints
from tests.clock import ManualClock
from tests.loop_monitor import LoopMonitor, held_each_time
from tests.unit.server.ua_stack.nodes import access_to, space_of_points

T0 = 133_000_000_000_000_000
NUMBERS, TEXTS = 100, 4
SAMPLES = 400
ANSWER = 10_000
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
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def access(tmp_path: Path, clock: ManualClock) -> AsyncIterator[HistoryAccess]:
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
    made = HistoryAccess(space, points_access, clock.monotonic)
    made.bind(store, NodeIds(["http://opcfoundation.org/UA/", "urn:test"]), lambda _node: True)
    yield made
    await store.close()


async def _not_written(_slot: int, _value: Any) -> int:
    raise AssertionError


def asked(nodes: list[int], count: int = 0, points: list[bytes] | None = None) -> HistoryRead:
    details = ReadRaw(modified=False, start=T0, end=T0 + 10**10, limit=count, bounds=False)
    held = points or [b""] * len(nodes)
    items = [HistoryItem(key_of(nodeid(node)), "", "", point) for node, point in zip(nodes, held, strict=True)]
    return HistoryRead(details, Timestamps.BOTH, release=False, items=tuple(items))


def counts(results: list[ReadResult]) -> list[int]:
    return [int.from_bytes(result.body[:4], "little") for result in results]


def values(result: ReadResult) -> list[ua.DataValue]:
    return struct_from_binary(ua.HistoryData, Buffer(result.body)).DataValues


async def test_nodes_share_the_values_of_one_answer(access: HistoryAccess) -> None:
    # Part 4 v1.05 5.11.3.2: what is too much for one response goes on with a continuation point
    nodes, most = list(range(NUMBERS)), ANSWER * VALUE_BYTES
    results = await access.read(asked(nodes), SESSION, GATEWAY, most)
    assert counts(results) == [ANSWER // NUMBERS] * NUMBERS
    assert all(result.status == 0 and result.point for result in results)
    told = counts(results)
    while any(result.point for result in results):
        points = [result.point or b"" for result in results]
        results = await access.read(asked(nodes, points=points), SESSION, GATEWAY, most)
        told = [before + now for before, now in zip(told, counts(results), strict=True)]
        assert sum(counts(results)) <= ANSWER
    assert told == [SAMPLES] * NUMBERS


async def test_what_one_node_leaves_is_for_those_after_it(access: HistoryAccess) -> None:
    results = await access.read(asked([0] * 20 + [1] * 20), SESSION, GATEWAY, ANSWER * VALUE_BYTES)
    assert counts(results)[0] == ANSWER // 40
    small = await access.read(asked([0] * 20, count=3), SESSION, GATEWAY)
    assert counts(small) == [3] * 20


async def test_a_client_that_takes_little_gets_little(access: HistoryAccess) -> None:
    (result,) = await access.read(asked([0]), SESSION, GATEWAY, LEAST_BYTES)
    assert 0 < len(result.body) <= LEAST_BYTES
    assert result.point


async def test_texts_come_in_smaller_pages_and_an_answer_is_bounded_in_bytes(access: HistoryAccess) -> None:
    texts = [NUMBERS + number % TEXTS for number in range(12)]
    results = await access.read(asked(texts), SESSION, GATEWAY)
    told = counts(results)
    assert max(told) <= OBJECT_VALUES
    sizes = [sum(len(value.Value.Value) for value in values(result) if value.Value) for result in results]
    assert sum(sizes) <= ANSWER_BYTES * 1.3
    assert told[-1] == 0
    assert results[-1].point, "a node that found the answer full has a continuation point"
    assert results[-1].status == 0, "it has data, so it is not GoodNoData"
    (following,) = await access.read(asked(texts[-1:], points=[results[-1].point]), SESSION, GATEWAY)
    assert len(values(following)) > 0


async def test_no_nodes_and_too_many_nodes_are_refused(access: HistoryAccess) -> None:
    # Part 4 v1.05 7.38.2, and MaxNodesPerHistoryReadData of Part 5 v1.05 6.3.11
    for nodes, status in (
        ([], ua.StatusCodes.BadNothingToDo),
        ([0] * (MAX_NODES_PER_HISTORY_READ + 1), ua.StatusCodes.BadTooManyOperations),
    ):
        with pytest.raises(ServiceError) as refused:
            await access.read(asked(nodes), SESSION, GATEWAY)
        assert refused.value.code == status


async def test_nobody_asks_for_values_without_times(access: HistoryAccess) -> None:
    # Part 4 v1.05 5.11.3.3
    with pytest.raises(ServiceError) as refused:
        await access.read(asked([0])._replace(timestamps=None), SESSION, GATEWAY)
    assert refused.value.code == ua.StatusCodes.BadTimestampsToReturnInvalid


async def test_the_oldest_continuation_points_make_room(access: HistoryAccess) -> None:
    # Part 4 v1.05 7.9: those of prior requests are freed where a new request needs them
    (first,) = await access.read(asked([0], count=1), SESSION, GATEWAY)
    (others,) = await access.read(asked([0], count=1), OTHER, GATEWAY)
    results = await access.read(asked([1] * MAX_HISTORY_CONTINUATION_POINTS, count=1), SESSION, GATEWAY)
    assert all(result.point for result in results)
    assert await goes_on(access, first) == ua.StatusCodes.BadContinuationPointInvalid
    assert await goes_on(access, others, session=OTHER) == 0


async def test_a_continuation_point_is_of_one_session_node_and_kind(access: HistoryAccess) -> None:
    invalid = ua.StatusCodes.BadContinuationPointInvalid
    (first,) = await access.read(asked([0], count=1), SESSION, GATEWAY)
    assert await goes_on(access, first, session=OTHER) == invalid
    assert await goes_on(access, first, node=1) == invalid
    params = asked([0], points=[first.point or b""])._replace(details=ReadAtTime((T0,), simple_bounds=False))
    (other,) = await access.read(params, SESSION, GATEWAY)
    assert other.status == invalid
    assert await goes_on(access, first) == 0, "who has no right to it does not use it up"
    assert await goes_on(access, first) == invalid


async def test_continuation_points_end_with_the_session_or_unused(access: HistoryAccess, clock: ManualClock) -> None:
    invalid = ua.StatusCodes.BadContinuationPointInvalid
    (first,) = await access.read(asked([0], count=1), SESSION, GATEWAY)
    (second,) = await access.read(asked([0], count=1), SESSION, GATEWAY)
    await clock.advance(EXPIRES_AFTER - 1)
    assert await goes_on(access, first) == 0
    await clock.advance(1)
    assert await goes_on(access, second) == invalid
    (third,) = await access.read(asked([0], count=1), SESSION, GATEWAY)
    access.release_session(SESSION)
    assert await goes_on(access, third) == invalid


async def goes_on(access: HistoryAccess, result: ReadResult, *, node: int = 0, session: ua.NodeId = SESSION) -> int:
    (following,) = await access.read(asked([node], 1, [result.point or b""]), session, GATEWAY)
    return following.status


@pytest.mark.parametrize("nodes", [[0], list(range(NUMBERS)), [NUMBERS] * 20], ids=["one", "numbers", "texts"])
async def test_the_loop_is_not_held(access: HistoryAccess, nodes: list[int]) -> None:
    held = await held_each_time(lambda: access.read(asked(nodes), SESSION, GATEWAY), LoopMonitor.of_the_cpu)
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
    results = await access.read(unknown, SESSION, GATEWAY)
    other.cancel()
    await asyncio.gather(other, return_exceptions=True)
    assert {result.status for result in results} == {ua.StatusCodes.BadNodeIdUnknown}
    assert turns >= MAX_NODES_PER_HISTORY_READ


async def test_details_of_an_unknown_kind_are_no_operation(access: HistoryAccess) -> None:
    # Part 11 v1.05 6.5.1: as HistoryUpdate answers it
    request = asked([0, 1])._replace(details=UnknownDetails(1))
    results = await access.read(request, SESSION, GATEWAY)
    assert [result.status for result in results] == [ua.StatusCodes.BadHistoryOperationInvalid] * 2


async def test_an_error_of_one_node_is_that_nodes_alone(
    access: HistoryAccess, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    encode = Shown.encode

    async def failing(shown: Shown, page: RawPage, timestamps: Timestamps) -> bytes:
        if shown.objects:
            raise OverflowError
        return await encode(shown, page, timestamps)

    monkeypatch.setattr(Shown, "encode", failing)
    for _ in range(30):
        results = await access.read(asked([0, NUMBERS, 1]), SESSION, GATEWAY)
        assert [result.status for result in results] == [0, ua.StatusCodes.BadUnexpectedError, 0]
    assert sum(record.exc_info is not None for record in caplog.records) == 1, "told once with all that led to it"
    assert len(caplog.records) <= 1 + Complaints.MOST


async def test_a_continuation_point_of_one_aggregate_goes_on_with_no_annotations(access: HistoryAccess) -> None:
    def processed(kind: AggregateKind, point: bytes = b"") -> HistoryRead:
        details = ReadProcessed(T0, T0 + 20_000 * 10_000, 1.0, (int(kind),), None)
        items = (HistoryItem(key_of(nodeid(0)), "", "", point),)
        return HistoryRead(details, Timestamps.BOTH, release=False, items=items)

    (first,) = await access.read(processed(AggregateKind.ANNOTATION_COUNT), SESSION, GATEWAY)
    assert first.point
    (other,) = await access.read(processed(AggregateKind.COUNT, first.point), SESSION, GATEWAY)
    assert other.status == ua.StatusCodes.BadContinuationPointInvalid
    (following,) = await access.read(processed(AggregateKind.ANNOTATION_COUNT, first.point), SESSION, GATEWAY)
    assert following.status == 0


class Listening:
    """A history of events that is without end, and remembers who read it."""

    def __init__(self) -> None:
        self.readers: list[SessionContext] = []
        self.ends = False

    async def read(
        self, notifier: object, details: ReadEvents, cursor: Cursor | None, most: int, context: SessionContext
    ) -> tuple[bytes, Cursor | None]:
        del notifier, details, cursor, most
        self.readers.append(context)
        return NOTHING, None if self.ends else Cursor(T0, 0)

    async def update(self, details: object, context: SessionContext) -> list[int]:
        raise NotImplementedError

    async def delete(self, details: object, context: SessionContext) -> list[int]:
        raise NotImplementedError


async def test_a_read_of_events_goes_on_with_the_rights_that_the_session_has_by_then(access: HistoryAccess) -> None:
    events = Listening()
    access._reading.events = events  # pyright: ignore[reportPrivateUsage]
    space = access._space  # pyright: ignore[reportPrivateUsage]
    key = key_of(nodeid(5000))
    space.add(SpaceNode(key, NodeClass.OBJECT, BrowseName(1, "Hall"), (), flags=EVENT_HISTORY_READ))

    async def ask(context: SessionContext, point: bytes | None) -> ReadResult:
        details = EventDetails(0, ReadEvents(T0, T0 + 1, 0, b""))
        items = (HistoryItem(key, "", "", point or b""),)
        request = HistoryRead(details, Timestamps.BOTH, release=False, items=items)
        (result,) = await access.read(request, SESSION, context)
        return result

    first, second = GATEWAY, SessionContext(locales=("de",), roles=None)
    begun = await ask(first, None)
    assert begun.status == 0, "there may be more"
    events.ends = True
    ended = await ask(second, begun.point)
    assert ended.status == ua.StatusCodes.GoodNoData
    assert events.readers == [first, second]
