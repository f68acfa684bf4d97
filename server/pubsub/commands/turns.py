"""Long work on the event loop in short turns."""

from __future__ import annotations

import asyncio
import time

from server.address_space.view.steps import TURN


class Turns:
    """Gives others their turn once one's own has lasted long enough."""

    def __init__(self) -> None:
        """Begin a turn."""
        self._over = time.perf_counter() + TURN

    async def give(self) -> None:
        """Let others run, if it is time."""
        if time.perf_counter() >= self._over:
            await asyncio.sleep(0)
            self._over = time.perf_counter() + TURN
