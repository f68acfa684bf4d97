"""Fault 19: samples come late and out of order. Reads are in the order of time; what was a late buffer is marked."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from asyncua import Node
from asyncua.common.subscription import DataChangeNotif

from core.batch import Batch, Samples
from core.quality import BACKFILLED, NO_VALUE, Status, backfilled_mask
from tests.clock import START
from tests.system.plant import URI, connected, lay_down, running
from tests.system.recording_plant import SLOTS, recording, whole
from tests.waiting import until

ONE = SLOTS[:1]
SECOND = 10_000_000


@dataclass
class Live:
    """What a tap that shows the present is offered."""

    values: list[float] = field(default_factory=list[float])

    def offer(self, samples: Samples) -> None:
        """Pass over what came late, as all such taps do."""
        if not samples.backfill:
            self.values += samples.values.tolist()


async def test_fault_19_reads_are_in_the_order_of_time_however_samples_came(tmp_path: Path) -> None:
    numbers = list(range(300))
    random.Random(19).shuffle(numbers)
    async with recording(tmp_path) as plant:
        for turn, number in enumerate(numbers):
            plant.image.apply(Batch(ONE, np.array([float(number)]), 0, START + number, START + 1000 + turn))
            if turn % 50 == 0:
                await plant.arrived()
        await plant.recorder.stop()
        await plant.arrived()
        for merged in (False, True):
            if merged:
                await plant.store.compact()
            page = await whole(plant.store)
            assert page.values.tolist() == sorted(numbers)
            backwards = await plant.store.read_raw("nsu=urn:test;s=p0", START + 300, START - 1, 0)
            assert backwards.values.tolist() == sorted(numbers, reverse=True)


async def test_fault_19_a_late_buffer_lands_in_order_and_marked_and_the_present_stays(tmp_path: Path) -> None:
    """A device that was cut off for a minute hands its buffer in, while its live values go on."""
    live = Live()
    async with recording(tmp_path) as plant:
        plant.image.add_tap(live)
        for second in [*range(10), *range(70, 80)]:
            plant.image.apply(
                Batch(ONE, np.array([float(second)]), 0, START + second * SECOND, START + second * SECOND)
            )
        before = plant.image.read(0)
        received = START + 80 * SECOND
        for second in range(10, 70):
            bad = second == 20
            status = int(Status.BAD_SENSOR_FAILURE) if bad else 0
            late = Batch(ONE, np.array([float(second)]), status, START + second * SECOND, received, backfill=True)
            handed_on = plant.image.apply(late)
            assert handed_on.backfill
            assert not handed_on.changed.any()
        assert plant.image.read(0) == before, "the present is what it was"
        await plant.recorder.stop()
        await plant.arrived()
        await plant.store.compact()
        page = await whole(plant.store)
        assert page.source_time.tolist() == [START + second * SECOND for second in range(80)]
        assert backfilled_mask(page.status).tolist() == [10 <= second < 70 for second in range(80)]
        usable = (page.status & np.uint32(NO_VALUE)) == 0
        assert page.values[usable].tolist() == [float(second) for second in range(80) if second != 20]
        assert int(page.status[20]) == Status.BAD_SENSOR_FAILURE | NO_VALUE | BACKFILLED
        assert set(page.server_time[10:70].tolist()) == {received}
        assert live.values == [float(second) for second in [*range(10), *range(70, 80)]]


async def test_fault_19_clients_and_operators_see_the_present_alone(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    seen: list[float] = []

    class Heard:
        def datachange_notification(self, node: Node, val: Any, data: DataChangeNotif) -> None:  # noqa: ARG002 - asyncua names them
            seen.append(val)

    config = lay_down(tmp_path, port=free_port())
    config.write_text(config.read_text(encoding="utf-8") + "historian: {}\n", encoding="utf-8")
    async with running(config) as plant, connected(plant) as client:
        (operator,), recorder = plant.gateway.operators, plant.gateway.recorder
        assert recorder is not None
        subscription = await client.create_subscription(20, Heard())
        await subscription.subscribe_data_change(client.get_node(plant.node("Level")))
        image = plant.gateway.image
        slot = image.slot_of[f"nsu={URI};s=Level"]
        first = plant.put("Level", 1.0)
        await until(lambda: 1.0 in seen)
        offered = operator.tap.counters.offered
        for number in range(5):
            moment = first - 10 * SECOND + number
            late = Batch(np.array([slot], np.int32), np.array([50.0 + number]), 0, moment, first, backfill=True)
            image.apply(late)
        assert operator.tap.counters.offered == offered
        plant.put("Level", 2.0)
        await until(lambda: 2.0 in seen)
        assert [value for value in seen if value >= 50.0] == []
        await until(lambda: recorder.counters.stored == recorder.counters.acquired)
        assert recorder.counters.acquired >= 7, "history has them"
