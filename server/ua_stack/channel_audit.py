"""What became of secure channels, as audit records (Part 4 v1.05 6.5.3, Part 5 v1.05 6.4.5 and 6.4.12 on)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from asyncua.ua.status_codes import StatusCodes

from certs.certificate import thumbprint_of
from certs.verdict import CertificateStatus, Verdict
from server.audit.connections import (
    AuditCertificate,
    AuditCertificateDataMismatch,
    AuditCertificateExpired,
    AuditCertificateInvalid,
    AuditCertificateMismatch,
    AuditCertificateRevoked,
    AuditCertificateUntrusted,
    AuditChannel,
    AuditOpenSecureChannel,
)
from server.audit.record import AuditRecord
from server.ua_stack.secure_channel.record import ChannelRecord

_S = CertificateStatus
_KINDS: Final[dict[CertificateStatus, type[AuditCertificate]]] = {
    _S.TIME_INVALID: AuditCertificateExpired,
    _S.ISSUER_TIME_INVALID: AuditCertificateExpired,
    _S.UNTRUSTED: AuditCertificateUntrusted,
    _S.CHAIN_INCOMPLETE: AuditCertificateInvalid,
    _S.INVALID: AuditCertificateInvalid,
    _S.REVOKED: AuditCertificateRevoked,
    _S.ISSUER_REVOKED: AuditCertificateRevoked,
    _S.REVOCATION_UNKNOWN: AuditCertificateRevoked,
    _S.ISSUER_REVOCATION_UNKNOWN: AuditCertificateRevoked,
    _S.USE_NOT_ALLOWED: AuditCertificateMismatch,
    _S.ISSUER_USE_NOT_ALLOWED: AuditCertificateMismatch,
    _S.HOST_NAME_INVALID: AuditCertificateDataMismatch,
    _S.URI_INVALID: AuditCertificateDataMismatch,
}
"""The event type of each finding; the others have the general one."""


def records_of(told: ChannelRecord) -> Iterator[AuditRecord]:
    """Give what the audit trail keeps of a channel that was opened, renewed, refused or closed."""
    channel = str(told.channel_id)
    if told.what == "closed":
        if told.verdict is not None:
            yield from records_of_verdict(told.verdict)
        yield AuditChannel(status=True, secure_channel_id=channel, message=_words(told))
        return
    error = None
    for record in () if told.verdict is None else records_of_verdict(told.verdict):
        error = record if not record.status else error
        yield record
    yield AuditOpenSecureChannel(
        status=told.what != "refused",
        status_code_id=told.status,
        message=_words(told),
        secure_channel_id=channel,
        client_certificate=told.certificate,
        client_certificate_thumbprint=_thumbprint(told.certificate),
        request_type=told.request_type,
        security_policy_uri=told.policy_uri,
        security_mode=told.mode,
        requested_lifetime=float(told.lifetime),
        certificate_error_event_id=None if error is None else error.event_id,
        client_audit_entry_id=told.audit_entry_id,
    )


def records_of_verdict(verdict: Verdict) -> Iterator[AuditCertificate]:
    """Tell of a certificate that was refused, and of findings that were overlooked (Part 4 v1.05 6.1.3)."""
    if verdict.certificate is None:
        return
    der = verdict.certificate.der
    if not verdict.is_good:
        yield _certificate(verdict, verdict.status, verdict.reason, der, refused=True)
    for status, reason in verdict.suppressed:
        yield _certificate(verdict, status, f"overlooked as configured: {reason}", der, refused=False)


def _certificate(
    verdict: Verdict, status: CertificateStatus, reason: str, certificate: bytes, *, refused: bool
) -> AuditCertificate:
    kind = _KINDS.get(status, AuditCertificate)
    code = int(getattr(StatusCodes, status.value, StatusCodes.BadSecurityChecksFailed))
    message = f"{reason}{f' ({verdict.mend})' if refused and verdict.mend else ''}"
    return kind(status=not refused, status_code_id=code, message=message, certificate=certificate)


def _words(told: ChannelRecord) -> str:
    more = f"; {told.unreported} before it are not told one by one" if told.unreported else ""
    return f"from {told.peer}: {told.reason or told.what}{more}"


def _thumbprint(certificate: bytes | None) -> str | None:
    """Give the SHA-1 that OPC UA names a certificate by."""
    return None if certificate is None else thumbprint_of(certificate).hex().upper()
