"""The data folder: made for its owner alone, and one gateway's at a time."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import stat
from pathlib import Path

from core.errors import PlantspaceError

_log = logging.getLogger("plantspace.gateway")
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class DataFolderError(PlantspaceError):
    """The folder cannot be used, or another gateway uses it."""


class DataFolder:
    """Holds the folder from :meth:`start` to :meth:`stop`; the kernel lets go of it when the process dies."""

    def __init__(self, path: Path) -> None:
        """Name the folder; nothing is made yet."""
        self._path = path
        self._held: int | None = None

    async def start(self) -> None:
        """Make the folder, if need be, and hold it. Raises :class:`DataFolderError`.

        One that is there keeps its mode: it may hold more than ours.
        """
        self._held = await asyncio.to_thread(self._hold)

    async def stop(self) -> None:
        """Let go of it; safe twice."""
        held, self._held = self._held, None
        if held is not None:
            os.close(held)

    def _hold(self) -> int:
        try:
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
        except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
            reason = getattr(error, "strerror", None) or error
            message = f"the data folder {self._path} cannot be used: {reason} (see data_dir under server:)"
            raise DataFolderError(message) from error
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(folder)
            message = (
                f"another gateway uses the data folder {self._path} "
                "(stop it, or give each its own with data_dir under server:)"
            )
            raise DataFolderError(message) from error
        self._close_to_others(folder)
        return folder

    def _close_to_others(self, folder: int) -> None:
        """Let nobody else write here: whoever can replace files decides who comes in (threat 27)."""
        mode = stat.S_IMODE(os.fstat(folder).st_mode)
        if not mode & _OTHERS_WRITE:
            return
        try:
            os.fchmod(folder, mode & ~_OTHERS_WRITE)
        except OSError as error:
            os.close(folder)
            message = (
                f"others may write to the data folder {self._path}, and that cannot be changed: {error.strerror} "
                f"(chmod go-w {self._path})"
            )
            raise DataFolderError(message) from error
        _log.warning("others could write to the data folder %s; that is no longer so", self._path)
