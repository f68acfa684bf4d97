"""What a session may do with each node (Part 3 v1.05 5.2.9 to 5.2.11, 8.55, 8.56), and what it is told of that.

A node's own RolePermissions count, else its namespace's defaults, else what each role may do where nothing is said.
Most nodes say nothing: for them a set of roles has one mask a namespace, made once a version of the address space.

What a session may not even browse is unknown to it. The standard's own nodes are no secret: whoever may not use one is
told so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes

from server.address_space.keys import NodeKey, namespace_of
from server.address_space.namespace_defaults import NamespaceDefaults, Told, namespace_defaults
from server.address_space.node import ACCESS_HISTORY_READ, ACCESS_READ, ACCESS_WRITE, Flag, Link, SpaceNode
from server.address_space.session_context import SessionContext
from server.address_space.space_nodes import NodesOf
from server.users.permissions import (
    Permissions,
    Restriction,
    Said,
    access_mask,
    access_restrictions_met,
    fallback_permissions,
    permissions_of,
    standard_namespace,
)
from server.users.roles import RoleSet
from server.users.well_known import ALL_PERMISSIONS, Permission

_BROWSE: Final = int(Permission.BROWSE)
_ROLES_PERMISSIONS: Final = 1 << 23
_HISTORIZING: Final = 1 << 9
"""Bits of WriteMask (Part 3 v1.05 8.60) that a permission of their own lets a user write."""
_MOST_ROLE_SETS: Final = 4096


class Use(NamedTuple):
    """A use of a Variable's value. ``bit``: of AccessLevel; ``refusal``: the StatusCode where nobody has it."""

    bit: int
    permission: int
    refusal: int


READING: Final = Use(ACCESS_READ, int(Permission.READ), StatusCodes.BadNotReadable)
WRITING: Final = Use(ACCESS_WRITE, int(Permission.WRITE), StatusCodes.BadNotWritable)
READING_HISTORY: Final = Use(
    ACCESS_HISTORY_READ, int(Permission.READ_HISTORY), StatusCodes.BadHistoryOperationUnsupported
)


class _Masks(dict[int, int]):
    """Permissions by the index of a namespace, of nodes without RolePermissions of their own."""

    def __init__(self, of: Callable[[int], int], *, open_to_browse: bool) -> None:
        super().__init__()
        self._of = of
        self.open_to_browse = open_to_browse
        """Whether the nodes of every namespace may be browsed that do not say otherwise themselves."""

    def __missing__(self, namespace: int) -> int:
        mask = self[namespace] = self._of(namespace)
        return mask


