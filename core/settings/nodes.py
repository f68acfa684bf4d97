"""A YAML document as a tree that knows where each key and value stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from core.settings.plain import Plain, Step


class Mark(NamedTuple):
    """A position in the file; both count from 1, columns in characters. ``file``: another one than the document's."""

    line: int
    column: int
    file: str = ""


@dataclass(slots=True)
class Node:
    """A value: its plain data, where it begins, and the nodes inside it.

    ``text`` is a scalar's source text. ``size`` counts the values inside, aliases as if written out.
    """

    data: Plain
    mark: Mark
    text: str | None = None
    members: dict[str, Node] = field(default_factory=dict[str, "Node"])
    keys: dict[str, Mark] = field(default_factory=dict[str, Mark])
    items: list[Node] = field(default_factory=list["Node"])
    size: int = 1
    closed: bool = True

    def child(self, step: Step) -> Node | None:
        """Give the node one step inside, or None."""
        if isinstance(self.data, dict):
            return self.members.get(str(step))
        if isinstance(step, int) and 0 <= step < len(self.items):
            return self.items[step]
        return None

    def append(self, node: Node) -> None:
        """Add an item to a list."""
        if isinstance(self.data, list):
            self.items.append(node)
            self.data.append(node.data)
            self.size += node.size

    def put(self, key: str, mark: Mark, node: Node) -> None:
        """Add a member to a mapping."""
        if isinstance(self.data, dict):
            self.members[key] = node
            self.keys[key] = mark
            self.data[key] = node.data
            self.size += node.size
