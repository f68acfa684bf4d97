"""Hears what a gateway publishes as UADP and tells how late: ``python -m bench.pubsub_listener PORT``; stdin ends it.

A message that is marked as backfill is counted and not read. Of the others the time is taken from the moment at which
the message was made, which its header tells.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties

from core.time import to_unix
from server.pubsub.uadp.decoding import UadpDecoder, no_metadata


def _is_backfill(properties: Properties | None) -> bool:
    return ("Backfill", "true") in getattr(properties, "UserProperty", ())


def main() -> None:
    """Listen until a line comes on stdin."""
    late: list[float] = []
    backfill = 0
    decoder = UadpDecoder(no_metadata)

    def on_message(_client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        nonlocal backfill
        if _is_backfill(message.properties):
            backfill += 1
            return
        moment = time.time()
        payload = decoder.decode(bytes(message.payload)).payload
        if isinstance(payload, tuple):
            late.extend(moment - to_unix(one.time) for one in payload if one.time is not None)

    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.on_message = on_message
    client.connect("127.0.0.1", int(sys.argv[1]))
    client.subscribe("opcua/uadp/data/#")
    client.loop_start()
    print(json.dumps({"event": "listening"}), flush=True)
    sys.stdin.readline()
    client.disconnect()
    client.loop_stop()
    told: dict[str, object] = {"live_messages": len(late), "backfill_messages": backfill}
    if late:
        median, high = np.percentile(late, (50, 99))
        told |= {"median_s": round(float(median), 3), "p99_s": round(float(high), 3), "worst_s": round(max(late), 3)}
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
