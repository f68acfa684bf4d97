"""10 000 simulator points at 1 s: share of a core, memory, time to ready; beside plain asyncua with as many."""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from bench.processes import Process, cost, free_port, module, slow_points, work_folder

POINTS = 10_000


def _watch(server: Process, seconds: float) -> dict[str, Any]:
    before = server.ask()
    time.sleep(seconds)
    after = server.ask()
    return {**cost(before, after), "memory_mb": after["memory"] / 1e6}


def main() -> None:
    """Measure both servers one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    seconds = parser.parse_args().seconds
    outcome: dict[str, Any] = {}
    with work_folder() as folder:
        file = slow_points(folder, POINTS)
        with Process(module("bench.serve", file)) as gateway:
            ready = json.loads(gateway.line())
            outcome["plantspace"] = {
                "ready_seconds": ready["seconds"],
                "ready_cpu_seconds": ready["cpu_seconds"],
                **_watch(gateway, seconds),
            }
        began = time.monotonic()
        with Process(module("bench.asyncua_server", free_port(), POINTS, 1.0)) as peer:
            peer.line()
            outcome["asyncua"] = {"ready_seconds": time.monotonic() - began, **_watch(peer, seconds)}
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
