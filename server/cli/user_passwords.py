"""Passwords from people and files: asked for without being shown, never an argument."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import Final

from core.errors import PlantspaceError

_LONGEST: Final = 65_536


class PasswordInputError(PlantspaceError):
    """There is no password to be had; the message says what mends it."""


def read_password(file: str | None, name: str) -> str:
    """Give the password of a user: the first line of ``file`` (``-``: standard input), or what a person types twice.

    Raises :class:`PasswordInputError`, :class:`OSError`.
    """
    if file is not None:
        return _first_line(file)
    if not sys.stdin.isatty():
        message = "there is no terminal to ask for the password (give --password-file FILE, or - for standard input)"
        raise PasswordInputError(message)
    password = getpass.getpass(f"Password for {name}: ", sys.stderr)
    if getpass.getpass("Once more: ", sys.stderr) != password:
        message = "the two are different (type the same password twice)"
        raise PasswordInputError(message)
    return password


def _first_line(file: str) -> str:
    where = "standard input" if file == "-" else file
    try:
        if file == "-":
            content = sys.stdin.buffer.readline(_LONGEST)
        else:
            with Path(file).open("rb") as stream:
                content = stream.readline(_LONGEST)
        password = content.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        message = f"{where}: the first line is not UTF-8"
        raise PasswordInputError(message) from error
    if not password:
        message = f"{where}: the first line is empty (write the password there)"
        raise PasswordInputError(message)
    return password
