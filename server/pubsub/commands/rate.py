"""How many of something may come in a second, and in a burst."""

from __future__ import annotations

import time
from collections.abc import Callable


class Rate:
    """A bucket that fills with ``rate`` tokens a second, up to ``burst``. ``clock``: seconds."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin full."""
        self._rate, self._burst, self._clock = rate, burst, clock
        self._held = burst
        self._looked = clock()

    def take(self) -> bool:
        """Take a token; False where there is none."""
        moment = self._clock()
        self._held = min(self._burst, self._held + (moment - self._looked) * self._rate)
        self._looked = moment
        if self._held < 1.0:
            return False
        self._held -= 1.0
        return True
