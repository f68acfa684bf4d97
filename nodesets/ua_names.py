"""Between NodeIds by URI and asyncua's NodeIds by index, for a given NamespaceArray."""

# The seam on asyncua, whose annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportArgumentType=false
from __future__ import annotations

from collections.abc import Sequence

from asyncua import ua

from nodesets.names import NodeName, NodeNameError


def node_id(name: NodeName, namespaces: Sequence[str]) -> ua.NodeId:
    """Give asyncua's NodeId; raise :class:`NodeNameError` if the server does not have the namespace."""
    try:
        index = namespaces.index(name.namespace)
    except ValueError:
        problem = f"the namespace {name.namespace} is not among those loaded"
        raise NodeNameError(str(name), problem, "load the NodeSet that defines it, or correct the URI") from None
    return ua.NodeId(name.identifier, index)


def node_name(node: ua.NodeId, namespaces: Sequence[str]) -> NodeName:
    """Give the name by URI of one of the server's NodeIds; raise :class:`NodeNameError` for an unknown index."""
    return NodeName.parse_indexed(node.to_string(), namespaces)
