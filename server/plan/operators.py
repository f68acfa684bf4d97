"""Operators of the ``analytics:`` section: their settings, their inputs, and nodes for what they give and take."""

# The seam on asyncua, whose annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false
from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from asyncua import ua

from analytics.contract import Operator, OperatorContext, OperatorManifest, OperatorSettings
from analytics.definitions import NAMESPACE, ArgumentDefinition, OutputDefinition
from analytics.registry import find_operators
from core.datatypes import DataType
from core.errors import Findings, Place
from core.point import Point
from core.settings import Document, Section, build, choose
from core.settings.partial import sound_part
from server.plan.field_names import SIGN, joined
from server.plan.lookup import Lookup
from server.plan.point_names import NamedPoint, PointNames
from server.plan.points import PointList
from server.ua_stack.nodeids import NodeIds, UnknownNamespaceError
from server.ua_stack.nodes import HAS_PROPERTY, READ, WRITE, NodeBuilder

_ARGUMENT = ua.NodeId(ua.Int32(ua.ObjectIds.Argument))
_NO_LETTER = re.compile(r"\W")
_PROPERTY_TYPE = ua.NodeId(ua.Int32(ua.ObjectIds.PropertyType))


@dataclass(frozen=True, slots=True)
class PlannedOperator:
    """An operator with its slots and nodes. ``parameters``: BrowseName -> slot; ``methods``: name -> NodeId."""

    name: str
    manifest: OperatorManifest
    operator: Operator
    inputs: dict[str, int]
    outputs: tuple[int, ...]
    parameters: dict[str, int]
    methods: dict[str, ua.NodeId]
    node: ua.NodeId


