from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import Findings, Place
from nodesets.built_in_types import LocalizedText
from nodesets.nodes import NodeClass
from server.address_space.keys import NodeKey, numeric_key
from server.address_space.node import AccessAttributes, BrowseName, RolePermission, SpaceNode, VariableAttributes
from server.address_space.snapshot import snapshot
from server.address_space.space import HAS_SUBTYPE, HIERARCHICAL_REFERENCES, AddressSpace
from server.permissions.applying import PLANTSPACE_NAMESPACE, ConfiguredPermissions, plan_permissions
from server.permissions.settings import PermissionSettings
from server.ua_stack.nodeids import NodeIds
from server.users.well_known import WELL_KNOWN

URIS = NodeIds(("http://opcfoundation.org/UA/", "urn:own", "urn:plant", PLANTSPACE_NAMESPACE))
ORGANIZES, OBJECTS, SERVER = numeric_key(0, 35), numeric_key(0, 85), numeric_key(0, 2253)
ROLES: dict[str, NodeKey] = {**WELL_KNOWN, "Packer": (1, "Role.Packer")}
OPERATOR, OBSERVER = WELL_KNOWN["Operator"], WELL_KNOWN["Observer"]
PLACE = Place.of(Path("plant.yaml"))


def node(key: NodeKey, name: str, node_class: NodeClass = NodeClass.OBJECT) -> SpaceNode:
    made = SpaceNode(key, node_class, BrowseName(0, name), (LocalizedText(None, name),))
    if node_class is NodeClass.VARIABLE:
        made.variable = VariableAttributes(numeric_key(0, 6))
    return made


@pytest.fixture
def space() -> AddressSpace:
    """Objects: the Server, a line with a pump that has a speed, a line of a like name, and the gateway's own object."""
    made = AddressSpace()
    made.add(node(HIERARCHICAL_REFERENCES, "HierarchicalReferences", NodeClass.REFERENCE_TYPE))
    made.add(node(ORGANIZES, "Organizes", NodeClass.REFERENCE_TYPE))
    made.refer(HIERARCHICAL_REFERENCES, HAS_SUBTYPE, ORGANIZES)
    for key, name, above in (
        (OBJECTS, "Objects", None),
        (SERVER, "Server", OBJECTS),
        (numeric_key(0, 15606), "RoleSet", SERVER),
        ((2, "Line1"), "Line1", OBJECTS),
        ((2, "Line1.Pump"), "Pump", (2, "Line1")),
        ((2, "Line10"), "Line10", OBJECTS),
        ((3, "Gateway"), "Gateway", OBJECTS),
        ((3, "Import"), "Import", (3, "Gateway")),
    ):
        made.add(node(key, name))
        if above is not None:
            made.refer(above, ORGANIZES, key)
    made.add(node((2, "Speed"), "Speed", NodeClass.VARIABLE))
    made.refer((2, "Line1.Pump"), ORGANIZES, (2, "Speed"))
    made.refer((2, "Speed"), ORGANIZES, (2, "Line1"))
    return made


def planned(space: AddressSpace, *entries: dict[str, object]) -> tuple[ConfiguredPermissions, list[str]]:
    findings = Findings()
    given = [(PermissionSettings.model_validate(entry), PLACE) for entry in entries]
    made = plan_permissions(given, space, URIS, ROLES, findings)
    return made, [f"{one.problem} | {one.mend}" for one in findings.items]


def said(space: AddressSpace) -> set[NodeKey]:
    return {key for key, one in space.nodes.items() if one.access is not None}


READS: dict[str, list[str]] = {"Observer": ["Browse", "Read"]}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("/Objects/Line1", {(2, "Line1")}),
        ("/Objects/Line1/**", {(2, "Line1"), (2, "Line1.Pump"), (2, "Speed")}),
        ("/Objects/Line1*", {(2, "Line1"), (2, "Line1.Pump"), (2, "Speed"), (2, "Line10")}),
        ("/Objects/*/Pump/**", {(2, "Line1.Pump"), (2, "Speed"), (2, "Line1")}),
        ("nsu=urn:plant;s=Speed", {(2, "Speed")}),
        ("/Objects/**", {(2, "Line1"), (2, "Line1.Pump"), (2, "Speed"), (2, "Line10")}),
        ("/Objects/Gateway/Import", {(3, "Import")}),
        ("/Objects/Gateway/**", {(3, "Gateway"), (3, "Import")}),
    ],
)
def test_which_nodes_a_pattern_means(space: AddressSpace, pattern: str, expected: set[NodeKey]) -> None:
    """Neither the standard's own nodes nor the gateway's are ever meant by a pattern for the plant."""
    configured, findings = planned(space, {"nodes": pattern, "roles": READS})
    assert findings == []
    assert said(space) == set(), "planning changes nothing"
    before = space.version
    assert configured.apply(space, URIS) == len(expected)
    assert said(space) == expected
    assert space.version > before
    for key in expected:
        assert space[key].access == AccessAttributes(0, None, (RolePermission(OBSERVER, 0x21),))


def test_later_entries_count_more_and_the_rest_of_what_a_file_says_stays(space: AddressSpace) -> None:
    file = (RolePermission(OPERATOR, 0x61),)
    space[2, "Speed"].access = AccessAttributes(0x20, 1, file)
    configured, findings = planned(
        space,
        {"nodes": "/Objects/Line1/**", "restrictions": ["EncryptionRequired"]},
        {"nodes": "/Objects/Line1", "roles": {"Packer": ["Browse"]}},
        {"nodes": "/Objects/Line1", "roles": READS},
    )
    assert findings == []
    assert configured.apply(space, URIS) == 3
    assert space[2, "Speed"].access == AccessAttributes(0x20, 2, file)
    assert space[2, "Line1"].access == AccessAttributes(0, 2, (RolePermission(OBSERVER, 0x21),))
    assert configured.apply(space, URIS) == 3, "again, and it is as it was"
    assert space[2, "Line1"].access == AccessAttributes(0, 2, (RolePermission(OBSERVER, 0x21),))


def test_everything_that_is_wrong_is_told_with_its_mend(space: AddressSpace) -> None:
    _, findings = planned(
        space,
        {"nodes": "/Objects/Line2/**", "roles": {"Operater": ["Browse"]}},
        {"nodes": "/Objects/*Mixer", "roles": READS},
        {"nodes": "/Objects/Server/**", "roles": READS},
        {"nodes": "nsu=urn:nowhere;i=1", "roles": READS},
    )
    assert len(findings) == 5
    assert "Line2" in findings[0]
    assert (
        findings[1]
        == "there is no role 'Operater', of which something is said for /Objects/Line2/** | did you mean Operator?"
    )
    assert findings[2] == "no node matches /Objects/*Mixer | patterns are browse paths, such as /Objects/Line1/**"
    assert findings[3].startswith("what may be done with /Objects/Server/** is the standard's to say")
    assert "urn:nowhere" in findings[4]


def test_a_changed_model_differs_in_nothing_but_its_files(space: AddressSpace) -> None:
    loaded = snapshot(space)
    configured, _ = planned(space, {"nodes": "/Objects/Line1/**", "roles": READS})
    configured.apply(space, URIS)
    assert configured.applied(space, loaded) == snapshot(space)
    assert configured
    assert not ConfiguredPermissions(())
