"""Keys, self-signed certificates and signing requests of an application (Part 6 v1.05 6.2.2)."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, Self, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs.machine import Address, addresses, host_names, to_address

PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
VALID_DAYS: Final = 365 * 5
RSA_BITS: Final = (2048, 3072, 4096)
_LONGEST_NAME = 64
"""Characters of a CommonName (RFC 5280, ub-common-name)."""
_LONGEST_HOST = 253
_CLOCKS_APART = timedelta(minutes=5)


class CertificateKind(StrEnum):
    """The certificate types of Part 12 v1.05 7.8.4 that are offered, by what their keys are."""

    RSA = "rsa"
    NIST_P256 = "nistP256"


@dataclass(frozen=True, slots=True)
class Application:
    """What a certificate says of the gateway: ``uri``: application URI; ``name``: as people call it."""

    uri: str
    name: str
    host_names: tuple[str, ...]
    addresses: tuple[Address, ...]

    @classmethod
    def here(cls, uri: str, name: str, *more: str) -> Self:
        """Describe a gateway on this machine, with all names and addresses of it, and ``more`` of either.

        Blocks on name resolution.
        """
        found = addresses()
        given = [each for each in map(to_address, more) if each is not None and not each.is_unspecified]
        names = (*(each for each in more if to_address(each) is None), *host_names())
        fit = (each for each in names if each.isascii() and 0 < len(each) <= _LONGEST_HOST)
        return cls(uri, name, tuple(dict.fromkeys(fit)), tuple(dict.fromkeys((*found, *given))))


def application_uri(name: str) -> str:
    """Give the application URI of the gateway of this name on this machine (Part 6 v1.05 6.2.2)."""
    return f"urn:{platform.node() or 'localhost'}:plantspace:{name}"


def make_key(kind: CertificateKind, rsa_bits: int = RSA_BITS[0]) -> PrivateKey:
    """Make a key; 4096 bits may take seconds. Raises :class:`ValueError` where so many bits are not allowed."""
    if kind is CertificateKind.NIST_P256:
        return ec.generate_private_key(ec.SECP256R1())
    if not RSA_BITS[0] <= rsa_bits <= RSA_BITS[-1]:
        message = f"an RSA key has {RSA_BITS[0]} to {RSA_BITS[-1]} bits, not {rsa_bits}"
        raise ValueError(message)
    return rsa.generate_private_key(public_exponent=65_537, key_size=rsa_bits)


def kind_of(key: object) -> CertificateKind | None:
    """Tell what kind of certificate a key, private or public, belongs to; None where it is of no kind offered."""
    if isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey):
        return CertificateKind.RSA
    if isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return CertificateKind.NIST_P256
    return None


def self_signed(key: PrivateKey, application: Application, days: int = VALID_DAYS) -> x509.Certificate:
    """Make a certificate for an application that is valid from now on."""
    subject = _subject(application)
    begin = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin - _CLOCKS_APART)
        .not_valid_after(begin + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(key, is_self_signed=True), critical=True)
        .add_extension(_purposes(), critical=False)
        .add_extension(_names(application), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def signing_request(key: PrivateKey, application: Application, subject: x509.Name | None = None) -> bytes:
    """Make a PKCS #10 request, DER, for what :func:`self_signed` would make, or with another subject."""
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(subject or _subject(application))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(key, is_self_signed=False), critical=True)
        .add_extension(_purposes(), critical=False)
        .add_extension(_names(application), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.DER)
    )


def to_private_pem(key: PrivateKey) -> bytes:
    """Write a key as PKCS #8 PEM, not encrypted."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _subject(application: Application) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, f"Plantspace {application.name}"[:_LONGEST_NAME]),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Plantspace"),
        ]
    )


def _key_usage(key: PrivateKey, *, is_self_signed: bool) -> x509.KeyUsage:
    """Give the usages that Part 6 v1.05 6.2.2 asks for: only RSA keys encrypt."""
    encrypts = isinstance(key, rsa.RSAPrivateKey)
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=encrypts,
        data_encipherment=encrypts,
        key_agreement=False,
        key_cert_sign=is_self_signed,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _purposes() -> x509.ExtendedKeyUsage:
    return x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])


def _names(application: Application) -> x509.SubjectAlternativeName:
    """Put the application URI first: that is where it is looked for."""
    return x509.SubjectAlternativeName(
        [
            x509.UniformResourceIdentifier(application.uri),
            *(x509.DNSName(name) for name in application.host_names),
            *(x509.IPAddress(address) for address in application.addresses),
        ]
    )
