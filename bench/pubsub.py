"""Acknowledged points a second, CPU a point and latency to Mosquitto: ``python -m bench.pubsub [--seconds N]``.

A gateway whose simulator's points all go to a broker with QoS 1: as UADP, as JSON, as Sparkplug B, and as one message a
value in a Unified Namespace: 500 points ten times a second and 5 000 once (``slow``), there also to a Mosquitto that
takes 1 000 messages at once instead of 20 (``tuned``). The same gateway without PubSub tells what the points alone
cost. The peer is paho-mqtt, publishing one value a message from plain Python, without any disk. Latency is from a
sample's source time to ``mosquitto_sub``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.processes import Process, broker, cost, free_port, module, work_folder
from core.time import from_iso, to_unix

_SETTLES: Final = 3.0
_PEER_MESSAGES: Final = 20_000
_SOURCE_TIME: Final = re.compile(rb'"SourceTimestamp":"([^"]+)"')

_TUNED: Final = "max_inflight_messages 1000"

LOADS: Final[Mapping[str, Mapping[str, Any]]] = {
    "uadp": {"points": 2_000, "scan": "10ms", "publish": "100ms", "encoding": "uadp"},
    "json": {"points": 600, "scan": "10ms", "publish": "100ms", "encoding": "json"},
    "sparkplug": {"points": 2_000, "scan": "10ms", "publish": "100ms", "encoding": "sparkplug"},
    "messages": {"points": 500, "scan": "100ms", "publish": "100ms", "encoding": "unified-namespace"},
    "messages_tuned": {
        "points": 500,
        "scan": "100ms",
        "publish": "100ms",
        "encoding": "unified-namespace",
        "broker": _TUNED,
    },
    "messages_slow": {"points": 5_000, "scan": "1s", "publish": "1s", "encoding": "unified-namespace"},
    "messages_slow_tuned": {
        "points": 5_000,
        "scan": "1s",
        "publish": "1s",
        "encoding": "unified-namespace",
        "broker": _TUNED,
    },
}


def configuration(folder: Path, load: Mapping[str, Any], mqtt: int | None) -> Path:
    """Lay down a gateway's configuration; without ``mqtt`` it publishes nothing."""
    file = folder / "pubsub.yaml"
    text = f"""name: bench
server: {{endpoint: "opc.tcp://127.0.0.1:{free_port()}", security: [None], anonymous: Observer, data_dir: {folder}/var}}
devices:
  sim: {{driver: simulator, scan: {load["scan"]}, generate: {{count: {load["points"]}, type: Double, signal: sine}}}}
"""
    if mqtt is not None:
        text += f"""pubsub:
  broker: mqtt://127.0.0.1:{mqtt}
  encoding: {load["encoding"]}
  datasets: {{all: {{publish: {load["publish"]}, samples: all, nodes: ["/Objects/sim/*"]}}}}
"""
    file.write_text(text, encoding="utf-8")
    return file


def _run(load: Mapping[str, Any], seconds: float, *, publishes: bool = True) -> dict[str, Any]:
    with work_folder() as folder, broker(folder, load.get("broker", "")) as mqtt:
        config = configuration(folder, load, mqtt if publishes else None)
        with Process(module("bench.serve", config)) as gateway:
            gateway.line()
            time.sleep(_SETTLES)
            before = gateway.ask()
            time.sleep(seconds)
            after = gateway.ask()
    used = cost(before, after)
    acquired = after["acquired"] - before["acquired"]
    outcome: dict[str, Any] = {
        "acquired_per_s": round(acquired / used["seconds"]),
        "cores": round(used["cores"], 3),
        "us_a_point": round(used["cpu_seconds"] / acquired * 1e6, 3),
        "memory_mb": round(after["memory"] / 1e6),
    }
    if publishes:
        outcome["acknowledged_per_s"] = round((after["acknowledged"] - before["acknowledged"]) / used["seconds"])
        outcome["dropped"] = after["dropped"]
    return outcome


def _latency(seconds: float) -> dict[str, Any]:
    """Let ``mosquitto_sub`` note when each message of 10 000 points/s comes, and look at the youngest sample in it."""
    program = shutil.which("mosquitto_sub")
    if program is None:
        return {"skipped": "mosquitto_sub is not installed"}
    load = {"points": 1_000, "scan": "100ms", "publish": "20ms", "encoding": "json"}
    with work_folder() as folder, broker(folder) as mqtt:
        if mqtt is None:
            return {"skipped": "mosquitto is not installed"}
        heard = folder / "heard"
        with Process(module("bench.serve", configuration(folder, load, mqtt))) as gateway, heard.open("wb") as output:
            gateway.line()
            time.sleep(_SETTLES)
            listening = subprocess.Popen(
                [program, "-p", str(mqtt), "-t", "opcua/json/data/#", "-F", "%U %p"], stdout=output
            )
            time.sleep(seconds)
            listening.terminate()
            listening.wait()
        late: list[float] = []
        for line in heard.read_bytes().splitlines():
            moment, _, payload = line.partition(b" ")
            times = [from_iso(found.decode()) for found in set(_SOURCE_TIME.findall(payload))]
            if times:
                late.append((float(moment) - to_unix(min(times))) * 1e3)
    if not late:
        return {"messages": 0}
    median, high = np.percentile(late, (50, 99))
    return {
        "points_per_s": 10_000,
        "messages": len(late),
        "median_ms": round(float(median), 1),
        "p99_ms": round(float(high), 1),
        "worst_ms": round(max(late), 1),
    }


def _peer() -> dict[str, Any]:
    """Publish values one by one by paho-mqtt, QoS 1, and wait for all."""
    with work_folder() as folder, broker(folder) as mqtt:
        if mqtt is None:
            return {"skipped": "mosquitto is not installed"}
        with Process(module("bench.paho_publisher", mqtt, _PEER_MESSAGES)) as peer:
            return peer.finish()


def main() -> None:
    """Measure each load, the same points without PubSub, the latency, and the peer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--only", choices=[*LOADS, "latency", "paho"])
    arguments = parser.parse_args()
    wanted = [arguments.only] if arguments.only else [*LOADS, "latency", "paho"]
    outcome: dict[str, Any] = {"cores_of_machine": os.cpu_count()}
    for name in wanted:
        if name in LOADS:
            load = LOADS[name]
            measured = _run(load, arguments.seconds)
            alone = _run(load, arguments.seconds, publishes=False)
            added = measured["us_a_point"] - alone["us_a_point"]
            outcome[name] = {**measured, "without_pubsub": alone, "us_a_point_of_pubsub": round(added, 3)}
        elif name == "latency":
            outcome[name] = _latency(arguments.seconds)
        else:
            outcome[name] = _peer()
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
