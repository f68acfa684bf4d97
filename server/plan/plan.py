"""Makes the plan of a gateway: everything that its configuration says, checked against the model and the drivers."""

from __future__ import annotations

import asyncio
import glob
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

from asyncua import ua

from core.errors import Finding, Findings, InputError
from core.settings import Document, Row, build
from nodesets.loader import LoadedModel, load
from nodesets.resolver import PACKAGED_MODELS, Resolution, resolve
from nodesets.validation import validate
from server.bindings import bindings_of_rows
from server.configuration import SECTIONS_ELSEWHERE, GatewaySettings, HistorianSettings
from server.plan.datasets import PlannedPubSub, plan_pubsub
from server.plan.devices import PlannedDevice, PointPlanner, read_devices
from server.plan.generated import Generator
from server.plan.memory import MemoryPoint, plan_memory
from server.plan.operators import OperatorPlanner, PlannedOperator
from server.plan.points import PointList
from server.ua_stack.browse import Directory, NodeNotFoundError
from server.ua_stack.nodeids import NodeIds
from server.ua_stack.stack import EndpointOptions, UaStack

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
    warnings: list[str] = field(default_factory=list[str])

    @property
    def data_dir(self) -> Path:
        """Where certificates, history and the outbox are kept (absolute)."""
        return (self.config.parent / self.settings.server.data_dir).resolve()

    @property
    def history_file(self) -> Path | None:
        """The history store's file; None where no history is kept."""
        return self.data_dir / HISTORY_FILE if self.points.recorded else None

    def slot_of(self, node: str) -> int | None:
        """Give the slot of a node named by NodeId text or browse path, or None for one that is no point."""
        try:
            return self.points.slots.get(self.directory.find(node))
        except NodeNotFoundError:
            return None

    def node_id(self, node: str) -> str | None:
        """Give the NodeId text of a node named by NodeId text or browse path, or None where there is none."""
        try:
            return self.nodeids.to_text(self.directory.find(node))
        except NodeNotFoundError:
            return None

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
            "datasets": len(self.pubsub.fields) if self.pubsub is not None else 0,
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
    devices = await asyncio.to_thread(read_devices, document, findings)
    for device in devices:
        if bindings is not None and device.name in bindings:
            device.bindings = bindings_of_rows(device.name, bindings[device.name], findings)
    model = settings.model if settings is not None else GatewaySettings().model
    resolution = await asyncio.to_thread(_resolve, document, model.nodesets, model.search, findings)
    stack = UaStack(_options(settings or GatewaySettings()))
    try:
        return await _plan(config, document, settings, devices, resolution, stack, findings)
    except BaseException:
        await stack.stop()
        raise


async def _plan(
    config: Path,
    document: Document,
    settings: GatewaySettings | None,
    devices: list[PlannedDevice],
    resolution: Resolution | None,
    stack: UaStack,
    findings: Findings,
) -> Plan:
    named = settings or GatewaySettings()
    await stack.prepare()
    loaded = await _load(stack, resolution, findings)
    own = await stack.register_namespace(f"urn:plantspace:{named.name}")
    nodeids = await stack.namespaces()
    directory = Directory(stack.internal.aspace, nodeids) if loaded is not None else None
    points = PointList()
    device_type = nodeids.from_text(f"nsu={PLANTSPACE_NAMESPACE};s=DeviceType") if loaded is not None else None
    generator = Generator(stack.builder, own, device_type)
    planner = PointPlanner(directory, nodeids, stack.builder, generator, points, findings)
    for device in devices:
        planner.plan(device)
    memory: list[MemoryPoint] = []
    operators: list[PlannedOperator] = []
    if directory is not None:
        theirs = {own, nodeids.index_of(PLANTSPACE_NAMESPACE)}
        memory = plan_memory(directory, nodeids, points, theirs)
        operators = OperatorPlanner(directory, nodeids, stack.builder, own, points, findings).plan(document)
        if operators:
            directory.forget()
    historian = named.historian or HistorianSettings()
    if directory is not None:
        _plan_history(document, historian, directory, points, findings)
    pubsub = plan_pubsub(document, directory, points, findings)
    findings.raise_if_any()
    if settings is None or directory is None or loaded is None:
        raise InputError(())
    for slot in points.recorded:
        stack.builder.set_historizing(nodeids.from_text(points.points[slot].node))
    warnings = [*map(str, loaded.warnings), *_endpoint_warnings(document, settings)]
    return Plan(
        await asyncio.to_thread(config.resolve),
        settings,
        stack,
        nodeids,
        directory,
        loaded,
        points,
        devices,
        memory,
        operators,
        pubsub,
        historian,
        warnings,
    )


