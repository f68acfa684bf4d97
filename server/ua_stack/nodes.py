"""Adds what the gateway makes itself to the address space: devices, points, operators, diagnostics.

A point's node holds no value: Reads are answered from the process image (:mod:`server.address_space.points`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

from asyncua import ua

from nodesets.built_in_types import LocalizedText
from nodesets.nodes import NodeClass
from server.address_space.asyncua_values import encode_variant
from server.address_space.keys import NodeKey, key_of
from server.address_space.node import BrowseName, Flag, ReadValue, SpaceNode, VariableAttributes
from server.address_space.space import AddressSpace

HAS_PROPERTY = ua.NodeId(ua.Int32(ua.ObjectIds.HasProperty))
HAS_COMPONENT = ua.NodeId(ua.Int32(ua.ObjectIds.HasComponent))
ORGANIZES = ua.NodeId(ua.Int32(ua.ObjectIds.Organizes))
HAS_TYPE = ua.NodeId(ua.Int32(ua.ObjectIds.HasTypeDefinition))
HAS_SUBTYPE = ua.NodeId(ua.Int32(ua.ObjectIds.HasSubtype))
_PROPERTY_TYPE = ua.NodeId(ua.Int32(ua.ObjectIds.PropertyType))
_BASE_OBJECT_TYPE = ua.NodeId(ua.Int32(ua.ObjectIds.BaseObjectType))
_BASE_VARIABLE_TYPE = ua.NodeId(ua.Int32(ua.ObjectIds.BaseDataVariableType))

READ, WRITE, HISTORY_READ = 0x01, 0x02, 0x04
"""Bits of AccessLevel (Part 3 v1.05 8.57)."""


class NodeBuilder:
    """Adds nodes and references to an address space."""

    def __init__(self, space: AddressSpace) -> None:
        """Add to ``space``."""
        self._space = space

    def add_object(
        self,
        parent: ua.NodeId,
        nodeid: ua.NodeId,
        name: str,
        *,
        reference: ua.NodeId = HAS_COMPONENT,
        type_definition: ua.NodeId | None = None,
        description: str = "",
        name_namespace: int | None = None,
        notifies: bool = False,
    ) -> ua.NodeId:
        """Add an object; of BaseObjectType if no type is named."""
        node = _node(nodeid, NodeClass.OBJECT, name, description, name_namespace)
        node.flags = 1 if notifies else 0
        self._add(node, parent, reference, type_definition or _BASE_OBJECT_TYPE)
        return nodeid

    def add_variable(
        self,
        parent: ua.NodeId,
        nodeid: ua.NodeId,
        name: str,
        data_type: ua.NodeId,
        *,
        access: int = READ,
        reference: ua.NodeId = HAS_COMPONENT,
        type_definition: ua.NodeId | None = None,
        value_rank: int = -1,
        historizing: bool = False,
        interval: float = 0.0,
        description: str = "",
        name_namespace: int | None = None,
        read: ReadValue | None = None,
        value: ua.Variant | None = None,
    ) -> ua.NodeId:
        """Add a variable whose value is a point's, or what ``read`` gives, or the constant ``value``.

        ``interval``: MinimumSamplingInterval in milliseconds. ``name_namespace``: the BrowseName's, where it is not the
        NodeId's.
        """
        node = _node(nodeid, NodeClass.VARIABLE, name, description, name_namespace)
        kind = key_of(data_type)
        node.variable = _attributes(kind, value_rank, (), access, access, interval, historizing=historizing)
        if read is not None:
            node.value = read
        elif value is not None:
            node.value = encode_variant(value)
        self._add(node, parent, reference, type_definition or _BASE_VARIABLE_TYPE)
        return nodeid

    def add_property(
        self,
        parent: ua.NodeId,
        nodeid: ua.NodeId,
        name: str,
        data_type: ua.NodeId,
        value: ua.Variant | None = None,
        *,
        access: int = READ,
        value_rank: int = -1,
        read: ReadValue | None = None,
        name_namespace: int = 0,
    ) -> ua.NodeId:
        """Add a property, by default one that the standard names (EURange, InputArguments)."""
        return self.add_variable(
            parent,
            nodeid,
            name,
            data_type,
            access=access,
            reference=HAS_PROPERTY,
            type_definition=_PROPERTY_TYPE,
            value_rank=value_rank,
            name_namespace=name_namespace,
            read=read,
            value=value,
        )

    def add_method(
        self,
        parent: ua.NodeId,
        nodeid: ua.NodeId,
        name: str,
        call: Callable[..., Any],
        description: str = "",
        name_namespace: int | None = None,
    ) -> ua.NodeId:
        """Add a method; ``call`` is a coroutine function of the object's NodeId and the input Variants."""
        node = _node(nodeid, NodeClass.METHOD, name, description, name_namespace)
        node.flags = Flag.EXECUTABLE
        node.definition = call
        self._add(node, parent, HAS_COMPONENT, None)
        return nodeid

    def refer(self, source: ua.NodeId, reference: ua.NodeId, target: ua.NodeId) -> None:
        """Add a reference between two nodes."""
        self._space.refer(key_of(source), key_of(reference), key_of(target))

    def set_access(self, nodeid: ua.NodeId, *, add: int = 0, remove: int = 0) -> None:
        """Change bits of a variable's AccessLevel and UserAccessLevel."""
        node, held = self._variable(nodeid)
        level = (held.access_level | add) & ~remove
        self._change(node, held._replace(access_level=level, user_access_level=level))

    def set_historizing(self, nodeid: ua.NodeId) -> None:
        """Say that a variable's history is kept and can be read."""
        self.set_access(nodeid, add=HISTORY_READ)
        node, held = self._variable(nodeid)
        self._change(node, held._replace(historizing=True))

    def set_reader(self, nodeid: ua.NodeId, read: ReadValue) -> None:
        """Answer an existing variable's Value by ``read``."""
        self._space[key_of(nodeid)].value = read

    def set_method(self, nodeid: ua.NodeId, call: Callable[..., Any]) -> None:
        """Let an existing method call ``call``."""
        self._space[key_of(nodeid)].definition = call

    def _variable(self, nodeid: ua.NodeId) -> tuple[SpaceNode, VariableAttributes]:
        node = self._space[key_of(nodeid)]
        if node.variable is None:
            message = f"the node {nodeid.to_string()} is no Variable"
            raise ValueError(message)
        return node, node.variable

    def _change(self, node: SpaceNode, attributes: VariableAttributes) -> None:
        node.variable = _attributes(*attributes[:-1], historizing=attributes.historizing)
        self._space.changed(node)

    def _add(self, node: SpaceNode, parent: ua.NodeId, reference: ua.NodeId, type_definition: ua.NodeId | None) -> None:
        above = key_of(parent)
        if above not in self._space:
            message = f"the node {parent.to_string()} is not there"
            raise KeyError(message)
        self._space.add(node)
        if type_definition is not None:
            self._space.refer(node.key, key_of(HAS_TYPE), key_of(type_definition))
        self._space.refer(above, key_of(reference), node.key)


def _node(
    nodeid: ua.NodeId, node_class: NodeClass, name: str, description: str, name_namespace: int | None
) -> SpaceNode:
    index = int(nodeid.NamespaceIndex if name_namespace is None else name_namespace)
    browse_name, display_name = _names(name, index)
    texts = (LocalizedText(None, description),) if description else ()
    return SpaceNode(key_of(nodeid), node_class, browse_name, display_name, texts)


@lru_cache(maxsize=1024)
def _names(name: str, index: int) -> tuple[BrowseName, tuple[LocalizedText, ...]]:
    """Give BrowseName and DisplayName; properties of many nodes share theirs."""
    return BrowseName(index, name), (LocalizedText(None, name),)


@cache
def _attributes(
    data_type: NodeKey,
    value_rank: int,
    dimensions: tuple[int, ...],
    access: int,
    user_access: int,
    interval: float,
    *,
    historizing: bool,
) -> VariableAttributes:
    """Give the one object that all variables with these attributes hold."""
    return VariableAttributes(data_type, value_rank, dimensions, access, user_access, interval, historizing)
