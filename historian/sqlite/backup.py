"""Copies of SQLite files that a running gateway writes, by SQLite's backup API.

One read transaction spans a copy: it is the file of one moment, and the writer's commits do not make it begin anew. In
a write-ahead log a reader holds no writer up; the log only grows meanwhile by what is written.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from core.durable_files import settle_folder
from core.errors import StoreError
from historian.database import translate, translated

Progress = Callable[[Path, int, int], None]
"""Hears of the file that is being copied, the pages done and all of them; what it raises ends the backup."""

_PAGES: Final = 512
"""Copied in one step: 4 MiB."""
_NO_LINKS: Final = {errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}


class BackupExists(StoreError):  # noqa: N818 - the name says what is in the way
    """The folder holds a file of that name already; nothing was copied."""


def back_up(sources: Sequence[Path], folder: Path, *, progress: Progress, lock_wait: float = 5.0) -> list[Path]:
    """Copy files, in the order given, into ``folder``; gives the copies.

    All of them appear under their names when the last one is whole and on the disk; a copy never takes another file's
    place. Where an outbox goes with a history, name the outbox first: an older outbox beside a newer history loses
    nothing. Blocks. Raises :class:`BackupExists`, and :class:`~core.errors.StoreError` kinds; then no copy is there.
    """
    targets = [folder / source.name for source in sources]
    with translated(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for target in targets:
        if target.exists():
            _refuse(target)
    partial: list[Path] = []
    made: list[Path] = []
    try:
        for source, target in zip(sources, targets, strict=True):
            with translated(target):
                descriptor, name = tempfile.mkstemp(prefix=f".{source.name}.", suffix=".partial", dir=folder)
                os.close(descriptor)
            partial.append(Path(name))
            _copy(source, partial[-1], progress, lock_wait)
        for copy, target in zip(partial, targets, strict=True):
            with translated(target):
                _name(copy, target)
            made.append(target)
        with translated(folder):
            settle_folder(folder)
    except BaseException:
        for target in made:
            target.unlink(missing_ok=True)
        raise
    finally:
        for copy in partial:
            with suppress(OSError):
                copy.unlink(missing_ok=True)
    return made


def _copy(source: Path, target: Path, progress: Progress, lock_wait: float) -> None:
    """Copy one file and let the disk have it."""
    origin = f"{source.absolute().as_uri()}?mode=rw"
    with (
        translated(source),
        closing(sqlite3.connect(origin, timeout=lock_wait, isolation_level=None, uri=True)) as reading,
    ):
        reading.execute("PRAGMA query_only=ON")
        reading.execute("BEGIN")
        reading.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the moment of the copy is now
        with closing(sqlite3.connect(target, isolation_level=None)) as writing:
            writing.execute("PRAGMA journal_mode=OFF")  # what is half done is thrown away as a whole
            writing.execute("PRAGMA synchronous=OFF")
            try:
                reading.backup(
                    writing, pages=_PAGES, progress=lambda _, left, total: progress(source, total - left, total)
                )
            except sqlite3.Error as error:
                # a full disk is the copy's, all else the original's
                full = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL
                raise translate(target.parent if full else source, error) from error
        reading.execute("ROLLBACK")
    with translated(target), target.open("rb+") as file:
        os.fsync(file.fileno())


def _name(copy: Path, target: Path) -> None:
    """Give a copy its name unless somebody has taken that meanwhile."""
    try:
        os.link(copy, target)
    except FileExistsError:
        _refuse(target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        copy.rename(target)  # a file system without links, such as a memory stick's


def _refuse(target: Path) -> None:
    message = f"{target} is there already, and is left as it is (name another folder)"
    raise BackupExists(message)
