"""A gateway with a cloud's preset: its shadow shows nodes; what is wanted passes the checks of a client's write."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qsl

from tests.broker import free_port
from tests.cloud_broker import AWS_LIMITS, HUB_LIMITS, Place
from tests.cloud_responder import Responder
from tests.cloud_services import RateWatch, ShadowService, TwinService
from tests.system.commanded import add_user
from tests.system.plant import lay_down, running
from tests.waiting import until

PUBSUB = """\
pubsub:
  preset: aws-iot-core
  broker: {broker}
  client_id: line-1
  publisher: line-1
  ca_file: {ca}
  certificate_file: {certificate}
  key_file: {key}
  retry_first: 20ms
  datasets:
    tank: {{nodes: [/Objects/Tank/Level, /Objects/Tank/Count], publish: 100ms}}
  twin:
    nodes: [/Objects/Tank/Level, /Objects/Tank/Count, /Objects/Tank/Serial, /Objects/Tank/Ratio]
    name: setpoints
    report: 50ms
  commands:
    user: cloud
    allow: [/Objects/Tank/*]
"""


async def test_a_gateway_and_its_shadow_are_kept_together(tmp_path: Path) -> None:
    place = Place(tmp_path, *AWS_LIMITS)
    place.broker.start()
    service, watch = ShadowService("line-1", "setpoints"), RateWatch(150)
    topics = ("$aws/things/+/shadow/name/+/update", "$aws/things/+/shadow/name/+/get", "opcua/#")
    config = lay_down(tmp_path, port=free_port(), anonymous="Observer")
    ca, certificate, key = place.files["line-1"]
    with config.open("a", encoding="utf-8") as file:
        file.write(PUBSUB.format(broker=place.broker.url, ca=ca, certificate=certificate, key=key))
    try:
        with Responder(place.broker, place.files["cloud"], service, topics, watch) as responder:
            async with running(config) as plant:
                await until(lambda: service.reported.get("Level") == 12.5)
                await until(lambda: service.reported.get("Count") == 7)
                responder.desire({"Level": 25.5})  # nobody is there yet who may write
                await until(lambda: service.reported.get("errors"))
                assert service.reported["errors"]["Level"]["symbol"] == "BadUserAccessDenied"
                await add_user(plant, "cloud", "Operator")
                service.now += 1
                responder.desire({"Level": 25.5, "Count": 1.5, "Serial": 1, "Ratio": 0.1, "Elsewhere": 1})
                await until(lambda: service.reported["Level"] == 25.5)
                await until(lambda: service.reported.get("Ratio") == 0.1)
                wrong = {"Count": "BadTypeMismatch", "Serial": "BadNotWritable", "Elsewhere": "BadNodeIdUnknown"}
                await until(  # what is reported goes out as it comes, and may be spread over several reports
                    lambda: {name: one["symbol"] for name, one in service.reported.get("errors", {}).items()} == wrong
                )
                assert service.reported["Count"] == 7
                data = "opcua/json/data/line-1/default/tank"
                await until(lambda: any(one.topic == data for one in responder.others))
            await until(lambda: any(_status(one.payload) == 0 for one in responder.others if "/status/" in one.topic))
    finally:
        place.broker.stop()
    assert watch.excess == ""


async def test_a_gateway_is_a_device_of_a_hub(tmp_path: Path) -> None:
    place = Place(tmp_path, *HUB_LIMITS)
    place.broker.start()
    service, watch = TwinService(), RateWatch(150)
    topics = ("$iothub/twin/GET/#", "$iothub/twin/PATCH/properties/reported/#", "devices/#", "opcua/#")
    config = lay_down(tmp_path, port=free_port(), anonymous="Observer")
    ca, certificate, key = place.files["line-1"]
    body = PUBSUB.replace("aws-iot-core", "azure-iot-hub").replace("    name: setpoints\n", "")
    with config.open("a", encoding="utf-8") as file:
        file.write(body.format(broker=place.broker.url, ca=ca, certificate=certificate, key=key))
    try:
        with Responder(place.broker, place.files["cloud"], service, topics, watch) as responder:
            async with running(config) as plant:
                await add_user(plant, "cloud", "Operator")
                await until(lambda: "Level" in service.reported)
                responder.desire({"Level": 25.5, "Serial": 1})
                told = {
                    "Level": {"value": 25.5, "ac": 200, "av": 2, "ad": "Good"},
                    "Serial": {"value": 99, "ac": 403, "av": 2, "ad": "BadNotWritable"},
                }
                await until(lambda: {name: service.reported.get(name) for name in told} == told)

                def bags() -> list[dict[str, str]]:
                    return [dict(parse_qsl(one.topic.rpartition("/")[2])) for one in responder.others]

                await until(lambda: {"ua-data", "ua-metadata", "ua-status"} <= {one["type"] for one in bags()})
            await until(lambda: any(b'"Status":0' in one.payload for one in responder.others))
            assert all(one.topic.startswith("devices/line-1/messages/events/$.ct=") for one in responder.others)
            assert {one.get("dataset", "tank") for one in bags()} == {"tank"}
    finally:
        place.broker.stop()
    assert watch.excess == ""


def _status(payload: bytes | bytearray) -> int:
    return json.loads(payload)["Status"]
