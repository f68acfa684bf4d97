"""How many samples a second come in, over the last minute."""

from __future__ import annotations

from collections import deque
from typing import Final

from core.time import Clock

_WINDOW: Final = 60.0
_STEP: Final = 1.0
"""Seconds that are counted together."""


class IngestRate:
    """Counts samples over the last minute, or since it was made where that is less."""

    def __init__(self, clock: Clock) -> None:
        """Begin now."""
        self._clock = clock
        self._since = clock.monotonic()
        self._counts: deque[tuple[float, int]] = deque()

    def note(self, samples: int) -> None:
        """Count samples that have just come in."""
        now = self._clock.monotonic()
        if self._counts and now - self._counts[-1][0] < _STEP:
            moment, before = self._counts.pop()
            self._counts.append((moment, before + samples))
        else:
            self._counts.append((now, samples))
        self._forget(now)

    def rate(self) -> float:
        """Give samples a second."""
        now = self._clock.monotonic()
        self._forget(now)
        return sum(samples for _, samples in self._counts) / max(_STEP, min(_WINDOW, now - self._since))

    def _forget(self, now: float) -> None:
        while self._counts and now - self._counts[0][0] >= _WINDOW:
            self._counts.popleft()
