"""History in a real InfluxDB 1.x: how fast it is written and read, and what that costs the gateway and the server.

Prints JSON. 1 000 Double points at 100 Hz, half a second a record as the recorder makes them, each on the disk of the
server before the next. ``python -m bench.influx [--seconds N]``
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.processes import Process, module, work_folder
from core.datatypes import DataType
from core.time import TICKS_PER_SECOND
from historian.contract import Cursor, Delivery
from historian.influx.settings import InfluxSettings
from historian.influx.store import InfluxStore
from historian.samples import SampleBlock
from tests.influxdb import InfluxServer, find_influxd

POINTS: Final = 1000
SCANS: Final = 50
"""Samples a point and record."""
SCAN: Final = TICKS_PER_SECOND // 100
T0: Final = 133_000_000_000_000_000
RECORDS: Final = 16
"""As many are made; later ones are these at later times."""
READ_POINTS: Final = 20
PAGE: Final = 10_000
_TICKS: Final = os.sysconf("SC_CLK_TCK")


def record(number: int) -> SampleBlock:
    """Make half a second of all points: slow walks in steps of a hundredth."""
    steps = np.random.default_rng(number).normal(0.0, 0.03, (POINTS, SCANS))
    values = np.round(50.0 + np.cumsum(steps, axis=1), 2).ravel()
    scans = np.arange(number * SCANS, (number + 1) * SCANS, dtype=np.int64)
    times = np.tile(T0 + scans * SCAN, POINTS)
    nodes = tuple(f"nsu=urn:bench:line;s=Line1.Machine.Sensor{point}" for point in range(POINTS))
    counts = np.full(POINTS, SCANS, np.int32)
    status = np.zeros(len(times), np.uint32)
    return SampleBlock(nodes, DataType.DOUBLE, counts, values, status, times, times + 20_000 + number % 7)


async def lateness(found: list[float]) -> None:
    """Wake up each millisecond and note how much later it is than that."""
    while True:
        before = time.perf_counter()
        await asyncio.sleep(0.001)
        found.append(time.perf_counter() - before - 0.001)


def cpu_of(pid: int) -> float:
    """Give the CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


async def measure(server: InfluxServer, seconds: float, *, gzip: bool) -> dict[str, Any]:
    """Write for a while, then read."""
    settings = InfluxSettings(url=server.url, database=f"bench_gzip_{gzip}", create=True, gzip=gzip)
    store = InfluxStore(settings)
    await store.open()
    made = [record(number) for number in range(RECORDS)]
    late: list[float] = []
    canary = await asyncio.to_thread(Process, module("bench.canary"))
    watch = asyncio.create_task(lateness(late))
    began, ours, theirs = time.perf_counter(), time.process_time(), cpu_of(server.pid)
    written = 0
    while time.perf_counter() - began < seconds:
        block, shift = made[written % RECORDS], written // RECORDS * RECORDS * SCANS * SCAN
        block = replace(block, source_time=block.source_time + shift, server_time=block.server_time + shift)
        written += 1
        await store.append([Delivery(written, [block])], "bench")
    took = time.perf_counter() - began
    used, server_used = time.process_time() - ours, cpu_of(server.pid) - theirs
    watch.cancel()
    machine = await asyncio.to_thread(canary.ask)
    canary.__exit__()
    samples = written * POINTS * SCANS
    began = time.perf_counter()
    count = 0
    for point in range(READ_POINTS):
        cursor: Cursor | None = None
        node = f"nsu=urn:bench:line;s=Line1.Machine.Sensor{point * (POINTS // READ_POINTS)}"
        while True:
            page = await store.read_raw(node, T0, T0 + (1 << 50), PAGE, cursor=cursor)
            count += len(page)
            cursor = page.cursor
            if cursor is None:
                break
    reading = time.perf_counter() - began
    await store.close()
    return {
        "samples": samples,
        "points_per_s": round(samples / took),
        "cpu_us_per_sample_ours": round(used / samples * 1e6, 3),
        "cpu_us_per_sample_server": round(server_used / samples * 1e6, 3),
        "loop_late_ms": {
            "p99": round(sorted(late)[len(late) * 99 // 100] * 1e3, 2),
            "worst": round(max(late) * 1e3, 2),
        },
        "machine_meanwhile": machine,
        "values_per_s_read_in_pages_of_10000": round(count / reading),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each half writes")
    seconds = parser.parse_args().seconds
    program = find_influxd()
    if program is None:
        print(json.dumps({"skipped": "influxd is not installed (apt-get install influxdb)"}))
        return
    sys.setswitchinterval(0.0005)  # as the gateway does
    outcome: dict[str, Any] = {}
    with work_folder() as folder:
        server = InfluxServer(folder, program)
        server.start()
        try:
            for gzip in (False, True):
                outcome["gzip" if gzip else "plain"] = asyncio.run(measure(server, seconds, gzip=gzip))
            size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        finally:
            server.stop()
    total = sum(part["samples"] for part in outcome.values())
    outcome["server_bytes_per_sample"] = round(size / total, 2)
    outcome["machine"] = {"python": platform.python_version(), "cores": os.cpu_count()}
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
