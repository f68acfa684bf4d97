"""Errors that nobody thought of, in the work for one node: the others are answered, and the log stays readable."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path
from typing import Final

from asyncua.ua.status_codes import StatusCodes

from server.ua_stack.secure_channel.complaints import Complaints

_log = logging.getLogger("plantspace.history")
MOST_KINDS: Final = 32
"""Errors that are told with all that led to them, once each; the others with a line."""


class Unforeseen:
    """Tells of each kind of error once in full, then by lines, of which there are only so many in a while."""

    def __init__(self) -> None:
        """Begin with nothing told."""
        self._told: set[tuple[str, str, int | None]] = set()
        self._complaints = Complaints("errors in history")

    def status(self, doing: str, error: Exception) -> int:
        """Tell of an error; give the StatusCode of the node. ``doing``: what was tried."""
        frames = traceback.extract_tb(error.__traceback__)
        file, line = (frames[-1].filename, frames[-1].lineno) if frames else ("", None)
        kind = (type(error).__name__, file, line)
        if kind not in self._told and len(self._told) < MOST_KINDS:
            self._told.add(kind)
            _log.error("%s failed for a reason that nobody thought of; please report it", doing, exc_info=error)
        else:
            self._complaints.warn("%s failed: %s at %s:%s", doing, kind[0], Path(file).name, line)
        return int(StatusCodes.BadUnexpectedError)
