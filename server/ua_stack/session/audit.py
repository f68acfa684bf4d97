"""What the audit trail is told of sessions (Part 4 v1.05 6.5.5 and 6.5.6, Part 5 v1.05 6.4.7 to 6.4.11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from certs.certificate import Certificate
from server.address_space.keys import NULL_KEY, NodeKey
from server.audit.connections import (
    AuditActivateSession,
    AuditCancel,
    AuditCreateSession,
    AuditSession,
    AuditUrlMismatch,
)
from server.audit.kinds import IdentityToken
from server.audit.record import AuditRecord
from server.ua_stack.channel import GatewayChannel
from server.ua_stack.request_header import RequestHeader
from server.ua_stack.session.requests import CreateSessionRequest
from server.ua_stack.session.user_tokens import CERTIFICATE, GivenToken
from server.ua_stack.sessions import GatewaySession
from server.users.identity import NOBODY, Identity

_LONGEST_TEXT = 512
_LONGEST_CERTIFICATE = 8192
"""Of what a client says of itself: a record is no place to leave 64 KiB."""
_TOKENS = (321, 324, 327, 940)
"""The encodings of UserIdentityTokens by UserTokenType."""


def _nowhere(record: AuditRecord) -> None:
    del record


class SessionAudit:
    """Makes the records; ``record`` takes them."""

    def __init__(self) -> None:
        """Tell nobody yet."""
        self.record: Callable[[AuditRecord], None] = _nowhere

    def created(
        self,
        header: RequestHeader,
        channel: GatewayChannel,
        asked: CreateSessionRequest,
        session: GatewaySession | None,
        status: int,
    ) -> None:
        """Tell that a session was made, or refused: then ``session`` is None."""
        self.record(
            AuditCreateSession(
                status=session is not None,
                status_code_id=status,
                **_creation(header, channel, session),
                client_application_uri=(asked.client.application_uri or "")[:_LONGEST_TEXT],
            )
        )

    def came_by_other_url(
        self, header: RequestHeader, channel: GatewayChannel, asked: CreateSessionRequest, session: GatewaySession
    ) -> None:
        """Tell that a client came by a URL that is not ours: somebody may have led it here (Part 4 v1.05 5.7.2.1)."""
        self.record(
            AuditUrlMismatch(
                status=True,
                **_creation(header, channel, session),
                endpoint_url=(asked.endpoint_url or "")[:_LONGEST_TEXT],
                client_application_uri=session.application_uri,
            )
        )

    def activated(
        self,
        header: RequestHeader,
        session: GatewaySession,
        channel: GatewayChannel,
        given: GivenToken,
        status: int,
        reason: str,
        user: Identity = NOBODY,
        roles: frozenset[NodeKey] | None = None,
    ) -> None:
        """Tell that a user logged in, or was refused: then ``roles`` is None and ``reason`` says why."""
        certificate = given.data[:_LONGEST_CERTIFICATE] if given.kind == CERTIFICATE else None
        self.record(
            AuditActivateSession(
                status=roles is not None,
                status_code_id=status,
                message=reason,
                session_id=session.session_key,
                secure_channel_id=str(channel.channel_id),
                user_identity_token=IdentityToken(
                    _TOKENS[given.kind],
                    given.policy_id[:_LONGEST_TEXT],
                    given.name[:_LONGEST_TEXT] or None,
                    certificate,
                ),
                current_role_ids=None if roles is None else tuple(roles),
                client_user_id=(user.name if roles is not None else given.name[:_LONGEST_TEXT]) or "Anonymous",
                client_application_uri=session.application_uri,
                client_audit_entry_id=header.audit_entry,
            )
        )

    def cancelled(self, session: GatewaySession, handle: int) -> None:
        """Tell that requests were cancelled."""
        self.record(
            AuditCancel(
                status=True,
                session_id=session.session_key,
                request_handle=handle,
                **asked_by(session),
            )
        )

    def ended(self, session: GatewaySession, how: str, audit_entry: str = "") -> None:
        """Tell that a session ended; ``how``: the SourceName that Part 5 v1.05 6.4.7 gives it."""
        self.record(
            AuditSession(
                status=True,
                source_name=how,
                session_id=session.session_key,
                client_user_id=session.client_user_id,
                client_application_uri=session.application_uri,
                client_audit_entry_id=audit_entry,
            )
        )


def asked_by(session: GatewaySession) -> dict[str, Any]:
    """Give the fields that tell who asked for what a session does; their types are the records' own."""
    return {
        "client_user_id": session.client_user_id,
        "client_application_uri": session.application_uri,
        "client_audit_entry_id": session.audit_entry,
    }


def _creation(header: RequestHeader, channel: GatewayChannel, session: GatewaySession | None) -> dict[str, Any]:
    """Give the fields that both records of a creation have; their types are the records' own."""
    certificate = channel.client_certificate
    return {
        "session_id": NULL_KEY if session is None else session.session_key,
        "secure_channel_id": str(channel.channel_id),
        "client_certificate": certificate,
        "client_certificate_thumbprint": Certificate.parse(certificate).thumbprint if certificate else None,
        "revised_session_timeout": 0.0 if session is None else session.session_timeout * 1000.0,
        "client_audit_entry_id": header.audit_entry,
    }
