"""The whole chain: 1 000 Float points at 100 Hz over Modbus TCP, one subscriber, all stored, MQTT each second."""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

from bench.processes import Process, broker, cost, free_port, module, subscriber, work_folder

BLOCKS = 16
POINTS_A_BLOCK = 62
"""A Modbus read holds 125 registers at most (V1.1b3, 6.3), which is 62 whole float32 values."""
POINTS = 1000


def _bindings(folder: Path) -> Path:
    """Write 1 000 points into as few full reads as they fit: 17, one more than 16 times 62 would need."""
    rows = ["node,address,type,history"]
    for point in range(POINTS):
        block, place = divmod(point, POINTS_A_BLOCK)
        rows.append(f"t{point},holding:0x{block * 200 + place * 2:04X}/float32,Float,true")
    file = folder / "bindings.csv"
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return file


def _configuration(folder: Path, source: int, mqtt: int | None) -> Path:
    file = folder / "plant.yaml"
    text = f"""name: bench
server: {{endpoint: "opc.tcp://127.0.0.1:{free_port()}", security: [None], anonymous: Observer, data_dir: {folder}/var}}
devices:
  plc: {{driver: modbus, url: "tcp://127.0.0.1:{source}", scan: 10ms, in_flight: 16, bindings: {_bindings(folder)}}}
"""
    if mqtt is not None:
        text += f"""pubsub:
  broker: mqtt://127.0.0.1:{mqtt}
  datasets: {{all: {{publish: 1s, nodes: ["/Objects/plc/*"]}}}}
"""
    file.write_text(text, encoding="utf-8")
    return file


def main() -> None:
    """Measure one gateway at work."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    seconds = parser.parse_args().seconds
    port = free_port()
    outcome: dict[str, Any] = {"points": POINTS, "cores_of_machine": os.cpu_count()}
    with work_folder() as folder, broker(folder) as mqtt, Process(module("bench.modbus_source", port)) as source:
        source.line()
        with Process(module("bench.serve", _configuration(folder, port, mqtt))) as gateway:
            ready = json.loads(gateway.line())
            time.sleep(2.0)
            prefix = "nsu=urn:plantspace:bench;s=plc.t"
            with Process(subscriber(ready["url"], [(prefix, POINTS, "Float")], seconds + 4.0)) as client:
                time.sleep(3.0)
                with Process(module("bench.canary")) as canary:
                    before = gateway.ask()
                    time.sleep(seconds)
                    after = gateway.ask()
                    machine = canary.ask()
                counted = client.finish()
        outcome.update(
            {
                "gateway": {**cost(before, after), "memory_mb": after["memory"] / 1e6},
                "machine": machine,
                "scans": after["scans"] - before["scans"],
                "missed_scans": after["missed_scans"] - before["missed_scans"],
                "acquired": after["acquired"] - before["acquired"],
                "stored": after["stored"] - before["stored"],
                "published": after["published"] - before["published"],
                "acknowledged": after["acknowledged"] - before["acknowledged"],
                "dropped": after["dropped"],
                "subscriber": counted,
                "mqtt": mqtt is not None,
            }
        )
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
