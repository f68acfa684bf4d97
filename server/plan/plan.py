"""Makes the plan of a gateway: everything that its configuration says, checked against the model and the drivers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

from asyncua import ua

from certs.making import application_uri
from core.collecting import no_collection
from core.errors import Finding, Findings, InputError
from core.settings import Document, Row, build
from core.settings.partial import texts_of
from server.address_space.keys import key_of
from server.configuration import SECTIONS_ELSEWHERE, GatewaySettings, HistorianSettings
from server.permissions.applying import ConfiguredPermissions, plan_permissions
from server.plan.datasets import PlannedPubSub, gateway_name, plan_pubsub
from server.plan.devices import DeviceReading, PlannedDevice, read_devices
from server.plan.field_names import field_name
from server.plan.generated import Generator
from server.plan.lookup import Lookup
from server.plan.memory import MemoryPoint, plan_memory
from server.plan.model import FoundModels, LoadedModel, find_models, load_models
from server.plan.operators import OperatorPlanner, PlannedOperator
from server.plan.point_names import PointNames
from server.plan.point_planner import PointPlanner
from server.plan.points import PointList
from server.plan.structured import StructurePlanner
from server.pubsub_model.planning import Configured, enabled_part, read_overlay
from server.ua_stack.browse import Directory
from server.ua_stack.nodeids import NodeIds
from server.ua_stack.session.limits import SessionLimits
from server.ua_stack.stack import EndpointOptions, UaStack
from server.users.roles import RoleSet
from server.users.well_known import WELL_KNOWN

PLANTSPACE_NAMESPACE = "https://plantspace.io/UA/"
HISTORY_FILE = "history.sqlite"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(slots=True)
class Plan:
    """A gateway that is ready to be started, or to be thrown away with :meth:`discard`. Nothing is on disk or open."""

    config: Path
    settings: GatewaySettings
    stack: UaStack
    nodeids: NodeIds
    directory: Directory
    model: LoadedModel
    points: PointList
    devices: list[PlannedDevice]
    memory: list[MemoryPoint]
    operators: list[PlannedOperator]
    pubsub: PlannedPubSub | None
    historian: HistorianSettings
    names: PointNames
    """Looks up points by what people write, also while the gateway runs."""
    configured: Configured
    """What PubSub publishes, as it is written in the configuration and in the file that OPC UA clients change."""
    warnings: list[str] = field(default_factory=list[str])
    written: Path = Path()
    """The configuration file as it was named: a model is kept under its files' names as they follow from it."""

    @property
    def data_dir(self) -> Path:
        """Where certificates, history and the outbox are kept (absolute)."""
        return (self.config.parent / self.settings.server.data_dir).resolve()

    @property
    def history_file(self) -> Path | None:
        """The history store's file; None where no history is kept."""
        return self.data_dir / HISTORY_FILE if self.points.recorded else None

    def slot_of(self, node: str) -> int | None:
        """Give the slot of a node named by NodeId text or browse path, or of a field; None for one that is no point."""
        name = field_name(node, self.directory)
        nodeid = self.directory.known(node if name is None else name.node)
        if nodeid is None:
            return None
        return self.points.slots.get(nodeid) if name is None else self.points.fields.get(nodeid, {}).get(name.path)

    def node_id(self, node: str) -> str | None:
        """Give the NodeId text of a node named by NodeId text or browse path, or None where there is none.

        A bound field's is its variable's with the field behind it.
        """
        if field_name(node, self.directory) is not None:
            slot = self.slot_of(node)
            return None if slot is None else self.points.points[slot].node
        nodeid = self.directory.known(node)
        return None if nodeid is None else self.nodeids.to_text(nodeid)

    def counts(self) -> dict[str, int]:
        """Count what the gateway is made of."""
        return {
            "nodesets": len(self.model.files),
            "devices": len(self.devices),
            "points": len(self.points.points),
            "bound points": sum(len(device.points) for device in self.devices),
            "memory points": len(self.memory),
            "historized points": len(self.points.recorded),
            "operators": len(self.operators),
            "datasets": sum(len(one.fields) for one in self.pubsub.connections.values())
            if self.pubsub is not None
            else 0,
        }

    async def discard(self) -> None:
        """Throw the plan away."""
        await self.stack.stop()


async def plan_gateway(config: Path, *, bindings: Mapping[str, Sequence[Row]] | None = None) -> Plan:
    """Make the plan of a configuration file.

    ``bindings``: rows that stand in for those of a device's table, by the device's name.
    Raises :class:`~core.errors.InputError` with everything that is wrong; then nothing is left behind.
    """
    findings = Findings()
    document = await asyncio.to_thread(Document.read, config, findings)
    if document is None:
        findings.raise_if_any()
        raise InputError(())
    settings = build(GatewaySettings, document, findings, elsewhere=SECTIONS_ELSEWHERE)
    devices = await asyncio.to_thread(read_devices, document, bindings or {}, findings)
    models = await asyncio.to_thread(find_models, document, findings)
    stack = UaStack(_options(settings or GatewaySettings()))
    try:
        with no_collection():
            return await _plan(config, document, settings, devices, models, stack, findings)
    except BaseException:
        await stack.stop()
        raise


