"""What a session may do with a node (Part 3 v1.05 5.2.9 to 5.2.11, 8.55, 8.56)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from core.security_mode import SecurityMode
from server.users.roles import RoleSet
from server.users.well_known import ALL_PERMISSIONS, ANONYMOUS, DEFAULTS, STANDARD, WELL_KNOWN, Permission

if TYPE_CHECKING:
    from server.address_space.keys import NodeKey


Said = Sequence["tuple[NodeKey, int]"]
"""RolePermissions: pairs of a role and its bits, such as :class:`~server.address_space.node.RolePermission`."""

_MOST_KEPT: Final = 65_536
"""Answers that are remembered; past that all are forgotten and found again."""


def permissions_of(
    role_permissions: Said | None,
    default_role_permissions: Said | None,
    roles: frozenset[NodeKey] | None,
    fallback: Mapping[NodeKey, int],
) -> int:
    """Give the bits that any of ``roles`` has; None for the roles is the gateway itself, which has all.

    A node's own RolePermissions count, else those of its namespace (DefaultRolePermissions), else ``fallback``: what
    each role may do where nothing is said (Part 3 v1.05 5.2.9).
    """
    if roles is None:
        return ALL_PERMISSIONS
    said = role_permissions if role_permissions is not None else default_role_permissions
    bits = 0
    if said is None:
        for role in roles:
            bits |= fallback.get(role, 0)
    else:
        for role, given in said:
            if role in roles:
                bits |= given
    return bits


def fallback_permissions(roles: RoleSet, like: Mapping[str, str] | None = None) -> dict[NodeKey, int]:
    """Give what each role may do where nothing is said. ``like``: own roles -> the well-known one each is like."""
    known = like or {}
    return {roles.key_of(name): int(DEFAULTS.get(known.get(name, name), 0)) for name in roles.roles}


def standard_namespace(fallback: Mapping[NodeKey, int]) -> Said:
    """Give DefaultRolePermissions for the standard namespace: every session finds its way there, by ``STANDARD``."""
    anonymous = WELL_KNOWN[ANONYMOUS]
    return tuple({**fallback, anonymous: fallback.get(anonymous, 0) | STANDARD}.items())


class Permissions:
    """Answers fast, by remembering: equal RolePermissions of nodes are one tuple, and sessions share sets of roles."""

    def __init__(self, fallback: Mapping[NodeKey, int]) -> None:
        """Take what each role may do where nothing is said; another one is another object."""
        self._fallback = fallback
        self._kept: dict[tuple[int, int, frozenset[NodeKey]], tuple[int, object, object]] = {}

    def of(
        self,
        role_permissions: Said | None,
        default_role_permissions: Said | None,
        roles: frozenset[NodeKey] | None,
    ) -> int:
        """Give the same bits as :func:`permissions_of`."""
        if roles is None:
            return ALL_PERMISSIONS
        key = (id(role_permissions), id(default_role_permissions), roles)
        kept = self._kept.get(key)
        if kept is None:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            bits = permissions_of(role_permissions, default_role_permissions, roles, self._fallback)
            # the tuples are kept alive with the answer: an id is theirs only as long as they live
            kept = self._kept[key] = (bits, role_permissions, default_role_permissions)
        return kept[0]


_ACCESS: Final = (
    (Permission.READ, 0x01),
    (Permission.WRITE, 0x02 | 0x20 | 0x40),
    (Permission.READ_HISTORY, 0x04),
    (Permission.INSERT_HISTORY | Permission.MODIFY_HISTORY | Permission.DELETE_HISTORY, 0x08),
)
_ACCESS_BITS: Final = 0x6F


def access_mask(permissions: int) -> int:
    """Give the bits of AccessLevelEx that a user keeps in UserAccessLevel (Part 3 v1.05 5.6.2, 8.57, 8.58).

    CurrentRead, CurrentWrite, HistoryRead, HistoryWrite, StatusWrite and TimestampWrite need a permission, the others
    need none.
    """
    mask = 0xFFFF_FFFF & ~_ACCESS_BITS
    for needed, bits in _ACCESS:
        if permissions & needed:
            mask |= bits
    return mask


class Restriction:
    """Bits of AccessRestrictionType (Part 3 v1.05 8.56)."""

    SIGNING_REQUIRED = 1
    ENCRYPTION_REQUIRED = 2
    SESSION_REQUIRED = 4
    APPLY_TO_BROWSE = 8


def access_restrictions_met(
    restrictions: int | None,
    default_restrictions: int | None,
    security_mode: int,
    *,
    has_session: bool = True,
    browsing: bool = False,
) -> bool:
    """Tell whether a connection is safe enough for a node; if not, the StatusCode is BadSecurityModeInsufficient.

    A node's own AccessRestrictions count, else those of its namespace (Part 3 v1.05 5.2.11). They hold for browsing
    only where they say so.
    """
    bits = restrictions if restrictions is not None else default_restrictions or 0
    if browsing and not bits & Restriction.APPLY_TO_BROWSE:
        return True
    if bits & Restriction.ENCRYPTION_REQUIRED and security_mode != SecurityMode.SIGN_AND_ENCRYPT:
        return False
    if bits & Restriction.SIGNING_REQUIRED and security_mode not in (SecurityMode.SIGN, SecurityMode.SIGN_AND_ENCRYPT):
        return False
    return has_session or not bits & Restriction.SESSION_REQUIRED
