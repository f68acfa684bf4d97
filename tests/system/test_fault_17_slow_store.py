"""Fault 17: the database takes 5 s a write. Memory is bounded, and the backlog drains."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import numpy as np

from core.batch import Batch
from tests.clock import START
from tests.disk import disk
from tests.system.recording_plant import HISTORY, POINTS, SLOTS, RecordingPlant, check_oracle, recording
from tests.waiting import until

LIMIT = 8000
"""Bytes that are carried to the history at one go."""
CAPACITY = 3000
WRITE = 0.05
"""Seconds a sync: five seconds, a hundred times as fast. So is what comes meanwhile."""
STALLED = 20 * WRITE
"""Seconds a sync while the backlog grows: however slowly this machine puts the samples, the store is slower."""
ROUNDS = 60


def put_many(plant: RecordingPlant, first: int, scans: int) -> None:
    """Put what does not compress, so that there is a backlog worth the name; the source time tells the number."""
    noise = random.Random(first)
    for number in range(first, first + scans):
        values = np.array([noise.random() for _ in range(POINTS)])
        plant.image.apply(Batch(SLOTS, values, 0, START + number, START + number))


async def test_fault_17_memory_is_bounded_and_the_backlog_drains(tmp_path: Path) -> None:
    with disk(tmp_path) as below:
        async with recording(tmp_path, capacity=CAPACITY, limit_bytes=LIMIT) as plant:
            await plant.accept([0])
            await plant.arrived()
            below.slow = (HISTORY, STALLED)
            number, most_waiting, backlog = 1, 0, 0
            for _ in range(ROUNDS):
                put_many(plant, number, 150)
                number += 150
                most_waiting = max(most_waiting, plant.recorder._tap.counters.waiting)
                await until(lambda wanted=number: plant.recorder.counters.stored == wanted * POINTS)
                backlog = max(backlog, (await plant.outbox.statistics()).streams["samples"].bytes)
            assert backlog > 5 * LIMIT, "the history fell behind, on the disk"
            below.slow = (HISTORY, WRITE)
            before = plant.sink.deliveries
            await plant.arrived()
            assert plant.sink.most_bytes < 2 * LIMIT, "and not in memory"
            assert most_waiting <= CAPACITY
            assert plant.recorder.counters.dropped == 0
            assert plant.sink.deliveries - before < ROUNDS / 2, "many records share a slow write"
            below.slow = None
            page = await plant.store.read_raw("nsu=urn:test;s=p0", 0, 1 << 62, 0)
            assert (page.source_time == START + np.arange(number)).all()


async def test_fault_17_a_write_that_never_ends_holds_no_more_than_one_delivery(tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with recording(tmp_path, limit_bytes=LIMIT, forward=False) as plant:
        append = plant.store.append

        async def held(*arguments: object) -> None:
            await gate.wait()
            await append(*arguments)  # type: ignore[arg-type]  # passed on as they came

        plant.store.append = held  # type: ignore[method-assign]  # the store hangs
        await plant.forwarder.start()
        await plant.accept(range(100))
        await until(lambda: plant.sink.deliveries)
        assert plant.sink.deliveries == 1
        assert plant.sink.most_bytes < 2 * LIMIT
        gate.set()
        await plant.arrived()
        await check_oracle(plant.store, range(100))
