"""What a history store keeps beside raw values: summaries a second, a minute and an hour."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from core.batch import TimeArray
from core.quality import StatusArray
from core.time import TICKS_PER_SECOND

CountArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


class Resolution(enum.IntEnum):
    """The length of a summary's bucket in seconds. Bucket k is [k, k + 1) lengths since 1601-01-01 UTC."""

    SECOND = 1
    MINUTE = 60
    HOUR = 3600

    @property
    def ticks(self) -> int:
        """Give the length in DateTime ticks."""
        return int(self) * TICKS_PER_SECOND


@dataclass(frozen=True, slots=True, eq=False)
class Summaries:
    """One row a bucket that has samples, in the order of time; arrays of equal length [n].

    ``start``: int64 ticks of the bucket. ``good``, ``uncertain``, ``bad``: int64, how many samples of each severity;
    one without a value counts as bad. All others are of the good samples alone, float64, NaN where there is none:
    ``total`` their sum, ``squares`` the sum of their squared distances from their mean, ``minimum``, ``maximum`` and
    the (earliest) times of both, ``low_time``, ``high_time``: int64. ``first`` and ``last``: the values of the first
    and last sample whatever their quality (NaN without a value), with ``first_time``, ``last_time`` and
    ``first_status``, ``last_status``: uint32. Numbers and Booleans alone have summaries.

    ``digests``: for buckets of an hour a t-digest of the good values each (``means`` and ``weights``, see
    :mod:`historian.digest`), else None.
    """

    start: TimeArray
    good: CountArray
    uncertain: CountArray
    bad: CountArray
    total: FloatArray
    squares: FloatArray
    minimum: FloatArray
    low_time: TimeArray
    maximum: FloatArray
    high_time: TimeArray
    first: FloatArray
    first_time: TimeArray
    first_status: StatusArray
    last: FloatArray
    last_time: TimeArray
    last_status: StatusArray
    digests: tuple[Digest, ...] | None = None

    def __len__(self) -> int:
        """Count the buckets."""
        return len(self.start)


@dataclass(frozen=True, slots=True, eq=False)
class Digest:
    """A t-digest: ``means`` float64[m] rising, ``weights`` int64[m], how many values each stands for."""

    means: FloatArray
    weights: CountArray


class SummaryReader(Protocol):
    """The summing half of a store that has it (:attr:`~historian.contract.StoreCapabilities.keeps_summaries`)."""

    async def read_summaries(self, point: str, start: int, end: int, resolution: Resolution) -> Summaries:
        """Read the buckets that begin in [start, end), complete with what arrived late and what is still in the tail.

        They are exact: what raw values of the bucket come to, those that have expired since included. Raises
        :class:`~core.errors.StoreUnavailable`, :class:`~core.errors.StoreCorrupt`.
        """
        ...

    async def raw_since(self, point: str) -> int | None:
        """Give the source time from which on raw values are complete; None when none has expired."""
        ...

    async def summaries_since(self, point: str, resolution: Resolution) -> int | None:
        """Give the time from which on the buckets of a resolution are complete; None when none has expired."""
        ...

    async def summaries_extent(self, point: str, before: int) -> tuple[int, int] | None:
        """Give the source times of the first and last sample that hours beginning before a time are of.

        None where no hour is. The store need not look at any but the first and the last.
        """
        ...
