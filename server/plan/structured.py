"""Structured variables with bound fields: their fields found and checked, and what composes their values."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

from asyncua import ua

from core.datatypes import DataType
from core.errors import Findings, Place
from core.point import Point
from nodesets.built_in_types import BuiltInType
from nodesets.datatypes.composing import FieldTree
from nodesets.datatypes.field_paths import FieldPathError, ResolvedField, proposed_fields, resolve_field
from nodesets.datatypes.problems import DataTypeError
from nodesets.names import NodeName
from server.address_space.structured import BoundField, StructureCodec, StructuredVariable
from server.plan.field_names import FieldName, joined
from server.plan.lookup import Lookup
from server.plan.memory import MemoryPoint
from server.plan.points import PointList
from server.ua_stack.nodeids import NodeIds
from server.ua_stack.nodes import HISTORY_READ, READ, WRITE, NodeBuilder

NONATOMIC_READ, NONATOMIC_WRITE = 0x100, 0x200
"""Bits of AccessLevelEx (Part 3 v1.05 8.58): fields are read and written one by one."""
_SCALAR, _SCALAR_OR_ONE = -1, -3


@dataclass(frozen=True, slots=True)
class PlannedField:
    """A field that a binding names. ``text``: what names its point, the variable's NodeId and the path."""

    node: ua.NodeId
    resolved: ResolvedField
    text: str
    datatype: DataType


@dataclass(slots=True)
class _Variable:
    """One variable with what is bound of it so far."""

    structure: NodeName
    fields: list[tuple[PlannedField, int, bool]] = field(default_factory=list[tuple[PlannedField, int, bool]])


@dataclass(frozen=True, slots=True)
class PlannedStructures:
    """What serves the variables: each one's composing, and the memory of what no device gives."""

    variables: dict[ua.NodeId, StructuredVariable]
    memory: list[MemoryPoint]


