"""SIGHUP: read the model again, as a service manager asks for it with a reload."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Hangup:
    """Hears the signal while it is entered; one that comes before anyone listens is kept for who does."""

    def __init__(self) -> None:
        """Hear nothing yet."""
        self._heard_by: Callable[[], None] | None = None
        self._came = False

    def __enter__(self) -> Self:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._hear)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)

    def heard_by(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` for each signal from now on, and for one that came before."""
        self._heard_by = listener
        if self._came:
            listener()

    def _hear(self) -> None:
        self._came = True
        if self._heard_by is not None:
            self._heard_by()
