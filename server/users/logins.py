"""Logging in: whoever proves who they are becomes an :class:`~server.users.identity.Identity`."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple, NoReturn

from cryptography import x509

from server.users.administration import UserAdministration
from server.users.errors import BAD_ALREADY_EXISTS, LoginFault, LoginRefused, UserRefused, UserStoreError
from server.users.identity import NOBODY, Identity, IdentityKind, certificate_identity
from server.users.lockout import Lockout, source_key
from server.users.names import name_key
from server.users.passwords import Passwords
from server.users.records import Snapshot, UserRecord
from server.users.roles import Criterion
from server.users.settings import IssuerSettings, UserSettings
from server.users.store import UserStore
from server.users.tables import put_source, put_user
from server.users.turns import Turns

_log = logging.getLogger("plantspace.users")

_MOST_AT_ONCE: Final = 2


def verifications_at_once() -> int:
    """Leave a core to the rest of the gateway where there is more than one, and take no more memory than two need."""
    return max(1, min(_MOST_AT_ONCE, (os.cpu_count() or 1) - 1))


@dataclass(slots=True)
class LoginCounters:
    """What has happened since the start."""

    succeeded: int = 0
    failed: int = 0
    locked: int = 0
    """Refused unseen, because the user or the address was locked."""


class Locked(NamedTuple):
    """A lock that began: of the user ``name``, or of the address ``place`` where that is empty; ``seconds`` long."""

    name: str
    place: str
    failures: int
    seconds: float


def _untold(locked: Locked) -> None:
    del locked


def _verify_token(
    issuers: Mapping[str, IssuerSettings], base: Path, clock: Callable[[], float]
) -> Callable[[bytes], Identity]:
    from server.users.tokens import TokenVerifier  # noqa: PLC0415 - with an HTTP client, which few gateways need

    return TokenVerifier(issuers, base, clock).verify


def _no_issuer(_token: bytes) -> Identity:
    raise LoginRefused(LoginFault.NOT_OFFERED, "there is no issuer of tokens")


class Logins:
    """Logs users in and counts who fails. Every refusal looks the same from outside.

    Its threads do the costly work: passwords one or two at a time, tokens one at a time; turns go round the addresses.
    """

    def __init__(
        self,
        store: UserStore,
        settings: UserSettings | None = None,
        *,
        passwords: Passwords | None = None,
        base: Path = Path(),
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Log in users of ``store``. ``base``: the folder of the configuration.

        ``clock``: seconds, for locks and keys; ``wall``: seconds since 1970, for users that expire.
        """
        settings = settings or UserSettings()
        self._store = store
        self._passwords = passwords or Passwords()
        self._wall = wall
        self._verify_token = _verify_token(settings.issuers, base, clock) if settings.issuers else None
        self.users = Lockout(settings.lock_out.of_user(), clock)
        self.sources = Lockout(settings.lock_out.of_source(), clock)
        self.administration = UserAdministration(store, self._passwords, settings.password.rules(), wall)
        self.counters = LoginCounters()
        self.on_lock: Callable[[Locked], None] = _untold
        """Told of each lock."""
        at_once = verifications_at_once()
        self.turns = Turns(at_once)
        self.token_turns = Turns(1)
        self._threads = ThreadPoolExecutor(at_once, "log-in")
        self._token_threads = ThreadPoolExecutor(1, "token")

    async def start(self) -> None:
        """Begin to mind what administrators change: a released name is locked no more."""
        self._store.listeners.append(self._changed)

    async def stop(self) -> None:
        """End the threads; what they work on is finished. Safe twice."""
        if self._changed in self._store.listeners:
            self._store.listeners.remove(self._changed)
        for threads in (self._threads, self._token_threads):
            await asyncio.to_thread(threads.shutdown)

    @property
    def offers_tokens(self) -> bool:
        """Whether issued tokens are taken."""
        return self._verify_token is not None

    @property
    def offers_anonymous(self) -> bool:
        """Whether anonymous users have a role of more than the name."""
        roles = self._store.snapshot.roles
        return any(
            rule.criterion is Criterion.ANONYMOUS
            for name in roles.roles
            if name != "Anonymous"
            for rule in roles.role(name).identities
        )

    def anonymous(self) -> Identity:
        """Give the anonymous user. Raises :class:`~server.users.errors.LoginRefused` where there is none."""
        if not self.offers_anonymous:
            raise LoginRefused(LoginFault.NOT_OFFERED, "anonymous users have no role")
        return NOBODY

    def by_certificate(self, certificate: x509.Certificate, issuers: tuple[x509.Certificate, ...] = ()) -> Identity:
        """Give the user of a certificate. Its chain, trust and the token's signature were verified before."""
        self.counters.succeeded += 1
        return certificate_identity(certificate, issuers)

    async def by_password(self, name: str, password: bytes, source: str) -> Identity:
        """Log a user in. ``password``: as decrypted, UTF-8; ``source``: the peer's address.

        Raises :class:`~server.users.errors.LoginRefused`, :class:`~server.users.errors.TooManyLogins`.
        """
        place, key = source_key(source), name_key(name)
        self._refuse_locked(place, key)
        async with self.turns.turn(place):
            self._refuse_locked(place, key)  # others of the same name or address may have failed meanwhile
            user = self._store.snapshot.users.get(key)
            secret = user.secret if user is not None else None
            loop = asyncio.get_running_loop()
            right = await loop.run_in_executor(self._threads, self._passwords.verify, secret, password)
            fault = self._fault(user, right=right)
            if user is None or fault is not None:
                self._fail(place, key, fault or LoginFault.UNKNOWN, name)
            self.users.release(key)
            await self._settle(user, password, place)
        self.counters.succeeded += 1
        return Identity(
            IdentityKind.USER_NAME,
            user.name,
            expires=user.expires,
            must_change_password=user.must_change_password,
        )

    async def by_token(self, token: bytes, source: str) -> Identity:
        """Log the user of a JSON Web Token in (Part 4 v1.05 7.40.6). ``source``: the peer's address.

        Raises :class:`~server.users.errors.LoginRefused`, :class:`~server.users.errors.TooManyLogins`.
        """
        place = source_key(source)
        self._refuse_locked(place, None)
        async with self.token_turns.turn(place):
            self._refuse_locked(place, None)
            loop = asyncio.get_running_loop()
            try:
                identity = await loop.run_in_executor(self._token_threads, self._verify_token or _no_issuer, token)
            except LoginRefused:
                self.counters.failed += 1
                if self.sources.failed(place):
                    self.on_lock(Locked("", place, self.sources.failures(place), self.sources.remaining(place)))
                raise
        self.counters.succeeded += 1
        return identity

    def still_stands(self, identity: Identity) -> bool:
        """Tell whether a session's user is one yet: neither expired, disabled nor removed (Part 18 v1.05 5.2.6).

        Sessions whose user is none any more are closed; roles of the others are asked for anew after each change.
        """
        moment = self._wall()
        if identity.expires is not None and moment >= identity.expires:
            return False
        if identity.kind is not IdentityKind.USER_NAME:
            return True
        user = self._store.snapshot.users.get(name_key(identity.name))
        return user is not None and user.is_enabled and not user.is_expired(moment)

    async def change_password(self, name: str, old: bytes, new: str, source: str) -> Identity:
        """Let a user change the password (Part 18 v1.05 5.2.8); gives what the session's user is from then on.

        Raises :class:`~server.users.errors.LoginRefused` where ``old`` is wrong, and
        :class:`~server.users.errors.UserRefused` where ``new`` may not be.
        """
        identity = await self.by_password(name, old, source)
        if new.encode(errors="replace") == old:
            raise UserRefused(BAD_ALREADY_EXISTS, "the new password is the old one", "choose another one")
        await self.administration.changed_by_user(name, new)
        return replace(identity, must_change_password=False)

    def _fault(self, user: UserRecord | None, *, right: bool) -> LoginFault | None:
        """Say what speaks against a user whose password was verified; nothing is asked before that."""
        if user is None:
            return LoginFault.UNKNOWN
        if not right:
            return LoginFault.WRONG_PASSWORD
        if not user.is_enabled:
            return LoginFault.DISABLED
        return LoginFault.EXPIRED if user.is_expired(self._wall()) else None

    def _fail(self, place: str, key: str, fault: LoginFault, name: str) -> NoReturn:
        """Count a failure, of names that nobody has as of others, and refuse."""
        self.counters.failed += 1
        name_locks = self.users.failed(key)
        place_locks = self.sources.failed(place)
        if place_locks or name_locks:
            _log.warning("log-ins are locked for a while: too many failures, the last one from %s", place)
        if name_locks:
            self.on_lock(Locked(name[:64], place, self.users.failures(key), self.users.remaining(key)))
        if place_locks:
            self.on_lock(Locked("", place, self.sources.failures(place), self.sources.remaining(place)))
        raise LoginRefused(fault, name[:64])

    def _refuse_locked(self, place: str, key: str | None) -> None:
        """Refuse while a lock lasts. Where a user logged in from before, only that address's own failures count.

        So nobody locks an administrator out of the place where they work by guessing from elsewhere.
        """
        user = self._store.snapshot.users.get(key) if key is not None else None
        is_known = user is not None and place in user.sources
        name_locked = key is not None and not is_known and self.users.remaining(key) > 0
        if name_locked or self.sources.remaining(place) > 0:
            self.counters.locked += 1
            raise LoginRefused(LoginFault.LOCKED)

    async def _settle(self, user: UserRecord, password: bytes, place: str) -> None:
        """Remember the address, and hash the password anew where that is done otherwise by now.

        A log-in does not fail because that cannot be written.
        """
        secret = ""
        if self._passwords.is_outdated(user.secret):
            loop = asyncio.get_running_loop()
            secret = await loop.run_in_executor(self._threads, self._passwords.hash, password.decode())
        if not secret and place in user.sources:
            return

        def operation(connection: sqlite3.Connection, now: Snapshot) -> None:
            known = now.users.get(name_key(user.name))
            if known is None or known.secret != user.secret:
                return  # changed meanwhile
            if secret:
                put_user(connection, replace(known, secret=secret))
            put_source(connection, user.name, place, int(self._wall()))

        try:
            await self._store.change(operation)
        except UserStoreError as error:
            _log.warning("a log-in cannot be noted: %s", error)

    def _changed(self, before: Snapshot, after: Snapshot) -> None:
        for key, user in after.users.items():
            known = before.users.get(key)
            if known is not None and user.released != known.released:
                self.users.release(key)
