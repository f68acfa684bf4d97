"""Devices of the configuration: their drivers, their bindings, and a point for each binding or discovered tag."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, cast

from asyncua import ua

from core.datatypes import DataType
from core.errors import AddressError, Findings, InputError, Place
from core.point import OnBad, Point
from core.settings import Document, Section, SettingError, build
from drivers import registry
from drivers.contract import BoundPoint, Capability, DeviceSettings, Manifest, TagOffer
from server.bindings import Binding, read_bindings
from server.plan.generated import Generator, TagNode
from server.plan.points import PointList
from server.ua_stack.browse import Directory, NodeNotFoundError
from server.ua_stack.nodeids import NodeIds
from server.ua_stack.nodes import READ, WRITE, NodeBuilder


@dataclass(slots=True)
class PlannedDevice:
    """A device with everything its supervisor is made of."""

    name: str
    manifest: Manifest
    settings: DeviceSettings
    section: Section
    bindings: list[Binding]
    offers: list[TagOffer]
    points: list[BoundPoint] = field(default_factory=list[BoundPoint])
    methods: dict[ua.NodeId, BoundPoint] = field(default_factory=dict[ua.NodeId, BoundPoint])
    """Methods of the model that are bound: calling one writes true to its address."""
    node: ua.NodeId | None = None


def read_devices(document: Document, findings: Findings) -> list[PlannedDevice]:
    """Read the ``devices:`` section: settings, bindings and what the settings describe by themselves."""
    devices: list[PlannedDevice] = []
    for name, section in document.members("devices", findings).items():
        device = _read_device(name, section, findings)
        if device is not None:
            devices.append(device)
    return devices


def _read_device(name: str, section: Section, findings: Findings) -> PlannedDevice | None:
    if "/" in name or not name.strip():
        mend = "use letters, digits, '-' and '_'"
        findings.add(section.place((), key=True), f"the device name {name!r} does not fit into a browse path", mend)
        return None
    word = section.data.get("driver") if isinstance(section.data, dict) else None
    if not isinstance(word, str):
        mend = f"add driver: one of {', '.join(registry.names())}"
        findings.add(section.place(("driver",)), f"the device '{name}' names no driver", mend)
        return None
    try:
        manifest = registry.manifest(word)
    except SettingError as error:
        findings.add(section.place(("driver",)), error.problem, error.mend)
        return None
    settings = build(manifest.settings, section, findings)
    bindings = read_bindings(name, section, findings)
    if settings is None:
        return None
    offers: list[TagOffer] = []
    try:
        offers = manifest.discover(settings, section.base)
    except InputError as error:
        findings.extend(error.findings)
    if not bindings and not offers and "bindings" not in section:
        mend = "add bindings: a CSV file or a list"
        findings.add(section.place((), key=True), f"the device '{name}' has no bindings", mend)
    return PlannedDevice(name, manifest, settings, section, bindings, offers)


class PointPlanner:
    """Makes points of bindings: finds or generates the node, settles type and access, parses the address."""

    def __init__(
        self,
        directory: Directory | None,
        nodeids: NodeIds,
        builder: NodeBuilder,
        generator: Generator,
        points: PointList,
        findings: Findings,
    ) -> None:
        """Without a ``directory`` (the model is wrong) nodes of the model are not looked up."""
        self._directory = directory
        self._nodeids = nodeids
        self._builder = builder
        self._generator = generator
        self._points = points
        self._findings = findings
        self._taken: dict[str, Place] = {}

    def plan(self, device: PlannedDevice) -> None:
        """Give every binding of a device its point; wrong ones become findings."""
        device.node = self._generator.device(device.name)
        for binding in device.bindings:
            bound = self._bind(device, binding)
            if bound is not None:
                device.points.append(bound)
        self._check(device)
        if not device.bindings:
            for offer in device.offers:
                self._offer(device, offer)

    def _check(self, device: PlannedDevice) -> None:
        """Ask the driver about addresses that only its settings can judge."""
        if not device.points:
            return
        places = {str(point.address): self._points.places[point.slot] for point in device.points}
        try:
            errors = device.manifest.check(
                device.settings, [point.address for point in device.points], device.section.base
            )
        except InputError as error:
            self._findings.extend(error.findings)
            return
        for error in errors:
            place = places.get(error.address, device.section.place((), key=True))
            self._findings.add(place, f"address {error.address!r}: {error.problem}", error.mend)

    def _offer(self, device: PlannedDevice, offer: TagOffer) -> None:
        place = device.section.place((), key=True)
        address = self._parse(device, offer.address, offer.datatype, place)
        if address is None:
            return
        node = TagNode(
            offer.name,
            offer.datatype,
            offer.unit,
            -math.inf if offer.minimum is None else offer.minimum,
            math.inf if offer.maximum is None else offer.maximum,
            offer.description,
            offer.writable,
            self._pace(device, device.settings.scan),
            offer.states,
        )
        nodeid = self._generator.tag(device.name, node)
        point = Point(self._nodeids.to_text(nodeid), offer.datatype, device=device.name)
        self._append(device, nodeid, point, address, device.settings.scan, place, writable=offer.writable)

    def _bind(self, device: PlannedDevice, binding: Binding) -> BoundPoint | None:  # noqa: PLR0911 - a return for each wrong thing
        writable_driver = Capability.WRITABLE in device.manifest.capabilities
        if binding.writable and not writable_driver:
            problem = f"the driver {device.manifest.name} cannot write"
            self._findings.add(binding.place("access"), problem, "write access r")
            return None
        known = self._known_node(binding)
        if binding.names_node and known is None:
            self._parse(device, binding.address, binding.datatype, binding.place("address"))
            return None
        datatype = None if known is None else self._model_type(binding, known)
        if known is not None and datatype is None:
            return None
        if known is not None and self._directory is not None and self._directory.is_method(known):
            return self._method(device, binding, known)
        address = self._parse(device, binding.address, binding.datatype or datatype, binding.place("address"))
        if address is None:
            return None
        if datatype is None:
            datatype = self._own_type(device, binding, address)
        scan = binding.scan or device.settings.scan
        nodeid, writable = self._settle(device, binding, known, datatype, scan, writable_driver=writable_driver)
        if nodeid is None:
            return None
        text = self._nodeids.to_text(nodeid)
        if text in self._taken:
            problem = f"the node {binding.node} is bound twice, first at {self._taken[text]}"
            self._findings.add(binding.place("node"), problem, "a node has one source; remove one row")
            return None
        self._taken[text] = binding.place("node")
        point = Point(
            text,
            datatype,
            binding.scale,
            binding.offset,
            binding.minimum,
            binding.maximum,
            binding.deadband,
            clamp=device.settings.limits == "clamp",
            on_bad=binding.on_bad or OnBad.HOLD,
            device=device.name,
        )
        return self._append(
            device, nodeid, point, address, scan, binding.place("address"), writable=writable, history=binding.history
        )

    def _method(self, device: PlannedDevice, binding: Binding, nodeid: ua.NodeId) -> None:
        """Bind a method without arguments: calling it writes true."""
        directory = cast("Directory", self._directory)
        if directory.property_value(nodeid, "InputArguments"):
            problem = f"{binding.node} is a method with arguments, which no address takes"
            self._findings.add(binding.place("node"), problem, "bind a method without arguments")
            return
        if Capability.WRITABLE not in device.manifest.capabilities:
            problem = f"the driver {device.manifest.name} cannot write, so it cannot call {binding.node}"
            self._findings.add(binding.place("node"), problem, "remove the row")
            return
        address = self._parse(device, binding.address, DataType.BOOLEAN, binding.place("address"))
        if address is None:
            return
        point = Point(self._nodeids.to_text(nodeid), DataType.BOOLEAN, device=device.name)
        # The method's own NodeId names the point, but a Method has no Value for clients to read.
        bound = self._append(
            device, None, point, address, device.settings.scan, binding.place("address"), writable=True
        )
        device.methods[nodeid] = bound
        device.points.append(bound)

    def _append(
        self,
        device: PlannedDevice,
        nodeid: ua.NodeId | None,
        point: Point,
        address: Any,  # noqa: ANN401 - the driver's own type
        scan: float,
        place: Place,
        *,
        writable: bool,
        history: bool | None = None,
    ) -> BoundPoint:
        slot = self._points.add(nodeid, point, self._pace(device, scan), place)
        if device.settings.history if history is None else history:
            self._points.recorded.add(slot)
        bound = BoundPoint(slot, point, address, scan, writable)
        if not device.bindings:
            device.points.append(bound)
        return bound

    @staticmethod
    def _pace(device: PlannedDevice, scan: float) -> float:
        return scan if Capability.POLLED in device.manifest.capabilities else 0.0

    def _known_node(self, binding: Binding) -> ua.NodeId | None:
        if not binding.names_node or self._directory is None:
            return None
        try:
            nodeid = self._directory.find(binding.node)
        except NodeNotFoundError as error:
            self._findings.add(binding.place("node"), error.problem, error.mend)
            return None
        if not self._directory.is_variable(nodeid) and not self._directory.is_method(nodeid):
            self._findings.add(binding.place("node"), f"{binding.node} is no variable", "bind one of its variables")
            return None
        return nodeid

    def _model_type(self, binding: Binding, nodeid: ua.NodeId) -> DataType | None:
        directory = cast("Directory", self._directory)
        if directory.is_method(nodeid):
            return DataType.BOOLEAN
        datatype = directory.built_in_type(nodeid)
        if datatype is DataType.VARIANT:
            problem = f"{binding.node} is an array or a structure, which no driver fills"
            self._findings.add(binding.place("node"), problem, "bind variables with single values")
            return None
        if binding.datatype not in (None, datatype):
            problem = f"the model says that {binding.node} is {datatype.symbol}"
            self._findings.add(binding.place("type"), problem, "leave the cell empty")
            return None
        if not datatype.is_number and (binding.scale != 1.0 or binding.offset != 0.0):
            problem = f"{binding.node} is {datatype.symbol}: it has no scale"
            self._findings.add(binding.place("scale"), problem, "leave scale and offset empty")
            return None
        return datatype

    @staticmethod
    def _own_type(device: PlannedDevice, binding: Binding, address: Any) -> DataType:  # noqa: ANN401 - the driver's own type
        if binding.datatype is not None:
            return binding.datatype
        native = device.manifest.datatype_of(address)
        scaled = binding.scale != 1.0 or binding.offset != 0.0
        return DataType.DOUBLE if scaled and native.is_number else native

    def _settle(
        self,
        device: PlannedDevice,
        binding: Binding,
        known: ua.NodeId | None,
        datatype: DataType,
        scan: float,
        *,
        writable_driver: bool,
    ) -> tuple[ua.NodeId | None, bool]:
        """Give the node and whether clients may write it."""
        if known is not None and self._directory is not None:
            model_says = bool(self._directory.access_level(known) & WRITE)
            writable = writable_driver and (model_says if binding.writable is None else binding.writable)
            self._builder.set_access(known, add=READ | (WRITE if writable else 0), remove=0 if writable else WRITE)
            return known, writable
        writable = bool(binding.writable)
        tag = TagNode(
            binding.node,
            datatype,
            binding.unit,
            binding.minimum,
            binding.maximum,
            binding.description,
            writable,
            self._pace(device, scan),
        )
        if "/" in binding.node:
            problem = f"the tag name {binding.node!r} does not fit into a browse path"
            self._findings.add(binding.place("node"), problem, "a node of the model begins with /Objects/ or nsu=")
            return None, False
        try:
            return self._generator.tag(device.name, tag), writable
        except ValueError:
            problem = f"the tag {binding.node} stands twice"
            self._findings.add(binding.place("node"), problem, "give each tag of a device its own name")
            return None, False

    def _parse(self, device: PlannedDevice, text: str, datatype: DataType | None, place: Place) -> Any | None:  # noqa: ANN401 - the driver's own type
        try:
            return device.manifest.parse_address(text, datatype)
        except AddressError as error:
            column = place.column + error.column - 1 if place.column else 0
            problem = f"address {text!r}: {error.problem}"
            self._findings.add(Place(place.file, place.line, column), problem, error.mend)
            return None
