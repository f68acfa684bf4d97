"""Instances from a configuration: lists and tables, names of types, what is wrong and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import Findings
from core.settings import Document
from nodesets.library import published
from nodesets.model import read_model
from nodesets.names import NodeName
from nodesets.nodes import Node
from nodesets.resolver import resolve
from server.plan.instances import PlannedInstances, instance_paths, plan_instances

OWN = "urn:plantspace:line-1"
MACHINERY = "http://opcfoundation.org/UA/Machinery/"
IDENTIFICATION = "machinery:MachineIdentificationType"
LIFETIME = "MachineryLifetimeCounterType"


@pytest.fixture(scope="module")
def nodes() -> dict[NodeName, Node]:
    return read_model(resolve([published()[MACHINERY][0].file])).nodes


def _plan(folder: Path, nodes: dict[NodeName, Node], text: str, **tables: str) -> tuple[PlannedInstances, list[str]]:
    for name, table in tables.items():
        (folder / f"{name}.csv").write_text(table, encoding="utf-8")
    config = folder / "gateway.yaml"
    config.write_text(f"model:\n  instances:{text}\n", encoding="utf-8")
    findings = Findings()
    document = Document.read(config, findings)
    assert document is not None
    planned = plan_instances(document, nodes, OWN, findings)
    assert planned.complete == (not findings.items)
    return planned, [str(one).removeprefix(f"{folder}/") for one in sorted(set(findings.items))]


def _ids(planned: PlannedInstances) -> list[str]:
    return sorted(str(record.name.identifier) for record in planned.records)


def test_a_list_of_instances_of_each_other(tmp_path: Path, nodes: dict[NodeName, Node]) -> None:
    """Parents may stand below their children; types go by name, NodeId or path."""
    text = """
    - {type: MachineIdentificationType, name: Identification, parent: /Objects/Line/Press, optional: [Location]}
    - {type: i=61, name: Line}
    - {type: /Types/ObjectTypes/BaseObjectType/FolderType, name: Press, parent: /Objects/Line}
"""
    planned, told = _plan(tmp_path, nodes, text)
    assert told == []
    assert _ids(planned) == [
        "Line",
        "Line.Press",
        "Line.Press.Identification",
        *(f"Line.Press.Identification.{name}" for name in ("Location", "Manufacturer", "ProductInstanceUri")),
        "Line.Press.Identification.SerialNumber",
    ]
    assert {record.name.namespace for record in planned.records} == {OWN}


def test_a_table_of_instances(tmp_path: Path, nodes: dict[NodeName, Node]) -> None:
    """Cells hold lists with | and pairs with =; the id is free to choose."""
    table = (
        "name,type,id,optional,placeholders\n"
        f"A,{IDENTIFICATION},plant.A,Location|DeviceClass,\n"
        f"B,{LIFETIME},,B1/Indication,<LifetimeVariable>=B1|<LifetimeVariable>=B2\n"
    )
    planned, told = _plan(tmp_path, nodes, " instances.csv", instances=table)
    assert [one for one in told if "abstract" not in one] == []
    assert "plant.A.DeviceClass" in _ids(planned)
    assert "plant.A.Location" in _ids(planned)
    assert "B.B1.Indication" in _ids(planned)
    assert "B.B2.StartValue" in _ids(planned)
    assert "B.B2.Indication" not in _ids(planned)


def test_files_and_instances_may_be_mixed(tmp_path: Path, nodes: dict[NodeName, Node]) -> None:
    """A text in the list names a table."""
    planned, told = _plan(
        tmp_path, nodes, "\n    - one.csv\n    - {type: i=61, name: B}", one="name,type\nA,FolderType\n"
    )
    assert told == []
    assert _ids(planned) == ["A", "B"]


def test_an_add_in_has_its_default_name(tmp_path: Path, nodes: dict[NodeName, Node]) -> None:
    """A type with a DefaultInstanceBrowseName needs none, and its name is in the type's namespace."""
    text = "\n    - {type: LockingServicesType, reference: HasAddIn, parent: /Objects}"
    planned, told = _plan(tmp_path, nodes, text)
    assert told == []
    first = planned.records[0]
    assert first.browse_name.name == "Lock"
    assert first.browse_name.namespace.endswith("/DI/")
    assert NodeName.standard(17604) in [one.type for one in first.references]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "\n    - {type: MachineIdentificationTyp, name: A}",
            ["gateway.yaml:3:14: the model has no type 'MachineIdentificationTyp' (did you mean"],
        ),
        (
            f"\n    - {{type: '{IDENTIFICATION}', name: A, optional: [Locaton]}}",
            ["gateway.yaml:3:73: A: the type has no optional child 'Locaton' (did you mean 'Location'?)"],
        ),
        (
            "\n    - {type: FolderType, name: A, parent: /Objects/Lin}\n    - {type: FolderType, name: Line}",
            ["gateway.yaml:3:43: /Objects has no child 'Lin' (did you mean Line?)"],
        ),
        ("\n    - {type: FolderType, nam: A}", ["gateway.yaml:3:26: unknown key 'nam'"]),
        ("\n    - {type: FolderType}", ["gateway.yaml:3:7: FolderType: the instance has no name"]),
        ("\n    - {name: A}", ["gateway.yaml:3:7: the key 'type' is missing"]),
        ("\n    - {type: ns=1;i=1, name: A}", ["gateway.yaml:3:14: a namespace index is valid in one run"]),
        ("\n    - {type: i=85, name: A}", ["gateway.yaml:3:14: A: Objects (i=85) is no type of objects"]),
        (
            "\n    - {type: ComponentType, name: A}",
            ["gateway.yaml:3:14: A: the type ComponentType is abstract (choose"],
        ),
        (
            "\n    - {type: FolderType, name: A}\n    - {type: FolderType, name: A}",
            ["gateway.yaml:4:32: A: Objects has a child 'A' already (choose another name)"],
        ),
        (
            f"\n    - {{type: {LIFETIME}, name: A}}",
            ["gateway.yaml:3:7: A: the type demands at least one child for '<LifetimeVariable>'"],
        ),
        (
            f"\n    - {{type: {LIFETIME}, name: A, placeholders: {{<LifetimeVarible>: [B]}}}}",
            ["gateway.yaml:3:53: A: the type demands", "gateway.yaml:3:68: A: the type has no placeholder"],
        ),
        (" {type: FolderType}", ["gateway.yaml:2:14: 'model.instances' must be a list or a file's name"]),
        (" none.csv", ["none.csv"]),
        (
            "\n    - {type: FolderType, name: A, reference: HasTypeDefinition}",
            ["gateway.yaml:3:46: A: i=40 is no"],
        ),
    ],
)
def test_what_is_wrong_is_told_at_its_place(
    tmp_path: Path, nodes: dict[NodeName, Node], text: str, expected: list[str]
) -> None:
    """Each with what mends it."""
    _, told = _plan(tmp_path, nodes, text)
    assert len(told) == len(expected), told
    for one, beginning in zip(told, expected, strict=True):
        assert one.startswith(beginning), one


