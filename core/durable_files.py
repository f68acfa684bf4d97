"""Files that are the gateway's alone, and names in folders that outlast a power cut."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_AT_ONCE: Final = 1 << 20
"""Bytes that are read and written at one go."""


def write_private(file: Path, content: bytes) -> None:
    """Write a file that nobody else may read. Blocks until the disk has it. Raises :class:`OSError`."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def settle_folder(folder: Path) -> None:
    """Let the disk have the names in a folder, so that what took another file's place is there after a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_again(file: Path) -> None:
    """Write what a file holds over itself, and wait until the disk has it. Raises :class:`OSError`.

    After a sync that failed, the system gives what it was for to whoever reads the file, takes it for written, and
    never brings it to the disk (https://lwn.net/Articles/752063/); a later sync alone says all is well. Nobody else may
    write the file meanwhile.
    """
    descriptor = os.open(file, os.O_RDWR)
    try:
        offset = 0
        while content := os.pread(descriptor, _AT_ONCE, offset):
            offset += os.pwrite(descriptor, content, offset)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
