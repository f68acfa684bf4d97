"""Certificate revocation lists (RFC 5280 5): read, checked against their issuer, asked about a certificate."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Final, Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtensionOID

from certs.certificate import Certificate, printable
from certs.errors import CertificateError

LARGEST_LIST: Final = 8 * 1024 * 1024
"""Bytes of one list: two hundred thousand revoked certificates."""
_HANDLED = frozenset({ExtensionOID.CRL_NUMBER, ExtensionOID.AUTHORITY_KEY_IDENTIFIER})


@dataclass(frozen=True, slots=True)
class RevocationList:
    """A CRL. ``is_partial``: it tells of some certificates only (delta, or scoped by a critical extension)."""

    der: bytes = field(repr=False)
    x509: x509.CertificateRevocationList = field(compare=False, repr=False)
    is_delta: bool = field(compare=False)
    is_partial: bool = field(compare=False)

    @classmethod
    def parse(cls, der: bytes) -> Self:
        """Read DER. Raises :class:`CertificateError`."""
        if len(der) > LARGEST_LIST:
            message = f"it has {len(der)} bytes, and at most {LARGEST_LIST} are read"
            raise CertificateError(message)
        try:
            read = x509.load_der_x509_crl(der)
            kinds = {extension.oid for extension in read.extensions}
            critical = {extension.oid for extension in read.extensions if extension.critical}
            _ = (read.issuer, read.last_update_utc, read.next_update_utc, read.signature_algorithm_oid)
        except Exception as error:  # the parser raises whatever hostile bytes lead it to
            message = f"it is no sound revocation list: {printable(' '.join(str(error).split()))}"
            raise CertificateError(message) from error
        is_delta = ExtensionOID.DELTA_CRL_INDICATOR in kinds
        return cls(der, read, is_delta, is_delta or bool(critical - _HANDLED))

    @property
    def issuer(self) -> str:
        """Its issuer's name in one printable line."""
        return printable(self.x509.issuer.rfc4514_string())

    @property
    def made(self) -> datetime:
        """When it was made, UTC."""
        return self.x509.last_update_utc

    @property
    def ends(self) -> datetime | None:
        """When the next one is due, UTC."""
        return self.x509.next_update_utc

    def is_current(self, now: datetime) -> bool:
        """Tell whether it says how things are at ``now``."""
        return self.made <= now and (self.ends is None or now <= self.ends)

    def is_signed_by(self, issuer: Certificate) -> bool:
        """Check the issuer's name, that it may sign lists, and the signature."""
        if self.x509.issuer != issuer.x509.subject:
            return False
        if issuer.uses.key is not None and not issuer.uses.key.crl_sign:
            return False
        if not isinstance(issuer.key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
            return False
        try:
            return self.x509.is_signature_valid(issuer.key)
        except (TypeError, ValueError, UnsupportedAlgorithm):
            return False

    def supersedes(self, other: Self) -> bool:
        """Tell whether nothing of an older list of the same issuer is needed beside it."""
        return other.made < self.made and not (self.is_partial or other.is_partial)

    def lists(self, certificate: Certificate) -> bool:
        """Tell whether a certificate of its issuer is revoked."""
        return self.x509.get_revoked_certificate_by_serial_number(certificate.x509.serial_number) is not None


class Revocation(Enum):
    """What the lists say of a certificate."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


def ask(
    certificate: Certificate, issuer: Certificate, lists: Iterable[RevocationList], now: datetime
) -> tuple[Revocation, str]:
    """Say what the lists of an issuer say of a certificate, and why.

    A list that is out of date still revokes; only a current, whole one clears. Delta lists are not looked at.
    """
    theirs = [one for one in lists if not one.is_delta and one.is_signed_by(issuer)]
    if any(one.lists(certificate) for one in theirs):
        return Revocation.REVOKED, f"{issuer.subject} has revoked it"
    whole = [one for one in theirs if not one.is_partial]
    if any(one.is_current(now) for one in whole):
        return Revocation.GOOD, ""
    if not whole:
        return Revocation.UNKNOWN, f"there is no revocation list of {issuer.subject}"
    newest = max(whole, key=lambda one: one.made)
    when = f"is of {newest.made:%Y-%m-%d}" if newest.made > now else f"was valid until {newest.ends:%Y-%m-%d %H:%M} UTC"
    return Revocation.UNKNOWN, f"the newest revocation list of {issuer.subject} {when}"
