"""Values that cost something to work out, and that any number of clients may ask for."""

from __future__ import annotations

import time
from collections.abc import Callable

from core.time import now
from server.address_space.decoding import GivenValue

SHARE = 0.1
"""Of the time that passes, what may be spent on a value."""
MOST = 0.05
"""Seconds that may be spent at once, if little was before."""


class SparingReader:
    """Works a value out whenever it is read, until that takes too much of the processor's time.

    Then what was told last is told again: a thousand items that monitor a thousand sessions take a tenth of the time.
    """

    def __init__(
        self,
        work: Callable[[], bytes],
        clock: Callable[[], float] = time.monotonic,
        effort: Callable[[], float] = time.thread_time,
    ) -> None:
        """``work`` gives an encoded Variant; ``effort`` counts the seconds that this thread has worked."""
        self._work = work
        self._clock = clock
        self._effort = effort
        self._asked = clock()
        self._left = MOST
        self._told: GivenValue | None = None

    def __call__(self) -> GivenValue:
        """Give the value."""
        moment = self._clock()
        self._left = min(self._left + SHARE * (moment - self._asked), MOST)
        self._asked = moment
        if self._told is None or self._left > 0.0:
            begun = self._effort()
            self._told = told_now(self._work())
            self._left -= self._effort() - begun
        return self._told


def told_now(encoded: bytes) -> GivenValue:
    """Give an encoded Variant as it stands at this moment."""
    moment = now()
    return GivenValue(encoded, 0, moment, moment)
