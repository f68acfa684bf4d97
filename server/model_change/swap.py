"""Changes nodes that are served in one go: whole, or after an error as if nothing had been tried.

Everything that takes time has been done before: a step is an assignment, so thousands of them fit between two requests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from server.address_space.keys import NodeKey
from server.address_space.node import HeldValue, SpaceNode
from server.address_space.space import AddressSpace


class Step(NamedTuple):
    """One field of a node gets another value: an attribute, or the whole list of its references."""

    node: SpaceNode
    field: str
    value: Any  # whatever the field holds


class NewValue(NamedTuple):
    """The file's value of a node. A written one stays unless the node is ``retyped``; a function stays always."""

    node: SpaceNode
    value: Any  # as SpaceNode.value
    retyped: bool


@dataclass(slots=True, eq=False)
class Swap:
    """What is to be done, and once it is, how it is undone. Belongs to the event loop."""

    steps: Sequence[Step] = ()
    values: Sequence[NewValue] = ()
    added: Mapping[NodeKey, SpaceNode] = field(default_factory=dict[NodeKey, SpaceNode])
    removed: Sequence[NodeKey] = ()
    _done: list[tuple[Any, str, Any]] = field(default_factory=list[tuple[Any, str, Any]])
    _gone: dict[NodeKey, SpaceNode] = field(default_factory=dict[NodeKey, SpaceNode])
    _come: list[NodeKey] = field(default_factory=list[NodeKey])

    def apply(self, space: AddressSpace) -> None:
        """Do it all. What any step raises is raised on, with everything undone."""
        try:
            self._apply(space)
        except BaseException:
            self.undo(space)
            raise
        space.renewed()

    def undo(self, space: AddressSpace) -> None:
        """Make everything as it was; nothing if nothing has been done."""
        for key in self._come:
            del space.nodes[key]
        space.nodes.update(self._gone)
        for node, name, value in reversed(self._done):
            setattr(node, name, value)
        self._come, self._gone, self._done = [], {}, []
        space.renewed()

    def _apply(self, space: AddressSpace) -> None:
        nodes, done = space.nodes, self._done
        for key in self.removed:
            self._gone[key] = nodes.pop(key)
        for key, node in self.added.items():
            if key in nodes:
                message = f"the node {key!r} exists already"
                raise ValueError(message)
            nodes[key] = node
            self._come.append(key)
        for node, name, value in self.steps:
            done.append((node, name, getattr(node, name)))
            setattr(node, name, value)
        for node, value, retyped in self.values:
            held = node.value
            if callable(held) or (isinstance(held, HeldValue) and not retyped):
                continue
            done.append((node, "value", held))
            node.value = value
