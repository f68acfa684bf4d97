from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from tests.nodeset_reading import Reference, read_file

from .conftest import OWN, UA, node_set


def test_defaults_are_those_of_the_schema() -> None:
    content = node_set("""
      <UAObject NodeId="ns=2;i=1" BrowseName="2:O"/><UAVariable NodeId="ns=2;i=2" BrowseName="2:V"/>
      <UAMethod NodeId="ns=2;i=3" BrowseName="2:M"/><UAView NodeId="ns=2;i=4" BrowseName="2:W"/>
      <UAObjectType NodeId="ns=2;i=5" BrowseName="2:OT"/><UAVariableType NodeId="ns=2;i=6" BrowseName="2:VT"/>
      <UADataType NodeId="ns=2;i=7" BrowseName="2:DT"/><UAReferenceType NodeId="ns=2;i=8" BrowseName="2:RT"/>""")
    node = {
        "WriteMask": 0,
        "UserWriteMask": 0,
        "AccessRestrictions": None,
        "HasNoPermissions": False,
        "SymbolicName": None,
        "ReleaseStatus": "Released",
    }
    instance = {**node, "ParentNodeId": None, "DesignToolOnly": False}
    kind = {**node, "IsAbstract": False}
    variable = {"DataType": f"{UA}i=24", "ValueRank": -1, "ArrayDimensions": ()}
    assert {each.node_class: each.attributes for each in content.nodes.values()} == {
        "Object": {**instance, "EventNotifier": 0},
        "Variable": {
            **instance,
            **variable,
            "AccessLevel": 1,
            "UserAccessLevel": 1,
            "MinimumSamplingInterval": 0.0,
            "Historizing": False,
        },
        "Method": {**instance, "Executable": True, "UserExecutable": True, "MethodDeclarationId": None},
        "View": {**instance, "EventNotifier": 0, "ContainsNoLoops": False},
        "ObjectType": kind,
        "VariableType": {**kind, **variable},
        "DataType": {**kind, "Purpose": "Normal"},
        "ReferenceType": {**kind, "Symmetric": False},
    }
    assert all(each.role_permissions is None and each.value_element is None for each in content.nodes.values())
    assert content.problems == []


def test_every_attribute_and_element_of_a_variable_is_read() -> None:
    content = node_set("""
      <UAVariable NodeId="ns=2;s=V" BrowseName="1:V" SymbolicName="V_1" WriteMask="4" UserWriteMask="5"
          AccessRestrictions="3" HasNoPermissions="true" ReleaseStatus="Deprecated" ParentNodeId="ns=2;i=1"
          DesignToolOnly="true" DataType="i=11" ValueRank="2" ArrayDimensions="3,0" AccessLevel="65535"
          UserAccessLevel="3" MinimumSamplingInterval="-1" Historizing="1">
        <DisplayName>V</DisplayName><DisplayName Locale="de">W</DisplayName>
        <Description Locale="en">first</Description><Description Locale="fr"/>
        <Category>A</Category><Category>B</Category><Documentation>http://x</Documentation>
        <RolePermissions><RolePermission Permissions="7">i=15644</RolePermission><RolePermission>i=1</RolePermission>
        </RolePermissions>
        <Extensions><Extension><e:X xmlns:e="urn:e" b="2" a="1"/></Extension></Extensions>
        <Translation><Text Locale="de">x</Text></Translation>
      </UAVariable>""")
    node = content.nodes[f"{OWN}s=V"]
    assert node.browse_name == ("urn:other", "V")
    assert node.attributes == {
        "WriteMask": 4,
        "UserWriteMask": 5,
        "AccessRestrictions": 3,
        "HasNoPermissions": True,
        "SymbolicName": "V_1",
        "ReleaseStatus": "Deprecated",
        "ParentNodeId": f"{OWN}i=1",
        "DesignToolOnly": True,
        "DataType": f"{UA}i=11",
        "ValueRank": 2,
        "ArrayDimensions": (3, 0),
        "AccessLevel": 65535,
        "UserAccessLevel": 3,
        "MinimumSamplingInterval": -1.0,
        "Historizing": True,
    }
    assert node.display_name == (("", "V"), ("de", "W"))
    assert node.description == (("en", "first"), ("fr", ""))
    assert (node.category, node.documentation) == (("A", "B"), "http://x")
    assert node.role_permissions == ((f"{UA}i=15644", 7), (f"{UA}i=1", 0))
    xsd = "http://opcfoundation.org/UA/2011/03/UANodeSet.xsd"
    assert node.extensions == (f'<Extension xmlns="{xsd}"><X xmlns="urn:e" a="1" b="2"></X></Extension>',)
    assert len(node.translations) == 1
    assert content.references == set()  # ParentNodeId is an attribute, not a reference
    assert content.problems == []


