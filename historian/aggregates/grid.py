"""The intervals of a request (Part 13 v1.05 5.4.2.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from core.batch import MaskArray, TimeArray

_FIRST: Final = -(1 << 61)
_LAST: Final = 1 << 62
"""Some seven thousand years on either side of what a DateTime can be (1601 to 9999, Part 6 v1.05 5.2.2.5): the time
from the one to the other still is an int64 of ticks."""


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """Intervals without a gap, in the order asked for; arrays [n] of ticks.

    Each is [low, high), or (low, high] when time goes ``backwards``: an interval holds its start and not its end.
    ``shortened``: what is left at the end of a range that the interval does not divide.
    """

    low: TimeArray
    high: TimeArray
    shortened: MaskArray
    backwards: bool

    def __len__(self) -> int:
        """Count the intervals."""
        return len(self.low)

    @property
    def start(self) -> TimeArray:
        """Give where each interval starts as time goes."""
        return self.high if self.backwards else self.low


@dataclass(frozen=True, slots=True)
class Grid:
    """The intervals that start, end and ProcessingInterval (all in ticks) come to; 0 means one over the whole range.

    Raises :class:`ValueError` where start and end are the same, or the interval is negative.
    """

    start: int
    end: int
    interval: int

    def __post_init__(self) -> None:
        """Check the three, and bring start and end to where time can be counted with."""
        object.__setattr__(self, "start", _clamped(self.start))
        object.__setattr__(self, "end", _clamped(self.end))
        if self.start == self.end or self.interval < 0:
            message = "start and end must differ, and the ProcessingInterval not be negative (Part 13 v1.05 5.4.2.2)"
            raise ValueError(message)

    @property
    def backwards(self) -> bool:
        """Tell whether later intervals come first."""
        return self.start > self.end

    @property
    def step(self) -> int:
        """Give the length of an interval that is not shortened."""
        width = abs(self.end - self.start)
        return min(self.interval, width) or width

    def __len__(self) -> int:
        """Count the intervals."""
        return (abs(self.end - self.start) + self.step - 1) // self.step

    def part(self, first: int, most: int) -> Intervals:
        """Give up to ``most`` intervals from number ``first`` on."""
        total = len(self)
        numbers = np.arange(first, min(first + most, total), dtype=np.int64)
        if self.backwards:
            high = self.start - numbers * self.step
            low = np.maximum(high - self.step, self.end)
        else:
            low = self.start + numbers * self.step
            high = low + np.minimum(self.step, self.end - low)
        return Intervals(low, high, high - low < self.step, self.backwards)

    def all(self) -> Intervals:
        """Give every interval."""
        return self.part(0, len(self))


def _clamped(moment: int) -> int:
    return max(_FIRST, min(moment, _LAST))
