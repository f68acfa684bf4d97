"""The driver conformance suite over the ``modbus`` driver and a Modbus TCP server in another process."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator

import pytest

from core.quality import Status
from drivers.contract import DeviceSettings
from drivers.modbus.manifest import MANIFEST
from drivers.modbus.settings import ModbusSettings
from tests.broker import free_port
from tests.conformance.driver import DeviceUnderTest, DriverConformance, Expected, Written
from tests.modbus_device import ModbusDevice


def reaching(url: str) -> ModbusSettings:
    return ModbusSettings.model_validate({"driver": "modbus", "url": url, "timeout": "5s"})


class MeterUnderTest(DeviceUnderTest):
    manifest = MANIFEST
    readable = (
        Expected("holding:40001/float32@cdab", 21.5),
        Expected("holding:0x0010/uint16", 7),
        Expected("holding:40101/string8", "Meter"),
        Expected("input:30010/int32", -7),
        Expected("input:12.5", value=True),
        Expected("input:12.6", value=False),
        Expected("coil:3", value=True),
        Expected("discrete:7", value=True),
    )
    unreadable = (
        Expected("holding:900/uint16", status=Status.BAD_CONFIGURATION_ERROR),
        Expected("input:950/uint16", status=Status.BAD_NO_COMMUNICATION),
    )
    writable = (
        Written("holding:200/float32", 1.5),
        Written("holding:202/uint16", 65535),
        Written("holding:203.4", value=True),
        Written("holding:204/string6", "Pump"),
        Written("coil:20", value=True),
    )
    refused = (Written("input:1", 1), Written("holding:210/int16", 100_000), Written("holding:900/uint16", 1))
    wrong_addresses = (("holding", 8), ("holdings:1", 1), ("holding:1/float33", 11), ("coil:1@abcd", 8))

    def __init__(self, served: ModbusDevice) -> None:
        self.served = served

    def fill(self) -> None:
        low, high = struct.unpack(">HH", struct.pack(">f", 21.5))[::-1]
        self.served.put("holding", 0, [low, high])
        self.served.put("holding", 0x10, [7])
        self.served.put("holding", 100, struct.unpack(">4H", b"Meter\0\0\0"))
        self.served.put("input", 9, [0xFFFF, 0xFFF9, 0, 1 << 5])
        self.served.put("coil", 3, [1])
        self.served.put("discrete", 7, [1])
        self.served.refuse("holding", 900, 900, 2)
        self.served.refuse("input", 950, 950, 0x0B)

    def settings(self) -> DeviceSettings:
        return reaching(self.served.url)

    def settings_unreachable(self) -> DeviceSettings:
        return reaching(f"tcp://127.0.0.1:{free_port()}")

    async def die(self) -> None:
        self.served.stop()

    async def forget(self) -> None:
        self.served.switch(forgetful=1)

    async def revive(self) -> None:
        self.served.start()
        self.fill()


class TestModbusConformance(DriverConformance):
    @pytest.fixture
    async def device(self) -> AsyncIterator[DeviceUnderTest]:
        with ModbusDevice() as served:
            meter = MeterUnderTest(served)
            meter.fill()
            yield meter
