"""Record what holds an event loop up: every callback that ran longer than a threshold.

asyncio's own debug mode can log slow callbacks, but it also records a traceback for each handle and so slows down the
loop that is to be measured. The monitor wraps the one method through which a loop runs its callbacks and takes two
clock readings around it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, TracebackType
from typing import Self, cast

LIMIT = 0.005
"""Seconds: no callback of the gateway may hold the loop longer."""

_KEPT = 1000


@dataclass(frozen=True, slots=True, order=True)
class Blocked:
    """One callback over the threshold."""

    seconds: float
    """By the wall clock: what a client waits."""
    cpu_seconds: float
    """Of this thread: much less than ``seconds`` when it waited for a disk, or when another process had the core."""
    what: str

    def __str__(self) -> str:
        return f"{self.seconds * 1e3:.1f} ms ({self.cpu_seconds * 1e3:.1f} ms CPU) {self.what}"


class LoopMonitor:
    """Watches one loop between :meth:`attach` and :meth:`detach`, or inside ``with``.

    ``blocked`` holds the first thousand callbacks over ``threshold`` seconds in the order in which they ran; ``count``
    counts all of them.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, threshold: float = LIMIT) -> None:
        self.threshold = threshold
        self.blocked: list[Blocked] = []
        self.count = 0
        self._loop = loop
        self._original: Callable[[asyncio.Handle], None] | None = None

    def attach(self) -> None:
        """Begin to watch."""
        if self._original is not None:
            message = "the monitor is attached already"
            raise RuntimeError(message)
        original: Callable[[asyncio.Handle], None] = asyncio.Handle._run  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType] - what a loop runs is not public
        self._original = original
        loop = self._loop

        def run_timed(handle: asyncio.Handle) -> None:
            if getattr(handle, "_loop", None) is not loop:
                original(handle)
                return
            callback: object = getattr(handle, "_callback", None)
            began, cpu_began = time.perf_counter(), time.thread_time()
            original(handle)
            seconds = time.perf_counter() - began
            if seconds > self.threshold:
                self._record(seconds, time.thread_time() - cpu_began, callback)

        asyncio.Handle._run = run_timed  # pyright: ignore[reportAttributeAccessIssue] - as above

    def detach(self) -> None:
        """Stop watching. Harmless when not attached."""
        if self._original is not None:
            asyncio.Handle._run = self._original  # pyright: ignore[reportAttributeAccessIssue] - as in attach
            self._original = None

    def __enter__(self) -> Self:
        self.attach()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.detach()

    def worst(self) -> Blocked | None:
        """Give the longest one recorded."""
        return max(self.blocked, default=None)

    def of_the_cpu(self) -> list[Blocked]:
        """Give what used the CPU for longer than the threshold."""
        return [one for one in self.blocked if one.cpu_seconds > self.threshold]

    def of_the_product(self) -> list[Blocked]:
        """Give what used the CPU for longer than the threshold, but for the tests' own coroutines."""
        own = f"{Path(__file__).parent}/"
        return [one for one in self.of_the_cpu() if own not in one.what]

    def check(self) -> None:
        """Raise :class:`AssertionError` that names every callback over the threshold, the longest first."""
        if self.count:
            lines = "\n".join(f"  {blocked}" for blocked in sorted(self.blocked, reverse=True)[:20])
            message = f"{self.count} callbacks held the loop longer than {self.threshold * 1e3:g} ms:\n{lines}"
            raise AssertionError(message)

    def _record(self, seconds: float, cpu_seconds: float, callback: object) -> None:
        self.count += 1
        if len(self.blocked) < _KEPT:
            self.blocked.append(Blocked(seconds, cpu_seconds, _name(callback)))


async def held_each_time(
    action: Callable[[], Awaitable[object]],
    chosen: Callable[[LoopMonitor], list[Blocked]] = LoopMonitor.of_the_product,
    tries: int = 5,
) -> list[Blocked]:
    """Do ``action`` until nothing held the loop, some ``tries`` at most; give what held it in the last one.

    What the product does it does each time. A machine that has something else to do, and counts that as this thread's
    CPU time, does it now and then.
    """
    held: list[Blocked] = []
    for _ in range(tries):
        with LoopMonitor(asyncio.get_running_loop()) as monitor:
            await action()
        held = chosen(monitor)
        if not held:
            break
    return held


def _name(callback: object) -> str:
    """Name a callback: a task by its coroutine and where that is defined, anything else by its qualified name."""
    owner: object = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        coroutine = cast("object", owner.get_coro())
        code: object = getattr(coroutine, "cr_code", None)
        place = f" {code.co_filename}:{code.co_firstlineno}" if isinstance(code, CodeType) else ""
        return f"task {owner.get_name()} {getattr(coroutine, '__qualname__', coroutine)}{place}"
    return str(getattr(callback, "__qualname__", callback))
