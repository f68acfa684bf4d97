"""Files of TLS that a client names: they are on the gateway's disk, and the client is not."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Final

from asyncua.ua.status_codes import StatusCodes

from core.settings import Plain
from core.tls_files import FILES
from server.pubsub_model.refusal import PubSubRefused

_MOST: Final = 1 << 20
"""Bytes of a file: bundles of all public authorities are a quarter of it."""


def check_files(words: Mapping[str, Plain], base: Path) -> None:
    """Let a client name only what lies below the configuration's folder. Blocks on the disk.

    Otherwise it could have any file of the machine read, and a pipe or a device read without an end. A link that
    somebody has put there leads where it leads. Raises :class:`PubSubRefused`, which says the same for each way to be
    wrong: it tells nobody what else there is on the disk.
    """
    for key in FILES:
        name = words.get(key, "")
        if name and not (isinstance(name, str) and _is_below(name) and _is_file(base / name)):
            problem = f"{key} names no file below the configuration's folder"
            raise PubSubRefused(
                StatusCodes.BadInvalidArgument, problem, "put the file there, and write its name without '..'"
            )


def _is_below(name: str) -> bool:
    path = PurePosixPath(name)
    return name.isprintable() and not (path.is_absolute() or ".." in path.parts or PureWindowsPath(name).anchor)


def _is_file(path: Path) -> bool:
    try:
        held = path.stat()
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(held.st_mode) and held.st_size <= _MOST
