# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false, reportArgumentType=false
from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asyncua import Server, ua

from core.errors import InputError
from nodesets.loader import load
from nodesets.resolver import resolve

Writer = Callable[..., Path]
OBJECTS = '<Reference ReferenceType="Organizes" IsForward="false">i=85</Reference>'
VARIABLE = '<Reference ReferenceType="HasTypeDefinition">i=63</Reference>'


def variable(number: int, value: str = "", attributes: str = "", references: str = OBJECTS) -> str:
    return (
        f'<UAVariable NodeId="ns=1;i={number}" BrowseName="1:V{number}" {attributes}><DisplayName>V</DisplayName>'
        f"<References>{VARIABLE}{references}</References>{value and f'<Value>{value}</Value>'}</UAVariable>\n"
    )


async def attribute(server: Server, node: str, name: ua.AttributeIds) -> object:
    value = (await server.get_node(node).read_attribute(name)).Value
    assert value is not None
    return value.Value


async def test_attributes_are_those_of_the_file_and_its_defaults(server: Server, nodeset: Writer) -> None:
    await load(
        server,
        resolve(
            [
                nodeset(
                    variable(1, attributes='DataType="Double" AccessLevel="7" Historizing="true" ArrayDimensions=""')
                    + variable(2)
                    + variable(3, attributes='ValueRank="0" MinimumSamplingInterval="50"')
                )
            ]
        ),
    )
    ids = ua.AttributeIds
    assert await attribute(server, "ns=2;i=1", ids.Historizing) is True
    assert await attribute(server, "ns=2;i=1", ids.AccessLevel) == 7
    assert await attribute(server, "ns=2;i=1", ids.UserAccessLevel) == 7
    assert await attribute(server, "ns=2;i=2", ids.Historizing) is False
    assert await attribute(server, "ns=2;i=2", ids.AccessLevel) == 1
    assert await attribute(server, "ns=2;i=2", ids.DataType) == ua.NodeId(ua.ObjectIds.BaseDataType)
    assert await attribute(server, "ns=2;i=2", ids.ValueRank) == -1
    assert await attribute(server, "ns=2;i=3", ids.ValueRank) == 0
    assert await attribute(server, "ns=2;i=3", ids.MinimumSamplingInterval) == 50.0


async def test_values_written_without_spaces_empty_or_naming_nodes_are_kept(server: Server, nodeset: Writer) -> None:
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
    ]
    loaded = await load(server, resolve([nodeset("".join(map(variable, range(1, 7), values)))]))
    assert loaded.warnings == ()
    read = [await server.get_node(f"ns=2;i={number}").read_value() for number in range(1, 7)]
    assert read == [
        ua.LocalizedText("Tank", "en"),
        "",
        None,
        ua.NodeId(1, 2),
        ua.QualifiedName("Tank", 2),
        [ua.NodeId(1, 2)],
    ]


async def test_a_value_that_cannot_be_read_costs_the_value_and_is_told_with_its_place(
    server: Server, nodeset: Writer, caplog: pytest.LogCaptureFixture
) -> None:
    structure = (
        "<u:ExtensionObject><u:TypeId><u:Identifier>i=888</u:Identifier></u:TypeId>"
        "<u:Body><u:NoSuchStructure><u:A>1</u:A></u:NoSuchStructure></u:Body></u:ExtensionObject>"
    )
    file = nodeset(
        variable(1, "<u:Int32>many</u:Int32>") + variable(2, structure) + variable(3, "<u:Int32>3</u:Int32>")
    )
    with caplog.at_level(logging.INFO):
        loaded = await load(server, resolve([file]))
    assert [(str(warning.place), warning.problem.partition(":")[0]) for warning in loaded.warnings] == [
        (f"{file}:2:1", "nsu=urn"),
        (f"{file}:3:1", "nsu=urn"),
    ]
    assert all("its value cannot be read and is left empty" in warning.problem for warning in loaded.warnings)
    assert [await server.get_node(f"ns=2;i={number}").read_value() for number in (1, 2, 3)] == [None, None, 3]
    assert caplog.records == []


async def test_nodes_that_asyncua_refuses_are_there(server: Server, nodeset: Writer) -> None:
    component = '<Reference ReferenceType="{}" IsForward="false">ns=1;i=1</Reference>'
    file = nodeset(
        "<ServerUris><Uri>urn:elsewhere</Uri></ServerUris><Extensions><Extension><Tool/></Extension></Extensions>"
        f'<UAObject NodeId="ns=1;i=1" BrowseName="1:Alone"><References>'
        f'<Reference ReferenceType="HasTypeDefinition">i=58</Reference></References></UAObject>'
        f'<UAVariable NodeId="ns=1;i=2" BrowseName="1:Same"><References>'
        f"{component.format('HasProperty')}</References></UAVariable>"
        f'<UAVariable NodeId="ns=1;i=3" BrowseName="Same"><References>'
        f"{component.format('HasProperty')}</References></UAVariable>"
        f'<UAView NodeId="ns=1;i=4" BrowseName="1:Overview"><References>'
        f'<Reference ReferenceType="Organizes" IsForward="false">i=87</Reference></References></UAView>'
    )
    loaded = await load(server, resolve([file]))
    assert loaded.warnings == ()
    alone = server.get_node("ns=2;i=1")
    assert (await alone.read_display_name()).Text == "Alone"
    assert {child.nodeid.Identifier for child in await alone.get_properties()} == {2, 3}
    view = await server.get_node(ua.ObjectIds.ViewsFolder).get_child("2:Overview")
    assert await view.read_node_class() == ua.NodeClass.View


