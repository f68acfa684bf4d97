"""Fault 24: the buffer is full. The lowest class and the oldest go first, alarms never; the count is exact and told."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportArgumentType=false
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from asyncua import ua

from core.errors import StoreUnavailable
from historian.outbox_cap import ROOM, Cap
from historian.outbox_priorities import priority_of
from tests.system.plant import connected, lay_down, running
from tests.system.recording_plant import POINTS, recording, whole
from tests.waiting import until

CAP = 40_000
NAMESPACE = "https://plantspace.io/UA/"
HISTORY = "historian: {}\n"


async def test_fault_24_the_lowest_and_oldest_go_first_alarms_never_and_every_gap_is_counted(tmp_path: Path) -> None:
    async with recording(tmp_path, largest_bytes=CAP, forward=False) as plant:
        await plant.outbox.register("history", "samples")
        accepted: dict[str, list[int]] = {"alarms": [], "events": [], "logs": []}
        number = refused = 0
        for turn in range(120):
            for _ in range(3):
                plant.put(number)
                number += 1
            for stream, every in (("alarms", 5), ("events", 3), ("logs", 2)):
                if turn % every:
                    continue
                try:
                    accepted[stream].append(await plant.outbox.append(stream, bytes(500)))
                except StoreUnavailable:
                    refused += 1
            await until(lambda number=number: plant.recorder.counters.stored == number * POINTS)
        statistics = await plant.outbox.statistics()
        left = {
            stream: [record.sequence for record in await plant.outbox.read(stream, 0, 1 << 30)] for stream in accepted
        }
        assert left["alarms"] == accepted["alarms"]
        assert left["events"] == accepted["events"], "there was telemetry to go before them"
        assert left["logs"] == accepted["logs"][len(accepted["logs"]) - len(left["logs"]) :]
        lost = {loss.stream: loss for loss in statistics.losses}
        assert {loss.reason for loss in statistics.losses} == {ROOM}
        assert lost["logs"].records == len(accepted["logs"]) - len(left["logs"])
        assert statistics.refused == {"logs": refused}, "what matters more had all the room, and it was told"
        assert sum(one.bytes for one in statistics.streams.values()) <= CAP
        await plant.forwarder.start()
        await plant.arrived()
        there = await whole(plant.store)
        numbers = there.values.astype(np.int64)
        assert numbers.tolist() == list(range(number - len(numbers), number)), "the newest are there, the oldest went"
        assert lost["samples"].samples == (number - len(numbers)) * POINTS > 0


class Heard:
    """Sample losses that a client was told of."""

    def __init__(self) -> None:
        self.lost: list[tuple[str, int]] = []

    def event_notification(self, event: Any) -> None:
        self.lost.append((event.Stage, event.Lost))


async def test_fault_24_an_event_says_how_many_samples_went(tmp_path: Path, free_port: Callable[[], int]) -> None:
    config = lay_down(tmp_path, port=free_port())
    config.write_text(config.read_text(encoding="utf-8") + HISTORY, encoding="utf-8")
    async with running(config) as plant, connected(plant) as client:
        gateway = plant.gateway
        outbox, recorder = gateway.archive.outbox, gateway.recorder
        assert outbox is not None
        assert recorder is not None
        heard = Heard()
        subscription = await client.create_subscription(50, heard)
        await subscription.subscribe_events(evtypes=ua.NodeId("SampleLossEventType", plant.index(NAMESPACE)))
        await outbox.register("nobody", "samples")  # so that everything waits
        recorder._interval = 0.01
        outbox._cap = Cap(400, 1 << 20, priority_of)
        for number in range(20):
            stored = recorder.counters.stored
            plant.put("Level", float(number))
            await until(lambda stored=stored: recorder.counters.stored > stored, every=0.001)
            await outbox.enforce_cap()

        async def told_all() -> bool:
            lost = (await outbox.statistics()).streams["samples"].lost_samples
            return lost > 0 and sum(count for place, count in heard.lost if place == "outbox/samples") == lost

        await until(told_all)
