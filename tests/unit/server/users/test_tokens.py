from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.users.errors import LoginFault, LoginRefused
from server.users.identity import IdentityKind
from server.users.logins import Logins
from server.users.passwords import Passwords
from server.users.settings import IssuerSettings, UserSettings
from server.users.store import UserStore
from server.users.tokens import MOST_BYTES, TokenVerifier
from tests.unit.server.users.issuer import AUDIENCE, Issuer


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def shared() -> Iterator[Issuer]:
    with Issuer() as issuer:
        yield issuer


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as issuer:
        yield issuer


def settings_of(issuer: Issuer, **more: object) -> IssuerSettings:
    given = {"issuer": issuer.name, "audience": AUDIENCE, "keys": issuer.url, **more}
    return IssuerSettings.model_validate(given)


def verifier(issuer: Issuer, clock: Callable[[], float] = time.monotonic, **more: object) -> TokenVerifier:
    return TokenVerifier({"plant": settings_of(issuer, **more)}, clock=clock)


def refusal(of: TokenVerifier, token: bytes) -> str:
    with pytest.raises(LoginRefused) as refused:
        of.verify(token)
    assert refused.value.fault is LoginFault.TOKEN
    assert str(refused.value) == "the log-in is refused"
    return refused.value.detail


@pytest.mark.parametrize(("key_id", "algorithm"), [("rsa-1", "RS256"), ("rsa-1", "PS256"), ("ec-1", "ES256")])
def test_a_sound_token_names_user_roles_and_groups(shared: Issuer, key_id: str, algorithm: str) -> None:
    claims = shared.claims()
    identity = verifier(shared).verify(shared.token(claims, key_id, algorithm))
    assert (identity.kind, identity.name, identity.issuer) == (IdentityKind.ISSUED, "ann", shared.name)
    assert identity.roles == {"op"}
    assert identity.groups == {"operators", "line-1"}
    assert identity.expires == float(str(claims["exp"])) + 30


def test_claims_may_have_other_names_and_stand_inside_others(shared: Issuer) -> None:
    of = verifier(shared, claims={"name": "preferred_username", "roles": "realm_access.roles", "groups": "g"})
    claims = shared.claims(preferred_username="bob", realm_access={"roles": ["a", "b"]}, g="one")
    identity = of.verify(shared.token(claims))
    assert (identity.name, identity.roles, identity.groups) == ("bob", {"a", "b"}, {"one"})


NOW = int(time.time())
WRONG_CLAIMS: dict[str, dict[str, object]] = {
    "expired": {"exp": NOW - 100, "iat": NOW - 200, "nbf": None},
    "not yet": {"nbf": NOW + 1000},
    "from the future": {"iat": NOW + 1000, "exp": NOW + 2000, "nbf": None},
    "no exp": {"exp": None},
    "no iat": {"iat": None},
    "no aud": {"aud": None},
    "other audience": {"aud": "urn:other"},
    "other issuer": {"iss": "https://evil.example.com"},
    "no issuer": {"iss": None},
    "issuer with a slash": {"iss": "https://login.example.com/"},
    "list of issuers": {"iss": ["https://login.example.com"]},
    "valid for years": {"exp": NOW + 10**8},
    "infinite": {"exp": float("inf")},
    "exp is a text": {"exp": "soon"},
    "nobody": {"sub": None},
    "name is a list": {"sub": ["ann"]},
    "name is empty": {"sub": ""},
    "name with a zero": {"sub": "an\0n"},
    "long name": {"sub": "x" * 500},
    "roles are numbers": {"roles": [1, 2]},
    "roles are an object": {"roles": {"admin": True}},
    "too many groups": {"groups": ["x"] * 1001},
}


@pytest.mark.parametrize("claims", WRONG_CLAIMS.values(), ids=WRONG_CLAIMS)
def test_threat_12_tokens_that_claim_what_is_wrong_are_refused(shared: Issuer, claims: dict[str, object]) -> None:
    refusal(verifier(shared), shared.token(shared.claims(**claims)))


def test_a_little_late_is_in_time(shared: Issuer) -> None:
    now = int(time.time())
    verifier(shared).verify(shared.token(shared.claims(exp=now - 10, iat=now - 100, nbf=now - 100)))
    refusal(verifier(shared, leeway="1s"), shared.token(shared.claims(exp=now - 10, iat=now - 100, nbf=now - 100)))


