"""The nodes of a role of our own: those that the standard's own file gives to a well-known one, with other NodeIds."""

from __future__ import annotations

from typing import Final

from asyncua.ua.object_ids import ObjectIds

from nodesets.built_in_types import LocalizedText
from server.address_space.keys import NodeKey, namespace_of, numeric_key
from server.address_space.node import BrowseName, SpaceNode
from server.address_space.space import HAS_TYPE_DEFINITION, AddressSpace

ROLE_SET: Final = numeric_key(0, ObjectIds.Server_ServerCapabilities_RoleSet)
_TEMPLATE: Final = numeric_key(0, ObjectIds.WellKnownRole_Observer)
"""It has all members of RoleType, and the RolePermissions and AccessRestrictions that the standard gives to them."""
_HAS_PROPERTY: Final = numeric_key(0, ObjectIds.HasProperty)
HAS_COMPONENT: Final = numeric_key(0, ObjectIds.HasComponent)
MEMBERS: Final = (_HAS_PROPERTY, HAS_COMPONENT)
"""References from a role to its properties and methods."""


def add_own_role(space: AddressSpace, key: NodeKey, name: str) -> list[NodeKey] | None:
    """Add a role below RoleSet with all members, its own node the first; None, and nothing, where a key is taken."""
    template = space[_TEMPLATE]
    browse_name = BrowseName(namespace_of(key), name)
    added = [_copied(template, key, browse_name, (LocalizedText(None, name),))]
    links = [(ROLE_SET, HAS_COMPONENT, key), *_types(template, key)]
    waiting = [(template, key, "")]
    for above, its_key, path in waiting:
        for kind, source in above.forward:
            if kind in MEMBERS:
                member = space[source]
                below = f"{path}/{member.browse_name.name}"
                copy = _copied(member, (namespace_of(key), f"RoleMember{below}.{name}"))
                added.append(copy)
                links += [(its_key, kind, copy.key), *_types(member, copy.key)]
                waiting.append((member, copy.key, below))
    if any(node.key in space for node in added):
        return None
    for node in added:
        space.add(node)
    for source, kind, target in links:
        space.refer(source, kind, target)
    return [node.key for node in added]


def _types(template: SpaceNode, key: NodeKey) -> list[tuple[NodeKey, NodeKey, NodeKey]]:
    return [(key, kind, target) for kind, target in template.forward if kind == HAS_TYPE_DEFINITION]


def _copied(
    template: SpaceNode,
    key: NodeKey,
    browse_name: BrowseName | None = None,
    display_name: tuple[LocalizedText, ...] | None = None,
) -> SpaceNode:
    return SpaceNode(
        key,
        template.node_class,
        browse_name or template.browse_name,
        display_name or template.display_name,
        variable=template.variable,
        value=template.value,
        flags=template.flags,
        access=template.access,
    )
