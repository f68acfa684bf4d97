"""A three-phase energy meter with the input registers that Eastron publishes for its SDM630 (Modbus protocol, V2)."""

from __future__ import annotations

import asyncio
import math
import random
import struct
from contextlib import suppress

from server.demo.devices.filler_plc import LINE_POWER
from server.demo.devices.modbus_server import Tables
from server.demo.devices.registers import Bits, Registers

STEP = 0.2
_BASE_LOAD = 1_450.0
"""Watts that the hall takes beside the line."""
_SHARES = (0.345, 0.331, 0.324)
"""How the load falls upon the phases."""
_ASK = struct.Struct(">HHHBBHH").pack(1, 0, 6, 1, 4, LINE_POWER, 2)
_REPLY = struct.Struct(">HHHBBBf")
_ASK_EVERY = 0.5
_AGAIN_AFTER = 2.0


class EnergyMeter:
    """Measures the power of the hall and of the line, which it learns from the line's PLC at ``line_port``."""

    step = STEP

    def __init__(self, line_port: int = 0) -> None:
        """Begin with what the meter has counted since it was fitted."""
        self._chance = random.Random(5021)  # noqa: S311 - a plant's noise is no secret
        self._line_port = line_port
        self._line_power = 0.0
        self._power = _BASE_LOAD
        self._clock = 0.0
        self._imported = 48_211.37
        self._reactive_energy = 19_804.2
        self._highest_demand = 21_840.0
        self._demand = 12_000.0
        self.tables = Tables(Bits(0), Bits(0), Registers(382), Registers(86), most_registers=80)
        for address, value in ((2, 60.0), (10, 3.0), (12, 100.0), (18, 0.0), (20, 1.0), (28, 2.0)):
            self.tables.holding.put_float(
                address, value
            )  # demand time, system type 3p4w, pulse, parity, node, baud rate
        self.advance(0.0)

    def written(self) -> None:
        """Keep what was written; a demo's meter has nothing to set."""

    async def follow_the_line(self) -> None:
        """Ask the PLC for the line's power, again and again, until cancelled."""
        while self._line_port:
            with suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._line_port)
                try:
                    while True:
                        writer.write(_ASK)
                        async with asyncio.timeout(_AGAIN_AFTER):
                            reply = await reader.readexactly(_REPLY.size)
                        self._line_power = _REPLY.unpack(reply)[6]
                        await asyncio.sleep(_ASK_EVERY)
                finally:
                    writer.close()
            self._line_power = 0.0
            await asyncio.sleep(_AGAIN_AFTER)

    def advance(self, seconds: float) -> None:
        """Measure."""
        self._clock += seconds
        chance, show = self._chance, self.tables.inputs.put_float
        load = _BASE_LOAD + self._line_power
        self._power += (load - self._power) * min(1.0, seconds / 0.6)
        hours = seconds / 3600.0
        sway = math.sin(self._clock / 41.0)
        total_active = total_apparent = total_reactive = total_current = 0.0
        volts: list[float] = []
        for phase, share in enumerate(_SHARES):
            active = max(0.0, self._power * share * (1.0 + chance.gauss(0.0, 0.004)))
            volt = 230.8 + 1.1 * sway + 0.4 * phase - active / 4_500.0 + chance.gauss(0.0, 0.12)
            factor = min(0.97, 0.80 + active / 60_000.0 + chance.gauss(0.0, 0.002))
            apparent = active / factor
            reactive = math.sqrt(apparent * apparent - active * active)
            current = apparent / volt
            volts.append(volt)
            for address, value in (
                (0x00, volt),
                (0x06, current),
                (0x0C, active),
                (0x12, apparent),
                (0x18, reactive),
                (0x1E, factor),
                (0x24, math.degrees(math.acos(factor))),
                (0xEA, 1.7 + chance.gauss(0.0, 0.03)),
                (0xF0, 9.0 + chance.gauss(0.0, 0.2)),
                (0x102, current),
                (0x15A, self._imported * share),
                (0x166, self._imported * share),
            ):
                show(address + 2 * phase, value)
            total_active += active
            total_apparent += apparent
            total_reactive += reactive
            total_current += current
        self._imported += total_active / 1000.0 * hours
        self._reactive_energy += total_reactive / 1000.0 * hours
        self._demand += (total_active - self._demand) * min(1.0, seconds / 60.0)
        self._highest_demand = max(self._highest_demand, self._demand)
        factor = total_active / total_apparent
        neutral = 0.06 * total_current / 3
        mean_volt = sum(volts) / 3
        for address, value in (
            (0x2A, mean_volt),
            (0x2E, total_current / 3),
            (0x30, total_current),
            (0x34, total_active),
            (0x38, total_apparent),
            (0x3C, total_reactive),
            (0x3E, factor),
            (0x42, math.degrees(math.acos(factor))),
            (0x46, 50.0 + 0.012 * math.sin(self._clock / 23.0) + chance.gauss(0.0, 0.002)),
            (0x48, self._imported),
            (0x4A, 0.0),  # nothing here gives energy back
            (0x4C, self._reactive_energy),
            (0x4E, 0.0),
            (0x50, self._imported / factor),
            (0x54, self._demand),
            (0x56, self._highest_demand),
            (0x64, self._demand / factor),
            (0x66, self._highest_demand / factor),
            (0x68, neutral),
            (0x6A, 1.4 * neutral),
            (0xE0, neutral),
            (0xF8, 1.7),
            (0xFA, 9.0),
            (0x156, self._imported),
            (0x158, self._reactive_energy),
        ):
            show(address, value)
        for place in range(3):
            show(0xC8 + 2 * place, math.sqrt(3.0) * (volts[place] + volts[(place + 1) % 3]) / 2)
        show(0xCE, math.sqrt(3.0) * mean_volt)
