"""The subscription engine: fan-out with everything on, its ceiling, ten subscribers, mixed types, 60 000 items.

Each scenario is one gateway in a process of its own and a client in another that counts; the peer is a plain asyncua
server with as many values as it can take. What a scenario costs is the gateway's CPU time over the values delivered.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.processes import Process, broker, cost, free_port, module, subscriber, work_folder

_ALL_TYPES = ("Boolean", "SByte", "Byte", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64", "Float", "Double")
_URI = "nsu=urn:plantspace:bench;s="
_SETTLES = 2.0
"""Seconds before and after what is measured."""
Group = tuple[str, int, str]


def _configuration(folder: Path, devices: str, more: str = "") -> Path:
    file = folder / "engine.yaml"
    file.write_text(
        f"""name: bench
server: {{endpoint: "opc.tcp://127.0.0.1:{free_port()}", security: [None], anonymous: Observer, data_dir: {folder}/var}}
devices:
{devices}{more}""",
        encoding="utf-8",
    )
    return file


def _simulated(name: str, count: int, scan: str, kind: str = "Double", more: str = "signal: counter") -> str:
    return f"  {name}: {{driver: simulator, scan: {scan}, generate: {{count: {count}, type: {kind}, {more}}}}}\n"


def _served(file: Path, groups: list[Group], seconds: float, **wanted: float) -> dict[str, Any]:
    """Run a gateway and its client; give what was delivered, what it cost, and what held the event loop."""
    with Process([*module("bench.serve", file), "--watched"]) as gateway:
        url = json.loads(gateway.line())["url"]
        time.sleep(_SETTLES)
        with Process(subscriber(url, groups, seconds + 2 * _SETTLES, **wanted)) as client:
            time.sleep(_SETTLES)
            before = gateway.ask()
            time.sleep(seconds)
            after = gateway.ask()
            counted = client.finish()
    used = cost(before, after)
    delivered = counted["values_per_second"] * used["seconds"]
    acquired = after["acquired"] - before["acquired"]
    holds = {key: after[key] for key in ("holds_over_5_ms", "longest_hold_ms", "holds")}
    return {
        **counted,
        **used,
        **holds,
        "us_per_value": used["cpu_seconds"] / delivered * 1e6 if delivered else None,
        "us_per_sample": used["cpu_seconds"] / acquired * 1e6 if acquired else None,
        "missed_scans": after["missed_scans"] - before["missed_scans"],
        "memory": after["memory"],
    }


def everything(folder: Path, seconds: float) -> dict[str, Any]:
    """1 000 Double points at 100 Hz, all stored, MQTT each second, one subscriber."""
    rows = "\n".join(f"t{point},counter,Double,true" for point in range(1000))
    bindings = folder / "bindings.csv"
    bindings.write_text(f"node,address,type,history\n{rows}\n", encoding="utf-8")
    devices = f"  sim-1: {{driver: simulator, scan: 10ms, bindings: {bindings}}}\n"
    with broker(folder) as port:
        mqtt = ""
        if port is not None:
            mqtt = f"""pubsub:
  broker: mqtt://127.0.0.1:{port}
  datasets: {{all: {{publish: 1s, nodes: ["/Objects/sim-1/*"]}}}}
