"""The NodeManagement services (Part 4 v1.05 5.8) on the standard address space."""

from __future__ import annotations

from typing import Any

import pytest
from asyncua import ua
from asyncua.common.utils import ServiceError

from nodesets.nodes import NodeClass
from server.address_space.keys import NodeKey, numeric_key
from server.address_space.node import BrowseName
from server.address_space.node_management import NewNode, NodeManagement, ReferenceItem
from server.address_space.space import HAS_SUBTYPE, HAS_TYPE_DEFINITION, AddressSpace
from tests.unit.server.address_space.plant import FOLDER, ORGANIZES, key, node, standard_space, variable

Codes = ua.StatusCodes
COMPONENT, PROPERTY, FOLDER_TYPE, DATA_VARIABLE = (numeric_key(0, number) for number in (47, 46, 61, 63))
HIERARCHICAL, PROPERTY_TYPE, BASE_OBJECT, BASE_VARIABLE = (numeric_key(0, number) for number in (33, 68, 58, 62))


@pytest.fixture(scope="module")
def loaded() -> AddressSpace:
    return standard_space()


@pytest.fixture
def management(loaded: AddressSpace) -> Any:
    """The services; what a test adds is taken away again."""
    before = set(loaded.nodes)
    yield NodeManagement(loaded, 100)
    loaded.remove_all([one for one in loaded.nodes if one not in before])


def add(management: NodeManagement, name: str, **changes: Any) -> int:
    item = NewNode(node(name), FOLDER, ORGANIZES, FOLDER_TYPE)._replace(**changes)
    return management.add_nodes([item])[0].status


def test_a_node_comes_with_its_parents_reference_and_its_type(management: NodeManagement, loaded: AddressSpace) -> None:
    made = management.add_nodes([NewNode(node("a"), FOLDER, ORGANIZES, FOLDER_TYPE)])
    assert made == [(0, key("a"))]
    assert loaded[key("a")].inverse == [(ORGANIZES, FOLDER)]
    assert loaded.type_of(loaded[key("a")]) == FOLDER_TYPE
    assert (ORGANIZES, key("a")) in loaded[FOLDER].forward


def test_a_null_node_id_asks_for_a_new_one(management: NodeManagement, loaded: AddressSpace) -> None:
    keys: list[NodeKey] = []
    for number in range(3):
        wanted = node(f"n{number}")
        wanted.key = numeric_key(5, 0)
        keys.append(management.add_nodes([NewNode(wanted, FOLDER, ORGANIZES, FOLDER_TYPE)])[0].key)
    assert keys == [numeric_key(5, number) for number in (1, 2, 3)]
    assert all(one in loaded for one in keys)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"parent": key("nothing")}, Codes.BadParentNodeIdInvalid),
        ({"parent": 0}, Codes.BadParentNodeIdInvalid),
        ({"reference_type": numeric_key(0, 1)}, Codes.BadReferenceTypeIdInvalid),
        ({"reference_type": FOLDER}, Codes.BadReferenceTypeIdInvalid),
        ({"reference_type": HIERARCHICAL}, Codes.BadReferenceNotAllowed),  # abstract
        ({"reference_type": HAS_TYPE_DEFINITION}, Codes.BadReferenceNotAllowed),  # not hierarchical
        ({"reference_type": PROPERTY}, Codes.BadReferenceNotAllowed),  # to an Object
        ({"type_definition": 0}, Codes.BadTypeDefinitionInvalid),
        ({"type_definition": key("nothing")}, Codes.BadTypeDefinitionInvalid),
        ({"type_definition": DATA_VARIABLE}, Codes.BadTypeDefinitionInvalid),
        ({"node": variable("a", 11), "type_definition": BASE_VARIABLE}, Codes.BadTypeDefinitionInvalid),  # abstract
        ({"node": node("a", NodeClass.METHOD), "reference_type": COMPONENT}, Codes.BadTypeDefinitionInvalid),
        ({"node": node("x" * 4097)}, Codes.BadNodeIdRejected),
        ({"node": node("a", NodeClass.VARIABLE)}, Codes.BadNodeAttributesInvalid),
    ],
)
def test_why_a_node_is_not_added(management: NodeManagement, changes: dict[str, Any], expected: int) -> None:
    """Part 4 v1.05 5.8.2.4."""
    before = management._space.version
    assert add(management, "a", **changes) == expected
    assert management._space.version == before


