"""The files in which a configuration's history is kept."""

from __future__ import annotations

from pathlib import Path

from core.errors import PlantspaceError
from server.cli.user_place import data_folder

HISTORY, EVENTS, OUTBOX = "history.sqlite", "events.sqlite", "outbox.sqlite"


class NoHistoryError(PlantspaceError):
    """There are no such files."""


def files_of(config: Path) -> list[Path]:
    """Give those that are there, in the order in which they are to be copied: the outbox first.

    Then the copied history has at least what the copied outbox has handed on. Raises :class:`NoHistoryError`, and
    :class:`~core.errors.InputError` where the configuration cannot be read.
    """
    folder = data_folder(config, None)
    found = [folder / name for name in (OUTBOX, HISTORY, EVENTS) if (folder / name).is_file()]
    if not found:
        raise _none_in(folder)
    return found


def history_folder(config: Path, name: str) -> Path:
    """Give the data folder, in which there is a file ``name`` or one that was set aside.

    Raises :class:`NoHistoryError`, and :class:`~core.errors.InputError` where the configuration cannot be read.
    """
    folder = data_folder(config, None)
    if not (folder / name).is_file() and not any(folder.glob(f"{name}.corrupt-*")):
        raise _none_in(folder)
    return folder


def _none_in(folder: Path) -> NoHistoryError:
    return NoHistoryError(f"{folder} holds no history (has the gateway run, and does it keep any?)")
