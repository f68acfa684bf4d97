"""The gateway's own application instance certificates (Part 6 v1.05 6.2.2): made, renewed, requested, installed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Generic, TypeVar, cast

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from certs.certificate import Certificate, host_key
from certs.encoded import to_pem
from certs.errors import CertificateError
from certs.installing import Installed, check_installed
from certs.making import (
    RSA_BITS,
    VALID_DAYS,
    Application,
    CertificateKind,
    PrivateKey,
    make_key,
    self_signed,
    signing_request,
    to_private_pem,
)
from certs.own_files import CERTIFICATE_FILE, KEY_FILE, OwnFiles, read_key
from certs.together import Part

__all__ = ["CERTIFICATE_FILE", "KEY_FILE", "CertificateError", "OwnCertificate", "OwnCertificates", "own_certificate"]

_log = logging.getLogger("plantspace.certs")
Key_co = TypeVar("Key_co", bound=PrivateKey, covariant=True)
RENEW_BEFORE: Final = timedelta(days=60)
_PART_OF_LIFE = 5


@dataclass(frozen=True, slots=True)
class OwnCertificate(Generic[Key_co]):
    """Certificate and private key. ``made``: whether this run made them; ``issuers``: those up to the root, DER."""

    certificate: x509.Certificate
    key: Key_co
    made: bool
    details: Certificate
    issuers: tuple[bytes, ...] = ()

    @property
    def is_issued(self) -> bool:
        """Whether an authority has issued it."""
        return not self.details.is_self_issued

    @property
    def chain(self) -> bytes:
        """The certificate and its issuers, as they are sent to others (Part 6 v1.05 6.2.6)."""
        return b"".join((self.details.der, *self.issuers))


class OwnCertificates:
    """One pair for each kind, in ``folder``. All of it blocks: on files, and on making keys.

    Changes are whole or not made at all, also across a crash and beside other processes; every method raises
    :class:`CertificateError`.
    """

    def __init__(
        self,
        folder: Path,
        application: Application,
        kinds: Sequence[CertificateKind] = (CertificateKind.RSA,),
        *,
        rsa_bits: int = RSA_BITS[0],
        days: int = VALID_DAYS,
    ) -> None:
        """Say what certificates there shall be; nothing is made yet."""
        self.folder = folder
        self.application = application
        self.kinds = tuple(kinds)
        self._rsa_bits = rsa_bits
        self._days = days
        self._files = OwnFiles(folder)

    def load(self) -> dict[CertificateKind, OwnCertificate[PrivateKey]]:
        """Give the pairs; those of which neither half is there are made. One out of date is given as it is."""
        return {kind: self._load(kind) or self._make(kind) for kind in self.kinds}

    def stamp(self) -> object:
        """Give what is another value once a pair has changed on disk."""
        return self._files.stamp(self.kinds)

    def expiring(self, own: OwnCertificate[PrivateKey], now: datetime | None = None) -> str:
        """Say when a certificate expires, in the last 60 days (a fifth of a short life) before; empty until then."""
        details, moment = own.details, now or datetime.now(UTC)
        if details.ends - moment >= min(RENEW_BEFORE, (details.ends - details.begins) / _PART_OF_LIFE):
            return ""
        return f"it {'expired' if details.ends < moment else 'expires'} on {details.ends:%Y-%m-%d}"

    def due(self, own: OwnCertificate[PrivateKey], now: datetime | None = None) -> str:
        """Say why a certificate ought to be renewed: it expires, or does not fit this machine any more; else empty."""
        if expiring := self.expiring(own, now):
            return expiring
        details = own.details
        if details.uris[:1] != (self.application.uri,):
            return f"it is for {details.uris[0] if details.uris else 'no application'}, not for {self.application.uri}"
        lacking = [name for name in self.application.host_names if host_key(name) not in details.host_names]
        lacking += [str(address) for address in self.application.addresses if str(address) not in details.host_names]
        return f"it does not name this machine's {', '.join(lacking)}" if lacking else ""

    def renew(
        self, kind: CertificateKind, *, new_key: bool = False, even_issued: bool = False
    ) -> OwnCertificate[PrivateKey]:
        """Make a new self-signed certificate, for the same key or a new one; the pair before is kept.

        One that an authority has issued is replaced only where ``even_issued``.
        """
        before = self._load(kind)
        if before is not None and before.is_issued and not even_issued:
            message = (
                f"the certificate was issued by {before.details.issuer} "
                "(let it issue a new one: plantspace certs csr CONFIG; or take a self-signed one: --self-signed)"
            )
            raise CertificateError(message)
        key = self._new_key(kind) if new_key or before is None else before.key
        return self._keep(kind, key, self_signed(key, self.application, self._days), ())

    def go_back(self, kind: CertificateKind) -> OwnCertificate[PrivateKey]:
        """Take the pair that was there before the last change again; doing it twice changes nothing."""
        self._files.swap(kind)
        pair = self._load(kind)
        if pair is None:
            message = f"{self.folder}: there is no pair to go back to"
            raise CertificateError(message)
        return pair

    def request(self, kind: CertificateKind, *, new_key: bool = False, subject: x509.Name | None = None) -> bytes:
        """Make a signing request (DER) for an authority. A new key is kept aside until its certificate is installed.

        ``subject``: another than the one that a self-signed certificate has.
        """
        if new_key:
            key = self._new_key(kind)
            self._files.keep_requested(kind, to_private_pem(key))
        else:
            key = (self._load(kind) or self._make(kind)).key
        return signing_request(key, self.application, subject)

    def install(
        self,
        kind: CertificateKind,
        certificate: bytes,
        issuers: Sequence[bytes] = (),
        *,
        known: Sequence[Certificate] = (),
        private_key: bytes | None = None,
        now: datetime | None = None,
    ) -> OwnCertificate[PrivateKey]:
        """Use a certificate (DER) that an authority has issued, with its issuers (DER); the pair before is kept.

        It has to belong to ``private_key`` (PEM), else to the key of the last request or the one in use, has to name
        this application, and its chain has to be complete with ``issuers`` and those ``known``.
        """
        chosen = self.check(kind, certificate, issuers, known=known, private_key=private_key, now=now)
        return self._keep(kind, chosen.key, chosen.certificate.x509, chosen.issuers)

    def check(
        self,
        kind: CertificateKind,
        certificate: bytes,
        issuers: Sequence[bytes] = (),
        *,
        known: Sequence[Certificate] = (),
        private_key: bytes | None = None,
        now: datetime | None = None,
    ) -> Installed:
        """Do the checks of :meth:`install`, and change nothing."""
        keys = [read_key(private_key, "the private key")] if private_key is not None else self._keys(kind)
        moment = now or datetime.now(UTC)
        return check_installed(kind, certificate, issuers, known, keys, self.application.uri, moment)

    def installation(self, kind: CertificateKind, chosen: Installed) -> Part:
        """Give what :meth:`install` does with what was checked, as a part of a larger change."""
        return self._files.replacement(kind, *_encoded(chosen.certificate, chosen.key, chosen.issuers))

    def _keys(self, kind: CertificateKind) -> list[PrivateKey]:
        requested = self._files.requested(kind)
        current = self._load(kind)
        return [*([requested] if requested else []), *([current.key] if current else [])]

    def _load(self, kind: CertificateKind) -> OwnCertificate[PrivateKey] | None:
        pair = self._files.read(kind)
        if pair is None:
            return None
        return OwnCertificate(
            pair.certificate.x509, pair.key, made=False, details=pair.certificate, issuers=pair.issuers
        )

    def _make(self, kind: CertificateKind) -> OwnCertificate[PrivateKey]:
        key = self._new_key(kind)
        return self._keep(kind, key, self_signed(key, self.application, self._days), ())

    def _new_key(self, kind: CertificateKind) -> PrivateKey:
        try:
            return make_key(kind, self._rsa_bits)
        except ValueError as error:
            raise CertificateError(str(error)) from error

    def _keep(
        self, kind: CertificateKind, key: PrivateKey, certificate: x509.Certificate, issuers: tuple[bytes, ...]
    ) -> OwnCertificate[PrivateKey]:
        details = Certificate.of(certificate)
        self._files.write(kind, *_encoded(details, key, issuers))
        return OwnCertificate(certificate, key, made=True, details=details, issuers=issuers)


def _encoded(certificate: Certificate, key: PrivateKey, issuers: Sequence[bytes]) -> tuple[bytes, bytes, bytes | None]:
    """Give what the three files of a pair hold."""
    return certificate.der, to_private_pem(key), to_pem("CERTIFICATE", issuers) if issuers else None


def own_certificate(folder: Path, application_uri: str, name: str, *hosts: str) -> OwnCertificate[rsa.RSAPrivateKey]:
    """Load the RSA certificate from ``folder``, or make a self-signed one there. Blocks on files and on making the key.

    ``hosts``: names and addresses that it is reached by, beside the machine's.

    Raises :class:`CertificateError`, also where it has expired.
    """
    own = OwnCertificates(folder, Application.here(application_uri, name, *hosts)).load()[CertificateKind.RSA]
    if own.details.ends < datetime.now(UTC):
        date = f"{own.details.ends:%Y-%m-%d}"
        message = f"{folder / CERTIFICATE_FILE} expired on {date} (renew it: plantspace certs renew CONFIG)"
        raise CertificateError(message)
    return cast("OwnCertificate[rsa.RSAPrivateKey]", own)
