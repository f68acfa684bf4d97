"""Binds RoleSet and UserManagement to the gateway's users."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from asyncua.ua.object_ids import ObjectIds

from core.time import now
from server.address_space.decoding import GivenValue
from server.address_space.keys import NodeKey, numeric_key
from server.address_space.node import SpaceNode
from server.address_space.space import AddressSpace
from server.ua_stack.nodeids import NodeIds
from server.ua_stack.role_set import values
from server.ua_stack.role_set.answering import Method
from server.ua_stack.role_set.callers import Session
from server.ua_stack.role_set.own_role import MEMBERS, ROLE_SET
from server.ua_stack.role_set.role_methods import OnChange, RoleMethods
from server.ua_stack.role_set.role_nodes import RoleNodes
from server.ua_stack.role_set.user_methods import UserMethods
from server.users.identity import Identity
from server.users.logins import Logins
from server.users.store import UserStore

USER_MANAGEMENT: Final = numeric_key(0, ObjectIds.UserManagement)


def bind_role_set(
    space: AddressSpace,
    nodeids: NodeIds,
    store: UserStore,
    logins: Logins,
    *,
    caller: Callable[[], Session | None],
    on_change: OnChange,
    on_password_changed: Callable[[Session, Identity], None],
) -> None:
    """Let RoleSet and UserManagement show and change the users and roles of a store that has been started.

    ``caller`` gives the session within a method; it may be asked again and again. ``on_change`` takes a record for the
    audit whenever a client has changed who has a role. ``on_password_changed`` takes the session and what its user is
    from then on.
    """
    server_uri = nodeids.uri_of(store.snapshot.roles.own_namespace)
    methods = RoleMethods(space, store, caller, server_uri, on_change)
    _bind(space, ROLE_SET, methods.of_the_set())
    nodes = RoleNodes(space, store, methods.of_a_role())
    nodes.show()
    store.listeners.append(nodes.follow)
    _bind(space, USER_MANAGEMENT, UserMethods(logins, caller, on_password_changed).methods())
    members = _members(space, USER_MANAGEMENT)
    rules = logins.administration.rules
    members["Users"].value = _Users(store)
    members["PasswordLength"].value = values.password_length(rules)
    members["PasswordOptions"].value = values.password_options()
    members["PasswordRestrictions"].value = values.password_restrictions()


def _members(space: AddressSpace, owner: NodeKey) -> dict[str, SpaceNode]:
    members = (space[target] for kind, target in space[owner].forward if kind in MEMBERS)
    return {member.browse_name.name: member for member in members}


def _bind(space: AddressSpace, owner: NodeKey, methods: Mapping[str, Method]) -> None:
    members = _members(space, owner)
    for name, method in methods.items():
        members[name].definition = method


class _Users:
    """The Users property, encoded once for as long as all users stay as they are."""

    def __init__(self, store: UserStore) -> None:
        self._store = store
        self._told: tuple[list[values.UserRow], bytes, int] | None = None

    def __call__(self) -> GivenValue:
        rows = [(user.name, int(user.options), user.description) for user in self._store.snapshot.users.values()]
        moment, told = now(), self._told
        if told is None or told[0] != rows:
            told = self._told = (rows, values.users(rows), moment)
        return GivenValue(told[1], 0, told[2], moment)
