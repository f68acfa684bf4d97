"""Every attribute and element of the eight node classes (Part 6 v1.05 F.6 to F.14, UANodeSet.xsd)."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodesets.built_in_types import LocalizedText, QualifiedName
from nodesets.names import STANDARD_NAMESPACE, NodeName
from nodesets.nodes import (
    DataTypeDefinition,
    DataTypeField,
    DataTypeNode,
    MethodArgument,
    MethodNode,
    Node,
    NodeClass,
    ObjectNode,
    ObjectTypeNode,
    Reference,
    ReferenceTypeNode,
    RolePermission,
    Translation,
    VariableNode,
    VariableTypeNode,
    ViewNode,
)
from tests.unit.nodesets.written import OTHER, URI, own, read, the_node, told

standard = NodeName.standard
EXTENSION = (
    '<Extension xmlns:t="urn:tool"><!-- kept --><t:Form b="2"   a="1"><t:Empty/></t:Form>  </Extension>'
    "<Extension>text</Extension>"
)
COMMON_ATTRIBUTES = (
    'WriteMask="32" UserWriteMask="64" AccessRestrictions="5" HasNoPermissions="true" SymbolicName="Symbol"'
    ' ReleaseStatus="Draft"'
)
INSTANCE_ATTRIBUTES = f'{COMMON_ATTRIBUTES} ParentNodeId="ns=1;i=7" DesignToolOnly="true"'
COMMON_ELEMENTS = f"""
<DisplayName>Level</DisplayName><DisplayName Locale="de">Pegel</DisplayName>
<Description Locale="en">How full</Description><Description Locale="de">Wie voll</Description>
<Category>Base</Category><Category>More</Category>
<Documentation>https://example.org/level</Documentation>
<References>
  <Reference ReferenceType="i=47" IsForward="false">ns=1;i=7</Reference>
  <Reference ReferenceType="ns=2;i=4001">ns=2;s=Elsewhere</Reference>
  <Reference ReferenceType="HasTypeDefinition" IsForward="true">i=63</Reference>
</References>
<RolePermissions>
  <RolePermission Permissions="3">i=15644</RolePermission><RolePermission>ns=1;s=Role</RolePermission>
