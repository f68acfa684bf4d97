from __future__ import annotations

import io
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodesets.built_in_types import BuiltInType, LocalizedText, QualifiedName, Structure, Variant
from nodesets.datatypes.registry import TypeRegistry
from nodesets.exporting.export import Export, ExportedModel, ExportError, Requirement, export_of
from nodesets.exporting.writing import nodeset_bytes, save_nodeset, write_nodeset
from nodesets.header import read_header
from nodesets.model import Model, read_model
from nodesets.names import NodeName
from nodesets.nodes import Node, ObjectNode, Reference, RolePermission, VariableNode
from nodesets.parsing.reader import read_nodeset
from nodesets.resolver import resolve

_URI = "urn:test:plant"
_OTHER = "urn:test:other"
_NO_TYPES = TypeRegistry()
_BEGIN = """\
<?xml version="1.0" encoding="UTF-8"?>
<UANodeSet xmlns="http://opcfoundation.org/UA/2011/03/UANodeSet.xsd" LastModified="2026-01-02T00:00:00Z">
  <NamespaceUris>
    <Uri>urn:test:plant</Uri>
  </NamespaceUris>
  <ServerUris>
    <Uri>urn:test:server</Uri>
  </ServerUris>
  <Models>
    <Model ModelUri="urn:test:plant" XmlSchemaUri="urn:test:plant:types" Version="1.0" \
PublicationDate="2026-01-01T00:00:00Z" ModelVersion="1.0.0" AccessRestrictions="1">
      <RolePermissions>
        <RolePermission Permissions="3">i=15644</RolePermission>
      </RolePermissions>
      <RequiredModel ModelUri="http://opcfoundation.org/UA/" Version="1.05.03" PublicationDate="2023-12-15T00:00:00Z" \
ModelVersion="1.5.3"/>
    </Model>
  </Models>
  <Aliases>
    <Alias Alias="Int32">i=6</Alias>
    <Alias Alias="HasSubtype">i=45</Alias>
    <Alias Alias="Argument">i=296</Alias>
  </Aliases>
  <Extensions>
    <Extension><tool xmlns="urn:tool"><b/> mixed <c>text</c></tool></Extension>
  </Extensions>
"""
_NODES = """\
  <UAReferenceType NodeId="ns=1;i=1" BrowseName="1:Feeds" Symmetric="true">
    <DisplayName>Feeds</DisplayName>
    <References>
      <Reference ReferenceType="HasSubtype" IsForward="false">i=32</Reference>
    </References>
    <InverseName>IsFedBy</InverseName>
    <InverseName Locale="de">GespeistVon</InverseName>
  </UAReferenceType>
  <UADataType NodeId="ns=1;i=2" BrowseName="1:Step" SymbolicName="StepType" IsAbstract="true" Purpose="ServicesOnly">
    <References>
      <Reference ReferenceType="HasSubtype" IsForward="false">i=22</Reference>
    </References>
    <Definition Name="1:Step" SymbolicName="S" IsUnion="true">
      <Field Name="A" SymbolicName="AField" DataType="Int32" ValueRank="1" ArrayDimensions="2" Value="4" \
AllowSubTypes="true">
        <DisplayName>a</DisplayName>
        <Description Locale="en">first</Description>
      </Field>
      <Field Name="B" MaxStringLength="10" IsOptional="true"/>
    </Definition>
  </UADataType>
  <UAVariableType NodeId="ns=1;i=3" BrowseName="1:Kind" DataType="Int32" ValueRank="-2">
    <References>
      <Reference ReferenceType="HasSubtype" IsForward="false">i=63</Reference>
    </References>
  </UAVariableType>
  <UAObjectType NodeId="ns=1;i=4" BrowseName="1:Machine" ReleaseStatus="Draft">
    <DisplayName Locale="de">Maschine</DisplayName>
    <Description>what moves</Description>
    <Category>One</Category>
    <Category>Two</Category>
    <Documentation>https://example.org</Documentation>
    <References>
      <Reference ReferenceType="HasSubtype" IsForward="false">i=58</Reference>
    </References>
    <RolePermissions>
      <RolePermission Permissions="5">i=15656</RolePermission>
    </RolePermissions>
    <Extensions>
      <Extension>
   <x xmlns="urn:x"/> </Extension>
    </Extensions>
  </UAObjectType>
  <UAVariable NodeId="ns=1;g=09087e75-8e5e-499b-954f-f2a9603db28a" BrowseName="1:Speed" WriteMask="1" \
UserWriteMask="2" \
AccessRestrictions="0" HasNoPermissions="true" DesignToolOnly="true" ParentNodeId="i=85" DataType="Argument" \
ValueRank="1" ArrayDimensions="0" AccessLevel="3" UserAccessLevel="5" MinimumSamplingInterval="0.5" Historizing="true">
    <Value>
      <ListOfExtensionObject xmlns="http://opcfoundation.org/UA/2008/02/Types.xsd">
        <ExtensionObject>
          <TypeId>
            <Identifier>i=297</Identifier>
          </TypeId>
          <Body>
            <Argument>
              <Name>x</Name>
              <DataType>
                <Identifier>i=6</Identifier>
              </DataType>
              <ValueRank>-1</ValueRank>
              <ArrayDimensions/>
              <Description/>
            </Argument>
          </Body>
        </ExtensionObject>
      </ListOfExtensionObject>
    </Value>
    <Translation>
      <Text Locale="de">Geschwindigkeit</Text>
    </Translation>
    <Translation>
      <Field Name="Slow">
        <Text Locale="de">langsam</Text>
      </Field>
    </Translation>
  </UAVariable>
  <UAMethod NodeId="ns=1;i=6" BrowseName="1:Start" Executable="false" UserExecutable="false" \
MethodDeclarationId="ns=1;i=6">
    <ArgumentDescription>
      <Name>x</Name>
      <Description>the speed</Description>
    </ArgumentDescription>
  </UAMethod>
  <UAVariable NodeId="ns=1;i=10" BrowseName="1:Note" ParentNodeId="i=85">
    <Value>
      <XmlElement xmlns="http://opcfoundation.org/UA/2008/02/Types.xsd"><p \
xmlns=""><i>not</i><b>spaced</b></p></XmlElement>
    </Value>
  </UAVariable>
  <UAView NodeId="ns=1;s=a&amp;b &lt;c&gt;" BrowseName="0:12:00" EventNotifier="1" ContainsNoLoops="true"/>
"""
_WHOLE = f"{_BEGIN}{_NODES}</UANodeSet>\n"


