"""asyncua's client with an issued token, which it does not send by itself (Part 4 v1.05 7.40.6)."""

# The seam on asyncua, whose annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportPrivateImportUsage=false
from __future__ import annotations

from typing import Any

from asyncua import ua
from asyncua.crypto import uacrypto
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.system.patient import PatientClient

_OAEP = "http://www.w3.org/2001/04/xmlenc#rsa-oaep"
_OAEP_TAKES = 42
"""Bytes of a block that OAEP with SHA-1 needs for itself."""


class TokenClient(PatientClient):
    """Logs in with ``token``, encrypted as Basic256Sha256 has it."""

    def __init__(self, url: str, token: bytes = b"") -> None:
        """Connect to ``url`` later."""
        super().__init__(url)
        self.token = token
        self.set_user("token")

    def _add_user_auth(
        self,
        params: ua.ActivateSessionParameters,
        username: str | None,
        password: str | None,
    ) -> None:
        """Send the token in the place of a user name (asyncua's own hook)."""
        del username, password
        policy = self.server_policy(ua.UserTokenType.IssuedToken)
        assert policy.SecurityPolicyUri == SecurityPolicyBasic256Sha256.URI
        given: Any = ua.IssuedIdentityToken()
        given.PolicyId = policy.PolicyId
        given.TokenData = self._encrypted(self.token)
        given.EncryptionAlgorithm = _OAEP
        params.UserIdentityToken = given

    def _encrypted(self, secret: bytes) -> bytes:
        """Encrypt a secret with the session's nonce behind it, in blocks (Part 4 v1.05 7.40.2.2)."""
        certificate = uacrypto.x509_from_der(self.security_policy.peer_certificate)
        assert certificate is not None
        key = certificate.public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        plain = secret + (self._server_nonce or b"")
        plain = len(plain).to_bytes(4, "little") + plain
        room = key.key_size // 8 - _OAEP_TAKES
        scheme = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)  # noqa: S303 - as the policy has it
        return b"".join(key.encrypt(plain[at : at + room], scheme) for at in range(0, len(plain), room))
