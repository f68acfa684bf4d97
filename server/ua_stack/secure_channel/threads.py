"""The thread that does what would hold the event loop: RSA, and the files of the trust list."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from asyncua.ua.status_codes import StatusCodes

from server.ua_stack.frames import TransportError

T = TypeVar("T")
_SECONDS: Final = 10.0


class ChannelThread:
    """One thread, so that a flood of handshakes takes one core's worth at most, and in the order they came."""

    def __init__(self, most: int, seconds: float = _SECONDS) -> None:
        """``most``: pieces of work that wait for it; ``seconds``: that each may take, its wait included."""
        self._most = most
        self._seconds = seconds
        self._pending = 0
        self._executor: ThreadPoolExecutor | None = None

    async def do(self, work: Callable[[], T]) -> T:
        """Do it there. Raises what it raises, and :class:`TransportError` where there is too much to do."""
        if self._pending >= self._most:
            raise TransportError(StatusCodes.BadTcpServerTooBusy, f"{self._pending} handshakes are waiting")
        executor = self._executor
        if executor is None:
            executor = self._executor = ThreadPoolExecutor(1, "plantspace-channels")
        self._pending += 1
        try:
            async with asyncio.timeout(self._seconds):
                return await asyncio.get_running_loop().run_in_executor(executor, work)
        except TimeoutError:
            message = f"a handshake was not done in {self._seconds:.0f} s"
            raise TransportError(StatusCodes.BadTimeout, message) from None
        finally:
            self._pending -= 1

    def stop(self) -> None:
        """Let the thread end; safe twice, and it begins anew where there is more to do."""
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=True)
