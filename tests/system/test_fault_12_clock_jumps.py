"""Fault 12: the clock jumps an hour, or back; both times are kept, and nothing is dropped."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.batch import Batch
from core.time import TICKS_PER_SECOND
from tests.clock import ManualClock
from tests.system.recording_plant import POINTS, SLOTS, recording, whole

HOUR = 3600 * TICKS_PER_SECOND


async def test_fault_12_both_times_are_kept_and_nothing_is_dropped_when_the_clock_jumps(tmp_path: Path) -> None:
    """Devices of two kinds: some have a clock of their own, the others' values are as old as the gateway says."""
    clock = ManualClock()
    device = clock.now()
    expected: list[tuple[int, int, float]] = []
    async with recording(tmp_path, clock=clock) as plant:
        number = 0
        for jump in (0.0, 3600.0, -7200.0, 40 * 86_400.0, -80 * 86_400.0, 3600.0):
            clock.jump(jump)
            for _ in range(5):
                await clock.advance(1.0)
                device += TICKS_PER_SECOND
                times = np.array([device, clock.now(), device], np.int64)
                plant.image.apply(Batch(SLOTS, np.full(POINTS, float(number)), 0, times, clock.now()))
                expected.append((device, clock.now(), float(number)))
                number += 1
            await plant.outbox.enforce_cap()
        await plant.recorder.stop()
        await plant.arrived()
        assert plant.recorder.counters.dropped == 0
        assert (await plant.outbox.statistics()).losses == ()
        own = await whole(plant.store)
        assert list(zip(own.source_time, own.server_time, own.values, strict=True)) == expected
        gateways = await whole(plant.store, 1)
        in_time = sorted((server, value) for _, server, value in expected)
        assert list(zip(gateways.source_time, gateways.values, strict=True)) == in_time
        assert (gateways.server_time == gateways.source_time).all()
    assert max(server for _, server, _ in expected) - min(server for _, server, _ in expected) > 70 * 24 * HOUR
