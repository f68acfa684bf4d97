"""What samples come to by seconds, minutes and hours, many points in one go, and how partial sums are added up."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from core.batch import TimeArray, ValueArray
from core.quality import NO_VALUE, StatusArray
from historian.resolutions import CountArray, FloatArray

PartArray = npt.NDArray[np.void]
"""Structured array of :data:`PART`."""
StartArray = npt.NDArray[np.intp]

PART: Final = np.dtype(
    [
        ("start", np.int64),
        ("first_time", np.int64),
        ("last_time", np.int64),
        ("low_time", np.int64),
        ("high_time", np.int64),
        ("minimum", np.float64),
        ("maximum", np.float64),
        ("first", np.float64),
        ("last", np.float64),
        ("total", np.float64),
        ("squares", np.float64),
        ("good", np.int64),
        ("uncertain", np.int64),
        ("bad", np.int64),
        ("first_status", np.uint32),
        ("last_status", np.uint32),
    ]
)
"""One bucket's part: the fields of :class:`~historian.resolutions.Summaries`, times in ticks."""

_NEVER: Final = np.iinfo(np.int64).max
_FIRST: Final = np.iinfo(np.int64).min
"""The bucket of the very first times begins before what has a number: they are counted to the next."""
_SEVERITY_BITS: Final = 30


def summarise(values: ValueArray, status: StatusArray, times: TimeArray, starts: StartArray, ticks: int) -> PartArray:
    """Summarise runs of samples, each within one bucket of ``ticks`` and in the order of (time, arrival).

    ``values``: numbers or Booleans [n >= 1]; ``starts``: where each run begins, rising from 0. Gives a part a run.
    """
    parts = np.zeros(len(starts), PART)
    ends = np.append(starts[1:], len(times)) - 1
    parts["start"] = np.maximum(times[starts] // ticks, _FIRST // ticks + 1) * ticks
    parts["first_time"], parts["last_time"] = times[starts], times[ends]
    parts["first_status"], parts["last_status"] = status[starts], status[ends]
    numbers = values.astype(np.float64, copy=False)
    for name, at in (("first", starts), ("last", ends)):
        parts[name] = np.where(status[at] & np.uint32(NO_VALUE), np.nan, numbers[at])
    if not status.any():
        parts["good"] = ends - starts + 1
        _of_good(parts, numbers, times, starts)
        return parts
    absent = (status & np.uint32(NO_VALUE)) != 0
    severity = status >> np.uint32(_SEVERITY_BITS)
    good = (severity == 0) & ~absent
    parts["good"] = np.add.reduceat(good, starts, dtype=np.int64)
    parts["uncertain"] = np.add.reduceat((severity == 1) & ~absent, starts, dtype=np.int64)
    parts["bad"] = ends - starts + 1 - parts["good"] - parts["uncertain"]
    for name in ("minimum", "maximum", "total", "squares"):
        parts[name] = np.nan
    for name in ("low_time", "high_time"):
        parts[name] = parts["start"]
    some = np.flatnonzero(parts["good"])
    if len(some):
        chosen = parts[some]
        counts: CountArray = chosen["good"]
        _of_good(chosen, numbers[good], times[good], np.cumsum(counts) - counts)
        parts[some] = chosen
    return parts


def _of_good(parts: PartArray, values: FloatArray, times: TimeArray, starts: StartArray) -> None:
    """Fill in what is of the good samples alone; every run has some."""
    counts: CountArray = parts["good"]
    with np.errstate(invalid="ignore", over="ignore"):  # infinities are values too
        total = np.add.reduceat(values, starts)
        distance = values - np.repeat(total / counts, counts)
        np.multiply(distance, distance, out=distance)
        parts["total"], parts["squares"] = total, np.add.reduceat(distance, starts)
    # fmin passes NaN over, and is slower than minimum
    plain = not np.isnan(total).any()
    for name, moment, reduce in (
        ("minimum", "low_time", np.minimum if plain else np.fmin),
        ("maximum", "high_time", np.maximum if plain else np.fmax),
    ):
        extreme: FloatArray = reduce.reduceat(values, starts)
        parts[name] = extreme
        found = np.flatnonzero(values == np.repeat(extreme, counts))
        none = np.isnan(extreme)
        first = np.searchsorted(found, starts)
        first[none] = 0
        parts[moment] = np.where(none, parts["start"], times[found[first]] if len(found) else 0)


def add_up(parts: PartArray, starts: StartArray, ticks: int) -> PartArray:
    """Add up runs of parts, each within one bucket of ``ticks`` and in the order of arrival; gives a part a run."""
    sums = np.zeros(len(starts), PART)
    counts = np.diff(np.append(starts, len(parts)))
    sums["start"] = parts["start"][starts] // ticks * ticks
    for name in ("good", "uncertain", "bad"):
        sums[name] = np.add.reduceat(parts[name], starts)
    good, weights = sums["good"], parts["good"]
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        total = np.add.reduceat(np.where(weights > 0, parts["total"], 0.0), starts)
        distance = parts["total"] / weights - np.repeat(total / good, counts)
        squares = np.where(weights > 0, parts["squares"] + weights * distance * distance, 0.0)
        sums["total"] = np.where(good > 0, total, np.nan)
        sums["squares"] = np.where(good > 0, np.add.reduceat(squares, starts), np.nan)
    for name, moment, reduce in (("minimum", "low_time", np.fmin), ("maximum", "high_time", np.fmax)):
        extreme: FloatArray = reduce.reduceat(parts[name], starts)
        sums[name] = extreme
        reached = parts[name] == np.repeat(extreme, counts)
        earliest = np.minimum.reduceat(np.where(reached, parts[moment], _NEVER), starts)
        sums[moment] = np.where(np.isnan(extreme), sums["start"], earliest)
    # of equal times the first to arrive is the first, the last to arrive the last
    first = np.minimum.reduceat(parts["first_time"], starts)
    found = np.flatnonzero(parts["first_time"] == np.repeat(first, counts))
    at = found[np.searchsorted(found, starts)]
    sums["first_time"], sums["first"], sums["first_status"] = first, parts["first"][at], parts["first_status"][at]
    last = np.maximum.reduceat(parts["last_time"], starts)
    found = np.flatnonzero(parts["last_time"] == np.repeat(last, counts))
    at = found[np.searchsorted(found, starts + counts) - 1]
    sums["last_time"], sums["last"], sums["last_status"] = last, parts["last"][at], parts["last_status"][at]
    return sums