def test_references_are_a_set_in_the_forward_sense() -> None:
    content = node_set("""
      <UAObject NodeId="ns=2;i=1" BrowseName="2:A"><References>
        <Reference ReferenceType="i=47">ns=2;i=2</Reference>
        <Reference ReferenceType="HasSubtype" IsForward="false"> i=58 </Reference></References></UAObject>
      <UAObject NodeId="ns=2;i=2" BrowseName="2:B"><References>
        <Reference ReferenceType="i=47" IsForward="false">ns=2;i=1</Reference></References></UAObject>""")
    assert content.references == {
        Reference(f"{OWN}i=1", f"{UA}i=47", f"{OWN}i=2"),
        Reference(f"{UA}i=58", f"{UA}i=45", f"{OWN}i=1"),
    }
    assert [(each.source, each.reference_type) for each in content.references if each.target == f"{OWN}i=2"] == [
        (f"{OWN}i=1", f"{UA}i=47")
    ]


def test_definitions_keep_every_attribute_of_their_fields() -> None:
    content = node_set("""
      <UADataType NodeId="ns=2;i=1" BrowseName="2:T" Purpose="ServicesOnly" IsAbstract="true">
        <Definition Name="2:T" SymbolicName="TT" IsUnion="true" IsOptionSet="true" BaseType="2:B">
          <Field Name="Plain"/>
          <Field Name="3D" SymbolicName="D3" DataType="ns=1;i=7" ValueRank="2" ArrayDimensions="1,2" MaxStringLength="9"
              Value="4" IsOptional="true" AllowSubTypes="true">
            <DisplayName>three</DisplayName><Description Locale="de">drei</Description></Field>
        </Definition>
      </UADataType>""")
    definition = content.nodes[f"{OWN}i=1"].definition
    assert definition is not None
    assert (definition.name, definition.symbolic_name, definition.base_type) == (("urn:own", "T"), "TT", "2:B")
    assert (definition.is_union, definition.is_option_set) == (True, True)
    plain, full = definition.fields
    assert (plain.data_type, plain.value_rank, plain.value, plain.is_optional) == (f"{UA}i=24", -1, -1, False)
    assert (plain.array_dimensions, plain.max_string_length, plain.allow_sub_types) == ((), 0, False)
    assert (full.name, full.symbolic_name, full.data_type) == ("3D", "D3", "nsu=urn:other;i=7")
    assert (full.value_rank, full.array_dimensions, full.max_string_length, full.value) == (2, (1, 2), 9, 4)
    assert (full.is_optional, full.allow_sub_types) == (True, True)
    assert (full.display_name, full.description) == ((("", "three"),), (("de", "drei"),))


