"""Who may come in: users and roles of the data folder, log-ins, and the clock that ends sessions."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from certs.store import TrustStore
from server.ua_stack.discovery.offered import issuer_endpoint
from server.ua_stack.session.log_in import LogIn
from server.ua_stack.session.service import SessionService
from server.ua_stack.stack import UaStack
from server.users.identity import Identity
from server.users.logins import Logins
from server.users.permissions import fallback_permissions
from server.users.records import Snapshot
from server.users.roles import RoleSet
from server.users.settings import RoleSettings, UserSettings, configured_rules
from server.users.store import UserStore

_log = logging.getLogger("plantspace.users")
_EVERY = 1.0
"""Seconds between two looks for sessions that are over."""
_JITTER = 0.1
_LOOKS_AT_TRUST = 4
"""Every so many of these looks, whether users' certificates are still trusted."""


@dataclass(frozen=True, slots=True)
class AccessSettings:
    """What the configuration says of users. ``anonymous``: the role of who does not say who it is, or ``none``."""

    anonymous: str
    users: UserSettings
    roles: Mapping[str, RoleSettings]
    base: Path
    """The folder of the configuration."""


class Access:
    """Owns users, log-ins and the sessions' clock. Its roles are asked for at each log-in and after each change."""

    def __init__(self, stack: UaStack, settings: AccessSettings, data_dir: Path, own_namespace: int) -> None:
        """``own_namespace``: index of the namespace that the NodeIds of own roles are in."""
        self._stack = stack
        self._settings = settings
        self._like = {name: one.like for name, one in settings.roles.items() if one.like is not None}
        rules = configured_rules(settings.roles, settings.anonymous)
        self.store = UserStore(data_dir, rules, own_namespace)
        self.logins = Logins(self.store, settings.users, base=settings.base)
        self.user_trust = TrustStore(data_dir / "certs" / "users")
        self._clock: asyncio.Task[None] | None = None

    @property
    def roles(self) -> RoleSet:
        """All roles as they are now."""
        return self.store.snapshot.roles

    @property
    def needs_key(self) -> bool:
        """Whether somebody may log in whose secret is encrypted for the gateway's key."""
        return bool(self.store.snapshot.users) or self.logins.offers_tokens

    def still_stands(self, identity: Identity) -> bool:
        """Tell whether a session's user is one yet."""
        return self.logins.still_stands(identity)

    async def start(self) -> None:
        """Open the users' file and let users in. Raises :class:`~server.users.errors.UserStoreError`."""
        await self.store.start()
        try:
            await self.logins.start()
            await asyncio.to_thread(self.user_trust.prepare)
        except BaseException:
            await self.stop()
            raise
        self.store.listeners.append(self._changed)
        self._use_roles()
        issuers = self._settings.users.issuers.values()
        issuer = next((issuer_endpoint(one.issuer, one.audience) for one in issuers), "")
        self._stack.let_in(LogIn(self.logins, self.user_trust, self._stack.secret_key, issuer), self)
        self._clock = asyncio.create_task(self._end_sessions(self._stack.internal.session_service), name="sessions")
        if self._settings.anonymous == "none" and not self.store.snapshot.administrators():
            _log.warning("nobody can log in yet: make the first user with 'plantspace user setup'")

    async def stop(self) -> None:
        """Let nobody in any more. Safe twice."""
        clock, self._clock = self._clock, None
        if clock is not None:
            clock.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await clock
        if self._changed in self.store.listeners:
            self.store.listeners.remove(self._changed)
        await self.logins.stop()
        await self.store.stop()

    def _use_roles(self) -> None:
        self._stack.internal.space.rights.use(fallback_permissions(self.roles, self._like))

    def _changed(self, before: Snapshot, after: Snapshot) -> None:
        if before.roles != after.roles:
            self._use_roles()
            self._stack.offer()
        self._stack.internal.session_service.roles_changed()

    async def _end_sessions(self, sessions: SessionService) -> None:
        turns = 0
        while True:
            await asyncio.sleep(_EVERY + random.uniform(0.0, _JITTER))  # noqa: S311 - no secret
            sessions.tick()
            turns += 1
            if turns % _LOOKS_AT_TRUST == 0:
                await sessions.end_distrusted()
