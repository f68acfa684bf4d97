"""Structures of published specifications, decoded by clients that know them from the server alone.

node-opcua and asyncua read each DataType's DataTypeDefinition and decode by it. What they make of a value is compared
field by field with the NodeSets' values as our loader has read them.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nodesets.built_in_types import BuiltInType, Structure, Value, Variant
from nodesets.datatypes.description import EnumerationDescription, OptionSetDescription
from nodesets.library import LibraryError, published
from nodesets.model import Model, read_model
from nodesets.names import STANDARD_NAMESPACE, NodeName
from nodesets.nodes import DataTypeNode, VariableNode, VariableTypeNode
from nodesets.resolver import resolve
from tests.conftest import ROOT
from tests.foreign.client import ForeignClient, foreign_client
from tests.system.plant import Plant, running
from tests.system.structured_values import Plain, differences

OWN = "urn:test:structures"
UA = STANDARD_NAMESPACE
SPECIFICATIONS = (f"{UA}BACnet_V2/", f"{UA}Machinery/Result/", f"{UA}TMC/v2/", f"{UA}Pumps/")
MODEL = Path(__file__).parent / "models" / "structures.NodeSet2.xml"
CONFIGURATION = """\
name: test
server:
  endpoint: opc.tcp://127.0.0.1:{port}
  security: ["None"]
  anonymous: Observer
model:
  nodesets: [structures.NodeSet2.xml]
"""


@pytest.fixture(scope="module")
def model() -> Model:
    try:
        published()
    except LibraryError as error:
        pytest.skip(str(error))
    return read_model(resolve([MODEL]))


@pytest.fixture
async def plant(model: Model, tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Plant]:
    assert model.findings == ()
    shutil.copy(MODEL, tmp_path)
    config = tmp_path / "plant.yaml"
    config.write_text(CONFIGURATION.format(port=free_port()), encoding="utf-8")
    async with running(config) as held:
        yield held


@pytest.fixture
async def foreign(plant: Plant, tmp_path: Path) -> AsyncIterator[ForeignClient]:
    async with foreign_client(tmp_path) as held:
        await held.connect(plant.url)
        yield held


class Served:
    """How a server names a model's nodes."""

    def __init__(self, plant: Plant, model: Model) -> None:
        self._nodeids = plant.gateway.plan.nodeids
        self.model = model
        self.plain = Plain(model.types, self.text)

    def text(self, name: NodeName) -> str:
        return f"ns={self._nodeids.index_of(name.namespace)};{name.kind}={name.identifier}"

    def own(self, name: str) -> tuple[str, dict[str, Any]]:
        """Give a variable of the test's own, and the value that a client has to see."""
        node = self.model.nodes[NodeName(OWN, "s", name)]
        assert isinstance(node, VariableNode)
        assert node.value is not None
        return self.text(node.name), self.plain.variant(node.value)


@pytest.fixture
def served(plant: Plant, model: Model) -> Served:
    return Served(plant, model)


async def test_node_opcua_reads_structures_by_name(plant: Plant, served: Served, foreign: ForeignClient) -> None:
    index = plant.index(OWN)
    for name in ("Destinations", "Recipient", "Result", "Material", "Address", "Directives"):
        node = await foreign.ask("find", path=f"/Objects/{index}:{name}")
        (told,) = await foreign.ask("structures", nodes=[node])
        assert differences(told, served.own(name)[1]) == []
    (result,) = await foreign.ask("structures", nodes=[served.own("Result")[0]])
    known = result["value"]["ResultMetaData"]
    assert known["ResultEvaluationCode"] == "-9007199254740993"
    assert known["ResultEvaluation"] == 2
    assert "StepId" not in known, "an optional field that the value does not have"
    (destinations,) = await foreign.ask("structures", nodes=[served.own("Destinations")[0]])
    first, second = destinations["value"]
    address = {"": "BACnetAddress", "NetworkNumber": 65535, "MacAddress": "wKgBFLrA"}
    assert first["Recipient"] == {"": "BACnetRecipient", "Address": address}
    assert second["Recipient"] == {"": "BACnetRecipient", "Device": 33554436}


