"""The sampling clock: cohorts and object items that look for themselves, each interval on a grid of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class SamplingClock:
    """Calls its members every ``interval`` seconds without drift; ticks that are late are not made up for."""

    def __init__(self) -> None:
        """Begin without members."""
        self._members: dict[float, dict[object, Callable[[], None]]] = {}
        self._timers: dict[float, asyncio.TimerHandle] = {}

    def add(self, interval: float, owner: object, sample: Callable[[], None]) -> None:
        """Call ``sample`` every ``interval`` seconds until ``owner`` is removed."""
        members = self._members.setdefault(interval, {})
        members[owner] = sample
        if interval not in self._timers:
            loop = asyncio.get_running_loop()
            due = loop.time() + interval
            self._timers[interval] = loop.call_at(due, self._tick, interval, due)

    def remove(self, interval: float, owner: object) -> None:
        """Call ``owner``'s sample no more; unknown ones are passed over."""
        members = self._members.get(interval)
        if members is None:
            return
        members.pop(owner, None)
        if not members:
            del self._members[interval]
            timer = self._timers.pop(interval, None)
            if timer is not None:
                timer.cancel()

    def stop(self) -> None:
        """Call nobody any more."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._members.clear()

    def _tick(self, interval: float, due: float) -> None:
        for sample in tuple(self._members.get(interval, {}).values()):
            sample()
        if interval not in self._members:
            return
        loop = asyncio.get_running_loop()
        missed = max(0, int((loop.time() - due) / interval))
        following = due + (missed + 1) * interval
        self._timers[interval] = loop.call_at(following, self._tick, interval, following)
