"""A gateway with the model of rights, and clients of it that are Observers, Operators or what a test makes of them."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import shutil
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asyncua import Client, ua

from core.time import now
from nodesets.built_in_types import LocalizedText
from server.address_space.keys import NodeKey, key_of
from server.events.event import BASE_EVENT_TYPE, Event, base_fields
from server.ua_stack.sessions import GatewaySession
from server.users.well_known import ANONYMOUS, WELL_KNOWN
from tests.system.plant import Plant, connected, running

URI = "urn:test:rights"
MODEL = Path(__file__).parent / "models" / "rights.NodeSet2.xml"
CONFIGURATION = """\
name: test
server:
  endpoint: opc.tcp://127.0.0.1:{port}
  security: ["None"]
  anonymous: {anonymous}
model:
  nodesets: [{model}]
historian: {{}}
"""


def everything_below(nodeid: ua.NodeId) -> ua.BrowseDescription:
    """Ask for all forward references of a node, and all that is told of them."""
    return ua.BrowseDescription(nodeid, ua.BrowseDirection.Forward, ua.NodeId(), IncludeSubtypes=True, ResultMask=63)


METHODS = ("Run", "RunForEngineers", "RunSecretly", "Off", "RunInVault", "RunSigned")


@dataclass
class Room:
    """A running gateway, its room, and one client."""

    plant: Plant
    client: Client
    called: list[str]

    def nodeid(self, name: str) -> ua.NodeId:
        return ua.NodeId(ua.String(name), ua.Int16(self.plant.index(URI)))

    def key(self, name: str) -> NodeKey:
        return key_of(self.nodeid(name))

    async def read(self, name: str | ua.NodeId, attribute: int = ua.AttributeIds.Value) -> ua.DataValue:
        nodeid = self.nodeid(name) if isinstance(name, str) else name
        wanted = ua.ReadValueId(NodeId=nodeid, AttributeId=attribute)
        (result,) = await self.client.uaclient.read(ua.ReadParameters(NodesToRead=[wanted]))
        return result

    async def status(self, name: str | ua.NodeId, attribute: int = ua.AttributeIds.Value) -> str:
        result = await self.read(name, attribute)
        return "Good" if result.StatusCode is None else result.StatusCode.name

    async def told(self, name: str | ua.NodeId, attribute: int) -> Any:
        value = (await self.read(name, attribute)).Value
        assert value is not None
        return value.Value

    async def write(
        self,
        name: str | ua.NodeId,
        value: ua.Variant,
        *,
        attribute: int = ua.AttributeIds.Value,
        index_range: str | None = None,
    ) -> str:
        nodeid = self.nodeid(name) if isinstance(name, str) else name
        one = ua.WriteValue(nodeid, attribute, index_range, ua.DataValue(value))
        (result,) = await self.client.uaclient.write(ua.WriteParameters(NodesToWrite=[one]))
        return result.name

    async def call(self, owner: str | ua.NodeId, method: str | ua.NodeId, *arguments: ua.Variant) -> str:
        request = ua.CallMethodRequest()
        request.ObjectId = self.nodeid(owner) if isinstance(owner, str) else owner
        request.MethodId = self.nodeid(method) if isinstance(method, str) else method
        request.InputArguments = list(arguments)
        (result,) = await self.client.uaclient.call([request])
        return result.StatusCode.name

    async def browse(self, nodeid: ua.NodeId) -> tuple[str, set[str]]:
        """Browse forwards; give the StatusCode and the targets' names."""
        parameters = ua.BrowseParameters(NodesToBrowse=[everything_below(nodeid)])
        (result,) = await self.client.uaclient.browse(parameters)
        return result.StatusCode.name, {str(told.BrowseName.Name) for told in result.References or ()}

    async def translate(self, start: ua.NodeId, *names: str) -> str:
        index = self.plant.index(URI)
        below = ua.NodeId(ua.ObjectIds.HierarchicalReferences)
        elements = [
            ua.RelativePathElement(
                below, IsInverse=False, IncludeSubtypes=True, TargetName=ua.QualifiedName(name, index)
            )
            for name in names
        ]
        path = ua.BrowsePath(start, ua.RelativePath(elements))
        (result,) = await self.client.uaclient.translate_browsepaths_to_nodeids([path])
        return result.StatusCode.name

    async def history(self, name: str, *, count: int = 10, point: bytes | None = None) -> ua.HistoryReadResult:
        details = ua.ReadRawModifiedDetails()
        details.IsReadModified = False
        details.StartTime, details.EndTime = ua.DateTime(2020, 1, 1), ua.DateTime(2100, 1, 1)
        details.NumValuesPerNode = count
        details.ReturnBounds = True
        item = ua.HistoryReadValueId()
        item.NodeId, item.IndexRange, item.ContinuationPoint = self.nodeid(name), "", point
        parameters = ua.HistoryReadParameters()
        parameters.HistoryReadDetails, parameters.NodesToRead = details, [item]
        parameters.ReleaseContinuationPoints = False
        (result,) = await self.client.uaclient.history_read(parameters)
        return result

    @property
    def session(self) -> GatewaySession:
        (session,) = self.plant.gateway.plan.stack.internal.session_service.registry
        return session

    def become(self, *roles: str, mode: int = 1) -> None:
        """Let the client's session have other roles, as another user's log-in would."""
        session = self.session
        keys = frozenset(WELL_KNOWN[name] for name in (ANONYMOUS, *roles))
        session.become(session.user, keys, (), mode)
        self.plant.gateway.plan.stack.internal.session_service.rights_changed(session)

    def ring(self, source: str, kind: NodeKey = BASE_EVENT_TYPE) -> None:
        """Let something happen at a node."""
        fields = base_fields(kind, self.key(source), source, LocalizedText(None, f"{source} rings"), 500, now())
        self.plant.gateway.plan.stack.internal.subscriptions.happened(Event(kind, self.key(source), fields))


@asynccontextmanager
async def room(folder: Path, port: Callable[[], int], anonymous: str) -> AsyncGenerator[Room]:
    """Run the gateway, its methods answered here, and connect a client with the role of anonymous ones."""
    shutil.copy(MODEL, folder)
    config = folder / "plant.yaml"
    text = CONFIGURATION.format(port=port(), anonymous=anonymous, model=MODEL.name)
    config.write_text(text, encoding="utf-8")
    async with running(config) as plant, connected(plant) as client:
        made = Room(plant, client, [])
        for name in METHODS:

            async def call(_parent: ua.NodeId, *_given: ua.Variant, name: str = name) -> list[ua.Variant]:
                made.called.append(name)
                return []

            plant.gateway.plan.stack.builder.set_method(made.nodeid(name), call)
        yield made
