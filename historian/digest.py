"""t-digests: what a percentile needs to know of many values, in a few centroids; many digests at a time.

After Dunning and Ertl, "Computing Extremely Accurate Quantiles Using t-Digests" (2019), with the scale function k1: a
centroid near the middle stands for many values, one near the ends for few.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from core.batch import ValueArray
from historian.resolutions import CountArray, Digest, FloatArray

CENTROIDS: Final = 24
"""Most centroids of a digest; so many values or fewer are all kept as they are."""

StartArray = npt.NDArray[np.intp]


def of_values(values: FloatArray) -> Digest:
    """Digest finite values in any order [n >= 0]."""
    ordered = np.sort(values)
    if len(ordered) <= CENTROIDS:
        return Digest(ordered, np.ones(len(ordered), np.int64))
    starts, weights = _cuts(len(ordered))
    with np.errstate(over="ignore", invalid="ignore"):
        means = np.add.reduceat(ordered, starts) / weights
    if not np.isfinite(means).all():  # the sum of a few finite values may be beyond a Double, their mean is not
        means = np.add.reduceat(ordered / weights.max(), starts) / (weights / weights.max())
    # rounding must not put a mean beyond its values
    return Digest(np.clip(means, ordered[starts], ordered[starts + weights - 1]), weights)


@functools.lru_cache(4096)
def _cuts(count: int) -> tuple[StartArray, CountArray]:
    """Give where the centroids of ``count`` single values begin, and what they weigh."""
    edges = np.arange(CENTROIDS) / CENTROIDS
    starts = np.unique(np.floor(count * (1 - np.cos(np.pi * edges)) / 2).astype(np.intp))
    return starts, np.diff(np.append(starts, count)).astype(np.int64)


def of_runs(values: ValueArray, good: npt.NDArray[np.bool_], starts: StartArray) -> list[Digest]:
    """Digest each run of samples, of which ``starts`` are the first: the good and finite values of it."""
    numbers: FloatArray = values.astype(np.float64, copy=False)
    usable = np.isfinite(numbers) & good
    every = bool(usable.all())
    made: list[Digest] = []
    for first, last in zip(starts.tolist(), [*starts[1:].tolist(), len(numbers)], strict=True):
        run = numbers[first:last]
        made.append(of_values(run if every else run[usable[first:last]]))
    return made


def in_order(digests: Sequence[Digest], order: StartArray) -> list[Digest]:
    """Give digests by their places."""
    places: list[int] = order.tolist()
    return [digests[place] for place in places]


def merged(digests: Sequence[Digest]) -> Digest:
    """Add digests up into one."""
    return merged_runs(digests, np.zeros(1, np.intp))[0] if digests else of_values(np.zeros(0))


def merged_runs(digests: Sequence[Digest], starts: StartArray) -> list[Digest]:
    """Add up each run of digests, of which ``starts`` are the first."""
    if len(starts) == len(digests):
        return list(digests)
    sizes = np.array([len(each.means) for each in digests], np.int64)
    means, weights, counts = _compressed(
        np.concatenate([each.means for each in digests]),
        np.concatenate([each.weights for each in digests]),
        np.add.reduceat(sizes, starts),
    )
    ends = np.cumsum(counts).tolist()
    return [Digest(means[first:last], weights[first:last]) for first, last in zip([0, *ends[:-1]], ends, strict=True)]


def _compressed(
    means: FloatArray, weights: CountArray, counts: npt.NDArray[np.int64]
) -> tuple[FloatArray, CountArray, npt.NDArray[np.int64]]:
    """Make one digest of each run of centroids: ``counts`` of them belong to each, in any order.

    Gives the same three of what came out.
    """
    runs = np.repeat(np.arange(len(counts)), counts)
    order = np.lexsort((means, runs))
    means, weights = means[order], weights[order]
    if not len(means) or int(counts.max()) <= CENTROIDS:
        return means, weights, counts
    present = np.flatnonzero(counts)
    starts = (np.cumsum(counts) - counts)[present]
    total = np.add.reduceat(weights, starts)
    before = np.cumsum(weights) - weights
    before -= np.repeat(before[starts], counts[present])
    middle = (before + weights / 2) / np.repeat(total, counts[present])
    scale = np.floor(np.arccos(1 - 2 * middle) / np.pi * CENTROIDS).astype(np.int64)
    # what fits as it is stays as it is
    scale = np.where(counts[runs] <= CENTROIDS, before, scale)
    keys = np.flatnonzero((np.diff(scale, prepend=-1) != 0) | (np.diff(runs, prepend=-1) != 0))
    heavy = np.add.reduceat(weights, keys)
    sizes = np.diff(np.append(keys, len(weights)))
    share = weights / np.repeat(heavy, sizes)
    return (
        np.clip(np.add.reduceat(means * share, keys), means[keys], means[keys + sizes - 1]),
        heavy,
        np.bincount(runs[keys], minlength=len(counts)).astype(np.int64),
    )


def quantile(digest: Digest, share: float, low: float, high: float) -> float:
    """Estimate the value below which ``share`` (0 to 1) of all lie; NaN of none.

    ``low`` and ``high``: the least and the greatest value, which a summary knows exactly.
    """
    if not len(digest.means):
        return float("nan")
    if not 0 <= share <= 1:
        message = f"the share of a quantile is between 0 and 1, not {share}"
        raise ValueError(message)
    total = int(digest.weights.sum())
    # a centroid stands at the middle of its values; one single value at itself
    middle = np.cumsum(digest.weights) - digest.weights / 2
    places = np.concatenate(([0.0], middle - 0.5, [total - 1.0]))
    values = np.concatenate(([low], np.clip(digest.means, low, high), [high]))
    return float(np.interp(share * (total - 1), places, values))
