"""Where the users of a gateway are kept, and whether whoever asks may write there."""

from __future__ import annotations

import os
from pathlib import Path

from core.errors import Findings, InputError
from core.settings import Document
from core.settings.partial import sound_part
from server.configuration import ServerSettings
from server.users.database import FILE_NAME
from server.users.errors import UserStoreError


def data_folder(config: Path | None, data: Path | None) -> Path:
    """Give the data folder. Raises :class:`~core.errors.InputError` where the configuration cannot be read."""
    if config is None:
        return data or Path()
    findings = Findings()
    document = Document.read(config, findings)
    if document is None:
        raise InputError(findings.items)
    written: object = ServerSettings().data_dir
    if "server" in document:
        written = getattr(sound_part(ServerSettings, document.section(("server",))), "data_dir", None)
    if not isinstance(written, str):
        findings.add(document.place(("server", "data_dir")), "the data folder cannot be read from here")
        findings.raise_if_any()
    return document.base / str(written)


def check_owner(folder: Path) -> None:
    """Refuse root where the folder is another user's: what root makes there, the gateway could not open."""
    nearest = folder
    while not nearest.exists():
        nearest = nearest.parent
    owner = nearest.stat().st_uid
    if os.geteuid() == 0 and owner != 0 and nearest == folder:
        message = f"{folder}: it belongs to another user (run it as that one: sudo -u '#{owner}' plantspace user …)"
        raise UserStoreError(message)


def check_there(folder: Path) -> None:
    """Raise :class:`~server.users.errors.UserStoreError` where there are no users yet."""
    if not (folder / FILE_NAME).exists():
        message = f"{folder / FILE_NAME}: there are no users yet (begin with 'plantspace user setup')"
        raise UserStoreError(message)