def test_a_table_tells_the_cell(tmp_path: Path, nodes: dict[NodeName, Node]) -> None:
    """Line and column of what is wrong; what is right beside it is made."""
    table = f"name,type,optional,placeholders\nA,{IDENTIFICATION},Locatio,\n"
    table += "B,FoldrType,,\nC,FolderType,,x\nD,FolderType,,\n"
    planned, told = _plan(tmp_path, nodes, " t.csv", t=table)
    assert _ids(planned) == ["D"]
    assert told == [
        "t.csv:2:39: A: the type has no optional child 'Locatio' (did you mean 'Location'?)",
        "t.csv:3:3: the model has no type 'FoldrType' (did you mean FolderType?)",
        "t.csv:4:15: 'x' is not of the form path=name (write path=name|path=name)",
    ]
    assert planned.lost == {"A", "B"}


def test_a_lost_parent_is_told_once(tmp_path: Path, nodes: dict[NodeName, Node]) -> None:
    """What hangs on an instance that is wrong is no error of its own."""
    text = "\n    - {type: Nothing, name: A}\n    - {type: FolderType, name: B, parent: /Objects/A}"
    planned, told = _plan(tmp_path, nodes, text)
    assert len(told) == 1
    assert planned.lost == {"A", "B"}


def test_a_name_of_a_device_is_refused(tmp_path: Path, nodes: dict[NodeName, Node]) -> None:
    """The NodeIds of a device's tags begin with its name."""
    text = "\n    - {type: FolderType, name: plc}\ndevices:\n  plc: {driver: modbus}"
    _, told = _plan(tmp_path, nodes, text)
    assert told == [
        "gateway.yaml:3:32: the NodeId 'plc' belongs to the device of that name (choose another name, or an id)"
    ]


def test_paths_of_instances_are_known_without_a_model(tmp_path: Path) -> None:
    """As type bindings need them; a name that comes twice stands for neither."""
    config = tmp_path / "gateway.yaml"
    items = ["{type: T, name: A}", "{type: T, name: B, parent: /Objects/Line}", "{type: T, name: C}"]
    items += ["{type: T, name: C, parent: /Objects/Line}", "{type: T, name: D, parent: i=85}"]
    config.write_text("model:\n  instances:\n" + "".join(f"    - {item}\n" for item in items), encoding="utf-8")
    document = Document.read(config, Findings())
    assert document is not None
    assert instance_paths(document) == {"A": "/Objects/A", "B": "/Objects/Line/B"}
