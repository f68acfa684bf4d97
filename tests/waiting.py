"""Wait for conditions with a deadline instead of sleeping."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable


async def until(
    condition: Callable[[], object | Awaitable[object]], *, seconds: float = 30.0, every: float = 0.01
) -> None:
    """Return once ``condition()`` is true; raise :class:`AssertionError` that names it after ``seconds``.

    ``condition`` may be a coroutine function. The pause between looks is ``every`` seconds.
    """
    deadline = time.monotonic() + seconds
    while True:
        outcome = condition()
        if inspect.isawaitable(outcome):
            outcome = await outcome
        if outcome:
            return
        if time.monotonic() > deadline:
            lines = inspect.getsource(condition).strip() if not inspect.isbuiltin(condition) else repr(condition)
            message = f"not true within {seconds} s: {lines}"
            raise AssertionError(message)
        await asyncio.sleep(every)