class OperatorPlanner:
    """Makes operators of sections; wrong ones become findings."""

    def __init__(
        self,
        lookup: Lookup,
        names: PointNames,
        nodeids: NodeIds,
        builder: NodeBuilder,
        namespace: int,
        points: PointList,
        findings: Findings,
    ) -> None:
        """``names`` finds the inputs. ``namespace``: index of the gateway's own namespace, for the nodes."""
        self._lookup = lookup
        self._point_names = names
        self._directory = lookup.directory
        self._nodeids = nodeids
        self._builder = builder
        self._namespace = namespace
        self._points = points
        self._findings = findings
        self._names = nodeids.index_of(NAMESPACE)
        """Outputs, parameters and methods bear the names of their operator's type."""
        self._named: dict[tuple[ua.NodeId, str], str] = {}
        """Parent and BrowseName -> the operator that has them."""

    def plan(self, document: Document) -> list[PlannedOperator]:
        """Make all operators of the configuration."""
        sections = document.members("analytics", self._findings)
        if not sections:
            return []
        known = find_operators()
        planned = [self._one(name, section, known) for name, section in sections.items()]
        return [operator for operator in planned if operator is not None]

    def _one(self, name: str, section: Section, known: dict[str, OperatorManifest]) -> PlannedOperator | None:
        told = len(self._findings.items)
        manifest = choose(section, "operator", known, self._findings)
        if manifest is None:
            keys = {definition.name.lower() for one in known.values() for definition in one.inputs}
            for key in sorted(keys):
                if (text := _text_at(section, key)) is not None:
                    self._lookup.find(text, section.place((key,)))
            self._unclear(name, section, known.values(), None)
            return None
        settings = build(manifest.settings, section, self._findings)
        nodes = self._inputs(manifest, settings or sound_part(manifest.settings, section), section)
        if settings is None or len(nodes) < len(manifest.inputs) or len(self._findings.items) > told:
            self._unclear(name, section, [manifest], nodes.get(manifest.inputs[0].name))
            return None
        inputs = {definition: point.slot for definition, point in nodes.items()}
        operator = manifest.make(settings, OperatorContext(name, inputs))
        first = next(iter(nodes.values()))
        parent = self._directory.parent_of(first.node)
        browse_name = manifest.object_name(settings, _plain(self._called(first, self._directory.name_of(first.node))))
        if not self._has_name_of_its_own(name, parent, browse_name, first, section):
            self._unclear(name, section, [manifest], first)
            return None
        return self._place(name, manifest, operator, inputs, parent, browse_name, section)

    def _has_name_of_its_own(
        self, name: str, parent: ua.NodeId, browse_name: str, first: NamedPoint, section: Section
    ) -> bool:
        """Tell whether no other of the gateway's own nodes below ``parent`` is called so; else it is a finding.

        Of two with one BrowseName a browse path would find neither.
        """
        path = f"{self._directory.path_of(first.node).rpartition('/')[0]}/{browse_name}"
        other = self._named.setdefault((parent, browse_name), name)
        if other != name:
            problem = f"the operators '{other}' and '{name}' would both be {path}"
        elif any(
            instance.parent == parent
            and nodeid.NamespaceIndex == self._namespace
            and self._directory.name_of(nodeid) == browse_name
            for nodeid, instance in self._directory.instances.items()
        ):
            problem = f"the operator '{name}' would be {path}, which is another node already"
        else:
            return True
        place = section.place(("name",)) if "name" in section else section.place((), key=True)
        self._findings.add(place, problem, f"give this one a name of its own, such as name: {browse_name}2")
        return False

    def _unclear(
        self, name: str, section: Section, manifests: Iterable[OperatorManifest], first: NamedPoint | None
    ) -> None:
        """Keep the nodes that a wrong operator would have had from being told as missing where they are named.

        Without ``first``, its input, it may be meant to watch any variable.
        """
        paths: set[str] = set()
        for manifest in manifests:
            key = manifest.inputs[0].name.lower()
            members = [definition.name for definition in (*manifest.outputs, *manifest.parameters)]
            known = [self._path_of(first)] if first is not None else self._watchable(section, key)
            for watched in known:
                above, _, watched_name = watched.rpartition("/")
                kind = manifest.type_name.removesuffix("Type")
                own_name = _text_at(section, "name") or f"{_plain(watched_name)}{kind}"
                paths.update(f"{above}/{own_name}/{member}" for member in members)
        self._lookup.unclear_operator(name, paths)

    def _watchable(self, section: Section, key: str) -> set[str]:
        """Give the paths of what an operator may be meant to watch."""
        nodes = [self._directory.path_of(node) for node in self._points.slots]
        for node, fields in self._points.fields.items():
            nodes += [joined(self._directory.path_of(node), path) for path in fields]
        written = _text_at(section, key)
        return {*nodes, written} if written is not None and written.startswith("/") else set(nodes)

    def _inputs(
        self, manifest: OperatorManifest, settings: OperatorSettings | None, section: Section
    ) -> dict[str, NamedPoint]:
        """Find the inputs by their names; what is wrong with one is told, and it is left out."""
        try:
            texts: Mapping[str, str] = settings.input_nodes() if settings is not None else {}
        except AttributeError:
            texts = {}  # an input is wrong as a setting
        nodes: dict[str, NamedPoint] = {}
        for definition in manifest.inputs:
            if definition.name in texts:
                place = section.place((definition.name.lower(),))
                found = self._input(texts[definition.name], definition.datatypes, place)
                if found is not None:
                    nodes[definition.name] = found
        return nodes

    def _input(self, text: str, datatypes: Collection[DataType], place: Place) -> NamedPoint | None:
        found = self._point_names.find(text, place)
        if found is None:
            return None
        datatype = self._points.points[found.slot].datatype
        if datatype not in datatypes and found.slot not in self._points.doubtful:
            wanted = ", ".join(member.symbol for member in sorted(datatypes))
            self._findings.add(place, f"{text} is {datatype.symbol}", f"the operator takes {wanted}")
            return None
        return found

    def _path_of(self, point: NamedPoint) -> str:
        return self._called(point, self._directory.path_of(point.node))

    @staticmethod
    def _called(point: NamedPoint, name: str) -> str:
        return joined(name, point.field) if point.field else name

    def _place(
        self,
        name: str,
        manifest: OperatorManifest,
        operator: Operator,
        inputs: dict[str, int],
        parent: ua.NodeId,
        browse_name: str,
        section: Section,
    ) -> PlannedOperator | None:
        base = f"analytics.{name}"
        try:
            node = self._builder.add_object(
                parent,
                self._nodeid(base),
                browse_name,
                type_definition=self._type(manifest.type_name),
                description=manifest.title,
                notifies=True,
            )
        except ValueError as error:
            self._findings.add(section.place((), key=True), str(error), "give each operator a name of its own")
            return None
        outputs = tuple(self._output(node, base, definition) for definition in manifest.outputs)
        parameters: dict[str, int] = {}
        for definition in manifest.parameters:
            nodeid = self._builder.add_variable(
                node,
                self._nodeid(f"{base}.{definition.name}"),
                definition.name,
                ua.NodeId(ua.Int32(int(definition.datatype))),
                access=READ | WRITE,
                reference=HAS_PROPERTY,
                type_definition=_PROPERTY_TYPE,
                description=definition.description,
                name_namespace=self._names,
            )
            parameters[definition.name] = self._point(nodeid, definition.datatype)
        methods: dict[str, ua.NodeId] = {}
        for method in manifest.methods:
            nodeid = self._builder.add_method(
                node,
                self._nodeid(f"{base}.{method.name}"),
                method.name,
                _not_started,
                method.description,
                self._names,
            )
            self._arguments(nodeid, f"{base}.{method.name}", "InputArguments", method.inputs)
            self._arguments(nodeid, f"{base}.{method.name}", "OutputArguments", method.outputs)
            methods[method.name] = nodeid
        return PlannedOperator(name, manifest, operator, inputs, outputs, parameters, methods, node)

    def _output(self, node: ua.NodeId, base: str, definition: OutputDefinition) -> int:
        nodeid = self._builder.add_variable(
            node,
            self._nodeid(f"{base}.{definition.name}"),
            definition.name,
            ua.NodeId(ua.Int32(int(definition.datatype))),
            description=definition.description,
            name_namespace=self._names,
        )
        return self._point(nodeid, definition.datatype)

    def _point(self, nodeid: ua.NodeId, datatype: DataType) -> int:
        return self._points.add(nodeid, Point(self._nodeids.to_text(nodeid), datatype), 0.0)

    def _arguments(self, method: ua.NodeId, base: str, name: str, definitions: tuple[ArgumentDefinition, ...]) -> None:
        """Describe a method's arguments (Part 3 v1.05 5.7); without any the property is left out."""
        if not definitions:
            return
        arguments = [
            ua.Argument(
                Name=ua.String(one.name),
                DataType=ua.NodeId(ua.Int32(int(one.datatype))),
                ValueRank=ua.Int32(-1),
                Description=ua.LocalizedText(ua.String(one.description)),
            )
            for one in definitions
        ]
        value = ua.Variant(arguments, ua.VariantType.ExtensionObject)
        self._builder.add_property(method, self._nodeid(f"{base}.{name}"), name, _ARGUMENT, value, value_rank=1)

    def _type(self, name: str) -> ua.NodeId | None:
        try:
            return self._nodeids.from_text(f"nsu={NAMESPACE};s={name}")
        except UnknownNamespaceError:
            return None

    def _nodeid(self, identifier: str) -> ua.NodeId:
        return ua.NodeId(ua.String(identifier), ua.Int16(self._namespace))


async def _not_started(_parent: ua.NodeId, *_arguments: ua.Variant) -> ua.StatusCode:
    """Answer a call before the gateway runs."""
    return ua.StatusCode(ua.UInt32(ua.StatusCodes.BadInvalidState))


def _plain(name: str) -> str:
    """Give a name for what watches something called so: of a field's, letters and digits alone (``PoseOriginX``)."""
    name, sign, path = name.rpartition(SIGN)
    return f"{name}{_NO_LETTER.sub('', path)}" if sign else path


def _text_at(section: Section, key: str) -> str | None:
    """Give the text that stands at a key, where one does."""
    text = section.data.get(key) if isinstance(section.data, dict) else None
    return text if isinstance(text, str) else None
