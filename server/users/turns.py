"""Whose log-in is worked on next: few at a time, a bounded number waits, and no address waits for another's flood."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from server.users.errors import TooManyLogins

MOST_WAITING: Final = 256
"""Log-ins that wait; at 80 ms each the last one waits 20 s."""


class Turns:
    """Gives turns round robin over the sources, so that one source's flood delays another by one turn only.

    Where no more may wait, the newest of the source that has most waiting gives way. ``refused`` counts those.
    """

    def __init__(self, at_once: int = 1, most_waiting: int = MOST_WAITING) -> None:
        """``at_once``: turns that are given at the same time."""
        self._free = at_once
        self._most = most_waiting
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._count = 0
        self.refused = 0

    @property
    def waiting(self) -> int:
        """How many wait."""
        return self._count

    @asynccontextmanager
    async def turn(self, source: str) -> AsyncGenerator[None]:
        """Wait for a turn and hold it. Raises :class:`~server.users.errors.TooManyLogins`."""
        await self._wait(source)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, source: str) -> None:
        if self._free:  # nobody waits while a turn is free
            self._free -= 1
            return
        if self._count >= self._most:
            self._make_room(source)
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(source, deque()).append(mine)
        self._count += 1
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled() and mine.exception() is None:
                self._pass_on()  # the turn came just now
            else:
                self._leave(source, mine)
            raise

    def _make_room(self, source: str) -> None:
        """Refuse the newest of the longest queue; that is the asker itself where its own is as long as any."""
        self.refused += 1
        longest = max(self._waiting, key=lambda one: len(self._waiting[one]))
        if len(self._waiting[longest]) <= len(self._waiting.get(source, ())) + 1:
            raise TooManyLogins
        loser = self._waiting[longest][-1]
        self._leave(longest, loser)
        loser.set_exception(TooManyLogins())

    def _leave(self, source: str, mine: asyncio.Future[None]) -> None:
        queue = self._waiting.get(source)
        if queue is None or mine not in queue:
            return
        queue.remove(mine)
        self._count -= 1
        if not queue:
            del self._waiting[source]

    def _pass_on(self) -> None:
        while self._waiting:
            source, queue = self._waiting.popitem(last=False)
            following = queue.popleft()
            self._count -= 1
            if queue:
                self._waiting[source] = queue
            if not following.done():
                following.set_result(None)
                return
        self._free += 1