def by_hand(header: dict[str, object], claims: dict[str, object], key: bytes = b"") -> bytes:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    signed = b".".join(parts)
    signature = hmac.new(key, signed, hashlib.sha256).digest() if key else b""
    return signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")


def test_threat_12_no_signature_is_no_token(shared: Issuer) -> None:
    for algorithm in ("none", "None", "NONE", "", None):
        refusal(verifier(shared), by_hand({"alg": algorithm, "kid": "rsa-1"}, shared.claims()))


def test_threat_12_a_public_key_is_no_secret(shared: Issuer) -> None:
    pem = (
        shared.keys["rsa-1"]
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    for key in (pem, shared.jwks()):
        detail = refusal(verifier(shared), by_hand({"alg": "HS256", "kid": "rsa-1"}, shared.claims(), key))
        assert "not allowed" in detail


def test_threat_12_keys_come_from_the_configuration_and_not_from_the_token(shared: Issuer, issuer: Issuer) -> None:
    issuer.add_rsa("mine")
    for name, value in {"jwk": issuer.jwk("mine"), "jku": issuer.url, "x5u": issuer.url}.items():
        for key_id in ("mine", "rsa-1"):
            refusal(verifier(shared), issuer.token(key_id=key_id, more={name: value}))
    assert issuer.asked == 0


def test_threat_12_what_a_header_demands_and_nobody_understands_is_refused(shared: Issuer) -> None:
    refusal(verifier(shared), shared.token(more={"crit": ["exp"], "exp": 1}))


def test_a_signature_that_is_not_allowed_is_refused(shared: Issuer) -> None:
    of = verifier(shared, algorithms=["ES256"])
    refusal(of, shared.token())
    of.verify(shared.token(key_id="ec-1", algorithm="ES256"))


def test_a_changed_token_is_refused(shared: Issuer) -> None:
    head, _, tail = shared.token().split(b".")
    claims = base64.urlsafe_b64encode(json.dumps(shared.claims(roles=["admin"])).encode()).rstrip(b"=")
    refusal(verifier(shared), b".".join((head, claims, tail)))


@pytest.mark.parametrize(
    "token",
    [b"", b"....", b"a.b.c", b"\xff" * 10, b"x" * (MOST_BYTES + 1), b".".join([b"W1tb" * 1500] * 2) + b".x"],
    ids=["empty", "points", "letters", "bytes", "too long", "deep"],
)
def test_garbage_is_refused(shared: Issuer, token: bytes) -> None:
    refusal(verifier(shared), token)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.binary(max_size=200) | st.builds(lambda *parts: b".".join(parts), *[st.binary(max_size=60)] * 3))
def test_no_bytes_raise_anything_else(shared: Issuer, token: bytes) -> None:
    refusal(verifier(shared), token)


def test_a_new_key_is_fetched_when_a_token_names_it_but_not_over_and_over(issuer: Issuer) -> None:
    clock = Clock()
    of = verifier(issuer, clock)
    of.verify(issuer.token())
    issuer.add_rsa("rsa-2")
    refusal(of, issuer.token(key_id="rsa-2"))  # asked for a moment ago
    clock.now += 11
    of.verify(issuer.token(key_id="rsa-2"))
    assert issuer.asked == 2
    for number in range(50):
        refusal(of, issuer.token(key_id="rsa-2", more={"kid": f"made-up-{number}"}))
    assert issuer.asked == 2
    clock.now += 301
    of.verify(issuer.token())
    assert issuer.asked == 3


def test_a_key_that_was_withdrawn_is_good_no_more(issuer: Issuer) -> None:
    clock = Clock()
    of = verifier(issuer, clock)
    token = issuer.token()
    of.verify(token)
    del issuer.keys["rsa-1"]
    clock.now += 301
    refusal(of, token)


