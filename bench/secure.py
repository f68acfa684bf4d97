"""What encryption costs: 1 000 Double points at 100 Hz to a subscriber, SignAndEncrypt beside None; single chunks."""

from __future__ import annotations

import argparse
import json
import secrets
import time
from pathlib import Path
from typing import Any

from bench.identity import make_identity
from bench.processes import Process, cost, free_port, module, subscriber, work_folder
from server.ua_stack.secure_channel.suites import SUITES
from server.ua_stack.secure_channel.symmetric import ChunkKeys

POINTS = 1000
_SIZES = (200, 8_000, 65_000)
_ROUNDS = 2000
_HEAD = bytes(16)
_SEQUENCE = bytes(8)


def configuration(folder: Path, port: int) -> Path:
    """Lay down a gateway that offers both, whose simulator counts at 100 Hz."""
    file = folder / "secure.yaml"
    file.write_text(
        f"""name: bench
server:
  endpoint: "opc.tcp://127.0.0.1:{port}"
  security: ["None", SignAndEncrypt]
  anonymous: Observer
  data_dir: {folder}/var
devices:
  sim-1: {{driver: simulator, scan: 10ms, generate: {{count: {POINTS}, type: Double, signal: counter}}}}
""",
        encoding="utf-8",
    )
    return file


def _fan_out(server: Process, url: str, seconds: float, identity: str) -> dict[str, Any]:
    groups = [("nsu=urn:plantspace:bench;s=sim-1.t", POINTS, "Double")]
    command = subscriber(url, groups, seconds)
    if identity:
        wanted = json.loads(command[-1])
        command[-1] = json.dumps({**wanted, "identity": identity})
    idle_from = server.ask()
    time.sleep(2.0)
    idle = cost(idle_from, server.ask())["cores"]
    with Process(command) as client:
        before = server.ask()
        counted = client.finish()
        used = cost(before, server.ask())
    spent = used["cpu_seconds"] - idle * used["seconds"]
    return {
        **counted,
        **used,
        "idle_cores": idle,
        "us_per_value": used["cpu_seconds"] / counted["values"] * 1e6 if counted["values"] else None,
        "us_per_value_beyond_idle": spent / counted["values"] * 1e6 if counted["values"] else None,
    }


def _chunks() -> dict[str, Any]:
    """Give microseconds of a chunk, sealed and unsealed, by policy, mode and size."""
    told: dict[str, Any] = {}
    for suite in SUITES.values():
        for encrypts in (False, True):
            keys = ChunkKeys(
                secrets.token_bytes(32), secrets.token_bytes(32), suite.encryption_bytes, encrypts=encrypts
            )
            name = f"{suite.uri.rpartition('#')[2]} {'SignAndEncrypt' if encrypts else 'Sign'}"
            told[name] = {}
            for size in _SIZES:
                part, sealed = secrets.token_bytes(size), b""
                began = time.perf_counter()
                for _ in range(_ROUNDS):
                    sealed = keys.seal(_HEAD, _SEQUENCE, part)
                middle = time.perf_counter()
                for _ in range(_ROUNDS):
                    keys.unseal(_HEAD, sealed[len(_HEAD) :])
                ended = time.perf_counter()
                told[name][size] = {
                    "seal_us": (middle - began) / _ROUNDS * 1e6,
                    "unseal_us": (ended - middle) / _ROUNDS * 1e6,
                }
    return told


def main() -> None:
    """Measure both ways in the same run, twice each and by turns: other work on the machine hits both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0)
    seconds = parser.parse_args().seconds
    outcome: dict[str, Any] = {"chunks": _chunks()}
    with work_folder() as folder:
        identity = make_identity(folder / "client", folder / "var")
        with Process(module("bench.serve", configuration(folder, free_port()))) as gateway:
            url = json.loads(gateway.line())["url"]
            for name, own in (("None", ""), ("SignAndEncrypt", str(identity))) * 2:
                outcome.setdefault(name, []).append(_fan_out(gateway, url, seconds, own))
    best = {name: min(one["us_per_value"] for one in outcome[name]) for name in ("None", "SignAndEncrypt")}
    outcome["times_none"] = best["SignAndEncrypt"] / best["None"]
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
