"""Losses on the way to a consumer: each is an event and a gap, and a sink that is removed leaves nothing behind."""

# asyncua's annotations are partial and call a plain int or float wrong where it takes one.
# pyright: reportArgumentType=false, reportUnknownMemberType=false
from __future__ import annotations

import asyncio
import logging
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua

from server.plan import plan_gateway
from tests.system.plant import Plant, connected, lay_down, running
from tests.waiting import until

TYPES = "https://plantspace.io/UA/"
PUBSUB = """
pubsub:
  broker: mqtt://127.0.0.1:{port}
  retry_first: 20ms
  retry_longest: 100ms
  datasets:
    tank: {{publish: {publish}, samples: all, queue: 4, nodes: ["/Objects/Tank/Level"]}}
"""


class Heard:
    """Sample losses that a client was told of."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def event_notification(self, event: Any) -> None:
        self.events.append(event)

    def of(self, stage: str) -> list[tuple[int, str]]:
        return [(one.Lost, one.Message.Text) for one in self.events if one.Stage == stage]


async def _losses(client: Client, plant: Plant) -> tuple[int, int]:
    """Read Dropped and Gaps."""
    index = plant.index(TYPES)
    names = [f"Gateway.Diagnostics.Losses.{name}" for name in ("Dropped", "Gaps")]
    values = await client.read_values([client.get_node(ua.NodeId(name, index)) for name in names])
    return values[0], values[1]


def _with_pubsub(config: Path, port: int, publish: str) -> str:
    """Add a dataset to the configuration, whose broker is nobody; gives what was there before."""
    before = config.read_text(encoding="utf-8")
    config.write_text(before + PUBSUB.format(port=port, publish=publish), encoding="utf-8")
    return before


def _rows(file: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


async def test_an_operators_and_a_datasets_queue_tell_what_they_lost_once_a_second(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    config = lay_down(tmp_path, port=free_port())
    _with_pubsub(config, free_port(), "1h")
    async with running(config) as plant, connected(plant) as client:
        heard = Heard()
        subscription = await client.create_subscription(50, heard)
        await subscription.subscribe_events(evtypes=ua.NodeId("SampleLossEventType", plant.index(TYPES)))
        (operator,) = plant.gateway.operators
        await until(lambda: not operator.tap.counters.waiting)
        operator.tap.capacity = 4
        for number in range(10):  # in one turn of the loop, so that nobody takes any of them meanwhile
            plant.put("Level", float(number))
        await until(lambda: heard.of("operator/watch") and heard.of("dataset/tank"))
        for stage in ("operator/watch", "dataset/tank"):
            ((lost, message),) = heard.of(stage)
            assert lost >= 6  # the dataset may have held the initial value too
            assert re.search(rf"{stage}: {lost} samples were lost between \d+-\S+Z and \d+-\S+Z: its queue", message)
        lost = sum(event.Lost for event in heard.events)
        assert await _losses(client, plant) == (lost, 2)
        plant.put("Level", 1.0)
        await until(lambda: len(heard.of("dataset/tank")) == 2)
        assert await _losses(client, plant) == (lost + 1, 3)
        await subscription.delete()


async def test_what_the_recorder_loses_at_the_stop_is_told_at_the_stop(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    told: list[str] = []
    async with running(lay_down(tmp_path, port=free_port())) as plant:
        plant.gateway.alarms.listen(lambda alarm: told.append(alarm.message))
        recorder = plant.gateway.recorder
        assert recorder is not None
        await until(lambda: recorder.counters.stored == recorder.counters.acquired)
        with closing(sqlite3.connect(tmp_path / "var" / "outbox.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            plant.put("Level", 1.0)
            plant.put("Level", 2.0)
            await plant.gateway.stop()
            other.rollback()
    (message,) = [one for one in told if one.startswith("recorder")]
    assert message.startswith("recorder: 2 samples were lost between ")
    assert plant.gateway.counters()["dropped"] == 2


@pytest.mark.parametrize("history", ["kept", "also removed"])
async def test_a_sink_that_is_removed_is_told_and_forgotten_at_the_next_start_and_not_by_check(
    history: str, tmp_path: Path, free_port: Callable[[], int], caplog: pytest.LogCaptureFixture
) -> None:
    config, file = lay_down(tmp_path, port=free_port()), tmp_path / "var" / "outbox.sqlite"
    before = _with_pubsub(config, free_port(), "10ms")
    async with running(config) as plant:
        plant.put("Level", 1.0)
        await until(lambda: plant.gateway.counters()["published"] > 0)
    held = _rows(file, "SELECT count(*), sum(r.samples) FROM record r JOIN stream s ON s.id = r.stream")
    ((records, samples),) = held
    assert records > 0
    config.write_text(before, encoding="utf-8")
    if history == "also removed":
        model = tmp_path / "plant.NodeSet2.xml"
        model.write_text(model.read_text(encoding="utf-8").replace(' Historizing="true"', ""), encoding="utf-8")
    await (await plan_gateway(config)).discard()
    assert {name for (name,) in _rows(file, "SELECT name FROM sink")} == {"history", "mqtt"}
    with caplog.at_level(logging.WARNING, "plantspace.outbox"):
        async with running(config):
            sinks = {name for (name,) in await asyncio.to_thread(_rows, file, "SELECT name FROM sink")}
            assert sinks == ({"history"} if history == "kept" else set())
    query = "SELECT count(*) FROM record r JOIN stream s ON s.id = r.stream WHERE s.name = 'pubsub'"
    assert _rows(file, query) == [(0,)]
    warned = [one.message for one in caplog.records if one.name == "plantspace.outbox"]
    told = f"had not taken is lost to it: {samples} samples in {records} records"
    assert [one for one in warned if "no longer has the sink mqtt" in one and told in one]
    assert len(warned) == (1 if history == "kept" else 2)
