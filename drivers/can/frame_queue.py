"""The bounded queue from a reader's thread to the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections import deque

from drivers.can.frame import Frame

_CAPACITY = 65_536
_PAUSE = 0.005


class FrameQueue:
    """Frames from one thread to one coroutine of the loop that the queue was made on."""

    def __init__(self, capacity: int = _CAPACITY) -> None:
        """Bound the queue (frames)."""
        self.dropped = 0
        """Frames that went because the loop did not take them in time."""
        self.failure: str | None = None
        """What ended the reader, once it has ended by itself."""
        self._capacity = capacity
        self._frames: deque[Frame] = deque()
        self._loop = asyncio.get_running_loop()
        self._arrived = asyncio.Event()
        self._told = False
        self.closing = threading.Event()
        """Set when the reader shall end."""

    def put(self, frame: Frame) -> None:
        """Add a frame and drop the oldest one, counted, when the queue is full."""
        if len(self._frames) >= self._capacity:
            try:
                self._frames.popleft()
                self.dropped += 1
            except IndexError:  # the loop took them all meanwhile
                pass
        self._frames.append(frame)
        self._tell()

    def put_patiently(self, frame: Frame) -> bool:
        """Add a frame, waiting for room; false when the queue is closing."""
        while len(self._frames) >= self._capacity:
            if self.closing.wait(_PAUSE):
                return False
        self._frames.append(frame)
        self._tell()
        return not self.closing.is_set()

    def fail(self, problem: str) -> None:
        """Say that the reader has ended and why."""
        self.failure = problem
        self._told = False
        self._tell()

    async def wait(self) -> None:
        """Wait until there are frames or the reader has failed."""
        while not self._frames and self.failure is None:
            self._arrived.clear()
            self._told = False  # from here on a frame tells again; one that came in between is seen by the next line
            if self._frames or self.failure is not None:
                return
            await self._arrived.wait()

    def take(self, most: int) -> list[Frame]:
        """Give up to ``most`` frames, oldest first."""
        taken: list[Frame] = []
        frames = self._frames
        while frames and len(taken) < most:
            taken.append(frames.popleft())
        return taken

    def _tell(self) -> None:
        if self._told:
            return
        self._told = True
        try:
            self._loop.call_soon_threadsafe(self._arrived.set)
        except RuntimeError:  # the loop is closed: nobody listens any more
            self.closing.set()
