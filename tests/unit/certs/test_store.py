from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certs import changes
from certs.certificate import Certificate
from certs.encoded import to_pem
from certs.errors import CertificateError
from certs.making import Application, CertificateKind, make_key, self_signed
from certs.own import OwnCertificates
from certs.store import TrustList, TrustStore
from certs.trust_folders import FOLDERS
from certs.verdict import CertificateStatus, Rules
from tests.unit.certs.conftest import Foreign
from tests.unit.certs.openssl import Authority, need_openssl

KEY = make_key(CertificateKind.NIST_P256)
S = CertificateStatus


def _client(number: int = 0) -> bytes:
    application = Application(f"urn:client:{number}", f"client {number}", ("host",), ())
    return self_signed(KEY, application).public_bytes(Encoding.DER)


CLIENTS = [_client(number) for number in range(6)]


def _is_good(store: TrustStore, der: bytes) -> bool:
    return store.validate([der], application_uri=None).is_good


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _files(store: TrustStore) -> dict[str, bytes]:
    found = (file for file in store.folder.rglob("*") if file.is_file())
    return {str(file.relative_to(store.folder)): file.read_bytes() for file in found}


def test_threat_27_all_is_for_its_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "certs" / "trusted").mkdir(parents=True, mode=0o755)
    (tmp_path / "certs" / "trusted" / "a.der").write_bytes(CLIENTS[0])
    store = TrustStore(tmp_path / "certs")
    store.prepare()
    store.validate([CLIENTS[1]], application_uri=None)
    store.add_trusted(CLIENTS[2])
    paths = list(store.folder.rglob("*"))
    assert {_mode(path) for path in paths if path.is_dir()} == {0o700}
    assert {_mode(path) for path in paths if path.is_file()} == {0o600}
    assert {str(path.relative_to(store.folder)) for path in paths if path.is_dir()} == set(FOLDERS)


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser can make files for others")
def test_what_the_superuser_makes_belongs_to_the_gateways_user(tmp_path: Path) -> None:
    os.chown(tmp_path, 12_345, 12_346)
    store = TrustStore(tmp_path / "var" / "certs")
    store.prepare()
    store.validate([CLIENTS[0]], application_uri=None)
    store.add_trusted(CLIENTS[1])
    OwnCertificates(store.folder, Application("urn:a", "a", (), ()), [CertificateKind.NIST_P256]).load()
    made = [path for path in (tmp_path / "var").rglob("*") if path.parent.name != "rejected"]
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {(12_345, 12_346)}


def test_when_the_lists_were_changed(store: TrustStore) -> None:
    for folder in FOLDERS:
        os.utime(store.folder / folder, (1_000_000_000, 1_000_000_000))
    assert store.last_update() == datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)
    store.validate([CLIENTS[0]], application_uri=None)
    assert store.last_update().year == 2001
    store.add_trusted(CLIENTS[0])
    assert store.last_update().year > 2001


def test_files_of_the_old_layout_are_moved_over(tmp_path: Path) -> None:
    old = tmp_path / "certs" / "trusted"
    old.mkdir(parents=True)
    (old / "client.der").write_bytes(CLIENTS[0])
    store = TrustStore(tmp_path / "certs")
    assert _is_good(store, CLIENTS[0])
    store.prepare()
    store.prepare()
    assert [file.name for file in (old / "certs").iterdir()] == ["client.der"]
    assert _is_good(store, CLIENTS[0])
    (old / "later.der").write_bytes(CLIENTS[1])
    assert _is_good(store, CLIENTS[1])


def test_a_file_put_there_by_hand_is_heeded_at_once_and_one_taken_away_too(store: TrustStore) -> None:
    assert not _is_good(store, CLIENTS[0])
    (kept,) = (store.folder / "rejected").iterdir()
    moved = kept.rename(store.folder / "trusted/certs" / kept.name)
    assert _is_good(store, CLIENTS[0])
    moved.unlink()
    assert not _is_good(store, CLIENTS[0])


