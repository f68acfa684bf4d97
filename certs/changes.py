"""Several files of a folder changed as one: after a crash all of the change is there, or none of it."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from certs.errors import CertificateError
from core.durable_files import settle_folder, write_private

_JOURNAL = ".change"
_DRAFT = ".change-draft-"
_REMOVED = "removed.json"
_FILES = "files"
_PATIENCE, _PAUSE = 5.0, 0.01
Files = Mapping[str, bytes | None]
"""What files are to hold, by their paths inside a folder; None: the file goes."""


def make_private(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for their owner alone. Raises :class:`OSError`.

    What the superuser makes belongs to the owner of the folder that it lies in, who could not use it otherwise.
    """
    for each in reversed([one for one in (folder, *folder.parents) if not one.exists()]):
        each.mkdir(mode=0o700, exist_ok=True)
        _give(each, each.parent)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "it is no folder", str(folder))


@contextmanager
def locked(folder: Path, *, alone: bool) -> Generator[None]:
    """Hold the folder against other threads and processes: ``alone`` to change it, together to read it.

    Raises :class:`OSError` where it is not there, or somebody else holds it for longer than five seconds.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(descriptor, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, kind: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise OSError(errno.EAGAIN, "another process holds the folder, and does not let go of it") from error
            time.sleep(_PAUSE)


def change(folder: Path, written: Mapping[str, bytes], removed: Collection[str] = ()) -> None:
    """Write and remove files, named by their paths inside ``folder``. Holds no lock: the caller does, ``alone``.

    The files and their folders are for their owner alone. Blocks until the disk has them. Raises :class:`OSError`;
    then nothing has changed, or :func:`settle` brings the change to its end.
    """
    draft = folder / f"{_DRAFT}{secrets.token_hex(4)}"
    try:
        for name, content in written.items():
            file = draft / _FILES / _inside(name)
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(file, content)
        draft.mkdir(mode=0o700, exist_ok=True)
        for each in {(draft / _FILES / _inside(name)).parent for name in written}:
            settle_folder(each)
        names = sorted(str(_inside(name)) for name in removed if name not in written)
        write_private(draft / _REMOVED, json.dumps(names).encode())
        settle_folder(draft)
        draft.rename(folder / _JOURNAL)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    settle_folder(folder)
    _finish(folder)


def put(folder: Path, files: Files) -> None:
    """As :func:`change`, with everything in one mapping."""
    written = {name: content for name, content in files.items() if content is not None}
    change(folder, written, [name for name in files if name not in written])


def _give(path: Path, like: Path) -> None:
    if os.geteuid() == 0:
        owner = like.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def settle(folder: Path) -> None:
    """Bring a change to its end that a crash has interrupted, and clear away one that had not begun.

    Takes the lock itself. Raises :class:`OSError`, and :class:`CertificateError` where the journal is damaged.
    """
    if not folder.is_dir() or not _left(folder):
        return
    with locked(folder, alone=True):
        for name in _left(folder):
            if name.startswith(_DRAFT):
                shutil.rmtree(folder / name, ignore_errors=True)
        if (folder / _JOURNAL).is_dir():
            _finish(folder)


def _left(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir() if file.name == _JOURNAL or file.name.startswith(_DRAFT)]


def _finish(folder: Path) -> None:
    """Carry the journal out. Each step may be done again, so that this may be interrupted anywhere."""
    journal = folder / _JOURNAL
    try:
        names = [_inside(str(name)) for name in json.loads((journal / _REMOVED).read_bytes())]
    except (ValueError, TypeError) as error:
        message = f"{journal} is damaged: {error} (remove it; the files stay as they are)"
        raise CertificateError(message) from error
    fresh = journal / _FILES
    touched: set[Path] = set()
    for file in sorted(fresh.rglob("*")):
        if file.is_dir():
            continue
        target = folder / file.relative_to(fresh)
        make_private(target.parent)
        _give(file, folder)
        file.replace(target)
        touched.add(target.parent)
    for name in names:
        (folder / name).unlink(missing_ok=True)
        if (folder / name).parent.is_dir():
            touched.add((folder / name).parent)
    for each in touched:
        settle_folder(each)
    shutil.rmtree(journal)
    settle_folder(folder)


def _inside(name: str) -> PurePosixPath:
    """Refuse a name that leads out of the folder: the journal might be somebody else's (threat 27)."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        message = f"{name!r} does not lie in the folder"
        raise ValueError(message)
    return path
