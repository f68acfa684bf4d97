"""Intervals laid over samples: which samples lie in which, and sums over them."""

from __future__ import annotations

from typing import Final, cast

import numpy as np
import numpy.typing as npt

from core.batch import MaskArray, TimeArray, ValueArray
from core.datatypes import DataType
from core.time import TICKS_PER_MILLISECOND
from historian.aggregates.grid import Intervals
from historian.aggregates.kinds import AggregateConfiguration, AggregateKind
from historian.aggregates.results import CountArray, FloatArray
from historian.aggregates.series import Graded, Series

RESOLUTION: Final = TICKS_PER_MILLISECOND
"""The time resolution of aggregates: EffectiveEndTime is this much before the end (Part 13 v1.05 3.1.3), and the last
sample of all stands for this much (the tables of Annex A)."""
PlaceArray = npt.NDArray[np.intp]
NEVER: Final = np.iinfo(np.int64).max


class Frame:
    """One question to one point's samples; arrays [n] have a row an interval, the earliest first.

    ``left``, ``right``: the samples of each interval are ``samples[left:right]``. ``until``: where the interval ends,
    or a moment past the last sample of all (:data:`RESOLUTION`). ``before``, ``after``: intervals without any data
    because it begins later or ended earlier. ``partial``: not complete ones (Part 13 v1.05 5.3.3.2).
    """

    def __init__(
        self,
        kind: AggregateKind,
        configuration: AggregateConfiguration,
        series: Series,
        intervals: Intervals,
        *,
        stepped: bool,
        datatype: DataType,
    ) -> None:
        """Lay the intervals over the samples."""
        self.kind = kind
        self.configuration = configuration
        self.datatype = datatype
        self.stepped = stepped or not datatype.is_number
        self.samples = Graded(series, treat_uncertain_as_bad=configuration.treat_uncertain_as_bad)
        self.backwards = intervals.backwards
        order = slice(None, None, -1 if self.backwards else 1)
        self.low: TimeArray = intervals.low[order]
        self.high: TimeArray = intervals.high[order]
        self.ends = 0 if series.ends is None else series.ends
        side = "right" if self.backwards else "left"
        self.left: PlaceArray = np.searchsorted(self.samples.times, self.low, side)
        self.right: PlaceArray = np.searchsorted(self.samples.times, self.high, side)
        self.until: TimeArray = np.minimum(self.high, self.ends + RESOLUTION)
        shortened = intervals.shortened[order]
        if series.begins is None or series.ends is None:
            self.before: MaskArray = np.ones(len(self.low), np.bool_)
            self.after: MaskArray = ~self.before
        elif self.backwards:
            self.before, self.after = self.high < series.begins, self.low >= series.ends
        else:
            self.before, self.after = self.high <= series.begins, self.low > series.ends
        begins, first = 0 if series.begins is None else series.begins, self.low
        last = self.high
        if self.backwards:
            first = first + RESOLUTION
        else:
            last = last - RESOLUTION
        self.shortened = shortened
        self.partial: MaskArray = ~(self.before | self.after) & (shortened | (begins > first) | (self.ends < last))

    def __len__(self) -> int:
        """Count the intervals."""
        return len(self.low)

    @property
    def start(self) -> TimeArray:
        """Give where each interval starts as time goes."""
        return self.high if self.backwards else self.low

    @property
    def end(self) -> TimeArray:
        """Give where each interval ends as time goes."""
        return self.low if self.backwards else self.high

    @property
    def effective_end(self) -> TimeArray:
        """Give the last moment inside each interval (Part 13 v1.05 5.4.2.4)."""
        if self.backwards:
            return np.minimum(self.low + RESOLUTION, self.high)
        return np.maximum(self.high - RESOLUTION, self.low)

    @property
    def count(self) -> CountArray:
        """Count the samples of each interval."""
        return (self.right - self.left).astype(np.int64)

    def row(self) -> PlaceArray:
        """Give the interval of each sample between the first interval's start and the last one's end."""
        return np.repeat(np.arange(len(self), dtype=np.intp), self.right - self.left)

    @property
    def inside(self) -> slice:
        """Give the samples of all intervals."""
        return slice(int(self.left[0]), int(self.right[-1]))

    def counted(self, which: MaskArray) -> CountArray:
        """Count the samples of each interval where ``which`` (one a sample) is true."""
        upto = np.concatenate([np.zeros(1, np.int64), np.cumsum(which, dtype=np.int64)])
        return upto[self.right] - upto[self.left]

    def reduced(self, function: np.ufunc, weights: ValueArray, neutral: float) -> ValueArray:
        """Combine one number a sample over each interval; ``neutral`` where there is no sample."""
        return reduced(function, weights, self.left, self.right, neutral)

    def total(self, weights: FloatArray) -> FloatArray:
        """Add one number a sample up over each interval."""
        with np.errstate(over="ignore", invalid="ignore"):  # what is no number in the end is refused
            return self.reduced(np.add, weights, 0)

    def first_place(self, which: MaskArray) -> PlaceArray:
        """Give the first sample of each interval where ``which`` is true; the number of samples: none."""
        places = np.where(which, np.arange(len(which), dtype=np.int64), len(which))
        return cast("PlaceArray", self.reduced(np.minimum, places, len(which)))

    def last_place(self, which: MaskArray) -> PlaceArray:
        """Give the last sample of each interval where ``which`` is true; -1: none."""
        places = np.where(which, np.arange(len(which), dtype=np.int64), -1)
        return cast("PlaceArray", self.reduced(np.maximum, places, -1))


def reduced(function: np.ufunc, weights: ValueArray, left: PlaceArray, right: PlaceArray, neutral: float) -> ValueArray:
    """Combine ``weights[left:right]`` for each pair; the pairs follow each other without a gap."""
    tail = np.array([neutral]).astype(weights.dtype)
    found: ValueArray = function.reduceat(np.concatenate([weights[: int(right[-1])], tail]), left)
    return np.where(left < right, found, tail)
