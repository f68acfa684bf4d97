"""Fault 16: a sync gives EIO. What it was for is never reported as stored; the store recovers when the disk does."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from core.errors import StoreUnavailable
from tests.disk import after_power_cut, disk
from tests.system.recording_plant import POINTS, check_oracle, integrity, recording
from tests.waiting import until


async def test_fault_16_what_could_not_be_synced_is_not_reported_as_stored(tmp_path: Path) -> None:
    with disk(tmp_path) as below:
        async with recording(tmp_path) as plant:
            await plant.accept(range(20))
            await plant.arrived()
            below.syncs_fail = True
            for number in range(20, 60):
                plant.put(number)
            await until(lambda: plant.told)
            assert "disk I/O error" in plant.told[0][1]
            with pytest.raises(StoreUnavailable):
                await plant.outbox.append("alarms", b"x")
            assert plant.recorder.counters.stored == 20 * POINTS
            newest = plant.outbox.newest("samples")
            assert [record.sequence for record in await plant.outbox.read("samples", newest)] == []
            below.syncs_fail = False
            await until(lambda: plant.recorder.counters.stored == 60 * POINTS)
            await plant.arrived()
            await check_oracle(plant.store, range(60))
            assert plant.recorder.counters.dropped == 0
            assert ("samples", "") in plant.told
    assert integrity(tmp_path) == []


async def test_fault_16_the_history_is_not_acknowledged_before_its_disk_has_it(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    with disk(tmp_path / "files") as below:
        below.failing = "history"
        async with recording(tmp_path / "files", forward=False) as plant:
            await plant.accept(range(20))
            await plant.forwarder.start()
            await plant.arrived()
            acknowledged = (await plant.outbox.statistics()).sinks["history"].acknowledged_samples
            below.syncs_fail = True
            await plant.accept(range(20, 40))
            await until(lambda: plant.told)
            assert plant.told[0][0] == "history"
            statistics = await plant.outbox.statistics()
            assert statistics.sinks["history"].acknowledged_samples == acknowledged == 20 * POINTS
            assert statistics.streams["samples"].samples == 20 * POINTS
            below.syncs_fail = False
            await plant.arrived()
            await check_oracle(plant.store, range(40))
            assert plant.told[-1] == ("history", "")


async def test_fault_16_a_power_cut_after_failed_syncs_loses_nothing_either(tmp_path: Path) -> None:
    """What a failed sync was for is taken for written by the system, and may never come to the disk."""
    (tmp_path / "whole").mkdir()
    with disk(tmp_path / "whole") as below:
        below.events = []
        async with recording(tmp_path / "whole") as plant:
            number = 0
            for _ in range(6):
                await plant.accept(range(number, number + 4))
                below.mark(number := number + 4)
                below.syncs_fail = True
                plant.put(number)
                failures = plant.recorder.counters.stored
                await until(lambda: plant.told and plant.told[-1][1])
                below.syncs_fail = False
                number += 1
                await until(lambda failures=failures: plant.recorder.counters.stored == failures + POINTS)
                below.mark(number)
            events = list(below.events)
    chance = random.Random(16)
    for cut in range(12):
        before = events[: chance.randrange(len(events) // 4, len(events))]
        accepted = max((event.mark for event in before if event.kind == "mark"), default=0)
        folder = tmp_path / f"cut{cut}"
        folder.mkdir()
        for name, data in after_power_cut(before, chance).items():
            (folder / name).write_bytes(data)
        async with recording(folder) as plant:
            await plant.arrived()
            await check_oracle(plant.store, range(accepted))
        assert integrity(folder) == []


@pytest.mark.parametrize("sound", range(8))
async def test_fault_16_nothing_is_built_on_a_commit_that_the_disk_never_got(tmp_path: Path, sound: int) -> None:
    """A file closed and opened again after a failed sync has that commit, read from memory, and goes on behind it."""
    (tmp_path / "whole").mkdir()
    with disk(tmp_path / "whole") as below:
        below.events, below.failing, below.sound = [], "history", sound
        async with recording(tmp_path / "whole", forward=False) as plant:
            await plant.accept(range(8))
            below.syncs_fail = True
            await plant.forwarder.start()
            await until(lambda: plant.told)
            below.syncs_fail = False
            await plant.arrived()
            await check_oracle(plant.store, range(8))
            events = list(below.events)
    for seed in range(4):
        folder = tmp_path / f"cut{seed}"
        folder.mkdir()
        for name, data in after_power_cut(events, random.Random(seed), kept=0).items():
            (folder / name).write_bytes(data)
        async with recording(folder) as plant:
            await plant.arrived()
            await check_oracle(plant.store, range(8))
        assert integrity(folder) == []
