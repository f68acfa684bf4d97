from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.nodeset_reading import DecodedValues, FileContent, Tree, decode_values, read_file

UA = "nsu=http://opcfoundation.org/UA/;"
OWN = "nsu=urn:own;"

HEAD = """<UANodeSet xmlns="http://opcfoundation.org/UA/2011/03/UANodeSet.xsd"
    xmlns:uax="http://opcfoundation.org/UA/2008/02/Types.xsd" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <NamespaceUris><Uri>urn:other</Uri><Uri>urn:own</Uri></NamespaceUris>
  <ServerUris><Uri>urn:server</Uri></ServerUris>
  <Models><Model ModelUri="urn:own"/></Models>
  <Aliases><Alias Alias="HasSubtype">i=45</Alias><Alias Alias="HasEncoding">i=38</Alias></Aliases>
"""

# The few DataTypes of the OPC UA namespace that structures below stand on.
CORE = """<UANodeSet xmlns="http://opcfoundation.org/UA/2011/03/UANodeSet.xsd">
  <Models><Model ModelUri="http://opcfoundation.org/UA/"/></Models>
  <UADataType NodeId="i=22" BrowseName="Structure" IsAbstract="true"/>
  <UADataType NodeId="i=24" BrowseName="BaseDataType" IsAbstract="true"/>
  <UADataType NodeId="i=29" BrowseName="Enumeration" IsAbstract="true"/>
  <UADataType NodeId="i=5" BrowseName="UInt16"/>
  <UADataType NodeId="i=6" BrowseName="Int32"/>
  <UADataType NodeId="i=50" BrowseName="Decimal"/>
  <UADataType NodeId="i=12755" BrowseName="OptionSet" IsAbstract="true">
    <References><Reference ReferenceType="i=45" IsForward="false">i=22</Reference></References>
    <Definition Name="OptionSet">
      <Field Name="Value" DataType="i=15"/><Field Name="ValidBits" DataType="i=15"/></Definition>
  </UADataType>
  <UADataType NodeId="i=12756" BrowseName="Union" IsAbstract="true">
    <References><Reference ReferenceType="i=45" IsForward="false">i=22</Reference></References>
  </UADataType>
</UANodeSet>"""


def data_type(number: int, name: str, parent: str, definition: str = "", *, abstract: bool = False) -> str:
    """DataType `ns=2;i=number` with a Default XML encoding `ns=2;i=number+1000`."""
    return f"""
  <UADataType NodeId="ns=2;i={number}" BrowseName="2:{name}" IsAbstract="{str(abstract).lower()}">
    <References><Reference ReferenceType="HasSubtype" IsForward="false">{parent}</Reference></References>
    {definition}
  </UADataType>
  <UAObject NodeId="ns=2;i={number + 1000}" BrowseName="Default XML">
    <References><Reference ReferenceType="HasEncoding" IsForward="false">ns=2;i={number}</Reference></References>
  </UAObject>"""


def body(number: int, xml: str) -> str:
    """ExtensionObject of the DataType `ns=2;i=number`."""
    return (
        f"<uax:ExtensionObject><uax:TypeId><uax:Identifier>ns=2;i={number + 1000}</uax:Identifier></uax:TypeId>"
        f"<uax:Body>{xml}</uax:Body></uax:ExtensionObject>"
    )


def node_set(nodes: str) -> FileContent:
    return read_file(f"{HEAD}{nodes}</UANodeSet>".encode(), "own.xml")


def decoded(value: str, types: str = "") -> DecodedValues:
    variable = f'<UAVariable NodeId="ns=2;i=1" BrowseName="2:V"><Value>{value}</Value></UAVariable>'
    own = node_set(types + variable)
    assert own.problems == []
    return decode_values([read_file(CORE.encode(), "core.xml"), own], only=own)


@pytest.fixture
def value() -> Callable[..., Tree]:
    """Give a function that decodes the XML of one Value, which must raise no problem."""

    def decode(xml: str, types: str = "") -> Tree:
        found = decoded(xml, types)
        assert found.problems == []
        return found.values[f"{OWN}i=1"]

    return decode


@pytest.fixture
def kinds() -> Callable[..., tuple[Tree, list[str]]]:
    """Give a function that decodes the XML of one Value and tells the kinds of its problems too."""

    def decode(xml: str, types: str = "") -> tuple[Tree, list[str]]:
        found = decoded(xml, types)
        return found.values[f"{OWN}i=1"], [problem.kind for problem in found.problems]

    return decode
