"""The doors: 100 clients log in in 10 s, and 50 MB/s of garbage, beside a subscriber and scans at 100 Hz."""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from bench.identity import make_identity
from bench.processes import Process, cost, free_port, module, subscriber, work_folder
from bench.secure import POINTS, configuration

_CLIENTS = 100
_WITHIN = 10.0
_RATE = 50_000_000


def _beside(server: Process, url: str, seconds: float, *attack: str) -> dict[str, Any]:
    """Run something beside an honest subscriber; nothing: what the machine does by itself."""
    groups = [("nsu=urn:plantspace:bench;s=sim-1.t", POINTS, "Double")]
    with Process(module("bench.canary")) as canary, Process(subscriber(url, groups, seconds + 4.0)) as honest:
        time.sleep(2.0)  # until its items are made
        before = server.ask()
        peak = before["memory"]
        told: dict[str, Any] = {}
        holds: list[str] = []
        if attack:
            with Process([*attack]) as attacker:
                while attacker.child.poll() is None:
                    time.sleep(0.2)
                    sample = server.ask()
                    peak = max(peak, sample["memory"])
                    holds += sample["holds"]
                told = attacker.finish()
        else:
            time.sleep(seconds)
        after = server.ask()
        counted = honest.finish()
        steady = canary.ask()
    return {
        **told,
        "scans": after["scans"] - before["scans"],
        "missed_scans": after["missed_scans"] - before["missed_scans"],
        "cores": cost(before, after)["cores"],
        "holds_over_5_ms": [*holds, *after["holds"]],
        "memory_grown": peak - before["memory"],
        "subscriber": {key: counted[key] for key in ("values", "lost", "worst_gap")},
        "machine": steady,
    }


def main() -> None:
    """Measure a quiet gateway, one whose clients log in, and one that is flooded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    seconds = parser.parse_args().seconds
    outcome: dict[str, Any] = {}
    with work_folder() as folder:
        identity = make_identity(folder / "client", folder / "var")
        with Process(module("bench.serve", configuration(folder, free_port()), "--watched")) as gateway:
            url = json.loads(gateway.line())["url"]
            outcome["quiet"] = _beside(gateway, url, seconds)
            log_in = module("bench.handshakes", url, identity, _CLIENTS, _WITHIN)
            outcome["handshakes"] = _beside(gateway, url, _WITHIN, *log_in)
            outcome["garbage"] = _beside(gateway, url, seconds, *module("bench.garbage", url, _RATE, seconds))
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
