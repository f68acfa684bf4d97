"""Files that people wrote, or will look at: read whole, up to a size; replaced whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import suppress
from pathlib import Path

from core.durable_files import settle_folder
from core.errors import Findings, Place

_MEBI = 1 << 20


def bytes_of(file: Path, mebibytes: int, mend: str, findings: Findings) -> bytes | None:
    """Read a file; what stands in the way goes to ``findings``. ``mend``: what to do with one over ``mebibytes``."""
    largest = mebibytes * _MEBI
    try:
        with file.open("rb") as stream:
            raw = stream.read(largest + 1)
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        findings.add(Place.of(file), f"the file cannot be read: {reason}", "check its path and permissions")
        return None
    if len(raw) > largest:
        findings.add(Place.of(file), f"the file is larger than {mebibytes} MiB", mend)
        return None
    return raw


def replace_file(path: Path | str, content: bytes) -> None:
    """Put ``content`` in the place of a file, keeping its mode, so that a crash leaves the old or the new one.

    A symbolic link stays one: what it points at is replaced. Blocks until the disk has it.

    Raises:
        OSError: The file cannot be written; the error names ``path``, and the file before is untouched.
    """
    try:
        _replace(Path(path).resolve(), content)
    except OSError as error:  # it names the draft, or nothing
        raise OSError(error.errno or errno.EIO, error.strerror or str(error), str(path)) from error


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            with suppress(FileNotFoundError):
                os.fchmod(stream.fileno(), path.stat().st_mode & 0o777)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    settle_folder(path.parent)
