"""Commands to a device: answered with what the device says, and in order with what clients write by OPC UA."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from server.pubsub.commands.settings import CommandSettings, SubscribedSettings
from tests.broker import Broker, free_port
from tests.modbus_device import ModbusDevice
from tests.system.commanded import add_user, commanded
from tests.system.plant import running
from tests.waiting import until

CONFIGURATION = """\
name: test
server:
  endpoint: opc.tcp://127.0.0.1:{port}
  security: ["None"]
  anonymous: Observer
devices:
  plc:
    driver: modbus
    url: {url}
    scan: 60s
    timeout: 2s
    retry: 100ms
    bindings:
      - {{node: Level, address: "holding:2/int16", type: Double, scale: 0.1, access: rw}}
      - {{node: Percent, address: "holding:30/uint16", type: Double, scale: 0.5, min: 0, max: 100, access: rw}}
      - {{node: Shown, address: "holding:40/uint16", type: UInt16, access: r}}
"""


def tag(name: str) -> str:
    return f"nsu=urn:plantspace:test;s=plc.{name}"


def write(name: str, **values: float) -> dict[str, Any]:
    return {"id": name, "writes": [{"node": tag(one), "value": value} for one, value in values.items()]}


def told(answer: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(one["status"]["Symbol"], one.get("value")) for one in answer["results"]]


async def test_answers_say_what_the_device_said(tmp_path: Path, mosquitto: Broker) -> None:
    config = tmp_path / "plant.yaml"
    with ModbusDevice() as device:
        config.write_text(CONFIGURATION.format(port=free_port(), url=device.url), encoding="utf-8")
        async with running(config) as plant:
            await add_user(plant, "line", "Operator")
            image = plant.gateway.image
            await until(lambda: image.read(image.slot_of[tag("Shown")]).status == 0)
            reader = SubscribedSettings(topic="devices/data", fields={"level": tag("Level")}, user="line")
            settings = CommandSettings(user="line")
            async with commanded(plant, mosquitto, "devices", settings=settings, subscribed={"d": reader}) as line:
                assert told(await line.ask(write("1", Level=12.3, Percent=50))) == [("Good", 12.3), ("Good", 50.0)]
                assert device.get("holding", 2) == [123]
                before = len(device.counters()["writes"])
                answer = await line.ask(write("2", Level=1.0, Percent=100.5))
                assert told(answer) == [("BadOperationAbandoned", None), ("BadOutOfRange", None)]
                assert told(await line.ask(write("3", Level=1.0, Shown=1)))[1][0] == "BadNotWritable"
                assert len(device.counters()["writes"]) == before
                device.switch(highest=100)
                answer = await line.ask(write("4", Level=20.0))
                assert told(answer) == [("BadDeviceFailure", 10.0)]
                assert "another" in answer["results"][0]["error"]
                device.switch(highest=0)
                # What a DataSet says goes to the device when it is another value, and not at each message.
                counters = line.way_back.readers["d"].counters
                before = len(device.counters()["writes"])
                for number, value in enumerate((7.0, 7.0, 8.0), 1):
                    await line.tell(b'{"level": %g}' % value, topic="devices/data")
                    await until(lambda number=number: counters.messages == number and counters.written == number)
                assert device.get("holding", 2) == [80]
                assert len(device.counters()["writes"]) == before + 2
                device.freeze()
                assert told(await line.ask(write("5", Level=2.0)))[0][0] == "BadTimeout"
                assert told(await line.ask(write("6", Level=3.0)))[0][0] == "BadNoCommunication"
                device.thaw()
