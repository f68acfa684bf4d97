"""The owner of the users' file: one thread works on it, everybody reads the snapshot."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import sqlite3
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

from server.users.database import FILE_NAME, open_database, translated
from server.users.errors import BAD_REQUEST_NOT_ALLOWED, UserRefused, UserStoreError
from server.users.records import Snapshot
from server.users.roles import IdentityRule, Role, RoleSet
from server.users.tables import load, put_roles

T = TypeVar("T")
_log = logging.getLogger("plantspace.users")
_EVERY: Final = 1.0
"""Seconds between two looks for what another process, such as ``plantspace user``, has changed."""
_JITTER: Final = 0.2

Listener = Callable[[Snapshot, Snapshot], None]


class UserStore:
    """Users and roles. :attr:`snapshot` is as good as the file, at most a second behind another process.

    ``listeners`` are called on the loop with the snapshots before and after each change.
    """

    def __init__(
        self,
        folder: Path,
        configured: Mapping[str, tuple[IdentityRule, ...]] | None = None,
        own_namespace: int = 1,
    ) -> None:
        """Name the data folder; nothing is opened yet. ``configured``: rules of the configuration file, by role.

        ``own_namespace``: index of the namespace that the NodeIds of own roles are in.
        """
        self.path = folder / FILE_NAME
        self.listeners: list[Listener] = []
        self._configured = dict(configured or {})
        self._own_namespace = own_namespace
        self.snapshot = self._completed(Snapshot())
        self._threads: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None
        self._version: object = None
        self._watch: asyncio.Task[None] | None = None

    async def start(self, *, watch: bool = True) -> None:
        """Open the file, make it if need be, and look from time to time whether another process changes it.

        Raises :class:`~server.users.errors.UserStoreError`.
        """
        self._threads = ThreadPoolExecutor(1, "users")
        try:
            self.snapshot = self._completed(await self._call(self._open))
        except UserStoreError:
            await self.stop()
            raise
        if watch:
            self._watch = asyncio.create_task(self._look_again(), name="users watch")

    async def stop(self) -> None:
        """Close the file and end the thread. Safe twice and before :meth:`start`."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch
        threads, self._threads = self._threads, None
        if threads is not None:
            await asyncio.get_running_loop().run_in_executor(threads, self._close)
            threads.shutdown()

    async def refresh(self) -> None:
        """Take over what another process has changed. Raises :class:`~server.users.errors.UserStoreError`."""
        found = await self._call(self._reload)
        if found is not None:
            self._take(found)

    async def change(self, operation: Callable[[sqlite3.Connection, Snapshot], T]) -> T:
        """Run ``operation`` in one transaction; all of it is kept, or nothing.

        It gets the connection and what is in the file now. Raises :class:`~server.users.errors.UserStoreError`,
        whatever the operation raises, and :class:`~server.users.errors.UserRefused` where nobody would be left who can
        log in as SecurityAdmin.
        """
        result, after = await self._call(lambda: self._transact(operation))
        self._take(after)
        return result

    async def change_roles(self, change: Callable[[RoleSet], RoleSet]) -> None:
        """Change roles by a function of :mod:`server.users.role_changes`."""

        def operation(connection: sqlite3.Connection, now: Snapshot) -> None:
            put_roles(connection, now.roles, change(now.roles))

        await self.change(operation)

    def _take(self, found: Snapshot) -> None:
        before, self.snapshot = self.snapshot, self._completed(found)
        for listener in self.listeners:
            listener(before, self.snapshot)

    def _completed(self, found: Snapshot) -> Snapshot:
        """Add what the configuration says: rules, and roles that it alone knows."""
        roles = dict(found.roles.roles)
        for name in self._configured:
            roles.setdefault(name, Role(name))
        return replace(found, roles=RoleSet(roles, self._configured, self._own_namespace))

    async def _call(self, work: Callable[[], T]) -> T:
        if self._threads is None:
            message = f"{self.path}: it is not open"
            raise UserStoreError(message)
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _open(self) -> Snapshot:
        self._connection = open_database(self.path)
        found = self._reload()
        return Snapshot() if found is None else found

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _open_connection(self) -> sqlite3.Connection:
        if self._connection is None:
            message = f"{self.path}: it is not open"
            raise UserStoreError(message)
        return self._connection

    def _reload(self) -> Snapshot | None:
        """Read everything, or give None where no other process has changed anything since."""
        connection = self._open_connection()
        with translated(self.path):
            version = connection.execute("PRAGMA data_version").fetchone()
            if version == self._version:
                return None
            connection.execute("BEGIN")
            try:
                found = load(connection)
            finally:
                connection.rollback()
            self._version = version
            return found

    def _transact(self, operation: Callable[[sqlite3.Connection, Snapshot], T]) -> tuple[T, Snapshot]:
        connection = self._open_connection()
        with translated(self.path):
            connection.execute("BEGIN IMMEDIATE")
            try:
                before = self._completed(load(connection))
                result = operation(connection, before)
                after = load(connection)
                if before.administrators() and not self._completed(after).administrators():
                    problem = "nobody would be left who can log in as SecurityAdmin"
                    raise UserRefused(BAD_REQUEST_NOT_ALLOWED, problem, "make another one SecurityAdmin first")  # noqa: TRY301 - it rolls back as any other does
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.rollback()
                raise
            return result, after

    async def _look_again(self) -> None:
        pause = _EVERY
        while True:
            await asyncio.sleep(pause * random.uniform(1 - _JITTER, 1 + _JITTER))  # noqa: S311 - spreads load, no secret
            try:
                await self.refresh()
                pause = _EVERY
            except UserStoreError as error:
                pause = min(60.0, pause * 2)
                _log.warning("users and roles stay as they were: %s", error)
