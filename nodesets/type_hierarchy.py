"""Looks types and their declarations up in a model: supertypes, children, interfaces, modelling rules.

A file writes a reference at either of its ends. Here each is known from both, whoever wrote it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from nodesets.names import NodeName
from nodesets.nodes import MethodNode, Node, NodeClass, ReferenceTypeNode
from nodesets.standard import HAS_MODELLING_RULE, HAS_SUBTYPE, HAS_TYPE_DEFINITION, HIERARCHICAL_REFERENCES

MANDATORY = NodeName.standard(78)
OPTIONAL = NodeName.standard(80)
EXPOSES_ITS_ARRAY = NodeName.standard(83)
OPTIONAL_PLACEHOLDER = NodeName.standard(11508)
MANDATORY_PLACEHOLDER = NodeName.standard(11510)
HAS_INTERFACE = NodeName.standard(17603)
HAS_PROPERTY = NodeName.standard(46)

PLACEHOLDERS = (OPTIONAL_PLACEHOLDER, MANDATORY_PLACEHOLDER, EXPOSES_ITS_ARRAY)
"""Rules of declarations that stand for children with names of their own."""
_TIGHTEST_FIRST = (MANDATORY, MANDATORY_PLACEHOLDER, OPTIONAL, OPTIONAL_PLACEHOLDER, EXPOSES_ITS_ARRAY)
_INSTANCES = (NodeClass.OBJECT, NodeClass.VARIABLE, NodeClass.METHOD)
_ARGUMENTS = ("InputArguments", "OutputArguments")


class Link(NamedTuple):
    """A reference in its forward direction, as its source sees it."""

    type: NodeName
    target: NodeName


class TypeHierarchy:
    """The references of a model, both ways. Makes itself in about 4 us a node; later changes are not seen."""

    def __init__(self, nodes: Mapping[NodeName, Node]) -> None:
        """Look at all references once."""
        self.nodes = nodes
        self._known: dict[NodeName, tuple[Link, ...]] = {}
        self._supertypes: dict[NodeName, NodeName] = {}
        self._subtypes: dict[NodeName, list[NodeName]] = {}
        self._from_target: dict[NodeName, list[Link]] = {}
        """References by their sources, of those that files write at their targets."""
        for node in nodes.values():
            name = node.name
            for kind, target, forward in node.references:
                if not forward:
                    self._from_target.setdefault(target, []).append(Link(kind, name))
                if kind == HAS_SUBTYPE:
                    self._derive(*((name, target) if forward else (target, name)))
        self.hierarchical = frozenset(self.with_subtypes(HIERARCHICAL_REFERENCES))
        self._interface_references = frozenset(self.with_subtypes(HAS_INTERFACE))

    def _derive(self, above: NodeName, below: NodeName) -> None:
        if below not in self._supertypes:
            self._supertypes[below] = above
            self._subtypes.setdefault(above, []).append(below)

    def forward(self, name: NodeName) -> tuple[Link, ...]:
        """Give the references that a node is the source of, each once."""
        known = self._known.get(name)
        if known is None:
            node = self.nodes.get(name)
            own = [Link(kind, target) for kind, target, forward in node.references if forward] if node else []
            known = self._known[name] = tuple(dict.fromkeys([*own, *self._from_target.get(name, ())]))
        return known

    def supertype(self, name: NodeName) -> NodeName | None:
        """Give the type that a type is directly derived from."""
        return self._supertypes.get(name)

    def with_supertypes(self, name: NodeName) -> list[NodeName]:
        """Give a type and its supertypes, the nearest first."""
        found = [name]
        while (above := self._supertypes.get(found[-1])) is not None and above not in found:
            found.append(above)
        return found

    def direct_subtypes(self, name: NodeName) -> list[NodeName]:
        """Give the types that are directly derived from a type."""
        return [below for below in self._subtypes.get(name, ()) if below in self.nodes]

    def with_subtypes(self, name: NodeName) -> list[NodeName]:
        """Give a type and all of its subtypes."""
        found = {name: None}
        queue = [name]
        for one in queue:
            new = [below for below in self._subtypes.get(one, ()) if below not in found]
            found.update(dict.fromkeys(new))
            queue += new
        return queue

    def is_subtype(self, name: NodeName, of: NodeName) -> bool:
        """Tell whether a type is ``of``, or derived from it."""
        return of in self.with_supertypes(name)

    def type_definition(self, name: NodeName) -> NodeName | None:
        """Give the type of an Object or Variable."""
        return next((target for kind, target in self.forward(name) if kind == HAS_TYPE_DEFINITION), None)

    def interfaces(self, name: NodeName) -> list[NodeName]:
        """Give the interfaces that a type or an Object says it has, without those of supertypes (Part 3 v1.05 7.24)."""
        return [target for kind, target in self.forward(name) if kind in self._interface_references]

    def modelling_rule(self, name: NodeName) -> NodeName | None:
        """Give the modelling rule of a node, the tightest if it names several; None for one that is no declaration.

        Rules of vendors, which nobody here knows, are taken for Optional (Part 3 v1.05 6.4.4.1).
        """
        named = [target for kind, target in self.forward(name) if kind == HAS_MODELLING_RULE]
        if not named:
            return None
        return next((rule for rule in _TIGHTEST_FIRST if rule in named), OPTIONAL)

    def children(self, name: NodeName) -> Iterator[tuple[NodeName, Node]]:
        """Give the nodes beneath a node: each with the type of the reference, once for each of its references."""
        for kind, target in self.forward(name):
            if kind in self.hierarchical and kind != HAS_SUBTYPE:
                node = self.nodes.get(target)
                if node is not None:
                    yield kind, node

    def declarations(self, name: NodeName) -> Iterator[tuple[NodeName, Node]]:
        """Give those children of a type or declaration that instances get (Part 3 v1.05 6.2.2).

        They have a modelling rule; the arguments of a method belong to it without one, too (Part 3 v1.05 5.7.1).
        """
        of_method = isinstance(self.nodes.get(name), MethodNode)
        for kind, node in self.children(name):
            if node.node_class not in _INSTANCES:
                continue
            is_argument = of_method and kind == HAS_PROPERTY and node.browse_name.name in _ARGUMENTS
            if is_argument or self.modelling_rule(node.name) is not None:
                yield kind, node

    def most_special(self, kinds: list[NodeName]) -> list[NodeName]:
        """Leave out each type of which a subtype is in the list, and repetitions."""
        once = list(dict.fromkeys(kinds))
        return [kind for kind in once if not any(kind != one and self.is_subtype(one, kind) for one in once)]

    def is_hierarchical_type(self, name: NodeName) -> bool:
        """Tell whether a node is a ReferenceType that children may hang on: hierarchical, concrete, not HasSubtype."""
        node = self.nodes.get(name)
        concrete = isinstance(node, ReferenceTypeNode) and not node.is_abstract
        return concrete and name in self.hierarchical and not self.is_subtype(name, HAS_SUBTYPE)
