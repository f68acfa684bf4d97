"""Renewal, requests and installing of the gateway's own certificates."""

from __future__ import annotations

import datetime as dt
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from certs import changes
from certs.certificate import Certificate
from certs.encoded import split_chain
from certs.errors import CertificateError
from certs.making import Application, CertificateKind, make_key, self_signed, to_private_pem
from certs.own import OwnCertificates
from certs.store import TrustStore
from certs.verdict import Peer, Rules
from tests.unit.certs.openssl import CLIENT, Authority, need_openssl

URI = "urn:host:plantspace:line-1"
HERE = Application.here(URI, "line-1", "gateway.plant.example", "10.9.8.7", "0.0.0.0")  # noqa: S104 - an endpoint's URL may name it
RSA, P256 = CertificateKind.RSA, CertificateKind.NIST_P256
NAMES = f"subjectAltName=URI:{URI},DNS:gateway.plant.example\n"


@pytest.fixture
def own(tmp_path: Path) -> OwnCertificates:
    return OwnCertificates(tmp_path / "var" / "certs", HERE)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    need_openssl()
    return Authority(tmp_path, "Plant Root")


def _sign(authority: Authority, request: bytes, extensions: str = CLIENT + NAMES, **dates: str) -> bytes:
    file = authority.folder / "own.csr"
    file.write_bytes(x509.load_der_x509_csr(request).public_bytes(Encoding.PEM))
    return authority.sign(file, authority.folder / "own.pem", extensions, **dates)


def _files(own: OwnCertificates) -> dict[str, bytes]:
    found = (file for file in own.folder.rglob("*") if file.is_file())
    return {str(file.relative_to(own.folder)): file.read_bytes() for file in found}


def test_several_kinds_at_once_are_what_part_6_asks_for(tmp_path: Path) -> None:
    both = OwnCertificates(tmp_path / "certs", HERE, [RSA, P256])
    pairs = both.load()
    assert isinstance(pairs[RSA].key, rsa.RSAPrivateKey)
    assert isinstance(pairs[P256].key, ec.EllipticCurvePrivateKey)
    store = TrustStore(both.folder)
    for pair in pairs.values():
        assert pair.made
        assert pair.details.uris == (URI,)
        assert {"gateway.plant.example", "localhost", "127.0.0.1", "10.9.8.7"} <= pair.details.host_names
        assert "0.0.0.0" not in pair.details.host_names  # noqa: S104 - that is the point
        store.add_trusted(pair.details.der)
        for peer in (Peer.CLIENT, Peer.SERVER):
            assert store.judge([pair.details.der], application_uri=URI, rules=Rules(peer=peer)).is_good
        assert both.due(pair) == ""
    again = both.load()
    assert {kind: pair.details for kind, pair in again.items()} == {kind: pair.details for kind, pair in pairs.items()}
    assert not any(pair.made for pair in again.values())
    assert not pairs[P256].details.uses.key.key_encipherment  # pyright: ignore[reportOptionalMemberAccess] - it was made with it


