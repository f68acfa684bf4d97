"""Tells how far something long has come: a bar at a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Final, Self

from server.cli.terminal import is_terminal

_BAR: Final = 24
_AT_TERMINAL: Final = 0.2
_ELSEWHERE: Final = 5.0
_ERASE_LINE: Final = "\r\x1b[2K"


class ProgressBar:
    """Shows samples done, their rate and the time left, on standard error."""

    def __init__(self, doing: str) -> None:
        """``doing``: what goes on, such as ``checking line.csv``."""
        self._doing = doing
        self._terminal = is_terminal(sys.stderr)
        self._began = self._told = time.monotonic()
        self._drawn = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._drawn and self._terminal:
            sys.stderr.write(_ERASE_LINE)
            sys.stderr.flush()

    def report(self, samples: int, part: float) -> None:
        """Tell of ``samples`` done and which part of the whole that is (0 to 1)."""
        moment = time.monotonic()
        if moment - self._told < (_AT_TERMINAL if self._terminal else _ELSEWHERE):
            return
        self._told = moment
        line = f"{self._doing}: {self._numbers(samples, part, moment - self._began)}"
        if self._terminal:
            filled = round(part * _BAR)
            line = f"{_ERASE_LINE}[{'#' * filled}{'.' * (_BAR - filled)}] {line}"
            self._drawn = True
        else:
            line += "\n"
        sys.stderr.write(line)
        sys.stderr.flush()

    @staticmethod
    def _numbers(samples: int, part: float, seconds: float) -> str:
        rate = samples / seconds if seconds else 0.0
        left = f", {seconds * (1 - part) / part:.0f} s left" if part else ""
        return f"{samples:,} samples, {part:.0%}, {rate:,.0f} samples/s{left}".replace(",", " ").replace("  ", ", ")
