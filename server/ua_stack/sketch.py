"""A sketch of models that cannot be loaded: their nodes without values, enough to look names and types up in.

With it the bindings, operators and datasets of a configuration are checked in the same run as the NodeSet that is
wrong. Nothing is ever served from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from asyncua import ua
from asyncua.server.address_space import AddressSpace, AttributeValue, NodeData

from nodesets.names import NodeName
from nodesets.outline import NodeClass, Outline, OutlineNode, Reference
from server.ua_stack.nodeids import NodeIds, UnknownNamespaceError
from server.ua_stack.nodes import HAS_SUBTYPE, forward
from server.ua_stack.stack import UaStack

_ROOT = ua.NodeId(ua.Int32(ua.ObjectIds.RootFolder))
_HIERARCHICAL = ua.NodeId(ua.Int32(ua.ObjectIds.HierarchicalReferences))
_BASE_DATA_TYPE = ua.NodeId(ua.Int32(ua.ObjectIds.BaseDataType))
_CLASSES = {
    NodeClass.OBJECT: ua.NodeClass.Object,
    NodeClass.VARIABLE: ua.NodeClass.Variable,
    NodeClass.METHOD: ua.NodeClass.Method,
    NodeClass.VIEW: ua.NodeClass.View,
    NodeClass.OBJECT_TYPE: ua.NodeClass.ObjectType,
    NodeClass.VARIABLE_TYPE: ua.NodeClass.VariableType,
    NodeClass.DATA_TYPE: ua.NodeClass.DataType,
    NodeClass.REFERENCE_TYPE: ua.NodeClass.ReferenceType,
}


async def sketch(stack: UaStack, outlines: Sequence[Outline]) -> frozenset[str]:
    """Add the nodes of outlines to an address space; references that lead nowhere are left out.

    Gives the BrowseNames of nodes that no path from Root leads to, because what should lead there is wrong.
    """
    for outline in outlines:
        for uri in outline.namespaces:
            await stack.register_namespace(uri)
    nodeids = await stack.namespaces()
    space = stack.internal.aspace
    nodes = [node for outline in outlines for node in outline.nodes]
    for node in nodes:
        nodeid = nodeids.from_name(node.name)
        if nodeid not in space:
            space[nodeid] = _node(node, nodeid, nodeids)
    for node in nodes:
        for reference in node.references:
            _link(stack, nodeids, nodeids.from_name(node.name), reference)
    reached = _reached(space)
    return frozenset(node.browse_name[1] for node in nodes if nodeids.from_name(node.name) not in reached)


def _node(node: OutlineNode, nodeid: ua.NodeId, nodeids: NodeIds) -> NodeData:
    made = NodeData(nodeid)
    made.attributes[ua.AttributeIds.NodeClass] = _attribute(_CLASSES[node.node_class], ua.VariantType.Int32)
    uri, name = node.browse_name
    qualified = ua.QualifiedName(ua.String(name), ua.Int16(nodeids.index_of(uri)))
    made.attributes[ua.AttributeIds.BrowseName] = _attribute(qualified, ua.VariantType.QualifiedName)
    if node.node_class in (NodeClass.VARIABLE, NodeClass.VARIABLE_TYPE):
        data_type = _known(nodeids, node.data_type) if node.data_type is not None else _BASE_DATA_TYPE
        made.attributes[ua.AttributeIds.DataType] = _attribute(data_type or _BASE_DATA_TYPE, ua.VariantType.NodeId)
        made.attributes[ua.AttributeIds.ValueRank] = _attribute(node.value_rank, ua.VariantType.Int32)
        made.attributes[ua.AttributeIds.AccessLevel] = _attribute(node.access_level, ua.VariantType.Byte)
        made.attributes[ua.AttributeIds.Historizing] = _attribute(node.historizing, ua.VariantType.Boolean)
    return made


def _attribute(value: Any, kind: ua.VariantType) -> AttributeValue:
    return AttributeValue(ua.DataValue(ua.Variant(value, kind)))


def _known(nodeids: NodeIds, name: NodeName) -> ua.NodeId | None:
    try:
        return nodeids.from_name(name)
    except UnknownNamespaceError:
        return None


def _link(stack: UaStack, nodeids: NodeIds, nodeid: ua.NodeId, reference: Reference) -> None:
    space = stack.internal.aspace
    kind, other = _known(nodeids, reference.type), _known(nodeids, reference.target)
    if kind is None or other is None or kind not in space or other not in space:
        return
    source, target = (nodeid, other) if reference.forward else (other, nodeid)
    # Files may write a reference at both of its ends.
    if all(known.NodeId != target for known in forward(space[source], kind)):
        stack.builder.refer(source, kind, target)


def _reached(space: AddressSpace) -> set[ua.NodeId]:
    """Walk from Root along all hierarchical references."""
    types = _closure(space, [_HIERARCHICAL], {HAS_SUBTYPE})
    return _closure(space, [_ROOT], types)


def _closure(space: AddressSpace, start: Iterable[ua.NodeId], types: set[ua.NodeId]) -> set[ua.NodeId]:
    queue = list(start)
    found = set(queue)
    for nodeid in queue:
        for reference in forward(space[nodeid], *types):
            if reference.NodeId not in found and reference.NodeId in space:
                found.add(reference.NodeId)
                queue.append(reference.NodeId)
    return found
