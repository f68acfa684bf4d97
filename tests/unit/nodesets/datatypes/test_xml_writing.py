from __future__ import annotations

import pytest
from lxml import etree

from nodesets.built_in_types import (
    NULL_NODE,
    BuiltInType,
    EncodedStructure,
    ExpandedNodeName,
    LocalizedText,
    QualifiedName,
    Structure,
    Variant,
)
from nodesets.datatypes.problems import EncodingError, ValueProblem
from nodesets.datatypes.registry import TypeRegistry
from nodesets.datatypes.xml_elements import FileContext
from nodesets.datatypes.xml_values import read_value
from nodesets.datatypes.xml_writing import write_value
from nodesets.names import STANDARD_NAMESPACE, NodeName
from tests.unit.nodesets.datatypes.described import (
    NAMESPACES,
    OTHER,
    RANGE,
    SERVER_STATE,
    STRUCTURE,
    URN,
    data_type,
    encodings,
    field,
    named,
    standard_types,
)
from tests.unit.nodesets.datatypes.growing import GrowingNamespaces

REGISTRY = TypeRegistry.of(
    [
        *standard_types(),
        data_type(named(1), "Tree", STRUCTURE, (field("Children", named(1), 1),)),
        data_type(named(2), "Holder", STRUCTURE, (field("Range", RANGE),)),
        *encodings(named(2), named(21), named(22)),
        data_type(named(3), "States", STRUCTURE, (field("State", SERVER_STATE), field("States", SERVER_STATE, 1))),
    ]
)


def written(value: Variant) -> str:
    return etree.tostring(write_value(value, REGISTRY, NAMESPACES), method="c14n", exclusive=True).decode()


def test_what_a_structure_looks_like() -> None:
    value = Structure(named(2), {"Range": Structure(RANGE, {"Low": 1.0, "High": float("inf")})})
    element = etree.fromstring(written(Variant(BuiltInType.ExtensionObject, value)))
    standard, own = "{http://opcfoundation.org/UA/2008/02/Types.xsd}", "{urn:test:types/Types.xsd}"
    assert [(one.tag, one.text) for one in element.iter()] == [
        (f"{standard}ExtensionObject", None),
        (f"{standard}TypeId", None),
        (f"{standard}Identifier", "ns=1;i=22"),
        (f"{standard}Body", None),
        (f"{own}Holder", None),
        (f"{own}Range", None),
        (f"{standard}Low", "1.0"),
        (f"{standard}High", "INF"),
    ]


def test_enumerations_are_written_with_their_names() -> None:
    value = Structure(named(3), {"State": 1, "States": (0, 9)})
    element = write_value(Variant(BuiltInType.ExtensionObject, value), REGISTRY, NAMESPACES)
    assert [(etree.QName(one).localname, one.text) for one in element[1][0].iter() if one.text] == [
        ("State", "Failed_1"),
        ("ServerState", "Running_0"),
        ("ServerState", "9"),
    ]


def test_a_structure_without_default_xml_goes_by_its_own_node_id() -> None:
    text = written(Variant(BuiltInType.ExtensionObject, Structure(named(1), {"Children": ()})))
    assert "<Identifier>ns=1;i=1</Identifier>" in text


@pytest.mark.parametrize(
    "value",
    [
        Variant(BuiltInType.Null, None),
        Variant(BuiltInType.String, None),
        Variant(BuiltInType.Int32, None),
        Variant(BuiltInType.ExtensionObject, None),
        Variant(BuiltInType.ExtensionObject, EncodedStructure(NodeName(OTHER, "i", 7), "<a>1</a><b></b>")),
        Variant(BuiltInType.ExtensionObject, EncodedStructure(NodeName(OTHER, "i", 7), b"\1")),
        Variant(BuiltInType.ExtensionObject, EncodedStructure(NodeName(OTHER, "i", 7), None)),
        Variant(BuiltInType.XmlElement, "a < b"),
        Variant(BuiltInType.XmlElement, "<a></a>"),
        Variant(BuiltInType.XmlElement, "a &lt; <b></b> &amp;<c>1</c> d"),
        Variant(BuiltInType.XmlElement, '<p:a xmlns:p="urn:p"><b></b></p:a>'),
        Variant(BuiltInType.String, "line\r\nline\t"),
        Variant(BuiltInType.LocalizedText, LocalizedText("", None)),
        Variant(BuiltInType.QualifiedName, QualifiedName(OTHER, "")),
        Variant(BuiltInType.ExpandedNodeId, ExpandedNodeName(NodeName("urn:far;away", "s", "x"), 3)),
    ],
    ids=str,
)
def test_odd_values_come_back(value: Variant) -> None:
    problems: list[ValueProblem] = []
    text = etree.tostring(write_value(value, REGISTRY, NAMESPACES))
    found = read_value(etree.fromstring(text), FileContext((STANDARD_NAMESPACE, URN, OTHER)), REGISTRY, problems)
    if value.type is not BuiltInType.Null:
        assert found == value
    assert found.value == value.value


def test_a_growing_table_takes_in_what_the_value_names() -> None:
    namespaces = GrowingNamespaces([STANDARD_NAMESPACE])
    values = (NULL_NODE, NodeName("urn:a", "i", 1), NodeName("urn:b", "i", 1), NodeName("urn:a", "i", 2))
    element = write_value(Variant(BuiltInType.NodeId, values), REGISTRY, namespaces)
    assert namespaces.uris == [STANDARD_NAMESPACE, "urn:a", "urn:b"]
    assert [one.text for one in element.iter("{*}Identifier")] == ["i=0", "ns=1;i=1", "ns=2;i=1", "ns=1;i=2"]
    assert namespaces.uri_of(2) == "urn:b"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (Variant(BuiltInType.String, "\0"), "character that XML cannot say"),
        (Variant(BuiltInType.NodeId, NodeName("urn:else", "i", 1)), "not in the table"),
        (Variant(BuiltInType.Byte, 256), "no Byte"),
        (Variant(BuiltInType.Variant, Variant(BuiltInType.Null, None)), "a Variant as its value"),
        (Variant(BuiltInType.ExtensionObject, Structure(RANGE, {"Low": 1.0})), "High: the field has no value"),
        (Variant(BuiltInType.ExtensionObject, Structure(named(9))), "the model does not have it"),
        (Variant(BuiltInType.Guid, "x"), "str is no Guid"),
    ],
)
def test_what_xml_cannot_say_is_refused(value: Variant, problem: str) -> None:
    with pytest.raises(EncodingError, match=problem):
        write_value(value, REGISTRY, NAMESPACES)


def test_a_value_that_holds_itself_is_refused() -> None:
    tree = Structure(named(1), {})
    tree.fields["Children"] = (tree,)
    with pytest.raises(EncodingError, match="100 levels"):
        write_value(Variant(BuiltInType.ExtensionObject, tree), REGISTRY, NAMESPACES)
