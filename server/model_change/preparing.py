"""Makes a swap of a difference: whole new lists of references, merged attributes, what stands in the way.

What is served may differ from what was loaded, because the gateway and its clients have changed it. So each thing is
merged: what the files changed is changed, everything else stays as it is served. Nodes that no file made are foreign:
they stay, and where they need a node that goes it stands in the way.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from server.address_space.keys import NodeKey
from server.address_space.node import Link, SpaceNode, VariableAttributes
from server.address_space.space import HAS_TYPE_DEFINITION, HIERARCHICAL_REFERENCES, AddressSpace
from server.model_change.comparing import Alteration, SpaceDifference
from server.model_change.swap import NewValue, Step, Swap

HISTORY_READ = 0x04
"""Bit of AccessLevel (Part 3 v1.05 8.57)."""


class Obstacle(NamedTuple):
    """Why a difference cannot be applied. ``node`` is the model's, ``foreign`` what the gateway has beside it."""

    node: NodeKey
    problem: str
    foreign: NodeKey | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A swap, good for as long as the address space is of ``version``; with any ``obstacles`` not to be applied."""

    swap: Swap
    version: int
    obstacles: tuple[Obstacle, ...] = ()
    relinked: frozenset[NodeKey] = frozenset()
    """Nodes that stay and get other references than they had."""


@dataclass(slots=True)
class _Links:
    """What comes and goes at one end of a kept node."""

    gone: set[Link] = field(default_factory=set[Link])
    come: list[Link] = field(default_factory=list[Link])

    def merged(self, held: Iterable[Link]) -> list[Link]:
        kept = [link for link in held if link not in self.gone]
        present = set(kept)
        new = [link for link in dict.fromkeys(self.come) if link not in present]
        # First, where AddressSpace.type_of finds it at once also in a folder of thousands.
        first = [link for link in new if link[0] == HAS_TYPE_DEFINITION]
        return [*first, *kept, *(link for link in new if link[0] != HAS_TYPE_DEFINITION)]


def prepare(
    difference: SpaceDifference,
    space: AddressSpace,
    settled: Mapping[NodeKey, int] | None = None,
    more: Callable[[Mapping[NodeKey, list[Link]]], Iterable[Step]] | None = None,
) -> Prepared:
    """Make the swap that brings a difference into ``space``, which is only looked at.

    ``settled``: bits of AccessLevel by node that are the gateway's to say, of bound and historized variables. ``more``:
    gives further steps, told the forward references that nodes will have where they are others. May run in a thread
    beside the event loop; what the loop changes meanwhile, the version tells. Takes 3 us a node that comes or goes.
    """
    return _Preparation(difference, space, settled or {}).run(more)


class _Preparation:
    def __init__(self, difference: SpaceDifference, space: AddressSpace, settled: Mapping[NodeKey, int]) -> None:
        self._difference = difference
        self._space = space
        self._settled = settled
        self._obstacles: list[Obstacle] = []
        self._forward: dict[NodeKey, _Links] = defaultdict(_Links)
        self._inverse: dict[NodeKey, _Links] = defaultdict(_Links)

    def run(self, more: Callable[[Mapping[NodeKey, list[Link]]], Iterable[Step]] | None) -> Prepared:
        version, nodes, difference = self._space.version, self._space.nodes, self._difference
        removed = [key for key in difference.removed if key in nodes]
        self._leave(removed)
        self._enter()
        for source, kind, target in difference.arcs_removed:
            if source in nodes and target in nodes:
                self._forward[source].gone.add((kind, target))
                self._inverse[target].gone.add((kind, source))
        for source, kind, target in difference.arcs_added:
            if self._is_there(source, target) and self._is_there(target, source):
                self._forward[source].come.append((kind, target))
                self._inverse[target].come.append((kind, source))
        forward = {key: links.merged(nodes[key].forward) for key, links in self._forward.items()}
        inverse = {key: links.merged(nodes[key].inverse) for key, links in self._inverse.items()}
        steps = [Step(nodes[key], "forward", links) for key, links in forward.items()]
        steps += [Step(nodes[key], "inverse", links) for key, links in inverse.items()]
        values: list[NewValue] = []
        for key, alteration in difference.altered.items():
            node = nodes.get(key)
            if node is not None:
                steps += self._attributes(node, alteration)
                if alteration.is_retyped or "value" in alteration.attributes:
                    values.append(NewValue(node, alteration.after.value, alteration.is_retyped))
        if more is not None:
            steps += more(forward)
        swap = Swap(steps, values, difference.added, removed)
        return Prepared(swap, version, tuple(self._obstacles), frozenset(forward.keys() | inverse.keys()))

    def _leave(self, removed: Collection[NodeKey]) -> None:
        """Take the references of nodes that go from their other ends."""
        nodes, going = self._space.nodes, set(removed)
        bereft: dict[NodeKey, NodeKey] = {}
        for key in removed:
            node = nodes[key]
            for kind, source in node.inverse:
                if source not in going:
                    self._forward[source].gone.add((kind, key))
                    if self._is_foreign(source) and kind == HAS_TYPE_DEFINITION:
                        self._obstacles.append(Obstacle(key, "is the type of", source))
            for kind, target in node.forward:
                if target not in going:
                    self._inverse[target].gone.add((kind, key))
                    if self._is_foreign(target):
                        bereft[target] = key
        hierarchical = self._space.subtypes(HIERARCHICAL_REFERENCES)
        for foreign, key in bereft.items():
            if not any(kind in hierarchical and source not in going for kind, source in nodes[foreign].inverse):
                self._obstacles.append(Obstacle(key, "holds", foreign))

    def _enter(self) -> None:
        """Give the references of new nodes to their other ends."""
        nodes, added = self._space.nodes, self._difference.added
        for key, node in added.items():
            if key in nodes:
                self._obstacles.append(Obstacle(key, "has the NodeId of a node of the gateway's own"))
            for kind, target in node.forward:
                if target not in added and self._is_there(target, key):
                    self._inverse[target].come.append((kind, key))
            for kind, source in node.inverse:
                if source not in added and self._is_there(source, key):
                    self._forward[source].come.append((kind, key))

    def _is_there(self, key: NodeKey, other: NodeKey) -> bool:
        if key in self._space.nodes:
            return True
        self._obstacles.append(Obstacle(other, "refers to a node that was deleted while it was served", key))
        return False

    def _is_foreign(self, key: NodeKey) -> bool:
        return key not in self._difference.after and key not in self._difference.removed

    def _attributes(self, node: SpaceNode, alteration: Alteration) -> Iterable[Step]:
        before, after, names = alteration
        for name in names:
            wanted: object = getattr(after, name)
            if name == "value":
                continue
            if name == "flags" and before.node_class is after.node_class:
                changed = before.flags ^ after.flags
                wanted = node.flags & ~changed | after.flags & changed
            elif name == "variable" and before.variable and after.variable and node.variable:
                wanted = _merged(before.variable, after.variable, node.variable, self._settled.get(node.key, 0))
            if wanted != getattr(node, name):
                yield Step(node, name, wanted)


def _merged(
    before: VariableAttributes, after: VariableAttributes, held: VariableAttributes, settled: int
) -> VariableAttributes:
    """Give what is served with the file's changes in it, but for the bits of AccessLevel that are ``settled``."""
    changes = {
        name: getattr(after, name)
        for name in VariableAttributes._fields
        if getattr(before, name) != getattr(after, name)
    }
    for name in ("access_level", "user_access_level"):
        bits = (getattr(before, name) ^ getattr(after, name)) & ~settled
        changes[name] = getattr(held, name) & ~bits | getattr(after, name) & bits
    if settled & HISTORY_READ:
        changes["historizing"] = held.historizing
    return held._replace(**changes)
