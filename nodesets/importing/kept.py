"""Models kept as lines for the next start: one file, named by what it was made of, checked before it is believed."""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from core.collecting import no_collection
from nodesets.compiled.lines import VERSION, ModelLines, line_of, raw_of
from nodesets.compiled.problems import CompiledError, the
from nodesets.importing.request import Request
from nodesets.limits import Limits
from nodesets.model import Model

_ENDING = ".model"
_DAMAGED = ".damaged"
_DRAFT = ".draft"
_BUFFER = 1 << 20
_MAGIC = "compiled model"
_COMPILER = Path(__file__).resolve().parents[1]


def key_of(request: Request) -> str | None:
    """Give the SHA-256 of everything that a model follows from; None where a file cannot be read or is too large.

    That is: the files' bytes, paths and headers, the limits, and the code that reads them (by its files' sizes and
    times, so that a new release reads anew). Blocks: 5 ms for 2 MB.
    """
    if request.resolution.findings:
        return None
    digest = hashlib.sha256(request.line())
    for entry in _code(_COMPILER):
        status = entry.stat()
        digest.update(f"{entry.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    left = request.limits.total_bytes
    resolution = request.resolution
    others = (header for headers in resolution.others.values() for header in headers)
    try:
        for header in (request.standard, *resolution.files, *others):
            with header.file.open("rb") as file:
                left -= os.fstat(file.fileno()).st_size
                if left < 0:
                    return None
                digest.update(hashlib.file_digest(file, "sha256").digest())
    except OSError:
        return None
    return digest.hexdigest()


def _code(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda one: one.name):
            if entry.is_dir() and entry.name != "__pycache__":
                yield from _code(Path(entry.path))
            elif entry.name.endswith(".py"):
                yield entry


class KeptModels:
    """The folder of a gateway's kept models."""

    def __init__(self, folder: Path) -> None:
        """Use ``folder``, which need not be there."""
        self._folder = folder

    def find(self, key: str, limits: Limits) -> Model | None:
        """Give the model kept under ``key``; None where there is none to be believed. Blocks: 10 us a node."""
        try:
            # The collector would hold whoever else is running for 300 ms, time and again; records hold no circles.
            with no_collection(freeze=True):
                head, *lines = self._content(key, limits)
                self._check(head, lines, key)
                made = ModelLines(limits)
                for line in lines:
                    made.take(line)
                return made.model()
        except (OSError, CompiledError):
            return None

    def keep(self, key: str, lines: Sequence[bytes]) -> None:
        """Keep a model in place of those kept before; a damaged one is set aside. Raises :class:`OSError`."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self._file(key)
        if file.exists():
            file.replace(file.with_suffix(_DAMAGED))
        draft = file.with_suffix(_DRAFT)
        draft.unlink(missing_ok=True)
        try:
            self._write(draft, key, lines)
            draft.replace(file)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        for other in self._folder.iterdir():
            if other.suffix in {_ENDING, _DAMAGED, _DRAFT} and other.stem != key:
                other.unlink(missing_ok=True)

    def _write(self, draft: Path, key: str, lines: Sequence[bytes]) -> None:
        head = line_of([_MAGIC, VERSION, key, _digest(lines)])
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(head)
            for line in lines:
                stream.write(b"\n")
                stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())

    def _content(self, key: str, limits: Limits) -> list[bytes]:
        descriptor = os.open(self._file(key), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb", _BUFFER) as stream:
            status = os.fstat(descriptor)
            ours = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o022
            if not ours or status.st_size > 4 * limits.total_bytes:
                message = "a file that others may have written, or too large"
                raise CompiledError(message)
            # Line by line, since splitting all of it would hold the interpreter for as long as that takes.
            return [line.removesuffix(b"\n") for line in stream] or [b""]

    def _check(self, head: bytes, lines: Iterable[bytes], key: str) -> None:
        raw = raw_of(head)
        digest = the(str, raw[-1]) if raw else ""
        if raw[:-1] != [_MAGIC, VERSION, key] or not hmac.compare_digest(digest, _digest(lines)):
            message = "torn, tampered with, or of another version"
            raise CompiledError(message)

    def _file(self, key: str) -> Path:
        return self._folder / f"{key}{_ENDING}"


def _digest(lines: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line)
        digest.update(b"\n")
    return digest.hexdigest()
