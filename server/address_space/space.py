"""The address space: nodes by key, references both ways, the hierarchy of types. Safe to change while it is served.

All of it happens on the event loop. A change is whole when the call that makes it returns, so no service ever sees
half a node. ``version`` counts the changes; whoever remembers something that depends on nodes compares it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from nodesets.nodes import NodeClass
from server.address_space.keys import NodeKey, numeric_key
from server.address_space.node import Link, SpaceNode
from server.address_space.rights import Rights

HAS_SUBTYPE = numeric_key(0, 45)
HAS_TYPE_DEFINITION = numeric_key(0, 40)
HIERARCHICAL_REFERENCES = numeric_key(0, 33)
_TYPES = frozenset({NodeClass.REFERENCE_TYPE, NodeClass.DATA_TYPE, NodeClass.OBJECT_TYPE, NodeClass.VARIABLE_TYPE})


class AddressSpace:
    """Owns the nodes."""

    def __init__(self) -> None:
        """Begin empty."""
        self.nodes: dict[NodeKey, SpaceNode] = {}
        self.version = 0
        self.rights = Rights(self)
        """What sessions may do with the nodes."""
        self._subtypes: dict[NodeKey, frozenset[NodeKey]] = {}
        self._supertypes: dict[NodeKey, tuple[NodeKey, ...]] = {}

    def __contains__(self, key: NodeKey) -> bool:
        """Tell whether there is such a node."""
        return key in self.nodes

    def __getitem__(self, key: NodeKey) -> SpaceNode:
        """Give a node. Raises :class:`KeyError`."""
        return self.nodes[key]

    def __len__(self) -> int:
        """Count the nodes."""
        return len(self.nodes)

    def get(self, key: NodeKey) -> SpaceNode | None:
        """Give a node, or None."""
        return self.nodes.get(key)

    def add(self, node: SpaceNode) -> None:
        """Add a node without references. Raises :class:`ValueError` if its key is taken."""
        if node.key in self.nodes:
            message = f"the node {node.key!r} exists already"
            raise ValueError(message)
        self.nodes[node.key] = node
        self.changed(node)

    def add_all(self, nodes: Iterable[SpaceNode], references: Iterable[tuple[Link, Link]]) -> None:
        """Add many nodes and references at once.

        A reference is the link that its source has and the link that its target has; a tuple that many nodes hold is
        best the same object. The caller has made sure that keys are new, ends exist and no reference comes twice.
        """
        held = self.nodes
        for node in nodes:
            held[node.key] = node
        for there, back in references:
            held[there[1]].inverse.append(back)
            links = held[back[1]].forward
            if there[0] == HAS_TYPE_DEFINITION:  # first, where type_of finds it at once also in a folder of thousands
                links.insert(0, there)
            else:
                links.append(there)
        self._types_changed()

    def remove(self, key: NodeKey) -> SpaceNode:
        """Remove a node and, at their other ends, the references from and to it. Raises :class:`KeyError`."""
        node = self.nodes[key]
        self.remove_all((key,))
        return node

    def remove_all(self, keys: Collection[NodeKey]) -> None:
        """Remove nodes and all references from and to them. Raises :class:`KeyError`; then nothing has changed.

        Each node at another end is looked at once: a type may have a hundred thousand instances.
        """
        going = {key: self.nodes[key] for key in keys}
        sources = {source for node in going.values() for _, source in node.inverse}
        targets = {target for node in going.values() for _, target in node.forward}
        for key in sources - going.keys():
            other = self.nodes[key]
            other.forward = [link for link in other.forward if link[1] not in going]
        for key in targets - going.keys():
            other = self.nodes[key]
            other.inverse = [link for link in other.inverse if link[1] not in going]
        for key in going:
            del self.nodes[key]
        if any(node.node_class in _TYPES for node in going.values()):
            self._types_changed()
        self.version += 1

    def refer(self, source: NodeKey, kind: NodeKey, target: NodeKey) -> bool:
        """Add a reference, at both ends; tell whether it is new. Raises :class:`KeyError` if an end is missing."""
        start, end = self.nodes[source], self.nodes[target]
        there, back = (kind, target), (kind, source)
        # The end that has fewer tells it sooner: a folder has thousands of children, a child one parent.
        if (there in start.forward) if len(start.forward) <= len(end.inverse) else (back in end.inverse):
            return False
        if kind == HAS_TYPE_DEFINITION:
            start.forward.insert(0, there)
        else:
            start.forward.append(there)
        end.inverse.append(back)
        if kind == HAS_SUBTYPE:
            self._types_changed()
        self.version += 1
        return True

    def unrefer(self, source: NodeKey, kind: NodeKey, target: NodeKey) -> bool:
        """Remove a reference, at both ends; tell whether there was one. Raises :class:`KeyError` for a missing end."""
        start, end = self.nodes[source], self.nodes[target]
        if (kind, target) not in start.forward:
            return False
        start.forward.remove((kind, target))
        end.inverse.remove((kind, source))
        if kind == HAS_SUBTYPE:
            self._types_changed()
        self.version += 1
        return True

    def changed(self, node: SpaceNode) -> None:
        """Count a change: whoever changes an attribute of a node other than its value calls this."""
        if node.node_class in _TYPES:
            self._types_changed()
        self.version += 1

    def renewed(self) -> None:
        """Count a change of many nodes at once, types among them: whoever swaps them calls this."""
        self._types_changed()

    def subtypes(self, key: NodeKey) -> frozenset[NodeKey]:
        """Give a type and all its subtypes."""
        known = self._subtypes.get(key)
        if known is None:
            if key not in self.nodes:  # not remembered: keys that clients invent are without end
                return frozenset((key,))
            found = {key}
            queue = [key]
            for kind in queue:
                node = self.nodes.get(kind)
                for reference, subtype in node.forward if node is not None else ():
                    if reference == HAS_SUBTYPE and subtype not in found:
                        found.add(subtype)
                        queue.append(subtype)
            known = self._subtypes[key] = frozenset(found)
        return known

    def supertypes(self, key: NodeKey) -> tuple[NodeKey, ...]:
        """Give the supertypes of a type, the nearest first; ends even where types are subtypes of each other."""
        known = self._supertypes.get(key)
        if known is not None:
            return known
        found: list[NodeKey] = []
        node = self.nodes.get(key)
        while node is not None:
            above = next((source for reference, source in node.inverse if reference == HAS_SUBTYPE), None)
            if above is None or above == key or above in found:
                break
            found.append(above)
            node = self.nodes.get(above)
        known = tuple(found)
        if key in self.nodes:  # as in subtypes
            self._supertypes[key] = known
        return known

    def is_subtype(self, key: NodeKey, base: NodeKey) -> bool:
        """Tell whether a type is ``base`` or derived from it (HasSubtype, Part 3 v1.05 7.10)."""
        return key == base or base in self.supertypes(key)

    def type_of(self, node: SpaceNode) -> NodeKey | None:
        """Give the TypeDefinition of an Object or Variable."""
        return next((target for kind, target in node.forward if kind == HAS_TYPE_DEFINITION), None)

    def _types_changed(self) -> None:
        self._subtypes.clear()
        self._supertypes.clear()
        self.version += 1
