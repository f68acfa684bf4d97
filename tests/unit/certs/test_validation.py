"""Part 4 v1.05 6.1.3, against certificates that openssl has made (threat 22)."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from certs.certificate import Certificate
from certs.making import Application, CertificateKind, make_key, self_signed
from certs.store import TrustStore
from certs.validation import Asked, Known, validate
from certs.verdict import SUPPRESSIBLE, CertificateStatus, Peer, Rules, Verdict
from tests.unit.certs.conftest import Foreign
from tests.unit.certs.openssl import AUTHORITY, CLIENT, NAMES, URI, Authority, need_openssl

S = CertificateStatus
UNKNOWN = Rules(suppressed=frozenset({S.REVOCATION_UNKNOWN, S.ISSUER_REVOCATION_UNKNOWN}))


def _judge(store: TrustStore, sent: list[bytes], rules: Rules | None = None, uri: str | None = URI) -> Verdict:
    return store.validate(sent, application_uri=uri, rules=rules)


@pytest.fixture
def root(tmp_path: Path) -> Authority:
    need_openssl()
    return Authority(tmp_path, "Own Root")


def test_a_client_of_a_trusted_authority_is_let_in(trusting: TrustStore, foreign: Foreign) -> None:
    verdict = _judge(trusting, foreign.sent)
    assert verdict.is_good
    assert verdict.told == "Good"
    assert [one.der for one in verdict.chain] == foreign.sent
    assert trusting.rejected() == []


def test_the_chain_is_completed_from_the_trust_list(trusting: TrustStore, foreign: Foreign) -> None:
    assert _judge(trusting, [foreign.client]).is_good


def test_threat_22_self_signed_and_unknown(store: TrustStore) -> None:
    key = make_key(CertificateKind.NIST_P256)
    stranger = self_signed(key, Application(URI, "stranger", ("host",), ()))
    der = stranger.public_bytes(Encoding.DER)
    verdict = _judge(store, [der])
    assert verdict.status is S.UNTRUSTED
    assert verdict.told == "BadSecurityChecksFailed"
    assert verdict.thumbprint in verdict.mend
    (kept,) = store.rejected()
    assert kept.der == der
    store.trust(verdict.thumbprint)
    assert _judge(store, [der]).is_good
    assert store.rejected() == []


def test_threat_22_a_chain_that_nobody_trusts(store: TrustStore, foreign: Foreign) -> None:
    verdict = _judge(store, foreign.sent, UNKNOWN)
    assert verdict.status is S.UNTRUSTED
    assert [one.der for one in store.rejected()] == [foreign.client]


def test_threat_22_no_way_to_the_authority(store: TrustStore, foreign: Foreign) -> None:
    verdict = _judge(store, [foreign.client])
    assert verdict.status is S.CHAIN_INCOMPLETE
    assert "CN=Plant CA" in verdict.reason
    store.add_trusted(foreign.client)
    assert _judge(store, [foreign.client]).status is S.CHAIN_INCOMPLETE


def test_an_issuer_alone_trusts_nobody(store: TrustStore, foreign: Foreign) -> None:
    store.add_issuer(foreign.plant.der)
    store.add_issuer(foreign.root.der)
    assert _judge(store, foreign.sent, UNKNOWN).status is S.UNTRUSTED
    store.add_trusted(foreign.client)
    assert _judge(store, foreign.sent, UNKNOWN).is_good


def test_threat_22_expired(trusting: TrustStore, foreign: Foreign) -> None:
    old = foreign.plant.issue("expired", ends="20210101000000Z")
    verdict = _judge(trusting, [old])
    assert verdict.status is S.TIME_INVALID
    assert verdict.told == "BadCertificateTimeInvalid"
    assert "expired on 2021-01-01" in verdict.reason
    early = foreign.plant.issue("early", begins="20390101000000Z")
    assert _judge(trusting, [early]).status is S.TIME_INVALID


def test_threat_22_expired_authority(store: TrustStore, foreign: Foreign, tmp_path: Path) -> None:
    plant = Authority(tmp_path, "Old CA", foreign.root)
    client = plant.issue()
    old = foreign.root.sign(plant.request, tmp_path / "old.pem", AUTHORITY, ends="20210101000000Z")
    store.add_trusted(foreign.root.der)
    assert _judge(store, [client, old]).status is S.ISSUER_TIME_INVALID
    assert _judge(store, [client, plant.der], UNKNOWN).is_good


def test_threat_22_wrong_host(trusting: TrustStore, foreign: Foreign) -> None:
    rules = Rules(peer=Peer.SERVER)
    for host, good in (
        ("CLIENT.plant.example.", True),
        ("10.1.2.3", True),
        ("other.example", False),
        ("10.1.2.4", False),
    ):
        verdict = trusting.judge(foreign.sent, application_uri=URI, host_names=[host], rules=rules)
        assert verdict.status is (S.GOOD if good else S.HOST_NAME_INVALID), host


@pytest.mark.parametrize("uri", ["urn:plant:other", "", URI + "/", URI.upper()])
def test_threat_22_wrong_uri(trusting: TrustStore, foreign: Foreign, uri: str) -> None:
    verdict = _judge(trusting, foreign.sent, uri=uri)
    assert (verdict.status, verdict.told) == (S.URI_INVALID, "BadCertificateUriInvalid")


def test_threat_22_only_the_first_uri_counts(trusting: TrustStore, foreign: Foreign) -> None:
    two = foreign.plant.issue("two", CLIENT + f"subjectAltName=URI:urn:evil,URI:{URI}\n")
    assert _judge(trusting, [two]).status is S.URI_INVALID
    none = foreign.plant.issue("none", CLIENT)
    assert _judge(trusting, [none]).status is S.URI_INVALID


@pytest.mark.parametrize(
    ("old", "new", "critical"),
    [
        ("extendedKeyUsage=clientAuth,serverAuth", "extendedKeyUsage=codeSigning", False),
        ("extendedKeyUsage=clientAuth,serverAuth", "extendedKeyUsage=critical,serverAuth", True),
        ("nonRepudiation,keyEncipherment,dataEncipherment", "nonRepudiation", True),
        ("keyUsage=critical,digitalSignature,", "keyUsage=", False),
        ("CA:FALSE", "CA:TRUE", False),
    ],
)
def test_threat_22_wrong_usage(trusting: TrustStore, foreign: Foreign, old: str, new: str, *, critical: bool) -> None:
    wrong = foreign.plant.issue("wrong", (CLIENT + NAMES).replace(old, new))
    assert _judge(trusting, [wrong]).status is S.USE_NOT_ALLOWED
    lax = Rules(suppressed=frozenset({S.USE_NOT_ALLOWED}))
    # Part 4 v1.05 6.1.3: it may not be suppressed where the certificate calls the usage critical.
    assert _judge(trusting, [wrong], lax).is_good is not critical


def test_a_user_certificate_need_not_encrypt(trusting: TrustStore, foreign: Foreign) -> None:
    signs = foreign.plant.issue("person", "keyUsage=critical,digitalSignature\nextendedKeyUsage=emailProtection\n")
    assert _judge(trusting, [signs], Rules(peer=Peer.USER), uri=None).is_good


def test_threat_22_a_client_is_no_authority(trusting: TrustStore, foreign: Foreign) -> None:
    """Whoever owns a trusted certificate may not issue others."""
    folder = foreign.plant.folder
    evil = Authority(folder, "evil", foreign.plant, extensions=CLIENT + NAMES)
    below = evil.issue()
    trusting.add_trusted(evil.der)
    everything = Rules(suppressed=SUPPRESSIBLE)
    assert _judge(trusting, [below, evil.der], everything).status is S.ISSUER_USE_NOT_ALLOWED


def test_threat_22_the_length_of_a_path(store: TrustStore, tmp_path: Path) -> None:
    need_openssl()
    short = Authority(tmp_path, "Short", extensions=AUTHORITY.replace("CA:TRUE", "CA:TRUE,pathlen:0"))
    middle = Authority(tmp_path, "Middle", short)
    store.add_trusted(short.der)
    assert _judge(store, [short.issue()], UNKNOWN).is_good
    assert _judge(store, [middle.issue(), middle.der], UNKNOWN).status is S.ISSUER_USE_NOT_ALLOWED


def test_threat_22_revoked(store: TrustStore, root: Authority) -> None:
    client, other = root.issue(), root.issue("other")
    store.add_trusted(root.der)
    assert _judge(store, [client]).status is S.REVOCATION_UNKNOWN
    store.add_crl(root.revocation_list())
    assert _judge(store, [client]).is_good
    root.revoke("client")
    store.add_crl(root.revocation_list())
    verdict = _judge(store, [client])
    assert (verdict.status, verdict.told) == (S.REVOKED, "BadSecurityChecksFailed")
    assert _judge(store, [client], Rules(suppressed=SUPPRESSIBLE)).status is S.REVOKED
    assert _judge(store, [other]).is_good


def test_threat_22_revoked_authority(store: TrustStore, root: Authority, tmp_path: Path) -> None:
    plant = Authority(tmp_path, "Revoked CA", root)
    client = plant.issue()
    store.add_trusted(plant.der)
    store.add_issuer(root.der)
    store.add_crl(plant.revocation_list())
    assert _judge(store, [client]).status is S.ISSUER_REVOCATION_UNKNOWN
    openssl_revoke = root.folder / "Revoked CA.pem"
    openssl_revoke.write_bytes(plant.file.read_bytes())
    root.revoke("Revoked CA")
    store.add_crl(root.revocation_list())
    assert _judge(store, [client]).status is S.ISSUER_REVOKED


def test_threat_22_a_list_out_of_date_clears_nobody_and_still_revokes(store: TrustStore, root: Authority) -> None:
    client, other = root.issue(), root.issue("other")
    root.revoke("client")
    old = root.revocation_list("-crl_lastupdate", "20210101000000Z", "-crl_nextupdate", "20210201000000Z")
    store.add_trusted(root.der)
    store.add_crl(old)
    assert _judge(store, [client], UNKNOWN).status is S.REVOKED
    verdict = _judge(store, [other])
    assert verdict.status is S.REVOCATION_UNKNOWN
    assert "was valid until 2021-02-01" in verdict.reason
    future = root.revocation_list("-crl_lastupdate", "20390101000000Z", "-crl_nextupdate", "20390201000000Z")
    store.add_crl(future)
    assert _judge(store, [other]).status is S.REVOCATION_UNKNOWN


def test_threat_22_a_list_that_another_has_signed_is_not_heeded(
    store: TrustStore, root: Authority, tmp_path: Path
) -> None:
    twin = Authority(tmp_path / "twin", "Own Root")
    client = root.issue()
    store.add_trusted(root.der)
    store.add_issuer(twin.der)
    store.add_crl(twin.revocation_list())
    assert _judge(store, [client]).status is S.REVOCATION_UNKNOWN


def test_threat_22_an_issuer_of_the_same_name(store: TrustStore, root: Authority, tmp_path: Path) -> None:
    """The name alone, without key identifiers, leads to the wrong key."""
    plain = (CLIENT + NAMES).replace("authorityKeyIdentifier=keyid", "authorityKeyIdentifier=none")
    twin = Authority(tmp_path / "twin", "Own Root")
    forged = twin.issue(extensions=plain)
    store.add_trusted(root.der)
    assert _judge(store, [forged], UNKNOWN).status is S.INVALID
    assert _judge(store, [forged, twin.der], UNKNOWN).status is S.UNTRUSTED


def test_threat_22_a_changed_certificate(trusting: TrustStore, foreign: Foreign) -> None:
    changed = foreign.client.replace(URI.encode(), b"urn:plant:cl1ent")
    assert changed != foreign.client
    assert _judge(trusting, [changed], Rules(suppressed=SUPPRESSIBLE)).status is S.INVALID


def test_threat_22_loops_end(store: TrustStore, tmp_path: Path) -> None:
    need_openssl()
    first, second = Authority(tmp_path, "First"), Authority(tmp_path, "Second")
    plain = AUTHORITY.replace("authorityKeyIdentifier=keyid", "authorityKeyIdentifier=none")
    first_by_second = second.sign(first.request, tmp_path / "a.pem", plain)
    second_by_first = first.sign(second.request, tmp_path / "b.pem", plain)
    client = first.issue()
    for sent in ([client, first_by_second, second_by_first], [client, second_by_first, first_by_second]):
        began = time.process_time()
        assert _judge(store, sent).status is S.CHAIN_INCOMPLETE
        assert time.process_time() - began < 1.0
    store.add_trusted(first_by_second)
    assert _judge(store, [client, second_by_first], UNKNOWN).status is S.CHAIN_INCOMPLETE
    store.add_trusted(second.der)
    assert _judge(store, [client, first_by_second], UNKNOWN).is_good


def test_threat_22_many_ways_of_one_name_cost_bounded_work() -> None:
    """Cross-signed authorities of one name, every one signed by every other: 7! ways, none to a root."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A")])
    key = ec.generate_private_key(ec.SECP256R1())
    begin = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)

    def make(issuer: x509.Name, serial: int) -> bytes:
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key.public_key())
        builder = builder.serial_number(serial).not_valid_before(begin).not_valid_after(begin.replace(year=2040))
        return (
            builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
            .public_bytes(Encoding.DER)
        )

    sent = [make(name, serial) for serial in range(1, 9)]
    began = time.process_time()
    verdict = validate(sent, Known(), Asked(None, None, dt.datetime.now(dt.UTC), Rules()))
    assert verdict.status is S.INVALID
    assert time.process_time() - began < 1.0


