"""The bounded queue between the process image and a consumer with a pace of its own."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from core.batch import Samples


@dataclass(slots=True)
class TapCounters:
    """What a tap took and lost, in samples."""

    offered: int = 0
    dropped: int = 0
    waiting: int = 0


class QueueTap:
    """Keeps up to ``capacity`` samples for one consumer; when full the oldest batch goes and is counted.

    Use from the event loop's thread alone.
    """

    def __init__(self, name: str, capacity: int) -> None:
        """Name the tap for diagnostics and bound it (samples)."""
        self.name = name
        self.capacity = capacity
        self.counters = TapCounters()
        self.on_drop: Callable[[Samples], None] | None = None
        """Told of each batch that is dropped."""
        self._batches: deque[Samples] = deque()
        self._arrived = asyncio.Event()
        self._closed = False

    def offer(self, samples: Samples) -> None:
        """Take a batch; drop and count the oldest ones when there is no room."""
        if self._closed or not len(samples):
            return
        counters = self.counters
        counters.offered += len(samples)
        self._batches.append(samples)
        counters.waiting += len(samples)
        while counters.waiting > self.capacity and len(self._batches) > 1:
            oldest = self._batches.popleft()
            counters.waiting -= len(oldest)
            counters.dropped += len(oldest)
            if self.on_drop is not None:
                self.on_drop(oldest)
        self._arrived.set()

    def take(self) -> list[Samples]:
        """Give all that waits, oldest first, without waiting."""
        taken = list(self._batches)
        self._batches.clear()
        self.counters.waiting = 0
        self._arrived.clear()
        return taken

    async def wait(self) -> bool:
        """Wait until something is there; false once the tap is closed and empty."""
        while not self._batches:
            if self._closed:
                return False
            await self._arrived.wait()
        return True

    def close(self) -> None:
        """Take nothing more; what waits can still be taken."""
        self._closed = True
        self._arrived.set()
