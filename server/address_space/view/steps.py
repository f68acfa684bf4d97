"""Work in small steps, so that the event loop has its turn between them.

A service is written once, as a generator that yields wherever it may pause. It never relies on the address space being
the same after a yield.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator
from typing import TypeVar

T = TypeVar("T")
Steps = Generator[None, None, T]
"""Work that pauses at each ``yield`` and returns its result."""

TURN = 0.002
"""Seconds of work before others have their turn; a single step takes less."""


def at_once(steps: Steps[T]) -> T:
    """Do the work without pausing and give its result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result


def first_turn(steps: Steps[T], clock: Callable[[], float] = time.perf_counter) -> T | None:
    """Do the work as far as one turn goes; give its result, which is never None, or None where there is more to do."""
    over = clock() + TURN
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        if clock() >= over:
            return None


async def in_turns(steps: Steps[T], clock: Callable[[], float] = time.perf_counter) -> T:
    """Do the work, letting the event loop run whenever a turn is over, and give its result."""
    while (result := first_turn(steps, clock)) is None:  # noqa: ASYNC110 - a turn for others; nothing is waited for
        await asyncio.sleep(0)
    return result
