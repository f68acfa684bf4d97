"""What NamespaceMetadata objects say of the nodes of their namespaces (Part 5 v1.05 6.3.14)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from asyncua.ua.object_ids import ObjectIds

from nodesets.built_in_types import BuiltInType
from server.address_space.decoding import Cursor, DecodingError
from server.address_space.encoding import ARRAY
from server.address_space.keys import NodeKey, numeric_key
from server.address_space.node import HeldValue, RolePermission, SpaceNode
from server.address_space.role_permissions import decode_role_permissions
from server.address_space.space_nodes import NodesOf

ROLE_PERMISSIONS = "DefaultRolePermissions"
USER_ROLE_PERMISSIONS = "DefaultUserRolePermissions"
ACCESS_RESTRICTIONS = "DefaultAccessRestrictions"
NAMESPACE_ARRAY = numeric_key(0, ObjectIds.Server_NamespaceArray)
_NAMESPACES = numeric_key(0, ObjectIds.Server_Namespaces)
DEFAULTS = frozenset((ROLE_PERMISSIONS, USER_ROLE_PERMISSIONS, ACCESS_RESTRICTIONS))


class Told(NamedTuple):
    """A Property that tells a default: which of :data:`DEFAULTS`, and the index of the namespace."""

    name: str
    namespace: int


class NamespaceDefaults(NamedTuple):
    """Defaults by the namespaces' indexes, where one says something; ``told``: the Properties that tell them."""

    permissions: dict[int, tuple[RolePermission, ...]]
    restrictions: dict[int, int]
    told: dict[NodeKey, Told]


def namespace_defaults(space: NodesOf) -> NamespaceDefaults:
    """Read what is said now. A value that is none of its type says that nobody may do anything."""
    found = NamespaceDefaults({}, {}, {})
    uris = {uri: index for index, uri in enumerate(_strings(constant(space.get(NAMESPACE_ARRAY))))}
    folder = space.get(_NAMESPACES)
    for _, target in folder.forward if folder is not None else ():
        metadata = space.get(target)
        properties = {one.browse_name.name: one for one in _children(space, metadata)}
        index = uris.get(next(_strings(constant(properties.get("NamespaceUri"))), ""))
        if index is None:
            continue
        for name in DEFAULTS & properties.keys():
            node = properties[name]
            found.told[node.key] = Told(name, index)
            _take(found, name, index, constant(node))
    return found


def _take(found: NamespaceDefaults, name: str, index: int, value: bytes | None) -> None:
    if not value or not value[0]:
        return
    if name == ROLE_PERMISSIONS:
        try:
            said = decode_role_permissions(value)
        except DecodingError:
            said = ()
        if said is not None:
            found.permissions[index] = said
    elif name == ACCESS_RESTRICTIONS and value[0] == BuiltInType.UInt16:
        found.restrictions[index] = Cursor(value, 1).uint16()


def constant(node: SpaceNode | None) -> bytes | None:
    """Give the encoded Variant that a Variable holds, None where it holds none."""
    value = node.value if node is not None else None
    if isinstance(value, HeldValue):
        return value.variant
    return value if isinstance(value, bytes) else None


def _children(space: NodesOf, node: SpaceNode | None) -> Iterator[SpaceNode]:
    for _, target in node.forward if node is not None else ():
        child = space.get(target)
        if child is not None and not child.browse_name.namespace:
            yield child


def _strings(value: bytes | None) -> Iterator[str]:
    """Give the texts of a String or an array of them."""
    if not value:
        return
    cursor = Cursor(value, 1)
    if value[0] == BuiltInType.String:
        yield cursor.string() or ""
    elif value[0] == BuiltInType.String | ARRAY:
        for _ in range(cursor.count(4)):
            yield cursor.string() or ""
