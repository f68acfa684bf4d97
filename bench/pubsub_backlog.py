"""A backlog goes out beside live data: ``python -m bench.pubsub_backlog [--points N]``.

A gateway with 10 000 points/s and no broker fills its outbox for some seconds; its records are then accepted again and
again until there are N points. So each record is a real one, and what they say repeats. Then the gateway starts with a
broker and ``replay: live-first``: how long until all is acknowledged, how late live messages are meanwhile, and how
much more memory it takes. Live data are late from the moment at which their message is made.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any, Final

from bench.processes import Process, broker, cost, free_port, module, work_folder
from historian.contract import Record
from historian.outbox import Outbox
from server.pubsub.delivery.streams import STREAM

_POINTS: Final = 1_000
_LONGEST: Final = 540.0
"""Seconds that a backlog may take to drain before the outcome is told as it is."""
_TOGETHER: Final = 128
"""Records that are accepted together."""
_ALL_MEMORY: Final = 1 << 30


def configuration(folder: Path, mqtt: int) -> Path:
    """Lay down the gateway's configuration: 10 000 points/s, and their broker's port."""
    file = folder / "backlog.yaml"
    file.write_text(
        f"""name: bench
server: {{endpoint: "opc.tcp://127.0.0.1:{free_port()}", security: [None], anonymous: Observer, data_dir: {folder}/var}}
devices:
  sim: {{driver: simulator, scan: 100ms, generate: {{count: {_POINTS}, type: Double, signal: sine}}}}
pubsub:
  broker: mqtt://127.0.0.1:{mqtt}
  encoding: uadp
  replay: live-first
  datasets: {{all: {{publish: 100ms, samples: all, nodes: ["/Objects/sim/*"]}}}}
""",
        encoding="utf-8",
    )
    return file


async def fill(path: Path, points: int) -> dict[str, Any]:
    """Accept the records that are there again and again until there are so many points."""
    outbox = Outbox(path)
    await outbox.open()
    try:
        records = [one for one in await outbox.read(STREAM, 0, _ALL_MEMORY) if one.samples]
        waits = sum(one.samples for one in records)
        began = time.perf_counter()

        async def again(record: Record) -> None:
            await outbox.append(STREAM, record.payload, record.samples)

        place = 0
        while waits < points:
            group = [records[(place + more) % len(records)] for more in range(_TOGETHER)]
            await asyncio.gather(*map(again, group))
            place += _TOGETHER
            waits += sum(one.samples for one in group)
        took = time.perf_counter() - began
        size = (await outbox.statistics()).bytes
    finally:
        await outbox.close()
    return {"points": waits, "distinct_records": len(records), "fill_s": round(took, 1), "megabytes": size // 10**6}


def _drain(gateway: Process, waits: int) -> dict[str, Any]:
    """Watch a gateway until it has nothing left but what is new."""
    first = last = gateway.ask()
    most = first["memory"]
    while last["at"] - first["at"] < _LONGEST:
        time.sleep(1.0)
        last = gateway.ask()
        most = max(most, last["memory"])
        if last["acknowledged"] >= waits + last["published"] - 2 * _POINTS * 10:
            break
    used = cost(first, last)
    delivered = last["acknowledged"] - first["acknowledged"]
    return {
        "drained": last["acknowledged"] >= waits + last["published"] - 2 * _POINTS * 10,
        "drain_s": round(used["seconds"], 1),
        "acknowledged_per_s": round(delivered / used["seconds"]),
        "us_a_point": round(used["cpu_seconds"] / delivered * 1e6, 3),
        "memory_mb": round(first["memory"] / 1e6),
        "memory_growth_mb": round((most - first["memory"]) / 1e6),
        "dropped": last["dropped"],
    }


def measure(points: int, offline: float) -> dict[str, Any]:
    """Fill an outbox, drain it, and tell of both."""
    with work_folder() as folder:
        with Process(module("bench.serve", configuration(folder, free_port()))) as gateway:
            gateway.line()
            time.sleep(offline)
            gateway.ask()
        filled = asyncio.run(fill(folder / "var" / "outbox.sqlite", points))
        with broker(folder) as mqtt:
            if mqtt is None:
                return {"skipped": "mosquitto is not installed"}
            with Process(module("bench.pubsub_listener", mqtt)) as listener:
                listener.line()
                with Process(module("bench.serve", configuration(folder, mqtt))) as gateway:
                    gateway.line()
                    drained = _drain(gateway, filled["points"])
                    live = listener.ask("end")
    return {"backlog": filled, **drained, "live": live}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=100_000_000)
    parser.add_argument("--offline", type=float, default=10.0, help="seconds for which records are made")
    arguments = parser.parse_args()
    print(json.dumps({"cores_of_machine": os.cpu_count(), **measure(arguments.points, arguments.offline)}))


if __name__ == "__main__":
    main()