@pytest.fixture
def model(tmp_path: Path) -> Model:
    """Read a file that has everything."""
    file = tmp_path / "plant.NodeSet2.xml"
    file.write_text(_WHOLE, encoding="utf-8")
    return read_model(resolve([file]))


def test_what_was_written_so_is_written_the_same_to_the_byte(model: Model) -> None:
    assert model.findings == ()
    assert nodeset_bytes(export_of(model, _URI)).decode() == _WHOLE


def test_the_order_in_which_nodes_are_given_does_not_matter(model: Model) -> None:
    export = export_of(model, _URI)
    nodes = list(export.nodes)
    random.Random(1).shuffle(nodes)
    assert nodeset_bytes(replace(export, nodes=nodes)) == nodeset_bytes(export)


def test_namespaces_begin_as_asked_and_go_on_with_what_nodes_and_values_name() -> None:
    value = Variant(BuiltInType.QualifiedName, (QualifiedName("urn:z", "a"), QualifiedName("urn:y", "b")))
    node = VariableNode(
        name=NodeName(_URI, "i", 1),
        browse_name=QualifiedName(_OTHER, "Name"),
        value=value,
        references=(Reference(NodeName("urn:x", "i", 1), NodeName("urn:w", "i", 1)),),
    )
    entry = ExportedModel(uri=_URI, role_permissions=(RolePermission(NodeName("urn:r", "i", 1), 1),))
    export = Export(models=(entry,), nodes=[node], types=_NO_TYPES, namespaces=("urn:first",))
    text = nodeset_bytes(export).decode()
    uris = [line.strip()[5:-6] for line in text.splitlines() if "<Uri>" in line]
    assert uris == ["urn:first", _URI, "urn:r", _OTHER, "urn:w", "urn:x", "urn:y", "urn:z"]
    assert 'NodeId="ns=2;i=1" BrowseName="4:Name"' in text
    assert '<Reference ReferenceType="ns=6;i=1">ns=5;i=1</Reference>' in text


def test_what_the_file_lacks_stays_away() -> None:
    required = (Requirement("urn:a"), Requirement("urn:b", published=datetime(2024, 1, 2, 3, 4, 5, 600, UTC)))
    export = Export(models=(ExportedModel(uri=_URI, required=required),), nodes=[], types=_NO_TYPES)
    text = nodeset_bytes(export).decode()
    assert '<Model ModelUri="urn:test:plant">' in text
    assert '<RequiredModel ModelUri="urn:a"/>' in text
    assert '<RequiredModel ModelUri="urn:b" PublicationDate="2024-01-02T03:04:05.000600Z"/>' in text
    assert "Aliases" not in text
    assert "LastModified" not in text


def test_a_reference_is_written_once() -> None:
    reference = Reference(NodeName.standard(35), NodeName.standard(85), forward=False)
    text = nodeset_bytes(_export(_object(references=(reference, reference)))).decode()
    assert text.count("<Reference ") == 1


