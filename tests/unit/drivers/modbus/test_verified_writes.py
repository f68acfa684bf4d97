"""Writes under the supervisor to a device in another process: read back, grouped, and the faults that concern them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.datatypes import DataType
from core.image import ProcessImage
from core.quality import Status
from core.time import now
from drivers.contract import BoundPoint
from drivers.modbus.manifest import MANIFEST
from drivers.modbus.settings import ModbusSettings
from drivers.supervision.diagnostics import State
from drivers.supervisor import Supervisor
from tests.modbus_device import ModbusDevice
from tests.unit.drivers.modbus.conftest import bind
from tests.waiting import until

MIXED = ["holding:300/uint16", "holding:301/float32", "holding:310/string6", "coil:20", "holding:320.4"]
VALUES = (4711, 2.5, "Pump", True, True)


class Meter:
    """A supervised device whose points are read every ``scan`` seconds."""

    def __init__(self, device: ModbusDevice, points: list[BoundPoint], **settings: Any) -> None:
        keys = {"driver": "modbus", "url": device.url, "timeout": "30s", "retry": "50ms", **settings}
        self.device = device
        self.points = points
        self.image = ProcessImage([each.point for each in points], now())
        checked = ModbusSettings.model_validate(keys)
        self.supervisor = Supervisor("meter", MANIFEST, checked, points, self.image.apply, self.image.mark)

    async def write(self, *values: Any) -> list[int]:
        """Ask for all points at once, as one Write request does."""
        asked = [self.supervisor.submit(point, value) for point, value in zip(self.points, values, strict=True)]
        return [await one.answer for one in asked]

    def shown(self) -> list[Any]:
        return [self.image.read(point.slot).value for point in self.points]

    def requests(self) -> dict[str, int]:
        return self.device.counters()["functions"]


@asynccontextmanager
async def serving(
    device: ModbusDevice, addresses: list[str], *, scan: float = 60.0, **settings: Any
) -> AsyncGenerator[Meter]:
    points = [replace(point, scan=scan) for point in bind(addresses)]
    meter = Meter(device, points, **settings)
    await meter.supervisor.start()
    try:
        await until(lambda: meter.supervisor.diagnostics().scans > 0)
        yield meter
    finally:
        await meter.supervisor.stop()


async def test_every_kind_of_value_is_verified_and_shown_before_the_next_scan(device: ModbusDevice) -> None:
    async with serving(device, MIXED) as meter:
        assert await meter.write(*VALUES) == [Status.GOOD] * 5
        assert meter.shown() == list(VALUES)
        assert meter.supervisor.diagnostics().scans == 1
        assert device.get("holding", 320) == [320 | 1 << 4]


async def test_what_the_device_forgets_is_a_failure_for_every_kind_of_value(device: ModbusDevice) -> None:
    async with serving(device, MIXED) as meter:
        before = meter.shown()
        device.switch(forgetful=1)
        assert await meter.write(*VALUES) == [Status.BAD_DEVICE_FAILURE] * 5
        assert meter.shown() == before
    async with serving(device, MIXED, verify="none") as trusting:
        assert await trusting.write(*VALUES) == [Status.GOOD_COMPLETES_ASYNCHRONOUSLY] * 5


async def test_what_the_device_limits_is_told_and_shown(device: ModbusDevice) -> None:
    async with serving(device, ["holding:300/uint16"]) as meter:
        device.switch(highest=1000)
        assert await meter.write(1500) == [Status.BAD_DEVICE_FAILURE]
        assert meter.shown() == [1000]
        assert "holds 1000 instead of 1500" in meter.supervisor.diagnostics().last_error
        assert await meter.write(900) == [Status.GOOD]


@pytest.mark.parametrize("address", ["holding:300/uint16", "coil:20"])
async def test_what_another_master_writes_in_between_is_seen(device: ModbusDevice, address: str) -> None:
    async with serving(device, [address]) as meter:
        device.switch(overwritten=1)
        assert await meter.write(1 if address.startswith("h") else True) == [Status.BAD_DEVICE_FAILURE]
        assert meter.shown() == [2 if address.startswith("h") else False]


@pytest.mark.parametrize("address", ["holding:300/float32", "holding:300/int16", "holding:300/uint32@cdab"])
@pytest.mark.parametrize("value", [0.1, 12.3, 99.9])
async def test_a_scaled_value_is_compared_by_what_the_registers_can_tell_apart(
    device: ModbusDevice, address: str, value: float
) -> None:
    point = bind([address])[0]
    scaled = replace(point.point, datatype=DataType.DOUBLE, scale=0.3, offset=-7.7)
    meter = Meter(device, [replace(point, point=scaled, scan=60.0)])
    await meter.supervisor.start()
    try:
        await until(lambda: meter.supervisor.diagnostics().scans > 0)
        assert await meter.write(value) == [Status.GOOD]
        assert meter.shown()[0] == pytest.approx(value, abs=0.15)
    finally:
        await meter.supervisor.stop()


# Several in one request


async def test_neighbours_are_written_and_read_back_by_one_request_each(device: ModbusDevice) -> None:
    async with serving(device, [f"holding:{300 + 2 * at}/float32" for at in range(50)]) as meter:
        before = meter.requests()
        values = [at + 0.5 for at in range(50)]
        assert await meter.write(*values) == [Status.GOOD] * 50
        assert meter.shown() == values
        after = meter.requests()
        assert after["16"] - before.get("16", 0) == 1
        assert after["3"] - before["3"] == 1


@pytest.mark.parametrize("code", [2, 3, 4])
async def test_fault_03_one_refused_register_of_a_block_does_not_change_the_others_answers(
    device: ModbusDevice, code: int
) -> None:
    async with serving(device, [f"holding:{300 + at}" for at in range(10)]) as meter:
        device.refuse("holding", 304, 304, code)
        grouped = await meter.write(*range(10))
        alone = [(await meter.supervisor.write(point, point.slot)) for point in meter.points]
        assert grouped == alone
        assert [at for at, status in enumerate(grouped) if status] == [4]
        assert device.get("holding", 300, 10) == [0, 1, 2, 3, 304, 5, 6, 7, 8, 9]


async def test_fault_03_a_device_that_knows_no_function_16_has_its_neighbours_one_by_one(device: ModbusDevice) -> None:
    async with serving(device, ["holding:300", "holding:301", "coil:20", "coil:21"]) as meter:
        device.switch(singles_only=1)
        states = True, False
        assert await meter.write(1, 2, *states) == [Status.GOOD] * 4
        assert meter.shown() == [1, 2, *states]


async def test_one_value_out_of_range_leaves_the_others_of_its_request(device: ModbusDevice) -> None:
    async with serving(device, ["holding:300", "holding:301", "holding:302"]) as meter:
        assert await meter.write(1, 70_000, 3) == [Status.GOOD, Status.BAD_OUT_OF_RANGE, Status.GOOD]
        assert device.get("holding", 300, 3) == [1, 301, 3]


@pytest.mark.parametrize("code", [5, 6, 0x0B])
async def test_fault_04_a_busy_device_is_asked_once_and_says_so(device: ModbusDevice, code: int) -> None:
    async with serving(device, [f"holding:{300 + at}" for at in range(10)]) as meter:
        device.refuse("holding", 300, 300, code)
        before = meter.requests().get("16", 0)
        busy = Status.BAD_NO_COMMUNICATION if code == 0x0B else Status.BAD_RESOURCE_UNAVAILABLE
        assert await meter.write(*range(10)) == [busy] * 10
        assert meter.requests()["16"] - before == 1
        assert meter.supervisor.state is State.RUNNING


# The link


async def test_fault_02_a_device_that_hangs_is_a_timeout_for_the_write_under_way_and_at_once_for_the_others(
    device: ModbusDevice,
) -> None:
    async with serving(device, ["holding:300", "holding:310", "holding:320"], timeout="1500ms") as meter:
        device.freeze()
        try:
            began = asyncio.get_running_loop().time()
            answers = await meter.write(1, 2, 3)
            assert answers == [Status.BAD_TIMEOUT, Status.BAD_NO_COMMUNICATION, Status.BAD_NO_COMMUNICATION]
            assert await meter.write(1, 2, 3) == [Status.BAD_NO_COMMUNICATION] * 3
            assert asyncio.get_running_loop().time() - began < 2 * 1.5, "one timeout, not one for each"
        finally:
            device.thaw()


async def test_a_device_that_resets_between_write_and_read_back_has_taken_it_perhaps(device: ModbusDevice) -> None:
    async with serving(device, ["holding:300"], scan=0.05) as meter:
        device.switch(reset_after_write=1)
        assert await meter.write(5) in ([Status.BAD_COMMUNICATION_ERROR], [Status.BAD_TIMEOUT])
        await until(lambda: meter.image.read(0).value == 5)  # it had
        assert await meter.write(6) == [Status.GOOD]


@pytest.mark.parametrize("spared", [0, 1])
async def test_fault_05_a_late_answer_to_a_write_or_its_read_back_is_never_taken_for_another(
    device: ModbusDevice, spared: int
) -> None:
    async with serving(device, ["holding:300", "holding:310"], timeout="750ms") as meter:
        device.switch(delay=2.0, delayed=1, spared=spared)
        assert await meter.supervisor.write(meter.points[0], 5) == Status.BAD_TIMEOUT
        await until(lambda: meter.supervisor.diagnostics().reconnects == 1)
        await until(lambda: meter.shown() == [5, 310])  # it had it
        assert await meter.supervisor.write(meter.points[0], 6) == Status.GOOD
        assert meter.shown() == [6, 310]


async def test_fault_07_answers_byte_by_byte_and_strangers_frames_change_nothing(device: ModbusDevice) -> None:
    async with serving(device, MIXED) as meter:
        device.switch(byte_by_byte=1)
        assert await meter.write(*VALUES) == [Status.GOOD] * 5
        device.switch(byte_by_byte=0, stray_transaction=4, stray_unit=4)
        others = (1, 0.5, "a", *(False,) * 2)
        assert await meter.write(*others) == [Status.GOOD] * 5
        assert meter.shown() == list(others)


async def test_a_client_that_goes_never_leaves_half_a_value(device: ModbusDevice) -> None:
    """Every value is one request: whenever the client is cancelled, the registers hold an old value or a new one."""
    async with serving(device, ["holding:300/uint64"], scan=0.02) as meter:
        whole = {0x1111_1111_1111_1111 * digit for digit in range(1, 16)}
        assert await meter.write(0x1111_1111_1111_1111) == [Status.GOOD]
        for turns in range(40):
            writing = asyncio.create_task(
                meter.supervisor.write(meter.points[0], 0x1111_1111_1111_1111 * (turns % 15 + 1))
            )
            for _ in range(turns):
                await asyncio.sleep(0)
            writing.cancel()
            await asyncio.wait([writing])
            words = device.get("holding", 300, 4)
            assert int.from_bytes(np.array(words, ">u2").tobytes(), "big") in whole
        last = await meter.supervisor.write(meter.points[0], 0x1111_1111_1111_1111)
        assert last == Status.GOOD


async def test_writes_and_fast_scans_of_a_changing_device_never_show_what_was_before(device: ModbusDevice) -> None:
    """After each Good answer the image shows the written value until another one is written."""
    async with serving(device, [f"holding:{300 + 20 * at}" for at in range(30)], scan=0.005) as meter:
        for number in range(100):
            point = meter.points[number % 30]
            assert await meter.supervisor.write(point, number) == Status.GOOD
            assert meter.image.read(point.slot).value == number
            await asyncio.sleep(0)
            assert meter.image.read(point.slot).value == number


async def test_a_bit_is_verified_alone_while_another_master_moves_its_neighbours(device: ModbusDevice) -> None:
    async with serving(device, ["holding:300.8"]) as meter:
        device.put("holding", 300, [0])
        device.switch(overwritten=1)  # the register is one more than was written: another bit
        assert await meter.supervisor.write(meter.points[0], value=True) == Status.GOOD
        assert device.get("holding", 300) == [(1 << 8) + 1]
