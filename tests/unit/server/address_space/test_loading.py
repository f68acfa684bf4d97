"""From records to nodes: all or nothing, references once, what leads nowhere told, and lean."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

from nodesets.built_in_types import BuiltInType, LocalizedText, QualifiedName, Variant
from nodesets.names import STANDARD_NAMESPACE, NodeName
from nodesets.nodes import (
    DataTypeNode,
    MethodNode,
    Node,
    NodeClass,
    ObjectNode,
    ObjectTypeNode,
    Reference,
    ReferenceTypeNode,
    RolePermission,
    VariableNode,
    VariableTypeNode,
    ViewNode,
)
from server.address_space.keys import numeric_key
from server.address_space.loading import DanglingReference, LoadError, load_nodes
from server.address_space.node import AccessAttributes, BrowseName, Flag, VariableAttributes
from server.address_space.node import RolePermission as HeldPermission
from server.address_space.space import AddressSpace

URI = "http://example.org/UA/"
NAMESPACES = [STANDARD_NAMESPACE, "urn:own", URI]
STANDARD = NodeName.standard
ORGANIZES, SUBTYPE = STANDARD(35), STANDARD(45)


def name(identifier: str) -> NodeName:
    return NodeName(URI, "s", identifier)


def called(identifier: str) -> QualifiedName:
    return QualifiedName(URI, identifier)


def encode(value: Variant) -> bytes:
    return bytes((value.type,)) + str(value.value).encode()


def nothing(_record: DataTypeNode) -> None:
    return None


def base() -> list[Node]:
    types = [ReferenceTypeNode(name=STANDARD(n), browse_name=QualifiedName(STANDARD_NAMESPACE, "r")) for n in (35, 45)]
    return [*types]


def load(space: AddressSpace, *records: Node) -> list[DanglingReference]:
    return load_nodes(space, records, NAMESPACES, encode, nothing)


def test_every_class_and_every_attribute() -> None:
    space = AddressSpace()
    text = (LocalizedText("en", "t"), LocalizedText("de", "T"))
    role = RolePermission(STANDARD(15680), 7)
    records: list[Node] = [
        *base(),
        ObjectNode(
            name=name("o"),
            browse_name=called("o"),
            display_name=text,
            description=text,
            event_notifier=5,
            write_mask=3,
            access_restrictions=1,
            role_permissions=(role,),
        ),
        VariableNode(
            name=name("v"),
            browse_name=called("v"),
            value=Variant(BuiltInType.Int32, 5),
            data_type=name("d"),
            value_rank=1,
            array_dimensions=(3,),
            access_level=0x103,
            user_access_level=1,
            minimum_sampling_interval=5.0,
            historizing=True,
        ),
        VariableTypeNode(
            name=name("vt"), browse_name=called("vt"), data_type=name("d"), is_abstract=True, value_rank=-2
        ),
        MethodNode(name=name("m"), browse_name=called("m")),
        MethodNode(name=name("n"), browse_name=called("n"), executable=False, has_no_permissions=True),
        ViewNode(name=name("w"), browse_name=called("w"), contains_no_loops=True, event_notifier=1),
        ObjectTypeNode(name=name("ot"), browse_name=called("ot"), is_abstract=True),
        ReferenceTypeNode(name=name("r"), browse_name=called("r"), symmetric=True, inverse_name=text),
        DataTypeNode(name=name("d"), browse_name=called("d")),
    ]
    assert not load_nodes(space, records, NAMESPACES, encode, lambda record: record.name.namespace.encode())
    held = {one.key[1]: one for one in space.nodes.values() if not isinstance(one.key, int)}
    assert held["o"].display_name == held["o"].description == text
    assert held["o"].flags == 5
    assert held["o"].access == AccessAttributes(3, 1, (HeldPermission(numeric_key(0, 15680), 7),))
    # Part 6 v1.05 F.8: a file's UserAccessLevel means nothing, rights are the server's to say.
    assert held["v"].variable == VariableAttributes((2, "d"), 1, (3,), 0x103, 0x103, 5.0, historizing=True)
    assert held["v"].value == b"\x065"
    assert held["v"].browse_name == BrowseName(2, "v")
    assert held["v"].display_name == (LocalizedText(None, "v"),)
    assert held["v"].access is None
    assert held["vt"].variable == VariableAttributes((2, "d"), -2)
    assert held["vt"].value is None
    assert held["vt"].flags == Flag.IS_ABSTRACT
    assert held["m"].flags == Flag.EXECUTABLE
    assert held["n"].flags == 0
    assert held["n"].access == AccessAttributes(role_permissions=())
    assert held["w"].flags == 1 | Flag.CONTAINS_NO_LOOPS
    assert held["ot"].flags == Flag.IS_ABSTRACT
    assert held["r"].flags == Flag.SYMMETRIC
    assert held["r"].definition == text
    assert held["d"].definition == URI.encode()
    assert {one.node_class for one in held.values()} == set(NodeClass)


def test_a_reference_told_at_both_ends_is_one() -> None:
    space = AddressSpace()
    there, back = Reference(ORGANIZES, name("b")), Reference(ORGANIZES, name("a"), forward=False)
    records = [
        *base(),
        ObjectNode(name=name("a"), browse_name=called("a"), references=(there, there)),
        ObjectNode(name=name("b"), browse_name=called("b"), references=(back,)),
    ]
    assert not load(space, *records)
    assert space[2, "a"].forward == [(35, (2, "b"))]
    assert space[2, "b"].inverse == [(35, (2, "a"))]


def test_references_to_nodes_of_an_earlier_load() -> None:
    space = AddressSpace()
    load(space, *base(), ObjectTypeNode(name=name("a"), browse_name=called("a")))
    assert space.subtypes((2, "a")) == {(2, "a")}
    below = Reference(SUBTYPE, name("a"), forward=False)
    load(space, ObjectTypeNode(name=name("b"), browse_name=called("b"), references=(below,)))
    assert space.subtypes((2, "a")) == {(2, "a"), (2, "b")}


def test_references_that_lead_nowhere_are_told_and_left_out() -> None:
    space = AddressSpace()
    wrong = (
        Reference(ORGANIZES, name("nothing")),
        Reference(name("no type"), name("a")),
        Reference(ORGANIZES, NodeName("urn:unknown", "i", 1)),
    )
    found = load(space, *base(), ObjectNode(name=name("a"), browse_name=called("a"), references=wrong))
    assert found == [DanglingReference(name("a"), reference) for reference in wrong]
    assert not space[2, "a"].forward


@pytest.mark.parametrize(
    "wrong",
    [
        ObjectNode(name=name("a"), browse_name=called("a")),
        ObjectNode(name=NodeName("urn:unknown", "i", 1), browse_name=called("x")),
        ObjectNode(name=name("x"), browse_name=QualifiedName("urn:unknown", "x")),
        VariableNode(name=name("x"), browse_name=called("x"), data_type=NodeName("urn:unknown", "i", 1)),
    ],
)
def test_a_load_is_all_or_nothing(wrong: Node) -> None:
    space = AddressSpace()
    load(space, *base(), ObjectNode(name=name("a"), browse_name=called("a")))
    nodes, version = dict(space.nodes), space.version
    child = ObjectNode(
        name=name("b"), browse_name=called("b"), references=(Reference(ORGANIZES, name("a"), forward=False),)
    )
    with pytest.raises(LoadError):
        load(space, child, wrong)
    assert space.nodes == nodes
    assert space.version == version
    assert not space[2, "a"].forward


def test_an_encoder_that_fails_leaves_nothing_behind() -> None:
    space = AddressSpace()

    def fail(_value: Variant) -> bytes:
        raise ValueError(URI)

    record = VariableNode(name=name("v"), browse_name=called("v"), value=Variant(BuiltInType.Int32, 5))
    with pytest.raises(ValueError, match=URI):
        load_nodes(space, [*base(), record], NAMESPACES, fail, nothing)
    assert not space.nodes


def _many(count: int) -> list[Node]:
    records = base()
    records.append(ObjectNode(name=name("0"), browse_name=called("0")))
    for number in range(1, count):
        parent = "0" if number % 10 == 0 else str(number - number % 10)
        references = (Reference(ORGANIZES, name(parent), forward=False), Reference(ORGANIZES, STANDARD(45)))
        records.append(
            VariableNode(
                name=name(str(number)),
                browse_name=called(f"Child{number % 500}"),
                display_name=(LocalizedText("", f"Child{number % 500}"),),
                description=(LocalizedText("en", f"what the node of the number {number} is there for, in a line"),),
                data_type=STANDARD(12),
                value=Variant(BuiltInType.String, f"value {number}"),
                references=references,
            )
        )
    return records


def test_a_node_with_its_references_takes_less_than_two_and_a_half_kilobytes() -> None:
    """The bar of the model; what its texts take is counted too, since nobody else holds them afterwards."""
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        space = AddressSpace()
        load(space, *_many(5000))
        gc.collect()
        used = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert used / len(space) < 1250


def test_equal_things_are_one_object() -> None:
    space = AddressSpace()
    load(space, *_many(2000))
    first, later = space[2, "1"], space[2, "501"]
    assert first.variable is later.variable
    assert first.browse_name is later.browse_name
    assert first.display_name is later.display_name
    assert space[2, "1"].inverse[0] is space[2, "2"].inverse[0]
