"""The driver under its supervisor, with a device in another process that answers every request with an exception."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from core.image import ProcessImage
from core.quality import Status
from core.time import now
from drivers.contract import BoundPoint
from drivers.health import DeviceHealth, HealthChange
from drivers.modbus.manifest import MANIFEST
from drivers.modbus.settings import ModbusSettings
from drivers.supervision.diagnostics import State
from drivers.supervisor import Supervisor
from tests.modbus_device import Kind, ModbusDevice
from tests.unit.drivers.modbus.conftest import bind
from tests.waiting import until

LAST = 0xFFFF
AREAS: tuple[Kind, ...] = ("holding", "input", "coil", "discrete")


@dataclass(eq=False)
class Supervised:
    """A supervised meter and what was told of it."""

    supervisor: Supervisor
    image: ProcessImage
    told: list[HealthChange] = field(default_factory=list[HealthChange])

    @property
    def last_error(self) -> str:
        return self.supervisor.diagnostics().last_error

    def statuses(self) -> set[int]:
        return {self.image.read(point.slot).status for point in self.supervisor.points}

    async def becomes(self, health: DeviceHealth) -> None:
        await until(lambda: self.supervisor.health is health)


Supervise = Callable[..., Supervised]


@pytest.fixture
async def supervise(device: ModbusDevice) -> AsyncIterator[Supervise]:
    """Make supervisors of the device; start is the test's."""
    made: list[Supervised] = []

    def make(points: Sequence[BoundPoint], **settings: Any) -> Supervised:
        quick = {"busy_retry": "20ms", "busy_retry_longest": "60ms", "reprobe": "60ms", "retry_longest": "100ms"}
        keys = {"driver": "modbus", "url": device.url, "timeout": "30s", **quick, **settings}
        image = ProcessImage([each.point for each in points], now())
        supervisor = Supervisor("meter", MANIFEST, ModbusSettings.model_validate(keys), points, image.apply, image.mark)
        supervised = Supervised(supervisor, image)
        supervisor.on_health(supervised.told.append)
        made.append(supervised)
        return supervised

    yield make
    for each in made:
        await each.supervisor.stop()


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        (0x0B, Status.BAD_NO_COMMUNICATION, "the device is a gateway whose unit does not answer (exception 0B)"),
        (0x0A, Status.BAD_NO_COMMUNICATION, "the device is a gateway without a path to the unit (exception 0A)"),
        (0x02, Status.BAD_CONFIGURATION_ERROR, "the device has no such address (exception 02)"),
        (0x01, Status.BAD_NOT_SUPPORTED, "the device does not know the function (exception 01)"),
        (0x06, Status.BAD_RESOURCE_UNAVAILABLE, "the device is busy (exception 06)"),
    ],
)
async def test_fault_03_a_unit_that_answers_every_request_with_an_exception_is_a_failure(
    device: ModbusDevice, supervise: Supervise, code: int, status: Status, words: str
) -> None:
    for area in AREAS:
        device.refuse(area, 0, LAST, code)
    addresses = [*(f"holding:{number}/float32" for number in range(0, 60, 2)), "input:7/uint16", "coil:3"]
    meter = supervise(bind(addresses))
    await meter.supervisor.start()
    await meter.becomes(DeviceHealth.FAILURE)
    assert [change.after for change in meter.told] == [DeviceHealth.FAILURE], "never NORMAL in between"
    assert meter.supervisor.state is State.RUNNING
    assert meter.statuses() == {status}
    assert meter.last_error.startswith("meter: it answers, but every value is Bad: Bad")
    assert words in meter.last_error
    assert "of unit 1: " in meter.last_error
    errors = meter.supervisor.diagnostics().request_errors
    assert errors >= 3
    await until(lambda: meter.supervisor.diagnostics().request_errors > errors)
    device.behave()
    await meter.becomes(DeviceHealth.NORMAL)
    await until(lambda: meter.statuses() == {0})
    assert meter.supervisor.diagnostics().reconnects == meter.supervisor.diagnostics().read_errors == 0


async def test_an_area_that_the_device_lacks_asks_for_attention_where_it_is_a_scan_group_of_its_own(
    device: ModbusDevice, supervise: Supervise
) -> None:
    device.refuse("input", 0, LAST, 2)
    fast, first, second = bind(["holding:0/uint16", "input:30010/uint16", "input:30012/uint16"])
    meter = supervise([fast, replace(first, scan=0.05), replace(second, scan=0.05)])
    await meter.supervisor.start()
    await meter.becomes(DeviceHealth.MAINTENANCE_REQUIRED)
    assert "no value of the 2 points scanned every 0.05 s (input:30010/uint16 and others)" in meter.last_error
    assert "reading 1 input register from protocol address 9 of unit 1: the device has no such" in meter.last_error
    device.behave()
    await meter.becomes(DeviceHealth.NORMAL)


async def test_one_refused_register_leaves_the_device_normal_and_is_counted(
    device: ModbusDevice, supervise: Supervise
) -> None:
    device.refuse("holding", 5, 5, 2)
    meter = supervise(bind([f"holding:{number}/uint16" for number in range(10)]))
    await meter.supervisor.start()
    await meter.becomes(DeviceHealth.NORMAL)
    await until(lambda: meter.supervisor.diagnostics().request_errors > 3)
    assert [change.after for change in meter.told] == [DeviceHealth.NORMAL]
    assert meter.last_error == ""


async def test_replies_to_nobody_are_shown_as_late(device: ModbusDevice, supervise: Supervise) -> None:
    device.switch(stray_transaction=3)
    meter = supervise(bind(["holding:0/uint16"]))
    await meter.supervisor.start()
    await until(lambda: meter.supervisor.diagnostics().late_replies == 3)
    assert meter.supervisor.diagnostics().request_errors == 0
