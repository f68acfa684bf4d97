"""The well-known roles (Part 3 v1.05 4.9.2) and what each may do where a node and its namespace say nothing."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntFlag
from types import MappingProxyType
from typing import Final


class Permission(IntFlag):
    """Bits of PermissionType (Part 3 v1.05 8.55)."""

    BROWSE = 0x1
    READ_ROLE_PERMISSIONS = 0x2
    WRITE_ATTRIBUTE = 0x4
    WRITE_ROLE_PERMISSIONS = 0x8
    WRITE_HISTORIZING = 0x10
    READ = 0x20
    WRITE = 0x40
    READ_HISTORY = 0x80
    INSERT_HISTORY = 0x100
    MODIFY_HISTORY = 0x200
    DELETE_HISTORY = 0x400
    RECEIVE_EVENTS = 0x800
    CALL = 0x1000
    ADD_REFERENCE = 0x2000
    REMOVE_REFERENCE = 0x4000
    DELETE_NODE = 0x8000
    ADD_NODE = 0x1_0000


ALL_PERMISSIONS: Final = 0x1_FFFF

ANONYMOUS: Final = "Anonymous"
AUTHENTICATED_USER: Final = "AuthenticatedUser"
TRUSTED_APPLICATION: Final = "TrustedApplication"
SECURITY_ADMIN: Final = "SecurityAdmin"
CONFIGURE_ADMIN: Final = "ConfigureAdmin"
SECURITY_KEY_SERVER_ACCESS: Final = "SecurityKeyServerAccess"

WELL_KNOWN: Final[Mapping[str, int]] = MappingProxyType(
    {
        ANONYMOUS: 15644,
        AUTHENTICATED_USER: 15656,
        TRUSTED_APPLICATION: 18625,
        "Observer": 15668,
        "Operator": 15680,
        "Engineer": 16036,
        "Supervisor": 15692,
        CONFIGURE_ADMIN: 15716,
        SECURITY_ADMIN: 15704,
        SECURITY_KEY_SERVER_ACCESS: 25603,
    }
)
"""Name -> numeric identifier of the role's NodeId in the standard namespace (Part 6 v1.05 A.2)."""

FIXED: Final = frozenset((ANONYMOUS, AUTHENTICATED_USER, TRUSTED_APPLICATION))
"""Roles that a server lets nobody change (Part 18 v1.05 4.3)."""

NOT_FOR_EVERYBODY: Final = frozenset((SECURITY_ADMIN, CONFIGURE_ADMIN, SECURITY_KEY_SERVER_ACCESS))
"""Roles that go to users, groups and certificates by name, never to all (Part 18 v1.05 4.3)."""

ASSIGNABLE: Final = tuple(name for name in WELL_KNOWN if name not in FIXED)
"""Well-known roles that a user may be given."""

_OBSERVER: Final = Permission.BROWSE | Permission.READ | Permission.READ_HISTORY | Permission.RECEIVE_EVENTS
_OPERATOR: Final = _OBSERVER | Permission.WRITE | Permission.CALL

DEFAULTS: Final[Mapping[str, Permission]] = MappingProxyType(
    {
        ANONYMOUS: Permission(0),
        AUTHENTICATED_USER: Permission(0),
        TRUSTED_APPLICATION: Permission(0),
        "Observer": _OBSERVER,
        "Operator": _OPERATOR,
        "Supervisor": _OBSERVER | Permission.CALL,
        "Engineer": _OPERATOR
        | Permission.WRITE_ATTRIBUTE
        | Permission.WRITE_HISTORIZING
        | Permission.INSERT_HISTORY
        | Permission.MODIFY_HISTORY,
        CONFIGURE_ADMIN: _OBSERVER
        | Permission.CALL
        | Permission.WRITE_ATTRIBUTE
        | Permission.WRITE_HISTORIZING
        | Permission.INSERT_HISTORY
        | Permission.MODIFY_HISTORY
        | Permission.DELETE_HISTORY
        | Permission.ADD_NODE
        | Permission.DELETE_NODE
        | Permission.ADD_REFERENCE
        | Permission.REMOVE_REFERENCE,
        SECURITY_ADMIN: Permission.BROWSE
        | Permission.READ
        | Permission.RECEIVE_EVENTS
        | Permission.READ_ROLE_PERMISSIONS
        | Permission.WRITE_ROLE_PERMISSIONS,
        SECURITY_KEY_SERVER_ACCESS: Permission(0),
    }
)
"""What a role may do with the plant's nodes. Whoever looks after users does not thereby run machines: no Write, no
Call; the methods that do concern security say themselves that SecurityAdmin may call them."""

STANDARD: Final = Permission.BROWSE | Permission.READ | Permission.RECEIVE_EVENTS
"""What every session may do with the nodes of the standard namespace that say nothing: a client finds its way by them
(Part 3 v1.05 4.9.2: Anonymous browses and reads the Server object and the types)."""
