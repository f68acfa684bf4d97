"""RolePermissions for nodes of the standard namespace whose file gives none, as those before 1.05 do.

Since 1.05 the standard's own file says who may use what concerns security (Part 12 v1.05 7.10, Part 18 v1.05 4.2.2,
5.2.2) and that everybody may look after their own subscriptions (Part 5 v1.05 9). What it says is left as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from asyncua.ua.object_ids import ObjectIds

from nodesets.nodes import NodeClass
from server.address_space.keys import NodeKey, namespace_of, numeric_key
from server.address_space.node import AccessAttributes, RolePermission, SpaceNode
from server.address_space.space import HIERARCHICAL_REFERENCES, AddressSpace
from server.users.permissions import Restriction
from server.users.well_known import ANONYMOUS, CONFIGURE_ADMIN, SECURITY_ADMIN, WELL_KNOWN, Permission

_SEE: Final = Permission.BROWSE | Permission.READ_ROLE_PERMISSIONS | Permission.WRITE_ROLE_PERMISSIONS
_USE: Final = _SEE | Permission.CALL | Permission.READ | Permission.WRITE | Permission.READ_HISTORY
_EVERYBODY: Final = WELL_KNOWN[ANONYMOUS]
_ADMINISTRATOR: Final = RolePermission(WELL_KNOWN[SECURITY_ADMIN], int(_USE))
_ENCRYPTED: Final = Restriction.SIGNING_REQUIRED | Restriction.ENCRYPTION_REQUIRED
_SECURITY: Final = {
    numeric_key(0, ObjectIds.Server_ServerCapabilities_RoleSet): _ENCRYPTED,
    numeric_key(0, ObjectIds.UserManagement): _ENCRYPTED,
    numeric_key(0, ObjectIds.ServerConfiguration): Restriction.SIGNING_REQUIRED,
}
"""Objects below which everything is a SecurityAdmin's, with the AccessRestrictions of what can be read or called."""
_CHANGE_PASSWORD: Final = numeric_key(0, ObjectIds.UserManagement_ChangePassword)
_OWN_SUBSCRIPTIONS: Final = (
    numeric_key(0, ObjectIds.Server_GetMonitoredItems),
    numeric_key(0, ObjectIds.Server_ResendData),
    numeric_key(0, ObjectIds.Server_SetSubscriptionDurable),
    numeric_key(0, ObjectIds.ServerType_GetMonitoredItems),
    numeric_key(0, ObjectIds.ServerType_ResendData),
    numeric_key(0, ObjectIds.ServerType_SetSubscriptionDurable),
)
_SERVER: Final = numeric_key(0, ObjectIds.Server)
_STATE_CHANGE: Final = numeric_key(0, ObjectIds.Server_RequestServerStateChange)


def complete_standard_rights(space: AddressSpace) -> None:
    """Give RolePermissions to the nodes that concern security, or everybody's subscriptions, and have none."""
    everybody_calls = (RolePermission(_EVERYBODY, int(Permission.BROWSE | Permission.CALL)), _ADMINISTRATOR)
    for key in _OWN_SUBSCRIPTIONS:
        _say(space, key, everybody_calls, None)
    administrators = (RolePermission(WELL_KNOWN[CONFIGURE_ADMIN], int(_USE)), _ADMINISTRATOR)
    _say(space, _STATE_CHANGE, administrators, Restriction.SIGNING_REQUIRED)
    hears = Permission.BROWSE | Permission.CALL | Permission.RECEIVE_EVENTS
    _say(space, _SERVER, (RolePermission(_EVERYBODY, int(hears)), *administrators), None)
    _say(space, _CHANGE_PASSWORD, everybody_calls, _ENCRYPTED)
    manages = (RolePermission(_EVERYBODY, int(Permission.BROWSE | Permission.CALL)), _ADMINISTRATOR)
    _say(space, numeric_key(0, ObjectIds.UserManagement), manages, None)
    shown = (RolePermission(_EVERYBODY, int(Permission.BROWSE)), _ADMINISTRATOR)
    for top, restrictions in _SECURITY.items():
        for node in _below(space, top):
            if node.node_class is NodeClass.OBJECT:
                _say(space, node.key, shown, None)
            else:
                _say(space, node.key, (_ADMINISTRATOR,), restrictions)


def _say(space: AddressSpace, key: NodeKey, said: tuple[RolePermission, ...], restrictions: int | None) -> None:
    node = space.get(key)
    if node is None:
        return
    held = node.access or AccessAttributes()
    if held.role_permissions is None:
        kept = restrictions if held.access_restrictions is None else held.access_restrictions
        node.access = held._replace(role_permissions=said, access_restrictions=kept)
        space.changed(node)


def _below(space: AddressSpace, top: NodeKey) -> Iterator[SpaceNode]:
    """Give a node and all nodes of the standard namespace that hierarchical references lead to from it."""
    kinds = space.subtypes(HIERARCHICAL_REFERENCES)
    found = {top: None}
    queue = [top]
    for key in queue:
        node = space.get(key)
        if node is None:
            continue
        yield node
        for kind, target in node.forward:
            if kind in kinds and target not in found and not namespace_of(target):
                found[target] = None
                queue.append(target)
