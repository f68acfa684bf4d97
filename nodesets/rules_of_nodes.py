"""What the standard asks of every node, and a server gets by without (Part 3 v1.05): who checks a file is told.

The 81 000 nodes of the published models keep all of these rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from nodesets.names import STANDARD_NAMESPACE, NodeName
from nodesets.nodes import Node, ObjectNode, TypeNode, VariableNode, VariableTypeNode
from nodesets.nodeset import NodeSet, Problem
from nodesets.parsing.places import Spot
from nodesets.standard import HAS_SUBTYPE, HAS_TYPE_DEFINITION

_ROOTS = frozenset(NodeName.standard(number) for number in (24, 31, 58, 62))
"""BaseDataType, References, BaseObjectType, BaseVariableType."""
_KNOWN = frozenset({HAS_SUBTYPE, HAS_TYPE_DEFINITION})


class RulesOfNodes:
    """Looks at a model's references once, wherever they are written."""

    def __init__(self, nodes: Mapping[NodeName, Node]) -> None:
        """Count type definitions and supertypes."""
        typed: dict[NodeName, set[NodeName]] = {}
        derived: set[NodeName] = set()
        for name, node in nodes.items():
            for kind, target, forward in node.references:
                if kind not in _KNOWN:
                    continue
                if kind == HAS_TYPE_DEFINITION:
                    source, definition = (name, target) if forward else (target, name)
                    typed.setdefault(source, set()).add(definition)
                else:
                    derived.add(target if forward else name)
        self._typed = Counter({name: len(definitions) for name, definitions in typed.items()})
        self._derived = derived

    def remarks(self, nodeset: NodeSet) -> Iterator[Problem]:
        """Give what breaks a rule in one file."""
        models = {model.uri for model in nodeset.header.models} | {STANDARD_NAMESPACE}
        for node in nodeset.nodes:
            spot = Spot(node.position)
            if node.name.namespace not in models:
                problem = f"the node {node.name} is of a namespace that no Model of the file has"
                yield Problem(spot, problem, "add a Model for it, or correct the namespace index")
            if isinstance(node, (ObjectNode, VariableNode)):
                yield from self._type_definition(node, spot)
            if isinstance(node, (VariableNode, VariableTypeNode)):
                dimensions = node.array_dimensions
                if dimensions and len(dimensions) != node.value_rank:
                    problem = f"ArrayDimensions has {len(dimensions)} lengths, and ValueRank is {node.value_rank}"
                    yield Problem(spot, problem, "give as many lengths as ValueRank says, or none")
            if isinstance(node, TypeNode) and node.name not in self._derived and node.name not in _ROOTS:
                problem = f"the type {node.name} has no supertype"
                yield Problem(spot, problem, "add the HasSubtype reference from its supertype")

    def _type_definition(self, node: Node, spot: Spot) -> Iterator[Problem]:
        # Part 3 v1.05 7.13: exactly one.
        count = self._typed[node.name]
        if count != 1:
            problem = f"the node {node.name} has {count or 'no'} HasTypeDefinition" + ("s" if count else "")
            yield Problem(spot, problem, "give it one, such as i=58 (BaseObjectType) or i=63 (BaseDataVariableType)")
