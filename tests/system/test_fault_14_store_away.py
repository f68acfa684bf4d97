"""Fault 14: the history's database is away for a day. All of it arrives later, live data is not delayed."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.system.recording_plant import HISTORY, POINTS, check_oracle, recording
from tests.waiting import until

DAY = 86_400 // POINTS
"""Scans: as many samples as one a second gives in a day."""
LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute(f"PRAGMA locking_mode={sys.argv[2]}")
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
connection.rollback()
"""


@pytest.mark.parametrize("lost", ["while it is used", "before it is opened"])
async def test_fault_14_the_database_is_away_for_a_day_and_all_arrives_later(tmp_path: Path, lost: str) -> None:
    """Another process holds the history file; a day of samples is recorded meanwhile, in compressed time."""
    early = lost == "before it is opened"
    async with recording(tmp_path, flush=0.02, forward=False) as plant:
        await plant.store.open()
        await plant.store.close()
        if not early:
            await plant.forwarder.start()
            await plant.accept([0])
            await plant.arrived()
        # alone with the file a process can shut all others out; beside others it holds the right to write
        mode = "EXCLUSIVE" if early else "NORMAL"
        holder = await asyncio.create_subprocess_exec(
            sys.executable, "-c", LOCK, str(tmp_path / HISTORY), mode, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert holder.stdout is not None
        assert await holder.stdout.readline() == b"locked\n"
        if early:
            await plant.forwarder.start()
            await plant.accept([0])
        took: list[float] = []
        for first in range(1, DAY, 1000):
            began = time.perf_counter()
            for number in range(first, min(first + 1000, DAY)):
                plant.put(number)
            took.append(time.perf_counter() - began)
            assert plant.image.read(0).value == min(first + 1000, DAY) - 1
            wanted = min(first + 1000, DAY) * POINTS
            await until(lambda wanted=wanted: plant.recorder.counters.stored == wanted, seconds=30)
        await until(lambda: plant.forwarder.counters.failures > 2)
        assert plant.forwarder.counters.samples == (0 if early else POINTS)
        assert plant.recorder.counters.dropped == 0
        # Each round would wait for the database; a machine that stands still makes one or two of them slow.
        assert statistics.median(took) < 1.0, "a thousand scans are no slower for it"
        await holder.communicate(b"")  # closes its stdin, which a bare communicate() does not before Python 3.12
        await plant.arrived(60)
        await check_oracle(plant.store, range(DAY))
        page = await plant.store.read_raw("nsu=urn:test;s=p0", 0, 1 << 62, 0)
        assert page.values.tolist() == np.arange(DAY).tolist()
        assert [where for where, reason in plant.told if reason] == ["history"]
