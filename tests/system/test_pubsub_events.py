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


def _of_devices(consumer: Consumer) -> list[dict[str, Any]]:
    """Give the lines of devices: a gateway that is held up may have said something else before."""
    source = {"UaType": 12, "Value": "plantspace.devices"}
    return [line for line in _payloads(consumer, "log") if line["SourceName"] == source]


def _described(consumer: Consumer) -> dict[str, Any]:
    """Give the metadata of each dataset."""
    return {one.topic.rpartition("/")[2]: one.json["MetaData"] for one in consumer.of("metadata") if one.payload}


async def test_a_device_that_is_away_is_told_as_an_event_and_in_the_log(mosquitto: Broker, tmp_path: Path) -> None:
    folder = tmp_path / "gateway"
    folder.mkdir()
    (folder / "plc.csv").write_text("node,address\nLevel,holding:1\n", encoding="utf-8")
    async with Consumer(mosquitto, tmp_path, "told/#") as consumer:
        with RunningGateway(folder, BODY.format(url=mosquitto.url, port=free_port())) as gateway:
            await until(lambda: bool(_payloads(consumer, "health") and _of_devices(consumer)))
            assert gateway.stop() == 0
        event = _payloads(consumer, "health")[0]
        assert event["EventType"].endswith("DeviceHealthEventType")
        assert event["SourceName"] == "plc"
        assert event["Severity"] == 800
        assert event["Time"].endswith("Z")
        line = _of_devices(consumer)[0]
        assert "plc" in line["Message"]["Value"]["Text"]
        await until(lambda: "health" in _described(consumer))  # events go before what describes them
        assert {one["Name"]: one["BuiltInType"] for one in _described(consumer)["health"]["Fields"]} == {
            "EventType": 17,
            "Time": 13,
            "SourceName": 12,
            "Message": 21,
            "Severity": 5,
        }
