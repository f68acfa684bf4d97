"""Compares what was loaded with what the changed files make: nodes, attributes, references.

Both are compared as they are served, and not as records of files: a DataType whose fields change makes other bytes of
values whose text is the same, and NamespaceMetadata are nothing that a file says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from server.address_space.keys import NodeKey
from server.address_space.node import SpaceNode
from server.address_space.snapshot import Said, Snapshot, said_of
from server.address_space.space import AddressSpace

ATTRIBUTES = tuple(name for name in Said._fields if name != "forward")


class SpaceArc(NamedTuple):
    """A reference in its forward direction."""

    source: NodeKey
    kind: NodeKey
    target: NodeKey


class Alteration(NamedTuple):
    """A node of both states whose attributes differ. ``attributes`` are names of fields of :class:`Said`."""

    before: Said
    after: Said
    attributes: tuple[str, ...]

    @property
    def is_retyped(self) -> bool:
        """Whether values of the node are of another type or shape now, or it has none any more."""
        was, now = self.before.variable, self.after.variable
        if "node_class" in self.attributes or was is None or now is None:
            return "node_class" in self.attributes
        return was.data_type != now.data_type or was.value_rank != now.value_rank


@dataclass(frozen=True, slots=True, eq=False)
class SpaceDifference:
    """From one state to the other. Arcs are those whose ends are in both; a new or removed node has its own."""

    added: Mapping[NodeKey, SpaceNode]
    removed: Mapping[NodeKey, Said]
    altered: Mapping[NodeKey, Alteration]
    arcs_added: tuple[SpaceArc, ...]
    arcs_removed: tuple[SpaceArc, ...]
    arcs_lost: tuple[SpaceArc, ...]
    """Those from nodes that stay to nodes that go."""
    after: Snapshot

    def __bool__(self) -> bool:
        """Tell whether anything is different."""
        return bool(self.added or self.removed or self.altered or self.arcs_added or self.arcs_removed)


def compare(before: Snapshot, after: AddressSpace) -> SpaceDifference:
    """Give the difference. Takes 2 us a node; neither side is changed."""
    added: dict[NodeKey, SpaceNode] = {}
    altered: dict[NodeKey, Alteration] = {}
    arcs_added: list[SpaceArc] = []
    arcs_removed: list[SpaceArc] = []
    arcs_lost: list[SpaceArc] = []
    result: dict[NodeKey, Said] = {}
    nodes = after.nodes
    for key, node in nodes.items():
        now = said_of(node)
        was = before.get(key)
        if was is None:
            added[key] = node
            result[key] = now
        elif was == now:
            result[key] = was  # the objects that are served, and no second ones of the same content
        else:
            result[key] = now
            names = tuple(name for name in ATTRIBUTES if getattr(was, name) != getattr(now, name))
            if names:
                altered[key] = Alteration(was, now, names)
            held, wanted = set(was.forward), set(now.forward)
            arcs_added += [SpaceArc(key, *link) for link in now.forward if link not in held and link[1] in before]
            for link in was.forward:
                if link not in wanted:
                    (arcs_removed if link[1] in nodes else arcs_lost).append(SpaceArc(key, *link))
    removed = {key: said for key, said in before.items() if key not in nodes}
    arcs = (tuple(arcs_added), tuple(arcs_removed), tuple(arcs_lost))
    return SpaceDifference(added, removed, altered, *arcs, result)
