"""A disk that fails as disks do, below SQLite: full, failing to sync, slow, or cut from its power.

A SQLite VFS in front of the system's own, registered as the default one of the libsqlite3 that Python's ``sqlite3``
uses. It passes everything on, and notes what was written and synced, so that a test can work out what a disk may hold
after a power cut. Where SQLite is linked into Python statically there is no library to register with, and :func:`disk`
skips.
"""

# ctypes has no types for what a C library gives back.
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import ctypes as c
import errno
import itertools
import os
import random
import re
import sqlite3
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

_SECTOR: Final = 512
_OK, _FULL, _IOERR_FSYNC = 0, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_FSYNC
_CLOSE, _WRITE, _TRUNCATE, _SYNC = 0, 2, 3, 4
"""Places in sqlite3_io_methods (https://sqlite.org/c3ref/io_methods.html)."""

_Open = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_void_p, c.c_void_p, c.c_int, c.c_void_p)
_Delete = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_void_p, c.c_int)
# paths are passed on as the pointers that they are: SQLite keeps them, and more behind their end
_Close = c.CFUNCTYPE(c.c_int, c.c_void_p)
_Write = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_void_p, c.c_int, c.c_int64)
_Truncate = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_int64)
_Sync = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_int)


class _Methods(c.Structure):
    """sqlite3_io_methods, version 3."""

    _fields_ = (("version", c.c_int), ("functions", c.c_void_p * 18))