@pytest.mark.parametrize(
    "node",
    [
        lambda: _object(documentation="\x00"),
        lambda: _object(extensions=("<broken",)),
        lambda: replace(_variable(), value=Variant(BuiltInType.Boolean, 7)),
        lambda: replace(_variable(), value=Variant(BuiltInType.ExtensionObject, Structure(NodeName(_URI, "i", 9)))),
    ],
    ids=["a character beyond XML", "an extension that is no XML", "a value of another type", "an unknown structure"],
)
def test_what_cannot_be_said_names_the_node_and_leaves_the_old_file(node: Callable[[], Node], tmp_path: Path) -> None:
    file = tmp_path / "plant.xml"
    file.write_text("as it was", encoding="utf-8")
    with pytest.raises(ExportError, match=r"the node nsu=urn:test:plant;i=7 \(Thing\) cannot be written"):
        save_nodeset(_export(node()), file)
    assert file.read_text(encoding="utf-8") == "as it was"
    assert list(tmp_path.iterdir()) == [file]


def test_a_header_that_cannot_be_said_is_an_error() -> None:
    with pytest.raises(ExportError, match="in front of the nodes"):
        nodeset_bytes(replace(_export(_object()), server_uris=("\x01",)))


def test_nodes_go_out_one_by_one() -> None:
    class Counting(io.BytesIO):
        largest = 0

        def write(self, data: bytes, /) -> int:  # type: ignore[override] # any buffer may be written; here only bytes are
            self.largest = max(self.largest, len(data))
            return super().write(data)

    out = Counting()
    nodes = [replace(_object(), name=NodeName(_URI, "i", number)) for number in range(1000)]
    write_nodeset(replace(_export(_object()), nodes=nodes), out)
    assert len(out.getvalue()) > 50_000
    assert out.largest < 1_000


_TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t\r"))
_SOLID = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=20)
_URIS = st.sampled_from([_URI, _OTHER])
_NAMES = st.one_of(
    st.builds(NodeName, _URIS, st.just("i"), st.integers(0, 2**32 - 1)),
    st.builds(NodeName, _URIS, st.just("s"), _SOLID),
    st.builds(NodeName, _URIS, st.just("g"), st.uuids()),
    st.builds(NodeName, _URIS, st.just("b"), st.binary(min_size=1, max_size=20)),
)
_LOCALIZED = st.builds(LocalizedText, st.sampled_from([None, "de", "en-GB"]), _TEXTS)
_OBJECTS = st.builds(
    ObjectNode,
    name=_NAMES,
    browse_name=st.builds(QualifiedName, st.sampled_from(["http://opcfoundation.org/UA/", _URI]), _SOLID),
    display_name=st.lists(_LOCALIZED, max_size=3).map(tuple),
    description=st.lists(_LOCALIZED, max_size=3).map(tuple),
    references=st.lists(st.builds(Reference, _NAMES, _NAMES, st.booleans()), max_size=3, unique=True).map(tuple),
    role_permissions=st.none() | st.lists(st.builds(RolePermission, _NAMES, st.integers(0, 2**32 - 1))).map(tuple),
    categories=st.lists(_TEXTS, max_size=3).map(tuple),
    documentation=st.none() | _TEXTS,
    symbolic_name=st.none() | _TEXTS,
    access_restrictions=st.none() | st.integers(0, 0xFFFF),
    parent=st.none() | _NAMES,
    event_notifier=st.integers(0, 255),
)


@settings(max_examples=150, deadline=None)
@given(node=_OBJECTS)
def test_any_object_is_read_as_it_was_written(node: ObjectNode, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.getbasetemp() / "any.xml"
    save_nodeset(_export(node), file)
    reading = read_nodeset(read_header(file))
    assert reading.nodeset.problems == []
    assert [replace(one, position=0) for one in reading.nodeset.nodes] == [node]


def test_a_folder_that_is_not_there_is_told_by_the_files_name(tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "plant.xml"
    with pytest.raises(FileNotFoundError) as caught:
        save_nodeset(_export(_object()), file)
    assert caught.value.filename == str(file)


def _object(**more: object) -> ObjectNode:
    node = ObjectNode(name=NodeName(_URI, "i", 7), browse_name=QualifiedName(_URI, "Thing"))
    return replace(node, **more)


def _variable() -> VariableNode:
    return VariableNode(name=NodeName(_URI, "i", 7), browse_name=QualifiedName(_URI, "Thing"))


def _export(node: Node) -> Export:
    return Export(models=(ExportedModel(uri=_URI),), nodes=[node], types=_NO_TYPES, namespaces=(_URI, _OTHER))