"""
        outcome = _served(_configuration(folder, devices, mqtt), [(f"{_URI}sim-1.t", 1000, "Double")], seconds)
        return {**outcome, "mqtt": port is not None}


def ceiling(folder: Path, seconds: float) -> dict[str, Any]:
    """6 000 Double points at 100 Hz to one subscriber: how much one core delivers."""
    file = _configuration(folder, _simulated("sim-1", 6000, "10ms"))
    return _served(file, [(f"{_URI}sim-1.t", 6000, "Double")], seconds, queue=100)


def subscribers(folder: Path, seconds: float) -> dict[str, Any]:
    """1 000 Double points at 100 Hz to one subscriber, then to ten."""
    file = _configuration(folder, _simulated("sim-1", 1000, "10ms"))
    group: list[Group] = [(f"{_URI}sim-1.t", 1000, "Double")]
    one = _served(file, group, seconds)
    ten = _served(file, group, seconds, clients=10)
    each = (ten["cpu_seconds"] / ten["seconds"] - one["cpu_seconds"] / one["seconds"]) / 9 / 100_000 * 1e6
    return {"one": one, "ten": ten, "us_a_value_each_further": each}


def mixed(folder: Path, seconds: float) -> dict[str, Any]:
    """5 500 points of eleven types at 20 ms, a fifth of them changing, deadband 1 % of the amplitude."""
    devices = "".join(
        _simulated(f"sim-{kind}", 500, "20ms", kind, "signal: ramp, change: 0.2, amplitude: 100, period: 10s")
        for kind in _ALL_TYPES
    )
    file = _configuration(folder, devices)
    numbers: list[Group] = [(f"{_URI}sim-{kind}.t", 500, kind) for kind in _ALL_TYPES if kind != "Boolean"]
    return _served(file, numbers, seconds, deadband=1.0, queue=10)


def held(folder: Path, seconds: float) -> dict[str, Any]:
    """60 000 Double points at 100 ms, all changing, one subscription published each second, queues of 16."""
    file = _configuration(folder, _simulated("sim-1", 60_000, "100ms"))
    group: list[Group] = [(f"{_URI}sim-1.t", 60_000, "Double")]
    return _served(file, group, seconds, publishing=1000.0, sampling=100.0, queue=16)


def create(folder: Path, seconds: float) -> dict[str, Any]:
    """5 000 monitored items in one call, and what it costs the server."""
    del seconds
    file = _configuration(folder, _simulated("sim-1", 5000, "1s"))
    with Process([*module("bench.serve", file), "--watched"]) as gateway:
        url = json.loads(gateway.line())["url"]
        time.sleep(_SETTLES)
        before = gateway.ask()
        with Process(subscriber(url, [(f"{_URI}sim-1.t", 5000, "Double")], 0.0, publish=0)) as client:
            counted = client.finish()
        after = gateway.ask()
    return {**cost(before, after), **{key: after[key] for key in after if "hold" in key}, **counted}


def memory(folder: Path, seconds: float) -> dict[str, Any]:
    """What 50 000 further points, and 60 000 monitored items on points, take."""
    few = _resident(_configuration(folder, _simulated("sim-1", 10_000, "10s")))
    file = _configuration(folder, _simulated("sim-1", 60_000, "10s"))
    with Process(module("bench.serve", file)) as gateway:
        ready = json.loads(gateway.line())
        time.sleep(_SETTLES)
        before = gateway.ask()
        group: list[Group] = [(f"{_URI}sim-1.t", 60_000, "Double")]
        with Process(subscriber(ready["url"], group, 60.0, publish=0, queue=1)) as client:
            time.sleep(seconds + 30.0)
            after = gateway.ask()
            client.child.terminate()
    return {
        "bytes_a_point_with_its_node": (before["memory"] - few) / 50_000,
        "bytes_an_item": (after["memory"] - before["memory"]) / 60_000,
    }


def peer(folder: Path, seconds: float) -> dict[str, Any]:
    """Plain asyncua: 1 000 Double values at 100 Hz as far as it gets, and 5 000 monitored items."""
    del folder
    with Process(module("bench.asyncua_server", free_port(), 1000, 0.01)) as server:
        url = json.loads(server.line())["url"]
        with Process(subscriber(url, [("nsu=urn:bench;s=t", 1000, "Double")], seconds + _SETTLES)) as client:
            time.sleep(_SETTLES)
            before = server.ask()
            counted = client.finish()
            after = server.ask()
    used = cost(before, after)
    delivered = counted["values_per_second"] * used["seconds"]
    with Process(module("bench.asyncua_server", free_port(), 5000, 3600.0)) as server:
        url = json.loads(server.line())["url"]
        time.sleep(_SETTLES)
        idle = server.ask()
        with Process(subscriber(url, [("nsu=urn:bench;s=t", 5000, "Double")], 4.0, publish=0)) as client:
            made = client.finish()
        held = server.ask()
    return {
        "us_per_value": used["cpu_seconds"] / delivered * 1e6,
        "values_per_second": counted["values_per_second"],
        "create_5000": {**cost(idle, held), "create_seconds": made["create_seconds"]},
        "bytes_an_item": (held["memory"] - idle["memory"]) / 5000,
    }


def _resident(file: Path) -> int:
    with Process(module("bench.serve", file)) as gateway:
        gateway.line()
        time.sleep(_SETTLES)
        return int(gateway.ask()["memory"])


SCENARIOS: dict[str, Callable[[Path, float], dict[str, Any]]] = {
    "everything": everything,
    "ceiling": ceiling,
    "subscribers": subscribers,
    "mixed": mixed,
    "held": held,
    "create": create,
    "memory": memory,
    "asyncua": peer,
}


def main() -> None:
    """Measure the scenarios one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*SCENARIOS, []], metavar="SCENARIO", help=", ".join(SCENARIOS))
    parser.add_argument("--seconds", type=float, default=10.0)
    arguments = parser.parse_args()
    outcome: dict[str, Any] = {}
    for name in arguments.names or SCENARIOS:
        with work_folder() as folder:
            outcome[name] = SCENARIOS[name](folder, arguments.seconds)
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
