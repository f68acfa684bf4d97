"""Long work on the event loop in slices, so that nobody waits for it."""

from __future__ import annotations

import asyncio
import time
from typing import Final

LONGEST: Final = 0.002
"""Seconds that a slice may take."""


class Slices:
    """Call :meth:`turn` between two steps of the work; it lets others run where they have waited long enough."""

    def __init__(self) -> None:
        """Begin the first slice."""
        self._began = time.perf_counter()

    async def turn(self) -> None:
        """Go on at once, or after everybody else's turn."""
        if time.perf_counter() - self._began >= LONGEST:
            await asyncio.sleep(0)
            self._began = time.perf_counter()
