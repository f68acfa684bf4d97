from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.datatypes import DataType
from core.image import ProcessImage
from core.point import Point
from core.quality import Status
from core.time import now
from drivers.contract import BoundPoint
from drivers.modbus.manifest import MANIFEST
from drivers.modbus.settings import ModbusSettings
from drivers.supervisor import Supervisor
from server.retained import RetainedValue, RetainedValues
from server.writing import WriteReport, WriteRouter
from tests.modbus_device import ModbusDevice
from tests.unit.server.operated import THRESHOLD, Operated
from tests.unit.server.test_instrument_ranges import plant
from tests.waiting import until

CLIENT: ContextVar[str] = ContextVar("client")
TYPES = [DataType.DOUBLE, DataType.BYTE, DataType.STRING, DataType.BOOLEAN, DataType.DATETIME, DataType.VARIANT]


@pytest.fixture
def router(tmp_path: Path) -> WriteRouter:
    image = ProcessImage([Point(f"nsu=urn:test;i={slot}", datatype) for slot, datatype in enumerate(TYPES)], 10)
    return WriteRouter(image, RetainedValues(tmp_path / "retained.json", lambda _: RetainedValue("", 0, 0)))


@pytest.mark.parametrize(
    ("slot", "value"), [(0, 2.5), (0, 7), (1, 255), (2, "Straße"), (2, None), (3, True), (4, 10**17), (5, [1, 2])]
)
async def test_a_memory_point_takes_the_value_at_once_and_remembers_it(
    router: WriteRouter, slot: int, value: Any
) -> None:
    before = now()
    assert await router.write(slot, value) == Status.GOOD
    reading = router.image.read(slot)
    assert (reading.value, reading.status) == (value, Status.GOOD)
    assert before <= reading.source_time == reading.server_time <= now()
    assert router.retained._changed == {f"nsu=urn:test;i={slot}"}


@pytest.mark.parametrize(("slot", "value"), [(0, "high"), (0, [1.0]), (1, 256), (1, -1), (4, 2**63)])
async def test_a_value_that_the_type_cannot_hold_changes_nothing(router: WriteRouter, slot: int, value: Any) -> None:
    assert await router.write(slot, value) == Status.BAD_TYPE_MISMATCH
    assert router.image.read(slot).status == Status.BAD_WAITING_FOR_INITIAL_DATA
    assert not router.retained._changed


async def test_an_operators_parameter_goes_to_the_operator(tmp_path: Path) -> None:
    plant = Operated()
    router = WriteRouter(plant.image, RetainedValues(tmp_path / "retained.json", lambda _: None))
    router.operators[THRESHOLD] = plant.runner
    assert await router.write(THRESHOLD, 9.0) == Status.GOOD
    assert await router.write(THRESHOLD, -9.0) == Status.BAD_OUT_OF_RANGE
    assert plant.planned.operator.parameters()["Threshold"] == 9.0
    assert not router.retained._changed


async def test_a_bound_point_goes_to_its_device_and_is_shown_only_once_the_device_has_it(router: WriteRouter) -> None:
    with ModbusDevice() as device:
        settings = ModbusSettings(driver="modbus", url=device.url)
        address = MANIFEST.parse_address("holding:0/uint16", None)
        bound = BoundPoint(1, router.image.points[1], address, 0.02, writable=True)
        supervisor = Supervisor("plc", MANIFEST, settings, [bound], router.image.apply, router.image.mark)
        router.devices[1] = (supervisor, bound)
        assert await router.write(1, 7) == Status.BAD_NO_COMMUNICATION
        await supervisor.start()
        try:
            await until(lambda: router.image.read(1).status == Status.GOOD)
            assert await router.write(1, 7) == Status.GOOD
            assert device.get("holding", 0) == [7]
            assert router.image.read(1).value == 7
            device.refuse("holding", 0, 0, 4)
            assert await router.write(1, 8) == Status.BAD_DEVICE_FAILURE
            assert device.get("holding", 0) == [7]
        finally:
            await supervisor.stop()
    assert not router.retained._changed


async def test_the_written_value_is_of_the_columns_own_type(router: WriteRouter) -> None:
    await router.write(0, 7)
    assert router.image.columns[DataType.DOUBLE].values.dtype == np.float64
    assert isinstance(router.image.read(0).value, float)


# Several at once, ranges, and who is told


@asynccontextmanager
async def plc(router: WriteRouter, device: ModbusDevice, **settings: Any) -> AsyncGenerator[Supervisor]:
    """Two neighbours of one device at the slots 0 (a Double) and 1 (a Byte)."""
    checked = ModbusSettings.model_validate({"driver": "modbus", "url": device.url, "timeout": "30s", **settings})
    points = [
        BoundPoint(slot, router.image.points[slot], MANIFEST.parse_address(text, None), 60.0, writable=True)
        for slot, text in enumerate(("holding:0/float32", "holding:2/uint16"))
    ]
    supervisor = Supervisor("plc", MANIFEST, checked, points, router.image.apply, router.image.mark)
    router.devices |= {point.slot: (supervisor, point) for point in points}
    await supervisor.start()
    try:
        await until(lambda: router.image.read(1).status == Status.GOOD)
        yield supervisor
    finally:
        await supervisor.stop()


