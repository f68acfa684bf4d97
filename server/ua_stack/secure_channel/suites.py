"""The security policies that are offered, and what each of them asks for (Part 7 v1.05 6.6).

Basic128Rsa15 and Basic256 are deprecated for what they are made of, SHA-1 and RSA 1.5, and are nowhere (threat 21).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from core.security_mode import SecurityMode

_POLICY = "http://opcfoundation.org/UA/SecurityPolicy#"
NONE: Final = f"{_POLICY}None"


@dataclass(frozen=True, slots=True)
class Suite:
    """One policy with RSA keys. ``levels``: SecurityLevel with Sign and with SignAndEncrypt.

    ``encryption_bytes``: of the AES key; ``oaep_hash``: what OAEP uses, ``overhead``: bytes of a block that it takes;
    ``nonce``: SecureChannelNonceLength in bytes; ``least_bits`` and ``most_bits``: of RSA keys.
    """

    uri: str
    signature_uri: str
    encryption_uri: str
    signature_padding: padding.PKCS1v15 | padding.PSS
    oaep_hash: hashes.HashAlgorithm
    encryption_bytes: int
    levels: tuple[int, int]
    nonce: int = 32
    least_bits: int = 2048
    most_bits: int = 4096

    @property
    def overhead(self) -> int:
        """Bytes that OAEP takes of each block (RFC 8017 7.1.1)."""
        return 2 * self.oaep_hash.digest_size + 2

    @property
    def encryption_padding(self) -> padding.OAEP:
        """What RSA encrypts with."""
        return padding.OAEP(padding.MGF1(self.oaep_hash), self.oaep_hash, None)

    def level(self, mode: SecurityMode) -> int:
        """Give the SecurityLevel: the higher, the better (Part 4 v1.05 7.14)."""
        return self.levels[mode is SecurityMode.SIGN_AND_ENCRYPT]


BASIC256SHA256: Final = Suite(
    f"{_POLICY}Basic256Sha256",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "http://www.w3.org/2001/04/xmlenc#rsa-oaep",
    padding.PKCS1v15(),
    hashes.SHA1(),  # noqa: S303 - within OAEP, as the policy says; no collision helps there
    32,
    (50, 70),
)
AES128_SHA256_RSA_OAEP: Final = Suite(
    f"{_POLICY}Aes128_Sha256_RsaOaep",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "http://www.w3.org/2001/04/xmlenc#rsa-oaep",
    padding.PKCS1v15(),
    hashes.SHA1(),  # noqa: S303 - as above
    16,
    (55, 75),
)
AES256_SHA256_RSA_PSS: Final = Suite(
    f"{_POLICY}Aes256_Sha256_RsaPss",
    "http://opcfoundation.org/UA/security/rsa-pss-sha2-256",
    "http://opcfoundation.org/UA/security/rsa-oaep-sha2-256",
    padding.PSS(padding.MGF1(hashes.SHA256()), 32),
    hashes.SHA256(),
    32,
    (60, 80),
)
SUITES: Final = {suite.uri: suite for suite in (BASIC256SHA256, AES128_SHA256_RSA_OAEP, AES256_SHA256_RSA_PSS)}
