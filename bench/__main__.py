"""``python -m bench [NAME…] [--seconds N]``: run benchmarks, all without a name, and print one JSON document."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

BENCHMARKS = {
    "plant": "1 000 Float points at 100 Hz over Modbus TCP to a subscriber, all stored, MQTT each second",
    "idle": "10 000 simulator points at 1 s: CPU, memory, time to ready",
    "fanout": "1 000 Double points at 100 Hz to a subscriber: server CPU a value, beside plain asyncua",
    "secure": "the same with SignAndEncrypt beside None, and what a chunk costs",
    "doors": "100 clients log in in 10 s, and 50 MB/s of garbage: scans missed, a subscriber's worst gap, memory",
    "engine": "subscriptions: everything on, the ceiling, ten subscribers, mixed types, 60 000 items, memory",
    "store": "durable ingest of the SQLite store, beside a row a value",
    "large_store": "from the start to ready with a history of 10 GB",
    "ingest": "1 000 points at 1 kHz, every sample durable and in the history, for a minute",
    "influx": "history in a real InfluxDB: written, read, what it costs",
    "history_read": "HistoryRead: raw by a C client, a month's hourly averages, beside asyncua's HistorySQLite",
    "aggregates": "processed reads: an hour's average over 30 days of 1 s, a minute's of 100 points over a day",
    "pubsub": "to Mosquitto with QoS 1: UADP, JSON, Sparkplug B, a message a value, latency, beside paho-mqtt",
    "pubsub_backlog": "100 million points out of the outbox beside live data: time, latency, memory",
    "model": "NodeSets into an address space, beside asyncua's importer; all published ones together",
    "start": "from plantspace run to ready with Devices, IA and Machinery, beside plain asyncua",
    "model_change": "how long a live change of 100 and 10 000 nodes holds the event loop",
    "read": "server CPU of batch Read, single Read and Browse, beside plain asyncua",
    "zscore": "the robust z-score a sample, beside a full recompute",
    "modbus_client": "a Modbus scan's CPU, beside pymodbus's own client",
}


def main() -> int:
    """Run the benchmarks named on the command line in processes of their own."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--seconds", type=float, help="how long the long ones measure (60 by default)")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]}; there are {', '.join(BENCHMARKS)}")
    outcome: dict[str, object] = {}
    failed = False
    for name in arguments.names or BENCHMARKS:
        print(f"{name}: {BENCHMARKS[name]} …", file=sys.stderr)
        command = [sys.executable, "-m", f"bench.{name}"]
        if arguments.seconds and name in (
            "plant",
            "idle",
            "fanout",
            "secure",
            "doors",
            "engine",
            "influx",
            "ingest",
            "pubsub",
        ):
            command += ["--seconds", str(arguments.seconds)]
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
        failed |= done.returncode != 0
        try:
            outcome[name] = json.loads(done.stdout)
        except json.JSONDecodeError:
            outcome[name] = {"failed": done.returncode, "output": done.stdout[-2000:]}
    print(json.dumps(outcome, indent=2))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
