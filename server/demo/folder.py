"""The demo's folder: a configuration to look at and to change, its history, and nobody else's files."""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path
from typing import IO

from server.demo.processes import DemoError
from server.demo.written import lay_out

CONFIGURATION = "plant.yaml"
DATA = "var"
_PACKAGED = Path(__file__).parent
_COPIED = ("bindings", "models", "can")
_MARK = ".plantspace-demo"
_TRIES = 20


class DemoFolder:
    """One folder, held by this process alone until :meth:`release`."""

    def __init__(self, path: Path, lock: IO[str]) -> None:
        """Made by :func:`claim`."""
        self.path = path
        self._lock = lock

    @property
    def configuration(self) -> Path:
        """The configuration that the demo runs."""
        return self.path / CONFIGURATION

    @property
    def data(self) -> Path:
        """Where the gateway keeps its history."""
        return self.path / DATA

    def lay_out(self, replaced: dict[str, str], *, pubsub: bool) -> list[str]:
        """Write the demo's files, with ``replaced`` addresses; without ``pubsub`` that section is left out.

        Files that the user has changed stay. Gives what there is to tell of them.
        """
        text = (_PACKAGED / CONFIGURATION).read_text(encoding="utf-8")
        for old, new in replaced.items():
            text = text.replace(old, new)
        if not pubsub:
            text = text[: text.index("\npubsub:")] + "\n"
        files = {
            f"{name}/{file.name}": file.read_bytes()
            for name in _COPIED
            for file in sorted((_PACKAGED / name).iterdir())
            if file.is_file()
        }
        kept = lay_out(self.path, {**files, CONFIGURATION: text.encode()})
        notes = [f"kept your {name}; remove it to get the new one" for name in kept]
        if CONFIGURATION in kept:
            notes += self._differences(replaced)
        return notes

    def _differences(self, replaced: dict[str, str]) -> list[str]:
        """Tell what this run has elsewhere than the user's configuration says."""
        text = self.configuration.read_text(encoding="utf-8", errors="replace")
        return [
            f"your {CONFIGURATION} names {old.split()[-1]}, but this time that is {new.split()[-1]}"
            for old, new in replaced.items()
            if old != new and old in text
        ]

    def release(self) -> None:
        """Let another demo have the folder."""
        self._lock.close()


def claim(wanted: Path | None) -> DemoFolder:
    """Take the folder ``wanted``, or one of the user's data folder that no other demo runs in.

    Raises :class:`DemoError` where ``wanted`` cannot be used.
    """
    if wanted is not None:
        folder = _claim(wanted)
        if folder is None:
            message = f"another demo runs in {wanted} (end it, or give this one a folder of its own with --data)"
            raise DemoError(message)
        return folder
    home = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "plantspace"
    for number in range(1, _TRIES):
        try:
            folder = _claim(home / ("demo" if number == 1 else f"demo-{number}"))
        except DemoError:  # a home that cannot be written to, such as a service's
            break
        if folder is not None:
            return folder
    temporary = _claim(Path(tempfile.mkdtemp(prefix="plantspace-demo-")))
    assert temporary is not None  # noqa: S101 - nobody else knows its name
    return temporary


def _claim(path: Path) -> DemoFolder | None:
    """Take one folder; None where another demo has it."""
    path = path.absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not (path / _MARK).exists() and any(path.iterdir()):
            message = f"{path} holds files that are not the demo's (give an empty or a new folder with --data)"
            raise DemoError(message)
        lock = (path / _MARK).open("a", encoding="utf-8")
    except OSError as error:
        message = f"the folder {path} cannot be used: {(error.strerror or '').lower()} (give another with --data)"
        raise DemoError(message) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return DemoFolder(path, lock)