async def test_several_points_are_written_together_with_the_answers_of_single_writes(router: WriteRouter) -> None:
    with ModbusDevice() as device:
        async with plc(router, device):
            answers = await router.write_all([(0, 2.5), (2, "Straße"), (1, 7), (3, 1.5), (1, 70_000), (5, [1])])
            assert answers == [0, 0, 0, 0, Status.BAD_OUT_OF_RANGE, 0]
            assert [router.image.read(slot).value for slot in (0, 1, 2, 5)] == [2.5, 7, "Straße", [1]]
            assert device.counters()["writes"] == [["holding", 0, 3]]
            many = [(1, number % 200) for number in range(300)]
            assert set(await router.write_all(many)) == {Status.GOOD}
            assert device.get("holding", 2) == [299 % 200]
            assert await router.write_all([]) == []


async def test_whoever_audits_is_told_what_was_and_what_was_to_be(router: WriteRouter) -> None:
    told: list[WriteReport] = []
    router.on_write = told.append
    await router.write(0, 2.5)
    await router.write(0, 3.5)
    await router.write(1, 256)
    assert [(one.slot, one.before.value, one.value, one.status) for one in told] == [
        (0, None, 2.5, Status.GOOD),
        (0, 2.5, 3.5, Status.GOOD),
        (1, None, 256, Status.BAD_TYPE_MISMATCH),
    ]
    assert told[0].node == "nsu=urn:test;i=0"


async def test_a_write_is_told_of_in_its_clients_context_though_the_client_has_gone(router: WriteRouter) -> None:
    told: list[tuple[str, WriteReport]] = []
    router.on_write = lambda report: told.append((CLIENT.get(), report))
    with ModbusDevice() as device:
        async with plc(router, device):
            CLIENT.set("one")
            writing = asyncio.create_task(router.write(1, 9))
            CLIENT.set("another")
            device.switch(delay=0.05, delayed=1)
            await until(lambda: device.counters()["writes"] != [])
            writing.cancel()
            await until(lambda: len(told) == 1)
            client, report = told[0]
            assert (client, report.before.value, report.value, report.status) == ("one", 0, 9, Status.GOOD)
            assert router.image.read(1).value == 9


async def test_an_instrument_range_refuses_before_the_device_and_says_so(
    router: WriteRouter, caplog: pytest.LogCaptureFixture
) -> None:
    ranges, _ = plant(0.0, 5.0)
    router.ranges = ranges
    with ModbusDevice() as device:
        async with plc(router, device):
            for value in (7.5, 7.5, float("nan")):
                assert await router.write(0, value) == Status.BAD_OUT_OF_RANGE
            assert await router.write_all([(0, 7.5), (0, 4.5)]) == [Status.BAD_OUT_OF_RANGE, Status.GOOD]
            assert len(device.counters()["writes"]) == 1
    del router.devices[0]
    assert await router.write(0, -1.0) == Status.BAD_OUT_OF_RANGE
    told = [record.getMessage() for record in caplog.records if record.name == "plantspace.writes"]
    assert told[0] == (
        "a write to nsu=urn:test;i=0 is answered BadOutOfRange: 7.5 is outside 0..5, its InstrumentRange"
    )
    assert len(told) == 4


async def test_a_refusal_is_known_before_anything_is_written(router: WriteRouter) -> None:
    assert router.refusal(0, 1.0) == Status.GOOD
    assert router.is_memory(0)
    assert router.image.read(0).status == Status.BAD_WAITING_FOR_INITIAL_DATA
    settings = ModbusSettings(driver="modbus", url="tcp://127.0.0.1:1")
    point = BoundPoint(1, router.image.points[1], MANIFEST.parse_address("holding:0", None), 60.0, writable=True)
    supervisor = Supervisor("plc", MANIFEST, settings, [point], router.image.apply, router.image.mark)
    router.devices[1] = (supervisor, point)
    assert router.refusal(1, 1) == Status.BAD_NO_COMMUNICATION
    assert not router.is_memory(1)


async def test_a_memory_point_takes_anothers_time_and_status(router: WriteRouter) -> None:
    assert router.remember(0, 2.5, Status.UNCERTAIN_LAST_USABLE_VALUE, 77) == Status.GOOD
    reading = router.image.read(0)
    assert (reading.value, reading.status, reading.source_time) == (2.5, Status.UNCERTAIN_LAST_USABLE_VALUE, 77)
