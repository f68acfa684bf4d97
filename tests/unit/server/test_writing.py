from __future__ import annotations

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
from server.writing import WriteRouter
from tests.modbus_device import ModbusDevice
from tests.unit.server.operated import THRESHOLD, Operated
from tests.waiting import until

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
            await until(lambda: router.image.read(1).value == 7)
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
