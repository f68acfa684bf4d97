"""Log lines on what clients do wrong: so many in a while, then how many more there were (threat 20)."""

from __future__ import annotations

import logging
import time

_log = logging.getLogger("plantspace.endpoint")


class Complaints:
    """One for the whole endpoint: a flood of faults is no flood of lines."""

    MOST = 20
    SECONDS = 10.0

    def __init__(self, what: str = "connections were closed") -> None:
        """Begin with nothing said. ``what``: what is counted."""
        self._what = what
        self._until = 0.0
        self._said = 0

    def warn(self, message: str, *arguments: object) -> None:
        """Say it, unless enough was said."""
        moment = time.monotonic()
        if moment >= self._until:
            if self._said > self.MOST:
                _log.warning("%s more %s in %s s", self._said - self.MOST, self._what, self.SECONDS)
            self._until, self._said = moment + self.SECONDS, 0
        self._said += 1
        if self._said <= self.MOST:
            _log.warning(message, *arguments)
