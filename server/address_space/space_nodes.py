"""What the rights need of an address space, which owns them."""

from __future__ import annotations

from typing import Protocol

from server.address_space.keys import NodeKey
from server.address_space.node import SpaceNode


class NodesOf(Protocol):
    """Nodes by key; ``version`` counts the changes."""

    nodes: dict[NodeKey, SpaceNode]
    version: int

    def get(self, key: NodeKey) -> SpaceNode | None:
        """Give a node, or None."""
        ...

    def renewed(self) -> None:
        """Count a change of many nodes at once."""
        ...
