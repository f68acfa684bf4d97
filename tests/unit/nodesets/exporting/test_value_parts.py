from __future__ import annotations

from pathlib import Path

import pytest

from nodesets.built_in_types import (
    BuiltInType,
    DataValue,
    EncodedStructure,
    ExpandedNodeName,
    Matrix,
    QualifiedName,
    Structure,
    Value,
    Variant,
)
from nodesets.datatypes.registry import TypeRegistry
from nodesets.exporting.value_parts import holds_xml, namespaces_in
from nodesets.model import read_model
from nodesets.names import STANDARD_NAMESPACE, NodeName
from nodesets.resolver import resolve

_ARGUMENT = NodeName.standard(296)


@pytest.fixture(scope="module")
def types() -> TypeRegistry:
    return read_model(resolve([])).types


@pytest.mark.parametrize(
    ("value", "uris"),
    [
        (7, set[str]()),
        (NodeName("urn:a", "i", 1), {"urn:a"}),
        (ExpandedNodeName(NodeName("urn:a", "i", 1)), {"urn:a"}),
        (Matrix((1, 2), (QualifiedName("urn:a", "x"), QualifiedName("urn:b", "y"))), {"urn:a", "urn:b"}),
        (DataValue(Variant(BuiltInType.Variant, (Variant(BuiltInType.NodeId, NodeName("urn:c", "i", 1)),))), {"urn:c"}),
        (Structure(_ARGUMENT, {"DataType": NodeName("urn:d", "i", 1)}), {STANDARD_NAMESPACE, "urn:d"}),
        (Structure(NodeName("urn:unknown", "i", 1)), {"urn:unknown"}),
        (EncodedStructure(NodeName("urn:e", "i", 1), None), {"urn:e"}),
    ],
)
def test_namespaces_at_every_depth(value: Value, uris: set[str], types: TypeRegistry) -> None:
    assert set(namespaces_in(value, types)) == uris


def test_the_encoding_of_a_structure_may_be_of_another_namespace(tmp_path: Path) -> None:
    file = tmp_path / "m.xml"
    file.write_text(
        '<UANodeSet xmlns="http://opcfoundation.org/UA/2011/03/UANodeSet.xsd">'
        "<NamespaceUris><Uri>urn:m</Uri><Uri>urn:enc</Uri></NamespaceUris>"
        '<Models><Model ModelUri="urn:m"/></Models>'
        '<UADataType NodeId="ns=1;i=1" BrowseName="1:T"><References>'
        '<Reference ReferenceType="HasSubtype" IsForward="false">i=22</Reference>'
        '<Reference ReferenceType="HasEncoding">ns=2;i=2</Reference></References>'
        '<Definition Name="1:T"/></UADataType>'
        '<UAObject NodeId="ns=2;i=2" BrowseName="Default XML"/></UANodeSet>',
        encoding="utf-8",
    )
    types = read_model(resolve([file])).types
    assert set(namespaces_in(Structure(NodeName("urn:m", "i", 1)), types)) == {"urn:m", "urn:enc"}


def test_xml_within_values_is_seen(types: TypeRegistry) -> None:
    assert holds_xml(Variant(BuiltInType.XmlElement, "<a/>"), types)
    assert holds_xml(Variant(BuiltInType.ExtensionObject, EncodedStructure(_ARGUMENT, "<a/>")), types)
    assert not holds_xml(Variant(BuiltInType.ExtensionObject, Structure(_ARGUMENT)), types)
    assert not holds_xml(Variant(BuiltInType.ExtensionObject, Structure(NodeName("urn:unknown", "i", 1))), types)