def test_pem_and_bundles_are_read_and_one_of_a_bundle_can_go(store: TrustStore) -> None:
    bundle = store.folder / "trusted/certs/bundle.pem"
    bundle.write_bytes(b"some words\n" + to_pem("CERTIFICATE", CLIENTS[:3]))
    assert [one.der for one in store.trusted()] == CLIENTS[:3]
    store.reject(Certificate.parse(CLIENTS[1]).thumbprint)
    assert {one.der for one in store.trusted()} == {CLIENTS[0], CLIENTS[2]}
    assert [one.der for one in store.rejected()] == [CLIENTS[1]]
    assert not bundle.exists()


def test_a_file_that_cannot_be_used_is_told_once_and_hides_no_other(
    store: TrustStore, caplog: pytest.LogCaptureFixture
) -> None:
    folder = store.folder / "trusted/certs"
    (folder / "a.der").write_bytes(b"garbage")
    (folder / "b.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\n****\n-----END CERTIFICATE-----\n")
    (folder / "c.der").mkdir()
    (folder / "d.der").write_bytes(bytes((1 << 20) + 1))
    (folder / "e.der").symlink_to(folder / "nowhere")
    (folder / "f.der").write_bytes(CLIENTS[0])
    assert _is_good(store, CLIENTS[0])
    assert _is_good(store, CLIENTS[0])
    assert [record.getMessage().count("is not used") for record in caplog.records] == [1, 1, 1]


