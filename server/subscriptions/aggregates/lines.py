"""TimeAverage and Total (Part 13 v1.05 5.4.3.6, 5.4.3.8): the area under the line from sample to sample.

The line is always sloped and leaves unusable samples out. An interval that is closed before a sample behind it has
come ends in an extrapolated bound: the result is Uncertain and Partial (4.3.2).
"""

from __future__ import annotations

import numpy as np

from core.batch import MaskArray, TimeArray
from core.datatypes import DataType
from core.time import TICKS_PER_SECOND
from historian.aggregates.results import CALCULATED, NO_DATA, good_or_uncertain, numbers
from server.subscriptions.aggregates.arrivals import Arrivals, PlaceArray
from server.subscriptions.aggregates.outcomes import Outcome, Spans
from server.subscriptions.aggregates.trail import FloatArray, Trail
from server.subscriptions.entries import larger


class Area:
    """The area of each item's open interval up to its last usable sample; ``averaged``: TimeAverage, else Total."""

    tells_partial = True

    def __init__(self, datatype: DataType, *, averaged: bool, sloped: bool) -> None:
        """Begin without items."""
        self._averaged = averaged
        self._sloped = sloped
        self._trail = Trail(datatype)
        self._area: FloatArray = np.zeros(0)
        """Value times ticks."""
        self._from: TimeArray = np.zeros(0, np.int64)
        """Where the line begins."""
        self._unsure: MaskArray = np.zeros(0, np.bool_)

    def grow(self, capacity: int) -> None:
        """Make room for items up to ``capacity``."""
        self._trail.grow(capacity)
        self._area = larger(self._area, capacity)
        self._from = larger(self._from, capacity)
        self._unsure = larger(self._unsure, capacity)

    def forget(self, index: PlaceArray) -> None:
        """Let items begin without any data."""
        self._trail.forget(index)
        self.turn(index)

    def take(self, arrivals: Arrivals, start: TimeArray) -> None:
        """Draw the line on to usable samples."""
        trail = self._trail
        if arrivals.clean:
            used = arrivals
        else:
            trail.skipped[arrivals.index[~arrivals.usable]] = True
            used, start = arrivals.take(arrivals.usable), start[arrivals.usable]
        index, known = used.index, trail.known[used.index]
        if not known.all():
            fresh = ~known
            self._from[index[fresh]] = used.time[fresh]
        begin = np.where(known, np.maximum(trail.time[index], start), used.time)
        ticks = used.time - begin
        left = trail.towards(index, begin, used.time, used.values)
        self._area[index] += np.where(known, ticks * (left + used.values) / 2.0, 0.0)
        doubt = trail.skipped[index] | trail.uncertain[index] | ~used.good
        self._unsure[index] |= doubt & (ticks > 0)
        trail.follow(used)

    def outcome(self, index: PlaceArray, spans: Spans, after: Arrivals | None) -> Outcome:
        """Give averages, or totals in value times seconds; Bad_NoData where no line has begun."""
        trail = self._trail
        begin = np.maximum(trail.time[index], spans.start)
        left, right = self._ends(index, begin, spans.end, after)
        area = self._area[index] + (spans.end - begin) * (left + right) / 2.0
        begun = np.maximum(self._from[index], spans.start)
        unsure = self._unsure[index] | trail.skipped[index] | trail.uncertain[index] | (begun > spans.start)
        if after is None:
            unknown = np.ones(len(index), np.bool_)
        else:
            unknown = ~after.usable
            unsure |= ~after.good
        status = good_or_uncertain(unsure | unknown, CALCULATED)
        status[~trail.known[index]] = NO_DATA
        calculated = area / np.maximum(spans.end - begun, 1) if self._averaged else area / TICKS_PER_SECOND
        return Outcome(numbers(calculated, status, DataType.DOUBLE), status, partial=unknown | (begun > spans.start))

    def turn(self, index: PlaceArray) -> None:
        """Begin the next interval; the line goes on."""
        self._area[index] = 0.0
        self._unsure[index] = False
        self._from[index] = 0

    def _ends(
        self, index: PlaceArray, begin: TimeArray, end: TimeArray, after: Arrivals | None
    ) -> tuple[FloatArray, FloatArray]:
        """Give the heights of the last stretch at its begin and at the interval's end."""
        trail = self._trail
        left = trail.beyond(index, begin, sloped=self._sloped)
        right = trail.beyond(index, end, sloped=self._sloped)
        if after is None:
            return left, right
        left = np.where(after.usable, trail.towards(index, begin, after.time, after.values), left)
        right = np.where(after.usable, trail.towards(index, end, after.time, after.values), right)
        return left, right