class StructurePlanner:
    """Finds the fields that names mean; what is wrong with one becomes a finding."""

    def __init__(
        self, lookup: Lookup, nodeids: NodeIds, codec: StructureCodec, points: PointList, findings: Findings
    ) -> None:
        """Look variables up in ``lookup``, and their DataTypes in ``codec``."""
        self._lookup = lookup
        self._directory = lookup.directory
        self._nodeids = nodeids
        self._codec = codec
        self._points = points
        self._findings = findings
        self._variables: dict[ua.NodeId, _Variable] = {}

    def telling(self, lookup: Lookup, findings: Findings) -> StructurePlanner:
        """Give what finds the same fields by ``lookup``, and tells what is wrong to others."""
        other = copy.copy(self)
        other._lookup, other._findings = lookup, findings  # noqa: SLF001 - its own class
        return other

    def find(self, name: FieldName, place: Place) -> PlannedField | None:
        """Find a field by its name; None, and told, where there is none that a point could be."""
        nodeid = self._lookup.find(name.node, place)
        if nodeid is None:
            return None
        try:
            resolved = resolve_field(name.path, self._structure_of(nodeid, name.node), self._codec.types)
            datatype = _column(resolved)
        except FieldPathError as error:
            self._findings.add(place, f"{joined(name.node, name.path)}: {error.problem}", error.mend)
        except DataTypeError as error:
            problem = f"{joined(name.node, name.path)}: the DataType {error.type_name}: {error.problem}"
            self._findings.add(place, problem, error.mend or "bind variables of types that the model describes")
        else:
            text = joined(self._nodeids.to_text(nodeid), resolved.text)
            if self._directory.known(text) is None:
                return PlannedField(nodeid, resolved, text, datatype)
            problem = f"{joined(name.node, name.path)} is called as the node {text} is"
            self._findings.add(place, problem, "bind that node, or give it another NodeId")
        return None

    def fields_of(self, nodeid: ua.NodeId, name: str) -> list[str]:
        """Give names of fields to be bound instead of a whole variable ``name``; none where it has none."""
        try:
            paths = proposed_fields(self._structure_of(nodeid, name), self._codec.types)
        except (FieldPathError, DataTypeError):
            return []
        return [joined(name, path) for path in paths]

    def data_type_of(self, nodeid: ua.NodeId, path: str) -> NodeName:
        """Give the DataType of a bound field."""
        return resolve_field(path, self._variables[nodeid].structure, self._codec.types).data_type

    def add(self, planned: PlannedField, slot: int, *, writable: bool) -> None:
        """Know that a field has a point."""
        known = self._variables.get(planned.node)
        if known is None:
            structure = self._structure_of(planned.node, planned.text)
            known = self._variables[planned.node] = _Variable(structure)
        known.fields.append((planned, slot, writable))
        self._points.fields.setdefault(planned.node, {})[planned.resolved.text] = slot

    def says_writable(self, nodeid: ua.NodeId) -> bool:
        """Tell whether the model lets clients write a variable."""
        return bool(self._directory.access_level(nodeid) & WRITE)

    def finish(self, builder: NodeBuilder) -> PlannedStructures:
        """Make what composes the variables, give their memory its slots, and settle their AccessLevels."""
        variables: dict[ua.NodeId, StructuredVariable] = {}
        memory: list[MemoryPoint] = []
        for nodeid, known in self._variables.items():
            paths = [planned.resolved.path for planned, _, _ in known.fields]
            tree = FieldTree(known.structure, paths, self._codec.types)
            text = self._nodeids.to_text(nodeid)
            # Clients see the composed value alone, so the slot belongs to no node.
            slot = self._points.add(None, Point(text, DataType.VARIANT), 0.0)
            given = self._directory.encoded_value(nodeid)
            held = self._codec.decode(given) if given is not None else None
            whole = tree.complete(held if held is not None and held.type == known.structure else None)
            fields = [BoundField(at, planned.resolved.is_optional, writable) for planned, at, writable in known.fields]
            variables[nodeid] = made = StructuredVariable(self._codec, tree, fields, slot, whole)
            writable = any(one.writable for one in fields) or (self.says_writable(nodeid) and tree.leaves_more(whole))
            memory.append(MemoryPoint(slot, text, DataType.VARIANT, made.initial, writable))
            # Each field has a history of its own; the variable as a whole has none to be read.
            builder.set_access(
                nodeid,
                add=READ | NONATOMIC_READ | (WRITE | NONATOMIC_WRITE if writable else 0),
                remove=HISTORY_READ | (0 if writable else WRITE),
            )
        return PlannedStructures(variables, memory)

    def _structure_of(self, nodeid: ua.NodeId, name: str) -> NodeName:
        """Give the DataType of a variable's value: its own, or the one of the value that the NodeSet gave it.

        Raises :class:`FieldPathError` and :class:`DataTypeError`.
        """
        if not self._directory.is_variable(nodeid):
            raise FieldPathError(problem=f"{name} is no variable", mend="name a field of one of its variables")
        known = self._variables.get(nodeid)
        if known is not None:
            return known.structure
        text, _, rank = self._directory.data_type(nodeid)
        if rank > _SCALAR or rank < _SCALAR_OR_ONE:
            mend = "bind fields of variables that hold one structure"
            raise FieldPathError(problem="the variable is an array", mend=mend)
        data_type, types = NodeName.parse(text), self._codec.types
        given = self._directory.encoded_value(nodeid)
        held = self._codec.decode(given) if given is not None else None
        if held is not None and types.is_subtype(held.type, data_type):
            return held.type
        node = types.node(data_type)
        if types.built_in(data_type) is not BuiltInType.ExtensionObject:
            problem = f"the variable is {types.type_tag(data_type)}, which has no fields"
            raise FieldPathError(problem=problem, mend="leave the # and what follows it away")
        if node is None or node.is_abstract:
            problem = "the variable's DataType is abstract, so its fields are not known"
            raise FieldPathError(problem=problem, mend="give it a value in its NodeSet: its fields count then")
        return data_type


def _column(resolved: ResolvedField) -> DataType:
    """Give the type of a field's point. Raises :class:`FieldPathError`."""
    try:
        return DataType(int(resolved.built_in))
    except ValueError:
        problem = f"{resolved.text} is {resolved.built_in.name}, which no driver gives"
        raise FieldPathError(problem=problem, mend="leave it as memory") from None
