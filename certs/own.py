"""The gateway's own application instance certificate (Part 6 v1.05 6.2.2), made at the first run."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from core.durable_files import write_private
from core.errors import PlantspaceError

_KEY_BITS = 2048
_VALID_DAYS = 365 * 5
_LONGEST_NAME = 64
"""Characters of a CommonName (RFC 5280, ub-common-name)."""
CERTIFICATE_FILE = "own.der"
KEY_FILE = "own.key.pem"


class CertificateError(PlantspaceError):
    """The gateway's own certificate or key cannot be used; the message names the file and the mend."""


@dataclass(frozen=True, slots=True)
class OwnCertificate:
    """Certificate and private key. ``made``: whether this run made them."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey
    made: bool


def own_certificate(folder: Path, application_uri: str, name: str) -> OwnCertificate:
    """Load the certificate from ``folder``, or make a self-signed one there. Blocks on files and on making the key.

    Raises :class:`CertificateError`.
    """
    certificate_file, key_file = folder / CERTIFICATE_FILE, folder / KEY_FILE
    if not certificate_file.exists() and not key_file.exists():
        return _make(folder, application_uri, name)
    try:
        certificate = x509.load_der_x509_certificate(certificate_file.read_bytes())
        key = serialization.load_pem_private_key(key_file.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:  # TypeError: the key is encrypted
        message = f"{folder}: the gateway's certificate cannot be read: {error} (restore both files, or remove both)"
        raise CertificateError(message) from error
    if not isinstance(key, rsa.RSAPrivateKey):
        message = f"{key_file} is no RSA key (remove both files, and a new pair is made)"
        raise CertificateError(message)
    if certificate.public_key() != key.public_key():
        message = f"{key_file} does not belong to {certificate_file} (restore both files, or remove both)"
        raise CertificateError(message)
    if certificate.not_valid_after_utc < datetime.now(UTC):
        message = f"{certificate_file} expired on {certificate.not_valid_after_utc:%Y-%m-%d} (remove both files)"
        raise CertificateError(message)
    return OwnCertificate(certificate, key, made=False)


def _make(folder: Path, application_uri: str, name: str) -> OwnCertificate:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=_KEY_BITS)
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, f"Plantspace {name}"[:_LONGEST_NAME]),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Plantspace"),
        ]
    )
    begin = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin - timedelta(minutes=5))
        .not_valid_after(begin + timedelta(days=_VALID_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .add_extension(x509.SubjectAlternativeName(_names(application_uri)), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(folder / KEY_FILE, pem)
        write_private(folder / CERTIFICATE_FILE, certificate.public_bytes(serialization.Encoding.DER))
    except OSError as error:
        message = f"{folder}: the gateway's certificate cannot be kept: {error.strerror or error}"
        raise CertificateError(message) from error
    return OwnCertificate(certificate, key, made=True)


def _key_usage() -> x509.KeyUsage:
    """Give the usages that Part 6 v1.05 6.2.2 asks of an application instance certificate."""
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=True,
        data_encipherment=True,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _names(application_uri: str) -> list[x509.GeneralName]:
    hosts = dict.fromkeys((socket.gethostname(), "localhost"))
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(application_uri)]
    names.extend(x509.DNSName(host) for host in hosts if host)
    return [*names, x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