class Rights:
    """Answers for one address space. Belongs to the event loop."""

    def __init__(self, space: NodesOf) -> None:
        """Begin with the well-known roles; :meth:`use` brings others."""
        self._space = space
        self._version = -1
        self._namespaces = NamespaceDefaults({}, {}, {})
        self._masks: dict[frozenset[NodeKey], _Masks] = {}
        self._fallback: Mapping[NodeKey, int] = {}
        self._kept = Permissions({})
        self._listeners: list[Callable[[], None]] = []
        self._take(fallback_permissions(RoleSet()))

    def use(self, fallback: Mapping[NodeKey, int]) -> None:
        """Take what each role may do where nothing is said, and tell the listeners if it is anything else."""
        if dict(fallback) == self._fallback:
            return
        self._take(fallback)
        self._space.renewed()
        self.changed()

    def _take(self, fallback: Mapping[NodeKey, int]) -> None:
        self._fallback = dict(fallback)
        self._kept = Permissions(self._fallback)
        self._version = -1

    def listen(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` whenever what sessions may do has changed: what was derived from it is to be made anew."""
        self._listeners.append(listener)

    def unlisten(self, listener: Callable[[], None]) -> None:
        """Call a listener no more; safe for one that is none."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def changed(self) -> None:
        """Tell the listeners: RolePermissions, AccessRestrictions, the model or the roles are others by now."""
        for listener in self._listeners:
            listener()

    def permissions(self, node: SpaceNode, context: SessionContext) -> int:
        """Give the bits of PermissionType that a session has on a node."""
        roles = context.roles
        if roles is None:
            return ALL_PERMISSIONS
        access, key = node.access, node.key
        if access is not None and access.role_permissions is not None:
            own = self._kept.of(access.role_permissions, None, roles)
        else:
            own = self._masks_of(roles)[key >> 32 if isinstance(key, int) else key[0]]
        if access is None or access.within is None:
            return own
        return own & self._permissions_within(access.within, context)

    def _permissions_within(self, key: NodeKey, context: SessionContext) -> int:
        """Give the permissions on the node that another was made for; none once it is gone."""
        node = self._space.get(key)
        return 0 if node is None else self.permissions(node, context)

    def are_met(self, node: SpaceNode, context: SessionContext, *, browsing: bool = False) -> bool:
        """Tell whether a session's SecureChannel is safe enough for a node (AccessRestrictions)."""
        if context.is_gateway:
            return True
        if self._version != self._space.version:
            self._renew()
        access, defaults = node.access, self._namespaces.restrictions
        if access is not None and access.within is not None:
            within = self._space.get(access.within)
            if within is not None and not self.are_met(within, context, browsing=browsing):
                return False
        own = None if access is None else access.access_restrictions
        if own is None and not defaults:
            return True
        return access_restrictions_met(own, defaults.get(namespace_of(node.key)), context.mode, browsing=browsing)

    def hides(self, node: SpaceNode, context: SessionContext) -> bool:
        """Tell whether a node is not there for a session: it has no permission at all; never one of the standard's."""
        return not self.permissions(node, context) and bool(namespace_of(node.key))

    def refusal(self, node: SpaceNode, context: SessionContext, needed: int, *, browsing: bool = False) -> int:
        """Give the StatusCode of a session that has none of the permissions ``needed``, or too little security; else 0.

        ``browsing``: AccessRestrictions hold only where they say that they do for browsing.
        """
        bits = self.permissions(node, context)
        if not bits & needed:
            seen = bits & _BROWSE or not namespace_of(node.key)
            return StatusCodes.BadUserAccessDenied if seen else StatusCodes.BadNodeIdUnknown
        if self.are_met(node, context, browsing=browsing):
            return StatusCodes.Good
        return StatusCodes.BadSecurityModeInsufficient

    def value_refusal(self, node: SpaceNode, context: SessionContext, use: Use) -> int:
        """Give the StatusCode that refuses a use of a Variable's value, 0 where it is allowed; the gateway may do it.

        AccessLevel says what can be done at all, UserAccessLevel and permissions what this session may.
        """
        if context.is_gateway:
            return StatusCodes.Good
        refused = self.refusal(node, context, use.permission)
        variable = node.variable
        if variable is None or refused == StatusCodes.BadNodeIdUnknown:
            return refused
        if not variable.access_level & use.bit:
            return use.refusal
        return refused if variable.user_access_level & use.bit else StatusCodes.BadUserAccessDenied

    def event_refusal(self, node: SpaceNode, context: SessionContext) -> int:
        """Give the StatusCode that refuses events of a notifier to a session, 0 where it may have them."""
        return self.refusal(node, context, Permission.RECEIVE_EVENTS)

    def hears(self, kind: NodeKey, source: NodeKey, context: SessionContext) -> bool:
        """Tell whether a session is told events of a type and of a source (ReceiveEvents, Part 3 v1.05 8.55).

        A source that is no node (Part 5 v1.05 6.4.2 lets it be) is nobody's secret; an unknown type is.
        """
        if context.is_gateway:
            return True
        event_type, node = self._space.get(kind), self._space.get(source)
        return (
            event_type is not None
            and not self.event_refusal(event_type, context)
            and (node is None or not self.event_refusal(node, context))
        )

    def hears_at(self, notifier: NodeKey, context: SessionContext) -> bool:
        """Tell whether a session may have events of a notifier; nobody has any of one that is gone."""
        node = self._space.get(notifier)
        return node is not None and not self.event_refusal(node, context)

    def sight(self, context: SessionContext) -> Sight | None:
        """Give what a session may browse; None for the gateway itself, which may browse all."""
        return None if context.is_gateway else Sight(self, self._space, context)

    def opens(self, context: SessionContext) -> bool:
        """Tell whether every node may be browsed that does not say otherwise itself."""
        if self._version != self._space.version:
            self._renew()
        if any(bits & Restriction.APPLY_TO_BROWSE for bits in self._namespaces.restrictions.values()):
            return False
        return context.roles is None or self._masks_of(context.roles).open_to_browse

    def told(self, node: SpaceNode) -> Told | None:
        """Give which default of which namespace a Property of its metadata tells; None for any other node."""
        if self._version != self._space.version:
            self._renew()
        return self._namespaces.told.get(node.key)

    def defaults_of(self, namespace: int) -> Said:
        """Give what each role may do with the nodes of a namespace that do not say so themselves."""
        if self._version != self._space.version:
            self._renew()
        said = self._namespaces.permissions.get(namespace)
        if said is not None:
            return said
        return standard_namespace(self._fallback) if not namespace else tuple(self._fallback.items())

    def _masks_of(self, roles: frozenset[NodeKey]) -> _Masks:
        if self._version != self._space.version:
            self._renew()
        masks = self._masks.get(roles)
        if masks is None:
            if len(self._masks) >= _MOST_ROLE_SETS:
                self._masks.clear()
            masks = self._masks[roles] = self._made(roles)
        return masks

    def _made(self, roles: frozenset[NodeKey]) -> _Masks:
        def of(namespace: int) -> int:
            return permissions_of(self.defaults_of(namespace), None, roles, {})

        said = (0, *self._namespaces.permissions)
        elsewhere = permissions_of(None, None, roles, self._fallback)
        return _Masks(of, open_to_browse=bool(elsewhere & _BROWSE) and all(of(one) & _BROWSE for one in said))

    def _renew(self) -> None:
        self._version = self._space.version
        self._namespaces = namespace_defaults(self._space)
        self._masks.clear()


class Sight:
    """What one session may browse; good for one request, as roles and nodes are at its time."""

    def __init__(self, rights: Rights, space: NodesOf, context: SessionContext) -> None:
        """Look with the rights of ``context``."""
        self._rights = rights
        self._space = space
        self._context = context

    def refusal(self, node: SpaceNode) -> int:
        """Give the StatusCode of a node that may not be browsed, 0 for one that may."""
        return self._rights.refusal(node, self._context, _BROWSE, browsing=True)

    def seen(self, links: Sequence[Link]) -> list[Link]:
        """Give the references whose other ends may be browsed (Part 4 v1.05 5.9.2); ends that are nowhere, too."""
        nodes, refusal = self._space.nodes, self.refusal
        if self._rights.opens(self._context):
            return [
                link
                for link in links
                if (node := nodes.get(link[1])) is None or node.access is None or not refusal(node)
            ]
        return [link for link in links if (node := nodes.get(link[1])) is None or not refusal(node)]


def writing_permission(attribute: int) -> int:
    """Give the permission by which an attribute other than a Variable's Value is written, where WriteMask lets it."""
    if attribute == AttributeIds.RolePermissions:
        return Permission.WRITE_ROLE_PERMISSIONS
    return Permission.WRITE_HISTORIZING if attribute == AttributeIds.Historizing else Permission.WRITE_ATTRIBUTE


def user_access_level(node: SpaceNode, permissions: int) -> int:
    """Give UserAccessLevel with the bits of AccessLevelEx (Part 3 v1.05 5.6.2); 0 for what is no Variable."""
    held = node.variable
    return 0 if held is None else held.access_level & held.user_access_level & access_mask(permissions)


def user_write_mask(node: SpaceNode, permissions: int) -> int:
    """Give UserWriteMask (Part 3 v1.05 5.2.8)."""
    mask = node.access.write_mask if node.access is not None else 0
    if not permissions & Permission.WRITE_ROLE_PERMISSIONS:
        mask &= ~_ROLES_PERMISSIONS
    if not permissions & Permission.WRITE_HISTORIZING:
        mask &= ~_HISTORIZING
    if not permissions & Permission.WRITE_ATTRIBUTE:
        mask &= _ROLES_PERMISSIONS | _HISTORIZING
    return mask


def user_executable(node: SpaceNode, permissions: int) -> bool:
    """Give UserExecutable (Part 3 v1.05 5.7)."""
    return bool(node.flags & Flag.EXECUTABLE and permissions & Permission.CALL)
