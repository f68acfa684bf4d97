"""What the validation of a certificate asks for, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from certs.certificate import Certificate


class CertificateStatus(StrEnum):
    """The StatusCodes of Part 4 v1.05 6.1.3, by their names."""

    GOOD = "Good"
    INVALID = "BadCertificateInvalid"
    CHAIN_INCOMPLETE = "BadCertificateChainIncomplete"
    SECURITY_CHECKS_FAILED = "BadSecurityChecksFailed"
    POLICY_CHECK_FAILED = "BadCertificatePolicyCheckFailed"
    UNTRUSTED = "BadCertificateUntrusted"
    TIME_INVALID = "BadCertificateTimeInvalid"
    ISSUER_TIME_INVALID = "BadCertificateIssuerTimeInvalid"
    HOST_NAME_INVALID = "BadCertificateHostNameInvalid"
    URI_INVALID = "BadCertificateUriInvalid"
    USE_NOT_ALLOWED = "BadCertificateUseNotAllowed"
    ISSUER_USE_NOT_ALLOWED = "BadCertificateIssuerUseNotAllowed"
    REVOCATION_UNKNOWN = "BadCertificateRevocationUnknown"
    ISSUER_REVOCATION_UNKNOWN = "BadCertificateIssuerRevocationUnknown"
    REVOKED = "BadCertificateRevoked"
    ISSUER_REVOKED = "BadCertificateIssuerRevoked"


SUPPRESSIBLE: Final = frozenset(
    {
        CertificateStatus.POLICY_CHECK_FAILED,
        CertificateStatus.TIME_INVALID,
        CertificateStatus.ISSUER_TIME_INVALID,
        CertificateStatus.HOST_NAME_INVALID,
        CertificateStatus.USE_NOT_ALLOWED,
        CertificateStatus.REVOCATION_UNKNOWN,
        CertificateStatus.ISSUER_REVOCATION_UNKNOWN,
    }
)
"""What an administrator may have overlooked. Part 4 lets the use of an issuer be overlooked too; here it is not, since
then whoever owns any trusted certificate could issue more."""

_TOLD: Final = frozenset(
    {
        CertificateStatus.TIME_INVALID,
        CertificateStatus.ISSUER_TIME_INVALID,
        CertificateStatus.HOST_NAME_INVALID,
        CertificateStatus.URI_INVALID,
        CertificateStatus.USE_NOT_ALLOWED,
        CertificateStatus.ISSUER_USE_NOT_ALLOWED,
    }
)


class Peer(StrEnum):
    """What the owner of a certificate uses it as: decides which ExtendedKeyUsage is asked for."""

    CLIENT = "client"
    SERVER = "server"
    USER = "user"
    """A person's certificate (Part 6 v1.05 6.2.3): has to sign, not to encrypt, and no use is prescribed."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What is asked of certificates. ``suppressed``: findings that are overlooked, and told in the verdict.

    Raises :class:`ValueError` where one may not be suppressed.
    """

    peer: Peer = Peer.CLIENT
    least_rsa_bits: int = 2048
    most_rsa_bits: int = 4096
    hashes: frozenset[str] = frozenset({"sha256", "sha384", "sha512"})
    curves: frozenset[str] = frozenset({"secp256r1", "secp384r1", "brainpoolP256r1", "brainpoolP384r1"})
    suppressed: frozenset[CertificateStatus] = field(default_factory=frozenset[CertificateStatus])

    def __post_init__(self) -> None:
        never = sorted(self.suppressed - SUPPRESSIBLE)
        if never:
            message = f"{', '.join(never)} may not be suppressed"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome. ``reason``: what is wrong and why, printable, one line; ``mend``: what an administrator can do.

    ``certificate`` is None where its bytes are no certificate. ``suppressed``: what was found and overlooked, each
    with its reason; Part 4 v1.05 6.1.3 asks for an audit event on each. ``is_listed``: the certificate itself, not only
    its issuer, is in the trust list.
    """

    status: CertificateStatus
    reason: str
    mend: str = ""
    certificate: Certificate | None = None
    chain: tuple[Certificate, ...] = ()
    suppressed: tuple[tuple[CertificateStatus, str], ...] = ()
    is_listed: bool = False

    @property
    def is_good(self) -> bool:
        """Whether the certificate may be used."""
        return self.status is CertificateStatus.GOOD

    @property
    def thumbprint(self) -> str:
        """The certificate's thumbprint; empty where there is none."""
        return "" if self.certificate is None else self.certificate.thumbprint

    @property
    def told(self) -> str:
        """The name of the StatusCode that a client is told: no more than Part 4 v1.05 6.1.3 lets a server say."""
        if self.is_good or self.status in _TOLD:
            return self.status.value
        return CertificateStatus.SECURITY_CHECKS_FAILED.value

    def __str__(self) -> str:
        """Give one line for the log."""
        tail = f" ({self.mend})" if self.mend else ""
        return f"{self.status.value}: {self.reason}{tail}"
