"""A certificate read whole, once: what looks at it afterwards cannot stumble over hostile bytes any more."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Self, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtensionOID

from certs.errors import CertificateError

E = TypeVar("E", bound=x509.ExtensionType)
LARGEST_CERTIFICATE: Final = 16 * 1024
"""Bytes of one certificate; one with a hundred host names has four thousand."""
_LONGEST_TEXT = 160
_OUTDATED = "sha1"
_LARGEST_KEY = 8192
"""Bits: to check a signature with more costs a stranger nothing and us milliseconds."""
_HANDLED: Final = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    }
)
"""Extensions that are looked at. Any other that is critical makes the certificate unusable (RFC 5280 4.2)."""


def thumbprint_of(der: bytes) -> bytes:
    """Give the SHA-1 of a certificate, by which OPC UA names it (Part 6 v1.05 6.2.2); it proves nothing."""
    return hashlib.sha1(der, usedforsecurity=False).digest()


@dataclass(frozen=True, slots=True)
class Uses:
    """What KeyUsage and ExtendedKeyUsage say. ``key``, ``extended``: None where the extension is missing."""

    key: x509.KeyUsage | None
    key_critical: bool
    extended: frozenset[str] | None
    extended_critical: bool


@dataclass(frozen=True, slots=True)
class Certificate:
    """An X.509 v3 certificate. Two are equal when their bytes are."""

    der: bytes
    x509: x509.Certificate = field(compare=False, repr=False)
    key: CertificatePublicKeyTypes = field(compare=False, repr=False)
    hash_name: str = field(compare=False)
    uris: tuple[str, ...] = field(compare=False)
    host_names: frozenset[str] = field(compare=False)
    is_ca: bool = field(compare=False)
    path_length: int | None = field(compare=False)
    uses: Uses = field(compare=False, repr=False)
    key_identifier: bytes | None = field(compare=False, repr=False)
    issuer_key_identifier: bytes | None = field(compare=False, repr=False)

    @classmethod
    def parse(cls, der: bytes) -> Self:
        """Read DER. Raises :class:`CertificateError` that says what is wrong with it."""
        if len(der) > LARGEST_CERTIFICATE:
            message = f"it has {len(der)} bytes, and at most {LARGEST_CERTIFICATE} are read"
            raise CertificateError(message)
        try:
            return cls._read(der)
        except CertificateError:
            raise
        except Exception as error:  # the parser raises whatever hostile bytes lead it to
            words = printable(" ".join(str(error).split())) or type(error).__name__
            message = f"it is no sound X.509 certificate: {words}"
            raise CertificateError(message) from error

    @classmethod
    def of(cls, certificate: x509.Certificate) -> Self:
        """Take a certificate that the library has read. Raises as :meth:`parse`."""
        return cls.parse(certificate.public_bytes(serialization.Encoding.DER))

    @classmethod
    def _read(cls, der: bytes) -> Self:
        certificate = x509.load_der_x509_certificate(der)
        if certificate.version is not x509.Version.v3:
            message = "it is of X.509 version 1, and version 3 is needed"
            raise CertificateError(message)
        extensions = certificate.extensions
        for extension in extensions:
            if extension.critical and extension.oid not in _HANDLED:
                message = f"it has the critical extension {extension.oid.dotted_string}, which is not supported"
                raise CertificateError(message)
        names = _extension(extensions, x509.SubjectAlternativeName)
        basic = _extension(extensions, x509.BasicConstraints)
        subject_key = _extension(extensions, x509.SubjectKeyIdentifier)
        authority_key = _extension(extensions, x509.AuthorityKeyIdentifier)
        key = certificate.public_key()
        if isinstance(key, rsa.RSAPublicKey) and key.key_size > _LARGEST_KEY:
            message = f"its key has {key.key_size} bits, and at most {_LARGEST_KEY} are worked with"
            raise CertificateError(message)
        # Touched so that a name or a date that cannot be read is found here and not in use.
        _ = (certificate.subject, certificate.issuer, certificate.not_valid_before_utc, certificate.not_valid_after_utc)
        return cls(
            der,
            certificate,
            key,
            _hash_name(certificate),
            tuple(names.get_values_for_type(x509.UniformResourceIdentifier)) if names else (),
            frozenset(_hosts(names)) if names else frozenset(),
            bool(basic and basic.ca),
            basic.path_length if basic else None,
            _uses(extensions),
            subject_key.digest if subject_key else None,
            authority_key.key_identifier if authority_key else None,
        )

    @property
    def thumbprint(self) -> str:
        """The SHA-1 of its bytes in capital hex digits, as OPC UA names certificates (Part 4 v1.05 7.3, Part 12)."""
        return thumbprint_of(self.der).hex().upper()

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of its bytes in hex digits: its file's name."""
        return hashlib.sha256(self.der).hexdigest()

    @property
    def subject(self) -> str:
        """Its subject in one printable line of bounded length."""
        return printable(self.x509.subject.rfc4514_string()) or "(no name)"

    @property
    def issuer(self) -> str:
        """Its issuer's name in one printable line of bounded length."""
        return printable(self.x509.issuer.rfc4514_string()) or "(no name)"

    @property
    def begins(self) -> datetime:
        """Valid from, UTC."""
        return self.x509.not_valid_before_utc

    @property
    def ends(self) -> datetime:
        """Valid until, UTC."""
        return self.x509.not_valid_after_utc

    @property
    def key_words(self) -> str:
        """Its kind of key, as people read it: ``RSA 2048 bits``, ``secp256r1``."""
        if isinstance(self.key, rsa.RSAPublicKey):
            return f"RSA {self.key.key_size} bits"
        if isinstance(self.key, ec.EllipticCurvePublicKey):
            return self.key.curve.name
        return type(self.key).__name__.removesuffix("PublicKey")

    @property
    def is_self_issued(self) -> bool:
        """Whether subject and issuer have one name; :meth:`is_signed_by` itself tells whether it is self-signed."""
        return self.x509.subject == self.x509.issuer

    def is_named_issuer_of(self, other: Certificate) -> bool:
        """Tell whether the names, and the key identifiers where both are there, say that it issued another."""
        if self.x509.subject != other.x509.issuer:
            return False
        told, own = other.issuer_key_identifier, self.key_identifier
        return told is None or own is None or told == own

    def is_signed_by(self, issuer: Certificate) -> bool:
        """Check names and signature."""
        try:
            if self.hash_name == _OUTDATED:
                return self._has_outdated_signature_of(issuer)
            self.x509.verify_directly_issued_by(issuer.x509)
        except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
            return False
        return True

    def _has_outdated_signature_of(self, issuer: Certificate) -> bool:
        """Check a signature with SHA-1, which the library no longer does by itself.

        It is the policy that refuses these, and an administrator who may overlook that.
        """
        parameters, used = self.x509.signature_algorithm_parameters, self.x509.signature_hash_algorithm
        signature, signed = self.x509.signature, self.x509.tbs_certificate_bytes
        if self.x509.issuer != issuer.x509.subject:
            return False
        if isinstance(issuer.key, rsa.RSAPublicKey) and isinstance(parameters, padding.PKCS1v15) and used is not None:
            issuer.key.verify(signature, signed, parameters, used)
            return True
        if isinstance(issuer.key, ec.EllipticCurvePublicKey) and isinstance(parameters, ec.ECDSA):
            issuer.key.verify(signature, signed, parameters)
            return True
        return False


