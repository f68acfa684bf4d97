"""Lean nodes: what Plantspace adds to the address space itself, a tenth of the size of asyncua's own adding.

Attributes that are equal for many nodes are one shared object, and a point's Value attribute holds nothing at all:
Reads are answered from the process image (:mod:`server.ua_stack.point_access`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from typing import Any

from asyncua import ua
from asyncua.server.address_space import AddressSpace, AttributeValue, NodeData

HAS_PROPERTY = ua.NodeId(ua.Int32(ua.ObjectIds.HasProperty))
HAS_COMPONENT = ua.NodeId(ua.Int32(ua.ObjectIds.HasComponent))
ORGANIZES = ua.NodeId(ua.Int32(ua.ObjectIds.Organizes))
HAS_TYPE = ua.NodeId(ua.Int32(ua.ObjectIds.HasTypeDefinition))
HAS_SUBTYPE = ua.NodeId(ua.Int32(ua.ObjectIds.HasSubtype))
HAS_NOTIFIER = ua.NodeId(ua.Int32(ua.ObjectIds.HasNotifier))
_PROPERTY_TYPE = ua.NodeId(ua.Int32(ua.ObjectIds.PropertyType))
_NO_TYPE = ua.NodeId()

ReadValue = Callable[[], ua.DataValue]
READ, WRITE, HISTORY_READ = 0x01, 0x02, 0x04
"""Bits of AccessLevel (Part 3 v1.05 8.57)."""


@cache
def _shared(value: Any, kind: ua.VariantType) -> AttributeValue:
    """Give the one attribute that all nodes with this value hold; nobody writes it in place: writes replace it."""
    return AttributeValue(ua.DataValue(ua.Variant(value, kind)))


def _own(value: Any, kind: ua.VariantType) -> AttributeValue:
    return AttributeValue(ua.DataValue(ua.Variant(value, kind)))


class NodeBuilder:
    """Adds nodes and references to an address space before it is served."""

    def __init__(self, aspace: AddressSpace) -> None:
        """Add to ``aspace``."""
        self._aspace = aspace
        self._described: dict[tuple[ua.NodeId, ua.NodeId, bool], ua.ReferenceDescription] = {}
        """References that are equal for many sources: to a type, back to a parent."""

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
        node = self._begin(nodeid, ua.NodeClass.Object, name, description, name_namespace)
        node.attributes[ua.AttributeIds.EventNotifier] = _own(1 if notifies else 0, ua.VariantType.Byte)
        kind = type_definition or ua.NodeId(ua.Int32(ua.ObjectIds.BaseObjectType))
        self._finish(node, parent, reference, kind)
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
        node = self._begin(nodeid, ua.NodeClass.Variable, name, description, name_namespace)
        node.attributes[ua.AttributeIds.DataType] = _shared_node(data_type)
        node.attributes[ua.AttributeIds.ValueRank] = _shared(value_rank, ua.VariantType.Int32)
        node.attributes[ua.AttributeIds.AccessLevel] = _shared(access, ua.VariantType.Byte)
        node.attributes[ua.AttributeIds.UserAccessLevel] = _shared(access, ua.VariantType.Byte)
        node.attributes[ua.AttributeIds.Historizing] = _shared(historizing, ua.VariantType.Boolean)
        node.attributes[ua.AttributeIds.MinimumSamplingInterval] = _shared(interval, ua.VariantType.Double)
        if read is not None or value is not None:
            held = AttributeValue(ua.DataValue(value))
            if read is not None:
                held.value = None
                held.value_callback = _ignoring_arguments(read)
            node.attributes[ua.AttributeIds.Value] = held
        else:
            node.attributes[ua.AttributeIds.Value] = _POINT_VALUE
        kind = type_definition or ua.NodeId(ua.Int32(ua.ObjectIds.BaseDataVariableType))
        self._finish(node, parent, reference, kind)
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
        node = self._begin(nodeid, ua.NodeClass.Method, name, description, name_namespace)
        node.attributes[ua.AttributeIds.Executable] = _shared(value=True, kind=ua.VariantType.Boolean)
        node.attributes[ua.AttributeIds.UserExecutable] = _shared(value=True, kind=ua.VariantType.Boolean)
        node.call = call
        self._finish(node, parent, HAS_COMPONENT, None)
        return nodeid

    def refer(self, source: ua.NodeId, reference: ua.NodeId, target: ua.NodeId) -> None:
        """Add a reference between two nodes, both ways."""
        self._link(self._aspace[source], self._aspace[target], reference)

    def set_access(self, nodeid: ua.NodeId, *, add: int = 0, remove: int = 0) -> None:
        """Change bits of a variable's AccessLevel and UserAccessLevel."""
        node = self._aspace[nodeid]
        for attribute in (ua.AttributeIds.AccessLevel, ua.AttributeIds.UserAccessLevel):
            held = node.attributes.get(attribute)
            level = int(held.value.Value.Value or 0) if held and held.value and held.value.Value else READ
            node.attributes[attribute] = _shared((level | add) & ~remove, ua.VariantType.Byte)

    def set_historizing(self, nodeid: ua.NodeId) -> None:
        """Say that a variable's history is kept and can be read."""
        self._aspace[nodeid].attributes[ua.AttributeIds.Historizing] = _shared(value=True, kind=ua.VariantType.Boolean)
        self.set_access(nodeid, add=HISTORY_READ)

    def set_reader(self, nodeid: ua.NodeId, read: ReadValue) -> None:
        """Answer an existing variable's Value by ``read``."""
        held = AttributeValue(ua.DataValue())
        held.value = None
        held.value_callback = _ignoring_arguments(read)
        self._aspace[nodeid].attributes[ua.AttributeIds.Value] = held

    def set_method(self, nodeid: ua.NodeId, call: Callable[..., Any]) -> None:
        """Let an existing method call ``call``."""
        self._aspace[nodeid].call = call

    def _begin(
        self,
        nodeid: ua.NodeId,
        node_class: ua.NodeClass,
        name: str,
        description: str,
        name_namespace: int | None = None,
    ) -> NodeData:
        if nodeid in self._aspace:
            message = f"the node {nodeid.to_string()} exists already"
            raise ValueError(message)
        node = NodeData(nodeid)
        index = int(nodeid.NamespaceIndex if name_namespace is None else name_namespace)
        browse_name, display_name = _names(name, index)
        node.attributes = {
            ua.AttributeIds.NodeId: _own(nodeid, ua.VariantType.NodeId),
            ua.AttributeIds.NodeClass: _shared(node_class, ua.VariantType.Int32),
            ua.AttributeIds.BrowseName: browse_name,
            ua.AttributeIds.DisplayName: display_name,
            ua.AttributeIds.WriteMask: _shared(0, ua.VariantType.UInt32),
            ua.AttributeIds.UserWriteMask: _shared(0, ua.VariantType.UInt32),
        }
        if description:
            text = ua.LocalizedText(ua.String(description))
            node.attributes[ua.AttributeIds.Description] = _own(text, ua.VariantType.LocalizedText)
        return node

    def _finish(
        self,
        node: NodeData,
        parent: ua.NodeId,
        reference: ua.NodeId,
        type_definition: ua.NodeId | None,
    ) -> None:
        self._aspace[node.nodeid] = node
        above = self._aspace[parent]
        if type_definition is not None:
            node.references.append(self._shared_description(HAS_TYPE, self._aspace[type_definition], forward=True))
        above.references.append(_describe(reference, node, forward=True, type_definition=type_definition))
        node.references.append(self._shared_description(reference, above, forward=False))

    def _shared_description(self, reference: ua.NodeId, target: NodeData, *, forward: bool) -> ua.ReferenceDescription:
        key = (reference, target.nodeid, forward)
        described = self._described.get(key)
        if described is None:
            described = _describe(reference, target, forward=forward, type_definition=_type_of(target))
            self._described[key] = described
        return described

    def _link(self, source: NodeData, target: NodeData, reference: ua.NodeId) -> None:
        source.references.append(_describe(reference, target, forward=True, type_definition=_type_of(target)))
        target.references.append(_describe(reference, source, forward=False, type_definition=_type_of(source)))


