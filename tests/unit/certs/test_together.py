"""Certificate and trust lists changed as one, also where that is broken off."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from certs import changes
from certs.errors import CertificateError
from certs.making import Application, CertificateKind
from certs.own import OwnCertificates
from certs.store import TrustList, TrustStore
from certs.together import change_together


def full(*_: object) -> None:
    raise OSError(28, "full")


def parts_of(folder: Path) -> tuple[OwnCertificates, TrustStore, TrustStore]:
    own = OwnCertificates(folder, Application("urn:test:own", "own", ("localhost",), ()))
    trust, users = TrustStore(folder), TrustStore(folder / "users")
    for store in (trust, users):
        store.prepare()
    return own, trust, users


def changed(folder: Path, own: OwnCertificates, trust: TrustStore, users: TrustStore, other: bytes) -> None:
    """Take a pair and two trust lists over."""
    fresh = OwnCertificates(folder.parent / "fresh", own.application).load()[CertificateKind.RSA]
    chosen = own.check(CertificateKind.RSA, fresh.details.der, private_key=fresh_key(folder))
    change_together(
        folder,
        [
            own.installation(CertificateKind.RSA, chosen),
            trust.replacement(TrustList(trusted=[other])),
            users.replacement(TrustList(trusted=[other])),
        ],
    )


def fresh_key(folder: Path) -> bytes:
    return (folder.parent / "fresh" / "own.key.pem").read_bytes()


def test_a_crash_leaves_all_of_it_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "certs"
    own, trust, users = parts_of(folder)
    before = own.load()[CertificateKind.RSA].details.der
    fresh = OwnCertificates(tmp_path / "fresh", own.application).load()[CertificateKind.RSA].details.der
    shutil.copytree(folder, tmp_path / "copy")
    replace, calls = Path.replace, 0
    outcomes: set[tuple[bool, ...]] = set()
    for broken in range(12):
        shutil.rmtree(folder)
        shutil.copytree(tmp_path / "copy", folder)
        own, trust, users = parts_of(folder)
        calls = 0

        def crash(file: Path, target: Path, broken: int = broken) -> Path:
            nonlocal calls
            calls += 1
            if calls > broken:
                raise OSError(5, "the power is cut")
            return replace(file, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", crash)
            try:
                changed(folder, own, trust, users, before)
            except CertificateError as error:
                assert "power" in str(error)  # noqa: PT017 - it may also pass
        own, trust, users = parts_of(folder)
        outcomes.add(
            (
                own.load()[CertificateKind.RSA].details.der == fresh,
                [one.der for one in trust.trusted()] == [before],
                [one.der for one in users.trusted()] == [before],
            )
        )
    assert outcomes == {(True, True, True)}  # the journal was there whole before the first file was put in its place
    with monkeypatch.context() as patch:
        shutil.rmtree(folder)
        shutil.copytree(tmp_path / "copy", folder)
        own, trust, users = parts_of(folder)
        patch.setattr(changes, "write_private", full)
        with pytest.raises(CertificateError, match="full"):
            changed(folder, own, trust, users, before)
    assert own.load()[CertificateKind.RSA].details.der == before
    assert trust.trusted() == users.trusted() == []
