"""A demo device's own process: it serves until whoever started it closes its standard input, or dies."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Protocol

from server.demo.devices.energy_meter import EnergyMeter
from server.demo.devices.filler_plc import FillerPlc
from server.demo.devices.modbus_server import ModbusServer, Tables

NAMES = ("filler", "meter")
_LONGEST_STEP = 1.0
"""A process that stood still (a laptop asleep) goes on from there, it does not catch up."""


class _Device(Protocol):
    tables: Tables
    step: float

    def written(self) -> None: ...
    def advance(self, seconds: float) -> None: ...


async def serve(name: str, port: int, line_port: int) -> None:
    """Be the device ``name`` at 127.0.0.1:``port``, or at a free port where that is taken, and print the port.

    ``line_port``: where the meter asks the line's PLC.
    """
    meter = EnergyMeter(line_port) if name == "meter" else None
    device: _Device = meter or FillerPlc()
    server = ModbusServer(device.tables, device.written)
    try:
        taken = await server.start(port)
    except OSError:
        taken = await server.start(0)
    print(taken, flush=True)
    tasks = [asyncio.create_task(_move(device))]
    if meter is not None:
        tasks.append(asyncio.create_task(meter.follow_the_line()))
    try:
        await input_ends()
    finally:
        server.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _move(device: _Device) -> None:
    before = time.monotonic()
    while True:
        await asyncio.sleep(device.step)
        now = time.monotonic()
        device.advance(min(now - before, _LONGEST_STEP))
        before = now


async def input_ends() -> None:
    """Wait until standard input is at its end. A starter that dies closes it, however it dies."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()

    class Watch(asyncio.Protocol):
        def connection_lost(self, exc: Exception | None) -> None:
            del exc
            ended.set()

    transport, _ = await loop.connect_read_pipe(Watch, sys.stdin)
    try:
        await ended.wait()
    finally:
        transport.close()
