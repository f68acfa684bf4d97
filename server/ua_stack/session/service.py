"""CreateSession, ActivateSession, CloseSession and Cancel (Part 4 v1.05 5.7.2 to 5.7.5), from bytes to bytes."""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
from collections.abc import Callable
from typing import NamedTuple, Protocol

from asyncua import ua
from asyncua.common.utils import ServiceError

from certs.certificate import Certificate
from certs.encoded import split_chain
from certs.errors import CertificateError
from core.errors import PlantspaceError
from core.security_mode import SecurityMode
from server.address_space.keys import NodeKey
from server.ua_stack.channel import KNOWN_PEER, UNKNOWN_PEER, GatewayChannel
from server.ua_stack.frames import TransportError
from server.ua_stack.request_header import RequestHeader
from server.ua_stack.secure_channel.complaints import Complaints
from server.ua_stack.session.audit import SessionAudit
from server.ua_stack.session.log_in import LogIn, Refusal
from server.ua_stack.session.registry import SessionRegistry
from server.ua_stack.session.requests import (
    ActivateSessionRequest,
    CreateSessionRequest,
    read_activate_session,
    read_cancel,
    read_close_session,
    read_create_session,
)
from server.ua_stack.session.responses import CreatedSession, encode_activated, encode_cancelled, encode_created
from server.ua_stack.session.user_tokens import ANONYMOUS, GivenToken, TokenError, read_token
from server.ua_stack.sessions import GatewaySession, SessionState
from server.users.identity import Identity
from server.users.roles import RoleSet

_log = logging.getLogger("plantspace.endpoint")
_codes = ua.StatusCodes
_NONCE_BYTES = 32
_LEAST_NONCE = 32
_MOST_LOCALES = 16


class Activated(NamedTuple):
    """ActivateSession's answer. ``status``: Good, or GoodPasswordChangeRequired."""

    body: bytes
    status: int
    session: GatewaySession


class Rights(Protocol):
    """Who may do what now."""

    @property
    def roles(self) -> RoleSet:
        """All roles."""
        ...

    def still_stands(self, identity: Identity) -> bool:
        """Tell whether a session's user is one yet."""
        ...


class Endpoints(Protocol):
    """What clients are told of how to connect."""

    def endpoints(self, *urls: str | None) -> bytes:
        """Give the encoded EndpointDescriptions for a client that came by one of these URLs."""
        ...

    def knows(self, url: str | None) -> bool:
        """Tell whether a URL names a host of ours."""
        ...


MakeSession = Callable[[CreateSessionRequest, GatewayChannel, object, float, str], GatewaySession]


