"""An authority of the test's own: certificates for signing requests and for clients, and revocation lists."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
DAY = timedelta(days=1)


def name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2048)


def key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=not authority,
        key_encipherment=not authority,
        data_encipherment=not authority,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


class Authority:
    """``above``: who signs its certificate; itself where nobody does."""

    def __init__(self, common: str = "Test CA", above: Authority | None = None) -> None:
        self.key = new_key()
        self.name = name(common)
        builder = self._builder(self.name, self.key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        builder = builder.add_extension(key_usage(authority=True), critical=True)
        signer = above or self
        self.certificate = builder.issuer_name(signer.name).sign(signer.key, hashes.SHA256())
        self.der = self.certificate.public_bytes(Encoding.DER)

    def sign(self, request: bytes, *, uri: str = "", ends: timedelta = 365 * DAY, usage: bool = True) -> bytes:
        """Issue a certificate for a request (DER) with what it asks for, or with another application URI."""
        read = x509.load_der_x509_csr(request)
        assert read.is_signature_valid
        builder = self._builder(read.subject, read.public_key(), ends).issuer_name(self.name)
        for extension in read.extensions:
            value = extension.value
            if uri and isinstance(value, x509.SubjectAlternativeName):
                value = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
            if isinstance(value, x509.KeyUsage) and not usage:
                value = key_usage(authority=True)
            builder = builder.add_extension(value, extension.critical)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def issue(self, common: str, uri: str, key: Key | None = None, *, ends: timedelta = 365 * DAY) -> bytes:
        """Issue a client's certificate."""
        return client_certificate(common, uri, key or new_key(), self, ends=ends)

    def revocation_list(self) -> bytes:
        now = datetime.now(UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.name)
        builder = builder.last_update(now - DAY).next_update(now + 30 * DAY)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)

    @staticmethod
    def _builder(subject: x509.Name, key: object, ends: timedelta = 365 * DAY) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .public_key(key)  # type: ignore[arg-type]  # whatever kind the request has
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 400 * DAY)
            .not_valid_after(now + ends)
        )


def client_certificate(
    common: str, uri: str, key: Key, issuer: Authority | None = None, *, ends: timedelta = 365 * DAY
) -> bytes:
    """Make a client's certificate (DER); self-signed where no authority is given."""
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(common))
        .issuer_name(issuer.name if issuer is not None else name(common))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 400 * DAY)
        .not_valid_after(now + ends)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), critical=False)
    )
    return builder.sign(issuer.key if issuer is not None else key, hashes.SHA256()).public_bytes(Encoding.DER)


def pem(key: Key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