</RolePermissions>
<Extensions>{EXTENSION}</Extensions>
"""


def common(position: int = 2) -> dict[str, object]:
    return {
        "name": own("Level"),
        "browse_name": QualifiedName(URI, "Level"),
        "display_name": (LocalizedText(None, "Level"), LocalizedText("de", "Pegel")),
        "description": (LocalizedText("en", "How full"), LocalizedText("de", "Wie voll")),
        "references": (
            Reference(standard(47), own(7), forward=False),
            Reference(NodeName(OTHER, "i", 4001), NodeName(OTHER, "s", "Elsewhere")),
            Reference(standard(40), standard(63)),
        ),
        "write_mask": 32,
        "user_write_mask": 64,
        "access_restrictions": 5,
        "role_permissions": (RolePermission(standard(15644), 3), RolePermission(own("Role"), 0)),
        "has_no_permissions": True,
        "symbolic_name": "Symbol",
        "release_status": "Draft",
        "categories": ("Base", "More"),
        "documentation": "https://example.org/level",
        "position": position,
    }


def element(tag: str, attributes: str, more: str = "") -> str:
    return f'<{tag} NodeId="ns=1;s=Level" BrowseName="1:Level" {attributes}>{COMMON_ELEMENTS}{more}</{tag}>'


WHOLE = [
    (
        element("UAObject", f'{INSTANCE_ATTRIBUTES} EventNotifier="13"'),
        ObjectNode,
        {"parent": own(7), "design_tool_only": True, "event_notifier": 13},
    ),
    (
        element("UAView", f'{INSTANCE_ATTRIBUTES} EventNotifier="1" ContainsNoLoops="1"'),
        ViewNode,
        {"parent": own(7), "design_tool_only": True, "event_notifier": 1, "contains_no_loops": True},
    ),
    (
        element(
            "UAVariable",
            f'{INSTANCE_ATTRIBUTES} DataType="i=11" ValueRank="2" ArrayDimensions="3,0" AccessLevel="1055"'
            ' UserAccessLevel="3" MinimumSamplingInterval="-1" Historizing="true"',
            '<Translation><Text Locale="de">Hoch</Text><Text Locale="fr">Haut</Text></Translation>'
            '<Translation><Field Name="Low"><Text Locale="de">Niedrig</Text></Field><Field Name="None"/></Translation>',
        ),
        VariableNode,
        {
            "parent": own(7),
            "design_tool_only": True,
            "data_type": standard(11),
            "value_rank": 2,
            "array_dimensions": (3, 0),
            "access_level": 1055,
            "user_access_level": 3,
            "minimum_sampling_interval": -1.0,
            "historizing": True,
            "translations": (
                Translation(texts=(LocalizedText("de", "Hoch"), LocalizedText("fr", "Haut"))),
                Translation(fields=(("Low", (LocalizedText("de", "Niedrig"),)), ("None", ()))),
            ),
        },
    ),
    (
        element(
            "UAMethod",
            f'{INSTANCE_ATTRIBUTES} Executable="false" UserExecutable="false" MethodDeclarationId="ns=2;i=5"',
            "<ArgumentDescription><Name>Speed</Name><Description>In m/s</Description>"
            '<Description Locale="de">In Metern je Sekunde</Description></ArgumentDescription>'
            "<ArgumentDescription><Name>Way</Name></ArgumentDescription>",
        ),
        MethodNode,
        {
            "parent": own(7),
            "design_tool_only": True,
            "executable": False,
            "user_executable": False,
            "method_declaration": NodeName(OTHER, "i", 5),
            "arguments": (
                MethodArgument("Speed", (LocalizedText(None, "In m/s"), LocalizedText("de", "In Metern je Sekunde"))),
                MethodArgument("Way"),
            ),
        },
    ),
    (element("UAObjectType", f'{COMMON_ATTRIBUTES} IsAbstract="true"'), ObjectTypeNode, {"is_abstract": True}),
    (
        element(
            "UAVariableType",
            f'{COMMON_ATTRIBUTES} IsAbstract="true" DataType="ns=1;i=3" ValueRank="-2" ArrayDimensions="1"',
        ),
        VariableTypeNode,
        {"is_abstract": True, "data_type": own(3), "value_rank": -2, "array_dimensions": (1,)},
    ),
    (
        element(
            "UAReferenceType",
            f'{COMMON_ATTRIBUTES} IsAbstract="1" Symmetric="true"',
            '<InverseName>LevelOf</InverseName><InverseName Locale="de">Pegel von</InverseName>',
        ),
        ReferenceTypeNode,
        {
            "is_abstract": True,
            "symmetric": True,
            "inverse_name": (LocalizedText(None, "LevelOf"), LocalizedText("de", "Pegel von")),
        },
    ),
    (
        element(
            "UADataType",
            f'{COMMON_ATTRIBUTES} IsAbstract="true" Purpose="ServicesOnly"',
            '<Definition Name="1:Level" SymbolicName="LevelSymbol" IsUnion="true" IsOptionSet="true">'
            '<Field Name="A" SymbolicName="ASymbol" DataType="ns=1;i=3" ValueRank="1" ArrayDimensions="4"'
            ' MaxStringLength="80" Value="-7" IsOptional="true" AllowSubTypes="true">'
            '<DisplayName>The A</DisplayName><DisplayName Locale="de">Das A</DisplayName>'
            '<Description Locale="en">First</Description></Field><Field Name="B"/></Definition>',
        ),
        DataTypeNode,
        {
            "is_abstract": True,
            "purpose": "ServicesOnly",
            "definition": DataTypeDefinition(
                name=QualifiedName(URI, "Level"),
                symbolic_name="LevelSymbol",
                is_union=True,
                is_option_set=True,
                fields=(
                    DataTypeField(
                        name="A",
                        symbolic_name="ASymbol",
                        display_name=(LocalizedText(None, "The A"), LocalizedText("de", "Das A")),
                        description=(LocalizedText("en", "First"),),
                        data_type=own(3),
                        value_rank=1,
                        array_dimensions=(4,),
                        max_string_length=80,
                        value=-7,
                        is_optional=True,
                        allow_subtypes=True,
                    ),
                    DataTypeField(name="B"),
                ),
            ),
        },
    ),
]


@pytest.mark.parametrize(("text", "kind", "more"), WHOLE, ids=[kind.__name__ for _, kind, _ in WHOLE])
def test_every_attribute_and_element_is_kept(
    tmp_path: Path, text: str, kind: type[Node], more: dict[str, object]
) -> None:
    node = the_node(tmp_path, text)
    extensions, node.extensions = node.extensions, ()
    assert node == kind(**common(), **more)  # type: ignore[arg-type]  # the table names the fields of each class
    form, text_alone = extensions
    assert '<t:Form a="1" b="2"><t:Empty></t:Empty></t:Form>' in form
    assert "kept" not in form
    assert text_alone.endswith(">text</Extension>")


@pytest.mark.parametrize(
    ("tag", "kind"),
    [
        ("UAObject", ObjectNode),
        ("UAVariable", VariableNode),
        ("UAMethod", MethodNode),
        ("UAView", ViewNode),
        ("UAObjectType", ObjectTypeNode),
        ("UAVariableType", VariableTypeNode),
        ("UADataType", DataTypeNode),
        ("UAReferenceType", ReferenceTypeNode),
    ],
)
def test_what_is_left_out_has_the_defaults_of_the_schema(tmp_path: Path, tag: str, kind: type[Node]) -> None:
    node = the_node(tmp_path, f'<{tag} NodeId="i=1000001" BrowseName="Level"/>')
    assert node == kind(name=standard(1000001), browse_name=QualifiedName(STANDARD_NAMESPACE, "Level"), position=2)
    assert (node.write_mask, node.access_restrictions, node.role_permissions) == (0, None, None)
    assert (node.release_status, node.design_tool_only, node.has_no_permissions) == ("Released", False, False)


def test_the_defaults_of_a_variable_are_those_of_the_schema(tmp_path: Path) -> None:
    node = the_node(tmp_path, '<UAVariable NodeId="i=1000001" BrowseName="Level" ArrayDimensions=""/>')
    assert isinstance(node, VariableNode)
    assert node.node_class is NodeClass.VARIABLE
    assert (node.data_type, node.value_rank, node.array_dimensions) == (standard(24), -1, ())
    assert (node.access_level, node.user_access_level, node.historizing) == (1, 1, False)
    assert (node.minimum_sampling_interval, node.value, node.parent) == (0.0, None, None)


def test_an_empty_list_of_role_permissions_is_not_none(tmp_path: Path) -> None:
    node = the_node(tmp_path, '<UAObject NodeId="ns=1;i=1" BrowseName="1:A"><RolePermissions/></UAObject>')
    assert node.role_permissions == ()


def test_comments_instructions_and_cdata_inside_of_texts_change_nothing(tmp_path: Path) -> None:
    node = the_node(
        tmp_path,
        '<!-- a --><?tool x?><UAObject NodeId="ns=1;i=1" BrowseName="1:A"><!-- b -->'
        "<DisplayName>Le<!-- c -->v<?tool y?>el<![CDATA[ & more]]></DisplayName>"
        '<References><!-- d --><Reference ReferenceType="Organizes" IsForward="false">i=<!-- e -->85</Reference>'
        "<?tool z?></References></UAObject>",
    )
    assert node.display_name == (LocalizedText(None, "Level & more"),)
    assert node.references == (Reference(standard(35), standard(85), forward=False),)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("ns=1;i=5", own(5)),
        (" ns=1;s=a;b=c ", own("a;b=c")),
        ("ns=0;i=85", standard(85)),
        ("nsu=urn:far%3bb;i=1", NodeName("urn:far;b", "i", 1)),
        ("ns=2;b=AQI=", NodeName(OTHER, "b", b"\x01\x02")),
        ("ns=0000000001;i=0000000000000005", own(5)),
    ],
)
def test_node_ids_of_every_form(tmp_path: Path, written: str, name: NodeName) -> None:
    node = the_node(tmp_path, f'<UAObject NodeId="{written}" BrowseName="1:A"/>')
    assert node.name == name


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("A", QualifiedName(STANDARD_NAMESPACE, "A")),
        ("2:A:B", QualifiedName(OTHER, "A:B")),
        ("0:1:A", QualifiedName(STANDARD_NAMESPACE, "1:A")),
        ("00000000001:A", QualifiedName(URI, "A")),
        ("a:b", QualifiedName(STANDARD_NAMESPACE, "a:b")),
    ],
)
def test_browse_names_of_every_form(tmp_path: Path, written: str, name: QualifiedName) -> None:
    node = the_node(tmp_path, f'<UAObject NodeId="ns=1;i=1" BrowseName="{written}"/>')
    assert node.browse_name == name


def test_an_element_inside_a_value_is_no_reference_field_or_node(tmp_path: Path) -> None:
    nodeset = read(
        tmp_path,
        '<UAVariable NodeId="ns=1;i=1" BrowseName="1:A"><Value><Definition><Field DataType="none"/></Definition>'
        '<References><Reference>x</Reference></References><UAObject NodeId="ns=1;i=2" BrowseName="1:B"/></Value>'
        '<Extensions><Extension><UAObject NodeId="ns=1;i=3" BrowseName="1:C"/></Extension></Extensions></UAVariable>',
    )
    assert told(nodeset) == []
    (node,) = nodeset.nodes
    assert node.references == ()


def test_an_extension_with_a_relative_namespace_is_kept(tmp_path: Path) -> None:
    # Canonical XML has no form for these (C14N 1.0, 1.3), so the text is kept as it stands.
    node = the_node(
        tmp_path,
        '<UAObject NodeId="ns=1;i=1" BrowseName="1:A"><Extensions><Extension xmlns:r="relative"><r:a/></Extension>'
        "</Extensions></UAObject>",
    )
    (extension,) = node.extensions
    assert "<r:a/>" in extension


@pytest.mark.parametrize(
    ("attributes", "problem"),
    [
        ('NodeId="i=0" BrowseName="1:A"', "NodeId 'i=0' is the null NodeId, which names no node"),
        ('NodeId="ns=1;i=1" BrowseName="1:"', "BrowseName '1:' has no name"),
        ('NodeId="ns=1;i=1" BrowseName=""', "BrowseName is empty"),
    ],
)
def test_a_node_without_an_identity_is_told(tmp_path: Path, attributes: str, problem: str) -> None:
    nodeset = read(tmp_path, f"<UAObject {attributes}/>")
    assert (nodeset.nodes, told(nodeset)) == ([], [f"4:1: {problem}"])


def test_an_interval_beyond_what_a_double_can_say_is_told(tmp_path: Path) -> None:
    node = '<UAVariable NodeId="ns=1;i=1" BrowseName="1:A" MinimumSamplingInterval="1e999"/>'
    (line,) = told(read(tmp_path, node))
    assert line == "4:1: MinimumSamplingInterval '1e999' is beyond what a Double can say"


def test_what_is_within_an_extension_stays_in_the_namespace_that_the_root_declares(tmp_path: Path) -> None:
    node = '<UAObject NodeId="ns=1;i=1" BrowseName="1:A"><Extensions><Extension><a><b><c/></b></a></Extension>'
    (extension,) = the_node(tmp_path, node + "</Extensions></UAObject>").extensions
    assert "<a><b><c></c></b></a></Extension>" in extension
