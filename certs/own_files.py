"""The files of the gateway's own pairs: read together, changed as one, those before kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from certs import changes
from certs.certificate import Certificate
from certs.encoded import pem_blocks
from certs.errors import CertificateError
from certs.making import CertificateKind, PrivateKey, kind_of
from certs.together import Part

CERTIFICATE_FILE: Final = "own.der"
KEY_FILE: Final = "own.key.pem"
_ISSUERS_FILE = "own.issuers.pem"
_BEFORE, _REQUESTED = "before", "requested"


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate with its key, and its issuers up to the root (DER)."""

    certificate: Certificate
    key: PrivateKey
    issuers: tuple[bytes, ...]


class OwnFiles:
    """The files of one folder. Everything blocks on them and raises :class:`CertificateError`."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; nothing is made."""
        self._folder = folder

    def read(self, kind: CertificateKind) -> Pair | None:
        """Give a pair; None where neither half is there."""
        certificate_file, key_file, issuers_file = (self._folder / name for name in _names(kind))
        try:
            if not self._is_there():
                return None
            with changes.locked(self._folder, alone=False):
                if not certificate_file.exists() and not key_file.exists():
                    return None
                encoded, pem = certificate_file.read_bytes(), key_file.read_bytes()
                issuers = issuers_file.read_bytes() if issuers_file.exists() else b""
            certificate, key = Certificate.parse(encoded), _private(pem)
            sent = tuple(pem_blocks(issuers, "CERTIFICATE"))
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm, CertificateError) as error:
            # TypeError: the key is encrypted
            mend = "restore both files, or remove both"
            message = f"{self._folder}: the gateway's certificate cannot be read: {error} ({mend})"
            raise CertificateError(message) from error
        if kind_of(key) is not kind:
            word = "RSA" if kind is CertificateKind.RSA else kind.value
            message = f"{key_file} is no {word} key (remove both files, and a new pair is made)"
            raise CertificateError(message)
        if certificate.key != key.public_key():
            message = f"{key_file} does not belong to {certificate_file} (restore both files, or remove both)"
            raise CertificateError(message)
        return Pair(certificate, key, sent)

    def write(self, kind: CertificateKind, certificate: bytes, key: bytes, issuers: bytes | None) -> None:
        """Put a pair in the place of the one that is there, which is kept; a key that was asked for is used up."""
        try:
            changes.make_private(self._folder)
            changes.settle(self._folder)
            with changes.locked(self._folder, alone=True):
                changes.put(self._folder, self._replacing(kind, certificate, key, issuers))
        except OSError as error:
            raise _not_kept(self._folder, error) from error

    def replacement(self, kind: CertificateKind, certificate: bytes, key: bytes, issuers: bytes | None) -> Part:
        """Give what :meth:`write` does as a part of a larger change."""
        return Part(self._folder, lambda: self._replacing(kind, certificate, key, issuers))

    def _replacing(
        self, kind: CertificateKind, certificate: bytes, key: bytes, issuers: bytes | None
    ) -> dict[str, bytes | None]:
        names = _names(kind)
        held = {name: _content(self._folder / name) for name in names}
        wanted: dict[str, bytes | None] = dict(zip(names, (certificate, key, issuers), strict=True))
        if any(content is not None for content in held.values()):
            wanted |= {f"{_BEFORE}/{name}": content for name, content in held.items()}
        requested = self._folder / _REQUESTED / names[1]
        if _content(requested) == key:
            wanted[f"{_REQUESTED}/{names[1]}"] = None
        return wanted

    def swap(self, kind: CertificateKind) -> None:
        """Exchange the pair with the one before it."""
        names = _names(kind)
        try:
            if not self._is_there():
                return
            with changes.locked(self._folder, alone=True):
                held = {name: _content(self._folder / name) for name in names}
                before = {name: _content(self._folder / _BEFORE / name) for name in names}
                if before[names[0]] is None or before[names[1]] is None:
                    message = f"{self._folder / _BEFORE}: there is no pair to go back to"
                    raise CertificateError(message)
                kept = {f"{_BEFORE}/{name}": content for name, content in held.items()}
                changes.put(self._folder, before | kept)
        except OSError as error:
            raise _not_kept(self._folder, error) from error

    def keep_requested(self, kind: CertificateKind, key: bytes) -> None:
        """Keep the key of a signing request aside; one that was asked for before is given up."""
        try:
            changes.make_private(self._folder)
            changes.settle(self._folder)
            with changes.locked(self._folder, alone=True):
                changes.change(self._folder, {f"{_REQUESTED}/{_names(kind)[1]}": key})
        except OSError as error:
            raise _not_kept(self._folder, error) from error

    def requested(self, kind: CertificateKind) -> PrivateKey | None:
        """Give the key of the last signing request that asked for a new one."""
        file = self._folder / _REQUESTED / _names(kind)[1]
        try:
            pem = _content(file)
        except OSError as error:
            message = f"{file} cannot be read: {error.strerror or error} (make a new request)"
            raise CertificateError(message) from error
        return None if pem is None else read_key(pem, str(file))

    def stamp(self, kinds: Iterable[CertificateKind]) -> tuple[tuple[int, int, int], ...]:
        """Give what is another value once a file has changed."""
        stamps: list[tuple[int, int, int]] = []
        for name in (name for kind in kinds for name in _names(kind)):
            try:
                state = (self._folder / name).stat()
                stamps.append((state.st_mtime_ns, state.st_size, state.st_ino))
            except OSError:
                stamps.append((0, 0, 0))
        return tuple(stamps)

    def _is_there(self) -> bool:
        changes.settle(self._folder)
        return self._folder.is_dir()


def read_key(pem: bytes, what: str) -> PrivateKey:
    """Read a private key of a kind that is offered. Raises :class:`CertificateError`; ``what`` names it there."""
    try:
        key = _private(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        message = f"{what} cannot be read: {error} (it has to be PEM or DER, and not encrypted)"
        raise CertificateError(message) from error
    if kind_of(key) is None:
        message = f"{what} is neither an RSA nor a nistP256 key"
        raise CertificateError(message)
    return key


def _private(encoded: bytes) -> PrivateKey:
    load = serialization.load_pem_private_key if b"-----BEGIN " in encoded else serialization.load_der_private_key
    return load(encoded, None)  # pyright: ignore[reportReturnType] - kind_of looks at what it is


def _names(kind: CertificateKind) -> tuple[str, str, str]:
    """Give the names of certificate, key and issuers; those of RSA are the plain ones."""
    names = (CERTIFICATE_FILE, KEY_FILE, _ISSUERS_FILE)
    if kind is CertificateKind.RSA:
        return names
    first, second, third = (name.replace("own", f"own-{kind.value}", 1) for name in names)
    return first, second, third


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None


def _not_kept(folder: Path, error: OSError) -> CertificateError:
    return CertificateError(f"{folder}: the gateway's certificate cannot be kept: {error.strerror or error}")
