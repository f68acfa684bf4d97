"""Minimum, Maximum, their times, and Range (Part 13 v1.05 5.4.3.10 to 14).

They take Good samples alone, whatever TreatUncertainAsBad says (Annex A.10, Historian 1); an Uncertain one beyond the
extreme makes the result Uncertain.
"""

from __future__ import annotations

import numpy as np

from core.batch import MaskArray, TimeArray, ValueArray
from core.datatypes import DataType
from historian.aggregates.results import CALCULATED, MULTIPLE_VALUES, NO_DATA, difference, good_or_uncertain
from server.subscriptions.aggregates.arrivals import Arrivals, PlaceArray
from server.subscriptions.aggregates.outcomes import Outcome, Spans
from server.subscriptions.entries import larger


class _Edge:
    """The lowest or highest value of each item's open interval, when it came first, and whether it came again."""

    def __init__(self, datatype: DataType, *, lowest: bool) -> None:
        self._beyond = np.less if lowest else np.greater
        self.values: ValueArray = np.zeros(0, datatype.dtype)
        self.found: MaskArray = np.zeros(0, np.bool_)
        self.time: TimeArray = np.zeros(0, np.int64)
        self.again: MaskArray = np.zeros(0, np.bool_)

    def grow(self, capacity: int) -> None:
        self.values = larger(self.values, capacity)
        self.found = larger(self.found, capacity)
        self.time = larger(self.time, capacity)
        self.again = larger(self.again, capacity)

    def clear(self, index: PlaceArray) -> None:
        self.found[index] = False
        self.again[index] = False

    def take(self, arrivals: Arrivals) -> None:
        index = arrivals.index
        held, found = self.values[index], self.found[index]
        better = ~found | self._beyond(arrivals.values, held)
        if better.any():
            places = index[better]
            self.values[places] = arrivals.values[better]
            self.time[places] = arrivals.time[better]
            self.found[places] = True
            self.again[places] = False
        equal = ~better & (arrivals.values == held)
        if equal.any():
            places = index[equal]
            self.again[places] |= arrivals.time[equal] > self.time[places]

    def beyond(self, other: _Edge, index: PlaceArray) -> MaskArray:
        """Tell where this edge lies beyond the other."""
        return self.found[index] & self._beyond(self.values[index], other.values[index])


class _Side:
    """One edge of the Good samples, and that of the Uncertain ones."""

    def __init__(self, datatype: DataType, *, lowest: bool) -> None:
        self.good = _Edge(datatype, lowest=lowest)
        self.uncertain = _Edge(datatype, lowest=lowest)

    def grow(self, capacity: int) -> None:
        self.good.grow(capacity)
        self.uncertain.grow(capacity)

    def clear(self, index: PlaceArray) -> None:
        self.good.clear(index)
        self.uncertain.clear(index)

    def take(self, arrivals: Arrivals) -> None:
        self.good.take(arrivals.take(arrivals.good))
        if not arrivals.clean:
            self.uncertain.take(arrivals.take(arrivals.uncertain))

    def doubtful(self, index: PlaceArray) -> MaskArray:
        return self.uncertain.beyond(self.good, index)


class _Extremes:
    """What Extreme and Range share: whether samples were left out that count as Bad."""

    tells_partial = True

    def __init__(self, sides: tuple[_Side, ...], *, treat_uncertain_as_bad: bool) -> None:
        self._sides = sides
        self._treat_uncertain_as_bad = treat_uncertain_as_bad
        self._bad: MaskArray = np.zeros(0, np.bool_)

    def grow(self, capacity: int) -> None:
        """Make room for items up to ``capacity``."""
        for side in self._sides:
            side.grow(capacity)
        self._bad = larger(self._bad, capacity)

    def forget(self, index: PlaceArray) -> None:
        """Let items begin without any data."""
        self.turn(index)

    def take(self, arrivals: Arrivals, start: TimeArray) -> None:
        """Compare samples with the edges."""
        del start
        for side in self._sides:
            side.take(arrivals)
        if not arrivals.clean:
            bearable = arrivals.good if self._treat_uncertain_as_bad else arrivals.good | arrivals.uncertain
            self._bad[arrivals.index] |= ~bearable

    def turn(self, index: PlaceArray) -> None:
        """Begin the next interval."""
        for side in self._sides:
            side.clear(index)
        self._bad[index] = False

    def _unsure(self, index: PlaceArray) -> MaskArray:
        unsure = self._bad[index]
        for side in self._sides:
            unsure = unsure | side.doubtful(index)
        return unsure


class Extreme(_Extremes):
    """Minimum or Maximum; ``actual_time``: with the time at which it came first."""

    def __init__(self, datatype: DataType, *, lowest: bool, actual_time: bool, treat_uncertain_as_bad: bool) -> None:
        """Begin without items."""
        self._side = _Side(datatype, lowest=lowest)
        self._actual_time = actual_time
        super().__init__((self._side,), treat_uncertain_as_bad=treat_uncertain_as_bad)

    def outcome(self, index: PlaceArray, spans: Spans, after: Arrivals | None) -> Outcome:
        """Give the extremes: Raw where they stand at their time, else Calculated."""
        del after
        edge = self._side.good
        found, time = edge.found[index], edge.time[index]
        unsure = self._unsure(index)
        calculated = unsure if self._actual_time else unsure | (time != spans.start)
        status = good_or_uncertain(unsure, 0)
        status[calculated] |= np.uint32(CALCULATED)
        status[edge.again[index]] |= np.uint32(MULTIPLE_VALUES)
        status[~found] = NO_DATA
        return Outcome(edge.values[index], status, np.where(found, time, spans.start) if self._actual_time else None)


class Range(_Extremes):
    """The highest Good sample less the lowest."""

    def __init__(self, datatype: DataType, *, treat_uncertain_as_bad: bool) -> None:
        """Begin without items."""
        self._datatype = datatype
        self._low = _Side(datatype, lowest=True)
        self._high = _Side(datatype, lowest=False)
        super().__init__((self._low, self._high), treat_uncertain_as_bad=treat_uncertain_as_bad)

    def outcome(self, index: PlaceArray, spans: Spans, after: Arrivals | None) -> Outcome:
        """Give the ranges; Bad_AggregateInvalidInputs where one is wider than the source's type can say."""
        del spans, after
        status = good_or_uncertain(self._unsure(index), CALCULATED)
        status[~self._low.good.found[index]] = NO_DATA
        high, low = self._high.good.values[index], self._low.good.values[index]
        return Outcome(difference(high, low, status, self._datatype), status)
