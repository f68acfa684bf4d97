"""What a terminal gets and a file does not: colours, and a line that tells that something goes on."""

from __future__ import annotations

import os
import sys
import threading
import time
from types import TracebackType
from typing import Final, Literal, Self, TextIO

_CODES: Final = {"red": "31", "green": "32", "yellow": "33", "cyan": "36", "bold": "1", "dim": "2"}
Look = Literal["red", "green", "yellow", "cyan", "bold", "dim"]

_PATIENCE = 2.0
"""Seconds after which people want to know whether anything goes on."""
_EVERY = 0.25
_ERASE_LINE = "\r\x1b[2K"


def is_terminal(stream: TextIO) -> bool:
    """Tell whether a person looks at ``stream``."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def paint(text: str, look: Look, stream: TextIO) -> str:
    """Colour ``text`` where ``stream`` is a terminal and NO_COLOR (https://no-color.org) is not set."""
    if not is_terminal(stream) or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{_CODES[look]}m{text}\x1b[0m"


def counted(count: int, noun: str) -> str:
    """Say how many there are: ``1 error``, ``2 errors``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


class Progress:
    """Says on standard error, at a terminal and after two seconds, what takes so long; gone when done.

    A thread of its own draws it: it moves also while the event loop or the main thread is at work.
    """

    def __init__(self, doing: str) -> None:
        """``doing``: what goes on, such as ``checking plant.yaml``."""
        self.doing = doing
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if is_terminal(sys.stderr):
            self._thread = threading.Thread(target=self._draw, name="progress", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join()

    def _draw(self) -> None:
        began = time.monotonic()
        if self._done.wait(_PATIENCE):
            return
        while not self._done.wait(_EVERY):
            sys.stderr.write(f"{_ERASE_LINE}{self.doing} … {time.monotonic() - began:.0f} s")
            sys.stderr.flush()
        sys.stderr.write(_ERASE_LINE)
        sys.stderr.flush()