async def test_node_opcua_decodes_every_value_of_the_specifications(served: Served, foreign: ForeignClient) -> None:
    wanted = dict(_structured(served.model))
    names = list(wanted)
    assert len(names) > 900
    told = await foreign.ask("structures", nodes=[served.text(name) for name in names])
    wrong: list[str] = []
    for name, value in zip(names, told, strict=True):
        wrong += [f"{name}{one}" for one in differences(value, served.plain.variant(wanted[name]))]
    assert wrong == []


def _structured(model: Model) -> Iterator[tuple[NodeName, Variant]]:
    """Give the values that are structures, but for those that node-opcua has no way to decode."""
    for node in model.nodes.values():
        if isinstance(node, VariableNode | VariableTypeNode) and node.name.namespace in SPECIFICATIONS:
            value = node.value
            if (
                value is not None
                and value.type is BuiltInType.ExtensionObject
                and not _has_numbered_names(value, model)
            ):
                yield node.name, value


def _has_numbered_names(value: Value, model: Model) -> bool:
    """Tell whether a field's enumeration has names such as ``1``: node-opcua takes these for its numbers."""
    match value:
        case Variant():
            return _has_numbered_names(value.value, model)
        case Structure() if model.types.is_subtype(value.type, NodeName.standard(12755)):
            return False
        case Structure():
            fields = [field for field in model.types.structure(value.type).fields if field.is_enumeration]
            names = [name for one in fields for name in model.types.enumeration(one.data_type).names.values()]
            inner = any(_has_numbered_names(one, model) for one in value.fields.values())
            return inner or any(name.isdigit() for name in names)
        case _:
            return type(value) is tuple and any(_has_numbered_names(one, model) for one in value)


async def test_enumerations_and_option_sets_tell_their_names(served: Served, foreign: ForeignClient) -> None:
    # Part 3 v1.05 8.50 EnumDefinition; 5.8.3: EnumStrings, EnumValues and OptionSetValues say the same to older clients
    model = served.model
    count = 0
    for node in [one for one in model.nodes.values() if isinstance(one, DataTypeNode)]:
        if node.name.namespace not in SPECIFICATIONS or node.definition is None:
            continue
        described = model.types.describe(node.name) if _tells_names(node, model) else None
        if not isinstance(described, EnumerationDescription | OptionSetDescription):
            continue
        asked = served.text(node.name)
        (told,) = await foreign.ask("structures", nodes=[asked], attribute="DataTypeDefinition")
        fields = {int(one["Value"]): one["Name"] for one in told["value"]["Fields"]}
        assert fields == described.names, node.browse_name.name
        properties = {one["name"]: one["node"] for one in await foreign.ask("browse", node=asked)}
        shown = properties.keys() & {"EnumStrings", "EnumValues", "OptionSetValues"}
        assert shown, f"{node.browse_name.name} has no property with its names"
        (texts,) = await foreign.ask("structures", nodes=[properties[shown.pop()]])
        assert len(texts["value"]) >= len(fields)
        count += 1
    assert count > 40


def _tells_names(node: DataTypeNode, model: Model) -> bool:
    kinds = (NodeName.standard(29), NodeName.standard(12755))
    return any(model.types.is_subtype(node.name, kind) for kind in kinds)


async def test_asyncua_decodes_what_it_can(plant: Plant, served: Served) -> None:
    """Left out: option sets under OptionSet and fields that allow subtypes, which asyncua 2.1 reads as other types."""
    names = ("Recipient", "Material", "Address")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.foreign.asyncua_structures", plant.url,
        cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    asked = "".join(f"{served.own(name)[0]}\n" for name in names)
    told, _ = await asyncio.wait_for(process.communicate(asked.encode()), 180)
    values = [json.loads(line) for line in told.splitlines()]
    assert len(values) == len(names)
    for name, value in zip(names, values, strict=True):
        assert differences(value, served.own(name)[1]) == []
