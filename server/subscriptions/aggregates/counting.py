"""Aggregates that count and add up raw samples: Average, Count, NumberOfTransitions, deviations and variances."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from core.batch import MaskArray, TimeArray
from core.datatypes import DataType
from historian.aggregates.results import CALCULATED, NO_DATA, good_or_uncertain, numbers
from server.subscriptions.aggregates.arrivals import Arrivals, PlaceArray
from server.subscriptions.aggregates.columns import Tally
from server.subscriptions.aggregates.kinds import AggregateConfiguration, AggregateKind
from server.subscriptions.aggregates.outcomes import Outcome, Spans
from server.subscriptions.entries import larger

FloatArray = npt.NDArray[np.float64]


class Average:
    """Part 13 v1.05 5.4.3.5: the sum of the samples that may be used, by their number."""

    tells_partial = False

    def __init__(self, configuration: AggregateConfiguration) -> None:
        """Begin without items."""
        self._tally = Tally(configuration)
        self._sum: FloatArray = np.zeros(0)

    def grow(self, capacity: int) -> None:
        """Make room for items up to ``capacity``."""
        self._tally.grow(capacity)
        self._sum = larger(self._sum, capacity)

    def forget(self, index: PlaceArray) -> None:
        """Let items begin without any data."""
        self.turn(index)

    def take(self, arrivals: Arrivals, start: TimeArray) -> None:
        """Add samples."""
        del start
        self._tally.add(arrivals)
        used = arrivals.take(arrivals.usable)
        self._sum[used.index] += used.values

    def outcome(self, index: PlaceArray, spans: Spans, after: Arrivals | None) -> Outcome:
        """Give the averages; Bad_NoData without a sample to use."""
        del spans, after
        count = self._tally.usable(index)
        status = self._tally.status(index)
        status[count == 0] = NO_DATA
        return Outcome(numbers(self._sum[index] / np.maximum(count, 1), status, DataType.DOUBLE), status)

    def turn(self, index: PlaceArray) -> None:
        """Begin the next interval."""
        self._tally.clear(index)
        self._sum[index] = 0.0


class Count:
    """Part 13 v1.05 5.4.3.21: the number of samples that may be used; none at all is a Good zero."""

    tells_partial = True

    def __init__(self, configuration: AggregateConfiguration) -> None:
        """Begin without items."""
        self._tally = Tally(configuration)

    def grow(self, capacity: int) -> None:
        """Make room for items up to ``capacity``."""
        self._tally.grow(capacity)

    def forget(self, index: PlaceArray) -> None:
        """Let items begin without any data."""
        self._tally.clear(index)

    def take(self, arrivals: Arrivals, start: TimeArray) -> None:
        """Count samples."""
        del start
        self._tally.add(arrivals)

    def outcome(self, index: PlaceArray, spans: Spans, after: Arrivals | None) -> Outcome:
        """Give the counts."""
        del spans, after
        return Outcome(self._tally.usable(index).astype(np.int32), self._tally.status(index))

    def turn(self, index: PlaceArray) -> None:
        """Begin the next interval."""
        self._tally.clear(index)


class NumberOfTransitions:
    """Part 13 v1.05 5.4.3.24, 4.2.2.2: how often the value changed between zero and not zero.

    The first value that there ever was counts as a change.
    """

    tells_partial = True

    def __init__(self, configuration: AggregateConfiguration) -> None:
        """Begin without items."""
        self._tally = Tally(configuration)
        self._count: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self._known: MaskArray = np.zeros(0, np.bool_)
        self._state: MaskArray = np.zeros(0, np.bool_)

    def grow(self, capacity: int) -> None:
        """Make room for items up to ``capacity``."""
        self._tally.grow(capacity)
        self._count = larger(self._count, capacity)
        self._known = larger(self._known, capacity)
        self._state = larger(self._state, capacity)

    def forget(self, index: PlaceArray) -> None:
        """Let items begin without any data."""
        self.turn(index)
        self._known[index] = False

    def take(self, arrivals: Arrivals, start: TimeArray) -> None:
        """Count changes of state."""
        del start
        self._tally.add(arrivals)
        used = arrivals.take(arrivals.usable)
        state = used.values != 0
        self._count[used.index] += ~self._known[used.index] | (state != self._state[used.index])
        self._state[used.index] = state
        self._known[used.index] = True

    def outcome(self, index: PlaceArray, spans: Spans, after: Arrivals | None) -> Outcome:
        """Give the counts."""
        del spans, after
        return Outcome(self._count[index], self._tally.status(index))

    def turn(self, index: PlaceArray) -> None:
        """Begin the next interval; the state is remembered."""
        self._tally.clear(index)
        self._count[index] = 0


class Deviation:
    """Part 13 v1.05 5.4.3.37 to 40, of Good samples, kept as mean and sum of squared distances (Welford 1962)."""

    tells_partial = True

    def __init__(self, kind: AggregateKind) -> None:
        """Begin without items."""
        self._of_a_sample = kind in (AggregateKind.STANDARD_DEVIATION_SAMPLE, AggregateKind.VARIANCE_SAMPLE)
        self._rooted = kind in (AggregateKind.STANDARD_DEVIATION_SAMPLE, AggregateKind.STANDARD_DEVIATION_POPULATION)
        self._count: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._mean: FloatArray = np.zeros(0)
        self._squares: FloatArray = np.zeros(0)
        self._ignored: MaskArray = np.zeros(0, np.bool_)

    def grow(self, capacity: int) -> None:
        """Make room for items up to ``capacity``."""
        self._count = larger(self._count, capacity)
        self._mean = larger(self._mean, capacity)
        self._squares = larger(self._squares, capacity)
        self._ignored = larger(self._ignored, capacity)

    def forget(self, index: PlaceArray) -> None:
        """Let items begin without any data."""
        self.turn(index)

    def take(self, arrivals: Arrivals, start: TimeArray) -> None:
        """Move mean and squares by one sample each."""
        del start
        if not arrivals.clean:
            self._ignored[arrivals.index] |= ~arrivals.good
        used = arrivals.take(arrivals.good)
        values = used.values.astype(np.float64)
        count = self._count[used.index] + 1
        distance = values - self._mean[used.index]
        mean = self._mean[used.index] + distance / count
        self._squares[used.index] += distance * (values - mean)
        self._mean[used.index] = mean
        self._count[used.index] = count

    def outcome(self, index: PlaceArray, spans: Spans, after: Arrivals | None) -> Outcome:
        """Give deviations or variances: zero of one sample, Bad_NoData of none."""
        del spans, after
        count = self._count[index]
        variance = self._squares[index] / np.maximum(count - 1 if self._of_a_sample else count, 1)
        status = good_or_uncertain(self._ignored[index], CALCULATED)
        status[count == 0] = NO_DATA
        return Outcome(numbers(np.sqrt(variance) if self._rooted else variance, status, DataType.DOUBLE), status)

    def turn(self, index: PlaceArray) -> None:
        """Begin the next interval."""
        self._count[index] = 0
        self._mean[index] = 0.0
        self._squares[index] = 0.0
        self._ignored[index] = False