async def _plan(
    config: Path,
    document: Document,
    settings: GatewaySettings | None,
    readings: list[DeviceReading],
    models: FoundModels,
    stack: UaStack,
    findings: Findings,
) -> Plan:
    namespace = _namespace(document)
    model = await load_models(stack, document, models, namespace, findings)
    own = await stack.register_namespace(namespace)
    nodeids = await stack.namespaces()
    directory = Directory(stack.internal.space, nodeids)
    lookup = Lookup(directory, model, namespace, findings)
    points = PointList()
    generator = Generator(stack.builder, own, _device_type(stack, nodeids))
    structures = StructurePlanner(lookup, nodeids, stack.codec, points, findings)
    planner = PointPlanner(lookup, nodeids, stack.builder, generator, points, structures, findings)
    planned = [planner.plan(reading) for reading in readings]
    devices = [device for device in planned if device is not None]
    composed = structures.finish(stack.builder)
    stack.compose(composed.variables)
    others = {own, nodeids.index_of(PLANTSPACE_NAMESPACE)}
    memory = plan_memory(directory, nodeids, points, others, model.instances)
    memory += composed.memory
    names = PointNames(lookup, points, structures, findings)
    operators = OperatorPlanner(lookup, names, nodeids, stack.builder, own, points, findings).plan(document)
    if operators:
        directory.forget()
    _plan_history(document, names, directory, points)
    configured = await asyncio.to_thread(read_overlay, document, findings)
    configured.idle(findings)
    whole = plan_pubsub(configured.merged(findings), names, directory, points, findings)
    pubsub = enabled_part(whole, configured.overlay)
    permissions = _plan_permissions(document, settings or GatewaySettings(), stack, nodeids, findings)
    findings.raise_if_any()
    if settings is None or model.loaded is None:
        raise InputError(())
    stack.permit(permissions, nodeids)
    for nodeid, slot in points.slots.items():
        if slot in points.recorded:
            stack.builder.set_historizing(nodeid)
    warnings = [*model.loaded.warnings, *_endpoint_warnings(document, settings)]
    return Plan(
        await asyncio.to_thread(config.resolve),
        settings,
        stack,
        nodeids,
        directory,
        model.loaded,
        points,
        devices,
        memory,
        operators,
        pubsub,
        settings.historian or HistorianSettings(),
        names,
        configured,
        warnings,
        config,
    )


def _namespace(document: Document) -> str:
    """Give the URI of the gateway's own namespace, by its name as written even where that is no good one."""
    return f"urn:plantspace:{gateway_name(document)}"


def _device_type(stack: UaStack, nodeids: NodeIds) -> ua.NodeId | None:
    nodeid = nodeids.from_text(f"nsu={PLANTSPACE_NAMESPACE};s=DeviceType")
    return nodeid if key_of(nodeid) in stack.internal.space else None


def _options(settings: GatewaySettings) -> EndpointOptions:
    return EndpointOptions(
        settings.server.endpoint,
        settings.name,
        application_uri(settings.name),
        settings.server.security,
        version(),
        SessionLimits(settings.server.max_sessions),
        settings.server.channels.limits(),
        settings.server.host_names,
    )


def version() -> str:
    """Give Plantspace's version."""
    try:
        return metadata.version("plantspace")
    except metadata.PackageNotFoundError:
        return "0+checkout"


def _plan_history(document: Document, names: PointNames, directory: Directory, points: PointList) -> None:
    """Mark the slots whose history is kept: by the model, by patterns; bindings have said so before."""
    for nodeid, slot in points.slots.items():
        if directory.is_historizing(nodeid):
            points.recorded.add(slot)
    for nodeid, fields in points.fields.items():
        if directory.is_historizing(nodeid):
            points.recorded.update(fields.values())
    section = document.section(("historian",)) if "historian" in document else None
    for pattern, place in texts_of(section, "nodes") if section is not None else ():
        points.recorded.update(point.slot for point in names.match(pattern, place) or ())


def _plan_permissions(
    document: Document, settings: GatewaySettings, stack: UaStack, nodeids: NodeIds, findings: Findings
) -> ConfiguredPermissions:
    """Check what the configuration says of nodes' rights, by the roles that the standard and itself name."""
    roles = RoleSet(own_namespace=nodeids.index_of(_namespace(document)))
    keys = {name: roles.key_of(name) for name in (*WELL_KNOWN, *settings.roles)}
    entries = [(entry, document.place(("permissions", at))) for at, entry in enumerate(settings.permissions)]
    return plan_permissions(entries, stack.internal.space, nodeids, keys, findings)


def _endpoint_warnings(document: Document, settings: GatewaySettings) -> list[str]:
    """Say what is allowed and seldom meant."""
    told: list[Finding] = []
    if "None" in settings.server.security and urlsplit(settings.server.endpoint).hostname not in _LOOPBACK:
        place = document.place(("server", "security"))
        problem = "whoever reaches this endpoint needs no certificate, and everything goes over the network in clear"
        told.append(Finding(place, problem, "write security: [SignAndEncrypt], or an endpoint on 127.0.0.1"))
    return [str(finding) for finding in told]