def _options(settings: GatewaySettings) -> EndpointOptions:
    return EndpointOptions(
        settings.server.endpoint,
        settings.name,
        f"urn:{platform.node() or 'localhost'}:plantspace:{settings.name}",
        settings.server.security,
        settings.server.anonymous,
        version(),
    )


def version() -> str:
    """Give Plantspace's version."""
    try:
        return metadata.version("plantspace")
    except metadata.PackageNotFoundError:
        return "0+checkout"


def _resolve(
    document: Document, nodesets: Sequence[str], search: Sequence[str], findings: Findings
) -> Resolution | None:
    """Find the NodeSets' files and their order; None where that fails."""
    files: list[Path] = [PACKAGED_MODELS / "plantspace.NodeSet2.xml"]
    before = len(findings.items)
    for position, pattern in enumerate(nodesets):
        found = sorted(glob.glob(str(document.base / pattern), recursive=True))  # noqa: PTH207 - patterns may be absolute, which Path.glob refuses
        if not found:
            place = document.place(("model", "nodesets", position))
            findings.add(place, f"no file matches {pattern}", f"relative names begin at {document.base.resolve()}")
        files.extend(Path(name) for name in found)
    resolution = resolve(files, [document.base / folder for folder in search])
    findings.extend(validate(resolution))
    return resolution if len(findings.items) == before else None


async def _load(stack: UaStack, resolution: Resolution | None, findings: Findings) -> LoadedModel | None:
    if resolution is None:
        return None
    try:
        return await load(stack.server, resolution)
    except InputError as error:
        findings.extend(error.findings)
        return None


def _plan_history(
    document: Document,
    settings: HistorianSettings,
    directory: Directory,
    points: PointList,
    findings: Findings,
) -> None:
    """Mark the slots whose history is kept: by the model, by patterns; bindings have said so before."""
    for nodeid, slot in points.slots.items():
        if directory.is_historizing(nodeid):
            points.recorded.add(slot)
    for position, pattern in enumerate(settings.nodes):
        try:
            nodes: list[ua.NodeId] = directory.match(pattern)
        except NodeNotFoundError as error:
            findings.add(document.place(("historian", "nodes", position)), error.problem, error.mend)
            continue
        points.recorded.update(points.slots[nodeid] for nodeid in nodes if nodeid in points.slots)


def _endpoint_warnings(document: Document, settings: GatewaySettings) -> list[str]:
    """Say what is allowed and seldom meant."""
    told: list[Finding] = []
    if settings.server.anonymous == "none":
        place = document.place(("server", "anonymous")) if "server" in document else document.place()
        problem = "no client can log in: this release knows anonymous clients only, and they are not let in"
        mend = "write anonymous: Observer (reads) or anonymous: Operator (also writes) under server:"
        told.append(Finding(place, problem, mend))
    if "None" in settings.server.security and urlsplit(settings.server.endpoint).hostname not in _LOOPBACK:
        place = document.place(("server", "security"))
        problem = "whoever reaches this endpoint needs no certificate, and everything goes over the network in clear"
        told.append(Finding(place, problem, "write security: [SignAndEncrypt], or an endpoint on 127.0.0.1"))
    return [str(finding) for finding in told]
