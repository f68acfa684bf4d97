"""Arrays over the items of a cohort, and the counters that most aggregates share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from core.quality import StatusArray
from historian.aggregates.results import by_share
from server.subscriptions.aggregates.arrivals import Arrivals, PlaceArray
from server.subscriptions.aggregates.kinds import AggregateConfiguration
from server.subscriptions.entries import larger


class Tally:
    """How many samples of each quality an open interval holds."""

    def __init__(self, configuration: AggregateConfiguration) -> None:
        """Begin without items."""
        self._configuration = configuration
        self.good: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self.uncertain: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self.bad: npt.NDArray[np.int64] = np.zeros(0, np.int64)

    def grow(self, capacity: int) -> None:
        """Make room for items up to ``capacity``."""
        self.good = larger(self.good, capacity)
        self.uncertain = larger(self.uncertain, capacity)
        self.bad = larger(self.bad, capacity)

    def clear(self, index: PlaceArray) -> None:
        """Begin an interval."""
        self.good[index] = 0
        self.uncertain[index] = 0
        self.bad[index] = 0

    def add(self, arrivals: Arrivals) -> None:
        """Count samples."""
        if arrivals.clean:
            self.good[arrivals.index] += 1
            return
        self.good[arrivals.index] += arrivals.good
        self.uncertain[arrivals.index] += arrivals.uncertain
        self.bad[arrivals.index] += ~(arrivals.good | arrivals.uncertain)

    def usable(self, index: PlaceArray) -> npt.NDArray[np.int64]:
        """Count what TreatUncertainAsBad lets into a calculation."""
        good = self.good[index]
        return good if self._configuration.treat_uncertain_as_bad else good + self.uncertain[index]

    def status(self, index: PlaceArray) -> StatusArray:
        """Calculate StatusCodes by the shares of the samples (PercentValues)."""
        good, uncertain, bad = self.good[index], self.uncertain[index], self.bad[index]
        usable = self.usable(index)
        width = good + uncertain + bad
        return by_share(width - usable, width, usable > good, self._configuration)
