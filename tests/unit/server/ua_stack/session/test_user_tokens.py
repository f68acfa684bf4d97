"""Tokens of users: what is offered, what is taken, and what never is."""

from __future__ import annotations

import struct

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from server.address_space.encoding import encode_bytes, encode_string
from server.ua_stack.session.requests import Signature, Token
from server.ua_stack.session.user_tokens import (
    ANONYMOUS,
    CERTIFICATE,
    FOR_UNENCRYPTED,
    ISSUED,
    USER_NAME,
    GivenToken,
    TokenError,
    TokenPolicy,
    chosen_policy,
    decrypted,
    offered_policies,
    read_token,
    verify_user,
)

POLICY = "http://opcfoundation.org/UA/SecurityPolicy#"
OAEP = "http://www.w3.org/2001/04/xmlenc#rsa-oaep"
OAEP_SHA2 = "http://opcfoundation.org/UA/security/rsa-oaep-sha2-256"
NONCE = bytes(range(32))
KEY = rsa.generate_private_key(65537, 2048)
ALGORITHMS = {
    "Basic256Sha256": (OAEP, hashes.SHA1()),  # noqa: S303 - as the policy has it
    "Aes128_Sha256_RsaOaep": (OAEP, hashes.SHA1()),  # noqa: S303 - as above
    "Aes256_Sha256_RsaPss": (OAEP_SHA2, hashes.SHA256()),
}


def _encrypted(secret: bytes, policy: str, *, length: int | None = None) -> bytes:
    """Encrypt as a client does (Part 4 v1.05 7.40.2.2), block by block."""
    plain = struct.pack("<I", len(secret) if length is None else length) + secret
    digest = ALGORITHMS[policy][1]
    scheme = padding.OAEP(padding.MGF1(digest), digest, None)
    block = 256 - 2 * digest.digest_size - 2
    public = KEY.public_key()
    return b"".join(public.encrypt(plain[at : at + block], scheme) for at in range(0, len(plain), block))


def _given(data: bytes, policy: str) -> GivenToken:
    return GivenToken(USER_NAME, "user_name", "ann", data, ALGORITHMS[policy][0])


@settings(max_examples=20, deadline=None)
@given(st.binary(max_size=600), st.sampled_from(sorted(ALGORITHMS)))
def test_what_a_client_encrypted_is_read(secret: bytes, policy: str) -> None:
    given_token = _given(_encrypted(secret + NONCE, policy), policy)
    assert decrypted(given_token, POLICY + policy, KEY, NONCE) == secret


@pytest.mark.parametrize("policy", sorted(ALGORITHMS))
def test_threat_21_a_replayed_password_is_refused(policy: str) -> None:
    sent = _encrypted(b"secret" + NONCE, policy)
    with pytest.raises(TokenError):
        decrypted(_given(sent, policy), POLICY + policy, KEY, bytes(32))


def test_threat_21_every_fault_of_a_secret_is_told_alike() -> None:
    policy = "Basic256Sha256"
    good = _encrypted(b"secret" + NONCE, policy)
    pkcs1 = KEY.public_key().encrypt(struct.pack("<I", 38) + b"secret" + NONCE, padding.PKCS1v15())
    faults = {
        "another nonce": _encrypted(b"secret" + bytes(32), policy),
        "no nonce": _encrypted(b"secret", policy),
        "too long a length": _encrypted(b"secret" + NONCE, policy, length=39),
        "too short a length": _encrypted(b"secret" + NONCE, policy, length=37),
        "a great length": _encrypted(b"secret" + NONCE, policy, length=0xFFFF_FFFF),
        "a bit": bytes((good[0] ^ 1,)) + good[1:],
        "half a block": good[:128],
        "nothing": b"",
        "RSA-1.5": pkcs1,
        "zeros": bytes(256),
        "too much": good * 80,
    }
    told: set[str] = set()
    for data in faults.values():
        with pytest.raises(TokenError) as refused:
            decrypted(_given(data, policy), POLICY + policy, KEY, NONCE)
        told.add(str(refused.value))
    assert len(told) == 1


