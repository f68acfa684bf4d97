"""How long a value or a quality lasted (Part 13 v1.05 5.4.3.22, 23, 31 to 34).

A sample's region goes on to the next sample; before the first there is a Bad one. The gateway holds each point's
present value, so that the last region goes on to the interval's end.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from core.batch import MaskArray, TimeArray
from core.datatypes import DataType
from core.quality import bad_mask, uncertain_mask
from core.time import TICKS_PER_MILLISECOND
from historian.aggregates.results import CALCULATED, by_share, numbers
from server.subscriptions.aggregates.arrivals import Arrivals, PlaceArray
from server.subscriptions.aggregates.kinds import AggregateConfiguration, AggregateKind
from server.subscriptions.aggregates.outcomes import Outcome, Spans, codes
from server.subscriptions.entries import larger

_PERCENT = 100.0
_PERCENTAGES = frozenset({AggregateKind.PERCENT_GOOD, AggregateKind.PERCENT_BAD})
_STATES = frozenset({AggregateKind.DURATION_IN_STATE_ZERO, AggregateKind.DURATION_IN_STATE_NON_ZERO})
_OF_BAD = frozenset({AggregateKind.DURATION_BAD, AggregateKind.PERCENT_BAD})


class Durations:
    """Sums of ticks over an open interval, and what holds since the last sample."""

    tells_partial = True

    def __init__(self, kind: AggregateKind, configuration: AggregateConfiguration) -> None:
        """Begin without items."""
        self._kind = kind
        self._configuration = configuration
        self._counts = _region_test(kind, configuration)
        self._since: TimeArray = np.zeros(0, np.int64)
        self._counted: MaskArray = np.zeros(0, np.bool_)
        self._bad: MaskArray = np.zeros(0, np.bool_)
        self._uncertain: MaskArray = np.zeros(0, np.bool_)
        self._sum: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._bad_sum: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._unsure: MaskArray = np.zeros(0, np.bool_)

    def grow(self, capacity: int) -> None:
        """Make room for items up to ``capacity``."""
        self._since = larger(self._since, capacity)
        self._counted = larger(self._counted, capacity)
        self._bad = larger(self._bad, capacity)
        self._uncertain = larger(self._uncertain, capacity)
        self._sum = larger(self._sum, capacity)
        self._bad_sum = larger(self._bad_sum, capacity)
        self._unsure = larger(self._unsure, capacity)

    def forget(self, index: PlaceArray) -> None:
        """Let items begin without any data: in a region that is Bad."""
        self.turn(index)
        self._since[index] = 0
        self._counted[index] = self._kind in _OF_BAD
        self._bad[index] = True
        self._uncertain[index] = False

    def take(self, arrivals: Arrivals, start: TimeArray) -> None:
        """End regions and begin those of the samples."""
        index, time = arrivals.index, arrivals.time
        lasted = time - np.maximum(self._since[index], start)
        self._sum[index] += lasted * self._counted[index]
        self._counted[index] = self._counts(arrivals)
        self._since[index] = time
        if self._kind in _STATES:
            self._bad_sum[index] += lasted * self._bad[index]
            self._unsure[index] |= self._uncertain[index] & (lasted > 0)
            self._bad[index] = ~arrivals.usable
            self._uncertain[index] = arrivals.usable & ~arrivals.good

    def outcome(self, index: PlaceArray, spans: Spans, after: Arrivals | None) -> Outcome:
        """Give milliseconds or percent."""
        del after
        lasted = spans.end - np.maximum(self._since[index], spans.start)
        total = self._sum[index] + lasted * self._counted[index]
        width = spans.end - spans.start
        if self._kind in _PERCENTAGES:
            return Outcome(total * _PERCENT / width, codes(len(index), CALCULATED))
        if self._kind not in _STATES:
            return Outcome(total / TICKS_PER_MILLISECOND, codes(len(index), CALCULATED))
        bad = self._bad_sum[index] + lasted * self._bad[index]
        unsure = self._unsure[index] | (self._uncertain[index] & (lasted > 0))
        status = by_share(bad, width, unsure, self._configuration)
        return Outcome(numbers(total / TICKS_PER_MILLISECOND, status, DataType.DOUBLE), status)

    def turn(self, index: PlaceArray) -> None:
        """Begin the next interval; what holds goes on."""
        self._sum[index] = 0
        self._bad_sum[index] = 0
        self._unsure[index] = False


def _region_test(kind: AggregateKind, configuration: AggregateConfiguration) -> Callable[[Arrivals], MaskArray]:
    """Give what tells whether a sample's region counts; quality is that of the StatusCode alone."""
    if kind is AggregateKind.DURATION_IN_STATE_ZERO:
        return lambda arrivals: arrivals.usable & (arrivals.values == 0)
    if kind is AggregateKind.DURATION_IN_STATE_NON_ZERO:
        return lambda arrivals: arrivals.usable & (arrivals.values != 0)
    if kind not in _OF_BAD:
        return lambda arrivals: ~(bad_mask(arrivals.status) | uncertain_mask(arrivals.status))
    if configuration.treat_uncertain_as_bad:
        return lambda arrivals: bad_mask(arrivals.status) | uncertain_mask(arrivals.status)
    return lambda arrivals: bad_mask(arrivals.status)
