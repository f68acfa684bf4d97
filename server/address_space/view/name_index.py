"""Finds the references of a node by the BrowseName of their targets, also where there are thousands of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from server.address_space.keys import NodeKey
from server.address_space.node import BrowseName, Link, SpaceNode
from server.address_space.space import AddressSpace
from server.address_space.view.parted import PartedIndex
from server.address_space.view.steps import Steps

FEW = 32
"""References that are looked through one by one; above that an index pays."""
KEPT_REFERENCES = 100_000
_STEP = 1000
_INDEXED = 16
"""References that are put into an index in the time in which one is followed."""

Index = PartedIndex[BrowseName, Link]


class NameIndex:
    """Indexes long lists when they are asked for; bounded, and forgotten when the address space changes."""

    def __init__(self, space: AddressSpace, kept_references: int = KEPT_REFERENCES) -> None:
        """Keep the indexes of lists with up to ``kept_references`` in all."""
        self._space = space
        self._most = kept_references
        self._kept = 0
        self._version = space.version
        self._known: dict[tuple[NodeKey, bool], Index] = {}

    def named(
        self, node: SpaceNode, name: BrowseName, *, inverse: bool, spend: Callable[[int], None]
    ) -> Steps[Sequence[Link]]:
        """Give the references of a node in one direction to targets called ``name``.

        ``spend`` is told how many references have to be looked through, before they are, and may raise.
        """
        space = self._space
        links = node.inverse if inverse else node.forward
        if len(links) <= FEW:
            spend(len(links))
            nodes = space.nodes
            return [link for link in links if (one := nodes.get(link[1])) is not None and one.browse_name == name]
        if self._version != space.version:
            self._version = space.version
            self._known.clear()
            self._kept = 0
        known = self._known.get((node.key, inverse))
        if known is None:
            spend(len(links) // _INDEXED)
            known = yield from self._make(node, inverse=inverse)
        found = known.find(name)
        spend(1 + len(found))
        return found

    def _make(self, node: SpaceNode, *, inverse: bool) -> Steps[Index]:
        version, nodes = self._space.version, self._space.nodes
        links = tuple(node.inverse if inverse else node.forward)
        index: Index = PartedIndex()
        for begin in range(0, len(links), _STEP):
            for link in links[begin : begin + _STEP]:
                target = nodes.get(link[1])
                if target is not None:
                    index.put(target.browse_name, link)
            yield
        if version == self._space.version == self._version:
            self._kept += len(links)
            if self._kept > self._most:
                self._known.clear()
                self._kept = len(links)
            self._known[node.key, inverse] = index
        return index