async def test_references_are_those_of_the_file_in_both_directions(server: Server, nodeset: Writer) -> None:
    file = nodeset(
        variable(1)
        + variable(
            2,
            attributes='ParentNodeId="ns=1;i=1"',
            references='<Reference ReferenceType="HasCause" IsForward="false">i=2253</Reference>',
        )
        + variable(3, references='<Reference ReferenceType="HasComponent">ns=1;i=2</Reference>')
    )
    await load(server, resolve([file]))
    references = await server.get_node("ns=2;i=2").get_references()
    kept = {(ref.ReferenceTypeId.Identifier, ref.NodeId.Identifier, ref.IsForward) for ref in references}
    assert kept == {(40, 63, True), (53, 2253, False), (47, 3, False)}
    (child,) = await server.get_node("ns=2;i=3").get_children()
    assert child.nodeid == ua.NodeId(2, 2)


async def test_an_option_set_of_an_integer_and_a_derived_structure_are_defined_whole(
    server: Server, nodeset: Writer
) -> None:
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

    encodings = "".join(f'<Reference ReferenceType="HasEncoding">ns=1;i={number}</Reference>' for number in (22, 21))
    file = nodeset(
        data_type(2, "DerivedRecipe", "ns=1;i=1", '<Field Name="Sugar" DataType="Double"/>')
        + data_type(1, "BaseRecipe", "i=22", '<Field Name="Water" DataType="Float"/>', encodings)
        + data_type(3, "LampBits", "i=5", '<Field Name="Red" Value="0"/><Field Name="Green" Value="1"/>')
        + encoding(22, "Default XML", 1)
        + encoding(21, "Default Binary", 1)
    )
    loaded = await load(server, resolve([file]))
    assert loaded.warnings == ()
    base = await server.get_node("ns=2;i=1").read_data_type_definition()
    derived = await server.get_node("ns=2;i=2").read_data_type_definition()
    lamp = await server.get_node("ns=2;i=3").read_data_type_definition()
    assert isinstance(base, ua.StructureDefinition)
    assert isinstance(derived, ua.StructureDefinition)
    assert isinstance(lamp, ua.EnumDefinition)
    assert base.DefaultEncodingId == ua.NodeId(21, 2)
    assert [field.Name for field in derived.Fields] == ["Water", "Sugar"]
    assert [(field.Name, field.Value) for field in lamp.Fields] == [("Red", 0), ("Green", 1)]


async def test_the_name_of_a_data_type_is_never_taken_for_code(server: Server, nodeset: Writer, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    code = f"__import__('pathlib').Path('{trap}').touch()"
    subtype = '<Reference ReferenceType="HasSubtype" IsForward="false">{}</Reference>'
    value = (
        "<u:ExtensionObject><u:TypeId><u:Identifier>ns=1;i=3</u:Identifier></u:TypeId>"
        "<u:Body><u:TrappedStructure><u:A>1</u:A></u:TrappedStructure></u:Body></u:ExtensionObject>"
    )
    file = nodeset(
        f'<UADataType NodeId="ns=1;i=1" BrowseName="1:{code}"><References>{subtype.format("i=11")}</References>'
        "</UADataType>"
        '<UADataType NodeId="ns=1;i=2" BrowseName="1:TrappedStructure">'
        f"<References>{subtype.format('i=22')}</References>"
        f'<Definition Name="1:TrappedStructure"><Field Name="A" DataType="ns=1;i=1"/></Definition></UADataType>'
        + variable(3, value, 'DataType="ns=1;i=2"')
    )
    await load(server, resolve([file]))
    assert (await server.get_node("ns=2;i=1").read_browse_name()).Name == code
    assert not trap.exists()


async def test_a_namespace_without_metadata_gets_it(server: Server, nodeset: Writer) -> None:
    await load(server, resolve([nodeset(variable(1))]))
    metadata = await server.nodes.namespaces.get_child("2:urn:test")
    assert await (await metadata.get_child("0:NamespaceUri")).read_value() == "urn:test"
    assert await (await metadata.get_child("0:NamespaceVersion")).read_value() == "1.0"
    published = await (await metadata.get_child("0:NamespacePublicationDate")).read_value()
    assert published == datetime(2024, 1, 1, 0, 0, 0, 500000, tzinfo=UTC)


async def test_nothing_is_loaded_when_a_file_fails(server: Server, nodeset: Writer) -> None:
    first = nodeset(variable(1), uri="urn:first", name="first")
    # asyncua's own reading of this attribute fails for the file as a whole.
    second = nodeset(
        '<UADataType NodeId="ns=1;i=1" BrowseName="1:T"><Definition Name="T"><Field Name="F" MaxStringLength="long"/>'
        "</Definition></UADataType>",
        uri="urn:second",
        required="urn:first",
        name="second",
    )
    space = server.iserver.aspace
    before = {key: len(space[key].references) for key in space.keys()}  # noqa: SIM118 - an AddressSpace has no __iter__
    namespaces = await server.get_namespace_array()
    with pytest.raises(InputError) as caught:
        await load(server, resolve([first, second]))
    (finding,) = caught.value.findings
    assert finding.place.file == str(second)
    assert finding.problem.startswith("cannot be loaded: ValueError")
    assert {key: len(space[key].references) for key in space.keys()} == before  # noqa: SIM118 - as above
    assert await server.get_namespace_array() == namespaces


async def test_nothing_is_loaded_when_anything_is_wrong(server: Server, nodeset: Writer) -> None:
    good = nodeset(variable(1), uri="urn:first", name="first")
    bad = nodeset(variable(1, attributes='DataType="ns=1;i=9"') + variable(1), uri="urn:second", name="second")
    with pytest.raises(InputError) as caught:
        await load(server, resolve([good, bad]))
    assert [finding.place.line for finding in caught.value.findings] == [2, 3]
    assert len(await server.get_namespace_array()) == 2
