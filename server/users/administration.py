"""What administrators and users themselves change: users, passwords, roles by name (Part 18 v1.05 5.2.5 to 5.2.8)."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from server.users.errors import (
    BAD_ALREADY_EXISTS,
    BAD_CONFIGURATION_ERROR,
    BAD_INVALID_ARGUMENT,
    BAD_NOT_FOUND,
    BAD_NOT_SUPPORTED,
    BAD_RESOURCE_UNAVAILABLE,
    UserRefused,
)
from server.users.names import name_key, proper_name
from server.users.passwords import PasswordRules, Passwords
from server.users.records import NO_OPTIONS, Snapshot, UserOption, UserRecord
from server.users.role_changes import add_identity, names_user, remove_identity, without_user
from server.users.roles import Criterion, IdentityRule, RoleSet
from server.users.store import UserStore
from server.users.tables import delete_user, put_roles, put_user
from server.users.well_known import SECURITY_ADMIN

MOST_USERS: Final = 10_000
_LONGEST_DESCRIPTION: Final = 1024


class UserAdministration:
    """Changes the store's users. Each change is whole or refused with :class:`~server.users.errors.UserRefused`."""

    def __init__(
        self,
        store: UserStore,
        passwords: Passwords,
        rules: PasswordRules | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``clock``: seconds since 1970."""
        self._store = store
        self._passwords = passwords
        self.rules = rules or PasswordRules()
        self._clock = clock

    async def add(
        self,
        name: str,
        password: str,
        *,
        options: UserOption = NO_OPTIONS,
        description: str = "",
        expires: int | None = None,
        roles: Iterable[str] = (),
    ) -> UserRecord:
        """Add a user with roles. ``expires``: seconds since 1970."""
        name = proper_name(name)
        self.rules.check(password, name)
        moment = int(self._clock())
        user = UserRecord(name, await self._hash(password), options, description, expires, moment, moment)
        _check(user)
        wanted = list(roles)

        def operation(connection: sqlite3.Connection, now: Snapshot) -> UserRecord:
            if name_key(name) in now.users:
                raise UserRefused(BAD_ALREADY_EXISTS, f"there is a user {name!r} already")
            if len(now.users) >= MOST_USERS:
                raise UserRefused(BAD_RESOURCE_UNAVAILABLE, f"there are {MOST_USERS} users already")
            put_user(connection, user)
            # rules that were made for the name before there was such a user would come as a surprise
            after = _with_roles(without_user(now.roles, name), name, wanted)
            put_roles(connection, now.roles, after)
            return user

        return await self._store.change(operation)

    async def set_up(self, name: str, password: str) -> UserRecord:
        """Make the first SecurityAdmin, who must change the password; refused where there is one already."""
        if there := self._store.snapshot.administrators(self._clock()):
            problem = f"there is a SecurityAdmin already: {', '.join(there[:3])}"
            raise UserRefused(BAD_ALREADY_EXISTS, problem, "let that one make others")
        return await self.add(name, password, options=UserOption.MUST_CHANGE_PASSWORD, roles=[SECURITY_ADMIN])

    async def set_password(self, name: str, password: str, *, must_change: bool = False) -> UserRecord:
        """Give a user a new password, as an administrator does it. Locks on the name end."""
        self.rules.check(password, name)
        secret = await self._hash(password)

        def renewed(user: UserRecord) -> UserRecord:
            bit = UserOption.MUST_CHANGE_PASSWORD
            moment = int(self._clock())
            options = user.options | bit if must_change else user.options & ~bit
            return replace(user, secret=secret, options=options, password_changed=moment, released=moment)

        return await self.modify(name, renewed)

    async def changed_by_user(self, name: str, password: str) -> UserRecord:
        """Take the new password of a user who has shown the one before (Part 18 v1.05 5.2.8)."""
        self.rules.check(password, name)
        secret = await self._hash(password)

        def renewed(user: UserRecord) -> UserRecord:
            if user.options & UserOption.NO_CHANGE_BY_USER:
                raise UserRefused(BAD_NOT_SUPPORTED, "the password is changed by an administrator only")
            options = user.options & ~UserOption.MUST_CHANGE_PASSWORD
            return replace(user, secret=secret, options=options, password_changed=int(self._clock()))

        return await self.modify(name, renewed)

    async def set_enabled(self, name: str, *, enabled: bool) -> UserRecord:
        """Let a user log in, or not any more. Enabling ends locks on the name too."""

        def switched(user: UserRecord) -> UserRecord:
            if enabled:
                return replace(user, options=user.options & ~UserOption.DISABLED, released=int(self._clock()))
            return replace(user, options=user.options | UserOption.DISABLED)

        return await self.modify(name, switched)

    async def modify(self, name: str, change: Callable[[UserRecord], UserRecord]) -> UserRecord:
        """Change a user's record; the name stays."""

        def operation(connection: sqlite3.Connection, now: Snapshot) -> UserRecord:
            changed = change(user_of(now, name))
            _check(changed)
            put_user(connection, changed)
            return changed

        return await self._store.change(operation)

    async def configure(
        self,
        name: str,
        *,
        password: str | None = None,
        options: UserOption | None = None,
        description: str | None = None,
    ) -> UserRecord:
        """Change what is given, all of it or nothing (Part 18 v1.05 5.2.6). Enabling, or a new password, ends locks."""
        user_of(self._store.snapshot, name)  # before a password is hashed for nobody
        secret = None
        if password is not None:
            self.rules.check(password, name)
            secret = await self._hash(password)

        def configured(user: UserRecord) -> UserRecord:
            moment = int(self._clock())
            now = replace(
                user,
                options=user.options if options is None else options,
                description=user.description if description is None else description,
            )
            if secret is not None:
                now = replace(now, secret=secret, password_changed=moment, released=moment)
            return replace(now, released=moment) if now.is_enabled and not user.is_enabled else now

        return await self.modify(name, configured)

    async def remove(self, name: str) -> UserRecord:
        """Remove a user, and all rules that name it."""

        def operation(connection: sqlite3.Connection, now: Snapshot) -> UserRecord:
            user = user_of(now, name)
            if user.options & UserOption.NO_DELETE:
                raise UserRefused(BAD_NOT_SUPPORTED, f"the user {user.name!r} is one that cannot be removed")
            delete_user(connection, user.name)
            put_roles(connection, now.roles, without_user(now.roles, user.name))
            return user

        return await self._store.change(operation)

    async def set_roles(self, name: str, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> list[str]:
        """Give and take roles, by rules on the user's name, and give those that rules give it now."""
        more, fewer = list(add), list(remove)

        def operation(connection: sqlite3.Connection, now: Snapshot) -> None:
            user = user_of(now, name)
            put_roles(connection, now.roles, _with_roles(now.roles, user.name, more, fewer))

        await self._store.change(operation)
        return self._store.snapshot.roles_named(name)

    async def _hash(self, password: str) -> str:
        return await asyncio.to_thread(self._passwords.hash, password)


def user_of(now: Snapshot, name: str) -> UserRecord:
    """Give a user by name. Raises :class:`~server.users.errors.UserRefused`."""
    user = now.users.get(name_key(name))
    if user is None:
        raise UserRefused(BAD_NOT_FOUND, f"there is no user {name!r}")
    return user


def _with_roles(roles: RoleSet, name: str, add: Iterable[str], remove: Iterable[str] = ()) -> RoleSet:
    """Give and take rules on a name; what is so already stays so."""
    for role in add:
        if role not in roles.roles or not any(names_user(rule, name) for rule in roles.role(role).identities):
            roles = add_identity(roles, role, IdentityRule(Criterion.USER_NAME, name))
    for role in remove:
        kept = roles.role(role).identities if role in roles.roles else ()
        rules = [rule for rule in kept if names_user(rule, name)]
        if role in roles.roles and not rules:
            raise UserRefused(BAD_NOT_FOUND, f"the user {name!r} does not have the role {role!r}")
        for rule in rules or [IdentityRule(Criterion.USER_NAME, name)]:  # one that is not there is refused by its name
            roles = remove_identity(roles, role, rule)
    return roles


def _check(user: UserRecord) -> None:
    both = UserOption.NO_CHANGE_BY_USER | UserOption.MUST_CHANGE_PASSWORD
    if user.options & both == both:  # Part 18 v1.05 5.2.3
        raise UserRefused(BAD_CONFIGURATION_ERROR, "a user who must change the password must be let change it")
    if int(user.options) & ~0xF:  # Part 18 v1.05 5.2.5
        raise UserRefused(BAD_NOT_SUPPORTED, f"0x{int(user.options):X} has bits that mean nothing")
    if len(user.description) > _LONGEST_DESCRIPTION:
        raise UserRefused(BAD_INVALID_ARGUMENT, f"a description has at most {_LONGEST_DESCRIPTION} characters")
