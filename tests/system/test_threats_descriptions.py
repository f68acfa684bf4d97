"""Descriptions that carry code, from a server or in a file (threat 26): they are read, and never run."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportPrivateImportUsage=false, reportUnknownArgumentType=false
from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest
from asyncua import Server, ua
from asyncua.common.structures import StructGenerator

from tests.command import plantspace
from tests.system.plant import Plant, connected, lay_down, running
from tests.waiting import until

NAMESPACE = "urn:test:hostile"
DICTIONARY = """\
<opc:TypeDictionary xmlns:opc="http://opcfoundation.org/BinarySchema/" xmlns:ua="http://opcfoundation.org/UA/"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" DefaultByteOrder="LittleEndian"
    TargetNamespace="urn:test:hostile">
  <opc:Import Namespace="http://opcfoundation.org/UA/"/>
  <opc:EnumeratedType LengthInBits="32" Name="Kind">
    <opc:EnumeratedValue Name="One" Value={code}/>
  </opc:EnumeratedType>
  <opc:StructuredType Name="Recipe" BaseType="ua:ExtensionObject">
    <opc:Field Name="Amount" TypeName="opc:Double"/>
    <opc:Field Name={code} TypeName={code}/>
  </opc:StructuredType>
</opc:TypeDictionary>
"""
NODES = """\
  <UADataType NodeId="ns=1;i=3001" BrowseName={name}>
    <DisplayName>Recipe</DisplayName>
    <References><Reference ReferenceType="i=45" IsForward="false">i=22</Reference></References>
    <Definition Name={name}>
      <Field Name="Amount" DataType="Double"/>
      <Field Name={code} DataType="Double"/>
    </Definition>
  </UADataType>
  <UAObject NodeId="ns=1;i=3002" BrowseName="Default Binary" SymbolicName={code}>
    <DisplayName>Default Binary</DisplayName>
    <References>
      <Reference ReferenceType="i=38" IsForward="false">ns=1;i=3001</Reference>
      <Reference ReferenceType="i=39">ns=1;i=3003</Reference>
      <Reference ReferenceType="i=40">i=76</Reference>
    </References>
  </UAObject>
  <UAVariable NodeId="ns=1;i=3003" BrowseName="1:Recipe" ParentNodeId="ns=1;i=3004" DataType="String">
    <DisplayName>Recipe</DisplayName>
    <References>
      <Reference ReferenceType="i=40">i=69</Reference>
      <Reference ReferenceType="i=47" IsForward="false">ns=1;i=3004</Reference>
    </References>
    <Value><uax:String>{text}</uax:String></Value>
  </UAVariable>
  <UAVariable NodeId="ns=1;i=3004" BrowseName="1:Hostile" ParentNodeId="i=93" DataType="ByteString">
    <DisplayName>Hostile</DisplayName>
    <References>
      <Reference ReferenceType="i=40">i=72</Reference>
      <Reference ReferenceType="i=47" IsForward="false">i=93</Reference>
    </References>
    <Value><uax:ByteString>{dictionary}</uax:ByteString></Value>
  </UAVariable>
  <UAVariable NodeId="ns=1;s=Held" BrowseName="1:Held" ParentNodeId="ns=1;s=Tank" DataType="ns=1;i=3001">
    <DisplayName>Held</DisplayName>
    <References>
      <Reference ReferenceType="i=40">i=63</Reference>
      <Reference ReferenceType="i=47" IsForward="false">ns=1;s=Tank</Reference>
    </References>
    <Value>
      <uax:ExtensionObject>
        <uax:TypeId><uax:Identifier>ns=1;i=3002</uax:Identifier></uax:TypeId>
        <uax:Body><uax:ByteString>{body}</uax:ByteString></uax:Body>
      </uax:ExtensionObject>
    </Value>
  </UAVariable>
"""


def code_of(marker: Path) -> str:
    """Give an expression that leaves a file behind when it is evaluated."""
    return f"__import__('pathlib').Path({str(marker)!r}).touch() or 1"


def dictionary(marker: Path) -> str:
    return DICTIONARY.format(code=quoteattr(code_of(marker)))


def lay_down_hostile(folder: Path, marker: Path, port: int) -> Path:
    """Write a plant whose model describes a type with code in every name."""
    config = lay_down(folder, port=port)
    model = folder / "plant.NodeSet2.xml"
    code = quoteattr(code_of(marker))
    nodes = NODES.format(
        code=code,
        name=quoteattr(f"1:{code_of(marker)}"),
        text=code_of(marker),
        dictionary=base64.b64encode(dictionary(marker).encode()).decode(),
        body=base64.b64encode(bytes(16)).decode(),
    )
    text = model.read_text(encoding="utf-8")
    model.write_text(text.replace("</UANodeSet>", f"{nodes}</UANodeSet>"), encoding="utf-8")
    return config


async def see_served(plant: Plant) -> None:
    async with connected(plant) as client:
        assert await client.get_node(plant.node("Serial")).read_value() == 99


def test_threat_26_asyncuas_generator_runs_it(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    generator = StructGenerator()
    generator.make_model_from_string(dictionary(marker))
    generator.get_python_classes({})
    assert marker.exists(), "the attack is one"


async def test_threat_26_a_model_whose_dictionary_carries_code(tmp_path: Path, free_port: Callable[[], int]) -> None:
    marker = tmp_path / "ran"
    config = lay_down_hostile(tmp_path, marker, free_port())
    checked = plantspace("check", str(config))
    assert "Traceback" not in checked.stdout + checked.stderr
    async with running(config) as plant, connected(plant) as client:
        await see_served(plant)
        told = await client.get_node(ua.NodeId(3004, plant.index())).read_value()
        assert told == dictionary(marker).encode(), "it is given to clients as it is: whether they run it is theirs"
        await client.get_node(plant.node("Held")).read_data_value(raise_on_bad_status=False)
        await see_served(plant)
    assert not marker.exists()


@asynccontextmanager
async def hostile_server(marker: Path, port: int) -> AsyncGenerator[Server]:
    """Run asyncua's server with the dictionary where servers have theirs."""
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    system = server.get_node(ua.ObjectIds.OPCBinarySchema_TypeSystem)
    await system.add_variable(ua.NodeId("Hostile", 1), "1:Hostile", dictionary(marker).encode())
    async with server:
        yield server


@pytest.mark.filterwarnings("ignore")  # asyncua's own server
async def test_threat_26_a_discovery_server_whose_dictionary_carries_code(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """The one server that a gateway is a client of today is the one that it registers with."""
    marker, port = tmp_path / "ran", free_port()
    folder = tmp_path / "plant"
    folder.mkdir()
    config = lay_down(folder, port=free_port())
    registering = f"  discovery_server: {{url: 'opc.tcp://127.0.0.1:{port}', security: ['None']}}\n"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("  anonymous:", f"{registering}  anonymous:"), encoding="utf-8")
    async with hostile_server(marker, port) as server, running(config) as plant:
        await see_served(plant)
        await until(lambda: _was_registered(server), seconds=30)
        await see_served(plant)
    assert not marker.exists()


async def _was_registered(server: Server) -> bool:
    return len(await server.find_servers()) > 1
