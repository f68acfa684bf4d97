"""Writes of one device that wait for their turn: bounded, in their order, each with a deadline and one answer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.quality import Status
from drivers.contract import BoundPoint
from drivers.supervision.clock import Alarm, Clock

MOST_WAITING = 256
"""How many writes may wait for one device; more are answered BadResourceUnavailable."""
MOST_AT_ONCE = 64
"""How many are done in one turn; then a scan that is due has its own."""


@dataclass(slots=True, eq=False)
class AskedWrite:
    """A raw value for a point, and who is to be told how it went.

    ``answer`` gets a StatusCode once, whatever happens, and never an exception. Do not cancel it: see
    :meth:`WriteQueue.withdraw`.
    """

    point: BoundPoint
    answered: Callable[[int], None] = lambda _: None
    """Is told the StatusCode first."""
    raw: Any = None  # any value of a built-in type
    answer: asyncio.Future[int] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    begun: bool = False
    """It is being sent, or was: the device may have it."""
    alarm: Alarm | None = None

    def tell(self, status: int) -> None:
        """Answer, unless that was done before."""
        if self.alarm is not None:
            self.alarm.cancel()
            self.alarm = None
        if not self.answer.done():
            self.answered(int(status))
            self.answer.set_result(int(status))


class WriteQueue:
    """Hands what waits to ``perform``, in ``turn``: the lock that scans take too, and that is fair.

    ``perform`` answers every write that it is given. ``deadline``: seconds after which a write that has not begun is
    answered BadTimeout. A write that has begun is finished also if nobody waits for its answer any more.
    """

    def __init__(
        self,
        name: str,
        turn: asyncio.Lock,
        clock: Clock,
        deadline: float,
        perform: Callable[[Sequence[AskedWrite]], Awaitable[None]],
    ) -> None:
        """Begin empty."""
        self._name, self._turn, self._clock, self._deadline, self._perform = name, turn, clock, deadline, perform
        self._waiting: deque[AskedWrite] = deque()
        self._under_way: Sequence[AskedWrite] = ()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_full(self) -> bool:
        """Tell whether no other write can wait."""
        return len(self._waiting) >= MOST_WAITING

    def put(self, write: AskedWrite) -> None:
        """Let a write wait for its turn. The queue must not be full."""
        write.alarm = self._clock.call_at(self._clock.monotonic() + self._deadline, lambda: self._give_up(write))
        self._waiting.append(write)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain(), name=f"writes to {self._name}")
            self._task.add_done_callback(self._drained)

    def withdraw(self, write: AskedWrite) -> None:
        """Send a write no more, if it has not begun: nobody waits for its answer."""
        self._end(write, Status.BAD_REQUEST_CANCELLED_BY_CLIENT)

    async def stop(self) -> None:
        """Answer everything and end: what waits was not sent, what is under way may have reached the device."""
        while self._waiting:
            self._waiting.popleft().tell(Status.BAD_NO_COMMUNICATION)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def _give_up(self, write: AskedWrite) -> None:
        self._end(write, Status.BAD_TIMEOUT)

    def _end(self, write: AskedWrite, status: Status) -> None:
        if not write.begun and not write.answer.done():
            self._waiting.remove(write)
            write.tell(status)

    async def _drain(self) -> None:
        while self._waiting:
            async with self._turn:
                count = min(len(self._waiting), MOST_AT_ONCE)
                self._under_way = [self._waiting.popleft() for _ in range(count)]
                for write in self._under_way:
                    write.begun = True
                if self._under_way:
                    await self._perform(self._under_way)
                self._under_way = ()

    def _drained(self, task: asyncio.Task[None]) -> None:
        """Leave nobody without an answer when it was stopped, or ``perform`` failed (which asyncio tells)."""
        if self._task is not task:
            return
        self._task = None
        for write in self._under_way:
            write.tell(Status.BAD_COMMUNICATION_ERROR)
        self._under_way = ()
        while self._waiting:
            self._waiting.popleft().tell(Status.BAD_UNEXPECTED_ERROR)
