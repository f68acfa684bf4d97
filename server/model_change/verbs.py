"""What a ModelChangeEvent tells: which nodes changed, and how (Part 3 v1.05 9.32, Part 5 v1.05 6.4.31)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import IntFlag
from typing import NamedTuple

from asyncua.ua.object_ids import ObjectIds

from server.address_space.keys import NULL_KEY, NodeKey, numeric_key
from server.address_space.node import BrowseName, Link
from server.address_space.snapshot import Said
from server.address_space.space import HAS_TYPE_DEFINITION, AddressSpace
from server.model_change.comparing import SpaceDifference

_HAS_PROPERTY = numeric_key(0, ObjectIds.HasProperty)
_NODE_VERSION = BrowseName(0, "NodeVersion")


class Verb(IntFlag):
    """Bits of the Verb of a ModelChangeStructureDataType."""

    NODE_ADDED = 1
    NODE_DELETED = 2
    REFERENCE_ADDED = 4
    REFERENCE_DELETED = 8
    DATA_TYPE_CHANGED = 16


class NodeChange(NamedTuple):
    """One node that changed. ``kind``: its TypeDefinition, null where it has none."""

    node: NodeKey
    kind: NodeKey
    verb: Verb


def node_changes(difference: SpaceDifference) -> list[NodeChange]:
    """Give what changed, each node once: those that go, those that come, those that stay.

    A reference is told of the node that it begins at.
    """
    verbs: dict[NodeKey, Verb] = dict.fromkeys(difference.removed, Verb.NODE_DELETED)
    verbs.update(dict.fromkeys(difference.added, Verb.NODE_ADDED))
    staying: dict[NodeKey, Verb] = {}
    for key, verb in _staying(difference):
        if key not in verbs:
            staying[key] = staying.get(key, Verb(0)) | verb
    said = {**difference.after, **difference.removed}
    return [NodeChange(key, _type_of(said.get(key)), verb) for key, verb in (*verbs.items(), *staying.items())]


def version_properties(
    space: AddressSpace, changes: list[NodeChange], forward: Mapping[NodeKey, list[Link]]
) -> Iterator[NodeKey]:
    """Give the NodeVersion properties of the changed nodes that are served. ``forward``: references to be."""
    for key, _, _ in changes:
        node = space.get(key)
        for kind, target in forward.get(key, node.forward) if node is not None else ():
            held = space.get(target) if kind == _HAS_PROPERTY else None
            if held is not None and held.browse_name == _NODE_VERSION:
                yield target


def _staying(difference: SpaceDifference) -> Iterator[tuple[NodeKey, Verb]]:
    for source, _, _ in difference.arcs_added:
        yield source, Verb.REFERENCE_ADDED
    for source, _, _ in (*difference.arcs_removed, *difference.arcs_lost):
        yield source, Verb.REFERENCE_DELETED
    for node in difference.added.values():
        for _, source in node.inverse:
            yield source, Verb.REFERENCE_ADDED
    for key, alteration in difference.altered.items():
        was, now = alteration.before, alteration.after
        if was.node_class is not now.node_class:
            yield key, Verb.NODE_DELETED | Verb.NODE_ADDED
        elif was.variable is not None and now.variable is not None and was.variable.data_type != now.variable.data_type:
            yield key, Verb.DATA_TYPE_CHANGED


def _type_of(said: Said | None) -> NodeKey:
    links = said.forward if said is not None else ()
    return next((target for kind, target in links if kind == HAS_TYPE_DEFINITION), NULL_KEY)
