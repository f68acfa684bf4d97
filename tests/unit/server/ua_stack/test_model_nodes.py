"""From a NodeSet2 file to what is answered: attributes, values, references, definitions, NamespaceMetadata."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import variant_from_binary

from nodesets.model import Model, read_model
from nodesets.resolver import resolve
from server.address_space.attributes import AttributeRefused, Attributes
from server.address_space.keys import NodeKey, numeric_key
from server.address_space.session_context import SessionContext
from server.address_space.space import AddressSpace
from server.ua_stack.model_nodes import load_model, namespace_array, unreached
from server.ua_stack.nodeids import NodeIds
from server.ua_stack.stack import EndpointOptions, UaStack
from tests.unit.nodesets.core_nodes import CORE
from tests.unit.nodesets.written import document, write

OWN = "urn:plantspace:test"
READER = SessionContext()
IDS = ua.AttributeIds


@pytest.fixture
def core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a standard namespace of a few nodes in the place of the published one."""
    file = write(tmp_path, CORE, "standard/core.NodeSet2.xml")
    monkeypatch.setattr("nodesets.model.standard_file", lambda: file)


def variable(number: int, value: str = "", attributes: str = "", references: str = "") -> str:
    return (
        f'<UAVariable NodeId="ns=1;i={number}" BrowseName="1:V{number}" {attributes}><DisplayName>V</DisplayName>'
        f'<References><Reference ReferenceType="HasTypeDefinition">i=63</Reference>{references}</References>'
        f"{value and f'<Value>{value}</Value>'}</UAVariable>\n"
    )


def of_nodes(folder: Path, nodes: str) -> Model:
    return read_model(resolve([write(folder, document(nodes, required=""))]))


class Space:
    """A model in an address space. The namespace of the file has index 2."""

    def __init__(self, model: Model) -> None:
        assert (model.findings, model.warnings) == ((), ())
        self.space = AddressSpace()
        self.namespaces = namespace_array(model, OWN)
        self.problems = load_model(self.space, model, self.namespaces)
        self._attributes = Attributes(self.space)

    def read(self, number: int, attribute: ua.AttributeIds, *locales: str) -> Any:
        node = self.space[numeric_key(2, number)]
        given = self._attributes.read(node, attribute, SessionContext(locales=locales)).variant
        assert given is not None
        return variant_from_binary(Buffer(given)).Value

    def references(self, number: int) -> set[tuple[NodeKey, NodeKey, bool]]:
        node = self.space[numeric_key(2, number)]
        return {(*link, True) for link in node.forward} | {(*link, False) for link in node.inverse}


@pytest.mark.usefixtures("core")
def test_attributes_are_those_of_the_file_and_its_defaults(tmp_path: Path) -> None:
    nodes = (
        variable(1, attributes='DataType="Double" AccessLevel="7" Historizing="true" ArrayDimensions=""')
        + variable(2)
        + variable(3, attributes='ValueRank="1" ArrayDimensions="4" MinimumSamplingInterval="50" AccessLevel="1027"')
    )
    space = Space(of_nodes(tmp_path, nodes))
    assert space.read(1, IDS.DataType) == ua.NodeId(ua.Int32(ua.ObjectIds.Double))
    assert (space.read(1, IDS.Historizing), space.read(1, IDS.AccessLevel)) == (True, 7)
    assert space.read(1, IDS.BrowseName) == ua.QualifiedName("V1", ua.UInt16(2))
    assert space.read(2, IDS.DataType) == ua.NodeId(ua.Int32(ua.ObjectIds.BaseDataType))
    assert (space.read(2, IDS.Historizing), space.read(2, IDS.AccessLevel), space.read(2, IDS.ValueRank)) == (
        False,
        1,
        -1,
    )
    assert (space.read(3, IDS.ValueRank), space.read(3, IDS.ArrayDimensions)) == (1, [4])
    assert space.read(3, IDS.MinimumSamplingInterval) == 50.0
    assert space.read(3, IDS.AccessLevelEx) == 1027
    assert space.read(3, IDS.AccessLevel) == 3
    assert space.problems == []


@pytest.mark.usefixtures("core")
def test_texts_of_all_languages_are_kept(tmp_path: Path) -> None:
    node = (
        '<UAReferenceType NodeId="ns=1;i=1" BrowseName="1:Feeds" Symmetric="false"><DisplayName>Feeds</DisplayName>'
        '<DisplayName Locale="de">Speist</DisplayName><Description Locale="de">Womit</Description><References>'
        '<Reference ReferenceType="HasSubtype" IsForward="false">i=32</Reference></References>'
        '<InverseName>FedBy</InverseName><InverseName Locale="de">Gespeist von</InverseName></UAReferenceType>'
    )
    space = Space(of_nodes(tmp_path, node))
    assert space.read(1, IDS.DisplayName, "de-AT").Text == "Speist"
    assert space.read(1, IDS.DisplayName, "fr").Text == "Feeds"
    assert space.read(1, IDS.InverseName, "de").Text == "Gespeist von"
    assert space.read(1, IDS.Description).Text == "Womit"


