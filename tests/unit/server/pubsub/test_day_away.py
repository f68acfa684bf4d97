"""Fault 21 in compressed time: a day without a broker, restarts in between, and both orders of what comes then."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from core.time import now
from tests.broker import Broker
from tests.clock import ManualClock
from tests.unit.server.pubsub.consumer import Consumer
from tests.unit.server.pubsub.plant import Plant, settings_of
from tests.waiting import until

_HOURS = 24
_A_RUN = 8
_EACH = 20
"""Samples of a point that stand for an hour's."""


@pytest.mark.parametrize("replay", ["in-order", "live-first"])
async def test_fault_21_after_a_day_without_broker_every_sample_is_there_in_order(
    new_mosquitto: Callable[..., Broker], tmp_path: Path, replay: str
) -> None:
    broker = new_mosquitto()
    broker.stop()
    clock, start = ManualClock(), now()
    settings = settings_of(broker.url, {"meters": {"samples": "all", "publish": "5ms"}}, replay=replay)
    number = 0

    async def sample(plant: Plant, count: int) -> None:
        nonlocal number
        before = plant.pubsub.statistics().writers["meters"].values
        for _ in range(count):
            plant.apply(float(number), -float(number), 0.5, moment=start + number)
            number += 1
        await until(lambda: plant.pubsub.statistics().writers["meters"].values == before + 3 * count)

    for run in range(_HOURS // _A_RUN):
        plant = Plant(tmp_path, settings, clock=clock)
        await plant.start()
        for _ in range(_A_RUN):
            await sample(plant, _EACH)
            await clock.advance(3_600)
        await plant.stop()
        assert (await _waiting(tmp_path)) >= _A_RUN * (run + 1)
    day = number
    broker.start()
    plant = Plant(tmp_path, settings, clock=clock)
    async with Consumer(broker, tmp_path, "opcua/json/data/#", "-F", "%t\t%r\t%P\t%p") as consumer:
        await plant.start()
        await until(lambda: plant.pubsub.statistics().connection.connected)
        await sample(plant, _EACH)
        await asyncio.wait_for(plant.pubsub.drain(), 30)
        await until(lambda: len(_samples(consumer)) == number)
        await plant.stop()
    assert plant.pubsub.statistics().delivery.replayed >= _HOURS
    samples = _samples(consumer)
    old = [value for value, backfill in samples if backfill]
    assert old[:day] == list(range(day)), "every sample of the day, in order, marked as late"
    assert [value for value, _ in samples if value >= day] == list(range(day, number))
    if replay == "in-order":
        assert [value for value, _ in samples] == list(range(number))


def _samples(consumer: Consumer) -> list[tuple[int, bool]]:
    """Give the first point's values as they came, and whether they were marked as backfill."""
    found: list[tuple[int, bool]] = []
    for received in consumer.messages:
        properties, _, payload = received.payload.partition("\t")
        for message in json.loads(payload)["Messages"]:
            values = message.get("Payload", {})
            if "p0" in values:
                assert values["p1"]["Value"] == -values["p0"]["Value"]
                found.append((int(values["p0"]["Value"]), "Backfill:true" in properties))
    return found


async def _waiting(folder: Path) -> int:
    plant = Plant(folder, settings_of("mqtt://127.0.0.1:1"))
    await plant.outbox.open()
    try:
        return await plant.backlog()
    finally:
        await plant.outbox.close()
