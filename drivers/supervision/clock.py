"""Where a supervisor's time comes from, and how it waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from core.time import now


class Alarm(Protocol):
    """A callback that is still to come."""

    def cancel(self) -> None:
        """Let it not come; harmless when it came already."""
        ...


class Clock(Protocol):
    """Wall clock for stamps, monotonic clock for everything else; tests move their own."""

    def now(self) -> int:
        """Give the wall clock as DateTime ticks."""
        ...

    def monotonic(self) -> float:
        """Give seconds on a clock that never jumps."""
        ...

    def call_at(self, when: float, callback: Callable[[], None]) -> Alarm:
        """Call ``callback`` on the event loop at the monotonic moment ``when``."""
        ...


class LoopClock:
    """The machine's clocks and the running event loop's timers."""

    def now(self) -> int:
        """Give the wall clock as DateTime ticks."""
        return now()

    def monotonic(self) -> float:
        """Give seconds on the monotonic clock, which is also the event loop's."""
        return time.monotonic()

    def call_at(self, when: float, callback: Callable[[], None]) -> Alarm:
        """Call ``callback`` on the event loop at the monotonic moment ``when``."""
        return asyncio.get_running_loop().call_at(when, callback)


class Pause:
    """One task's wait for a moment that others may cut short."""

    def __init__(self, clock: Clock) -> None:
        """Wait by ``clock``."""
        self._clock = clock
        self._waiting: asyncio.Future[None] | None = None

    async def until(self, when: float | None) -> None:
        """Return at the monotonic moment ``when`` (None: never by itself) or when woken."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting = waiting
        alarm = self._clock.call_at(when, self.wake) if when is not None else None
        try:
            await waiting
        finally:
            self._waiting = None
            if alarm is not None:
                alarm.cancel()

    def wake(self) -> None:
        """End the wait now; without one nothing happens."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
