"""Publishes values one a message by paho-mqtt and tells what it cost: ``python -m bench.paho_publisher PORT COUNT``."""

from __future__ import annotations

import json
import sys
import threading
import time

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion


def main() -> None:
    """Publish with QoS 1, as many in flight as paho likes, until the broker has acknowledged all."""
    port, count = int(sys.argv[1]), int(sys.argv[2])
    acknowledged, done = 0, threading.Event()

    def on_publish(*_: object) -> None:
        nonlocal acknowledged
        acknowledged += 1
        if acknowledged == count:
            done.set()

    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.on_publish = on_publish
    client.connect("127.0.0.1", port)
    client.loop_start()
    began, used = time.perf_counter(), time.process_time()
    for number in range(count):
        client.publish(f"peer/line/point{number % 500}", json.dumps({"value": float(number), "quality": "Good"}), 1)
    done.wait(120)
    took, cpu = time.perf_counter() - began, time.process_time() - used
    client.disconnect()
    client.loop_stop()
    print(
        json.dumps(
            {
                "messages": count,
                "acknowledged_per_s": round(acknowledged / took),
                "us_a_message": round(cpu / count * 1e6, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