def test_threat_27_files_and_folders_are_for_their_owner_alone(own: OwnCertificates) -> None:
    own.load()
    own.renew(RSA)
    own.request(RSA, new_key=True)
    for path in (own.folder.parent, *own.folder.parent.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


@pytest.mark.parametrize("bits", [1024, 8192])
def test_other_lengths_of_keys_are_refused(tmp_path: Path, bits: int) -> None:
    with pytest.raises(CertificateError, match=f"2048 to 4096 bits, not {bits}"):
        OwnCertificates(tmp_path, HERE, rsa_bits=bits).load()


@pytest.mark.parametrize("new_key", [False, True])
def test_renewal_keeps_the_pair_before_to_go_back_to(own: OwnCertificates, *, new_key: bool) -> None:
    first = own.load()[RSA]
    stamp = own.stamp()
    second = own.renew(RSA, new_key=new_key)
    assert own.stamp() != stamp
    assert (second.key.public_key() == first.key.public_key()) is not new_key
    assert second.details != first.details
    assert own.load()[RSA].details == second.details
    assert own.go_back(RSA).details == first.details
    assert own.load()[RSA].key.public_key() == first.key.public_key()
    assert own.go_back(RSA).details == second.details


def test_there_is_nothing_to_go_back_to(own: OwnCertificates) -> None:
    with pytest.raises(CertificateError, match="no pair to go back to"):
        own.go_back(RSA)
    own.load()
    with pytest.raises(CertificateError, match="no pair to go back to"):
        own.go_back(RSA)


def test_when_renewal_is_due(own: OwnCertificates) -> None:
    pair = own.load()[RSA]
    day = dt.timedelta(days=1)
    assert own.expiring(pair, pair.details.ends - 61 * day) == ""
    assert own.expiring(pair, pair.details.ends - 59 * day).startswith("it expires on ")
    assert own.expiring(pair, pair.details.ends + day).startswith("it expired on ")
    moved = OwnCertificates(own.folder, Application("urn:new", "line-1", HERE.host_names, HERE.addresses))
    assert moved.due(pair) == f"it is for {URI}, not for urn:new"
    more = OwnCertificates(own.folder, Application(URI, "line-1", (*HERE.host_names, "alias"), HERE.addresses))
    assert more.due(pair) == "it does not name this machine's alias"
    assert own.due(pair) == ""


def test_a_short_lived_one_is_renewed_in_the_last_fifth_of_its_life(tmp_path: Path) -> None:
    short = OwnCertificates(tmp_path / "certs", HERE, days=10)
    pair = short.load()[RSA]
    assert short.due(pair) == ""
    assert short.due(pair, pair.details.ends - dt.timedelta(days=1.9)) != ""


@pytest.mark.parametrize("steps", range(1, 8))
def test_a_crash_while_renewing_leaves_a_whole_pair(
    own: OwnCertificates, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    first = own.load()[RSA]
    left = steps

    class Dead(BaseException):
        pass

    def dying(function: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            nonlocal left
            left -= 1
            if left <= 0:
                raise Dead
            return function(*arguments, **options)

        return call

    with monkeypatch.context() as patch:
        for name in ("rename", "replace", "unlink"):
            patch.setattr(Path, name, dying(getattr(Path, name)))
        patch.setattr(changes.shutil, "rmtree", dying(changes.shutil.rmtree))
        with pytest.raises(Dead):
            own.renew(RSA, new_key=True)
    found = OwnCertificates(own.folder, HERE).load()[RSA]
    assert not found.made
    assert (found.details == first.details) == (steps == 1)
    if steps > 1:
        assert own.go_back(RSA).details == first.details


def test_a_request_says_what_the_certificate_shall_say(own: OwnCertificates) -> None:
    request = x509.load_der_x509_csr(own.request(RSA))
    assert request.is_signature_valid
    assert request.public_key() == own.load()[RSA].key.public_key()
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [URI]
    assert "gateway.plant.example" in names.get_values_for_type(x509.DNSName)


@pytest.mark.parametrize("new_key", [False, True])
def test_a_certificate_of_an_authority_is_installed_with_its_chain(
    own: OwnCertificates, authority: Authority, tmp_path: Path, *, new_key: bool
) -> None:
    first = own.load()[RSA]
    plant = Authority(tmp_path, "Plant CA", authority)
    signed = _sign(plant, own.request(RSA, new_key=new_key))
    with pytest.raises(CertificateError, match="give its issuers"):
        own.install(RSA, signed)
    fresh = own.install(RSA, signed, [plant.der], known=[Certificate.parse(authority.der)])
    assert split_chain(fresh.chain) == [signed, plant.der, authority.der]
    assert fresh.is_issued
    assert (fresh.key.public_key() == first.key.public_key()) is not new_key
    again = own.load()[RSA]
    assert again.chain == fresh.chain
    assert not (own.folder / "requested/own.key.pem").exists()
    with pytest.raises(CertificateError, match=r"issued by CN=Plant CA .*plantspace certs csr"):
        own.renew(RSA)
    assert not own.renew(RSA, even_issued=True).is_issued
    assert own.load()[RSA].issuers == ()
    assert own.go_back(RSA).chain == fresh.chain


def test_a_key_made_elsewhere_is_installed(own: OwnCertificates, authority: Authority) -> None:
    signed = authority.issue("gateway", CLIENT + NAMES)
    pem = (authority.folder / "gateway.key").read_bytes()
    fresh = own.install(RSA, signed, [authority.der], private_key=pem)
    assert own.load()[RSA].details.der == fresh.details.der == signed
    for wrong in (b"garbage", to_private_pem(make_key(P256))):
        with pytest.raises(CertificateError, match=r"private key cannot be read|does not belong"):
            own.install(RSA, signed, [authority.der], private_key=wrong)


def test_what_does_not_fit_is_refused_and_nothing_changes(
    own: OwnCertificates, authority: Authority, tmp_path: Path
) -> None:
    own.load()
    request = own.request(RSA)
    before = _files(own)
    twin = Authority(tmp_path / "twin", "Plant Root")
    plain = (CLIENT + NAMES).replace("authorityKeyIdentifier=keyid", "authorityKeyIdentifier=none")
    other_uri = f"subjectAltName=URI:urn:other,DNS:{URI}\n".replace(f"DNS:{URI}", "DNS:host")
    cases = {
        "does not belong": (authority.issue("stranger", CLIENT + NAMES), authority.der),
        "BadCertificateUriInvalid": (_sign(authority, request, CLIENT + other_uri), authority.der),
        "BadCertificateTimeInvalid": (_sign(authority, request, ends="20210101000000Z"), authority.der),
        "BadCertificateUseNotAllowed": (
            _sign(authority, request, (CLIENT + NAMES).replace("clientAuth,serverAuth", "clientAuth")),
            authority.der,
        ),
        "was not signed by": (_sign(authority, request, plain), twin.der),
        "no sound X.509": (b"garbage", authority.der),
        "nistP256|rsa is wanted": (self_signed(make_key(P256), HERE).public_bytes(Encoding.DER), authority.der),
    }
    for problem, (certificate, issuer) in cases.items():
        with pytest.raises(CertificateError, match=problem):
            own.install(RSA, certificate, [issuer])
        assert _files(own) == before, problem
