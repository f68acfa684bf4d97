"""Whether the data folder of a configuration can be used by whoever asks; nothing is made or changed to find out."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from core.errors import Finding, Findings, SettingError
from core.settings import Document
from core.settings.partial import sound_part
from server.configuration import ServerSettings

_NAME = "write the name of a folder, such as ./var"
_RIGHTS = "let the user that runs the gateway write there, and check as that user"


def check_data_dir(config: Path) -> list[Finding]:
    """Tell what keeps the folder from being made, or read and written. Blocks on the file system.

    What is wrong with the configuration as such, the settings have told.
    """
    document = Document.read(config, Findings())
    if document is None:
        return []
    written = ServerSettings().data_dir
    if "server" in document:
        part = sound_part(ServerSettings, document.section(("server",)))
        written = getattr(part, "data_dir", "")
    if not written:
        return []
    try:
        _look_at(Path(os.path.realpath(document.base / written)))
    except SettingError as error:
        place = document.place(("server", "data_dir"))
        return [Finding(place, f"the data folder {written!r} cannot be used: {error.problem}", error.mend)]
    return []


def _look_at(folder: Path) -> None:
    """Raise :class:`~core.errors.SettingError` where the folder can be neither used nor made."""
    nearest, mode = folder, None
    while mode is None:
        try:
            mode = nearest.stat().st_mode
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            nearest = nearest.parent  # the root is always there
        except OSError as error:
            problem = (error.strerror or str(error)).lower()
            raise SettingError(problem, _NAME) from error
    if not stat.S_ISDIR(mode):
        raise SettingError("it is no folder" if nearest == folder else f"{nearest} is no folder", _NAME)
    if nearest == folder and not os.access(folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        problem = "it cannot be read and written"
        raise SettingError(problem, _RIGHTS)
    if nearest != folder and not os.access(nearest, os.W_OK | os.X_OK, effective_ids=True):
        problem = f"nothing can be made in {nearest}"
        raise SettingError(problem, _RIGHTS)
