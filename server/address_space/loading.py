"""From records of NodeSet2 files to nodes: namespaces become indexes, values become bytes, equal things one object.

A load is all or nothing: everything that can fail does so before the address space is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar, cast

from core.errors import PlantspaceError
from nodesets.built_in_types import LocalizedText, Variant
from nodesets.names import NodeName
from nodesets.nodes import (
    DataTypeNode,
    MethodNode,
    Node,
    ObjectNode,
    Reference,
    ReferenceTypeNode,
    TypeNode,
    VariableNode,
    VariableTypeNode,
    ViewNode,
)
from server.address_space.keys import NodeKey
from server.address_space.node import (
    AccessAttributes,
    BrowseName,
    Flag,
    Link,
    RolePermission,
    SpaceNode,
    VariableAttributes,
)
from server.address_space.space import AddressSpace

EncodeValue = Callable[[Variant], bytes]
EncodeDefinition = Callable[[DataTypeNode], bytes | None]
_T = TypeVar("_T")


class LoadError(PlantspaceError):
    """Nodes cannot be loaded; nothing has been."""


class DanglingReference(NamedTuple):
    """A reference whose type or other end is nowhere; it is left out."""

    source: NodeName
    reference: Reference


def load_nodes(
    space: AddressSpace,
    nodes: Iterable[Node],
    namespaces: Sequence[str],
    encode_value: EncodeValue,
    encode_definition: EncodeDefinition,
) -> list[DanglingReference]:
    """Add nodes with their references, and give the references that lead nowhere.

    ``namespaces``: the NamespaceArray. ``encode_value`` writes a Variant; ``encode_definition`` a DataTypeDefinition as
    a Variant, or gives None where a DataType has none. A reference may be written at either of its ends, or both.

    Raises :class:`LoadError` for a node that exists already, comes twice or is of an unknown namespace, and whatever
    the encoders raise; then nothing has been added.
    """
    load = _Load(namespaces, encode_value, encode_definition)
    records = nodes if isinstance(nodes, (list, tuple)) else list(nodes)
    made: dict[NodeKey, SpaceNode] = {}
    for record in records:
        node = load.node(record)
        if node.key in made or node.key in space.nodes:
            message = f"the node {record.name} exists already"
            raise LoadError(message)
        made[node.key] = node
    links, dangling = load.links(records, made, space)
    space.add_all(made.values(), links)
    return dangling


class _Load:
    """What is known during one load: keys by name, and every equal thing but once. It ends with the load."""

    def __init__(
        self, namespaces: Sequence[str], encode_value: EncodeValue, encode_definition: EncodeDefinition
    ) -> None:
        self._index_of = {uri: index for index, uri in enumerate(namespaces)}
        self._encode_value = encode_value
        self._encode_definition = encode_definition
        self._keys: dict[NodeName, NodeKey] = {}
        self._equal: dict[object, object] = {}

    def node(self, record: Node) -> SpaceNode:
        uri, name = record.browse_name
        texts = self._once(record.display_name) or self._once((LocalizedText(None, name),))
        node = SpaceNode(
            self.key(record.name),
            record.node_class,
            self._once(BrowseName(self._index(uri), name or "")),
            texts,
            self._once(record.description) if record.description else (),
        )
        if (
            record.write_mask
            or record.access_restrictions is not None
            or record.role_permissions is not None
            or record.has_no_permissions
        ):
            node.access = self._access(record)
        match record:
            case VariableNode():
                node.variable = self._once(
                    VariableAttributes(
                        self.key(record.data_type),
                        record.value_rank,
                        record.array_dimensions,
                        record.access_level,
                        # A file's UserAccessLevel means nothing (Part 6 v1.05 F.8): rights are the server's to say.
                        record.access_level,
                        record.minimum_sampling_interval,
                        record.historizing,
                    )
                )
                node.value = self._value(record.value)
            case ObjectNode():
                node.flags = record.event_notifier
            case MethodNode():
                node.flags = Flag.EXECUTABLE if record.executable else 0
            case ViewNode():
                node.flags = record.event_notifier | (Flag.CONTAINS_NO_LOOPS if record.contains_no_loops else 0)
            case TypeNode():
                self._type(record, node)
            case _:
                pass
        return node

    def links(
        self, records: Iterable[Node], made: dict[NodeKey, SpaceNode], space: AddressSpace
    ) -> tuple[list[tuple[Link, Link]], list[DanglingReference]]:
        """Give each reference once, as its two ends have it, and those that lead nowhere."""
        found: dict[tuple[Link, NodeKey], tuple[Link, Link]] = {}
        dangling: list[DanglingReference] = []
        links: dict[Link, Link] = {}
        key_of, once, held = self._keys, links.setdefault, space.nodes
        for record in records:
            own = key_of[record.name]
            for reference in record.references:
                name, other, forward = reference
                kind = key_of.get(name)
                if kind is None:
                    kind = self._known_key(name)
                end = key_of.get(other)
                if end is None:
                    end = self._known_key(other)
                if (
                    kind is None
                    or end is None
                    or (kind not in made and kind not in held)
                    or (end not in made and end not in held)
                ):
                    dangling.append(DanglingReference(record.name, reference))
                    continue
                source, target = (own, end) if forward else (end, own)
                there = (kind, target)
                if (there, source) in found:
                    continue
                back = (kind, source)
                there = once(there, there)
                found[there, source] = (there, once(back, back))
        return list(found.values()), dangling

    def key(self, name: NodeName) -> NodeKey:
        """Give the key of a NodeId. Raises :class:`LoadError` for a namespace that the server has not got."""
        known = self._keys.get(name)
        if known is None:
            identifier, index = name.identifier, self._index(name.namespace)
            known = index << 32 | identifier if isinstance(identifier, int) else (index, identifier)
            self._keys[name] = known
        return known

    def _known_key(self, name: NodeName) -> NodeKey | None:
        return self.key(name) if name.namespace in self._index_of else None

    def _index(self, uri: str) -> int:
        try:
            return self._index_of[uri]
        except KeyError:
            message = f"no namespace of the server is {uri}"
            raise LoadError(message) from None

    def _once(self, value: _T) -> _T:
        """Give the one object for all equal values; tuples of two kinds are never equal here."""
        return cast("_T", self._equal.setdefault(value, value))

    def _value(self, value: Variant | None) -> bytes | None:
        return None if value is None else self._once(self._encode_value(value))

    def _access(self, record: Node) -> AccessAttributes:
        given = () if record.has_no_permissions else record.role_permissions
        permissions = (
            None if given is None else tuple(RolePermission(self.key(one.role), one.permissions) for one in given)
        )
        return self._once(AccessAttributes(record.write_mask, record.access_restrictions, permissions))

    def _type(self, record: TypeNode, node: SpaceNode) -> None:
        node.flags = Flag.IS_ABSTRACT if record.is_abstract else 0
        match record:
            case VariableTypeNode():
                node.variable = self._once(
                    VariableAttributes(self.key(record.data_type), record.value_rank, record.array_dimensions)
                )
                node.value = self._value(record.value)
            case ReferenceTypeNode():
                node.flags |= Flag.SYMMETRIC if record.symmetric else 0
                node.definition = self._once(record.inverse_name) if record.inverse_name else None
            case DataTypeNode():
                node.definition = self._encode_definition(record)
            case _:
                pass
