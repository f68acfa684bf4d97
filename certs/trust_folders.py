"""Where the trust list lies on disk: folders for their owner alone, read together, changed as one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal, NoReturn, TypeAlias, TypeVar

from certs import changes
from certs.certificate import Certificate
from certs.encoded import pem_blocks
from certs.errors import CertificateError
from certs.reading import ReadFolders, Stored
from certs.revocation import LARGEST_LIST, RevocationList
from certs.together import Part
from certs.validation import Known

_log = logging.getLogger("plantspace.certs")
FOLDERS: Final = ("trusted", "trusted/certs", "trusted/crl", "issuers", "issuers/certs", "issuers/crl", "rejected")
_LARGEST_BUNDLE = 1 << 20
CertificatePlace: TypeAlias = Literal["trusted/certs", "issuers/certs", "rejected"]
ListPlace: TypeAlias = Literal["trusted/crl", "issuers/crl"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be taken away, and the DER that is to be written, by place."""

    gone: Sequence[Stored[Certificate] | Stored[RevocationList]]
    written: Mapping[str, Sequence[bytes]]


class TrustFolders:
    """The files beneath ``folder``. Blocks on them; safe from several threads, beside other processes."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; nothing is read or made yet."""
        self.folder = folder
        self._lock = threading.Lock()
        # Files that lie in trusted/ itself count too: there they were kept before there were issuers.
        self._certificates: dict[CertificatePlace, ReadFolders[Certificate]] = {
            "trusted/certs": _certificates(folder / "trusted/certs", folder / "trusted"),
            "issuers/certs": _certificates(folder / "issuers/certs"),
            "rejected": _certificates(folder / "rejected"),
        }
        self._lists: dict[ListPlace, ReadFolders[RevocationList]] = {
            "trusted/crl": _lists(folder / "trusted/crl"),
            "issuers/crl": _lists(folder / "issuers/crl"),
        }

    def prepare(self) -> None:
        """Make the folders, finish an interrupted change, and move files of the old layout over.

        Raises :class:`CertificateError` where that cannot be done.
        """
        try:
            changes.make_private(self.folder)
            changes.settle(self.folder)
            with changes.locked(self.folder, alone=True):
                self.folder.chmod(0o700)
                for name in FOLDERS:
                    self._make(self.folder / name)
                self._migrate()
        except OSError as error:
            message = f"{self.folder}: the trust list cannot be kept: {error.strerror or error}"
            raise CertificateError(message) from error

    def _make(self, folder: Path) -> None:
        """Make a folder; take the rights that others have on it, and on its files, away."""
        changes.make_private(folder)
        folder.chmod(0o700)
        for file in folder.iterdir():
            if file.is_file() and not file.is_symlink():
                try:
                    file.chmod(0o600)
                except PermissionError:
                    _log.warning("%s belongs to another user (give it to the gateway's with chown)", file)

    def _migrate(self) -> None:
        old, new = self.folder / "trusted", self.folder / "trusted/certs"
        for file in sorted(old.iterdir()):
            if file.is_file() and not file.name.startswith(".") and not (new / file.name).exists():
                file.replace(new / file.name)
                _log.info("moved %s to %s", file, new)

    def changed(self) -> float:
        """Tell when one of the four lists was changed last, in seconds since 1970; 0.0 where there is none."""
        places = (self.folder / place for place in (*self._lists, "trusted/certs", "issuers/certs", "trusted"))
        return max((place.stat().st_mtime for place in places if place.is_dir()), default=0.0)

    def certificates(self, place: CertificatePlace) -> tuple[Stored[Certificate], ...]:
        """Give the certificates of a place. Raises :class:`OSError`, :class:`CertificateError`."""
        if not self._is_there():
            return ()
        with self._lock, changes.locked(self.folder, alone=False):
            return self._certificates[place].read()

    def lists(self, place: ListPlace) -> tuple[Stored[RevocationList], ...]:
        """Give the revocation lists of a place. Raises as :meth:`certificates`."""
        if not self._is_there():
            return ()
        with self._lock, changes.locked(self.folder, alone=False):
            return self._lists[place].read()

    def known(self) -> Known:
        """Give all that validation asks for, as it is at one moment. Raises as :meth:`certificates`."""
        if not self._is_there():
            return Known()
        with self._lock, changes.locked(self.folder, alone=False):
            return Known(
                contents(self._certificates["trusted/certs"].read()),
                contents(self._certificates["issuers/certs"].read()),
                (*contents(self._lists["trusted/crl"].read()), *contents(self._lists["issuers/crl"].read())),
            )

    def change(self, change: Change) -> None:
        """Carry a change out, whole or not at all. Raises :class:`CertificateError`."""
        try:
            changes.make_private(self.folder)
            changes.settle(self.folder)
            with self._lock, changes.locked(self.folder, alone=True):
                changes.put(self.folder, self._files(change))
        except OSError as error:
            message = f"{self.folder}: the trust list cannot be changed: {error.strerror or error}"
            raise CertificateError(message) from error

    def part(self, change: Change) -> Part:
        """Give what :meth:`change` does as a part of a larger change."""
        return Part(self.folder, lambda: self._files(change), self._lock)

    def _files(self, change: Change) -> dict[str, bytes | None]:
        wanted: dict[str, bytes | None] = {str(item.file.relative_to(self.folder)): None for item in change.gone}
        wanted |= self._left_over(change.gone)
        return wanted | {_name(place, der): der for place, ders in change.written.items() for der in ders}

    def _left_over(self, gone: Iterable[Stored[Certificate] | Stored[RevocationList]]) -> dict[str, bytes]:
        """Give what else lies in the files that go, such as a bundle of PEM, to be kept in files of its own."""
        files, ders = {item.file for item in gone}, {item.content.der for item in gone}
        kept: dict[str, bytes] = {}
        for place, read in (*self._certificates.items(), *self._lists.items()):
            for item in read.read():
                if item.file in files and item.content.der not in ders:
                    kept[_name(place, item.content.der)] = item.content.der
        return kept

    def _is_there(self) -> bool:
        changes.settle(self.folder)
        return self.folder.is_dir()


def contents(items: Iterable[Stored[T]]) -> tuple[T, ...]:
    """Give what the files hold, each once."""
    return tuple(dict.fromkeys(item.content for item in items))


def _certificates(*folders: Path) -> ReadFolders[Certificate]:
    return ReadFolders(folders, read_certificates, _LARGEST_BUNDLE)


def _lists(folder: Path) -> ReadFolders[RevocationList]:
    return ReadFolders((folder,), read_lists, 2 * LARGEST_LIST)


def read_certificates(content: bytes) -> list[Certificate]:
    """Read the certificates of a file, DER or PEM. Raises :class:`CertificateError`, also where there is none."""
    found = [Certificate.parse(der) for der in pem_blocks(content, "CERTIFICATE", "X509 CERTIFICATE")]
    return found or _nothing("certificate")


def read_lists(content: bytes) -> list[RevocationList]:
    """Read the revocation lists of a file, DER or PEM. Raises :class:`CertificateError`, also where there is none."""
    found = [RevocationList.parse(der) for der in pem_blocks(content, "X509 CRL")]
    return found or _nothing("revocation list")


def _nothing(what: str) -> NoReturn:
    message = f"there is no {what} in it"
    raise CertificateError(message)


def _name(place: str, der: bytes) -> str:
    ending = "crl" if place.endswith("crl") else "der"
    return f"{place}/{sha256(der).hexdigest()}.{ending}"
