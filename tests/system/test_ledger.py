"""The loss ledger of a real gateway, as nodes and as metrics: both are the same numbers."""

# asyncua's annotations are partial and call a plain int or float wrong where it takes one.
# pyright: reportArgumentType=false, reportUnknownMemberType=false
from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from asyncua import Client, ua

from server.ledger.accounts import DEVICE
from tests.system.plant import Plant, connected, lay_down, running
from tests.waiting import until

TYPES = "https://plantspace.io/UA/"
MORE = """
historian:
  nodes: ["/Objects/sim/*"]
metrics: {{listen: "127.0.0.1:{metrics}"}}
pubsub:
  broker: mqtt://127.0.0.1:{broker}
  commands: {{user: line}}
  subscribed: {{recipe: {{topic: a/b, user: line, fields: {{Set: /Objects/Tank/Level}}}}}}
  datasets:
    tank: {{publish: 1h, samples: all, queue: 4, nodes: ["/Objects/Tank/Level"]}}
"""


def _lay_down(folder: Path, free_port: Callable[[], int]) -> tuple[Path, int]:
    config, metrics = lay_down(folder, port=free_port()), free_port()
    with config.open("a", encoding="utf-8") as file:
        file.write(MORE.format(metrics=metrics, broker=free_port()))
    return config, metrics


async def _value(client: Client, plant: Plant, path: str) -> Any:
    index = plant.index(TYPES)
    return await client.get_node(ua.NodeId(path, index)).read_value()


async def _own(client: Client, plant: Plant, path: str) -> Any:
    index = plant.index("urn:plantspace:test")
    return await client.get_node(ua.NodeId(path, index)).read_value()


async def _metrics(port: int) -> dict[str, float]:
    def ask() -> str:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            return answer.read().decode()

    lines = (await asyncio.to_thread(ask)).splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


async def _is_told(port: int, name: str, value: float) -> bool:
    return (await _metrics(port)).get(name) == value


async def test_a_device_and_a_dataset_know_what_became_of_their_samples(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    config, port = _lay_down(tmp_path, free_port)
    async with running(config) as plant, connected(plant) as client:
        await client.load_data_type_definitions()
        recorder = plant.gateway.recorder
        assert recorder is not None
        name = 'plantspace_device_samples_{}_total{{device="sim"}}'

        async def is_stored() -> bool:
            return await _own(client, plant, "sim/Losses/Stored") > 0

        await until(is_stored)
        assert await _own(client, plant, "sim/Losses/Stored") <= await _own(client, plant, "sim/Losses/Acquired")
        for number in range(10):  # in one turn of the loop, so that nobody takes any of them meanwhile
            plant.put("Level", float(number))
        await until(lambda: plant.gateway.books.ledger.gaps.of("dataset/tank"))
        (gap,) = await _own(client, plant, "/DataSets/tank/GapIntervals")
        lost = await _own(client, plant, "/DataSets/tank/Dropped")
        assert (gap.Samples, gap.Stage) == (lost, "dataset/tank")
        assert gap.StartTime < gap.EndTime
        assert re.match("its queue was full", gap.Reason)
        assert await _own(client, plant, "/DataSets/tank/Gaps") == 1
        assert await _own(client, plant, "/DataSets/tank/Acquired") >= lost
        assert await _own(client, plant, "/DataSets/tank/Acknowledged") == 0
        recorder._tap.capacity = 5  # pyright: ignore[reportPrivateUsage] - a queue that is full at once
        await until(lambda: plant.gateway.books.ledger.dropped(f"{DEVICE}sim") > 0)
        await until(lambda: plant.gateway.books.ledger.gaps.of(f"{DEVICE}sim"))
        assert await _own(client, plant, "sim/Losses/Dropped") > 0
        assert (await _own(client, plant, "sim/Losses/GapIntervals"))[0].Stage == "recorder"
        metrics = await _metrics(port)
        assert metrics[name.format("stored")] <= await _own(client, plant, "sim/Losses/Stored")
        assert 0 < metrics[name.format("dropped")] <= await _own(client, plant, "sim/Losses/Dropped")
        assert metrics['plantspace_dataset_samples_dropped_total{dataset="tank"}'] == lost
        assert metrics['plantspace_device_health{device="sim",health="NORMAL"}'] == 1
        back = plant.gateway.books.way_backs["default"]
        assert back.counters is not None
        back.counters.refused, back.readers["recipe"].counters.unreadable = 3, 2
        await until(lambda: _is_told(port, 'plantspace_commands_refused_total{connection="default"}', 3))
        await until(
            lambda: _is_told(port, 'plantspace_reader_unreadable_total{connection="default",reader="recipe"}', 2)
        )
    async with running(config) as plant, connected(plant) as client:
        await client.load_data_type_definitions()
        assert await _own(client, plant, "/DataSets/tank/Gaps") == 0
        assert (await _own(client, plant, "/DataSets/tank/GapIntervals"))[0].Samples == lost


async def test_storage_is_measured_for_each_sink(tmp_path: Path, free_port: Callable[[], int]) -> None:
    config, port = _lay_down(tmp_path, free_port)
    storage = "Gateway.Diagnostics.Storage"
    async with running(config) as plant, connected(plant) as client:
        for number in range(3):
            plant.put("Level", float(number))
        await until(lambda: plant.gateway.counters()["stored"] > 0)
        await until(lambda: plant.gateway.books.storage.storage.rate > 0)
        assert await _value(client, plant, f"{storage}.IngestRate") > 0
        assert await _value(client, plant, f"{storage}.HistoryBytes") > 0
        assert await _value(client, plant, f"{storage}.OutboxBytes") > 0
        # The broker is nobody: its metadata waits.
        backlogs = plant.gateway.books.storage.storage
        await until(lambda: (held := backlogs.backlogs.get("mqtt")) is not None and held.records > 0)
        assert await _own(client, plant, "/Sinks/mqtt/BacklogRecords") > 0
        assert await _own(client, plant, "/Sinks/mqtt/OldestRecordAge") > 0
        assert (await _metrics(port))['plantspace_outbox_backlog_records{sink="mqtt"}'] > 0
