"""Fan-out: 1 000 Double points at 100 Hz to one subscriber; server CPU a delivered value, beside plain asyncua."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from bench.processes import Process, cost, free_port, module, subscriber, work_folder

POINTS = 1000


def _configuration(folder: Path, port: int) -> Path:
    file = folder / "fanout.yaml"
    file.write_text(
        f"""name: bench
server: {{endpoint: "opc.tcp://127.0.0.1:{port}", security: [None], anonymous: Observer, data_dir: {folder}/var}}
devices:
  sim-1: {{driver: simulator, scan: 10ms, generate: {{count: {POINTS}, type: Double, signal: counter}}}}
""",
        encoding="utf-8",
    )
    return file


def _measure(server: Process, url: str, prefix: str, seconds: float) -> dict[str, Any]:
    idle = server.ask()
    with Process(subscriber(url, [(prefix, POINTS, "Double")], seconds)) as client:
        before = server.ask()
        counted = client.finish()
        after = server.ask()
    used = cost(before, after)
    return {
        **counted,
        **used,
        "us_per_value": used["cpu_seconds"] / counted["values"] * 1e6 if counted["values"] else None,
        "written": after["acquired"] - idle["acquired"],
    }


def main() -> None:
    """Measure both servers one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    seconds = parser.parse_args().seconds
    outcome: dict[str, Any] = {}
    with work_folder() as folder:
        with Process(module("bench.serve", _configuration(folder, free_port()))) as gateway:
            url = json.loads(gateway.line())["url"]
            outcome["plantspace"] = _measure(gateway, url, "nsu=urn:plantspace:bench;s=sim-1.t", seconds)
        with Process(module("bench.asyncua_server", free_port(), POINTS, 0.01)) as peer:
            url = json.loads(peer.line())["url"]
            outcome["asyncua"] = _measure(peer, url, "nsu=urn:bench;s=t", seconds)
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
