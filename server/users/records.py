"""What is kept of a user, and all of it together."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntFlag

from server.users.role_changes import names_user
from server.users.roles import RoleSet
from server.users.well_known import SECURITY_ADMIN


class UserOption(IntFlag):
    """UserConfigurationMask (Part 18 v1.05 5.2.3)."""

    NO_DELETE = 1
    DISABLED = 2
    NO_CHANGE_BY_USER = 4
    MUST_CHANGE_PASSWORD = 8


NO_OPTIONS = UserOption(0)


@dataclass(frozen=True, slots=True)
class UserRecord:
    """A user. Times are whole seconds since 1970; ``expires`` None is never.

    ``secret``: the password's hash. ``released``: when an administrator last ended the locks on the name. ``sources``:
    the addresses that the user logged in from last, for which a lock on the name alone does not hold.
    """

    name: str
    secret: str = field(repr=False)
    options: UserOption = NO_OPTIONS
    description: str = ""
    expires: int | None = None
    made: int = 0
    password_changed: int = 0
    released: int = 0
    sources: tuple[str, ...] = ()

    @property
    def is_enabled(self) -> bool:
        """Whether the user is not disabled."""
        return not self.options & UserOption.DISABLED

    @property
    def must_change_password(self) -> bool:
        """Whether the user has no roles until the password is changed."""
        return bool(self.options & UserOption.MUST_CHANGE_PASSWORD)

    def is_expired(self, moment: float) -> bool:
        """Tell whether the user's time is over at a moment in seconds since 1970."""
        return self.expires is not None and moment >= self.expires


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All users, by :func:`~server.users.names.name_key`, and the roles, at one moment."""

    users: Mapping[str, UserRecord] = field(default_factory=dict[str, UserRecord])
    roles: RoleSet = field(default_factory=RoleSet)

    def roles_named(self, name: str) -> list[str]:
        """Give the roles that rules give to a user by name."""
        return [
            role.name
            for role in (self.roles.role(one) for one in self.roles.roles)
            if any(names_user(rule, name) for rule in role.identities)
        ]

    def administrators(self, moment: float | None = None) -> list[str]:
        """Give the names of the users who can log in and are SecurityAdmin."""
        now = time.time() if moment is None else moment
        rules = self.roles.role(SECURITY_ADMIN).identities
        return [
            user.name
            for user in self.users.values()
            if user.is_enabled and not user.is_expired(now) and any(names_user(rule, user.name) for rule in rules)
        ]
