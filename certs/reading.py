"""Folders of certificates or lists, whose files are read again only when they have changed."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from certs.errors import CertificateError

_log = logging.getLogger("plantspace.certs")
_MOST_FILES = 2000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stored(Generic[T]):
    """What a file holds."""

    file: Path
    content: T


@dataclass(frozen=True, slots=True)
class _Read(Generic[T]):
    stamp: tuple[int, int, int, int]
    items: tuple[Stored[T], ...]


class ReadFolders(Generic[T]):
    """The files of some folders. A file that cannot be used is told once in the log, and hides no other."""

    def __init__(self, folders: Sequence[Path], parse: Callable[[bytes], Sequence[T]], largest: int) -> None:
        """``parse`` raises :class:`CertificateError`; ``largest``: bytes of a file."""
        self._folders = tuple(folders)
        self._parse = parse
        self._largest = largest
        self._known: dict[Path, _Read[T]] = {}

    def read(self) -> tuple[Stored[T], ...]:
        """Give all that the files hold, as it is now. Blocks on files."""
        fresh: dict[Path, _Read[T]] = {}
        for folder in self._folders:
            for file, stamp in _files(folder):
                known = self._known.get(file)
                fresh[file] = known if known and known.stamp == stamp else _Read(stamp, self._load(file))
        self._known = fresh
        return tuple(item for read in fresh.values() for item in read.items)

    def _load(self, file: Path) -> tuple[Stored[T], ...]:
        try:
            with file.open("rb") as stream:
                content = stream.read(self._largest + 1)
            if len(content) > self._largest:
                _log.warning("%s is not used: it is larger than %d bytes", file, self._largest)
                return ()
            return tuple(Stored(file, item) for item in self._parse(content))
        except (OSError, CertificateError) as error:
            _log.warning("%s is not used: %s", file, getattr(error, "strerror", None) or error)
            return ()


def _files(folder: Path) -> list[tuple[Path, tuple[int, int, int, int]]]:
    """Give the files of a folder with what changes when they do, sorted by name."""
    found: list[tuple[Path, tuple[int, int, int, int]]] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or not entry.is_file():
                    continue
                if len(found) == _MOST_FILES:
                    _log.warning("%s has more than %d files; the others are not used", folder, _MOST_FILES)
                    break
                state = entry.stat()
                stamp = (state.st_mtime_ns, state.st_size, state.st_ino, state.st_ctime_ns)
                found.append((Path(entry.path), stamp))
    except FileNotFoundError:
        return []
    except OSError as error:
        _log.warning("%s cannot be read: %s", folder, error.strerror or error)
    return sorted(found)
