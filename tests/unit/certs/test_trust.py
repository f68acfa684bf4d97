from __future__ import annotations

import datetime as dt
import shutil
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from certs import trust
from certs.trust import TrustFolder

KEY = ec.generate_private_key(ec.SECP256R1())
DAY = dt.timedelta(days=1)


def _certificate(serial: int = 1, *, begins: int = -1, ends: int = 1) -> x509.Certificate:
    """Make a certificate that is valid from ``begins`` to ``ends`` days from now."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "client")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(KEY.public_key())
    builder = builder.serial_number(serial).not_valid_before(now + begins * DAY).not_valid_after(now + ends * DAY)
    return builder.sign(KEY, hashes.SHA256())


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


@pytest.fixture
def folder(tmp_path: Path) -> TrustFolder:
    made = TrustFolder(tmp_path / "certs")
    made.prepare()
    made.prepare()
    return made


def test_both_folders_are_for_their_owner_alone(folder: TrustFolder) -> None:
    for path in (folder.trusted, folder.rejected):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_an_unknown_certificate_is_refused_kept_once_and_let_in_once_moved(folder: TrustFolder) -> None:
    client = _certificate()
    assert not folder.is_trusted(client)
    assert not folder.is_trusted(client)
    (kept,) = folder.rejected.iterdir()
    assert kept.read_bytes() == _der(client)
    kept.rename(folder.trusted / kept.name)
    assert folder.is_trusted(client)
    assert not folder.is_trusted(_certificate(2))


@pytest.mark.parametrize(("begins", "ends"), [(-2, -1), (1, 2)], ids=["expired", "not yet valid"])
def test_a_trusted_certificate_out_of_its_time_is_refused(folder: TrustFolder, begins: int, ends: int) -> None:
    client = _certificate(begins=begins, ends=ends)
    (folder.trusted / "client.der").write_bytes(_der(client))
    assert not folder.is_trusted(client)


def test_one_that_was_trusted_and_taken_away_is_refused_at_once(folder: TrustFolder) -> None:
    client = _certificate()
    file = folder.trusted / "client.der"
    file.write_bytes(_der(client))
    assert folder.is_trusted(client)
    file.unlink()
    assert not folder.is_trusted(client)


def test_at_most_a_hundred_refused_ones_are_kept(folder: TrustFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    assert trust._REJECTED_KEPT == 100
    monkeypatch.setattr(trust, "_REJECTED_KEPT", 3)
    for serial in range(1, 6):
        assert not folder.is_trusted(_certificate(serial))
    assert len(list(folder.rejected.iterdir())) == 3


def test_folders_that_are_gone_refuse_and_do_not_raise(folder: TrustFolder) -> None:
    shutil.rmtree(folder.trusted.parent)
    assert not folder.is_trusted(_certificate())


def test_one_that_cannot_be_kept_is_refused_all_the_same(folder: TrustFolder, caplog: pytest.LogCaptureFixture) -> None:
    folder.rejected.rmdir()
    folder.rejected.write_bytes(b"")
    assert not folder.is_trusted(_certificate())
    assert "a refused certificate cannot be kept" in caplog.text


def test_a_trusted_file_that_cannot_be_read_does_not_hide_the_others(folder: TrustFolder) -> None:
    client = _certificate()
    (folder.trusted / "a.der").mkdir()
    (folder.trusted / "b.der").write_bytes(b"garbage")
    (folder.trusted / "c.der").write_bytes(_der(client))
    assert folder.is_trusted(client)
