"""The head file: the number and hash of the newest record, kept beside the trail, so that a lost end shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

from core.durable_files import settle_folder, write_private
from core.errors import PlantspaceError
from server.audit.entry import HASH

_FORM: Final = re.compile(rf"plantspace-audit-head 1\n(\d{{1,19}}) ([0-9a-f]{{{2 * HASH}}})\n")


class HeadDamagedError(PlantspaceError):
    """The head file is not one; the message names it."""


class Head(NamedTuple):
    """The newest record that is known: its number and hash."""

    sequence: int
    hash: bytes


def read_head(file: Path) -> Head | None:
    """Give what the file says, None where there is none. Raises :class:`HeadDamagedError` and :class:`OSError`."""
    try:
        text = file.read_bytes().decode("ascii", "replace")
    except FileNotFoundError:
        return None
    match = _FORM.fullmatch(text)
    if match is None:
        message = f"{file} is no head file of an audit trail (restore it from a copy)"
        raise HeadDamagedError(message)
    return Head(int(match[1]), bytes.fromhex(match[2]))


def write_head(file: Path, head: Head) -> None:
    """Replace the file whole; blocks until the disk has it. Raises :class:`OSError`."""
    beside = file.with_name(f"{file.name}.new")
    write_private(beside, f"plantspace-audit-head 1\n{head.sequence} {head.hash.hex()}\n".encode())
    beside.replace(file)
    settle_folder(file.parent)