def test_threat_22_sha_1(trusting: TrustStore, foreign: Foreign) -> None:
    weak = foreign.plant.issue("weak", digest="sha1")
    verdict = _judge(trusting, [weak])
    assert verdict.status is S.POLICY_CHECK_FAILED
    assert "sha1" in verdict.reason


@pytest.mark.parametrize("key", ["rsa:1024", "rsa:4608"])
def test_threat_22_keys_that_are_too_short_or_too_long(trusting: TrustStore, foreign: Foreign, key: str) -> None:
    wrong = foreign.plant.issue("size", key=key)
    verdict = _judge(trusting, [wrong])
    assert verdict.status is S.POLICY_CHECK_FAILED
    assert key.removeprefix("rsa:") in verdict.reason
    lax = Rules(suppressed=frozenset({S.POLICY_CHECK_FAILED}))
    again = _judge(trusting, [wrong], lax)
    assert again.is_good
    assert [status for status, _ in again.suppressed] == [S.POLICY_CHECK_FAILED]


def test_threat_22_a_key_that_costs_too_much_is_not_worked_with(store: TrustStore) -> None:
    numbers = rsa.RSAPublicNumbers(65_537, (1 << 8193) + 1)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A")])
    begin = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(numbers.public_key())
    builder = builder.serial_number(1).not_valid_before(begin).not_valid_after(begin.replace(year=2040))
    der = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()).public_bytes(Encoding.DER)
    verdict = _judge(store, [der])
    assert verdict.status is S.INVALID
    assert "at most 8192" in verdict.reason


