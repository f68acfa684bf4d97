"""Commands to a gateway that is killed amid them: each is done once or never, and whoever asks again is told which."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

from tests.broker import Broker
from tests.modbus_device import ModbusDevice
from tests.system.log_in import add_user
from tests.system.running_gateway import RunningGateway
from tests.unit.server.pubsub.consumer import Consumer
from tests.waiting import until

COMMANDS = 100
ANSWER = 0.02
"""Seconds that the device takes for each answer, so that a command is under way whenever the kill comes."""
BODY = """\
devices:
  plc:
    driver: modbus
    url: {url}
    scan: 60s
    retry: 50ms
    bindings:
      - {{node: Step, address: "holding:0/uint16", access: rw}}
pubsub:
  broker: {broker}
  prefix: killed
  retry_first: 20ms
  commands: {{user: line, rate: 1000}}
"""
SUBACK = "Sending SUBACK to plantspace-line-1"
TOPIC = "killed/json/commands/line-1"


async def publish(broker: Broker) -> None:
    """Send all commands."""
    node = "nsu=urn:plantspace:line-1;s=plc.Step"
    lines = [json.dumps({"id": f"c{one}", "writes": [{"node": node, "value": one}]}) for one in range(COMMANDS)]
    process = await asyncio.create_subprocess_exec(
        *("mosquitto_pub", "-h", broker.host, "-p", str(broker.port), "-t", TOPIC, "-q", "1", "-l"),
        stdin=subprocess.PIPE,
    )
    await process.communicate("\n".join(lines).encode())


def answered(consumer: Consumer) -> dict[str, str]:
    """Give the last answer to each command."""
    told = [one.json for one in consumer.messages]
    return {one["id"]: one["status"]["Symbol"] for one in told if one["id"] is not None}


async def test_none_is_done_twice(tmp_path: Path, mosquitto: Broker) -> None:
    with ModbusDevice() as device:
        gateway = RunningGateway(tmp_path / "gateway", BODY.format(url=device.url, broker=mosquitto.url))
        await add_user(gateway.data, "line", "Operator")
        async with Consumer(mosquitto, tmp_path, f"{TOPIC}/answers/#") as consumer:
            subscribed = mosquitto.log.count(SUBACK)
            with gateway:
                await until(lambda: mosquitto.log.count(SUBACK) > subscribed)
                await until(lambda: device.counters()["reads"])
                device.switch(delay=ANSWER, delayed=1_000_000)
                publishing = asyncio.create_task(publish(mosquitto))
                await until(lambda: len(answered(consumer)) >= COMMANDS // 10, every=0.002)
                gateway.kill()
                await publishing
            before = len(device.counters()["writes"])
            assert before < COMMANDS
            device.switch(delay=0, delayed=0)
            subscribed, reads = mosquitto.log.count(SUBACK), len(device.counters()["reads"])
            with gateway:
                await until(lambda: mosquitto.log.count(SUBACK) > subscribed)
                await until(lambda: len(device.counters()["reads"]) > reads)
                await publish(mosquitto)
                await until(lambda: len(answered(consumer)) == COMMANDS)
                await until(lambda: "BadRequestInterrupted" in answered(consumer).values())
            symbols = list(answered(consumer).values())
        done, interrupted = symbols.count("Good"), symbols.count("BadRequestInterrupted")
        assert (done + interrupted, interrupted) == (COMMANDS, 1)
        assert done <= len(device.counters()["writes"]) <= done + interrupted
