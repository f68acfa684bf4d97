"""A device in another process, and drivers bound to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from core.batch import Batch
from core.datatypes import DataType
from core.point import Point
from core.time import now
from drivers.contract import BoundPoint, DriverContext
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.manifest import MANIFEST
from drivers.modbus.settings import ModbusSettings
from tests.modbus_device import ModbusDevice


def bind(addresses: Sequence[str], datatype: DataType | None = None) -> list[BoundPoint]:
    bound: list[BoundPoint] = []
    for slot, text in enumerate(addresses):
        address = MANIFEST.parse_address(text, datatype)
        point = Point(f"nsu=urn:t;s=p{slot}", datatype or MANIFEST.datatype_of(address), device="meter")
        bound.append(BoundPoint(slot, point, address, 0.1, writable=True))
    return bound


def by_slot(batches: Sequence[Batch]) -> dict[int, tuple[Any, int]]:
    """Value and StatusCode of each slot."""
    found: dict[int, tuple[Any, int]] = {}
    for batch in batches:
        status = np.broadcast_to(np.asarray(batch.status, np.uint32), batch.slots.shape)
        found |= {
            slot: (value, code)
            for slot, value, code in zip(batch.slots.tolist(), batch.values.tolist(), status.tolist(), strict=True)
        }
    return found


def values(batches: Sequence[Batch]) -> list[Any]:
    """Values in the order of the slots; every one must be Good."""
    found = by_slot(batches)
    assert all(status == 0 for _, status in found.values()), found
    return [found[slot][0] for slot in sorted(found)]


def statuses(batches: Sequence[Batch]) -> list[int]:
    found = by_slot(batches)
    return [found[slot][1] for slot in sorted(found)]


@pytest.fixture(scope="module")
def shared_device() -> Iterator[ModbusDevice]:
    with ModbusDevice() as served:
        yield served


@pytest.fixture
def device(shared_device: ModbusDevice) -> ModbusDevice:
    """A device that behaves, with holding and input register a holding a and every third bit set."""
    shared_device.behave()
    shared_device.put("holding", 0, range(2000))
    shared_device.put("input", 0, range(2000))
    shared_device.put("coil", 0, [int(bit % 3 == 0) for bit in range(4000)])
    shared_device.put("discrete", 0, [int(bit % 3 == 0) for bit in range(4000)])
    return shared_device


OpenDriver = Callable[..., ModbusDriver]


@pytest.fixture
async def open_driver(device: ModbusDevice) -> AsyncIterator[OpenDriver]:
    """Make drivers for the device; connect is the test's."""
    made: list[ModbusDriver] = []

    def make(points: Sequence[BoundPoint] = (), **settings: Any) -> ModbusDriver:
        keys = {"driver": "modbus", "url": device.url, "timeout": "30s", "busy_retry": "20ms", **settings}
        checked = ModbusSettings.model_validate(keys)
        driver = cast("ModbusDriver", MANIFEST.make(checked, points, DriverContext("meter", Path(), now)))
        made.append(driver)
        return driver

    yield make
    for driver in made:
        await driver.close()
