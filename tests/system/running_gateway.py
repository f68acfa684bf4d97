"""A gateway in a process of its own, as ``plantspace run`` starts it, and a client to look at it with."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false, reportArgumentType=false
from __future__ import annotations

import signal
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer
from typing import Any, Self

from asyncua import Client, Node, ua

from tests.broker import free_port
from tests.command import Running
from tests.system.patient import PatientClient
from tests.waiting import until

PLANTSPACE = "https://plantspace.io/UA/"
READY_WITHIN = 60.0
"""Seconds, on a busy machine."""


class RunningGateway:
    """One gateway over a folder of its own; may be ended and started again there. ``body``: what follows ``server:``.

    ``security`` and ``anonymous`` are what a test needs most: everyone may do everything, unencrypted.
    """

    def __init__(
        self, folder: Path, body: str, *, security: str = "None", anonymous: str = "Operator", name: str = "line-1"
    ) -> None:
        """Lay down the configuration; nothing runs yet."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.data = folder / "var"
        self.name = name
        self.config = folder / "plant.yaml"
        self.config.write_text(
            f"""\
name: {name}
server:
  endpoint: opc.tcp://127.0.0.1:{free_port()}
  security: ["{security}"]
  anonymous: {anonymous}
{body}""",
            encoding="utf-8",
        )
        self.url = ""
        self._command: Running | None = None
        self._logs: list[Path] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it and return once clients may connect."""
        self._logs.append(self.folder / f"gateway-{len(self._logs)}.log")
        command = self._command = Running("run", str(self.config), errors=self._logs[-1])
        # A gateway that never becomes ready is killed, which ends its standard output.
        deadline = Timer(READY_WITHIN, command.process.kill)
        deadline.start()
        try:
            self.url = command.until_line("ready ").split()[1]
        except BaseException:
            self.kill()
            raise
        finally:
            deadline.cancel()
            deadline.join()

    def stop(self) -> int:
        """End it as a service manager does; gives its exit code."""
        assert self._command is not None
        self._command.process.send_signal(signal.SIGTERM)
        code = self._command.process.wait(60)
        self.kill()
        return code

    def kill(self) -> None:
        """End it at once (kill -9); harmless when it does not run."""
        command, self._command = self._command, None
        if command is not None:
            command.end()

    @property
    def log(self) -> str:
        """What the present or last run said on standard error."""
        return self._logs[-1].read_text(encoding="utf-8", errors="replace")

    @asynccontextmanager
    async def client(self) -> AsyncGenerator[GatewayClient]:
        """Connect an anonymous client."""
        async with PatientClient(self.url) as client:
            yield GatewayClient(client, await client.get_namespace_array(), self.name)


@dataclass
class GatewayClient:
    """A connected client that names nodes as configurations do."""

    ua: Client
    namespaces: list[str]
    name: str

    def node(self, text: str) -> Node:
        """Find a node by ``<device>.<tag>`` of the gateway's own namespace, or by ``nsu=…;s=…``."""
        uri, identifier = f"urn:plantspace:{self.name}", text
        if text.startswith("nsu="):
            uri, identifier = text.removeprefix("nsu=").split(";s=")
        return self.ua.get_node(ua.NodeId(identifier, self.namespaces.index(uri)))

    async def read(self, text: str) -> ua.DataValue:
        """Read a node's value with its StatusCode, whatever that is."""
        return await self.node(text).read_data_value(raise_on_bad_status=False)

    async def value(self, text: str) -> Any:
        """Read a node's value alone, None where it has none."""
        held = (await self.read(text)).Value
        return None if held is None else held.Value

    async def status(self, text: str) -> str:
        """Read the name of a node's StatusCode."""
        held = (await self.read(text)).StatusCode
        return "Good" if held is None else held.name

    async def write(self, text: str, value: Any, kind: ua.VariantType) -> str:
        """Write a value and give the name of the StatusCode that answers."""
        wanted = ua.WriteValue()
        wanted.NodeId, wanted.AttributeId = self.node(text).nodeid, ua.AttributeIds.Value
        wanted.Value = ua.DataValue(ua.Variant(value, kind))
        parameters = ua.WriteParameters()
        parameters.NodesToWrite = [wanted]
        (result,) = await self.ua.uaclient.write(parameters)
        return result.name

    async def call(self, parent: str, method: str, *arguments: ua.Variant) -> ua.CallMethodResult:
        """Call a method and give the whole answer."""
        request = ua.CallMethodRequest()
        request.ObjectId, request.MethodId = self.node(parent).nodeid, self.node(method).nodeid
        request.InputArguments = list(arguments)
        (result,) = await self.ua.uaclient.call([request])
        return result

    @asynccontextmanager
    async def events(self, type_name: str, *fields: str, source: Node | None = None) -> AsyncGenerator[Events]:
        """Subscribe to events of one of Plantspace's types, of the Server object if no other is named."""
        index = self.namespaces.index(PLANTSPACE)
        standard = ("EventType", "SourceName", "Message", "Severity", "SourceNode")
        chosen = ua.EventFilter()
        for name, namespace in [*((one, 0) for one in standard), *((one, index) for one in fields)]:
            clause = ua.SimpleAttributeOperand()
            clause.TypeDefinitionId = ua.NodeId(ua.ObjectIds.BaseEventType)
            clause.AttributeId = ua.AttributeIds.Value
            clause.BrowsePath = [ua.QualifiedName(name, namespace)]
            chosen.SelectClauses.append(clause)
        heard = Events((*standard, *fields), ua.NodeId(type_name, index))
        subscription = await self.ua.create_subscription(50, heard)
        await subscription.subscribe_events(source or self.ua.nodes.server, evfilter=chosen)
        try:
            yield heard
        finally:
            await subscription.delete()


@dataclass
class Events:
    """Events of one type, each a Variant a field."""

    names: Sequence[str]
    kind: ua.NodeId
    seen: list[dict[str, ua.Variant]] = field(default_factory=list[dict[str, ua.Variant]])

    def event_notification(self, event: Any) -> None:
        """Take an event (asyncua's client calls this)."""
        fields = dict(zip(self.names, event.event_fields, strict=True))
        if fields["EventType"].Value == self.kind:
            self.seen.append(fields)

    async def wait(self, wanted: Callable[[dict[str, ua.Variant]], bool], seconds: float = 30) -> dict[str, ua.Variant]:
        """Wait for an event for which ``wanted`` is true, and give it."""
        await until(lambda: any(map(wanted, self.seen)), seconds=seconds)
        return next(filter(wanted, self.seen))
