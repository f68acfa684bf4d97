"""ApplicationsExclude and EndpointsExclude, the two properties of a role that are written (Part 18 v1.05 4.4.1)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final

from server.address_space.session_context import SessionContext
from server.ua_stack.role_set.callers import ADMINISTRATOR
from server.users.errors import BAD_RESOURCE_UNAVAILABLE, BAD_USER_ACCESS_DENIED, UserRefused, UserStoreError
from server.users.role_changes import set_excludes
from server.users.roles import RoleSet
from server.users.store import UserStore

Write = Callable[[bytes, SessionContext], Awaitable[int]]
_Change = Callable[[RoleSet, str, bool], RoleSet]
_log = logging.getLogger("plantspace.users")


def _applications(roles: RoleSet, name: str, truth: bool) -> RoleSet:  # noqa: FBT001 - the value that was written
    return set_excludes(roles, name, applications=truth)


def _endpoints(roles: RoleSet, name: str, truth: bool) -> RoleSet:  # noqa: FBT001 - as above
    return set_excludes(roles, name, endpoints=truth)


def _writer(change: _Change, store: UserStore, name: str) -> Write:
    async def write(variant: bytes, context: SessionContext) -> int:
        if context.roles is not None and ADMINISTRATOR not in context.roles:
            return BAD_USER_ACCESS_DENIED  # whatever a configuration gives to others: it says who has the role
        truth = variant[-1] != 0
        try:
            await store.change_roles(lambda roles: change(roles, name, truth))
        except UserRefused as refused:
            _log.info("a write to the role %r is refused: %s", name, refused)
            return refused.status
        except UserStoreError as error:
            _log.warning("the role %r cannot be changed: %s", name, error)
            return BAD_RESOURCE_UNAVAILABLE
        return 0

    return write


EXCLUDES: Final[Mapping[str, Callable[[UserStore, str], Write]]] = {
    "ApplicationsExclude": partial(_writer, _applications),
    "EndpointsExclude": partial(_writer, _endpoints),
}
"""By BrowseName: makes what writes a role's property."""
