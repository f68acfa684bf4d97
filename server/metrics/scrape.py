"""One look at all numbers, for every collector that asks within a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from server.metrics.exposition import Family, write
from server.slices import Slices

FRESH: Final = 1.0
"""Seconds that a look is told again."""


class Scrape:
    """Collects on the event loop, in slices, and writes in a thread: thousands of devices hold nobody up."""

    def __init__(self, families: Callable[[], Iterable[Family]], clock: Callable[[], float]) -> None:
        """Begin without a look; ``clock``: seconds."""
        self._families = families
        self._clock = clock
        self._looking = asyncio.Lock()
        self._seen: list[Family] = []
        self._texts: dict[bool, bytes] = {}
        self._until = -1.0

    async def text(self, *, openmetrics: bool) -> bytes:
        """Give the text in one of the formats, as :func:`~server.metrics.exposition.write` does."""
        async with self._looking:
            if self._clock() >= self._until:
                self._texts.clear()
                self._seen = await self._collected()
                self._until = self._clock() + FRESH
            known = self._texts.get(openmetrics)
            if known is None:
                known = self._texts[openmetrics] = await asyncio.to_thread(write, self._seen, openmetrics=openmetrics)
            return known

    async def _collected(self) -> list[Family]:
        seen: list[Family] = []
        slices = Slices()
        for family in self._families():
            seen.append(family)
            await slices.turn()
        return seen