@lru_cache(maxsize=1024)
def _names(name: str, index: int) -> tuple[AttributeValue, AttributeValue]:
    """Give BrowseName and DisplayName; properties of many nodes share theirs."""
    qualified = ua.QualifiedName(ua.String(name), ua.Int16(index))
    text = ua.LocalizedText(ua.String(name))
    return _own(qualified, ua.VariantType.QualifiedName), _own(text, ua.VariantType.LocalizedText)


_POINT_VALUE = AttributeValue(ua.DataValue())
"""Stands for every point's Value; it is read and written through the process image alone."""


@cache
def _shared_node(nodeid: ua.NodeId) -> AttributeValue:
    return AttributeValue(ua.DataValue(ua.Variant(nodeid, ua.VariantType.NodeId)))


def _ignoring_arguments(read: ReadValue) -> Callable[[ua.NodeId, ua.AttributeIds], ua.DataValue]:
    def callback(_nodeid: ua.NodeId, _attribute: ua.AttributeIds) -> ua.DataValue:
        return read()

    return callback


def attribute(node: NodeData, which: ua.AttributeIds) -> Any:
    """Give the plain value of one of a node's constant attributes, or None."""
    held = node.attributes.get(which)
    if held is None or held.value is None or held.value.Value is None:
        return None
    return held.value.Value.Value


def forward(node: NodeData, *types: ua.NodeId) -> Iterator[ua.ReferenceDescription]:
    """Give a node's forward references of exactly these types."""
    return (one for one in node.references if one.IsForward and one.ReferenceTypeId in types)


def _type_of(node: NodeData) -> ua.NodeId | None:
    return next((one.NodeId for one in forward(node, HAS_TYPE)), None)


def _describe(
    reference: ua.NodeId, target: NodeData, *, forward: bool, type_definition: ua.NodeId | None
) -> ua.ReferenceDescription:
    # Every field is given: the class would make defaults for each, at three times the price of the node.
    return ua.ReferenceDescription(
        ReferenceTypeId=reference,
        IsForward=forward,
        NodeId=target.nodeid,  # type: ignore[arg-type]  # asyncua keeps plain NodeIds where it declares expanded ones
        BrowseName=attribute(target, ua.AttributeIds.BrowseName),
        DisplayName=attribute(target, ua.AttributeIds.DisplayName),
        NodeClass=attribute(target, ua.AttributeIds.NodeClass),
        TypeDefinition=type_definition if type_definition is not None else _NO_TYPE,  # type: ignore[arg-type]  # as above
    )
