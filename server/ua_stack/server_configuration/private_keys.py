"""Private keys as UpdateCertificate brings them (Part 12 v1.05 7.10.5): PEM or PFX, not encrypted."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.serialization import pkcs12

from certs.errors import CertificateError
from certs.making import PrivateKey, kind_of, to_private_pem
from certs.own_files import read_key

FORMATS: Final = ("PEM", "PFX")
"""SupportedPrivateKeyFormats."""
_LARGEST = 64 * 1024


def read_private_key(key_format: str, encoded: bytes) -> bytes:
    """Give a key as PEM. Raises :class:`CertificateError` that never tells the key."""
    if key_format not in FORMATS:
        message = f"the private key's format {key_format[:16]!r} is none of {', '.join(FORMATS)}"
        raise CertificateError(message)
    if len(encoded) > _LARGEST:
        message = f"the private key has {len(encoded)} bytes, and at most {_LARGEST} are read"
        raise CertificateError(message)
    return to_private_pem(_of_pfx(encoded) if key_format == "PFX" else read_key(encoded, "the private key"))


def _of_pfx(encoded: bytes) -> PrivateKey:
    """Read a key store without a password, or with an empty one: the channel is what keeps it secret."""
    for password in (None, b""):
        try:
            key = pkcs12.load_pkcs12(encoded, password).key
        except Exception:  # noqa: BLE001, S112 - the parser raises whatever hostile bytes lead it to
            continue
        if key is not None and kind_of(key) is not None:
            return key  # pyright: ignore[reportReturnType] - kind_of has looked at what it is
    message = "the private key cannot be read (it has to be RSA or nistP256, without a password)"
    raise CertificateError(message)
