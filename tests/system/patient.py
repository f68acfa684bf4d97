"""asyncua's client as tests use it: it waits for a machine that is busy."""

from __future__ import annotations

from asyncua import Client

PATIENCE = 60.0
"""Seconds."""


class PatientClient(Client):
    """By itself it gives an answer 4 s, and a look of its own at the session, each second, one."""

    def __init__(self, url: str) -> None:
        """Connect to ``url`` later."""
        super().__init__(url, timeout=PATIENCE, watchdog_intervall=PATIENCE)
