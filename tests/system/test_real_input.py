"""One gateway on what no one here made, read back by node-opcua's client and by mosquitto_sub."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET  # another parser than the loader's, on files known to be harmless

import pytest
import pytest_asyncio

from tests.broker import Broker
from tests.foreign.client import foreign_client
from tests.system.boat import TRACK, Boat, Seen, sailing, settle
from tests.system.boat_log import GOOD, Recorded
from tests.system.register_map import Register
from tests.unit.server.pubsub.consumer import Consumer

BEFORE_ALL = datetime(2000, 1, 1, tzinfo=UTC)
MODELS = {
    "DI/Opc.Ua.Di.NodeSet2.xml": "http://opcfoundation.org/UA/DI/",
    "IA/Opc.Ua.IA.NodeSet2.xml": "http://opcfoundation.org/UA/IA/",
    "Machinery/Opc.Ua.Machinery.NodeSet2.xml": "http://opcfoundation.org/UA/Machinery/",
}
CLASSES = {
    "Object": 1,
    "Variable": 2,
    "Method": 4,
    "ObjectType": 8,
    "VariableType": 16,
    "ReferenceType": 32,
    "DataType": 64,
}
"""NodeClass by the name of the XML element (Part 3 v1.05 8.29)."""
UNECE_URI = "http://www.opcfoundation.org/UA/units/un/cefact"
UNECE = {
    "%": ("P1", "%"),
    "A": ("AMP", "A"),
    "Ah": ("AMH", "A·h"),
    "Hz": ("HTZ", "Hz"),
    "K": ("KEL", "K"),
    "V": ("VLT", "V"),
    "W": ("WTT", "W"),
    "Pa": ("PAL", "Pa"),
    "d": ("DAY", "d"),
    "deg": ("DD", "°"),
    "h": ("HUR", "h"),
    "kWh": ("KWH", "kW·h"),
    "m": ("MTR", "m"),
    "m/s": ("MTS", "m/s"),
    "mΩ": ("E45", "mΩ"),
    "rad": ("C81", "rad"),
    "s": ("SEC", "s"),
    "°C": ("CEL", "°C"),
}
"""A unit as the map or the DBC writes it, with the code and the symbol that OPC UA has for it (Part 8 v1.05 5.6.3)."""

# One loop, so that one client serves all tests: node-opcua takes seconds to start.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def boat(corpus: Path, mosquitto: Broker, tmp_path_factory: pytest.TempPathFactory) -> Generator[Boat]:
    with sailing(corpus, mosquitto, tmp_path_factory.mktemp("boat")) as boat:
        yield boat


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def seen(boat: Boat, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Seen]:
    async with foreign_client(tmp_path_factory.mktemp("foreign")) as client:
        await client.connect(boat.gateway.url)
        yield Seen(client, await client.ask("namespaces"))


def _nodes(file: Path) -> dict[str, tuple[int, str]]:
    """Give identifier, NodeClass and BrowseName of a model's nodes, read as plain XML."""
    found: dict[str, tuple[int, str]] = {}
    for kind, number in CLASSES.items():
        for element in ET.parse(file).findall(f"{{*}}UA{kind}"):  # noqa: S314 - see the import
            identifier = element.get("NodeId", "").partition(";")[2]
            name = element.get("BrowseName", "")
            found[identifier] = number, name.partition(":")[2] or name
    return found


async def test_the_models_stand_in_the_address_space(boat: Boat, seen: Seen) -> None:
    for file, uri in MODELS.items():
        nodes = _nodes(boat.corpus / "nodesets" / file)
        assert len(nodes) > 50
        texts = [f"ns={seen.namespaces.index(uri)};{identifier}" for identifier in nodes]
        classes = await seen.client.ask("read", nodes=texts, attribute="NodeClass")
        names = await seen.client.ask("read", nodes=texts, attribute="BrowseName")
        told = [(one["value"], other["value"]["name"]) for one, other in zip(classes, names, strict=True)]
        assert told == list(nodes.values())


async def test_the_registers_are_read_back(boat: Boat, seen: Seen) -> None:
    assert len(boat.table) > 150
    assert {register.rule for register in boat.table} == {1, 2, 3, 4}
    held = await boat.fill(1)
    await settle(lambda: _unlike(boat, seen, held))


async def _unlike(boat: Boat, seen: Seen, held: dict[int, int]) -> list[Any]:
    read = await seen.read(f"inverter.{register.name}" for register in boat.table)
    return boat.unlike(
        held, [one["value"] if (one["status"], one["type"]) == (GOOD, "Double") else None for one in read]
    )


async def test_the_log_is_read_back(boat: Boat, seen: Seen) -> None:
    shown: dict[str, set[float]] = {name: set() for name in boat.log}

    async def too_few() -> list[str]:
        for name, one in zip(boat.log, await seen.read(f"bus.{name}" for name in boat.log), strict=True):
            if one["status"] == GOOD:
                shown[name].add(float(one["value"]))
        return _too_few(boat, shown)

    await settle(too_few)
    assert _unknown(boat, shown) == []


def _too_few(boat: Boat, heard: dict[str, set[float]]) -> list[str]:
    """Give the signals of which not yet three values were heard, or all of them where the log has fewer."""
    return [name for name, one in boat.log.items() if len(heard[name]) < min(3, len(one.good))]


def _unknown(boat: Boat, heard: dict[str, set[float]]) -> list[tuple[str, float]]:
    """Give what was heard and is not in the log."""
    return [
        (name, value)
        for name, values in heard.items()
        for value in values
        if not any(value == _exactly(known) for known in boat.log[name].good)
    ]


