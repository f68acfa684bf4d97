"""Constants that the configuration gives members of instances: by type, from lists and tables, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import Findings
from core.settings import Document
from nodesets.built_in_types import BuiltInType, LocalizedText, Structure, Value, Variant
from nodesets.datatypes.registry import TypeRegistry
from nodesets.library import published
from nodesets.model import read_model
from nodesets.names import NodeName
from nodesets.nodes import Node, VariableNode
from nodesets.resolver import resolve
from server.plan.instances import plan_instances
from server.plan.written_values import WrittenValueError, written_value

OWN = "urn:plantspace:line-1"
MACHINERY = "http://opcfoundation.org/UA/Machinery/"


@pytest.fixture(scope="module")
def nodes() -> dict[NodeName, Node]:
    return read_model(resolve([published()[MACHINERY][0].file])).nodes


@pytest.fixture(scope="module")
def types(nodes: dict[NodeName, Node]) -> TypeRegistry:
    return TypeRegistry.of(nodes.values())


def _planned(
    folder: Path, nodes: dict[NodeName, Node], text: str, table: str = ""
) -> tuple[dict[str, Variant | None], list[str]]:
    """Give the values of all variables, and what is told."""
    (folder / "instances.csv").write_text(table, encoding="utf-8")
    config = folder / "gateway.yaml"
    config.write_text(f"model:\n  instances:{text}\n", encoding="utf-8")
    findings = Findings()
    document = Document.read(config, findings)
    assert document is not None
    records = plan_instances(document, nodes, OWN, findings).records
    values = {str(one.name.identifier): one.value for one in records if isinstance(one, VariableNode)}
    return values, [str(one).removeprefix(f"{folder}/") for one in sorted(set(findings.items))]


def test_members_of_a_list_have_their_values_and_optional_ones_are_made(
    tmp_path: Path, nodes: dict[NodeName, Node]
) -> None:
    text = """
    - type: machinery:MachineIdentificationType
      name: Id
      values: {SerialNumber: "0047", Manufacturer: Plantspace, YearOfConstruction: 2026, "di:Model": {de: Presse}}
"""
    values, told = _planned(tmp_path, nodes, text)
    assert told == []
    assert values["Id.SerialNumber"] == Variant(BuiltInType.String, "0047")
    assert values["Id.Manufacturer"] == Variant(BuiltInType.LocalizedText, LocalizedText(None, "Plantspace"))
    assert values["Id.YearOfConstruction"] == Variant(BuiltInType.UInt16, 2026)
    assert values["Id.Model"] == Variant(BuiltInType.LocalizedText, LocalizedText("de", "Presse"))
    assert "Id.Location" not in values


def test_a_table_has_a_column_for_each(tmp_path: Path, nodes: dict[NodeName, Node]) -> None:
    table = (
        "type,name,value:SerialNumber,value:YearOfConstruction\n"
        "machinery:MachineIdentificationType,One,0047,2026\n"
        "machinery:MachineIdentificationType,Two,0048,\n"
    )
    values, told = _planned(tmp_path, nodes, " instances.csv", table)
    assert told == []
    assert values["One.SerialNumber"] == Variant(BuiltInType.String, "0047")
    assert values["One.YearOfConstruction"] == Variant(BuiltInType.UInt16, 2026)
    assert values["Two.SerialNumber"] == Variant(BuiltInType.String, "0048")
    assert "Two.YearOfConstruction" not in values, "an empty cell gives no value, and makes no optional member"


def test_what_is_wrong_is_told_at_its_place(tmp_path: Path, nodes: dict[NodeName, Node]) -> None:
    text = """
    - type: machinery:MachineIdentificationType
      name: Id
      values:
        SerialNumber: 47
        YearOfConstuction: 2026
    - type: machinery:MachineIdentificationType
      name: Other
      values:
        SerialNumber: 47
        YearOfConstruction: 99999
    - instances.csv
