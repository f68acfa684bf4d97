"""A planned gateway whose PubSub runs nowhere: it is told what to publish, and may refuse."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asyncua import ua

from server.address_space.asyncua_values import decode_variant
from server.address_space.keys import key_of, nodeid_of
from server.address_space.session_context import SessionContext
from server.plan import Plan, plan_gateway
from server.plan.datasets import PlannedConnection
from server.pubsub.component import ConnectionCounts
from server.pubsub.frames import PubSubState, WriterIdentity
from server.pubsub.uadp.keys import SecurityKeys
from server.pubsub_model.pubsub_object import PUBLISH_SUBSCRIBE, PubSubObject
from server.users.well_known import WELL_KNOWN
from tests.unit.server.plan.line import lay_down

OBJECT = ua.NodeId(ua.Int32(PUBLISH_SUBSCRIBE))
DATASETS = ua.NodeId(ua.Int32(17371))
PROFILE = "http://opcfoundation.org/UA-Profile/Transport/pubsub-mqtt-json"


@dataclass
class Published:
    """What runs."""

    applied: list[Mapping[str, PlannedConnection]] = field(default_factory=list)
    failure: Exception | None = None

    async def apply(self, planned: Mapping[str, PlannedConnection], paused: Collection[str] = ()) -> None:
        del paused
        self.applied.append(planned)
        failure, self.failure = self.failure, None
        if failure is not None:
            raise failure

    def state(self, connection: str) -> PubSubState:
        del connection
        return PubSubState.OPERATIONAL

    def identity(self, connection: str, writer: str) -> WriterIdentity | None:
        return WriterIdentity("line-1", connection, writer, 7, (5, 6))

    def counts(self, connection: str) -> ConnectionCounts:
        del connection
        return ConnectionCounts(3, 0, 2, 1)

    def security_keys(self, group: str, starting_token: int, count: int) -> SecurityKeys | None:
        if group != "plant":
            return None
        return SecurityKeys("uri", starting_token, (b"key",) * count, 5.0, 10.0)

    def messages(self, connection: str, writer: str) -> tuple[int, int]:
        del connection, writer
        return 4, 1


@dataclass
class Site:
    """The gateway's plan with the object, and somebody who calls its methods."""

    plan: Plan
    running: Published
    publish_subscribe: PubSubObject

    @property
    def file(self) -> Path:
        return self.plan.data_dir / "pubsub.yaml"

    def roles(self, *names: str) -> SessionContext:
        return SessionContext(roles=frozenset(WELL_KNOWN[name] for name in ("AuthenticatedUser", *names)))

    async def call(
        self, owner: ua.NodeId, name: str, *arguments: ua.Variant, role: str = "ConfigureAdmin"
    ) -> tuple[str, list[Any]]:
        """Call a method by its name; give its StatusCode and what it has given."""
        request = ua.CallMethodRequest()
        request.ObjectId, request.MethodId = owner, self.child(owner, name)
        request.InputArguments = list(arguments)
        (result,) = await self.plan.stack.internal.calls.call_as([request], self.roles(role))
        return result.StatusCode.name, [one.Value for one in result.OutputArguments or []]

    def child(self, owner: ua.NodeId, *names: str) -> ua.NodeId:
        """Find a node beneath another."""
        space = self.plan.stack.internal.space
        key = key_of(owner)
        for name in names:
            key = next(target for _, target in space[key].forward if space[target].browse_name.name == name)
        return nodeid_of(key)

    def has(self, owner: ua.NodeId, name: str) -> bool:
        space = self.plan.stack.internal.space
        return any(space[target].browse_name.name == name for _, target in space[key_of(owner)].forward)

    def value(self, owner: ua.NodeId, *names: str) -> Any:
        """Read a variable beneath an object."""
        node = self.plan.stack.internal.space[key_of(self.child(owner, *names))]
        given = self.plan.stack.internal.attributes.value(node)
        assert given.variant is not None
        return decode_variant(given.variant).Value


@asynccontextmanager
async def site(folder: Path, config: str, **files: str) -> AsyncGenerator[Site]:
    """Plan a gateway and show its PubSub."""
    plan = await plan_gateway(lay_down(folder, config, **files))
    plan.data_dir.mkdir(parents=True, exist_ok=True)
    running = Published()
    shown = PubSubObject(plan, running)
    try:
        await shown.start()
        yield Site(plan, running, shown)
    finally:
        await shown.stop()
        await plan.discard()


def connection(name: str, *, groups: list[ua.WriterGroupDataType] | None = None, **more: Any) -> ua.Variant:
    """Ask for a connection."""
    given = ua.PubSubConnectionDataType(
        Name=name,
        Enabled=True,
        PublisherId=ua.Variant("cloud-1"),
        TransportProfileUri=PROFILE,
        Address=ua.NetworkAddressUrlDataType(Url="mqtt://127.0.0.1:18830"),
        TransportSettings=None,
        WriterGroups=groups or [],
        **more,
    )
    return ua.Variant(given, ua.VariantType.ExtensionObject)


def group(name: str, milliseconds: float = 500.0, **more: Any) -> ua.WriterGroupDataType:
    """Ask for a WriterGroup."""
    return ua.WriterGroupDataType(
        Name=name, PublishingInterval=milliseconds, TransportSettings=None, MessageSettings=None, **more
    )


def writer(name: str, dataset: str, **more: Any) -> ua.DataSetWriterDataType:
    """Ask for a DataSetWriter."""
    mask = ua.DataSetFieldContentMask.StatusCode | ua.DataSetFieldContentMask.SourceTimestamp
    given: dict[str, Any] = {"DataSetFieldContentMask": mask, "KeyFrameCount": 5} | more
    return ua.DataSetWriterDataType(
        Name=name, DataSetName=dataset, TransportSettings=None, MessageSettings=None, **given
    )


def structure(value: Any) -> ua.Variant:
    return ua.Variant(value, ua.VariantType.ExtensionObject)


def variables(*nodes: ua.NodeId) -> ua.Variant:
    """Ask for the values of variables."""
    given = [ua.PublishedVariableDataType(PublishedVariable=node, AttributeId=13) for node in nodes]
    return ua.Variant(given, ua.VariantType.ExtensionObject, is_array=True)


def texts(*values: str) -> ua.Variant:
    return ua.Variant(list(values), ua.VariantType.String, is_array=True)


def flags(*values: int) -> ua.Variant:
    return ua.Variant(list(values), ua.VariantType.UInt16, is_array=True)
