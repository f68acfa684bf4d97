"""A token bucket: how much may go now, that no second ever has more than it may."""

from __future__ import annotations

from typing import Final

_BURST: Final = 0.1
"""Part of a second's amount that may go at once; what is left of the second flows evenly."""
_MOST_BURST: Final = 0.5


class TokenBucket:
    """Lets through at most ``limit`` in any second, whatever is taken when. Times are seconds of a monotonic clock.

    A bucket of ``burst`` that fills with ``limit - burst`` a second: a second that begins with a full bucket then has
    the limit and no more.
    """

    def __init__(self, limit: float, now: float, *, largest: float = 1.0) -> None:
        """Begin full. ``largest``: the most that is ever taken at once; above half the limit a second may have more."""
        self._burst = min(max(limit * _BURST, largest), max(limit * _MOST_BURST, 1.0))
        # Of less than two a second the burst is all or more: each message then waits until it is due on its own.
        self._rate = max(limit - self._burst, limit / 2)
        self._level = self._burst
        self._filled = now

    def wait(self, amount: float, now: float) -> float:
        """Give the seconds until ``amount`` may be taken, zero for now. More than the burst needs a full bucket."""
        self._fill(now)
        lacks = min(amount, self._burst) - self._level
        # A billionth of what is asked for is rounding, which no waiting would make up for.
        return lacks / self._rate if lacks > 1e-9 * self._burst else 0.0

    def take(self, amount: float, now: float) -> None:
        """Take ``amount``; the level goes below zero for one that is more than the burst."""
        self._fill(now)
        self._level -= amount

    def _fill(self, now: float) -> None:
        if now > self._filled:
            self._level = min(self._burst, self._level + (now - self._filled) * self._rate)
            self._filled = now
