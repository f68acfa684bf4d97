"""One state of a model, as it is compared: its nodes, their references both ways, where each stands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from nodesets.datatypes.registry import TypeRegistry
from nodesets.differences.difference import Arc
from nodesets.model import Model
from nodesets.names import STANDARD_NAMESPACE, NodeName
from nodesets.nodes import InstanceNode, Node, ReferenceTypeNode
from nodesets.nodeset import NodeSet, nodes_of
from nodesets.standard import HAS_ENCODING, HAS_SUBTYPE, HIERARCHICAL_REFERENCES

_MOST_LEVELS = 30
_ROOT = NodeName.standard(84)
_HAS_DESCRIPTION = NodeName.standard(39)


class State:
    """``compared`` are the nodes to compare, ``nodes`` all that are known, ``arcs`` the references of the compared."""

    def __init__(self, said: Model | Sequence[NodeSet], models: Collection[str] | None) -> None:
        """Take a model, or files with the standard namespace's among them; ``models`` are compared, or all of them."""
        nodesets = said.nodesets if isinstance(said, Model) else said
        if isinstance(said, Model):
            self.nodes, self.types = said.nodes, said.types
        else:
            self.nodes = {node.name: node for node in reversed(nodes_of(nodesets))}
            self.types = TypeRegistry.of(self.nodes.values())
        chosen = [one for one in nodesets if models is None or any(entry.uri in models for entry in one.header.models)]
        self.compared = {node.name: node for node in nodes_of(chosen)}
        self.arcs = {arc for node in self.compared.values() for arc in _arcs(node)}
        self.by_source: dict[NodeName, list[Arc]] = defaultdict(list)
        for arc in sorted(self.arcs):
            self.by_source[arc.source].append(arc)
        self.hierarchical = self._subtypes(HIERARCHICAL_REFERENCES)
        self._parents = self._find_parents()

    def parent(self, name: NodeName) -> NodeName | None:
        """Give the node above: ParentNodeId where it is one, else another from which a hierarchical reference comes."""
        return self._parents.get(name)

    def path(self, name: NodeName) -> str:
        """Give the BrowseNames that lead to a node, from the nearest one of the standard namespace, or not compared."""
        names: list[str] = []
        current: NodeName | None = name
        while current is not None and current != _ROOT and len(names) < _MOST_LEVELS:
            node = self.nodes.get(current)
            names.append(str(current) if node is None else node.browse_name.name or "")
            at_anchor = current.namespace == STANDARD_NAMESPACE != name.namespace
            current = None if at_anchor else self.parent(current)
        return "/".join(reversed(names))

    def _find_parents(self) -> dict[NodeName, NodeName]:
        # A DataType's encodings hang on it by references that are not hierarchical.
        downward = self.hierarchical | {HAS_ENCODING, _HAS_DESCRIPTION}
        given = {
            node.name: node.parent
            for node in self.compared.values()
            if isinstance(node, InstanceNode) and node.parent is not None
        }
        found: dict[NodeName, NodeName] = {}
        for arc in sorted(self.arcs):
            if arc.type in downward and (arc.target not in found or given.get(arc.target) == arc.source):
                found[arc.target] = arc.source
        return found

    def _subtypes(self, name: NodeName) -> set[NodeName]:
        """Give a ReferenceType and its subtypes."""
        below: dict[NodeName, list[NodeName]] = defaultdict(list)
        for node in self.nodes.values():
            if isinstance(node, ReferenceTypeNode):
                for arc in _arcs(node):
                    if arc.type == HAS_SUBTYPE:
                        below[arc.source].append(arc.target)
        found = {name}
        pending = [name]
        while pending:
            new = [one for one in below[pending.pop()] if one not in found]
            found.update(new)
            pending += new
        return found


def _arcs(node: Node) -> list[Arc]:
    name = node.name
    return [
        Arc(name, kind, target) if forward else Arc(target, kind, name) for kind, target, forward in node.references
    ]