@pytest.mark.usefixtures("core")
def test_values_written_without_spaces_empty_or_naming_nodes_are_kept(tmp_path: Path) -> None:
    text = "<u:LocalizedText><u:Locale>en</u:Locale><u:Text>Tank</u:Text></u:LocalizedText>"
    node = "<u:NodeId><u:Identifier>ns=1;i=1</u:Identifier></u:NodeId>"
    name = "<u:QualifiedName><u:NamespaceIndex>1</u:NamespaceIndex><u:Name>Tank</u:Name></u:QualifiedName>"
    values = [
        text,
        "<u:String></u:String>",
        '<u:String xsi:nil="true"/>',
        node,
        name,
        f"<u:ListOfNodeId>{node}</u:ListOfNodeId>",
        "",
    ]
    ranks = ['ValueRank="1"' if "ListOf" in value else "" for value in values]
    space = Space(of_nodes(tmp_path, "".join(map(variable, range(1, 8), values, ranks))))
    assert [space.read(number, IDS.Value) for number in range(1, 8)] == [
        ua.LocalizedText("Tank", "en"),
        "",
        None,
        ua.NodeId(ua.Int32(1), ua.Int16(2)),
        ua.QualifiedName("Tank", ua.UInt16(2)),
        [ua.NodeId(ua.Int32(1), ua.Int16(2))],
        None,
    ]


@pytest.mark.usefixtures("core")
def test_references_are_those_of_the_file_in_both_directions(tmp_path: Path) -> None:
    space = Space(
        of_nodes(
            tmp_path,
            variable(1)
            + variable(
                2,
                attributes='ParentNodeId="ns=1;i=1"',
                references='<Reference ReferenceType="Organizes" IsForward="false">i=85</Reference>',
            )
            + variable(3, references='<Reference ReferenceType="HasComponent">ns=1;i=2</Reference>'),
        )
    )
    # ParentNodeId alone makes no reference (Part 6 v1.05 F.7).
    assert space.references(2) == {(40, 63, True), (35, 85, False), (47, numeric_key(2, 3), False)}
    assert (47, numeric_key(2, 2), True) in space.references(3)
    assert space.references(1) == {(40, 63, True)}


def data_type(number: int, name: str, supertype: str, fields: str, more: str = "") -> str:
    kind = 'IsOptionSet="true"' if "Value" in fields else ""
    return (
        f'<UADataType NodeId="ns=1;i={number}" BrowseName="1:{name}"><References>{more}'
        f'<Reference ReferenceType="HasSubtype" IsForward="false">{supertype}</Reference></References>'
        f'<Definition Name="1:{name}" {kind}>{fields}</Definition>'
        "</UADataType>\n"
    )


def encoding(number: int, name: str, of: int) -> str:
    return (
        f'<UAObject NodeId="ns=1;i={number}" BrowseName="{name}"><References>'
        f'<Reference ReferenceType="HasEncoding" IsForward="false">ns=1;i={of}</Reference>'
        '<Reference ReferenceType="HasTypeDefinition">i=76</Reference></References></UAObject>\n'
    )


@asynccontextmanager
async def prepared(model: Model) -> AsyncGenerator[UaStack]:
    """Give a server with a model, that serves nobody."""
    stack = UaStack(EndpointOptions("opc.tcp://127.0.0.1:0", "test", OWN, ("None",), "1"))
    try:
        assert await stack.prepare(model) == []
        yield stack
    finally:
        await stack.stop()