class SessionService:
    """Makes sessions, logs users in to them, and ends them."""

    def __init__(self, registry: SessionRegistry, make: MakeSession, endpoints: Endpoints) -> None:
        """Nobody can log in before :meth:`bind`."""
        self.registry = registry
        self._make = make
        self._endpoints = endpoints
        self._log_in: LogIn | None = None
        self._rights: Rights | None = None
        self.audit = SessionAudit()
        self.complaints = Complaints("log-ins were refused")
        self.rights_changed: Callable[[GatewaySession], None] = lambda _session: None
        """Told when a session's user or roles have changed: what it holds already may be no longer its own to see."""

    def bind(self, log_in: LogIn, rights: Rights) -> None:
        """Let users in."""
        self._log_in, self._rights = log_in, rights

    async def create(
        self, body: bytes, header: RequestHeader, channel: GatewayChannel, connection: object
    ) -> tuple[bytes, GatewaySession]:
        """Answer CreateSession. Raises :class:`ServiceError` and ``DecodingError``."""
        asked = read_create_session(body)
        try:
            session = self._created(asked, channel, connection)
        except ServiceError as refused:
            self.audit.created(header, channel, asked, None, refused.code)
            raise
        session.nonce = secrets.token_bytes(_NONCE_BYTES)
        signed = (channel.client_certificate or b"") + asked.nonce
        algorithm, signature = await asyncio.to_thread(channel.sign, signed)
        self.audit.created(header, channel, asked, session, 0)
        if not session.endpoint_url:
            self.audit.came_by_other_url(header, channel, asked, session)
        created = CreatedSession(
            session.session_key,
            session.token_key,
            session.session_timeout * 1000.0,
            session.nonce,
            channel.server_certificate if self._log_in is None else self._log_in.certificate(channel),
            self._endpoints.endpoints(asked.endpoint_url, channel.hello_url),
            algorithm,
            signature,
            KNOWN_PEER,
        )
        return encode_created(created), session

    async def activate(
        self, body: bytes, header: RequestHeader, channel: GatewayChannel, connection: object
    ) -> Activated:
        """Answer ActivateSession. Raises :class:`ServiceError` and ``DecodingError``."""
        asked = read_activate_session(body)
        session = self.registry.get(header.token)
        if session is None:
            raise ServiceError(_codes.BadSessionIdInvalid)
        if session.activating:  # the nonce is for one answer
            raise ServiceError(_codes.BadInvalidState)
        session.activating = True
        given = GivenToken(ANONYMOUS, "")
        try:
            given = _given(asked)
            user, roles = await self._activated(session, asked, given, channel, connection)
        except Refusal as refusal:
            self.complaints.warn("a log-in from %s is refused: %s", channel.peer, refusal)
            self.audit.activated(header, session, channel, given, refusal.status, str(refusal))
            raise ServiceError(ua.UInt32(refusal.status)) from None
        except ServiceError as error:
            self.audit.activated(header, session, channel, given, error.code, "")
            raise
        finally:
            session.activating = False
        session.touch()
        self.audit.activated(header, session, channel, given, 0, "", user, roles)
        status = _codes.GoodPasswordChangeRequired if user.must_change_password else 0
        return Activated(encode_activated(session.nonce), status, session)

    def close(self, body: bytes, header: RequestHeader, session: GatewaySession) -> bytes:
        """Answer CloseSession."""
        delete = read_close_session(body)
        self.audit.ended(session, "Session/CloseSession", header.audit_entry)
        self.registry.end(session, delete_subscriptions=delete)
        if not any(one.is_activated() for one in self.registry.of(session.connection)):
            session.channel.largest = UNKNOWN_PEER  # a stranger's again: its place may be needed (threat 5)
        return b""

    def cancel(self, body: bytes, session: GatewaySession) -> bytes:
        """Answer Cancel: of Publish requests alone, all others are answered in the order in which they come."""
        handle = read_cancel(body)
        count = session.publishing.cancel(handle)
        self.audit.cancelled(session, handle)
        return encode_cancelled(count)

    def connection_lost(self, connection: object) -> None:
        """End the sessions of a connection, but those whose client may come back for its subscriptions (5.7.3.1)."""
        for session in self.registry.of(connection):
            if session.is_activated() and session.server.subscriptions.of(session):
                session.connection = None
                continue
            self.audit.ended(session, "Session/Terminated")
            self.registry.end(session)

    def tick(self) -> None:
        """End the sessions of silent clients and of users who are none any more."""
        for session in self.registry.overdue():
            self.audit.ended(session, "Session/Timeout")
            self.registry.end(session, timed_out=True)
        if self._rights is not None:
            for session in self.registry:
                if session.is_activated() and not self._rights.still_stands(session.user):
                    _log.info("a session of %s ends: the user may log in no more", session.client_user_id)
                    self.audit.ended(session, "Session/Terminated")
                    self.registry.end(session)

    async def end_distrusted(self) -> None:
        """End the sessions of users whose certificate was trusted when they logged in, and is no more."""
        if self._log_in is None:
            return
        distrusted = await self._log_in.distrusted([session.user for session in self.registry])
        for session in self.registry:
            if session.user.thumbprint and session.user.thumbprint in distrusted:
                _log.info("a session of %s ends: the certificate is trusted no more", session.client_user_id)
                self.audit.ended(session, "Session/Terminated")
                self.registry.end(session)

    def roles_changed(self) -> None:
        """Give every session the roles that its user has by now."""
        self.tick()
        for session in self.registry:
            if not session.is_activated():
                continue
            roles = self._roles_of(session.user, session, session.channel)
            if roles != session.roles:
                session.become(session.user, roles, session.context.locales, session.channel.mode)
                self.rights_changed(session)

    def password_changed(self, session: GatewaySession, user: Identity) -> None:
        """Give a session the roles that waited for a new password (Part 18 v1.05 5.2.3)."""
        roles = self._roles_of(user, session, session.channel)
        session.become(user, roles, session.context.locales, session.channel.mode)
        self.rights_changed(session)

    def stop(self) -> None:
        """End all sessions."""
        for session in self.registry:
            self.registry.end(session)

    def _created(self, asked: CreateSessionRequest, channel: GatewayChannel, connection: object) -> GatewaySession:
        self.registry.make_room(channel)
        application = str(asked.client.application_uri or "")
        if channel.mode != SecurityMode.NONE:
            if len(asked.nonce) < _LEAST_NONCE:
                raise ServiceError(_codes.BadNonceInvalid)
            _check_certificate(asked, channel, application)
        session = self._make(asked, channel, connection, self.registry.limits.revised(asked.timeout), application)
        if self._endpoints.knows(asked.endpoint_url):
            session.endpoint_url = asked.endpoint_url or ""
        self.registry.add(session)
        return session

    async def _activated(
        self,
        session: GatewaySession,
        asked: ActivateSessionRequest,
        given: GivenToken,
        channel: GatewayChannel,
        connection: object,
    ) -> tuple[Identity, frozenset[NodeKey]]:
        self._check_channel(session, channel, connection)
        self._check_signature(session, asked, channel)
        if self._log_in is None:
            raise ServiceError(_codes.BadIdentityTokenRejected)
        try:
            user = await self._log_in.log_in(given, asked.token_signature, channel, session.nonce)
        except PlantspaceError as error:
            if isinstance(error, Refusal):
                raise
            raise Refusal(int(_codes.BadIdentityTokenRejected), str(error)) from error
        if session.state is SessionState.CLOSED:
            raise ServiceError(_codes.BadSessionClosed)
        moved = session.connection is not connection
        if moved and user.key != session.user.key:  # another user needs the session's own channel (5.7.3.1)
            raise ServiceError(_codes.BadIdentityChangeNotSupported)
        roles = self._roles_of(user, session, channel)
        had, owner = session.context, session.user.key
        if moved:
            before = session.connection
            session.publishing.drop(lambda request: getattr(request, "responder", None) is before)
        session.connection, session.channel = connection, channel
        session.become(user, roles, asked.locales[:_MOST_LOCALES], channel.mode)
        session.state = SessionState.ACTIVATED
        session.nonce = secrets.token_bytes(_NONCE_BYTES)
        channel.largest = KNOWN_PEER
        if user.key != owner:
            session.release_history()
        if not session.context.has_rights_of(had) or user.key != owner:
            self.rights_changed(session)
        return user, roles

    def _check_channel(self, session: GatewaySession, channel: GatewayChannel, connection: object) -> None:
        """See that the session may be used on this channel (Part 4 v1.05 5.7.3.1; threat 6)."""
        if session.connection is connection:
            return
        if session.state is SessionState.CREATED:
            raise ServiceError(_codes.BadSecureChannelIdInvalid)
        before = session.channel
        same = (before.mode, before.policy_uri) == (channel.mode, channel.policy_uri)
        if not same or session.client_certificate != channel.client_certificate:
            raise ServiceError(_codes.BadSecurityChecksFailed)

    def _check_signature(self, session: GatewaySession, asked: ActivateSessionRequest, channel: GatewayChannel) -> None:
        """See that the client has its certificate's key: it signs the gateway's certificate and the last nonce."""
        if channel.mode == SecurityMode.NONE:
            return
        data = (channel.server_certificate or b"") + session.nonce
        try:
            channel.verify(data, asked.signature.signature)
        except TransportError as error:
            raise ServiceError(_codes.BadApplicationSignatureInvalid) from error

    def _roles_of(self, user: Identity, session: GatewaySession, channel: GatewayChannel) -> frozenset[NodeKey]:
        if self._rights is None:
            return frozenset()
        proved = "" if session.client_certificate is None else session.application_uri
        policy = channel.policy_uri
        return self._rights.roles.roles_of(user, proved, session.endpoint_url, channel.mode, policy)


def _given(asked: ActivateSessionRequest) -> GivenToken:
    """Read the token. Raises :class:`ServiceError`."""
    try:
        return read_token(asked.token)
    except TokenError:
        raise ServiceError(_codes.BadIdentityTokenInvalid) from None


def _check_certificate(asked: CreateSessionRequest, channel: GatewayChannel, application: str) -> None:
    """See that the client is the one whose certificate opened the channel (Part 4 v1.05 5.7.2.1)."""
    try:
        sent = split_chain(asked.certificate)
        leaf = Certificate.parse(sent[0])
    except (CertificateError, IndexError):
        raise ServiceError(_codes.BadCertificateInvalid) from None
    if not hmac.compare_digest(leaf.der, channel.client_certificate or b""):
        raise ServiceError(_codes.BadSecurityChecksFailed)
    if application != next(iter(leaf.uris), None):  # Part 6 v1.05 6.2.2: there is one
        raise ServiceError(_codes.BadCertificateUriInvalid)
