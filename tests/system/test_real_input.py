"""One gateway on what no one here made: companion models, a boat's CAN log, an inverter's register map.

Everything in one configuration, the inverter served by a Modbus server in another process, read back through node-opcua's
client and through mosquitto_sub.
"""

from __future__ import annotations

import csv
import random
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cantools
import pytest
import yaml

from core.time import now, to_iso
from nodesets.units import by_symbol
from tests.broker import Broker
from tests.foreign.client import ForeignClient, foreign_client, need_node
from tests.modbus_device import ModbusDevice
from tests.system.plant import Plant, running
from tests.unit.server.pubsub.consumer import Consumer
from tests.waiting import until

MACHINERY = "http://opcfoundation.org/UA/Machinery/"
DEVICES = "http://opcfoundation.org/UA/DI/"
UNITS = "http://www.opcfoundation.org/UA/units/un/cefact"
DEPTH = "PGN_128267_waterDepth"
SPEED = "PGN_128259_speed"


@dataclass(frozen=True)
class Register:
    """One entry of the published map. ``rule``: 1 and 2 are 16 bits, 3 and 4 are 32, the even ones signed."""

    name: str
    rule: int
    registers: tuple[int, ...]
    """Least significant word first, as the map lists them."""
    scale: float
    offset: float
    unit: str

    def value(self, held: dict[int, int]) -> float:
        """What the map says that these registers mean."""
        raw = sum(held[register] << 16 * place for place, register in enumerate(self.registers))
        bits = 16 * len(self.registers)
        if self.rule in (2, 4) and raw >= 1 << (bits - 1):
            raw -= 1 << bits
        return (raw - self.offset) * self.scale

    @property
    def binding(self) -> dict[str, str]:
        """The row that says the same to the gateway."""
        kind = {1: "uint16", 2: "int16", 3: "uint32", 4: "int32"}[self.rule]
        order = "" if len(self.registers) == 1 else "@cdab" if self.registers[0] < self.registers[1] else "@abcd"
        return {
            "node": self.name,
            "address": f"holding:0x{min(self.registers):04X}/{kind}{order}",
            "type": "Double",
            "unit": self.unit,
            "scale": repr(self.scale),
            "offset": repr(-self.offset * self.scale),
        }


def published(file: Path) -> list[Register]:
    """Take the plain numbers out of a map of ha-solarman; times, texts and computed values are left out."""
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    found: dict[str, Register] = {}
    for group in document["parameters"]:
        for item in group["items"]:
            rule, registers = item.get("rule"), tuple(item.get("registers", ()))
            scale = item.get("scale", 1)
            plain = not {"sensors", "mask", "bit", "divide", "lookup", "display"} & item.keys()
            words = 1 if rule in (1, 2) else 2
            if not item["name"] or rule not in (1, 2, 3, 4) or not plain or isinstance(scale, list) or len(registers) != words:
                continue
            if words == 2 and abs(registers[0] - registers[1]) != 1:
                continue
            name = re.sub(r"[/*?\[\]]", "-", str(item["name"]))
            found[name] = Register(
                name, rule, registers, float(scale), float(item.get("offset", 0)), item.get("uom", "")
            )
    return list(found.values())


def decoded(corpus: Path) -> dict[str, set[float]]:
    """Give what cantools by itself reads of the boat's log, by ``Message.Signal``."""
    database = cantools.database.load_file(corpus / "can" / "canboat.dbc", strict=False)
    wanted = {
        (message.frame_id >> 8) & 0x3FFFF: message for message in database.messages if message.name in (DEPTH, SPEED)
    }  # type: ignore[union-attr]  # a DBC has messages
    values: dict[str, set[float]] = defaultdict(set)
    for line in (corpus / "can" / "candumpSample1.txt").read_text(encoding="ascii").splitlines():
        frame = re.match(r"<0x([0-9a-f]+)> \[\d\] (.*)", line)
        if frame is None or (message := wanted.get((int(frame[1], 16) >> 8) & 0x3FFFF)) is None:
            continue
        for signal, value in message.decode(bytes.fromhex(frame[2]), decode_choices=False).items():  # type: ignore[union-attr]  # no containers
            values[f"{message.name}.{signal}"].add(float(value))
    return values