async def test_definitions_structures_and_metadata_as_a_client_sees_them(tmp_path: Path) -> None:
    encodings = "".join(f'<Reference ReferenceType="HasEncoding">ns=1;i={number}</Reference>' for number in (22, 21))
    recipe = (
        "<u:ExtensionObject><u:TypeId><u:Identifier>ns=1;i=22</u:Identifier></u:TypeId><u:Body><BaseRecipe>"
        "<Water>1.5</Water></BaseRecipe></u:Body></u:ExtensionObject>"
    )
    model = of_nodes(
        tmp_path,
        variable(9, recipe, 'DataType="ns=1;i=1"')
        + data_type(2, "DerivedRecipe", "ns=1;i=1", '<Field Name="Sugar" DataType="Double"/>')
        + data_type(1, "BaseRecipe", "i=22", '<Field Name="Water" DataType="Float"/>', encodings)
        + data_type(3, "LampBits", "i=5", '<Field Name="Red" Value="0"/><Field Name="Green" Value="1"/>')
        + encoding(22, "Default XML", 1)
        + encoding(21, "Default Binary", 1),
    )
    assert (model.findings, model.warnings) == ((), ())
    async with prepared(model) as stack:
        server = stack.server
        base = await server.get_node("ns=2;i=1").read_data_type_definition()
        derived = await server.get_node("ns=2;i=2").read_data_type_definition()
        lamp = await server.get_node("ns=2;i=3").read_data_type_definition()
        assert isinstance(base, ua.StructureDefinition)
        assert isinstance(derived, ua.StructureDefinition)
        assert isinstance(lamp, ua.EnumDefinition)
        assert base.DefaultEncodingId == ua.NodeId(ua.Int32(21), ua.Int16(2))
        assert base.BaseDataType == ua.NodeId(ua.Int32(ua.ObjectIds.Structure))
        assert derived.BaseDataType == ua.NodeId(ua.Int32(1), ua.Int16(2))
        assert [field.Name for field in derived.Fields] == ["Water", "Sugar"]
        assert [(field.Name, field.Value) for field in lamp.Fields] == [("Red", 0), ("Green", 1)]
        value: Any = await server.get_node("ns=2;i=9").read_value()
        assert isinstance(value, ua.ExtensionObject)
        assert value.TypeId == base.DefaultEncodingId
        assert value.Body == b"\x00\x00\xc0\x3f"

        assert await server.get_namespace_array() == ["http://opcfoundation.org/UA/", OWN, "urn:test"]
        metadata = await server.nodes.namespaces.get_child("2:urn:test")
        read: dict[str | None, Any] = {
            (await one.read_browse_name()).Name: await one.read_value() for one in await metadata.get_children()
        }
        assert read["NamespaceUri"] == "urn:test"
        assert read["NamespaceVersion"] == "1.0"
        assert read["NamespacePublicationDate"] == datetime(2024, 1, 1, tzinfo=UTC)
        assert read["IsNamespaceSubset"] is False


def test_the_name_of_a_data_type_is_never_taken_for_code(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    code = f"__import__('pathlib').Path('{trap}').touch()"
    value = (
        "<u:ExtensionObject><u:TypeId><u:Identifier>ns=1;i=4</u:Identifier></u:TypeId>"
        "<u:Body><TrappedStructure><A>1</A></TrappedStructure></u:Body></u:ExtensionObject>"
    )
    model = of_nodes(
        tmp_path,
        data_type(1, code, "i=11", "")
        + data_type(2, "TrappedStructure", "i=22", f'<Field Name="A" DataType="ns=1;i=1"/><Field Name="{code}"/>')
        + encoding(4, "Default XML", 2)
        + variable(3, value, 'DataType="ns=1;i=2"'),
    )
    space = Space(model)
    assert space.read(1, IDS.BrowseName).Name == code
    assert [field.Name for field in space.read(2, IDS.DataTypeDefinition).Fields] == ["A", code]
    assert not trap.exists()


@pytest.mark.usefixtures("core")
def test_what_the_file_does_not_say_is_no_attribute(tmp_path: Path) -> None:
    abstract = (
        '<UADataType NodeId="ns=1;i=1" BrowseName="1:A"><References>'
        '<Reference ReferenceType="HasSubtype" IsForward="false">i=22</Reference></References></UADataType>'
    )
    space = Space(of_nodes(tmp_path, abstract))
    with pytest.raises(AttributeRefused):
        space.read(1, IDS.DataTypeDefinition)
    with pytest.raises(AttributeRefused):
        space.read(1, IDS.Value)


@pytest.mark.usefixtures("core")
def test_a_model_with_findings_is_good_enough_to_look_names_up_in(tmp_path: Path) -> None:
    lost = variable(2, references='<Reference ReferenceType="Organizes" IsForward="false">ns=1;i=77</Reference>')
    hung = variable(3, references='<Reference ReferenceType="Organizes" IsForward="false">i=85</Reference>')
    twice = '<UAObject NodeId="ns=1;i=3" BrowseName="1:Again"/>'
    model = of_nodes(tmp_path, lost + hung + twice + '<UAObject NodeId="ns=1;i=" BrowseName="1:None"/>')
    assert len(model.findings) == 3
    space = AddressSpace()
    namespaces = namespace_array(model, OWN)
    assert load_model(space, model, namespaces) == []
    assert space[numeric_key(2, 3)].browse_name.name == "V3"
    root = space[numeric_key(0, 85)]
    assert (35, numeric_key(2, 3)) in root.forward


async def test_what_no_path_leads_to_is_named(tmp_path: Path) -> None:
    hung = variable(3, references='<Reference ReferenceType="Organizes" IsForward="false">i=85</Reference>')
    model = of_nodes(tmp_path, variable(1) + hung)
    async with prepared(model) as stack:
        assert unreached(stack.internal.space, model, await stack.namespaces()) == {"V1"}


def test_the_servers_own_namespace_stands_second(tmp_path: Path) -> None:
    model = of_nodes(tmp_path, "")
    assert namespace_array(model, OWN) == ("http://opcfoundation.org/UA/", OWN, "urn:test")
    assert namespace_array(model, "urn:test") == ("http://opcfoundation.org/UA/", "urn:test")
    assert NodeIds(namespace_array(model, "urn:test")).index_of("urn:test") == 1
