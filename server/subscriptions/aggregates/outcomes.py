"""What a fold gives when intervals end: the contract of an aggregate over the items of a cohort."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from core.batch import MaskArray, TimeArray, ValueArray
from core.quality import StatusArray
from server.subscriptions.aggregates.arrivals import Arrivals, PlaceArray


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """The intervals that end, one for each of n items: ``[start, end)`` in ticks."""

    start: TimeArray
    end: TimeArray


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """Results of n items. ``time``: where it is not the interval's start. ``partial``: where a bound was not known.

    ``status``: with the bits for the data's origin, not yet with Partial; NO_VALUE where there is no value.
    """

    values: ValueArray
    status: StatusArray
    time: TimeArray | None = None
    partial: MaskArray | None = None


class Fold(Protocol):
    """One aggregate's arrays over the items of a cohort; all calls name each item at most once."""

    tells_partial: bool
    """Whether the aggregate's table in Part 13 v1.05 5.4.3 knows the Partial bit."""

    def grow(self, capacity: int) -> None:
        """Make room for items up to ``capacity``."""
        ...

    def forget(self, index: PlaceArray) -> None:
        """Let items begin without any data."""
        ...

    def take(self, arrivals: Arrivals, start: TimeArray) -> None:
        """Fold samples into their items' open intervals, which begin at ``start`` and not after the samples."""
        ...

    def outcome(self, index: PlaceArray, spans: Spans, after: Arrivals | None) -> Outcome:
        """Give what the open intervals come to; ``after``: each item's first sample behind its interval."""
        ...

    def turn(self, index: PlaceArray) -> None:
        """Begin the next interval with what is known at the end of the one that was open."""
        ...


def codes(count: int, status: int) -> StatusArray:
    """Give one StatusCode n times."""
    return np.full(count, status, np.uint32)