def test_an_issuer_that_is_away_is_asked_less_and_less_and_its_keys_hold_for_a_day(issuer: Issuer) -> None:
    clock = Clock()
    of = verifier(issuer, clock)
    of.verify(issuer.token())
    issuer.status = 503
    for _ in range(120):
        clock.now += 301 if issuer.asked == 1 else 5
        of.verify(issuer.token())
    assert 3 <= issuer.asked <= 8
    clock.now += 86_400
    assert "cannot be had" in refusal(of, issuer.token())


@pytest.mark.parametrize(
    ("status", "answer"),
    [(302, None), (404, None), (200, b"no JSON"), (200, b"[]"), (200, b"[" * 100_000), (200, b" " * 300_000)],
    ids=["redirect", "missing", "no JSON", "no set", "deep", "too long"],
)
def test_answers_that_are_no_keys_are_no_keys(issuer: Issuer, status: int, answer: bytes | None) -> None:
    issuer.status, issuer.answer = status, answer
    refusal(verifier(issuer), issuer.token())
    assert issuer.asked == 1


def test_keys_that_are_none_for_signatures_are_left_out(issuer: Issuer) -> None:
    secret = {"kty": "oct", "k": "c2VjcmV0", "kid": "rsa-1", "alg": "HS256"}
    other_use = issuer.jwk("rsa-1") | {"use": "enc"}
    other_algorithm = issuer.jwk("rsa-1") | {"alg": "PS256"}
    for key in (secret, other_use, other_algorithm, {"kty": "RSA", "kid": "rsa-1"}, 5):
        issuer.answer = json.dumps({"keys": [key]}).encode()
        refusal(verifier(issuer), issuer.token())


def test_short_keys_are_not_taken(issuer: Issuer) -> None:
    issuer.add_rsa("short", 1024)
    with pytest.warns(match="key"):
        token = issuer.token(key_id="short")
    assert "bits" in refusal(verifier(issuer), token)


def test_a_token_may_leave_the_key_out_where_there_is_one_only(issuer: Issuer) -> None:
    verifier(issuer).verify(issuer.token(more={"kid": None}))
    issuer.add_rsa("rsa-2")
    refusal(verifier(issuer), issuer.token(more={"kid": None}))


def test_keys_may_lie_in_a_file(shared: Issuer, tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_bytes(shared.jwks())
    of = TokenVerifier({"plant": settings_of(shared, keys="keys.json")}, tmp_path)
    assert of.verify(shared.token()).name == "ann"


def test_https_needs_a_certificate_that_is_trusted(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "login")])
    begin = datetime.now(UTC) - timedelta(hours=1)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(5).not_valid_before(begin).not_valid_after(begin + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (tmp_path / "ca.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "key.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "ca.pem", tmp_path / "key.pem")
    with Issuer(context) as issuer:
        refusal(verifier(issuer), issuer.token())
        of = TokenVerifier({"plant": settings_of(issuer, ca_file="ca.pem")}, tmp_path)
        assert of.verify(issuer.token()).name == "ann"


@pytest.fixture
async def logins(tmp_path: Path, shared: Issuer) -> AsyncIterator[Logins]:
    store = UserStore(tmp_path)
    logins = Logins(store, UserSettings(issuers={"plant": settings_of(shared)}), passwords=Passwords(64, 1))
    yield logins
    await logins.stop()


async def test_without_issuers_no_token_is_taken(tmp_path: Path, shared: Issuer) -> None:
    store = UserStore(tmp_path)
    await store.start(watch=False)
    logins = Logins(store)
    await logins.start()
    try:
        assert not logins.offers_tokens
        with pytest.raises(LoginRefused) as refused:
            await logins.by_token(shared.token(), "192.0.2.1")
        assert refused.value.fault is LoginFault.NOT_OFFERED
        assert logins.counters.failed == 1
    finally:
        await logins.stop()
        await store.stop()


async def test_threat_12_an_address_that_sends_bad_tokens_is_locked(logins: Logins, shared: Issuer) -> None:
    assert logins.offers_tokens
    for _ in range(20):
        with pytest.raises(LoginRefused):
            await logins.by_token(b"a.b.c", "192.0.2.1")
    with pytest.raises(LoginRefused) as refused:
        await logins.by_token(shared.token(), "192.0.2.1")
    assert refused.value.fault is LoginFault.LOCKED
    assert (await logins.by_token(shared.token(), "192.0.2.2")).name == "ann"
