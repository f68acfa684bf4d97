"""The intervals of an AggregateFilter (Part 4 v1.05 7.22.4, Part 13 v1.05 5.4.2.2), by number from 0 on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.batch import TimeArray
from core.time import TICKS_PER_SECOND
from server.subscriptions.aggregates.kinds import Asked

LONGEST_GRACE = TICKS_PER_SECOND
WAITING = -1
"""The number of all time before a start that is still to come."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Interval ``k`` is ``[start + k * interval, start + (k + 1) * interval)``, in ticks."""

    start: int
    interval: int
    grace: int
    """How long after its end an interval stays open for samples that are late."""

    @classmethod
    def of(cls, asked: Asked) -> Grid:
        """Lay the grid that a filter asks for.

        The grace is an interval, as Part 13 v1.05 4.3.2 allows, but not more than a second.
        """
        return cls(asked.start, asked.interval, min(asked.interval, LONGEST_GRACE))

    def number(self, moment: int) -> int:
        """Say which interval a moment lies in."""
        return max((moment - self.start) // self.interval, WAITING)

    def numbers(self, time: TimeArray) -> npt.NDArray[np.int64]:
        """Say which intervals moments lie in."""
        return np.maximum((time - self.start) // self.interval, WAITING)

    def end(self, number: int) -> int:
        """Give the tick that is the first one behind an interval."""
        return self.start + (number + 1) * self.interval

    def starts(self, numbers: npt.NDArray[np.int64]) -> TimeArray:
        """Give the first ticks of intervals."""
        return self.start + numbers * self.interval
