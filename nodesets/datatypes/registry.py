"""The DataTypes of one model, by NodeId: what each reduces to, what it is made of, which encodings it has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar, cast

from nodesets.built_in_types import BuiltInType
from nodesets.datatypes.description import (
    Description,
    EnumerationDescription,
    OptionSetDescription,
    StructureDescription,
    element_name,
)
from nodesets.datatypes.problems import DataTypeError
from nodesets.datatypes.resolving import describe_enumeration, describe_option_set, describe_structure
from nodesets.names import STANDARD_NAMESPACE, NodeName
from nodesets.nodes import DataTypeNode, Node, ObjectNode

DEFAULT_BINARY = "Default Binary"
DEFAULT_XML = "Default XML"
DEFAULT_JSON = "Default JSON"

_HAS_SUBTYPE = NodeName.standard(45)
_HAS_ENCODING = NodeName.standard(38)
_ENUMERATION = NodeName.standard(29)
_OPTION_SET = NodeName.standard(12755)
_ENCODING_NAMES = {DEFAULT_BINARY, DEFAULT_XML, DEFAULT_JSON}
# BaseDataType, Number, Integer and UInteger are abstract: a value of theirs says its own type (Part 6 v1.05 5.1.2).
_ROOTS = {NodeName.standard(int(one)): one for one in BuiltInType if one is not BuiltInType.Null}
_ROOTS.update((NodeName.standard(number), BuiltInType.Variant) for number in (24, 26, 27, 28))
_ROOTS[_ENUMERATION] = BuiltInType.Int32

_Made = TypeVar("_Made")


@dataclass(slots=True)
class _Tables:
    """What follows from the nodes; made anew after they have changed."""

    supertypes: dict[NodeName, NodeName] = field(default_factory=dict[NodeName, NodeName])
    lineages: dict[NodeName, tuple[NodeName, ...]] = field(default_factory=dict[NodeName, tuple[NodeName, ...]])
    encodings: dict[NodeName, dict[str, NodeName]] = field(default_factory=dict[NodeName, dict[str, NodeName]])
    encoded: dict[NodeName, NodeName] = field(default_factory=dict[NodeName, NodeName])
    made: dict[object, object] = field(default_factory=dict[object, object])


class TypeRegistry:
    """DataTypes of one model. Nodes that are neither DataTypes nor encodings may be given and are passed over."""

    def __init__(self) -> None:
        """Begin with no types."""
        self._types: dict[NodeName, DataTypeNode] = {}
        self._encoding_nodes: dict[NodeName, ObjectNode] = {}
        self._made: _Tables | None = None

    @classmethod
    def of(cls, nodes: Iterable[Node]) -> TypeRegistry:
        """Make the registry of a model from the nodes of all of its files."""
        registry = cls()
        registry.add(nodes)
        return registry

    def copy(self) -> TypeRegistry:
        """Give a registry that can be changed without changing this one."""
        registry = TypeRegistry()
        registry._types = self._types.copy()
        registry._encoding_nodes = self._encoding_nodes.copy()
        return registry

    def add(self, nodes: Iterable[Node]) -> None:
        """Add nodes; one whose NodeId is known takes the known one's place."""
        for node in nodes:
            if isinstance(node, DataTypeNode):
                self._types[node.name] = node
            elif isinstance(node, ObjectNode) and node.browse_name.name in _ENCODING_NAMES:
                self._encoding_nodes[node.name] = node
        self._made = None

    def remove(self, names: Iterable[NodeName]) -> None:
        """Remove nodes; names that are not known are passed over."""
        for name in names:
            self._types.pop(name, None)
            self._encoding_nodes.pop(name, None)
        self._made = None

    def __contains__(self, name: NodeName) -> bool:
        return name in self._types

    def __iter__(self) -> Iterator[NodeName]:
        return iter(self._types)

    def __len__(self) -> int:
        return len(self._types)

    def node(self, name: NodeName) -> DataTypeNode | None:
        """Give a DataType's record."""
        return self._types.get(name)

    def supertypes(self, name: NodeName) -> list[NodeName]:
        """Give the supertypes, the nearest first. A cycle ends where it closes."""
        return list(self._lineage(name))

    def is_subtype(self, name: NodeName, ancestor: NodeName) -> bool:
        """Tell whether a type is ``ancestor`` or one of its subtypes."""
        return name == ancestor or ancestor in self._lineage(name)

    def built_in(self, name: NodeName) -> BuiltInType:
        """Give the built-in type that values are encoded as; Variant for an abstract type such as Number.

        Raises :class:`DataTypeError` where the supertypes lead to none.
        """
        return self.memo(("built-in", name), lambda: self._reduce(name))

    def type_tag(self, name: NodeName) -> str:
        """Give the name of an XML element of the type: SymbolicName, BrowseName, or the built-in type's name."""
        node = self._types.get(name)
        if node is None:
            return self.built_in(name).name
        symbolic = node.symbolic_name or (node.definition.symbolic_name if node.definition else None)
        return element_name(symbolic or node.browse_name.name or "")

    def describe(self, name: NodeName) -> Description:
        """Describe a structure, union, option set or enumeration.

        Raises :class:`DataTypeError` for a type that is none of these, and for one that the model does not describe.
        """
        reduced = self.built_in(name)
        if reduced is BuiltInType.ExtensionObject:
            return self.option_set(name) if self.is_subtype(name, _OPTION_SET) else self.structure(name)
        return self.enumeration(name) if self.is_subtype(name, _ENUMERATION) else self.option_set(name)

    def structure(self, name: NodeName) -> StructureDescription:
        """Describe the fields of a structure, a union or an OptionSet.

        Raises :class:`DataTypeError` where the model does not describe them: an unknown or opaque type, a field of such
        a type, a type that contains itself.
        """
        return self.memo(("structure", name), lambda: describe_structure(self, name))

    def enumeration(self, name: NodeName) -> EnumerationDescription:
        """Describe an enumeration. Raises :class:`DataTypeError` where the model does not."""
        return self.memo(("enumeration", name), lambda: describe_enumeration(self, name))

    def option_set(self, name: NodeName) -> OptionSetDescription:
        """Describe the bits of an option set. Raises :class:`DataTypeError` where the model does not."""
        return self.memo(("option set", name), lambda: describe_option_set(self, name))

    def encodings(self, name: NodeName) -> dict[str, NodeName]:
        """Give the encodings of a DataType by BrowseName (``Default Binary``)."""
        return self._tables.encodings.get(name, {})

    def data_type_of(self, name: NodeName) -> NodeName | None:
        """Give the DataType that ``name`` is an encoding of, or ``name`` where it is a DataType itself."""
        found = self._tables.encoded.get(name)
        return found if found is not None else name if name in self._types else None

    def memo(self, key: object, make: Callable[[], _Made]) -> _Made:
        """Give what ``make`` gave for ``key``, made once. Forgotten when types are added or removed."""
        made = self._tables.made
        try:
            found = made[key]
        except KeyError:
            found = made[key] = _outcome(make)
        if isinstance(found, DataTypeError):
            raise DataTypeError(found.type_name, found.problem, found.mend)
        return cast("_Made", found)

    def _lineage(self, name: NodeName) -> tuple[NodeName, ...]:
        tables = self._tables
        known = tables.lineages.get(name)
        if known is None:
            found: dict[NodeName, None] = {name: None}
            current = tables.supertypes.get(name)
            while current is not None and current not in found:
                found[current] = None
                current = tables.supertypes.get(current)
            known = tables.lineages[name] = tuple(found)[1:]
        return known

    @property
    def _tables(self) -> _Tables:
        if self._made is None:
            self._made = self._tabulate()
        return self._made

    def _tabulate(self) -> _Tables:
        tables = _Tables()
        for node in (*self._types.values(), *self._encoding_nodes.values()):
            for reference in node.references:
                source, target = (node.name, reference.target) if reference.forward else (reference.target, node.name)
                if reference.type == _HAS_SUBTYPE:
                    tables.supertypes.setdefault(target, source)
                elif reference.type == _HAS_ENCODING:
                    tables.encoded.setdefault(target, source)
        for encoding, data_type in tables.encoded.items():
            node = self._encoding_nodes.get(encoding)
            if node is not None:
                tables.encodings.setdefault(data_type, {}).setdefault(str(node.browse_name.name), encoding)
        return tables

    def _reduce(self, name: NodeName) -> BuiltInType:
        found = _ROOTS.get(name)
        if found is not None:
            return found
        for one in self._lineage(name):
            found = _ROOTS.get(one)
            if found is not None:
                return found
        if name not in self._types:
            standard = name.namespace == STANDARD_NAMESPACE
            mend = "add the standard NodeSet" if standard else f"add the NodeSet of {name.namespace}"
            raise DataTypeError(name, "the model does not have it", mend)
        raise DataTypeError(name, "its supertypes lead to no built-in type", "correct its HasSubtype references")


def _outcome(make: Callable[[], object]) -> object:
    try:
        return make()
    except DataTypeError as error:
        return error.with_traceback(None)
