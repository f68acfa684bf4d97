"""What ``plantspace user`` does."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from server.cli.recording import record, user_changes
from server.cli.terminal import counted
from server.cli.user import SETUP_PASSWORD
from server.cli.user_passwords import read_password
from server.cli.user_place import check_owner, check_there, data_folder
from server.cli.user_table import print_user, print_users
from server.users.administration import UserAdministration, user_of
from server.users.passwords import Passwords, one_time_password
from server.users.records import NO_OPTIONS, UserOption
from server.users.store import UserStore

_MAKES_FILE = ("setup", "add")


@dataclass(frozen=True, slots=True)
class _Users:
    store: UserStore
    administration: UserAdministration


def run(arguments: argparse.Namespace) -> None:
    """Run a command.

    Raises :class:`~server.users.errors.UserRefused`, :class:`~server.users.errors.UserStoreError`,
    :class:`~server.cli.user_passwords.PasswordInputError`, :class:`~core.errors.InputError`, :class:`OSError`.
    """
    folder = data_folder(arguments.config, arguments.data)
    check_owner(folder)
    if arguments.command in _MAKES_FILE:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    else:
        check_there(folder)
    asyncio.run(_with_store(UserStore(folder), arguments))


async def _with_store(store: UserStore, arguments: argparse.Namespace) -> None:
    await store.start(watch=False)
    before = store.snapshot
    try:
        await _COMMANDS[arguments.command](_Users(store, UserAdministration(store, Passwords())), arguments)
    finally:
        record(store.path.parent, "", *user_changes(before, store.snapshot))
        await store.stop()


async def _setup(users: _Users, arguments: argparse.Namespace) -> None:
    given = os.environ.get(SETUP_PASSWORD) if arguments.password_file is None else None
    made = one_time_password()
    password = given or (made if arguments.password_file is None else read_password(arguments.password_file, ""))
    user = await users.administration.set_up(arguments.name, password)
    print(f"user {user.name} was made, SecurityAdmin")
    if password is made:
        print(f"one-time password, shown this once: {made}")
    print("it must be changed before the user has any rights")


async def _add(users: _Users, arguments: argparse.Namespace) -> None:
    password = read_password(arguments.password_file, arguments.name)
    user = await users.administration.add(
        arguments.name,
        password,
        options=UserOption.MUST_CHANGE_PASSWORD if arguments.must_change else NO_OPTIONS,
        description=arguments.description,
        expires=arguments.expires,
        roles=arguments.roles,
    )
    _tell_roles(f"user {user.name} was added", users.store.snapshot.roles_named(user.name))


async def _list(users: _Users, _: argparse.Namespace) -> None:
    print_users(users.store.snapshot)


async def _show(users: _Users, arguments: argparse.Namespace) -> None:
    print_user(user_of(users.store.snapshot, arguments.name), users.store.snapshot)


async def _password(users: _Users, arguments: argparse.Namespace) -> None:
    known = user_of(users.store.snapshot, arguments.name)  # nobody types a password for a user who is not there
    password = read_password(arguments.password_file, known.name)
    user = await users.administration.set_password(known.name, password, must_change=arguments.must_change)
    print(f"user {user.name} has a new password" + (", to be changed" if arguments.must_change else ""))


async def _roles(users: _Users, arguments: argparse.Namespace) -> None:
    name = user_of(users.store.snapshot, arguments.name).name
    if arguments.add or arguments.remove:
        await users.administration.set_roles(name, add=arguments.add, remove=arguments.remove)
    _tell_roles(f"user {name}", users.store.snapshot.roles_named(name))


async def _enable(users: _Users, arguments: argparse.Namespace) -> None:
    user = await users.administration.set_enabled(arguments.name, enabled=True)
    print(f"user {user.name} can log in")


async def _disable(users: _Users, arguments: argparse.Namespace) -> None:
    user = await users.administration.set_enabled(arguments.name, enabled=False)
    print(f"user {user.name} cannot log in any more")


async def _remove(users: _Users, arguments: argparse.Namespace) -> None:
    user = await users.administration.remove(arguments.name)
    print(f"user {user.name} was removed; {counted(len(users.store.snapshot.users), 'user')} left")


def _tell_roles(what: str, roles: list[str]) -> None:
    print(f"{what}: {', '.join(roles) if roles else 'no roles'}")


_COMMANDS: dict[str, Callable[[_Users, argparse.Namespace], Awaitable[None]]] = {
    "setup": _setup,
    "add": _add,
    "list": _list,
    "show": _show,
    "password": _password,
    "roles": _roles,
    "enable": _enable,
    "disable": _disable,
    "remove": _remove,
}
