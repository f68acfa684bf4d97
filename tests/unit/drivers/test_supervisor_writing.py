from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.datatypes import DataType
from core.errors import AnswerOverdue, DeviceRefused
from core.point import Point
from core.quality import Status
from drivers.contract import Capability
from drivers.supervision.diagnostics import State
from drivers.supervision.write_back import to_device
from drivers.supervision.write_queue import MOST_WAITING
from tests.clock import settle
from tests.unit.drivers.supervised import lost, rig_of, running

TAKEN = Status.GOOD_COMPLETES_ASYNCHRONOUSLY
"""What a driver that cannot read back gives."""


async def test_values_are_turned_back_into_the_devices() -> None:
    rig = rig_of(scale=0.1, offset=-40.0)
    async with running(rig):
        assert await rig.supervisor.write(rig.points[1], 60.0) == TAKEN
        assert rig.script.written == [(1, pytest.approx(1000.0))]
        assert rig.supervisor.diagnostics().writes == 1
        assert rig.supervisor.diagnostics().write_errors == 0


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (DeviceRefused("locked", Status.BAD_USER_ACCESS_DENIED), Status.BAD_USER_ACCESS_DENIED),
        (lost(), Status.BAD_COMMUNICATION_ERROR),
        (AnswerOverdue("silence"), Status.BAD_TIMEOUT),
        (ZeroDivisionError("a bug"), Status.BAD_UNEXPECTED_ERROR),
    ],
)
async def test_a_failed_write_has_the_devices_own_answer(error: Exception, status: Status) -> None:
    rig = rig_of()
    async with running(rig):
        rig.script.write = error
        assert await rig.supervisor.write(rig.points[0], 1.0) == status
        assert rig.supervisor.diagnostics().write_errors == 1


async def test_a_refused_write_leaves_the_link_and_a_lost_one_ends_it_at_once() -> None:
    rig = rig_of(scans=(60.0,))
    async with running(rig):
        rig.script.write = DeviceRefused("no", Status.BAD_NOT_SUPPORTED)
        await rig.supervisor.write(rig.points[0], 1.0)
        await settle()
        assert rig.supervisor.state is State.RUNNING
        rig.script.write = lost("the write was the first to notice")
        await rig.supervisor.write(rig.points[0], 1.0)
        await settle()
        assert rig.supervisor.state is State.BACKOFF
        assert rig.status() == Status.UNCERTAIN_LAST_USABLE_VALUE
        rig.script.write = None
        await rig.clock.advance(2)
        assert await rig.supervisor.write(rig.points[0], 1.0) == TAKEN


async def test_a_write_without_an_answer_is_a_timeout_and_a_lost_link() -> None:
    rig = rig_of(scans=(60.0,), settings={"timeout": "50ms"})
    async with running(rig):
        rig.script.hangs.add("write")
        assert await rig.supervisor.write(rig.points[0], 1.0) == Status.BAD_TIMEOUT
        await settle()
        assert rig.supervisor.state is State.BACKOFF


async def test_writes_to_a_device_that_is_away_are_answered_at_once() -> None:
    rig = rig_of()
    assert await rig.supervisor.write(rig.points[0], 1.0) == Status.BAD_NO_COMMUNICATION
    rig.script.connect = lost()
    async with running(rig):
        assert await rig.supervisor.write(rig.points[0], 1.0) == Status.BAD_NO_COMMUNICATION


async def test_what_is_not_writable_is_never_sent() -> None:
    rig = rig_of()
    listener = rig_of(capabilities=Capability.POLLED)
    async with running(rig), running(listener):
        assert await rig.supervisor.write(replace(rig.points[0], writable=False), 1.0) == Status.BAD_NOT_WRITABLE
        assert await listener.supervisor.write(listener.points[0], 1.0) == Status.BAD_NOT_WRITABLE
        assert not rig.script.written + listener.script.written


async def test_writes_go_before_the_next_scan_and_one_at_a_time() -> None:
    rig = rig_of(scans=(0.1,))
    async with running(rig):
        rig.script.gate = asyncio.Event()
        await rig.clock.advance(0.1)
        reads = len(rig.script.reads)
        writes = [asyncio.create_task(rig.supervisor.write(rig.points[0], float(n))) for n in range(5)]
        await rig.clock.advance(0.5)
        assert not rig.script.written  # the scan has the link
        assert len(rig.script.reads) == reads
        seen: list[int] = []
        rig.script.reading = lambda: seen.append(len(rig.script.written))
        rig.script.gate.set()
        await settle(20)
        assert [value for _, value in rig.script.written] == [0.0, 1.0, 2.0, 3.0, 4.0]
        assert seen[0] == 5
        assert await asyncio.gather(*writes) == [TAKEN] * 5


