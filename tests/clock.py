"""Clocks that tests move by hand."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

from core.time import TICKS_PER_SECOND

START = 133_000_000_000_000_000
"""A wall clock to begin with: in June 2022, DateTime ticks."""
_TURNS = 6  # of the event loop: what a woken task needs to run until it waits again


async def settle(turns: int = _TURNS) -> None:
    """Let every task that can run do so."""
    for _ in range(turns):
        await asyncio.sleep(0)


@dataclass(order=True, slots=True)
class ManualAlarm:
    """A callback that a clock calls when it gets there."""

    when: float
    number: int
    callback: Callable[[], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        """Let it not come."""
        self.cancelled = True


class ManualClock:
    """Monotonic and wall clock that stand still until :meth:`advance`; a ``Clock`` for supervisors."""

    def __init__(self) -> None:
        """Begin at 1000 s, so that nothing works by a clock that is near zero."""
        self.seconds = 1000.0
        self.wall = START
        self._alarms: list[ManualAlarm] = []
        self._numbers = 0

    def now(self) -> int:
        """Give the wall clock as DateTime ticks."""
        return self.wall

    def monotonic(self) -> float:
        """Give the monotonic clock."""
        return self.seconds

    def call_at(self, when: float, callback: Callable[[], None]) -> ManualAlarm:
        """Call ``callback`` when the monotonic clock gets to ``when``; at the next advance where that is past."""
        self._numbers += 1
        alarm = ManualAlarm(when, self._numbers, callback)
        heapq.heappush(self._alarms, alarm)
        return alarm

    def jump(self, seconds: float) -> None:
        """Set the wall clock on or back; the monotonic one does not notice."""
        self.wall += round(seconds * TICKS_PER_SECOND)

    async def advance(self, seconds: float) -> None:
        """Move both clocks on, stopping at every alarm on the way until the tasks it woke wait again."""
        end = self.seconds + seconds
        await settle()
        while self._alarms and self._alarms[0].when <= end:
            alarm = heapq.heappop(self._alarms)
            if alarm.cancelled:
                continue
            self._move_to(max(alarm.when, self.seconds))
            alarm.callback()
            while self._alarms and self._alarms[0].when <= self.seconds:  # all of one moment before anyone runs
                together = heapq.heappop(self._alarms)
                if not together.cancelled:
                    together.callback()
            await settle()
        self._move_to(max(end, self.seconds))  # a slow device in a test moves the clock itself
        await settle()

    def _move_to(self, moment: float) -> None:
        self.wall += round((moment - self.seconds) * TICKS_PER_SECOND)
        self.seconds = moment
