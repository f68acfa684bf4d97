from __future__ import annotations

import math
import struct

import pytest

from core.errors import Findings
from core.settings import read_table
from server.bindings import COLUMNS, REQUIRED
from server.demo.devices.energy_meter import EnergyMeter
from server.demo.devices.filler_plc import FillerPlc
from tests.command import ROOT

RUN, RESET = 0, 1
TEMPERATURE, PRESSURE, SPEED, STATE, FAULT, FILLED = 0, 2, 7, 100, 101, 102


def _whole(plc: FillerPlc, address: int) -> int:
    return int.from_bytes(plc.tables.inputs.raw(address, 1), "big")


def _run(plc: FillerPlc, seconds: float) -> None:
    for _ in range(round(seconds / plc.step)):
        plc.advance(plc.step)


def test_the_tables_show_the_line() -> None:
    plc = FillerPlc()
    _run(plc, 10.0)
    inputs = plc.tables.inputs
    assert inputs.float(TEMPERATURE) == pytest.approx(72.0, abs=1.5)
    assert 2000 < _whole(plc, PRESSURE) < 2700
    assert inputs.float(SPEED) == pytest.approx(300.0, abs=1.0)
    assert (_whole(plc, STATE), _whole(plc, FAULT)) == (2, 0)
    low, high = struct.unpack(">HH", inputs.raw(FILLED, 2))
    assert (low | high << 16) > 184_220
    assert [plc.tables.discrete[0], plc.tables.discrete[1]] == [True, True]


def test_what_clients_write_takes_effect() -> None:
    plc = FillerPlc()
    plc.tables.holding.put_float(0, 120.0)
    plc.written()
    _run(plc, 10.0)
    assert plc.tables.inputs.float(SPEED) == pytest.approx(120.0)
    plc.tables.coils[RUN] = False
    plc.written()
    _run(plc, 5.0)
    assert (plc.tables.inputs.float(SPEED), _whole(plc, STATE)) == (0.0, 0)


@pytest.mark.parametrize("setpoint", [-1.0, 601.0, math.nan, math.inf])
def test_a_setpoint_that_the_filler_cannot_run_at_is_not_taken(setpoint: float) -> None:
    plc = FillerPlc()
    plc.tables.holding.put_float(0, setpoint)
    plc.written()
    assert plc.tables.holding.float(0) == 300.0


def test_the_program_takes_a_reset_back() -> None:
    plc = FillerPlc()
    _run(plc, 61.0)
    assert _whole(plc, FAULT) == 101
    plc.tables.coils[RESET] = True
    plc.written()
    plc.advance(plc.step)
    assert (_whole(plc, FAULT), plc.tables.coils[RESET]) == (0, True)
    _run(plc, 1.0)
    assert plc.tables.coils[RESET] is False


def test_the_bindings_name_registers_that_are_there() -> None:
    sizes = {"discrete": (1, 10_001), "coil": (1, 1), "input": (2, 30_001), "holding": (2, 40_001)}
    for file, tables in (("filler", FillerPlc().tables), ("energy-meter", EnergyMeter().tables)):
        there = {
            "discrete": len(tables.discrete),
            "coil": len(tables.coils),
            "input": len(tables.inputs),
            "holding": len(tables.holding),
        }
        findings = Findings()
        for row in read_table(ROOT / "server" / "demo" / "bindings" / f"{file}.csv", COLUMNS, REQUIRED, findings):
            area, _, rest = row.get("address").partition(":")
            width, base = sizes[area]
            number, _, kind = rest.partition("/")
            address = int(number) - base
            assert address >= 0
            assert address + (1 if kind == "uint16" else width) <= there[area]
        assert not findings