class _VFS(c.Structure):
    """sqlite3_vfs, version 3."""

    _fields_ = (
        ("version", c.c_int),
        ("file_size", c.c_int),
        ("path_length", c.c_int),
        ("following", c.c_void_p),
        ("name", c.c_char_p),
        ("data", c.c_void_p),
        ("open", c.c_void_p),
        ("delete", c.c_void_p),
        ("others", c.c_void_p * 14),
    )


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a file, or (``mark``) what a test said at that moment."""

    kind: str
    """write, truncate, sync, failed sync, delete or mark."""
    name: str = ""
    offset: int = 0
    data: bytes = b""
    mark: int = 0


@dataclass(eq=False)
class Disk:
    """What goes wrong with the files of ``folder``, and what has happened to them."""

    folder: Path
    full: bool = False
    """No file can grow."""
    syncs_fail: bool = False
    """A sync gives EIO, and what it was for need not be there even after a later one that succeeds."""
    failing: str = ""
    """The part of a name of the files whose syncs fail."""
    sound: int = 0
    """How many of these succeed yet, once ``syncs_fail`` is set."""
    slow: tuple[str, float] | None = None
    """A part of a name, and the seconds that each sync of such files takes."""
    events: list[Event] | None = None
    """In order; None: nothing is noted."""
    _paths: dict[int, str] = field(default_factory=dict[int, str])
    _sizes: dict[str, int] = field(default_factory=dict[str, int])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def mark(self, number: int) -> None:
        """Note a moment."""
        self._note(Event("mark", mark=number))

    def opened(self, file: int, path: str) -> None:
        if Path(path).parent == self.folder:
            name = Path(path).name
            self._paths[file] = name
            self._sizes[name] = (self.folder / name).stat().st_size

    def closed(self, file: int) -> None:
        self._paths.pop(file, None)

    def deleted(self, path: str) -> None:
        if Path(path).parent == self.folder:
            self._sizes.pop(Path(path).name, None)
            self._note(Event("delete", Path(path).name))

    def writes(self, file: int, data: bytes, offset: int) -> int:
        name = self._paths.get(file)
        if name is None:
            return _OK
        end = offset + len(data)
        if end > self._sizes[name]:
            if self.full:
                return _FULL
            self._sizes[name] = end
        self.wrote(name, data, offset)
        return _OK

    def wrote(self, name: str, data: bytes, offset: int) -> None:
        self._note(Event("write", name, offset, data))

    def truncates(self, file: int, size: int) -> None:
        name = self._paths.get(file)
        if name is not None:
            self._sizes[name] = size
            self._note(Event("truncate", name, size))

    def syncs(self, file: int) -> int:
        name = self._paths.get(file)
        return _OK if name is None else self.synced(name)

    def synced(self, name: str) -> int:
        if self.slow is not None and self.slow[0] in name:
            time.sleep(self.slow[1])  # the disk's own thread waits, as it would
        fails = self.syncs_fail and self.failing in name
        if fails and self.sound:
            self.sound -= 1
            fails = False
        self._note(Event("failed sync" if fails else "sync", name))
        return _IOERR_FSYNC if fails else _OK

    def _note(self, event: Event) -> None:
        with self._lock:
            if self.events is not None:
                self.events.append(event)


def after_power_cut(events: Sequence[Event], chance: random.Random, *, kept: float | None = None) -> dict[str, bytes]:
    """Give what the disk may hold: all that was synced, and of the rest whatever chance kept, some of it torn.

    ``kept``: the share of the rest that is kept; None: that too is left to chance.

    What a failed sync was for has no promise left: a later sync that succeeds does not bring it to the disk, because
    the system takes it for written.
    """
    durable: dict[str, bytearray] = {}
    pending: dict[str, list[Event]] = {}
    for event in events:
        match event.kind:
            case "write" | "truncate":
                pending.setdefault(event.name, []).append(event)
            case "sync":
                file = durable.setdefault(event.name, bytearray())
                for one in pending.pop(event.name, []):
                    _apply(file, one)
            case "failed sync":
                file = durable.setdefault(event.name, bytearray())
                for one in pending.pop(event.name, []):
                    _apply_some(file, one, chance, 0.3)
            case "delete":
                durable.pop(event.name, None)
                pending.pop(event.name, None)
            case _:
                pass
    kept = chance.choice((0.0, 0.3, 0.7, 1.0)) if kept is None else kept
    for name, waiting in pending.items():
        file = durable.setdefault(name, bytearray())
        for one in waiting:
            _apply_some(file, one, chance, kept)
    return {name: bytes(file) for name, file in durable.items()}


def _apply(file: bytearray, event: Event) -> None:
    if event.kind == "truncate":
        del file[event.offset :]
        file.extend(bytes(event.offset - len(file)))
        return
    file.extend(bytes(max(event.offset - len(file), 0)))
    file[event.offset : event.offset + len(event.data)] = event.data


def _apply_some(file: bytearray, event: Event, chance: random.Random, kept: float) -> None:
    if chance.random() < kept:
        _apply(file, event)
    elif event.kind == "write" and chance.random() < kept:  # torn: some of its sectors
        for first in range(0, len(event.data), _SECTOR):
            if chance.random() < kept:
                _apply(file, Event("write", event.name, event.offset + first, event.data[first : first + _SECTOR]))


def _watch_python(patch: pytest.MonkeyPatch, made: Disk) -> None:
    """Note what Python itself writes at an offset and syncs in the folder."""
    pwrite, fsync = os.pwrite, os.fsync

    def name_of(descriptor: int) -> str | None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        return path.name if path.parent == made.folder and not path.is_dir() else None

    def pwrite_(descriptor: int, data: bytes, offset: int) -> int:
        if (name := name_of(descriptor)) is not None:
            made.wrote(name, data, offset)
        return pwrite(descriptor, data, offset)

    def fsync_(descriptor: int) -> None:
        if (name := name_of(descriptor)) is not None and made.synced(name) != _OK:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        fsync(descriptor)

    patch.setattr(os, "pwrite", pwrite_)
    patch.setattr(os, "fsync", fsync_)


_numbers = itertools.count(1)
_kept: list[Any] = []
"""What C holds pointers to: a file that is still open uses it after the disk is out of the way."""


def _library() -> c.CDLL | None:
    maps = Path("/proc/self/maps")
    if not maps.exists():
        return None
    found = re.search(r"\S*libsqlite3\.so\S*", maps.read_text(encoding="utf-8"))
    return c.CDLL(found.group()) if found else None


@contextmanager
def disk(folder: Path) -> Generator[Disk]:
    """Put a disk below all SQLite files of ``folder`` that are opened from now on, in this process."""
    library = _library()
    if library is None:
        pytest.skip("Python's sqlite3 has SQLite linked in, so nothing can be put below it")
    library.sqlite3_vfs_find.restype = c.c_void_p
    below = library.sqlite3_vfs_find(None)
    made = Disk(folder)
    vfs = _in_front_of(_VFS.from_address(below), below, made)
    library.sqlite3_vfs_register(c.byref(vfs), 1)
    try:
        with pytest.MonkeyPatch.context() as patch:
            _watch_python(patch, made)
            yield made
    finally:
        library.sqlite3_vfs_register(c.c_void_p(below), 1)
        library.sqlite3_vfs_unregister(c.byref(vfs))


def _in_front_of(below: _VFS, address: int, made: Disk) -> _VFS:
    vfs = _VFS.from_buffer_copy(below)
    vfs.name = f"faulty-disk-{os.getpid()}-{next(_numbers)}".encode()
    open_below, delete_below = _Open(below.open), _Delete(below.delete)
    tables: dict[int, _Methods] = {}

    def open_(_: int, path: int | None, file: int, flags: int, given: int) -> int:
        outcome = open_below(address, path, file, flags, given)
        if outcome == _OK and path is not None:
            made.opened(file, os.fsdecode(c.string_at(path)))
            methods = c.c_void_p.from_address(file)
            if methods.value is not None:
                if methods.value not in tables:
                    tables[methods.value] = _wrapped(_Methods.from_address(methods.value), made)
                methods.value = c.addressof(tables[methods.value])
        return outcome

    def delete(_: int, path: int, settle: int) -> int:
        outcome = delete_below(address, path, settle)
        if outcome == _OK:
            made.deleted(os.fsdecode(c.string_at(path)))
        return outcome

    callbacks = _Open(open_), _Delete(delete)
    vfs.open, vfs.delete = (c.cast(callback, c.c_void_p).value for callback in callbacks)
    _kept.append((vfs, callbacks, tables))
    return vfs


def _wrapped(below: _Methods, made: Disk) -> _Methods:
    methods = _Methods.from_buffer_copy(below)
    functions = below.functions
    close_below, write_below = _Close(functions[_CLOSE]), _Write(functions[_WRITE])
    truncate_below, sync_below = _Truncate(functions[_TRUNCATE]), _Sync(functions[_SYNC])

    def close(file: int) -> int:
        made.closed(file)
        return close_below(file)

    def write(file: int, data: int, size: int, offset: int) -> int:
        return made.writes(file, c.string_at(data, size), offset) or write_below(file, data, size, offset)

    def truncate(file: int, size: int) -> int:
        made.truncates(file, size)
        return truncate_below(file, size)

    def sync(file: int, flags: int) -> int:
        return made.syncs(file) or sync_below(file, flags)

    callbacks: dict[int, Any] = {  # each of a type that ctypes made
        _CLOSE: _Close(close),
        _WRITE: _Write(write),
        _TRUNCATE: _Truncate(truncate),
        _SYNC: _Sync(sync),
    }
    for place, callback in callbacks.items():
        methods.functions[place] = c.cast(callback, c.c_void_p).value
    _kept.append((methods, callbacks))
    return methods


@contextmanager
def small_file_system(folder: Path, size: int) -> Generator[Path]:
    """Mount a file system of ``size`` bytes at ``folder``/small; skips, saying so, where this is not allowed."""
    place = folder / "small"
    place.mkdir()
    libc = c.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", os.fsencode(place), b"tmpfs", 0, f"size={size}".encode()) != 0:
        code = c.get_errno()
        pytest.skip(f"a file system of its own cannot be mounted here ({errno.errorcode.get(code, code)})")
    try:
        yield place
    finally:
        if libc.umount2(os.fsencode(place), 2) != 0:  # MNT_DETACH
            raise OSError(c.get_errno(), "umount")