def _exactly(value: float) -> Any:
    """Compare but for the last bits: scaling is one multiplication here and may be another there."""
    return pytest.approx(value, rel=1e-12, abs=1e-12)


async def test_units_are_told_by_their_codes(boat: Boat, seen: Seen) -> None:
    assert set(boat.units.values()) >= UNECE.keys()
    read = await seen.read(f"{name}.EngineeringUnits" for name in boat.units)
    for (name, unit), one in zip(boat.units.items(), read, strict=True):
        told = one["value"]
        code, symbol = UNECE.get(unit, ("", unit))
        assert told["unitId"] == _unit_id(code), name
        assert told.get("namespaceUri") == (UNECE_URI if code else None), name
        assert told["displayName"]["text"] == symbol, name


def _unit_id(code: str) -> int:
    """Part 8 v1.05 5.6.3: the code's characters as one number; -1 where there is no code."""
    return int.from_bytes(code.encode(), "big") if code else -1


async def test_history_of_the_registers_has_what_was_and_what_is(boat: Boat, seen: Seen) -> None:
    began = datetime.now(UTC)
    before = await boat.fill(2)
    await settle(lambda: _unlike(boat, seen, before))
    after = await boat.fill(3)
    left = list(boat.table)

    async def lacking() -> list[Register]:
        kept = [await seen.history(f"inverter.{register.name}", began, 1000) for register in left]
        left[:] = [one for one, samples in zip(left, kept, strict=True) if not _in_order(samples, one, before, after)]
        return left

    await settle(lacking)


def _in_order(samples: Sequence[tuple[int, Any]], register: Register, *contents: dict[int, int]) -> bool:
    """Tell whether the good samples have the values of ``contents``, one later than the other."""
    rest = iter([value for status, value in samples if status == GOOD])
    return all(any(value == pytest.approx(register.value(held)) for value in rest) for held in contents)


async def test_history_of_the_log_is_the_log(boat: Boat, seen: Seen) -> None:
    async def lacking() -> list[tuple[str, int]]:
        kept = {name: await seen.history(f"bus.{name}", BEFORE_ALL, len(one.samples)) for name, one in boat.log.items()}
        return [(name, len(samples)) for name, samples in kept.items() if not _is(samples, boat.log[name])]

    await settle(lacking)


def _is(samples: Sequence[tuple[int, Any]], signal: Recorded) -> bool:
    """Tell whether samples are the whole log's, one for one. The value of a bad sample says nothing."""
    return len(samples) == len(signal.samples) and all(
        status == wanted and (status != GOOD or float(value) == _exactly(known))
        for (status, value), (wanted, known) in zip(samples, signal.samples, strict=True)
    )


async def test_mosquitto_sub_hears_the_same(boat: Boat, mosquitto: Broker, tmp_path: Path) -> None:
    held = await boat.fill(4)
    async with Consumer(mosquitto, tmp_path, "opcua/json/+/boat/#") as consumer:

        async def other_registers() -> list[Any]:
            heard = _heard(consumer, "inverter")
            return boat.unlike(held, [heard.get(register.name, [None])[-1] for register in boat.table])

        def signals() -> dict[str, set[float]]:
            heard = _heard(consumer, "bus")
            return {name: set(map(float, heard.get(name, []))) for name in boat.log}

        async def too_few_signals() -> list[str]:
            return _too_few(boat, signals())

        async def not_far_enough() -> list[int]:
            lengths = [len(_heard(consumer, "track").get(name, [])) for name in TRACK]
            return [length for length in lengths if length < 200]

        await settle(other_registers)
        await settle(too_few_signals)
        assert _unknown(boat, signals()) == []
        await settle(not_far_enough)
        for name, values in _heard(consumer, "track").items():
            assert _is_stretch(values, [value for _, value in boat.log[name].samples]), name
        assert _units(consumer) == {
            name: (_unit_id(code), symbol)
            for name, unit in boat.units.items()
            for code, symbol in [UNECE.get(unit, ("", unit))]
        }


def _is_stretch(values: Sequence[float], log: Sequence[float]) -> bool:
    """Tell whether values stand in this order, without gap, somewhere in the log, which is played again and again."""
    whole = [*log, *log] * (1 + len(values) // len(log))
    return any(
        all(value == _exactly(known) for value, known in zip(values, whole[first:], strict=False))
        for first in range(len(log))
    )


def _heard(consumer: Consumer, dataset: str) -> dict[str, list[Any]]:
    """Give the good values of each field of a dataset in the order in which they came."""
    found: dict[str, list[Any]] = {}
    for received in consumer.of("data"):
        for message in received.json["Messages"]:
            if message["DataSetWriterName"] == dataset:
                for name, told in message.get("Payload", {}).items():
                    if "Status" not in told:
                        found.setdefault(name, []).append(told["Value"])
    return found


def _units(consumer: Consumer) -> dict[str, tuple[int, str]]:
    """Give code and symbol of the fields' units, by the tags that they are made of, as the metadata have them."""
    found: dict[str, tuple[int, str]] = {}
    for received in consumer.of("metadata"):
        for field in received.json["MetaData"]["Fields"]:
            told = {one["Key"]: one["Value"]["Value"] for one in field["Properties"]}
            if "EngineeringUnits" in told:
                unit = told["EngineeringUnits"]
                tag = told["NodeId"].removeprefix("nsu=urn:plantspace:boat;s=")
                found[tag] = unit["UnitId"], unit["DisplayName"]["Text"]
    return found
