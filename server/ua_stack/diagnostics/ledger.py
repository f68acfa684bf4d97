"""Which sessions there are, how the others ended, and what was refused (Part 5 v1.05 12.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncua import ua

from server.ua_stack.diagnostics.requests import kind_of
from server.ua_stack.diagnostics.session_record import SessionRecord

if TYPE_CHECKING:
    from server.ua_stack.session.requests import CreateSessionRequest
    from server.ua_stack.sessions import GatewaySession

_PUBLISH = kind_of("Publish")
_ESTABLISHING = frozenset(map(kind_of, ("CreateSession", "ActivateSession")))
_codes = ua.StatusCodes
_NOT_OF_THE_SESSION = frozenset(
    {_codes.BadSessionIdInvalid, _codes.BadSessionNotActivated, _codes.BadSecureChannelIdInvalid}
)
"""What is answered to requests that are not the session's, or not yet: they were not counted as received."""
_OF_PUBLISH = frozenset({_codes.BadTooManyPublishRequests, _codes.BadTimeout})
"""What a waiting Publish request is refused with, and no other; that nothing is left to wait for is no refusal."""
_SECURITY = frozenset(
    {
        _codes.BadUserAccessDenied,
        _codes.BadIdentityTokenInvalid,
        _codes.BadIdentityTokenRejected,
        _codes.BadIdentityChangeNotSupported,
        _codes.BadUserSignatureInvalid,
        _codes.BadApplicationSignatureInvalid,
        _codes.BadSecurityChecksFailed,
        _codes.BadSecurityModeRejected,
        _codes.BadSecurityModeInsufficient,
        _codes.BadSecurityPolicyRejected,
        _codes.BadSecureChannelIdInvalid,
        _codes.BadSecureChannelTokenUnknown,
        _codes.BadNonceInvalid,
        _codes.BadNoValidCertificates,
        _codes.BadCertificateInvalid,
        _codes.BadCertificateChainIncomplete,
        _codes.BadCertificateTimeInvalid,
        _codes.BadCertificateIssuerTimeInvalid,
        _codes.BadCertificateHostNameInvalid,
        _codes.BadCertificateUriInvalid,
        _codes.BadCertificateUseNotAllowed,
        _codes.BadCertificateIssuerUseNotAllowed,
        _codes.BadCertificateUntrusted,
        _codes.BadCertificateRevocationUnknown,
        _codes.BadCertificateIssuerRevocationUnknown,
        _codes.BadCertificateRevoked,
        _codes.BadCertificateIssuerRevoked,
        _codes.BadCertificatePolicyCheckFailed,
    }
)
"""StatusCodes that say that security was the reason (Part 4 v1.05 7.38.2)."""


class SessionLedger:
    """Counts since the start. A request was rejected when a ServiceFault is its answer."""

    def __init__(self) -> None:
        """Begin without sessions."""
        self.sessions: dict[GatewaySession, SessionRecord] = {}
        self.cumulated_sessions = 0
        self.timed_out_sessions = 0
        self.aborted_sessions = 0
        """Sessions that lost their connection."""
        self.rejected_sessions = 0
        self.security_rejected_sessions = 0
        self.rejected_requests = 0
        self.security_rejected_requests = 0

    def established(self, session: GatewaySession, asked: CreateSessionRequest) -> None:
        """Count a session that a client has created."""
        self.sessions[session] = SessionRecord(session, asked)
        self.cumulated_sessions += 1

    def ended(self, session: GatewaySession) -> None:
        """Count how a session ended; once, however often it is said."""
        if self.sessions.pop(session, None) is None or session.requests.asked_to_close:
            return
        if session.idle >= (session.session_timeout or 0.0):
            self.timed_out_sessions += 1
        else:
            self.aborted_sessions += 1

    def rejected(self, kind: object, session: GatewaySession | None, status: int) -> None:
        """Count a request that is answered with a ServiceFault."""
        secure = status in _SECURITY
        self.rejected_requests += 1
        self.security_rejected_requests += secure
        if kind in _ESTABLISHING:
            self.rejected_sessions += 1
            self.security_rejected_sessions += secure
        if session is not None and status not in _NOT_OF_THE_SESSION:
            session.requests.failed(kind, status)

    def publish_refused(self, session: GatewaySession | None, status: int) -> None:
        """Count a Publish request that waited, if this is what it was refused with."""
        if status in _OF_PUBLISH:
            self.rejected(_PUBLISH, session, status)
