"""What reading 1 000 float32 (2 000 registers) at 100 Hz costs the driver, and pymodbus's own client.

``python -m bench.modbus_client [--seconds 10]`` starts a Modbus TCP device in another process and prints JSON: for
pymodbus's client and for the driver with 1, 4 and 16 requests in flight, microseconds of CPU time a scan and a request,
the share of a core, and the scans that took longer than their 10 ms.

The driver splits no value over two requests, so that 1 000 adjacent float32 are 17 blocks; the bare client reads 16.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from pymodbus.client import AsyncModbusTcpClient

from core.datatypes import DataType
from core.point import Point
from core.time import now
from drivers.contract import BoundPoint, DriverContext
from drivers.modbus.manifest import MANIFEST
from drivers.modbus.settings import ModbusSettings
from tests.modbus_device import ModbusDevice

POINTS = 1_000
BLOCK = 125
PERIOD = 0.01


async def paced(scan: Callable[[], Awaitable[object]], requests: int, seconds: float) -> dict[str, float]:
    """Call ``scan``, of ``requests`` each, every 10 ms and measure the process."""
    for _ in range(20):
        await scan()
    scans = missed = 0
    begin, cpu = time.perf_counter(), time.process_time()
    while (due := begin + scans * PERIOD) < begin + seconds:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        started = time.perf_counter()
        await scan()
        missed += time.perf_counter() - started > PERIOD
        scans += 1
    used, took = time.process_time() - cpu, time.perf_counter() - begin
    return {
        "scans": scans,
        "over_10ms": missed,
        "cpu_us_per_scan": round(used / scans * 1e6, 1),
        "cpu_us_per_request": round(used / scans / requests * 1e6, 1),
        "core_percent": round(used / took * 100, 2),
    }


@contextmanager
def device() -> Generator[ModbusDevice]:
    """Serve 1 000 float32 that change every 10 ms."""
    with ModbusDevice() as served:
        served.ramp(POINTS, PERIOD)
        yield served


async def library(port: int, seconds: float) -> dict[str, float]:
    """Measure pymodbus's client with the shortest decoding there is."""
    client = AsyncModbusTcpClient("127.0.0.1", port=port, retries=0, reconnect_delay=0)
    await client.connect()

    async def scan() -> object:
        words: list[int] = []
        for address in range(0, 2 * POINTS, BLOCK):
            words += (await client.read_holding_registers(address, count=BLOCK, device_id=1)).registers
        return np.array(words, ">u2").view(">f4").astype(np.float32)

    try:
        return await paced(scan, 2 * POINTS // BLOCK, seconds)
    finally:
        client.close()


async def driver(port: int, in_flight: int, seconds: float) -> dict[str, float]:
    """Measure the driver: requests, decoding and batches."""
    url = f"tcp://127.0.0.1:{port}"
    settings = ModbusSettings(driver="modbus", url=url, max_block=BLOCK, in_flight=in_flight)
    points = [
        BoundPoint(
            index,
            Point(f"nsu=urn:bench;s=t{index}", DataType.FLOAT),
            MANIFEST.parse_address(f"holding:{2 * index}/float32", None),
            PERIOD,
        )
        for index in range(POINTS)
    ]
    driver = MANIFEST.make(settings, points, DriverContext("bench", Path(), now))
    await driver.connect()
    try:
        plan = driver.plan(points)
        await driver.read(plan)
        return await paced(lambda: driver.read(plan), driver.counters.requests, seconds)
    finally:
        await driver.close()


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=10.0, help="how long each is measured")
    seconds: float = arguments.parse_args().seconds
    with device() as served:
        told = {"pymodbus": asyncio.run(library(served.port, seconds))}
        for in_flight in (1, 4, 16):
            told[f"driver, in_flight {in_flight}"] = asyncio.run(driver(served.port, in_flight, seconds))
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
