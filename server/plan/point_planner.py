"""A point for each binding or discovered tag: its node found or generated, its type and access settled."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from asyncua import ua

from core.datatypes import DataType
from core.errors import AddressError, Findings, InputError, Place
from core.point import OnBad, Point
from drivers.contract import BoundPoint, Capability, TagOffer
from server.bindings import Binding
from server.plan.devices import DeviceReading, PlannedDevice
from server.plan.field_names import FieldName, field_name
from server.plan.generated import Generator, TagNode
from server.plan.lookup import Lookup
from server.plan.points import PointList
from server.plan.structured import StructurePlanner
from server.ua_stack.nodeids import NodeIds
from server.ua_stack.nodes import READ, WRITE, NodeBuilder


@dataclass(frozen=True, slots=True)
class _Address:
    """An address as its driver understands it, with the place of its text."""

    parsed: Any
    place: Place


class PointPlanner:
    """Makes points of the bindings and offers of devices; what is wrong with them becomes findings.

    A binding that is wrong gets its node and its point all the same, so that what names them is not told as wrong too.
    """

    def __init__(
        self,
        lookup: Lookup,
        nodeids: NodeIds,
        builder: NodeBuilder,
        generator: Generator,
        points: PointList,
        structures: StructurePlanner,
        findings: Findings,
    ) -> None:
        """Look nodes up in ``lookup``, make missing ones with ``generator``, and add points to ``points``.

        Fields of structured variables are found by, and told to, ``structures``.
        """
        self._lookup = lookup
        self._directory = lookup.directory
        self._nodeids = nodeids
        self._builder = builder
        self._generator = generator
        self._points = points
        self._structures = structures
        self._findings = findings
        self._taken: dict[ua.NodeId | str, Place] = {}

    def plan(self, reading: DeviceReading) -> PlannedDevice | None:
        """Give every binding or offer of a device its point; None where the device itself is wrong."""
        self._lookup.generated(reading.name)
        if not reading.complete:
            self._lookup.unclear_device(reading.name)
        try:
            node = self._generator.device(reading.name)
        except ValueError:
            problem = f"the name {reading.name} is also that of a tag of another device"
            self._findings.add(reading.section.place(), problem, "rename the device")
            return None
        bound: list[BoundPoint] = []
        methods: dict[ua.NodeId, BoundPoint] = {}
        addresses: list[_Address] = []
        for binding in reading.bindings:
            self._bind(reading, binding, bound, methods, addresses)
        self._check(reading, addresses)
        if not reading.bindings:
            offered = (self._offer(reading, offer) for offer in reading.offers)
            bound += [point for point in offered if point is not None]
        if reading.manifest is None or reading.settings is None or not reading.sound:
            return None
        return PlannedDevice(reading.name, reading.manifest, reading.settings, reading.section, node, bound, methods)

    def _check(self, reading: DeviceReading, addresses: list[_Address]) -> None:
        """Ask the driver about addresses that only its settings can judge."""
        if not addresses or reading.manifest is None or reading.settings is None:
            return
        places: dict[str, list[Place]] = {}
        for address in addresses:
            places.setdefault(str(address.parsed), []).append(address.place)
        parsed = [address.parsed for address in addresses]
        try:
            errors = reading.manifest.check(reading.settings, parsed, reading.section.base)
        except InputError as error:
            self._findings.extend(error.findings)
            return
        except AttributeError:
            if reading.sound:
                raise
            return  # the driver asked for a key that is wrong
        for error in errors:
            for place in places.get(error.address, [reading.section.place((), key=True)]):
                self._tell_address(error, place)

    def _tell_address(self, error: AddressError, place: Place) -> None:
        column = place.column + error.column - 1 if place.column else 0
        problem = f"address {error.address!r}: {error.problem}"
        self._findings.add(replace(place, column=column), problem, error.mend)

    def _offer(self, reading: DeviceReading, offer: TagOffer) -> BoundPoint | None:
        place = reading.section.place((), key=True)
        address = self._parse(reading, offer.address, offer.datatype, place)
        if address is None:
            return None
        node = TagNode(
            offer.name,
            offer.datatype,
            offer.unit,
            -math.inf if offer.minimum is None else offer.minimum,
            math.inf if offer.maximum is None else offer.maximum,
            offer.description,
            offer.writable,
            reading.pace(reading.scan),
            offer.states,
        )
        try:
            nodeid = self._generator.tag(reading.name, node)
        except ValueError as error:
            self._findings.add(place, f"the tag {offer.name}: {error}", "rename the device")
            return None
        point = Point(self._nodeids.to_text(nodeid), offer.datatype, device=reading.name)
        slot = self._add(reading, nodeid, point, reading.scan, place, recorded=reading.history)
        return BoundPoint(slot, point, address.parsed, reading.scan, offer.writable)

    def _bind(
        self,
        reading: DeviceReading,
        binding: Binding,
        bound: list[BoundPoint],
        methods: dict[ua.NodeId, BoundPoint],
        addresses: list[_Address],
    ) -> None:
        """Plan one binding; all that is wrong with it is told."""
        field = field_name(binding.node, self._directory) if binding.names_node else None
        if field is not None:
            self._bind_field(reading, binding, field, bound, addresses)
            return
        told = len(self._findings.items)
        known = self._known_node(binding)
        method = known is not None and self._directory.is_method(known)
        wanted = binding.datatype if known is None else self._model_type(binding, known)
        address = self._parse(reading, binding.address, wanted, binding.place("address"))
        if address is not None:
            addresses.append(address)
        if method:
            self._check_method(reading, binding, known)
        else:
            self._check_access(reading, binding)
        if not binding.node or (binding.names_node and known is None):
            self._take(binding, binding.node)
            return
        datatype = wanted or self._own_type(reading, binding, address)
        if method:
            datatype = DataType.BOOLEAN
        elif known is None or wanted is not DataType.VARIANT:
            self._check_scale(binding, datatype)
        scan = binding.scan or reading.scan
        nodeid, writable = self._settle(reading, binding, known, datatype, scan)
        if nodeid is None or not self._take(binding, nodeid):
            return
        point = self._point(reading, binding, self._nodeids.to_text(nodeid), datatype)
        recorded = not method and (reading.history if binding.history is None else binding.history)
        # The method's own NodeId names the point, but a Method has no Value for clients to read.
        shown = None if method else nodeid
        place = binding.place("address")
        slot = self._add(reading, shown, point, scan, place, recorded=recorded)
        self._follow(binding, known, slot, writable=writable)
        if not binding.sound or address is None or len(self._findings.items) > told:
            self._points.doubtful.add(slot)
            return
        bound.append(BoundPoint(slot, point, address.parsed, scan, writable or method, binding.verify))
        if method:
            methods[nodeid] = bound[-1]

    def _bind_field(
        self,
        reading: DeviceReading,
        binding: Binding,
        name: FieldName,
        bound: list[BoundPoint],
        addresses: list[_Address],
    ) -> None:
        """Plan the binding of a structured variable's field; all that is wrong with it is told."""
        told = len(self._findings.items)
        field = self._structures.find(name, binding.place("node"))
        if field is not None and binding.datatype not in (None, field.datatype):
            problem = f"the model says that {binding.node} is {field.datatype.symbol}"
            self._findings.add(binding.place("type"), problem, "leave the cell empty")
        place = binding.place("address")
        address = self._parse(reading, binding.address, binding.datatype if field is None else field.datatype, place)
        if address is not None:
            addresses.append(address)
        self._check_access(reading, binding)
        if field is None:
            self._take(binding, binding.node)
            return
        self._check_scale(binding, field.datatype)
        if not self._take(binding, field.text):
            return
        asked = self._structures.says_writable(field.node) if binding.writable is None else binding.writable
        writable = asked and reading.can(Capability.WRITABLE)
        point = self._point(reading, binding, field.text, field.datatype)
        scan = binding.scan or reading.scan
        recorded = reading.history if binding.history is None else binding.history
        slot = self._add(reading, None, point, scan, place, recorded=recorded)
        self._structures.add(field, slot, writable=writable)
        if not binding.sound or address is None or len(self._findings.items) > told:
            self._points.doubtful.add(slot)
        else:
            bound.append(BoundPoint(slot, point, address.parsed, scan, writable, binding.verify))

    def _point(self, reading: DeviceReading, binding: Binding, node: str, datatype: DataType) -> Point:
        return Point(
            node,
            datatype,
            binding.scale,
            binding.offset,
            binding.minimum,
            binding.maximum,
            binding.deadband,
            clamp=reading.clamps,
            on_bad=binding.on_bad or OnBad.HOLD,
            device=reading.name,
        )

    def _add(
        self,
        reading: DeviceReading,
        nodeid: ua.NodeId | None,
        point: Point,
        scan: float,
        place: Place,
        *,
        recorded: bool,
    ) -> int:
        slot = self._points.add(nodeid, point, reading.pace(scan), place)
        if recorded:
            self._points.recorded.add(slot)
        return slot

    def _known_node(self, binding: Binding) -> ua.NodeId | None:
        if not binding.names_node:
            return None
        place = binding.place("node")
        nodeid = self._lookup.find(binding.node, place)
        if nodeid is None or self._directory.is_variable(nodeid) or self._directory.is_method(nodeid):
            return nodeid
        self._findings.add(place, f"{binding.node} is no variable", "bind one of its variables")
        return None

    def _model_type(self, binding: Binding, nodeid: ua.NodeId) -> DataType:
        """Give the type that the model says; one that does not go with the binding is told."""
        if self._directory.is_method(nodeid):
            return DataType.BOOLEAN
        datatype = self._directory.built_in_type(nodeid)
        if datatype is DataType.VARIANT:
            problem = f"{binding.node} is an array or a structure, which no driver fills"
            fields = self._structures.fields_of(nodeid, binding.node)
            mend = f"bind its fields: {', '.join(fields)}" if fields else "bind variables with single values"
            self._findings.add(binding.place("node"), problem, mend)
        elif binding.datatype not in (None, datatype):
            problem = f"the model says that {binding.node} is {datatype.symbol}"
            self._findings.add(binding.place("type"), problem, "leave the cell empty")
        return datatype

    def _check_access(self, reading: DeviceReading, binding: Binding) -> None:
        if binding.writable and not reading.can(Capability.WRITABLE):
            self._findings.add(binding.place("access"), f"the driver {self._driver(reading)} cannot write", "write r")
        self._check_verify(reading, binding)

    def _check_verify(self, reading: DeviceReading, binding: Binding) -> None:
        if binding.verify and not reading.can(Capability.READ_BACK):
            problem = f"the driver {self._driver(reading)} cannot read back what was written"
            self._findings.add(binding.place("verify"), problem, "leave the cell empty")

    def _check_method(self, reading: DeviceReading, binding: Binding, nodeid: ua.NodeId | None) -> None:
        """Bind only methods without arguments: calling one writes true."""
        if nodeid is not None and self._directory.property_value(nodeid, "InputArguments"):
            problem = f"{binding.node} is a method with arguments, which no address takes"
            self._findings.add(binding.place("node"), problem, "bind a method without arguments")
        if not reading.can(Capability.WRITABLE):
            problem = f"the driver {self._driver(reading)} cannot write, so it cannot call {binding.node}"
            self._findings.add(binding.place("node"), problem, "remove the row")
        self._check_verify(reading, binding)

    def _check_scale(self, binding: Binding, datatype: DataType) -> None:
        for column, value, absent in (
            ("scale", binding.scale, 1.0),
            ("offset", binding.offset, 0.0),
            ("min", binding.minimum, -math.inf),
            ("max", binding.maximum, math.inf),
            ("deadband", binding.deadband, 0.0),
        ):
            if value != absent and not datatype.is_number:
                problem = f"{binding.node} is {datatype.symbol}: it has no {column}"
                self._findings.add(binding.place(column), problem, "leave the cell empty")

    @staticmethod
    def _driver(reading: DeviceReading) -> str:
        return reading.manifest.name if reading.manifest is not None else ""

    @staticmethod
    def _own_type(reading: DeviceReading, binding: Binding, address: _Address | None) -> DataType:
        """Give the type of a tag whose binding names none: the address's; what nobody can tell is a Double."""
        if address is None or reading.manifest is None:
            return DataType.DOUBLE
        native = reading.manifest.datatype_of(address.parsed)
        scaled = binding.scale != 1.0 or binding.offset != 0.0
        return DataType.DOUBLE if scaled and native.is_number else native

    def _settle(
        self, reading: DeviceReading, binding: Binding, known: ua.NodeId | None, datatype: DataType, scan: float
    ) -> tuple[ua.NodeId | None, bool]:
        """Give the node and whether its device takes writes.

        What clients may is the AccessLevel's to say: the model's own where the binding says nothing, so that it may
        change with the model.
        """
        if known is not None:
            if self._directory.is_method(known):
                return known, False
            writable = binding.writable is not False and reading.can(Capability.WRITABLE)
            shown = writable and (binding.writable or bool(self._directory.access_level(known) & WRITE))
            self._builder.set_access(known, add=READ | (WRITE if shown else 0), remove=0 if shown else WRITE)
            return known, writable
        writable = bool(binding.writable)
        if "/" in binding.node:
            problem = f"the tag name {binding.node!r} does not fit into a browse path"
            self._findings.add(binding.place("node"), problem, "a node of the model begins with /Objects/ or nsu=")
            return None, False
        tag = TagNode(
            binding.node,
            datatype,
            binding.unit,
            binding.minimum,
            binding.maximum,
            binding.description,
            writable,
            reading.pace(scan),
        )
        try:
            return self._generator.tag(reading.name, tag), writable
        except ValueError:
            return self._generator.nodeid(f"{reading.name}.{binding.node}"), writable

    def _follow(self, binding: Binding, known: ua.NodeId | None, slot: int, *, writable: bool) -> None:
        """Know a variable whose AccessLevel is the model's to say."""
        if known is not None and writable and binding.writable is None:
            self._points.following.add(slot)

    def _take(self, binding: Binding, node: ua.NodeId | str) -> bool:
        """Claim a node for a binding; False, and told, where another one has it."""
        if not node:
            return False
        place = binding.place("node")
        first = self._taken.setdefault(node, place)
        if first is not place:
            what = "node" if binding.names_node else "tag"
            problem = f"the {what} {binding.node} is bound twice, first at {first}"
            self._findings.add(place, problem, "a node has one source; remove one row")
        return first is place

    def _parse(self, reading: DeviceReading, text: str, datatype: DataType | None, place: Place) -> _Address | None:
        """Understand an address; what is wrong with it is told. None too where there is no driver to ask."""
        if reading.manifest is None or not text:
            return None
        try:
            wanted = None if datatype is DataType.VARIANT else datatype
            return _Address(reading.manifest.parse_address(text, wanted), place)
        except AddressError as error:
            self._tell_address(error, place)
            return None
