"""The nodes below RoleSet: they show what the store holds, and those of our own roles come and go with it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Final

from asyncua.ua.object_ids import ObjectIds

from core.time import now
from nodesets.nodes import NodeClass
from server.address_space.decoding import GivenValue
from server.address_space.encoding import boolean_variant
from server.address_space.kept_elsewhere import KeptElsewhere
from server.address_space.keys import NodeKey, nodeid_of, numeric_key
from server.address_space.node import ACCESS_WRITE, Flag, SpaceNode
from server.address_space.space import AddressSpace
from server.ua_stack.nodes import NodeBuilder
from server.ua_stack.role_set import values
from server.ua_stack.role_set.answering import Method
from server.ua_stack.role_set.excludes import EXCLUDES
from server.ua_stack.role_set.own_role import HAS_COMPONENT, MEMBERS, ROLE_SET, add_own_role
from server.users.records import Snapshot
from server.users.roles import Role
from server.users.store import UserStore

_ROLE_TYPE: Final = numeric_key(0, ObjectIds.RoleType)
_VALUES: Final[Mapping[str, Callable[[Role], bytes]]] = {
    "Identities": values.identities,
    "Applications": values.applications,
    "ApplicationsExclude": values.applications_exclude,
    "Endpoints": values.endpoints,
    "EndpointsExclude": values.endpoints_exclude,
}
_log = logging.getLogger("plantspace.users")


class RoleNodes:
    """Shows the roles of a store. Belongs to the event loop."""

    def __init__(self, space: AddressSpace, store: UserStore, methods: Mapping[str, Method]) -> None:
        """``methods``: what answers those of a role, by BrowseName. Nothing is shown before :meth:`show`."""
        self._space = space
        self._store = store
        self._methods = methods
        self._own: dict[str, list[NodeKey]] = {}

    def show(self) -> None:
        """Let every role's nodes tell what the store holds from now on."""
        roles = self._store.snapshot.roles
        for kind, key in list(self._space[ROLE_SET].forward):
            node = self._space[key]
            if kind == HAS_COMPONENT and self._space.type_of(node) == _ROLE_TYPE:
                name = roles.name_of(key)
                if name is None:
                    self._close(node)
                else:
                    self._fill(node, name)
        self._follow(self._store.snapshot)

    def follow(self, before: Snapshot, after: Snapshot) -> None:
        """Take in which roles there are after a change; their values are asked for when they are read."""
        if before.roles.roles.keys() != after.roles.roles.keys():
            self._follow(after)

    def _follow(self, snapshot: Snapshot) -> None:
        roles = snapshot.roles
        for name in self._own.keys() - roles.roles.keys():
            self._space.remove_all(self._own.pop(name))
        for name, role in roles.roles.items():
            if role.is_well_known or name in self._own:
                continue
            keys = add_own_role(self._space, roles.key_of(name), name)
            if keys is None:
                _log.warning("the role %r has no node: there is another one with its NodeId", name)
                continue
            self._own[name] = keys
            self._fill(self._space[keys[0]], name)

    def _fill(self, role: SpaceNode, name: str) -> None:
        """Bind a role's members to the store."""
        for member in self._members(role):
            called = member.browse_name.name
            encode = _VALUES.get(called)
            if encode is not None:
                read = _RoleValue(self._store, name, encode)
                write = EXCLUDES.get(called)
                member.value = read if write is None else KeptElsewhere(read, write(self._store, name))
            elif called == "CustomConfiguration":  # the rules alone say who has a role (Part 18 v1.05 4.4.1)
                member.value = boolean_variant(value=False)
            elif called in self._methods:
                member.definition = self._methods[called]

    def _close(self, role: SpaceNode) -> None:
        """Show a role that the model has and the store has not, such as those for key servers: it is nobody's."""
        nobodys = Role(role.browse_name.name)
        builder = NodeBuilder(self._space)
        for member in self._members(role):
            encode = _VALUES.get(member.browse_name.name)
            if member.node_class is NodeClass.METHOD:
                member.flags &= ~Flag.EXECUTABLE
                self._space.changed(member)
            elif encode is not None:
                member.value = encode(nobodys)
                builder.set_access(nodeid_of(member.key), remove=ACCESS_WRITE)

    def _members(self, role: SpaceNode) -> list[SpaceNode]:
        return [self._space[key] for kind, key in role.forward if kind in MEMBERS]


class _RoleValue:
    """A property of a role, encoded once for as long as the role stays as it is."""

    def __init__(self, store: UserStore, name: str, encode: Callable[[Role], bytes]) -> None:
        self._store = store
        self._name = name
        self._encode = encode
        self._told: tuple[Role, bytes, int] | None = None

    def __call__(self) -> GivenValue:
        role = self._store.snapshot.roles.role(self._name)
        moment, told = now(), self._told
        if told is None or told[0] != role:
            told = self._told = (role, self._encode(role), moment)
        return GivenValue(told[1], 0, told[2], moment)
