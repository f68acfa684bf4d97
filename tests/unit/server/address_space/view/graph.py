"""Address spaces to browse, and what Browse should say of them: slow, plain, and written without the product's code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import NamedTuple

from nodesets.built_in_types import LocalizedText
from nodesets.nodes import NodeClass
from server.address_space.keys import NodeKey
from server.address_space.node import BrowseName, Flag, SpaceNode
from server.address_space.space import AddressSpace
from server.address_space.view.request import Wanted

REFERENCES, NON_HIERARCHICAL, HIERARCHICAL = 31, 32, 33
ORGANIZES, TYPE_DEFINITION, SUBTYPE, PROPERTY, COMPONENT = 35, 40, 45, 46, 47
CONNECTED = 900
"""A symmetric ReferenceType."""
FOLDER_TYPE, VARIABLE_TYPE, OBJECTS = 61, 63, 85
_KINDS = {
    REFERENCES: None,
    NON_HIERARCHICAL: REFERENCES,
    HIERARCHICAL: REFERENCES,
    ORGANIZES: HIERARCHICAL,
    PROPERTY: HIERARCHICAL,
    COMPONENT: HIERARCHICAL,
    SUBTYPE: HIERARCHICAL,
    TYPE_DEFINITION: NON_HIERARCHICAL,
    CONNECTED: NON_HIERARCHICAL,
}


def add(
    space: AddressSpace, key: NodeKey, node_class: NodeClass, name: str, *texts: tuple[str, str], flags: int = 0
) -> SpaceNode:
    """Add a node; ``texts``: its DisplayName as locale and text."""
    shown = tuple(LocalizedText(locale, text) for locale, text in texts) or (LocalizedText(None, name),)
    node = SpaceNode(key, node_class, BrowseName(2, name), shown, flags=flags)
    space.add(node)
    return node


def bare_space() -> AddressSpace:
    """Make the ReferenceTypes, two types and the Objects folder."""
    space = AddressSpace()
    for kind in _KINDS:
        symmetric = Flag.SYMMETRIC if kind in (CONNECTED, REFERENCES, NON_HIERARCHICAL) else 0
        add(space, kind, NodeClass.REFERENCE_TYPE, f"kind{kind}", flags=symmetric)
    for kind, above in _KINDS.items():
        if above is not None:
            space.refer(above, SUBTYPE, kind)
    add(space, FOLDER_TYPE, NodeClass.OBJECT_TYPE, "FolderType")
    add(space, VARIABLE_TYPE, NodeClass.VARIABLE_TYPE, "BaseDataVariableType")
    add(space, OBJECTS, NodeClass.OBJECT, "Objects")
    space.refer(OBJECTS, TYPE_DEFINITION, FOLDER_TYPE)
    return space


def folder(children: int) -> AddressSpace:
    """Make the Objects folder with Variables ``ns=2;s=tag<n>`` in it."""
    space = bare_space()
    for number in range(children):
        key = (2, f"tag{number}")
        add(space, key, NodeClass.VARIABLE, f"tag{number}")
        space.refer(key, TYPE_DEFINITION, VARIABLE_TYPE)
        space.refer(OBJECTS, COMPONENT, key)
    return space


class Row(NamedTuple):
    """One reference that Browse should give."""

    kind: NodeKey
    forward: bool
    target: NodeKey


def _is_kind(kind: NodeKey, wanted: NodeKey, space: AddressSpace, *, subtypes: bool) -> bool:
    if wanted in (0, kind):
        return True
    return subtypes and any(
        _is_kind(kind, target, space, subtypes=True) for link, target in space[wanted].forward if link == SUBTYPE
    )


def expected(space: AddressSpace, wanted: Wanted, members: Collection[NodeKey] | None = None) -> Counter[Row]:
    """Say what Part 4 v1.05 5.9.2.2 wants told of a node that is there and may be asked like this."""
    rows: set[Row] = set()
    node = space[wanted.node]
    for forward, links in ((True, node.forward), (False, node.inverse)):
        for kind, target in links:
            one = space.nodes.get(kind)
            symmetric = one is not None and one.node_class == NodeClass.REFERENCE_TYPE and bool(one.flags & 2)
            said_forward = forward or symmetric
            if wanted.direction == 0 and not said_forward:
                continue
            if wanted.direction == 1 and said_forward:
                continue
            if not _is_kind(kind, wanted.reference_type, space, subtypes=wanted.subtypes):
                continue
            if wanted.classes and not space[target].node_class & wanted.classes:
                continue
            if members is not None and target not in members:
                continue
            rows.add(Row(kind, said_forward, target))
    return Counter(rows)


def reachable(space: AddressSpace, view: NodeKey) -> set[NodeKey]:
    """Say which nodes are in a View (Part 3 v1.05 5.4)."""
    found = {view}
    while True:
        more = {
            target
            for key in found
            for kind, target in space[key].forward
            if _is_kind(kind, HIERARCHICAL, space, subtypes=True)
        }
        if more <= found:
            return found
        found |= more
