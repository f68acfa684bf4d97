"""UserIdentityTokens: which are offered, and what a client has sent (Part 4 v1.05 7.40, 7.42).

A password or an issued token comes encrypted for the gateway's key, with the session's nonce behind it, also on a
channel without encryption (threat 21); one in the clear is refused.
"""

from __future__ import annotations

import hmac
import struct
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa

from core.errors import PlantspaceError
from server.address_space.decoding import Cursor, DecodingError
from server.address_space.keys import NodeKey
from server.ua_stack.secure_channel.asymmetric import SealError, decrypt, verify
from server.ua_stack.secure_channel.suites import BASIC256SHA256, SUITES
from server.ua_stack.session.requests import Signature, Token

ANONYMOUS, USER_NAME, CERTIFICATE, ISSUED = range(4)
"""UserTokenType (Part 4 v1.05 7.43)."""
JWT: Final = "http://opcfoundation.org/UA/UserToken#JWT"
"""IssuedTokenType of JSON Web Tokens (Part 6 v1.05 6.5.2)."""
_ENCODINGS: Final = {321: ANONYMOUS, 324: USER_NAME, 327: CERTIFICATE, 940: ISSUED}
FOR_UNENCRYPTED: Final = BASIC256SHA256.uri
"""What secrets are encrypted by where the channel itself does not say: every client knows it."""
_LENGTH: Final = struct.Struct("<I")
_LONGEST_SECRET: Final = {USER_NAME: 2048, ISSUED: 16_384}
"""Bytes of an encrypted secret: a token of an issuer may be long, a password is not."""


class TokenError(PlantspaceError):
    """A token that is none, or that nobody can have made who read our EndpointDescription; the log is told more."""


@dataclass(frozen=True, slots=True)
class TokenPolicy:
    """A UserTokenPolicy (Part 4 v1.05 7.42). ``security_policy_uri``: empty for the channel's own."""

    policy_id: str
    kind: int
    security_policy_uri: str = ""
    issued_type: str = ""
    issuer: str = ""


@dataclass(frozen=True, slots=True)
class GivenToken:
    """A token as a client sent it. ``data``: encrypted password or token, or the user's certificate (DER)."""

    kind: int
    policy_id: str
    name: str = ""
    data: bytes = b""
    algorithm: str = ""


def offered_policies(
    *, encrypted: bool, anonymous: bool, named: bool, certificates: bool, tokens: bool, issuer: str = ""
) -> tuple[TokenPolicy, ...]:
    """Give what an endpoint offers. ``encrypted``: whether its channels have a policy; else secrets name their own."""
    uri = "" if encrypted else FOR_UNENCRYPTED
    suffix = "" if encrypted else "_basic256sha256"
    offered: list[TokenPolicy] = []
    if anonymous:
        offered.append(TokenPolicy("anonymous", ANONYMOUS))
    if named:
        offered.append(TokenPolicy("user_name" + suffix, USER_NAME, uri))
    if certificates:
        offered.append(TokenPolicy("certificate" + suffix, CERTIFICATE, uri))
    if tokens:
        offered.append(TokenPolicy("jwt" + suffix, ISSUED, uri, JWT, issuer))
    return tuple(offered)


def read_token(token: Token) -> GivenToken:
    """Read a token's body; none at all is the anonymous one (7.40.3). Raises :class:`TokenError`."""
    if token.kind == 0 or not token.body:
        if token.kind not in (0, 321):
            message = "a token without a body"
            raise TokenError(message)
        return GivenToken(ANONYMOUS, "")
    kind = _kind(token.kind)
    cursor = Cursor(token.body)
    try:
        policy = cursor.string() or ""
        if kind == ANONYMOUS:
            return GivenToken(kind, policy)
        if kind == USER_NAME:
            return GivenToken(kind, policy, cursor.string() or "", cursor.bytes() or b"", cursor.string() or "")
        if kind == CERTIFICATE:
            return GivenToken(kind, policy, "", cursor.bytes() or b"")
        return GivenToken(kind, policy, "", cursor.bytes() or b"", cursor.string() or "")
    except DecodingError as error:
        raise TokenError(str(error)) from None


def _kind(encoding: NodeKey) -> int:
    kind = _ENCODINGS.get(encoding) if isinstance(encoding, int) else None
    if kind is None:
        message = f"{encoding} is no UserIdentityToken"
        raise TokenError(message)
    return kind


def chosen_policy(given: GivenToken, offered: tuple[TokenPolicy, ...]) -> TokenPolicy:
    """Give the policy that a token names, of its kind; the only one of the kind where it names none.

    Raises :class:`TokenError`.
    """
    for policy in offered:
        if policy.kind == given.kind and given.policy_id in ("", policy.policy_id):
            return policy
    message = f"the endpoint offers no token policy {given.policy_id[:64]!r} of this kind"
    raise TokenError(message)


def decrypted(given: GivenToken, policy_uri: str, key: rsa.RSAPrivateKey, nonce: bytes) -> bytes:
    """Give a password or an issued token (7.40.2.2). ``nonce``: the last that the session was given.

    Raises :class:`TokenError`, which says the same whatever is wrong.
    """
    suite = SUITES.get(policy_uri)
    if suite is None or given.algorithm != suite.encryption_uri:
        message = "the secret is not encrypted as its policy says"
        raise TokenError(message)
    try:
        plain = decrypt(suite, key, given.data, _LONGEST_SECRET.get(given.kind, 0))
        (length,) = _LENGTH.unpack_from(plain)
    except (SealError, struct.error):
        raise _wrong() from None
    secret = plain[_LENGTH.size :]
    if length != len(secret) or length < len(nonce) or not hmac.compare_digest(secret[length - len(nonce) :], nonce):
        raise _wrong()
    return secret[: length - len(nonce)]


def verify_user(signature: Signature, policy_uri: str, key: object, data: bytes) -> None:
    """Raise :class:`TokenError` unless the user's key made the signature."""
    suite = SUITES.get(policy_uri)
    if suite is None or signature.algorithm not in ("", suite.signature_uri) or not isinstance(key, rsa.RSAPublicKey):
        message = "the user's signature is not made as its policy says"
        raise TokenError(message)
    try:
        verify(suite, key, data, signature.signature)
    except SealError:
        message = "the user's signature does not hold"
        raise TokenError(message) from None


def _wrong() -> TokenError:
    return TokenError("the secret cannot be decrypted, or is not for this session")
