"""The user that commands are carried out as, with the rights that it has at this moment."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, cast

from asyncua.ua.status_codes import StatusCodes

from core.security_mode import SecurityMode
from server.address_space.session_context import SessionContext
from server.pubsub.commands.refusal import CommandRefused
from server.ua_stack.internal_server import GatewayInternalServer
from server.ua_stack.session.registry import SessionRegistry
from server.ua_stack.sessions import CALLER, GatewaySession
from server.users.identity import Identity, IdentityKind
from server.users.names import name_key
from server.users.store import UserStore

if TYPE_CHECKING:
    from server.ua_stack.channel import GatewayChannel

_TRANSPORT: Final = "http://opcfoundation.org/UA-Profile/Transport/pubsub-mqtt-json"
_NO_POLICY: Final = "http://opcfoundation.org/UA/SecurityPolicy#None"
_BYTES: Final = 1024 * 1024
_MOST_ENTRY: Final = 512


class Users(Protocol):
    """Who there is (:class:`server.access.Access`)."""

    @property
    def store(self) -> UserStore:
        """Users and roles."""
        ...


@dataclass(frozen=True, slots=True)
class Origin:
    """The connection that commands come by. ``url``: the broker's; ``secure``: TLS; ``name``: the connection's own."""

    name: str
    url: str
    secure: bool

    @property
    def mode(self) -> SecurityMode:
        """The MessageSecurityMode that AccessRestrictions and roles see: TLS signs and encrypts."""
        return SecurityMode.SIGN_AND_ENCRYPT if self.secure else SecurityMode.NONE


class BrokerChannel:
    """What a session asks of its SecureChannel, where there is none: the messages came by a broker."""

    channel_id = 0
    client_certificate: bytes | None = None
    server_certificate: bytes | None = None
    client_chain: tuple[bytes, ...] = ()
    hello_url = ""
    most_message = _BYTES

    def __init__(self, origin: Origin) -> None:
        """Be as secure as the connection."""
        self.mode = int(origin.mode)
        self.policy_uri = "" if origin.secure else _NO_POLICY
        self.peer = origin.url

    def fits(self, size: int) -> bool:
        """Tell whether an answer of ``size`` bytes is taken."""
        return size <= _BYTES


class Caller:
    """Does what commands ask for in the session of the mapped user, which no client can reach or take over."""

    def __init__(self, internal: GatewayInternalServer, users: Users, user: str, origin: Origin) -> None:
        """Have no rights before :meth:`acting`."""
        self.user, self.origin = user, origin
        self._users = users
        channel = cast(
            "GatewayChannel", BrokerChannel(origin)
        )  # it has all that a session, and what it calls, asks for
        self.session = GatewaySession(
            internal,
            SessionRegistry.new_token(),
            channel,
            None,
            name=origin.name,
            application_uri=origin.url,
            timeout=0.0,
        )

    def close(self) -> None:
        """End the session; safe twice."""
        self.session.close()

    @contextmanager
    def acting(self, entry: str) -> Generator[SessionContext]:
        """Act as the user within, with the rights that it has now. ``entry``: what audit records call the command.

        Raises :class:`CommandRefused` where the user may not do anything.
        """
        identity = self._identity()
        roles = self._users.store.snapshot.roles.roles_of(
            identity, "", self.origin.url, self.origin.mode, self.session.channel.policy_uri, _TRANSPORT
        )
        session = self.session
        if (identity, roles) != (session.user, session.context.roles):
            session.become(identity, roles, (), int(self.origin.mode))
        session.audit_entry = entry[:_MOST_ENTRY]
        token = CALLER.set(session)
        try:
            yield session.context
        finally:
            CALLER.reset(token)

    def _identity(self) -> Identity:
        """Give who the user is now. Its log-ins may be locked: strangers' wrong passwords must not stop commands."""
        key = name_key(self.user)
        user = self._users.store.snapshot.users.get(key)
        problem = ""
        if user is None:
            problem, mend = "there is no such user", "make it with 'plantspace user add'"
        elif not user.is_enabled:
            problem, mend = "the user is disabled", "enable it, or name another one under commands:"
        elif user.is_expired(time.time()):
            problem, mend = "the user's time is over", "give it a later end, or name another one under commands:"
        elif user.must_change_password:
            problem, mend = "the user must change the password first", "log in as the user once and change it"
        else:
            return Identity(IdentityKind.USER_NAME, user.name, expires=user.expires)
        message = f"commands are carried out as the user {self.user!r}: {problem}"
        raise CommandRefused(StatusCodes.BadUserAccessDenied, message, mend)
