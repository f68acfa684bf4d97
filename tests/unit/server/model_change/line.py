"""A gateway of the line, whose model changes while it is served."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from asyncua import ua
from asyncua.crypto.permission_rules import User, UserRole

from server.address_space.node import HeldValue
from server.gateway import Gateway
from server.model_change.report import ModelReport
from server.plan import plan_gateway
from server.ua_stack.nodeids import NodeIds
from tests.broker import free_port
from tests.unit.server.model_change.models import told
from tests.unit.server.plan.line import lay_down, model, node

PLAIN = """\
name: line-1
server:
  endpoint: opc.tcp://127.0.0.1:PORT
  security: ["None"]
  anonymous: Operator
model: {nodesets: ['*.xml']}
"""
"""A configuration without devices."""
OTHER = """\
<UANodeSet xmlns="http://opcfoundation.org/UA/2011/03/UANodeSet.xsd">
  <NamespaceUris><Uri>urn:test:other</Uri><Uri>urn:test:line</Uri></NamespaceUris>
  <Models><Model ModelUri="urn:test:other" Version="{version}" PublicationDate="2026-0{version}-01T00:00:00Z">
    <RequiredModel ModelUri="urn:test:line" Version="1.0.0" PublicationDate="2026-01-01T00:00:00Z"/></Model></Models>
  <UAObject NodeId="ns=1;s=Beside" BrowseName="1:Beside">
    <DisplayName>Beside</DisplayName>
    <References>
      <Reference ReferenceType="i=40">i=58</Reference>
      <Reference ReferenceType="i=47" IsForward="false">ns=2;s=Line</Reference>
    </References>
  </UAObject>
</UANodeSet>
"""
"""A second model, whose object hangs on the line."""


def variable(name: str, value: object = None, kind: int = 11, more: str = 'AccessLevel="3"') -> str:
    """Write a variable of the line with a Double, or what ``kind`` says."""
    names = {11: "Double", 6: "Int32", 12: "String"}
    said = "" if value is None else f"<Value><uax:{names[kind]}>{value}</uax:{names[kind]}></Value>"
    return node("UAVariable", name, f'DataType="i={kind}" {more}', kind="i=63", value=said)


class Line:
    """A running gateway and its folder."""

    def __init__(self, folder: Path, gateway: Gateway) -> None:
        """Change the files in ``folder``."""
        self.folder = folder
        self.gateway = gateway
        self.plan = gateway.plan
        self.space = gateway.plan.stack.internal.space

    async def becomes(self, *more: str, text: str = "", **files: str) -> ModelReport:
        """Write the line's model anew, with ``more`` nodes or as ``text``, and reload."""
        (self.folder / "line.xml").write_text(text or model(*more), encoding="utf-8")
        for name, content in files.items():
            (self.folder / f"{name}.xml").write_text(content, encoding="utf-8")
        return await self.gateway.model.reload()

    def told(self) -> dict[Any, Any]:
        """Give everything that is served, by NodeIds with URIs; without what the server itself writes all the time."""
        nodeids, found = self.plan.nodeids, told(self.space)
        return {
            _named(key, nodeids): tuple(None if isinstance(one, HeldValue) else one for one in said)
            for key, said in found.items()
        }

    def told_of_line(self) -> dict[Any, Any]:
        """Give the part of it that is the line's model: devices come and go with their state beside it."""
        return {key: said for key, said in self.told().items() if key[0] == "urn:test:line"}

    async def write(self, path: str, value: ua.Variant) -> int:
        """Write a variable as an Operator does, and give the StatusCode."""
        item = ua.WriteValue(self.plan.directory.find(path), ua.AttributeIds.Value, Value=ua.DataValue(value))
        (status,) = await self.plan.stack.internal.access.write(ua.WriteParameters([item]), User(UserRole.User))
        return int(status.value)

    def read(self, path: str) -> Any:
        """Read a variable's value as a client does."""
        nodeid = self.plan.directory.find(path)
        value = self.plan.stack.internal.shown.read_attribute_value(nodeid, ua.AttributeIds.Value).Value
        return None if value is None else value.Value


@asynccontextmanager
async def lines(folder: Path, config: str = PLAIN, **files: str) -> AsyncGenerator[Line]:
    """Run a gateway of the line; ``PORT`` in ``config`` becomes a free one."""
    gateway = Gateway(await plan_gateway(lay_down(folder, config.replace("PORT", str(free_port())), **files)))
    await gateway.start()
    try:
        yield Line(folder, gateway)
    finally:
        await gateway.stop()


def _named(key: Any, nodeids: NodeIds) -> Any:
    index = key >> 32 if isinstance(key, int) else key[0]
    return nodeids.uri_of(index), key & 0xFFFF_FFFF if isinstance(key, int) else key[1]
