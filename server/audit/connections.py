"""Records of SecureChannels, Sessions and certificates (Part 5 v1.05 6.4.4 to 6.4.18)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from asyncua.ua.object_ids import ObjectIds

from server.address_space.keys import NULL_KEY
from server.audit.kinds import (
    Boolean,
    ByteString,
    Duration,
    Enumeration,
    Identity,
    NodeId,
    NodeIds,
    StatusCode,
    String,
    Structures,
    UInt32,
)
from server.audit.record import AuditRecord


class RequestType(IntEnum):
    """SecurityTokenRequestType (Part 4 v1.05 5.6.2)."""

    ISSUE = 0
    RENEW = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSecurity(AuditRecord):
    """Something that concerns security (6.4.4). ``status_code_id``: how the Service was answered."""

    event_type: ClassVar[int] = ObjectIds.AuditSecurityEventType
    status_code_id: StatusCode = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditChannel(AuditSecurity):
    """A channel was closed (6.4.5). ``secure_channel_id``: the same text in all records of one channel."""

    event_type: ClassVar[int] = ObjectIds.AuditChannelEventType
    source_name: String = "SecureChannel/CloseSecureChannel"
    client_user_id: String = "System/CloseSecureChannel"
    secure_channel_id: String


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditOpenSecureChannel(AuditChannel):
    """A channel was opened, renewed or refused (6.4.6).

    ``client_certificate``: DER. ``client_certificate_thumbprint``: SHA-1 in hexadecimal. ``requested_lifetime``:
    milliseconds. ``certificate_error_event_id``: the ``event_id`` of the AuditCertificate record that says why.
    """

    event_type: ClassVar[int] = ObjectIds.AuditOpenSecureChannelEventType
    source_name: String = "SecureChannel/OpenSecureChannel"
    client_user_id: String = "System/OpenSecureChannel"
    client_certificate: ByteString = None
    client_certificate_thumbprint: String = None
    request_type: Enumeration = RequestType.ISSUE
    security_policy_uri: String
    security_mode: Enumeration
    requested_lifetime: Duration
    certificate_error_event_id: ByteString = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSession(AuditSecurity):
    """A session ended (6.4.7). ``source_name``: ``Session/CloseSession``, ``…/Timeout`` or ``…/Terminated``."""

    event_type: ClassVar[int] = ObjectIds.AuditSessionEventType
    source_name: String = "Session/CloseSession"
    session_id: NodeId


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditCreateSession(AuditSession):
    """A session was made or refused (6.4.8). ``revised_session_timeout``: milliseconds."""

    event_type: ClassVar[int] = ObjectIds.AuditCreateSessionEventType
    source_name: String = "Session/CreateSession"
    client_user_id: String = "System/CreateSession"
    session_id: NodeId = NULL_KEY
    secure_channel_id: String
    client_certificate: ByteString = None
    client_certificate_thumbprint: String = None
    revised_session_timeout: Duration = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditUrlMismatch(AuditCreateSession):
    """A session was asked for with a URL that is not ours (6.4.9)."""

    event_type: ClassVar[int] = ObjectIds.AuditUrlMismatchEventType
    endpoint_url: String


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditActivateSession(AuditSession):
    """A user logged in, or was refused (6.4.10). ``current_role_ids``: NodeIds of the roles that were given."""

    event_type: ClassVar[int] = ObjectIds.AuditActivateSessionEventType
    source_name: String = "Session/ActivateSession"
    client_software_certificates: Structures = None
    user_identity_token: Identity
    secure_channel_id: String
    current_role_ids: NodeIds = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditCancel(AuditSession):
    """Requests were cancelled (6.4.11)."""

    event_type: ClassVar[int] = ObjectIds.AuditCancelEventType
    source_name: String = "Session/Cancel"
    request_handle: UInt32


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditCertificate(AuditSecurity):
    """A certificate was refused for a reason that has no type of its own (6.4.12). ``certificate``: DER."""

    event_type: ClassVar[int] = ObjectIds.AuditCertificateEventType
    severity_refused: ClassVar[int] = 700
    source_name: String = "Security/Certificate"
    status: Boolean = False
    certificate: ByteString


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditCertificateDataMismatch(AuditCertificate):
    """Host name or application URI are not the certificate's (6.4.13); the one that was right is None."""

    event_type: ClassVar[int] = ObjectIds.AuditCertificateDataMismatchEventType
    invalid_hostname: String = None
    invalid_uri: String = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditCertificateExpired(AuditCertificate):
    """It is not valid yet, or no longer (6.4.14)."""

    event_type: ClassVar[int] = ObjectIds.AuditCertificateExpiredEventType


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditCertificateInvalid(AuditCertificate):
    """Its structure or its signature is wrong (6.4.15)."""

    event_type: ClassVar[int] = ObjectIds.AuditCertificateInvalidEventType


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditCertificateUntrusted(AuditCertificate):
    """Neither it nor its issuer is trusted (6.4.16)."""

    event_type: ClassVar[int] = ObjectIds.AuditCertificateUntrustedEventType


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditCertificateRevoked(AuditCertificate):
    """It was revoked, or whether it was cannot be told (6.4.17)."""

    event_type: ClassVar[int] = ObjectIds.AuditCertificateRevokedEventType


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditCertificateMismatch(AuditCertificate):
    """It is used for what it may not be used for (6.4.18)."""

    event_type: ClassVar[int] = ObjectIds.AuditCertificateMismatchEventType


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginLockedOut(AuditSecurity):
    """A user or an address may not log in for a while; Part 5 has no type for it, so it is told as a security event."""

    severity_refused: ClassVar[int] = 800
    source_name: String = "Session/ActivateSession"
    status: Boolean = False
    secure_channel_id: String = None
    failures: UInt32
    """Logins that failed one after the other."""
    locked_for: Duration
    """Milliseconds."""