def test_files_are_read_again_only_when_they_have_changed(store: TrustStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.add_trusted(CLIENTS[0])
    assert _is_good(store, CLIENTS[0])
    opened: list[Path] = []
    whole = Path.open

    def counting(self: Path, mode: str = "r") -> Any:
        opened.append(self)
        return whole(self, mode)

    monkeypatch.setattr(Path, "open", counting)
    assert _is_good(store, CLIENTS[0])
    assert opened == []
    (file,) = (store.folder / "trusted/certs").iterdir()
    file.write_bytes(CLIENTS[1])
    opened.clear()
    assert not _is_good(store, CLIENTS[0])
    assert opened == [file]


def test_threat_22_the_newest_that_were_rejected_are_kept(tmp_path: Path) -> None:
    store = TrustStore(tmp_path / "certs", most_rejected=3)
    store.prepare()
    for age, der in enumerate(CLIENTS[:5]):
        assert not _is_good(store, der)
        newest = next(file for file in (store.folder / "rejected").iterdir() if file.read_bytes() == der)
        os.utime(newest, (1000 + age, 1000 + age))
    assert [one.der for one in store.rejected()] == [CLIENTS[4], CLIENTS[3], CLIENTS[2]]
    assert not _is_good(store, CLIENTS[2])
    assert [one.der for one in store.rejected()] == [CLIENTS[2], CLIENTS[4], CLIENTS[3]]


def test_threat_22_what_was_rejected_is_bounded_in_bytes(tmp_path: Path) -> None:
    store = TrustStore(tmp_path / "certs", most_rejected_bytes=2 * len(CLIENTS[0]) + 10)
    store.prepare()
    for der in CLIENTS:
        store.validate([der], application_uri=None)
    assert len(store.rejected()) == 2


def test_one_that_is_trusted_and_refused_is_not_among_those_rejected(store: TrustStore) -> None:
    store.add_trusted(CLIENTS[0])
    verdict = store.validate([CLIENTS[0]], application_uri="urn:other")
    assert verdict.status is S.URI_INVALID
    assert store.rejected() == []


def test_folders_that_are_gone_refuse_and_do_not_raise(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = TrustStore(tmp_path / "file" / "certs")
    (tmp_path / "file").write_bytes(b"")
    assert store.validate([CLIENTS[0]], application_uri=None).status is S.UNTRUSTED
    assert "a refused certificate cannot be kept" in caplog.text
    with pytest.raises(CertificateError, match="the trust list cannot be kept"):
        store.prepare()
    with pytest.raises(CertificateError, match="the trust list cannot be changed"):
        store.add_trusted(CLIENTS[0])


def test_thumbprints_may_be_shortened_and_written_with_colons(store: TrustStore) -> None:
    der = CLIENTS[0]
    store.validate([der], application_uri=None)
    one = Certificate.parse(der)
    colons = ":".join(one.thumbprint[at : at + 2].lower() for at in range(0, 8, 2))
    assert store.find(colons) == store.find(one.fingerprint[:6]) == store.find(one.thumbprint) == one
    with pytest.raises(CertificateError, match="give its first 6 digits"):
        store.find("3f")
    with pytest.raises(CertificateError, match="no certificate '000000' is known"):
        store.find("000000")
    with pytest.raises(CertificateError, match="among those rejected"):
        store.trust("000000")
    assert store.trust(colons) == one
    assert store.reject(colons) == one
    assert [each.der for each in store.rejected()] == [der]


def test_issuers_and_lists(store: TrustStore, foreign: Foreign) -> None:
    with pytest.raises(CertificateError, match="is no authority"):
        store.add_issuer(foreign.client)
    with pytest.raises(CertificateError, match="import that authority first"):
        store.add_crl(foreign.root_list)
    with pytest.raises(CertificateError, match="no sound revocation list"):
        store.add_crl(b"garbage")
    store.add_issuer(foreign.root.der)
    store.add_trusted(foreign.plant.der)
    store.add_crl(foreign.root_list)
    store.add_crl(foreign.plant_list)
    assert len(list((store.folder / "issuers/crl").iterdir())) == 1
    assert len(list((store.folder / "trusted/crl").iterdir())) == 1
    root = Certificate.parse(foreign.root.der)
    assert store.remove(root.thumbprint, "issuers") == root
    assert store.issuers() == []
    assert [one.der for one in store.lists()] == [foreign.plant_list]
    with pytest.raises(CertificateError, match="is trusted"):
        store.remove(root.thumbprint, "trusted")


def test_a_newer_list_takes_the_place_of_the_older(store: TrustStore, tmp_path: Path) -> None:
    need_openssl()
    root = Authority(tmp_path, "Root")
    store.add_trusted(root.der)
    older = root.revocation_list("-crl_lastupdate", "20250101000000Z", "-crl_nextupdate", "20450101000000Z")
    newer = root.revocation_list()
    store.add_crl(older)
    store.add_crl(newer)
    assert [one.der for one in store.lists()] == [newer]
    store.add_crl(older)
    assert {one.der for one in store.lists()} == {newer, older}


def test_whole_lists_are_put_in_place_all_or_none(store: TrustStore, foreign: Foreign) -> None:
    store.add_trusted(CLIENTS[0])
    before = _files(store)
    for wrong in (
        TrustList(trusted=[CLIENTS[1], b"garbage"]),
        TrustList(trusted=[CLIENTS[1]], issuer_crls=[CLIENTS[0]]),
        TrustList(trusted=CLIENTS[:1] * 1001),
    ):
        with pytest.raises(CertificateError):
            store.replace(wrong)
        assert _files(store) == before
    lists = TrustList([foreign.plant.der], [foreign.plant_list], [foreign.root.der], [foreign.root_list])
    store.replace(lists)
    assert store.trust_list() == lists
    assert store.judge(foreign.sent).is_good
    store.replace(TrustList(trusted=[CLIENTS[2]]))
    assert store.trust_list() == TrustList([CLIENTS[2]], [foreign.plant_list], [foreign.root.der], [foreign.root_list])
    store.replace(TrustList([], [], [], []))
    assert store.trust_list() == TrustList([], [], [], [])


@pytest.mark.parametrize("steps", range(1, 8))
def test_a_crash_in_a_change_leaves_all_or_none(store: TrustStore, monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    """The process dies at its n-th rename or removal; the next one to look finds the old lists or the new ones."""
    old = TrustList(CLIENTS[:2], [], [], [])
    new = TrustList(CLIENTS[2:5], [], [], [])
    store.replace(old)
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
            store.replace(new)
    again = TrustStore(store.folder)
    found = {one.der for one in again.trusted()}
    assert found in (set(CLIENTS[:2]), set(CLIENTS[2:5]))
    assert (found == set(CLIENTS[:2])) == (steps == 1)
    assert not list(store.folder.glob(".change*"))


def test_threat_27_a_tampered_journal_reaches_nothing_outside(store: TrustStore, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    journal = store.folder / ".change"
    (journal / "files").mkdir(parents=True)
    (journal / "removed.json").write_text('["../victim"]', encoding="ascii")
    verdict = store.validate([CLIENTS[0]], application_uri=None)
    assert verdict.status is S.SECURITY_CHECKS_FAILED
    assert "is damaged" in verdict.reason
    assert victim.read_bytes() == b"mine"


def test_readers_never_see_half_of_a_change(store: TrustStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread swaps two lists, as another process would; the other looks."""
    monkeypatch.setattr(changes, "_PATIENCE", 60.0)  # on a slow disk the lists are held nearly all the time
    lists = (CLIENTS[:3], CLIENTS[3:])
    store.replace(TrustList(trusted=lists[0]))
    stop = threading.Event()

    def swap() -> None:
        other = TrustStore(store.folder)
        turn = 0
        while not stop.is_set():
            turn += 1
            other.replace(TrustList(trusted=lists[turn % 2]))

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        seen = [{one.der for one in store.trusted()} for _ in range(50)]
    finally:
        stop.set()
        thread.join()
    assert all(each in (set(lists[0]), set(lists[1])) for each in seen)


def test_a_folder_that_somebody_holds_is_told(store: TrustStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "_PATIENCE", 0.05)
    with changes.locked(store.folder, alone=True):
        verdict = store.judge([CLIENTS[0]])
    assert verdict.status is S.SECURITY_CHECKS_FAILED
    assert "holds the folder" in verdict.reason


def _act(store: TrustStore, act: str, thumbprint: str) -> None:
    if act == "trust":
        store.trust(thumbprint)
    elif act == "reject":
        store.reject(thumbprint)
    else:
        store.remove(thumbprint, "trusted")


ACTS = st.lists(
    st.tuples(st.sampled_from(["meet", "trust", "reject", "remove", "replace"]), st.integers(0, len(CLIENTS) - 1)),
    max_size=14,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS)
def test_the_store_is_a_set_of_trusted_and_a_set_of_rejected(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[str, int]]
) -> None:
    store = TrustStore(tmp_path_factory.mktemp("store") / "certs")
    store.prepare()
    trusted: set[bytes] = set()
    rejected: set[bytes] = set()
    for act, number in acts:
        der = CLIENTS[number]
        thumbprint = Certificate.parse(der).thumbprint
        if act == "meet":
            assert store.validate([der], application_uri=None, rules=Rules()).is_good == (der in trusted)
            rejected |= {der} - trusted
        elif act == "replace":
            trusted = set(CLIENTS[number:])
            rejected -= trusted
            store.replace(TrustList(trusted=CLIENTS[number:]))
        else:
            there = der in (rejected if act == "trust" else trusted)
            try:
                _act(store, act, thumbprint)
            except CertificateError:
                assert not there
                continue
            assert there
            (trusted.add if act == "trust" else trusted.discard)(der)
            if act == "reject":
                rejected.add(der)
            elif act == "trust":
                rejected.discard(der)
        assert {one.der for one in store.trusted()} == trusted
        assert {one.der for one in store.rejected()} == rejected
