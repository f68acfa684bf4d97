"""The difference of two states of a model, as data: for people, for a reload, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from nodesets.names import NodeName
from nodesets.nodes import Node


class Arc(NamedTuple):
    """A reference in its forward direction, whichever of the two nodes it is written at."""

    source: NodeName
    type: NodeName
    target: NodeName


class Change(NamedTuple):
    """One thing of a node. ``what`` is called as in OPC UA: ``DataType``, ``Value``, ``Field Speed``.

    ``old`` or ``new`` is None where there was or is nothing. ``breaks`` says who notices it; empty where all that was
    right goes on being so.
    """

    what: str
    old: object
    new: object
    breaks: str = ""


@dataclass(frozen=True, slots=True)
class FoundNode:
    """A node of one state. ``path`` are the BrowseNames that lead to it, for people."""

    node: Node
    path: str


@dataclass(frozen=True, slots=True)
class NodeChange:
    """A node of both states that differs. Its references are in ``changes`` where both of their ends remain."""

    old: Node
    new: Node
    path: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class NodeMove:
    """A node that is where it was under another NodeId: the same BrowseName and NodeClass beneath the same parent."""

    old: Node
    new: Node
    path: str


@dataclass(frozen=True, slots=True)
class Orphan:
    """A NodeId in use, by a binding or a history, that leads to no variable now. ``moved_to``: where it should lead."""

    name: NodeName
    problem: str
    moved_to: NodeName | None = None


@dataclass(frozen=True, slots=True)
class NodeSetDifference:
    """Everything that is different. Nodes are in the order of their paths."""

    added: tuple[FoundNode, ...] = ()
    removed: tuple[FoundNode, ...] = ()
    moved: tuple[NodeMove, ...] = ()
    changed: tuple[NodeChange, ...] = ()
    arcs_added: tuple[Arc, ...] = ()
    """All references that are new, also those of nodes that are."""
    arcs_removed: tuple[Arc, ...] = ()
    affected: tuple[tuple[NodeName, tuple[NodeName, ...]], ...] = ()
    """For each DataType whose values are encoded otherwise or mean something else now, the variables that have such."""
    orphans: tuple[Orphan, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether anything is different."""
        nodes = self.added or self.removed or self.moved or self.changed
        return bool(nodes or self.arcs_added or self.arcs_removed)

    def breaking(self) -> Iterator[tuple[NodeChange, Change]]:
        """Give the changes that somebody notices."""
        for node in self.changed:
            for change in node.changes:
                if change.breaks:
                    yield node, change
