"""Checks the nodes of a model's files against each other: NodeIds, what they name, the hierarchy of types."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from nodesets.names import STANDARD_NAMESPACE, NodeName
from nodesets.nodes import (
    DataTypeNode,
    InstanceNode,
    MethodNode,
    Node,
    NodeClass,
    Reference,
    VariableNode,
    VariableTypeNode,
)
from nodesets.nodeset import NodeSet, Problem
from nodesets.parsing.places import Spot, locate
from nodesets.standard import HAS_SUBTYPE, HIERARCHICAL_REFERENCES
from nodesets.subtype_order import DEEPEST, circles, shown, too_deep

_REFERENCES = ("References", "Reference")
_FIELDS = ("Definition", "Field")
_CALLED = {
    NodeClass.OBJECT: "UAObject",
    NodeClass.VARIABLE: "UAVariable",
    NodeClass.METHOD: "UAMethod",
    NodeClass.VIEW: "UAView",
    NodeClass.OBJECT_TYPE: "UAObjectType",
    NodeClass.VARIABLE_TYPE: "UAVariableType",
    NodeClass.DATA_TYPE: "UADataType",
    NodeClass.REFERENCE_TYPE: "UAReferenceType",
}
_NULL = NodeName(STANDARD_NAMESPACE, "i", 0)


class Consistency:
    """Everything that files know together. ``nodes`` has the first of those that share a NodeId."""

    def __init__(self, nodesets: Sequence[NodeSet], missing: frozenset[str]) -> None:
        """``missing``: URIs of models that no file has; references into them are not told again."""
        self.nodes: dict[NodeName, Node] = {}
        self._owners: dict[NodeName, NodeSet] = {}
        self._nodesets = nodesets
        self._defined = {model.uri for nodeset in nodesets for model in nodeset.header.models}
        # What is missing or breaks off is told once, not again by every reference into it.
        broken = [nodeset for nodeset in nodesets if not nodeset.complete]
        self._untold = missing | {model.uri for nodeset in broken for model in nodeset.header.models}
        for nodeset in nodesets:
            for node in nodeset.nodes:
                if self.nodes.setdefault(node.name, node) is node:
                    self._owners[node.name] = nodeset
        self._hierarchical = self._subtypes(HIERARCHICAL_REFERENCES)

    def problems(self, nodeset: NodeSet) -> Iterator[Problem]:
        """Give what is wrong with one file's nodes."""
        known = self.nodes
        same: list[Node] = []
        for node in nodeset.nodes:
            if known[node.name] is not node and not self._is_told(nodeset, node):
                same.append(node)
            for number, reference in enumerate(node.references):
                # Nearly all is right: the ways to be wrong are looked at only where a lookup fails.
                kind = known.get(reference.type)
                if kind is None or kind.node_class is not NodeClass.REFERENCE_TYPE or reference.target not in known:
                    spot = _spot(nodeset, node, number)
                    yield from self._check(reference.type, spot, "ReferenceType", NodeClass.REFERENCE_TYPE)
                    if not self._may_dangle(node, reference):
                        yield from self._check(reference.target, spot, "Reference")
            yield from self._attributes(node)
        yield from self._duplicates(same)

    def remarks(self, nodeset: NodeSet) -> Iterator[Problem]:
        """Give the references of a file that lead nowhere and may."""
        for node in nodeset.nodes:
            for number, reference in enumerate(node.references):
                if reference.target not in self.nodes and self._may_dangle(node, reference):
                    spot = _spot(nodeset, node, number)
                    for problem in self._check(reference.target, spot, "Reference"):
                        yield problem._replace(
                            mend="it is kept and leads nowhere; a newer file of that model may have it"
                        )

    def strangers(self) -> set[NodeName]:
        """Give the NodeIds that references, types and fields name and no file has."""
        known = self.nodes
        found: set[NodeName] = set()
        for nodeset in self._nodesets:
            for node in nodeset.nodes:
                found.update(one.target for one in node.references if one.target not in known)
                if isinstance(node, (VariableNode, VariableTypeNode)) and node.data_type not in known:
                    found.add(node.data_type)
        return found

    def disorder(self) -> Iterator[tuple[NodeSet, Problem]]:
        """Give what is wrong with HasSubtype: a type that is its own subtype, or one of too many, would never end."""
        supertypes = self._supertypes()
        for circle in circles(supertypes):
            yield self._circle(circle)
        for name in too_deep(supertypes):
            node = self.nodes.get(name)
            if node is not None:
                problem = f"the type {name} has more than {DEEPEST} supertypes"
                yield self._owners[name], Problem(Spot(node.position), problem, "derive it from a more general type")

    def _may_dangle(self, node: Node, reference: Reference) -> bool:
        """Tell whether a reference may lead nowhere: published files name dictionary entries that no file has.

        Nothing hangs on a reference that is not hierarchical (Part 3 v1.05 5.3.3.1 lets targets be missing).
        """
        target = reference.target
        others = target.namespace not in (node.name.namespace, STANDARD_NAMESPACE) and target.namespace in self._defined
        return others and reference.type not in self._hierarchical

    def _is_told(self, nodeset: NodeSet, node: Node) -> bool:
        """Tell whether the file with the earlier node is one of the same model, which is an error of its own."""
        other = self._owners[node.name]
        models = {model.uri for model in nodeset.header.models}
        return other is not nodeset and any(model.uri in models for model in other.header.models)

    def _attributes(self, node: Node) -> Iterator[Problem]:
        spot = Spot(node.position)
        if isinstance(node, InstanceNode) and node.parent is not None and node.parent not in self.nodes:
            yield from self._check(node.parent, spot, "ParentNodeId")
        if isinstance(node, (VariableNode, VariableTypeNode)):
            yield from self._data_type(node.data_type, spot, "DataType")
        elif isinstance(node, DataTypeNode) and node.definition is not None:
            for number, field in enumerate(node.definition.fields):
                where = Spot(node.position, number, _FIELDS)
                yield from self._data_type(field.data_type, where, f"field {field.name!r}: DataType")
        elif isinstance(node, MethodNode) and node.method_declaration is not None:
            yield from self._check(node.method_declaration, spot, "MethodDeclarationId", NodeClass.METHOD)

    def _data_type(self, name: NodeName, spot: Spot, what: str) -> Iterator[Problem]:
        kind = self.nodes.get(name)
        if (kind is None or kind.node_class is not NodeClass.DATA_TYPE) and name != _NULL:
            yield from self._check(name, spot, what, NodeClass.DATA_TYPE)

    def _duplicates(self, nodes: Sequence[Node]) -> Iterator[Problem]:
        """Give those that have the NodeId of an earlier one. Each file is read once for the places of all."""
        spots: dict[Path, list[Spot]] = {}
        for node in nodes:
            spots.setdefault(self._owners[node.name].file, []).append(Spot(self.nodes[node.name].position))
        places = {file: locate(file, wanted) for file, wanted in spots.items()}
        for node in nodes:
            first = places[self._owners[node.name].file][Spot(self.nodes[node.name].position)]
            problem = f"the NodeId {node.name} is already that of the node at {first}"
            yield Problem(Spot(node.position), problem, "give one of the two another NodeId")

    def _check(self, name: NodeName, spot: Spot, what: str, node_class: NodeClass | None = None) -> Iterator[Problem]:
        node = self.nodes.get(name)
        if node is None:
            if name.namespace not in self._untold:
                yield Problem(spot, f"{what} {name}: no such node", self._mend(name))
        elif node_class is not None and node.node_class is not node_class:
            found, wanted = _CALLED[node.node_class], _CALLED[node_class]
            yield Problem(
                spot, f"{what} {name} is a {found} ({node.browse_name.name!r}), not a {wanted}", f"name a {wanted}"
            )

    def _mend(self, name: NodeName) -> str:
        if name.namespace == STANDARD_NAMESPACE:
            return "the standard namespace has no such node; correct the NodeId"
        if name.namespace not in self._defined:
            return f"no file listed defines {name.namespace}; add a RequiredModel and its file, or correct the NodeId"
        return "add the node, or correct the NodeId"

    def _supertypes(self) -> Mapping[NodeName, list[NodeName]]:
        supertypes: dict[NodeName, list[NodeName]] = {}
        for node in self.nodes.values():
            for reference in node.references:
                if reference.type == HAS_SUBTYPE:
                    pair = (reference.target, node.name) if reference.forward else (node.name, reference.target)
                    supertypes.setdefault(pair[0], []).append(pair[1])
        return supertypes

    def _subtypes(self, name: NodeName) -> set[NodeName]:
        below: dict[NodeName, list[NodeName]] = {}
        for node in self.nodes.values():
            if node.node_class is NodeClass.REFERENCE_TYPE:
                for kind, target, forward in node.references:
                    if kind == HAS_SUBTYPE:
                        above, under = (node.name, target) if forward else (target, node.name)
                        below.setdefault(above, []).append(under)
        found = {name}
        queue = [name]
        for one in queue:
            new = [under for under in below.get(one, ()) if under not in found]
            found.update(new)
            queue += new
        return found

    def _circle(self, circle: list[NodeName]) -> tuple[NodeSet, Problem]:
        members = [self.nodes[name] for name in circle if name in self.nodes]
        first = min(members, key=lambda node: node.position)
        problem = f"the types are subtypes of each other: {shown(circle)}"
        return self._owners[first.name], Problem(Spot(first.position), problem, "remove one HasSubtype")


def _spot(nodeset: NodeSet, node: Node, number: int) -> Spot:
    """Give the spot of a record's reference: those that could not be read are not counted in the record."""
    unread = nodeset.unread_references.get(node.position, ())
    before = bisect_right(range(len(unread)), number, key=lambda index: unread[index] - index)
    return Spot(node.position, number + before, _REFERENCES)
