"""Properties whose value says what their node's means, such as its unit (Part 3 v1.05 5.6.2, 9.33)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from asyncua.ua.object_ids import ObjectIds

from server.address_space.keys import NULL_KEY, NodeKey, numeric_key
from server.address_space.node import SpaceNode
from server.address_space.space import AddressSpace
from server.model_change.comparing import SpaceDifference

SEMANTIC_CHANGE = 0x10
"""Bit of AccessLevel (Part 3 v1.05 8.57)."""
_HAS_PROPERTY = numeric_key(0, ObjectIds.HasProperty)


class SemanticChange(NamedTuple):
    """A node one of whose Properties has another value. ``kind``: its TypeDefinition, null where it has none."""

    node: NodeKey
    kind: NodeKey


ReadNode = Callable[[SpaceNode], object]
"""Gives a Variable's value as it is served."""


class Semantics:
    """Looks at the Properties that a difference may give another value, before and after it is applied.

    Whether it does so is seen when it is done: what somebody wrote stays.
    """

    def __init__(self, difference: SpaceDifference) -> None:
        """Know which Properties to look at."""
        self._properties = [
            key
            for key, one in difference.altered.items()
            if "value" in one.attributes and one.after.variable and one.after.variable.access_level & SEMANTIC_CHANGE
        ]

    def values(self, space: AddressSpace, read: ReadNode) -> Mapping[NodeKey, object]:
        """Give what they hold."""
        return {key: read(space[key]) for key in self._properties if key in space}

    def changes(self, space: AddressSpace, read: ReadNode, before: Mapping[NodeKey, object]) -> list[SemanticChange]:
        """Give the nodes whose Properties hold something else than before, each once."""
        owners: dict[NodeKey, None] = {}
        for key, value in self.values(space, read).items():
            if key in before and before[key] != value:
                owners.update((source, None) for kind, source in space[key].inverse if kind == _HAS_PROPERTY)
        return [SemanticChange(key, space.type_of(space[key]) or NULL_KEY) for key in owners]
