"""Fault 15: the disk is full. Told; OPC UA stays live; nothing is damaged; it goes on by itself when there is room."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportArgumentType=false
from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from asyncua import Node, ua
from asyncua.common.subscription import DataChangeNotif

from core.time import to_datetime
from drivers.health import DeviceHealth
from tests.disk import disk, small_file_system
from tests.system.plant import connected, lay_down, running
from tests.system.recording_plant import POINTS, check_oracle, integrity, recording
from tests.waiting import until

BEFORE, MEANWHILE = 20, 100


async def test_fault_15_a_full_disk_is_told_and_all_is_kept_when_there_is_room(tmp_path: Path) -> None:
    with disk(tmp_path) as below:
        async with recording(tmp_path) as plant:
            await plant.accept(range(BEFORE))
            await plant.arrived()
            below.full = True
            plant.put(BEFORE)
            await until(lambda: plant.told)
            assert [where for where, _ in plant.told] == ["samples"], "told once, however often it is tried"
            assert "make room on the disk" in plant.told[0][1]
            stored = plant.recorder.counters.stored
            for number in range(BEFORE + 1, BEFORE + MEANWHILE):
                plant.put(number)
            assert plant.image.read(0).value == BEFORE + MEANWHILE - 1, "the image is live"
            assert plant.recorder.counters.stored == stored == BEFORE * POINTS
            below.full = False
            await until(lambda: plant.recorder.counters.stored == (BEFORE + MEANWHILE) * POINTS)
            await plant.arrived()
            await check_oracle(plant.store, range(BEFORE + MEANWHILE))
            assert plant.told[1:] == [("samples", "")]
            assert plant.recorder.counters.dropped == 0
    assert integrity(tmp_path) == []


async def test_fault_15_a_file_system_without_room_damages_nothing(tmp_path: Path) -> None:
    """The same with a real file system that is really full."""
    with small_file_system(tmp_path, 8 << 20) as folder:
        async with recording(folder) as plant:
            await plant.accept(range(BEFORE))
            await plant.arrived()
            ballast = folder / "ballast"
            with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(bytes(4096))
            plant.put(BEFORE)
            await until(lambda: plant.told)
            assert "make room on the disk" in plant.told[0][1]
            for number in range(BEFORE + 1, BEFORE + MEANWHILE):
                plant.put(number)
            ballast.unlink()
            await until(lambda: plant.recorder.counters.stored == (BEFORE + MEANWHILE) * POINTS)
            await plant.arrived()
            await check_oracle(plant.store, range(BEFORE + MEANWHILE))
        assert integrity(folder) == []


async def test_fault_15_opc_ua_stays_live_while_the_disk_is_full(tmp_path: Path, free_port: Callable[[], int]) -> None:
    config = lay_down(tmp_path, port=free_port())
    config.write_text(config.read_text(encoding="utf-8") + "historian: {}\n", encoding="utf-8")
    seen: list[Any] = []
    told: list[tuple[str, int]] = []

    class Heard:
        def datachange_notification(self, node: Node, val: Any, data: DataChangeNotif) -> None:  # noqa: ARG002 - asyncua names them
            seen.append(val)

        def event_notification(self, event: Any) -> None:
            told.append((event.Device, event.Health))

    with disk(tmp_path / "var") as below:
        async with running(config) as plant, connected(plant) as client:
            recorder = plant.gateway.recorder
            assert recorder is not None
            subscription = await client.create_subscription(20, Heard())
            level = client.get_node(plant.node("Level"))
            await subscription.subscribe_data_change(level)
            events = ua.NodeId("DeviceHealthEventType", plant.index("https://plantspace.io/UA/"))
            await subscription.subscribe_events(evtypes=events)
            first = last = plant.put("Level", 1.0)
            await until(lambda: recorder.counters.stored >= 1)
            below.full = True
            stored = recorder.counters.stored
            values = [float(number) for number in range(10, 40)]
            for value in values:
                last = plant.put("Level", value)
                await until(lambda value=value: value in seen)
                assert await level.read_value() == value
            failure, normal = int(DeviceHealth.FAILURE), int(DeviceHealth.NORMAL)
            await until(lambda: [health for place, health in told if "samples" in place] == [failure])
            below.full = False
            await until(lambda: recorder.counters.stored > stored)

            async def there() -> bool:
                found = await level.read_raw_history(to_datetime(first), to_datetime(last + 10_000))
                good = [each for each in found if each.StatusCode is None or each.StatusCode.is_good()]  # no bound
                return [each.Value.Value for each in good if each.Value is not None] == [1.0, *values]

            await until(there)
            await until(lambda: [health for place, health in told if "samples" in place] == [failure, normal])
    assert integrity(tmp_path / "var") == []
