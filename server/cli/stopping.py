"""SIGTERM and Ctrl-C: the first one asks for a clean end, a second one ends the process at once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")


class StopRequested(Exception):  # noqa: N818 - the name says what happened; it is no error
    """Someone asked for the end while something else was awaited."""


class StopSignals:
    """Listens for the signals while it is entered. Belongs to the main thread's running loop."""

    def __init__(self, *further: signal.Signals) -> None:
        """``further``: signals beside SIGTERM and SIGINT that ask for the end as well."""
        self.asked = asyncio.Event()
        self._signals = (signal.SIGTERM, signal.SIGINT, *further)

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for number in self._signals:
            loop.add_signal_handler(number, self._ask)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        loop = asyncio.get_running_loop()
        for number in self._signals:
            loop.remove_signal_handler(number)

    async def unless(self, work: Coroutine[Any, Any, T]) -> T:
        """Await ``work``, or cancel it and raise :class:`StopRequested` when the end is asked for first."""
        task = asyncio.ensure_future(work)
        asked = asyncio.ensure_future(self.asked.wait())
        try:
            await asyncio.wait((task, asked), return_when=asyncio.FIRST_COMPLETED)
        finally:
            asked.cancel()
            if not task.done():
                task.cancel()
            await asyncio.gather(task, asked, return_exceptions=True)
        if task.cancelled():
            raise StopRequested
        return task.result()

    def _ask(self) -> None:
        self.asked.set()
        loop = asyncio.get_running_loop()
        for number in self._signals:  # from here on the kernel ends the process, whatever it is busy with
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
