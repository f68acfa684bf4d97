"""What a load made of a model, kept apart from what becomes of the nodes while they are served.

A reload compares it with what the changed files make, so that it changes what the files changed and nothing else.
Texts, values and references are the nodes' own objects: an entry costs a few hundred bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from nodesets.built_in_types import LocalizedText
from nodesets.nodes import NodeClass
from server.address_space.keys import NodeKey
from server.address_space.node import AccessAttributes, BrowseName, Link, SpaceNode, VariableAttributes
from server.address_space.space import AddressSpace


class Said(NamedTuple):
    """One node as its file says it, the fields called as those of :class:`~server.address_space.node.SpaceNode`."""

    node_class: NodeClass
    browse_name: BrowseName
    display_name: tuple[LocalizedText, ...]
    description: tuple[LocalizedText, ...]
    variable: VariableAttributes | None
    value: object
    flags: int
    definition: object
    access: AccessAttributes | None
    forward: tuple[Link, ...]


Snapshot = Mapping[NodeKey, Said]


def said_of(node: SpaceNode) -> Said:
    """Give a node as it stands."""
    return Said(
        node.node_class,
        node.browse_name,
        node.display_name,
        node.description,
        node.variable,
        node.value,
        node.flags,
        node.definition,
        node.access,
        tuple(node.forward),
    )


def snapshot(space: AddressSpace) -> Snapshot:
    """Take down all nodes as they stand. Takes a microsecond a node."""
    return {key: said_of(node) for key, node in space.nodes.items()}
