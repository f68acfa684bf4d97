from __future__ import annotations

import asyncio
import contextlib
import math

import pytest

from server.demo.devices.energy_meter import EnergyMeter
from server.demo.devices.filler_plc import FillerPlc
from server.demo.devices.modbus_server import ModbusServer
from tests.waiting import until

# Input registers by the published map: number - 30001.
VOLTS, AMPERES, WATTS, VOLT_AMPERES, VARS, FACTORS = 0, 6, 12, 18, 24, 30
TOTAL_WATTS, TOTAL_VA, TOTAL_VAR, TOTAL_FACTOR, HERTZ, IMPORTED, EXPORTED = 52, 56, 60, 62, 70, 72, 74


def _phases(meter: EnergyMeter, first: int) -> list[float]:
    return [meter.tables.inputs.float(first + 2 * phase) for phase in range(3)]


def test_what_it_shows_hangs_together_as_in_a_mains() -> None:
    meter = EnergyMeter()
    meter.advance(0.2)
    at = meter.tables.inputs.float
    for volt, ampere, watt, apparent, reactive, factor in zip(
        *(_phases(meter, first) for first in (VOLTS, AMPERES, WATTS, VOLT_AMPERES, VARS, FACTORS)), strict=True
    ):
        assert 220 < volt < 240
        assert apparent == pytest.approx(volt * ampere, rel=1e-4)
        assert watt == pytest.approx(apparent * factor, rel=1e-4)
        assert apparent == pytest.approx(math.hypot(watt, reactive), rel=1e-4)
    assert at(TOTAL_WATTS) == pytest.approx(sum(_phases(meter, WATTS)), rel=1e-4)
    assert at(TOTAL_VA) == pytest.approx(sum(_phases(meter, VOLT_AMPERES)), rel=1e-4)
    assert at(TOTAL_VAR) == pytest.approx(sum(_phases(meter, VARS)), rel=1e-4)
    assert at(TOTAL_FACTOR) == pytest.approx(at(TOTAL_WATTS) / at(TOTAL_VA), rel=1e-4)
    assert 49.9 < at(HERTZ) < 50.1


def test_energy_adds_up() -> None:
    meter = EnergyMeter()
    before = meter.tables.inputs.float(IMPORTED)
    for _ in range(3600):
        meter.advance(1.0)
    used = meter.tables.inputs.float(IMPORTED) - before
    assert used == pytest.approx(meter.tables.inputs.float(TOTAL_WATTS) / 1000, rel=0.05)
    assert meter.tables.inputs.float(EXPORTED) == 0.0


async def test_it_follows_the_line_and_notices_when_that_is_gone() -> None:
    plc = FillerPlc()
    server = ModbusServer(plc.tables, plc.written)
    port = await server.start(0)
    meter = EnergyMeter(port)
    alone = meter.tables.inputs.float(TOTAL_WATTS)

    def measure() -> float:
        meter.advance(1.0)
        return meter.tables.inputs.float(TOTAL_WATTS)

    task = asyncio.create_task(meter.follow_the_line())
    try:
        await until(lambda: measure() > alone + 2_000)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        server.stop()
        await until(lambda: len(asyncio.all_tasks()) == 1)
