from __future__ import annotations

import datetime as dt
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs.own import CERTIFICATE_FILE, KEY_FILE, CertificateError, OwnCertificate, own_certificate

URI = "urn:host:plantspace:line-1"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, OwnCertificate[rsa.RSAPrivateKey]]:
    folder = tmp_path_factory.mktemp("own") / "certs"
    return folder, own_certificate(folder, URI, "line-1")


@pytest.fixture
def copied(made: tuple[Path, OwnCertificate[rsa.RSAPrivateKey]], tmp_path: Path) -> Path:
    """Give a folder with a sound pair, to be spoilt."""
    for name in (CERTIFICATE_FILE, KEY_FILE):
        (tmp_path / name).write_bytes((made[0] / name).read_bytes())
    return tmp_path


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _self_signed(key: rsa.RSAPrivateKey, begin: dt.datetime, end: dt.datetime) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "old")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(begin).not_valid_after(end)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, password: bytes | None = None) -> bytes:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def test_it_is_made_once_and_used_again(made: tuple[Path, OwnCertificate[rsa.RSAPrivateKey]]) -> None:
    folder, first = made
    again = own_certificate(folder, URI, "line-1")
    assert (first.made, again.made) == (True, False)
    assert again.certificate == first.certificate
    assert again.key.private_numbers() == first.key.private_numbers()


def test_only_its_owner_can_look_at_the_key(made: tuple[Path, OwnCertificate[rsa.RSAPrivateKey]]) -> None:
    folder, _ = made
    assert (_mode(folder), _mode(folder / KEY_FILE), _mode(folder / CERTIFICATE_FILE)) == (0o700, 0o600, 0o600)
    assert {file.name for file in folder.iterdir()} == {KEY_FILE, CERTIFICATE_FILE}


def test_it_is_what_part_6_asks_of_an_application_instance_certificate(
    made: tuple[Path, OwnCertificate[rsa.RSAPrivateKey]],
) -> None:
    """Part 6 v1.05 6.2.2."""
    certificate = made[1].certificate
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [URI]
    assert "localhost" in names.get_values_for_type(x509.DNSName)
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert usage.content_commitment
    assert usage.key_encipherment
    assert usage.data_encipherment
    extended = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(extended) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert made[1].key.key_size == 2048
    assert isinstance(certificate.signature_hash_algorithm, hashes.SHA256)
    years = (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days / 365
    assert 4.9 < years < 5.1


def test_the_longest_gateway_name_fits(tmp_path: Path) -> None:
    """A gateway's name has up to 64 characters, a CommonName too, and ours has a word in front."""
    own = own_certificate(tmp_path, URI, "n" * 64)
    (name,) = own.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert name.value == f"Plantspace {'n' * 53}"


@pytest.mark.parametrize("name", [CERTIFICATE_FILE, KEY_FILE])
@pytest.mark.parametrize("content", [b"", b"garbage", None], ids=["empty", "garbage", "missing"])
def test_a_damaged_or_missing_half_is_told_with_the_mend_and_nothing_is_replaced(
    copied: Path, name: str, content: bytes | None
) -> None:
    file = copied / name
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    before = {each.name: each.read_bytes() for each in copied.iterdir()}
    with pytest.raises(CertificateError, match=r"cannot be read: .*\(restore both files, or remove both\)"):
        own_certificate(copied, URI, "line-1")
    assert {each.name: each.read_bytes() for each in copied.iterdir()} == before


def test_an_encrypted_key_is_told(copied: Path, made: tuple[Path, OwnCertificate[rsa.RSAPrivateKey]]) -> None:
    (copied / KEY_FILE).write_bytes(_pem(made[1].key, b"secret"))
    with pytest.raises(CertificateError, match=r"cannot be read: .*encrypted"):
        own_certificate(copied, URI, "line-1")


def test_a_key_that_is_not_rsa_is_told(copied: Path) -> None:
    (copied / KEY_FILE).write_bytes(_pem(ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(CertificateError, match=r"own\.key\.pem is no RSA key \(remove both files"):
        own_certificate(copied, URI, "line-1")


def test_a_key_of_another_certificate_is_told(copied: Path) -> None:
    (copied / KEY_FILE).write_bytes(_pem(rsa.generate_private_key(public_exponent=65_537, key_size=2048)))
    with pytest.raises(CertificateError, match=r"own\.key\.pem does not belong to .*own\.der \(restore both"):
        own_certificate(copied, URI, "line-1")


def test_an_expired_certificate_is_told_with_its_date(
    copied: Path, made: tuple[Path, OwnCertificate[rsa.RSAPrivateKey]]
) -> None:
    begin = dt.datetime(2019, 1, 1, tzinfo=dt.UTC)
    end = dt.datetime(2024, 1, 2, tzinfo=dt.UTC)
    (copied / CERTIFICATE_FILE).write_bytes(_self_signed(made[1].key, begin, end))
    with pytest.raises(CertificateError, match=r"own\.der expired on 2024-01-02 \(renew it: plantspace certs renew"):
        own_certificate(copied, URI, "line-1")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CertificateError, match=r"the gateway's certificate cannot be kept: "):
        own_certificate(tmp_path / "file" / "certs", URI, "line-1")
