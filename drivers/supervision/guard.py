"""Ends a driver's call that hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Guard:
    """``async with Guard(limit, progress)`` raises :class:`TimeoutError` after ``limit`` seconds without progress.

    A driver keeps its own timeout for each request; the guard is for one that does not. So it goes by progress
    (``progress()`` is another number each time something happened), not by the whole call's length: a scan of many
    slow requests may take long and is yet alive. A hanging call ends within twice ``limit``.
    """

    def __init__(self, limit: float, progress: Callable[[], int]) -> None:
        """Set ``limit`` in seconds by the event loop's clock."""
        self._limit = limit
        self._progress = progress

    async def __aenter__(self) -> Self:
        """Begin to watch the calling task."""
        task = asyncio.current_task()
        if task is None:
            message = "a guard watches a task; there is none"
            raise RuntimeError(message)
        self._task = task
        self._cancelling = task.cancelling()
        self._seen = self._progress()
        self._expired = False
        self._handle = task.get_loop().call_later(self._limit, self._look)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Turn the guard's own cancellation into :class:`TimeoutError`; leave anyone else's alone."""
        self._handle.cancel()
        if self._expired:
            others = self._task.uncancel() > self._cancelling
            if not others and (kind is None or issubclass(kind, asyncio.CancelledError)):
                message = f"no answer within {self._limit:g} s"
                raise TimeoutError(message) from error

    def _look(self) -> None:
        seen = self._progress()
        if seen != self._seen:
            self._seen = seen
            self._handle = self._task.get_loop().call_later(self._limit, self._look)
            return
        self._expired = True
        self._task.cancel()
