"""Events and the log of a running gateway, as a broker's client receives them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.broker import Broker, free_port
from tests.system.running_gateway import RunningGateway
from tests.unit.server.pubsub.consumer import Consumer
from tests.waiting import until

BODY = """\
devices:
  plc: {{driver: modbus, url: "tcp://127.0.0.1:{port}", bindings: plc.csv}}
pubsub:
  broker: {url}
  prefix: told
  events:
    health: {{types: [DeviceHealthEventType], publish: 50ms, fields: [EventType, Time, SourceName, Message, Severity]}}
  logs:
    log: {{level: warning, publish: 50ms, json: compact}}
"""


def _payloads(consumer: Consumer, dataset: str) -> list[dict[str, Any]]:
    received = [one.json for one in consumer.of("data") if one.topic.endswith(f"/{dataset}")]
    messages = [message for one in received for message in one["Messages"]]
    assert all(message["MessageType"] == "ua-event" for message in messages)
    return [message["Payload"] for message in messages]


async def test_a_device_that_is_away_is_told_as_an_event_and_in_the_log(mosquitto: Broker, tmp_path: Path) -> None:
    folder = tmp_path / "gateway"
    folder.mkdir()
    (folder / "plc.csv").write_text("node,address\nLevel,holding:1\n", encoding="utf-8")
    async with Consumer(mosquitto, tmp_path, "told/#") as consumer:
        with RunningGateway(folder, BODY.format(url=mosquitto.url, port=free_port())) as gateway:
            await until(lambda: bool(_payloads(consumer, "health") and _payloads(consumer, "log")))
            assert gateway.stop() == 0
        event = _payloads(consumer, "health")[0]
        assert event["EventType"].endswith("DeviceHealthEventType")
        assert event["SourceName"] == "plc"
        assert event["Severity"] == 800
        assert event["Time"].endswith("Z")
        line = _payloads(consumer, "log")[0]
        assert line["SourceName"] == {"UaType": 12, "Value": "plantspace.devices"}
        assert "plc" in line["Message"]["Value"]["Text"]
        described = {
            one.topic.rpartition("/")[2]: one.json["MetaData"] for one in consumer.of("metadata") if one.payload
        }
        assert {one["Name"]: one["BuiltInType"] for one in described["health"]["Fields"]} == {
            "EventType": 17,
            "Time": 13,
            "SourceName": 12,
            "Message": 21,
            "Severity": 5,
        }
