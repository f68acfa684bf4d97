"""What a twin counts, and tells in the log."""

from __future__ import annotations

import logging
from dataclasses import dataclass

_log = logging.getLogger("plantspace.pubsub")


@dataclass(slots=True)
class TwinCounters:
    """What has happened since the start. ``title``: the service's name in the log."""

    title: str
    reports: int = 0
    refused_reports: int = 0
    wishes: int = 0
    """Properties that were written, whatever became of it."""
    repeated: int = 0
    """Properties that were wanted again by the same message, and not written."""
    stale: int = 0
    """Messages that were older than one before."""
    garbage: int = 0
    last_error: str = ""

    def tell(self, problem: str) -> None:
        """Say what is wrong, once for each."""
        if problem != self.last_error:
            self.last_error = problem
            _log.warning("%s: %s", self.title, problem)
