"""Write into asyncua's address space what our outline says of a file's nodes: attributes and references."""

# The seam on asyncua, whose annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownArgumentType=false, reportArgumentType=false
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from asyncua import Server, ua
from asyncua.server.address_space import AttributeValue

from core.errors import Findings
from nodesets.names import NodeName
from nodesets.outline import NodeClass, OutlineNode
from nodesets.standard import HAS_MODELLING_RULE, HAS_TYPE_DEFINITION
from nodesets.ua_names import node_id

# The inverse of these is of no use to a browsing client and would hang every instance on its type.
_ONE_WAY = frozenset({HAS_TYPE_DEFINITION, HAS_MODELLING_RULE})


class OutlineWriter:
    """Writes to the nodes of one outline, by their NodeIds in the server. What is left out is told in ``warnings``."""

    def __init__(
        self, server: Server, nodes: Mapping[ua.NodeId, OutlineNode], namespaces: Sequence[str], warnings: Findings
    ) -> None:
        """Write to a server whose NamespaceArray is ``namespaces``."""
        self._nodes = nodes
        self._array = namespaces
        self._warnings = warnings
        self._aspace = server.iserver.aspace
        self._service = server.iserver.node_mgt_service

    def set(self, node: ua.NodeId, attribute: ua.AttributeIds, value: Any, kind: ua.VariantType) -> None:
        """Set one attribute of a node."""
        is_array = isinstance(value, list)
        self._aspace[node].attributes[attribute] = AttributeValue(
            ua.DataValue(ua.Variant(value, kind, is_array=is_array))
        )

    def write_attributes(self) -> None:
        """Give every node the attributes of the file, or the defaults where it has none."""
        for key, node in self._nodes.items():
            if key not in self._aspace:
                continue
            if node.data_type is not None:
                self.set(key, ua.AttributeIds.DataType, self._id(node.data_type), ua.VariantType.NodeId)
                self.set(key, ua.AttributeIds.ValueRank, node.value_rank, ua.VariantType.Int32)
                dimensions = list(node.array_dimensions)
                self.set(key, ua.AttributeIds.ArrayDimensions, dimensions, ua.VariantType.UInt32)
            if node.node_class == NodeClass.VARIABLE:
                self._write_variable(key, node)
            elif node.node_class == NodeClass.METHOD:
                self.set(key, ua.AttributeIds.Executable, node.executable, ua.VariantType.Boolean)
                self.set(key, ua.AttributeIds.UserExecutable, node.executable, ua.VariantType.Boolean)

    def _write_variable(self, key: ua.NodeId, node: OutlineNode) -> None:
        # UserAccessLevel in a file is deprecated (Part 6 v1.05 F.9): what a user may do is the server's to say.
        level = node.access_level & 0xFF
        self.set(key, ua.AttributeIds.AccessLevel, level, ua.VariantType.Byte)
        self.set(key, ua.AttributeIds.UserAccessLevel, level, ua.VariantType.Byte)
        self.set(key, ua.AttributeIds.Historizing, node.historizing, ua.VariantType.Boolean)
        interval = node.minimum_sampling_interval
        self.set(key, ua.AttributeIds.MinimumSamplingInterval, interval, ua.VariantType.Double)

    def write_references(self) -> None:
        """Add every reference of the file, and its inverse, between nodes that exist."""
        pairs = [(node, reference) for node in self._nodes.values() for reference in node.references]
        # A reference's description carries its target's type definition, so these come first.
        pairs.sort(key=lambda pair: pair[1].type != HAS_TYPE_DEFINITION)
        for node, reference in pairs:
            source, target = self._id(node.name), self._id(reference.target)
            if source not in self._aspace:
                continue
            both = reference.type not in _ONE_WAY
            reason = self.refer(source, self._id(reference.type), target, forward=reference.forward, both=both)
            if reason:
                arrow = "to" if reference.forward else "from"
                problem = (
                    f"{node.name}: the reference {reference.type} {arrow} {reference.target} is left out: {reason}"
                )
                self._warnings.add(reference.place, problem)

    def _id(self, name: NodeName) -> ua.NodeId:
        return node_id(name, self._array)

    def refer(self, source: ua.NodeId, kind: ua.NodeId, target: ua.NodeId, *, forward: bool, both: bool) -> str:
        """Add a reference, and its inverse where ``both``; give the reason where it cannot be."""
        if target not in self._aspace:
            return "this server's address space does not have that node"
        items = [_item(source, kind, target, forward=forward)]
        if both:
            items.append(_item(target, kind, source, forward=not forward))
        codes = self._service.add_references(items)
        return "" if all(code.is_good() for code in codes) else "the opposite reference exists between the two"


def _item(source: ua.NodeId, kind: ua.NodeId, target: ua.NodeId, *, forward: bool) -> ua.AddReferencesItem:
    return ua.AddReferencesItem(
        SourceNodeId=source,
        ReferenceTypeId=kind,
        IsForward=forward,
        TargetNodeId=target,  # type: ignore[arg-type] - asyncua keeps what it is given, and its own code gives NodeIds
    )