def lay_down(folder: Path, corpus: Path, *, port: int, inverter: str, broker: str, table: list[Register]) -> Path:
    with (folder / "inverter.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, ["node", "address", "type", "unit", "scale", "offset"])
        writer.writeheader()
        writer.writerows(register.binding for register in table)
    config = folder / "boat.yaml"
    config.write_text(
        f"""\
name: boat
server:
  endpoint: opc.tcp://127.0.0.1:{port}
  security: ["None"]
  anonymous: Observer
model:
  nodesets: [{corpus}/nodesets/Machinery/Opc.Ua.Machinery.NodeSet2.xml]
  search: [{corpus}/nodesets]
devices:
  inverter:
    driver: modbus
    url: {inverter}
    scan: 200ms
    history: true
    bindings: inverter.csv
  bus:
    driver: can
    url: log:{corpus}/can/candumpSample1.txt
    dbc: {corpus}/can/canboat.dbc
    strict: false
    interval: 1ms
    history: true
    signals: ["{DEPTH}.*", "{SPEED}.*"]
pubsub:
  broker: {broker}
  datasets:
    inverter:
      nodes: [/Objects/inverter/*]
      publish: 200ms
      keyframe: 5
""",
        encoding="utf-8",
    )
    return config


async def test_one_gateway_on_real_models_logs_and_maps(
    corpus: Path, tmp_path: Path, free_port: Callable[[], int], mosquitto: Broker
) -> None:
    need_node()
    table = published(corpus / "modbus" / "ha-solarman" / "deye_hybrid.yaml")
    assert len(table) > 100
    assert {register.rule for register in table} == {1, 2, 3, 4}
    chance = random.Random(4711)
    held = {register: chance.randrange(0x10000) for one in table for register in one.registers}
    with ModbusDevice() as device:
        _serve(device, held)
        config = lay_down(tmp_path, corpus, port=free_port(), inverter=device.url, broker=mosquitto.url, table=table)
        async with (
            Consumer(mosquitto, tmp_path, "opcua/json/+/boat/#") as consumer,
            running(config) as plant,
            foreign_client(tmp_path) as foreign,
        ):
            await foreign.connect(plant.url)
            await _models_are_there(foreign)
            began = to_iso(now())
            await until(lambda: _all_good(foreign, plant, table), seconds=30)
            before = await _inverter_is_read_back(foreign, plant, table, held)
            await _units_are_told(foreign, plant, table)
            await _bus_is_read_back(foreign, plant, decoded(corpus))
            for register in held:
                held[register] ^= 0x0101
            _serve(device, held)
            changed = table[0]
            expected = pytest.approx(changed.value(held))
            await until(lambda: _shows(foreign, plant, changed, expected), seconds=30)
            after = await _inverter_is_read_back(foreign, plant, table, held)
            await until(lambda: plant.gateway.counters()["stored"] >= 2 * len(table), seconds=30)
            await _history_has_both(foreign, plant, table, before, after, began)
            await until(lambda: _published(consumer, table, held), seconds=30)
            assert consumer.of("metadata")


def _serve(device: ModbusDevice, held: dict[int, int]) -> None:
    for register, value in held.items():
        device.put("holding", register, [value])


def _tags(plant: Plant, table: list[Register]) -> list[str]:
    return [plant.tag(f"inverter.{register.name}") for register in table]


async def _all_good(foreign: ForeignClient, plant: Plant, table: list[Register]) -> bool:
    return all(one["status"] == 0 for one in await foreign.read(*_tags(plant, table)))


async def _shows(foreign: ForeignClient, plant: Plant, register: Register, expected: object) -> bool:
    (one,) = await foreign.read(*_tags(plant, [register]))
    return one["value"] == expected


async def _models_are_there(foreign: ForeignClient) -> None:
    namespaces = await foreign.ask("namespaces")
    for uri, name in ((MACHINERY, "Machines"), (DEVICES, "DeviceSet"), (DEVICES, "NetworkSet")):
        found = await foreign.ask("find", path=f"/Objects/{namespaces.index(uri)}:{name}")
        assert found.startswith(f"ns={namespaces.index(uri)};"), name
    assert "http://opcfoundation.org/UA/IA/" in namespaces


async def _inverter_is_read_back(
    foreign: ForeignClient, plant: Plant, table: list[Register], held: dict[int, int]
) -> list[float]:
    read = await foreign.read(*_tags(plant, table))
    for one, register in zip(read, table, strict=True):
        assert one["value"] == pytest.approx(register.value(held)), register
        assert one["type"] == "Double"
    return [one["value"] for one in read]


async def _units_are_told(foreign: ForeignClient, plant: Plant, table: list[Register]) -> None:
    own = plant.index("urn:plantspace:boat")
    seen: set[str] = set()
    for register in table:
        unit = by_symbol(register.unit)
        if unit is None or register.unit in seen:
            continue
        seen.add(register.unit)
        path = f"/Objects/{own}:inverter/{own}:{register.name}/EngineeringUnits"
        (told,) = await foreign.read(await foreign.ask("find", path=path))
        assert told["value"]["namespaceUri"] == UNITS, register
        assert told["value"]["unitId"] == sum(ord(letter) << 8 * place for place, letter in enumerate(unit.code[::-1]))
        assert told["value"]["displayName"]["text"] == register.unit
    assert {"V", "A", "W", "Hz", "kWh", "°C", "%"} <= seen


async def _bus_is_read_back(foreign: ForeignClient, plant: Plant, expected: dict[str, set[float]]) -> None:
    moving = {name: values for name, values in expected.items() if len(values) > 10}
    assert moving
    for name, values in moving.items():
        node = plant.tag(f"bus.{name}")
        seen: set[float] = set()

        async def enough(node: str = node, seen: set[float] = seen) -> bool:
            (one,) = await foreign.read(node)
            if one["status"] == 0:
                seen.add(float(one["value"]))
            return len(seen) >= 3

        await until(enough, seconds=30)
        for value in seen:
            assert any(value == pytest.approx(known) for known in values), (name, value)


async def _history_has_both(
    foreign: ForeignClient, plant: Plant, table: list[Register], before: list[float], after: list[float], began: str
) -> None:
    for place in (0, len(table) // 2, len(table) - 1):
        node = _tags(plant, table)[place]
        pages: list[dict[str, Any]] = await foreign.ask(
            "history", node=node, start=began[:23] + "Z", end="2100-01-01T00:00:00Z", count=50
        )
        values = [one["value"] for page in pages for one in page["values"] if one["status"] == 0]
        assert before[place] in values
        assert after[place] in values
        assert values.index(before[place]) < values.index(after[place])


def _published(consumer: Consumer, table: list[Register], held: dict[int, int]) -> bool:
    """Tell whether what mosquitto_sub printed last of every field is what the registers say now."""
    last: dict[str, float] = {}
    for received in consumer.of("data"):
        for message in received.json["Messages"]:
            for name, field in message.get("Payload", {}).items():
                last[name] = field["Value"] if isinstance(field, dict) else field
    return all(
        register.name in last and last[register.name] == pytest.approx(register.value(held)) for register in table
    )