def test_curves(trusting: TrustStore, foreign: Foreign) -> None:
    plain = (CLIENT + NAMES).replace(",keyEncipherment,dataEncipherment", "")
    assert _judge(trusting, [foreign.plant.issue("curve", plain, key="prime256v1")]).is_good
    assert _judge(trusting, [foreign.plant.issue("other", plain, key="secp224r1")]).status is S.POLICY_CHECK_FAILED


def test_threat_22_a_critical_extension_that_is_not_known(trusting: TrustStore, foreign: Foreign) -> None:
    odd = foreign.plant.issue("odd", CLIENT + NAMES + "1.2.3.4=critical,ASN1:UTF8String:x\n")
    verdict = _judge(trusting, [odd])
    assert verdict.status is S.INVALID
    assert "1.2.3.4" in verdict.reason


@pytest.mark.parametrize("count", [0, 9])
def test_threat_22_too_short_and_too_long_chains(trusting: TrustStore, foreign: Foreign, count: int) -> None:
    assert _judge(trusting, [foreign.client] * count).status is S.INVALID


def test_threat_22_a_huge_certificate_is_not_read(store: TrustStore) -> None:
    verdict = _judge(store, [b"\x30\x84\x7f\xff\xff\xff" + bytes(17_000)])
    assert verdict.status is S.INVALID
    assert "at most 16384 are read" in verdict.reason


