"""Looks regularly whether a broker is still there: it has to answer pings and to acknowledge messages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from server.pubsub.mqtt.transport import Wire

_LOOKS_EVERY: Final = 1.0
"""Seconds between looks, at most."""


class Watch:
    """The clock of one link."""

    def __init__(
        self,
        patience: float,
        wire: Wire,
        *,
        ping: Callable[[], None],
        oldest: Callable[[], object | None],
        give_up: Callable[[str], None],
    ) -> None:
        """``patience``: seconds that an answer may take; ``oldest`` gives what waits longest to be acknowledged."""
        self._wire = wire
        self._patience = patience
        self._ping = ping
        self._oldest = oldest
        self._give_up = give_up
        self._loop = asyncio.get_running_loop()
        self._keep_alive = 0.0
        self._pinged: float | None = None
        self._waiting: object | None = None
        """What waited longest when it was looked at last."""
        self._waiting_since = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self, keep_alive: float) -> None:
        """Begin to look. ``keep_alive``: seconds in which the broker wants to hear something (MQTT 5.0, 3.1.2.10)."""
        self._keep_alive = keep_alive
        self._look()

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        now, patience = self._loop.time(), self._patience
        if self._is_overdue(now):
            self._give_up(f"does not acknowledge within {patience:g} s")
            return
        if self._pinged is not None and self._wire.received >= self._pinged:
            self._pinged = None
        if self._pinged is not None and now - self._pinged > patience:
            self._give_up(f"does not answer within {patience:g} s")
            return
        idle = now - min(self._wire.sent, self._wire.received)
        if self._pinged is None and idle >= self._keep_alive / 2:
            self._pinged = now
            self._ping()
        self._timer = self._loop.call_later(min(_LOOKS_EVERY, patience / 4, self._keep_alive / 4), self._look)

    def _is_overdue(self, now: float) -> bool:
        """Tell whether what waits longest has been it for too long.

        A broker acknowledges in order (MQTT 5.0, 4.6), so with one that is merely slow another becomes it in time.
        """
        oldest = self._oldest()
        if oldest is not self._waiting:
            self._waiting, self._waiting_since = oldest, now
        return oldest is not None and now - self._waiting_since > self._patience