def printable(text: str) -> str:
    """Give a foreign text without what could forge a log line, cut to a bounded length."""
    cut = text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "…"
    return "".join(letter if letter.isprintable() else "?" for letter in cut)


def host_key(name: str) -> str:
    """Give a host name or address in the one form in which two are compared."""
    bare = name.strip().removeprefix("[").removesuffix("]")
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return bare.casefold().removesuffix(".")


def _hosts(names: x509.SubjectAlternativeName) -> Iterable[str]:
    yield from (host_key(name) for name in names.get_values_for_type(x509.DNSName))
    yield from (str(address) for address in names.get_values_for_type(x509.IPAddress))


def _hash_name(certificate: x509.Certificate) -> str:
    try:
        used: hashes.HashAlgorithm | None = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return "unknown"
    return used.name if used is not None else "none"


def _extension(extensions: x509.Extensions, kind: type[E]) -> E | None:
    for extension in extensions:
        if isinstance(extension.value, kind):
            return extension.value
    return None


def _uses(extensions: x509.Extensions) -> Uses:
    critical = {extension.oid: extension.critical for extension in extensions}
    extended = _extension(extensions, x509.ExtendedKeyUsage)
    return Uses(
        _extension(extensions, x509.KeyUsage),
        critical.get(ExtensionOID.KEY_USAGE, False),
        None if extended is None else frozenset(one.dotted_string for one in extended),
        critical.get(ExtensionOID.EXTENDED_KEY_USAGE, False),
    )
