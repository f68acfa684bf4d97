from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.datatypes import DataType
from drivers.contract import DeviceSettings
from drivers.registry import manifest
from drivers.simulator.settings import Generate, SimulatorSettings
from tests.conformance.driver import DeviceUnderTest, DriverConformance, Expected, Written


class SimulatedDevice(DeviceUnderTest):
    manifest = manifest("simulator")
    readable = (
        Expected("constant(offset=3.5)", 3.5),
        Expected("counter(offset=7)", None, datatype=DataType.UINT16),
        Expected("hold(offset=12)", 12, datatype=DataType.INT32),
        Expected("ramp(period=10s,amplitude=100)"),
        Expected("square", None, datatype=DataType.BOOLEAN),
        Expected("sine(noise=0.5)", None, datatype=DataType.FLOAT),
        Expected("constant(offset=1e6)", 127, datatype=DataType.SBYTE),
        Expected("constant(offset=1e30)", 2**63 - 1024, datatype=DataType.INT64),
        Expected("hold(offset=1)", value=True, datatype=DataType.BOOLEAN),
    )
    writable = (
        Written("hold", 2.5),
        Written("hold", 2**64 - 1, DataType.UINT64),
        Written("hold", value=True, datatype=DataType.BOOLEAN),
        Written("hold(offset=4)", -3, DataType.INT16),
    )
    refused = (
        Written("ramp", 1.0),
        Written("hold", 256, DataType.BYTE),
        Written("hold", value=True, datatype=DataType.DOUBLE),
        Written("hold", 1, DataType.BOOLEAN),
        Written("hold", 1.5, DataType.INT16),
    )
    wrong_addresses = (
        ("rump", 1),
        ("ramp(", 6),
        ("ramp(period=10s", 16),
        ("ramp(period=10s,amplitud=3)", 17),
        ("ramp( period = 10 )", 16),
        ("ramp(amplitude)", 6),
        ("ramp(amplitude=)", 16),
        ("ramp(amplitude=nan)", 16),
        ("ramp(amplitude=1,amplitude=2)", 18),
        ("ramp(period=0s)", 13),
        ("ramp(change=0)", 13),
        ("ramp(noise=-1)", 12),
        ("ramp()", 6),
    )

    def settings(self) -> DeviceSettings:
        return SimulatorSettings(driver="simulator", generate=Generate(count=20, signal="sine"))


class TestConformance(DriverConformance):
    @pytest.fixture
    async def device(self) -> AsyncIterator[DeviceUnderTest]:
        yield SimulatedDevice()  # noqa: PT022 - a generator as the suite's own