"""
    table = "type,name,value:YearOfConstruction\nmachinery:MachineIdentificationType,Row,soon\n"
    values, told = _planned(tmp_path, nodes, text, table)
    assert told == [
        "gateway.yaml:7:28: Id: the type has no member 'YearOfConstuction' (did you mean 'YearOfConstruction'?)",
        'gateway.yaml:11:23: Other: SerialNumber: 47 is no String (put it in quotes: "47")',
        "gateway.yaml:12:29: Other: YearOfConstruction: '99999' is no whole number from 0 to 65535",
        "instances.csv:2:41: Row: YearOfConstruction: 'soon' is no whole number from 0 to 65535",
    ]
    assert "Other.SerialNumber" in values, "the nodes are there, so that what names them is not told as wrong too"


def _structure(number: int, **fields: Value) -> Structure:
    return Structure(NodeName.standard(number), fields)


UNIT = _structure(
    887,
    NamespaceUri="http://www.opcfoundation.org/UA/units/un/cefact",
    UnitId=4408652,
    DisplayName=LocalizedText(None, "°C"),
    Description=LocalizedText(None, "degree Celsius"),
)


@pytest.mark.parametrize(
    ("given", "kind", "rank", "expected"),
    [
        (True, 1, -1, True),
        (3, 11, -1, 3.0),
        (3.0, 6, -1, 3),
        ("2026-01-01T00:00:00Z", 13, -1, 134116992000000000),
        ("AQI=", 15, -1, b"\x01\x02"),
        ("nsu=urn:x;s=a", 17, -1, NodeName("urn:x", "s", "a")),
        ("°C", 887, -1, UNIT),
        ("0 .. 100", 884, -1, _structure(884, Low=0.0, High=100.0)),
        ({"Low": -1, "High": 1.5}, 884, -1, _structure(884, Low=-1.0, High=1.5)),
        ({"Low": -1}, 884, -1, _structure(884, Low=-1.0, High=0.0)),
        ([1, 2], 6, 1, (1, 2)),
        ([1, 2], 6, -2, (1, 2)),
        ("Running", 852, -1, 0),
        (3, 852, -1, 3),
    ],
)
def test_values_of_each_kind(given: object, kind: int, rank: int, expected: Value, types: TypeRegistry) -> None:
    assert written_value(given, NodeName.standard(kind), rank, types).value == expected


@pytest.mark.parametrize(("given", "kind", "rank", "expected"), [
    ("1|2", 6, 1, (1, 2)), ("1", 6, -3, 1), ("Running", 852, -1, 0), ("true", 1, -1, True), ("0..5", 884, -1,
     _structure(884, Low=0.0, High=5.0)), ("1.5", 11, -1, 1.5),
])  # fmt: skip
def test_cells_are_text(given: str, kind: int, rank: int, expected: Value, types: TypeRegistry) -> None:
    assert written_value(given, NodeName.standard(kind), rank, types, cell=True).value == expected


@pytest.mark.parametrize(
    ("given", "kind", "rank", "told"),
    [
        ("3", 11, -1, "'3' is no Double"),
        (True, 11, -1, "True is no Double"),
        (1.5, 6, -1, "'1.5' is no whole number"),
        ("yes", 1, -1, "'yes' is neither true nor false"),
        (None, 12, -1, "None is no String"),
        ([1], 6, -1, "is no Int32"),
        (1, 6, 1, "is one value"),
        ([[1]], 6, 2, "a matrix"),
        ("Runing", 852, -1, "has no 'Runing'"),
        (99, 852, -1, "has no 99"),
        ("furlong", 887, -1, "there is no unit 'furlong'"),
        ({"Low": "a"}, 884, -1, "Low: 'a' is no Double"),
        ({"Lo": 1}, 884, -1, "Range has no field 'Lo'"),
        (3, 884, -1, "3 is no Range"),
        (3, 24, -1, "is abstract"),
        ("x", 17, -1, ""),
        (3, 99999, -1, "the model does not have it"),
        ("soon", 13, -1, "is not of the form"),
    ],
)
def test_what_does_not_fit_is_refused(given: object, kind: int, rank: int, told: str, types: TypeRegistry) -> None:
    with pytest.raises(WrittenValueError) as caught:
        written_value(given, NodeName.standard(kind), rank, types)
    assert told in caught.value.problem