def test_class_elements_of_reference_types_and_methods() -> None:
    content = node_set("""
      <UAReferenceType NodeId="ns=2;i=1" BrowseName="2:R" Symmetric="true"><InverseName>a</InverseName>
        <InverseName Locale="de">b</InverseName></UAReferenceType>
      <UAMethod NodeId="ns=2;i=2" BrowseName="2:M" Executable="false" UserExecutable="0" MethodDeclarationId="ns=1;i=3">
        <ArgumentDescription><Name>x</Name><Description>y</Description></ArgumentDescription></UAMethod>
      <UAView NodeId="ns=2;i=3" BrowseName="2:W" ContainsNoLoops="true" EventNotifier="5"/>""")
    relation, method, view = content.nodes.values()
    assert (relation.attributes["Symmetric"], relation.inverse_name) == (True, (("", "a"), ("de", "b")))
    assert (method.attributes["Executable"], method.attributes["UserExecutable"]) == (False, False)
    assert method.attributes["MethodDeclarationId"] == "nsu=urn:other;i=3"
    assert method.argument_descriptions == (("x", (("", "y"),)),)
    assert (view.attributes["ContainsNoLoops"], view.attributes["EventNotifier"]) == (True, 5)


def test_models_with_what_they_require() -> None:
    content = read_file(b"""<UANodeSet xmlns="http://opcfoundation.org/UA/2011/03/UANodeSet.xsd"
        LastModified="1601-01-01T00:00:00.500Z"><Models>
      <Model ModelUri="urn:a" XmlSchemaUri="urn:a:xsd" Version="RC 1" PublicationDate="1601-01-02T00:00:00Z"
          ModelVersion="1.0.0" AccessRestrictions="1">
        <RolePermissions><RolePermission Permissions="1">i=15644</RolePermission></RolePermissions>
        <RequiredModel ModelUri="urn:b"><RequiredModel ModelUri="urn:c" Version="2"/></RequiredModel></Model>
      <Model ModelUri="urn:d" PublicationDate="1601-01-02T00:00:00"/></Models></UANodeSet>""")
    first, second = content.models
    assert (first.model_uri, first.xml_schema_uri, first.version, first.model_version) == (
        "urn:a",
        "urn:a:xsd",
        "RC 1",
        "1.0.0",
    )
    assert (first.publication_date, first.access_restrictions) == (864_000_000_000, 1)
    assert first.role_permissions == ((f"{UA}i=15644", 1),)
    assert (first.required_models[0].version, first.required_models[0].publication_date) == (None, None)
    assert first.required_models[0].required_models[0].model_uri == "urn:c"
    assert (second.publication_date, second.access_restrictions, second.role_permissions) == (864_000_000_000, 0, None)
    assert content.last_modified == 5_000_000
    assert [problem.kind for problem in content.problems] == ["date-without-zone"]


@pytest.mark.parametrize(
    ("nodes", "kind"),
    [
        ('<UAObject NodeId="ns=9;i=1" BrowseName="A"/>', "unreadable-node"),
        ('<UAObject BrowseName="A"/>', "unreadable-node"),
        ('<UAObject NodeId="i=1" BrowseName="A" Colour="red"/>', "unknown-attribute"),
        ('<UAObject NodeId="i=1" BrowseName="A"><Colour/></UAObject>', "unknown-element"),
        ('<UAObject NodeId="i=1" BrowseName="A"/><UAObject NodeId="i=1" BrowseName="B"/>', "duplicate-node"),
        ('<UAVariable NodeId="i=1" BrowseName="A" DataType="Unknown"/>', "unreadable-attribute"),
        ('<UAVariable NodeId="i=1" BrowseName="A" ValueRank="one"/>', "unreadable-attribute"),
        (
            """<UAObject NodeId="i=1" BrowseName="A"><References><Reference ReferenceType="No">i=2</Reference>
               </References></UAObject>""",
            "unreadable-reference",
        ),
        ("<Colour/>", "unknown-element"),
    ],
)
def test_what_cannot_be_kept_is_told(nodes: str, kind: str) -> None:
    assert [problem.kind for problem in node_set(nodes).problems] == [kind]


def test_what_is_no_node_set_is_refused() -> None:
    with pytest.raises(ValueError, match="not a UANodeSet"):
        read_file(b"<UANodeSet/>")
    with pytest.raises(ET.ParseError):
        read_file(b"<UANodeSet")