async def test_writes_that_cannot_wait_are_refused_and_counted() -> None:
    rig = rig_of(scans=(0.1,))
    async with running(rig):
        rig.script.gate = asyncio.Event()
        await rig.clock.advance(0.1)
        waiting = [asyncio.create_task(rig.supervisor.write(rig.points[0], 1.0)) for _ in range(MOST_WAITING)]
        await settle()
        assert await rig.supervisor.write(rig.points[0], 1.0) == Status.BAD_RESOURCE_UNAVAILABLE
        assert rig.supervisor.diagnostics().write_refusals == 1
        rig.script.gate.set()
        assert set(await asyncio.gather(*waiting)) == {TAKEN}
        assert await rig.supervisor.write(rig.points[0], 1.0) == TAKEN


@pytest.mark.parametrize(
    ("datatype", "point", "value", "raw"),
    [
        (DataType.INT16, {"scale": 0.1}, 12.34, 123),
        (DataType.INT16, {}, 7.0, 7),
        (DataType.FLOAT, {"scale": 2.0, "offset": 1.0}, 5, 2.0),
        (DataType.UINT64, {}, 2**64 - 1, 2**64 - 1),
        (DataType.INT32, {}, np.int16(4), 4),
        (DataType.BOOLEAN, {}, True, True),
        (DataType.BOOLEAN, {}, np.bool_(0), False),
        (DataType.STRING, {}, "text", "text"),
        (DataType.BOOLEAN, {}, 1, True),
        (DataType.BOOLEAN, {"scale": 5.0}, 0.0, False),
        (DataType.FLOAT, {}, float("inf"), float("inf")),
        (DataType.FLOAT, {}, 2**24, float(2**24)),
    ],
)
def test_the_raw_value_is_of_the_devices_type(
    datatype: DataType, point: dict[str, Any], value: object, raw: object
) -> None:
    given = to_device(Point("nsu=urn:test;s=p", DataType.DOUBLE, **point), datatype, value)
    assert given == raw
    assert type(given) is type(raw)


@pytest.mark.parametrize(
    ("datatype", "point", "value", "status"),
    [
        (DataType.INT16, {"scale": 0.001}, 40.0, Status.BAD_OUT_OF_RANGE),
        (DataType.BYTE, {}, -1, Status.BAD_OUT_OF_RANGE),
        (DataType.INT16, {}, float("inf"), Status.BAD_OUT_OF_RANGE),
        (DataType.DOUBLE, {}, float("nan"), Status.BAD_OUT_OF_RANGE),
        (DataType.DOUBLE, {"minimum": 0.0, "maximum": 10.0}, 10.5, Status.BAD_OUT_OF_RANGE),
        (DataType.DOUBLE, {}, "1.5", Status.BAD_TYPE_MISMATCH),
        (DataType.DOUBLE, {}, None, Status.BAD_TYPE_MISMATCH),
        (DataType.DOUBLE, {}, True, Status.BAD_TYPE_MISMATCH),
        (DataType.DOUBLE, {}, [1.0], Status.BAD_TYPE_MISMATCH),
        (DataType.BOOLEAN, {}, 2, Status.BAD_OUT_OF_RANGE),
        (DataType.BOOLEAN, {}, "on", Status.BAD_TYPE_MISMATCH),
        (DataType.STRING, {}, 1.5, Status.BAD_TYPE_MISMATCH),
        (DataType.BYTESTRING, {}, "text", Status.BAD_TYPE_MISMATCH),
        (DataType.FLOAT, {}, 1e39, Status.BAD_OUT_OF_RANGE),
        (DataType.FLOAT, {}, -3.5e38, Status.BAD_OUT_OF_RANGE),
        (DataType.FLOAT, {}, 2**24 + 1, Status.BAD_OUT_OF_RANGE),
        (DataType.DOUBLE, {}, 2**53 + 1, Status.BAD_OUT_OF_RANGE),
        (DataType.DOUBLE, {"scale": 1e-300}, 1e300, Status.BAD_OUT_OF_RANGE),
    ],
)
def test_what_the_device_cannot_take_is_refused_unsent(
    datatype: DataType, point: dict[str, Any], value: object, status: Status
) -> None:
    with pytest.raises(DeviceRefused) as raised:
        to_device(Point("nsu=urn:test;s=p", DataType.DOUBLE, **point), datatype, value)
    assert raised.value.status == status