def test_names_and_node_ids_that_are_taken(management: NodeManagement) -> None:
    assert add(management, "a") == 0
    assert add(management, "a") == Codes.BadNodeIdExists
    nameless = node("b")
    nameless.browse_name = BrowseName(2, "")
    assert add(management, "b", node=nameless) == Codes.BadBrowseNameInvalid
    place = {"parent": key("a"), "reference_type": PROPERTY, "type_definition": PROPERTY_TYPE}
    assert add(management, "p", node=variable("p", 11), **place) == 0
    again = variable("other", 11)
    again.browse_name = BrowseName(2, "p")
    assert add(management, "other", node=again, **place) == Codes.BadBrowseNameDuplicated


def test_nothing_and_too_much_are_refused_as_a_whole(management: NodeManagement) -> None:
    for call in (
        management.add_nodes,
        management.add_references,
        management.delete_nodes,
        management.delete_references,
    ):
        for count, code in ((0, Codes.BadNothingToDo), (101, Codes.BadTooManyOperations)):
            with pytest.raises(ServiceError) as raised:
                call([None] * count)  # type: ignore[arg-type, list-item]  # it is counted before it is looked at
            assert raised.value.code == code


def test_references_are_added_from_either_end(management: NodeManagement, loaded: AddressSpace) -> None:
    for name in "abc":
        assert add(management, name) == 0
    assert management.add_references(
        [
            ReferenceItem(key("a"), ORGANIZES, key("b")),
            ReferenceItem(key("c"), ORGANIZES, key("a"), forward=False),
            ReferenceItem(key("b"), ORGANIZES, key("a"), forward=False),
        ]
    ) == [0, 0, Codes.BadDuplicateReferenceNotAllowed]
    assert {target for kind, target in loaded[key("a")].forward if kind == ORGANIZES} == {key("b"), key("c")}
    assert management.delete_references(
        [
            ReferenceItem(key("b"), ORGANIZES, key("a"), forward=False),
            ReferenceItem(key("b"), ORGANIZES, key("a"), forward=False),
        ]
    ) == [0, Codes.BadNotFound]
    assert (ORGANIZES, key("b")) not in loaded[key("a")].forward


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (ReferenceItem(key("nothing"), ORGANIZES, FOLDER), Codes.BadSourceNodeIdInvalid),
        (ReferenceItem(FOLDER, ORGANIZES, key("nothing")), Codes.BadTargetNodeIdInvalid),
        (ReferenceItem(FOLDER, FOLDER, FOLDER), Codes.BadReferenceTypeIdInvalid),
        (ReferenceItem(FOLDER, HIERARCHICAL, DATA_VARIABLE), Codes.BadReferenceNotAllowed),
        (ReferenceItem(FOLDER, ORGANIZES, FOLDER), Codes.BadInvalidSelfReference),
        (ReferenceItem(FOLDER, PROPERTY, 86), Codes.BadReferenceNotAllowed),
        (ReferenceItem(FOLDER, HAS_TYPE_DEFINITION, BASE_OBJECT), Codes.BadReferenceNotAllowed),  # it has one
        (ReferenceItem(FOLDER, HAS_TYPE_DEFINITION, DATA_VARIABLE), Codes.BadReferenceNotAllowed),
        (ReferenceItem(BASE_OBJECT, HAS_SUBTYPE, BASE_VARIABLE), Codes.BadReferenceNotAllowed),
        (ReferenceItem(FOLDER_TYPE, HAS_SUBTYPE, BASE_OBJECT), Codes.BadReferenceNotAllowed),  # a circle
        (ReferenceItem(FOLDER, ORGANIZES, 86, target_class=NodeClass.VIEW), Codes.BadNodeClassInvalid),
    ],
)
def test_why_a_reference_is_not_added(management: NodeManagement, item: ReferenceItem, expected: int) -> None:
    """Part 4 v1.05 5.8.3.4."""
    before = management._space.version
    assert management.add_references([item]) == [expected]
    assert management._space.version == before


def test_nodes_are_deleted_with_what_leads_to_them(management: NodeManagement, loaded: AddressSpace) -> None:
    for name in "ab":
        assert add(management, name) == 0
    results = management.delete_nodes([key("a"), key("nothing"), key("a"), 0, key("b")])
    assert results == [0, Codes.BadNodeIdUnknown, Codes.BadNodeIdUnknown, Codes.BadNodeIdInvalid, 0]
    assert key("a") not in loaded
    assert all(target not in (key("a"), key("b")) for _, target in loaded[FOLDER].forward)
    assert all(source not in (key("a"), key("b")) for _, source in loaded[FOLDER_TYPE].inverse)
