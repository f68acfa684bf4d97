"""asyncua's side of a channel down to its OpenSecureChannel, identities for both sides, and a trust list of one."""

# asyncua's side is untyped, and calls a plain int wrong where it takes one.
# pyright: reportUnknownMemberType=false, reportArgumentType=false, reportUnknownVariableType=false
from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from typing import Any

from asyncua import ua
from asyncua.common.connection import SecureConnection, TransportLimits
from asyncua.common.utils import Buffer
from asyncua.crypto import security_policies
from asyncua.ua.ua_binary import header_from_binary, struct_from_binary, struct_to_binary
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from certs.certificate import Certificate
from certs.errors import CertificateError
from certs.making import Application, self_signed
from certs.verdict import CertificateStatus, Verdict
from server.ua_stack.secure_channel.identities import Identities, ServerIdentity

SIGN, ENCRYPT = ua.MessageSecurityMode.Sign, ua.MessageSecurityMode.SignAndEncrypt
BASIC = security_policies.SecurityPolicyBasic256Sha256
KINDS: dict[str, Any] = {
    "Basic256Sha256": BASIC,
    "Aes128_Sha256_RsaOaep": security_policies.SecurityPolicyAes128Sha256RsaOaep,
    "Aes256_Sha256_RsaPss": security_policies.SecurityPolicyAes256Sha256RsaPss,
}
URI = "urn:test:peer"
BUFFER = 65_535
_OPEN: Any = ua.MessageType.SecureOpen


def identity(name: str, bits: int = 2048) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    """Give a self-signed application's certificate and its key, the same for the same name."""
    return _identity(name, bits)


@cache
def _identity(name: str, bits: int) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    return self_signed(key, Application(f"urn:test:{name}", name, ("localhost",), ())), key


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


class TrustAll:
    """A trust list that holds everything but what is named; counts how often it was asked."""

    def __init__(self, *refused: bytes, status: CertificateStatus = CertificateStatus.UNTRUSTED) -> None:
        self.refused = refused
        self.status = status
        self.asked = 0
        self.stamp = 1.0

    def validate(self, chain: list[bytes], *, application_uri: str | None) -> Verdict:
        assert application_uri is None
        self.asked += 1
        try:
            certificate = Certificate.parse(chain[0])
        except CertificateError:
            return Verdict(CertificateStatus.INVALID, "it is no certificate")
        if chain[0] in self.refused:
            return Verdict(self.status, "it is refused", "", certificate)
        return Verdict(CertificateStatus.GOOD, "", "", certificate)

    def last_update(self) -> object:
        return self.stamp


def showing(name: str = "server", bits: int = 2048) -> Identities:
    """Give identities that show one certificate."""
    held = Identities(None)
    held.rsa = ServerIdentity.of(*identity(name, bits))
    return held


class Peer:
    """A client's channel. ``kind``: asyncua's policy, None for no security."""

    def __init__(
        self,
        kind: Any = None,
        mode: ua.MessageSecurityMode = ENCRYPT,
        *,
        own: tuple[x509.Certificate, rsa.RSAPrivateKey] | None = None,
        server: x509.Certificate | None = None,
    ) -> None:
        if kind is None:
            policy: Any = security_policies.SecurityPolicyNone()
        else:
            policy = kind(server or identity("server")[0], *(own or identity("client")), mode)
        self.policy = policy
        self.channel = SecureConnection(policy, TransportLimits(BUFFER, BUFFER, 0, 0))
        self.asked = ua.OpenSecureChannelRequest()

    def opening(
        self,
        renew: bool = False,  # noqa: FBT001, FBT002 - reads well where it is called
        *,
        lifetime: int = 3_600_000,
        change: Callable[[ua.OpenSecureChannelRequest], None] = lambda _: None,
    ) -> bytes:
        """Give an OPN chunk; ``change`` alters what is asked for."""
        request = ua.OpenSecureChannelRequest()
        params = request.Parameters
        params.SecurityMode = self.policy.Mode
        params.RequestedLifetime = lifetime
        kinds = ua.SecurityTokenRequestType
        params.RequestType = kinds.Renew if renew else kinds.Issue
        params.ClientNonce = ua.utils.create_nonce(self.policy.secure_channel_nonce_length)
        request.RequestHeader.RequestHandle = 7
        change(request)
        self.asked = request
        return self.channel.message_to_binary(struct_to_binary(request), _OPEN, 1)

    def opened(self, frame: bytes) -> ua.OpenSecureChannelResponse:
        """Take the answer, and use its keys: at once where it is the first, from the next message on otherwise."""
        body = Buffer(frame)
        told: Any = self.channel.receive_from_header_and_body(header_from_binary(body), body)
        response = struct_from_binary(ua.OpenSecureChannelResponse, told.body())
        params = self.asked.Parameters
        self.channel.set_channel(copy.deepcopy(response.Parameters), params.RequestType, params.ClientNonce)
        return response

    def received(self, frame: bytes) -> bytes:
        """Take a message of one chunk."""
        body = Buffer(frame)
        message: Any = self.channel.receive_from_header_and_body(header_from_binary(body), body)
        return bytes(message.body().read(len(message.body())))
