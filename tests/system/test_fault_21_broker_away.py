"""Fault 21: the broker is away for a day, with restarts of the gateway in between. In compressed time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.broker import Broker
from tests.conftest import ROOT
from tests.unit.server.pubsub.consumer import Consumer
from tests.unit.server.pubsub.plant import running, settings_of
from tests.waiting import until

DATASETS = {"meters": {"samples": "all", "publish": "5ms"}}
POINTS = 3
RUN = 1_000_000
"""Each run of the gateway numbers its samples from its own multiple of this."""


async def _gateway(folder: Path, url: str, first: int) -> None:
    """Be a gateway whose points count from ``first``; say on stdout what has been accepted. SIGTERM ends it well."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    async with running(folder, settings_of(url, DATASETS)) as plant:
        number = accepted = first
        while not ended.is_set():
            plant.apply(*[float(number)] * POINTS)
            number += 1
            await asyncio.sleep(0.0005)
            taken = first + plant.pubsub.statistics().writers["meters"].values // POINTS
            if taken > accepted:
                accepted = taken
                sys.stdout.write(f"{accepted - 1}\n")
                sys.stdout.flush()
    taken = first + plant.pubsub.statistics().writers["meters"].values // POINTS
    sys.stdout.write(f"{taken - 1}\n")
    sys.stdout.flush()


class _Gateway:
    """The gateway in another process."""

    def __init__(self, process: asyncio.subprocess.Process, first: int) -> None:
        self._process = process
        self.first = first
        self.last = first - 1
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            if line.endswith(b"\n"):
                self.last = int(line)

    @property
    def accepted(self) -> range:
        """Numbers that it said to have accepted."""
        return range(self.first, self.last + 1)

    async def end(self, how: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(how)
        await self._process.wait()
        await self._reading


@asynccontextmanager
async def _started(folder: Path, url: str, run: int, how: signal.Signals) -> AsyncGenerator[_Gateway]:
    first = run * RUN
    command = [sys.executable, "-m", "tests.system.test_fault_21_broker_away", str(folder), url, str(first)]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    gateway = _Gateway(process, first)
    try:
        yield gateway
    finally:
        await gateway.end(how)


def _delivered(consumers: list[Consumer]) -> tuple[dict[str, list[float]], dict[tuple[str, float], set[str]]]:
    """Give each point's values in the order of their first arrival, and the ids of the messages that each came in."""
    order: dict[str, dict[float, None]] = {}
    ids: dict[tuple[str, float], set[str]] = {}
    for consumer in consumers:
        for received in consumer.of("data"):
            network = received.json
            for message in network["Messages"]:
                for name, value in message.get("Payload", {}).items():
                    order.setdefault(name, {})[value["Value"]] = None
                    ids.setdefault((name, value["Value"]), set()).add(network["MessageId"])
    return {name: list(values) for name, values in order.items()}, ids


async def test_fault_21_a_broker_away_for_a_day_with_restarts_in_between(
    new_mosquitto: Callable[..., Broker], tmp_path: Path
) -> None:
    broker = new_mosquitto()
    folder = tmp_path / "gateway"
    folder.mkdir()
    gateways: list[_Gateway] = []
    before = Consumer(broker, tmp_path, "opcua/#")
    async with before, _started(folder, broker.url, 1, signal.SIGKILL) as gateway:
        gateways.append(gateway)
        await until(lambda: len(before.of("data")) > 10, seconds=60)
        broker.kill()
        await _accept_more(gateway)
    for run, how in ((2, signal.SIGKILL), (3, signal.SIGTERM)):
        async with _started(folder, broker.url, run, how) as gateway:
            gateways.append(gateway)
            await _accept_more(gateway)
    broker.start()
    async with Consumer(broker, tmp_path, "opcua/#") as after:
        async with _started(folder, broker.url, 4, signal.SIGKILL) as gateway:  # amid the backlog
            gateways.append(gateway)
            await until(lambda: after.of("data"), seconds=60)
        async with _started(folder, broker.url, 5, signal.SIGTERM) as gateway:
            gateways.append(gateway)
            await _accept_more(gateway)
            await until(lambda: after.of("data") and _last_of(after) >= gateway.first, seconds=60)
        # A gateway gives the broker two seconds at its end, and leaves to the next start what is not taken by then.
        async with _started(folder, broker.url, 6, signal.SIGTERM) as gateway:
            await until(lambda: _last_of(after) >= gateway.first, seconds=60)
    order, ids = _delivered([before, after])
    accepted = [float(number) for gateway in gateways for number in gateway.accepted]
    assert len(accepted) > 400
    for name in ("p0", "p1", "p2"):
        assert set(accepted) <= set(order[name]), name
        assert order[name] == sorted(order[name]), name
    assert all(len(messages) == 1 for messages in ids.values())


async def _accept_more(gateway: _Gateway) -> None:
    enough = gateway.last + 100
    await until(lambda: gateway.last >= enough, seconds=60)


def _last_of(consumer: Consumer) -> float:
    """Give the highest number in the newest message that has any."""
    for received in reversed(consumer.of("data")):
        for message in reversed(json.loads(received.payload)["Messages"]):
            if "Payload" in message:
                return float(message["Payload"]["p0"]["Value"])
    return -1.0


if __name__ == "__main__":
    asyncio.run(_gateway(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