@pytest.mark.parametrize("algorithm", ["", "http://www.w3.org/2001/04/xmlenc#rsa-1_5", OAEP_SHA2])
def test_threat_21_secrets_in_the_clear_or_by_outdated_means_are_refused(algorithm: str) -> None:
    for data in (b"secret", _encrypted(b"secret" + NONCE, "Basic256Sha256")):
        with pytest.raises(TokenError):
            decrypted(GivenToken(USER_NAME, "", "ann", data, algorithm), POLICY + "Basic256Sha256", KEY, NONCE)
    with pytest.raises(TokenError):
        decrypted(GivenToken(USER_NAME, "", "ann", b"secret", algorithm), POLICY + "None", KEY, NONCE)


def test_on_a_channel_without_encryption_secrets_have_a_policy_of_their_own() -> None:
    everything = offered_policies(encrypted=False, anonymous=True, named=True, certificates=True, tokens=True)
    assert [one.kind for one in everything] == [ANONYMOUS, USER_NAME, CERTIFICATE, ISSUED]
    assert {one.security_policy_uri for one in everything if one.kind != ANONYMOUS} == {FOR_UNENCRYPTED}
    encrypted = offered_policies(encrypted=True, anonymous=False, named=True, certificates=False, tokens=False)
    assert encrypted == (TokenPolicy("user_name", USER_NAME),)


def test_tokens_are_read_by_their_kind() -> None:
    named = encode_string("p") + encode_string("ann") + encode_bytes(b"x") + encode_string(OAEP)
    assert read_token(Token(324, named)) == GivenToken(USER_NAME, "p", "ann", b"x", OAEP)
    certified = encode_string("c") + encode_bytes(b"der")
    assert read_token(Token(327, certified)) == GivenToken(CERTIFICATE, "c", "", b"der")
    issued = encode_string("j") + encode_bytes(b"jwt") + encode_string(OAEP)
    assert read_token(Token(940, issued)) == GivenToken(ISSUED, "j", "", b"jwt", OAEP)
    assert read_token(Token(321, encode_string("a"))) == GivenToken(ANONYMOUS, "a")
    assert read_token(Token(0, b"")) == GivenToken(ANONYMOUS, "")  # 7.40.3: none is anonymous


@pytest.mark.parametrize("kind", [1, 324, 327, 940, (1, "ann")])
def test_what_is_no_token_is_refused(kind: int | tuple[int, str]) -> None:
    for body in (b"", b"\x01"):
        with pytest.raises(TokenError):
            read_token(Token(kind, body))


def test_a_policy_is_of_the_token_s_kind() -> None:
    offered = offered_policies(encrypted=True, anonymous=True, named=True, certificates=False, tokens=False)
    assert chosen_policy(GivenToken(USER_NAME, "user_name"), offered).kind == USER_NAME
    assert chosen_policy(GivenToken(ANONYMOUS, ""), offered).kind == ANONYMOUS
    for given_token in (GivenToken(USER_NAME, "anonymous"), GivenToken(CERTIFICATE, "certificate")):
        with pytest.raises(TokenError):
            chosen_policy(given_token, offered)


@pytest.mark.parametrize(
    ("policy", "scheme"),
    [
        ("Basic256Sha256", padding.PKCS1v15()),
        ("Aes256_Sha256_RsaPss", padding.PSS(padding.MGF1(hashes.SHA256()), 32)),
    ],
)
def test_a_user_s_certificate_needs_its_key(policy: str, scheme: padding.PKCS1v15 | padding.PSS) -> None:
    signed = Signature("", KEY.sign(b"certificate" + NONCE, scheme, hashes.SHA256()))
    verify_user(signed, POLICY + policy, KEY.public_key(), b"certificate" + NONCE)
    with pytest.raises(TokenError):
        verify_user(signed, POLICY + policy, KEY.public_key(), b"certificate" + bytes(32))
    with pytest.raises(TokenError):
        verify_user(Signature("urn:other", signed.signature), POLICY + policy, KEY.public_key(), b"certificate")
    with pytest.raises(TokenError):
        verify_user(signed, POLICY + policy, ec.generate_private_key(ec.SECP256R1()).public_key(), b"certificate")
    with pytest.raises(TokenError):
        verify_user(signed, POLICY + "None", KEY.public_key(), b"certificate" + NONCE)
