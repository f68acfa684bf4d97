"""The MQTT part of a running gateway, and the loss ledger when everything has arrived."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.time import from_iso, now
from tests.broker import Broker, free_port
from tests.system.running_gateway import PLANTSPACE, GatewayClient, RunningGateway
from tests.unit.server.pubsub.consumer import Consumer
from tests.waiting import until

LOSSES = f"nsu={PLANTSPACE};s=Gateway.Diagnostics.Losses"
POINTS = 25
BODY = """\
devices:
  sim: {{driver: simulator, scan: 1h, history: true, generate: {{count: 25, type: Double, signal: counter}}}}
pubsub:
  broker: {url}
  prefix: {prefix}
  retry_first: 20ms
  retry_longest: 100ms
  datasets: {{all: {{publish: 5s, keyframe: 10000, nodes: ["/Objects/sim/*"]}}}}
"""
"""Keyframes but for the first would publish the same values again, and the counts would go on. So would a dataset that
is published before the device was scanned: it tells first that there are no values yet."""


async def _losses(client: GatewayClient) -> dict[str, int]:
    names = ("Acquired", "Stored", "Published", "Acknowledged", "Dropped", "Gaps")
    return {name: await client.value(f"{LOSSES}.{name}") for name in names}


def _payloads(consumer: Consumer) -> list[dict[str, Any]]:
    """Give the fields of all data messages so far."""
    messages = [message for received in consumer.of("data") for message in received.json["Messages"]]
    return [message["Payload"] for message in messages if "Payload" in message]


async def test_a_datasets_values_arrive_and_the_ledger_balances(mosquitto: Broker, tmp_path: Path) -> None:
    body = BODY.format(url=mosquitto.url, prefix="ledger")
    async with Consumer(mosquitto, tmp_path, "ledger/#") as consumer:
        with RunningGateway(tmp_path / "gateway", body) as gateway:
            async with gateway.client() as client:
                await until(lambda: any(len(one) == POINTS for one in _payloads(consumer)))
                # The device is scanned once an hour: what was acquired once is all there is.
                everything = dict.fromkeys(("Acquired", "Stored", "Published", "Acknowledged"), POINTS)

                async def balanced() -> bool:
                    return await _losses(client) == {**everything, "Dropped": 0, "Gaps": 0}

                await until(balanced)
                for number in range(POINTS):
                    (told,) = {one[f"t{number}"]["Value"] for one in _payloads(consumer) if f"t{number}" in one}
                    assert told == await client.value(f"sim.t{number}")
            assert gateway.stop() == 0
        await until(lambda: consumer.of("status"))
        await until(lambda: consumer.of("metadata"))


async def test_a_broker_that_is_missing_at_the_start_does_not_matter(tmp_path: Path) -> None:
    port = free_port()
    broker = Broker(tmp_path / "broker", port=port)
    with RunningGateway(tmp_path / "gateway", BODY.format(url=broker.url, prefix="opcua")) as gateway:
        async with gateway.client() as client:

            async def scanned() -> bool:
                return await client.status("sim.t0") == "Good"

            await until(scanned)

            async def published() -> bool:
                losses = await _losses(client)
                return (losses["Stored"], losses["Published"], losses["Acknowledged"]) == (POINTS, POINTS, 0)

            await until(published)
            broker.start()
            try:
                async with Consumer(broker, tmp_path, "opcua/#") as consumer:

                    async def acknowledged() -> bool:
                        return (await _losses(client))["Acknowledged"] == POINTS

                    await until(acknowledged, seconds=30)
                    await until(lambda: consumer.of("metadata"))
            finally:
                broker.stop()
            assert await client.status("sim.t0") == "Good"
        assert gateway.stop() == 0
    assert "Traceback" not in gateway.log


SAMPLES = """\
devices:
  sim: {{driver: simulator, scan: 10ms, generate: {{count: 2, type: Double, signal: counter}}}}
pubsub:
  broker: {url}
  retry_first: 20ms
  retry_longest: 100ms
  datasets: {{all: {{publish: 20ms, samples: all, nodes: ["/Objects/sim/*"]}}}}
"""


async def test_what_was_not_acknowledged_survives_a_kill_and_a_stop_of_the_gateway(tmp_path: Path) -> None:
    broker = Broker(tmp_path / "broker")
    gateway = RunningGateway(tmp_path / "gateway", SAMPLES.format(url=broker.url))
    published = 0
    for how in ("kill", "stop"):
        with gateway:
            async with gateway.client() as client:

                async def enough(client: GatewayClient = client) -> bool:
                    return (await _losses(client))["Published"] >= 100

                await until(enough)
                losses = await _losses(client)
                assert (losses["Acknowledged"], losses["Dropped"]) == (0, 0)
                published += losses["Published"]
            if how == "stop":
                assert gateway.stop() == 0
    restarted = now()
    broker.start()
    try:
        async with Consumer(broker, tmp_path, "opcua/#") as consumer:

            def held() -> list[tuple[int, str, int]]:
                """Give number, field and source time of each value made before the last restart."""
                return [
                    (message["SequenceNumber"], name, from_iso(field["SourceTimestamp"]))
                    for received in consumer.of("data")
                    for message in received.json["Messages"]
                    for name, field in message.get("Payload", {}).items()
                    if from_iso(field["SourceTimestamp"]) < restarted
                ]

            with gateway:
                await until(lambda: _newest_time(consumer) > restarted, seconds=60)
    finally:
        broker.stop()
    arrived = held()
    assert len(set(arrived)) >= published
    for field in ("t0", "t1"):
        of_field = [(number, moment) for number, name, moment in arrived if name == field]
        assert list(dict.fromkeys(of_field)) == sorted(set(of_field))


def _newest_time(consumer: Consumer) -> int:
    """Give the latest source time so far."""
    return max((from_iso(field["SourceTimestamp"]) for one in _payloads(consumer) for field in one.values()), default=0)
