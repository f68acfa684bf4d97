"""A small plant of memory points and a simulator, its gateway, and clients of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
from asyncua import Client, ua

from core.batch import Batch
from core.time import now
from server.gateway import Gateway
from server.plan import plan_gateway
from tests.system.patient import PatientClient

URI = "urn:test:plant"

MODEL = """\
<?xml version="1.0" encoding="utf-8"?>
<UANodeSet xmlns="http://opcfoundation.org/UA/2011/03/UANodeSet.xsd"
           xmlns:uax="http://opcfoundation.org/UA/2008/02/Types.xsd">
  <NamespaceUris><Uri>urn:test:plant</Uri></NamespaceUris>
  <Models>
    <Model ModelUri="urn:test:plant" Version="1.0.0" PublicationDate="2026-01-01T00:00:00Z">
      <RequiredModel ModelUri="http://opcfoundation.org/UA/" Version="1.04" PublicationDate="2019-09-09T00:00:00Z"/>
    </Model>
  </Models>
  <Aliases>
    <Alias Alias="Organizes">i=35</Alias><Alias Alias="HasTypeDefinition">i=40</Alias>
    <Alias Alias="HasProperty">i=46</Alias><Alias Alias="HasComponent">i=47</Alias>
    <Alias Alias="Boolean">i=1</Alias><Alias Alias="Int32">i=6</Alias><Alias Alias="Int64">i=8</Alias>
    <Alias Alias="Float">i=10</Alias><Alias Alias="Double">i=11</Alias><Alias Alias="String">i=12</Alias>
    <Alias Alias="Range">i=884</Alias>
  </Aliases>
  <UAObject NodeId="ns=1;s=Tank" BrowseName="1:Tank" ParentNodeId="i=85">
    <DisplayName>Tank</DisplayName>
    <References>
      <Reference ReferenceType="HasTypeDefinition">i=58</Reference>
      <Reference ReferenceType="Organizes" IsForward="false">i=85</Reference>
    </References>
  </UAObject>
{variables}
  <UAVariable NodeId="ns=1;s=Level.EURange" BrowseName="EURange" ParentNodeId="ns=1;s=Level" DataType="Range">
    <DisplayName>EURange</DisplayName>
    <References>
      <Reference ReferenceType="HasTypeDefinition">i=68</Reference>
      <Reference ReferenceType="HasProperty" IsForward="false">ns=1;s=Level</Reference>
    </References>
    <Value>
      <uax:ExtensionObject>
        <uax:TypeId><uax:Identifier>i=885</uax:Identifier></uax:TypeId>
        <uax:Body><uax:Range><uax:Low>0</uax:Low><uax:High>200</uax:High></uax:Range></uax:Body>
      </uax:ExtensionObject>
    </Value>
  </UAVariable>
</UANodeSet>
"""
VARIABLE = """\
  <UAVariable NodeId="ns=1;s={name}" BrowseName="1:{name}" ParentNodeId="ns=1;s=Tank" DataType="{kind}" {more}>
    <DisplayName>{name}</DisplayName>
    <References>
      <Reference ReferenceType="HasTypeDefinition">{definition}</Reference>
      <Reference ReferenceType="HasComponent" IsForward="false">ns=1;s=Tank</Reference>
    </References>
    <Value>{value}</Value>
  </UAVariable>
"""
VARIABLES = [
    ("Level", "Double", 'AccessLevel="3" Historizing="true"', "i=2368", "<uax:Double>12.5</uax:Double>"),
    ("Count", "Int32", 'AccessLevel="3"', "i=63", "<uax:Int32>7</uax:Int32>"),
    ("Total", "Int64", 'AccessLevel="3"', "i=63", "<uax:Int64>-9007199254740993</uax:Int64>"),
    ("Name", "String", 'AccessLevel="3"', "i=63", "<uax:String>Fräse</uax:String>"),
    ("Serial", "Int32", 'AccessLevel="1"', "i=63", "<uax:Int32>99</uax:Int32>"),
    ("Ratio", "Float", 'AccessLevel="3"', "i=63", ""),
    (
        "Limits",
        "Int32",
        'AccessLevel="3" ValueRank="1"',
        "i=63",
        "<uax:ListOfInt32><uax:Int32>1</uax:Int32><uax:Int32>2</uax:Int32></uax:ListOfInt32>",
    ),
]
CONFIGURATION = """\
name: test
server:
  endpoint: opc.tcp://127.0.0.1:{port}
  security: {security}
  anonymous: {anonymous}
model:
  nodesets: [plant.NodeSet2.xml]
devices:
  sim:
    driver: simulator
    scan: 20ms
    generate: {{count: 20, type: Double, signal: ramp}}
analytics:
  watch:
    operator: robust-zscore
    input: /Objects/Tank/Level
    window: 20
    minimum_samples: 5
    threshold: 5.0
"""


def lay_down(folder: Path, *, port: int, security: str = '["None"]', anonymous: str = "Operator") -> Path:
    """Write configuration and model into ``folder``."""
    variables = "".join(
        VARIABLE.format(name=name, kind=kind, more=more, definition=definition, value=value)
        for name, kind, more, definition, value in VARIABLES
    )
    (folder / "plant.NodeSet2.xml").write_text(MODEL.replace("{variables}", variables), encoding="utf-8")
    config = folder / "plant.yaml"
    text = CONFIGURATION.format(port=port, security=security, anonymous=anonymous)
    config.write_text(text, encoding="utf-8")
    return config


class Plant:
    """A gateway in this process. ``put`` is what a driver would do."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.url = gateway.url
        self._moment = now() // 10_000 * 10_000  # whole milliseconds, which is what JavaScript knows

    def put(self, name: str, value: Any, status: int = 0) -> int:
        """Give a point of the tank a value; gives its source time, later by a millisecond each time."""
        slot = self.gateway.image.slot_of[f"nsu={URI};s={name}"]
        values = np.empty(1, self.gateway.image.points[slot].datatype.dtype)
        values[0] = value
        self._moment += 10_000
        self.gateway.image.apply(Batch(np.array([slot], np.int32), values, status, self._moment, self._moment))
        return self._moment

    def index(self, uri: str = URI) -> int:
        """Give a namespace's index of the day."""
        return self.gateway.plan.nodeids.index_of(uri)

    def node(self, name: str) -> ua.NodeId:
        """Give the NodeId of a node of the tank."""
        return ua.NodeId(ua.String(name), ua.Int16(self.index()))

    def text(self, name: str) -> str:
        """Write the NodeId of a node of the tank with its index of the day."""
        return f"ns={self.index()};s={name}"

    def tag(self, name: str) -> str:
        """Write the NodeId of a generated tag."""
        return f"ns={self.index(f'urn:plantspace:{self.gateway.plan.settings.name}')};s={name}"


@asynccontextmanager
async def running(config: Path) -> AsyncGenerator[Plant]:
    """Run a gateway of a configuration."""
    gateway = Gateway(await plan_gateway(config))
    await gateway.start()
    try:
        yield Plant(gateway)
    finally:
        await gateway.stop()


@asynccontextmanager
async def connected(plant: Plant) -> AsyncGenerator[Client]:
    """Connect asyncua's client."""
    async with PatientClient(plant.url) as client:
        yield client
