"""A gateway that publishes by several connections at once: values, events, its log, in several encodings."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

from asyncua import ua

from server.address_space.keys import key_of
from tests.broker import Broker
from tests.system.plant import connected, lay_down, running
from tests.unit.server.pubsub.consumer import Consumer
from tests.waiting import until

PUBSUB = """
pubsub:
  connections:
    default:
      broker: {url}
      prefix: several
      replay: live-first
      datasets:
        tank: {{nodes: [/Objects/*], publish: 50ms, samples: all}}
      logs:
        own: {{level: warning, publish: 50ms}}
      events:
        health: {{types: [DeviceHealthEventType], publish: 50ms}}
    numbers:
      broker: {url}
      prefix: numbers
      encoding: unified-namespace
      datasets:
        tank: {{nodes: [/Objects/*], publish: 50ms, samples: all}}
    binary:
      broker: {url}
      prefix: binary
      encoding: uadp
      datasets:
        tank: {{nodes: [/Objects/*], publish: 50ms, class: logs}}
    away:
      broker: mqtt://127.0.0.1:{nobody}
      prefix: away
      datasets:
        tank: {{nodes: [/Objects/*], publish: 50ms}}
"""


async def test_several_brokers_and_encodings_at_once(
    mosquitto: Broker, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    config = lay_down(tmp_path, port=free_port())
    text = PUBSUB.format(url=mosquitto.url, nobody=free_port())
    config.write_text(config.read_text(encoding="utf-8") + text, encoding="utf-8")
    async with (
        Consumer(mosquitto, tmp_path, "several/#") as several,
        Consumer(mosquitto, tmp_path, "numbers/#") as numbers,
        Consumer(mosquitto, tmp_path, "binary/uadp/data/#", "-F", "%t\t%r\t%l") as binary,
        running(config) as plant,
        connected(plant),
    ):
        publishing = plant.gateway.archive.publishing
        await until(
            lambda: all(one.connection.connected for name, one in publishing.statistics().items() if name != "away")
        )
        plant.put("Level", 4.5)
        await until(lambda: any('"Level":{"Value":4.5' in message.payload for message in several.of("data")))
        await until(
            lambda: 4.5 in [json.loads(m.payload).get("value") for m in numbers.messages if m.topic.endswith("/Level")]
        )
        await until(lambda: binary.messages)
        logging.getLogger("plantspace.test").warning("something is odd")
        await until(lambda: any("something is odd" in message.payload for message in several.of("data")))
        kept = ["mqtt", "mqtt/default/events", "mqtt/default/logs", "mqtt/numbers/telemetry", "mqtt/binary/logs"]
        assert {*kept, "mqtt/away/telemetry"} <= set(plant.gateway.archive.sinks)
        assert {"numbers.tank", "tank", "away.tank"} <= {
            name.removeprefix("dataset/") for name in plant.gateway.books.ledger.accounts
        }


async def test_the_ledger_lists_what_is_published_now(tmp_path: Path, free_port: Callable[[], int]) -> None:
    config = lay_down(tmp_path, port=free_port())
    url = f"mqtt://127.0.0.1:{free_port()}"
    with config.open("a", encoding="utf-8") as file:
        file.write(PUBSUB.format(url=url, nobody=free_port()))
    async with running(config) as plant:
        publishing, books = plant.gateway.archive.publishing, plant.gateway.books
        pubsub = publishing.pubsub
        assert pubsub is not None
        space, index = plant.gateway.plan.stack.internal.space, plant.index("urn:plantspace:test")
        planned = plant.gateway.plan.pubsub
        assert planned is not None
        every = planned.connections
        nodes = [f"/DataSets/{name}" for name in ("numbers.tank", "numbers.tank/Sent", "numbers.tank/GapIntervals")]
        nodes += ["/Sinks/mqtt/numbers/telemetry", "/Sinks/mqtt/numbers/telemetry/BacklogBytes"]
        keys = [key_of(ua.NodeId(ua.String(path), ua.Int16(index))) for path in nodes]
        assert all(key in space for key in keys)
        plant.put("Level", 4.5)
        await until(lambda: publishing.statistics()["numbers"].writers["tank"].values > 0)
        published = books.totals().published()
        for connections, shown in (({"away": every["away"]}, False), (every, True)):
            await publishing.apply(connections)
            assert all((key in space) is shown for key in keys)
            assert ("dataset/numbers.tank" in books.ledger.accounts) is shown
            assert books.totals().published() >= published, "what was counted stays"