def test_a_name_cannot_forge_a_line_of_the_log(store: TrustStore) -> None:
    evil = Application("urn:x\ny", "evil\nINFO all is well\x1b[2J" + "x" * 40, ("host",), ())
    verdict = _judge(store, [self_signed(make_key(CertificateKind.NIST_P256), evil).public_bytes(Encoding.DER)])
    assert str(verdict).isprintable()


def test_what_is_never_suppressed() -> None:
    for status in set(S) - SUPPRESSIBLE:
        with pytest.raises(ValueError, match="may not be suppressed"):
            Rules(suppressed=frozenset({status}))


def test_every_finding_that_is_overlooked_is_told(store: TrustStore, root: Authority) -> None:
    old = root.issue(ends="20210101000000Z", digest="sha1", key="rsa:1024")
    store.add_trusted(root.der)
    verdict = _judge(store, [old], Rules(suppressed=SUPPRESSIBLE))
    assert verdict.is_good
    assert [status for status, _ in verdict.suppressed] == [
        S.POLICY_CHECK_FAILED, S.POLICY_CHECK_FAILED, S.TIME_INVALID, S.REVOCATION_UNKNOWN,
    ]  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=10))
def test_threat_22_garbage_is_invalid_and_never_raises(sent: list[bytes]) -> None:
    asked = Asked(URI, None, dt.datetime.now(dt.UTC), Rules())
    assert validate(sent, Known(), asked).status is S.INVALID


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_threat_22_a_certificate_with_changed_bytes_is_refused(foreign: Foreign, data: st.DataObject) -> None:
    der = bytearray(foreign.client)
    at = data.draw(st.integers(0, len(der) - 1))
    der[at] ^= data.draw(st.integers(1, 255))
    known = _known(foreign)
    asked = Asked(URI, None, dt.datetime.now(dt.UTC), Rules(suppressed=SUPPRESSIBLE))
    assert not validate([bytes(der), *foreign.sent[1:]], known, asked).is_good


def _known(foreign: Foreign) -> Known:
    return Known((Certificate.parse(foreign.plant.der),), (Certificate.parse(foreign.root.der),))
