"""Stretches of an interval over which the same is known, and what they add up to (Part 13 v1.05 5.4.3.2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.batch import MaskArray, TimeArray
from historian.aggregates.bounds import between, beyond
from historian.aggregates.frame import Frame, PlaceArray, reduced
from historian.aggregates.results import CountArray, FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Stretches:
    """The intervals cut at each sample; arrays [m], in order, covering them up to ``frame.until`` at least.

    ``begin``, ``length``: ticks; ``place``: the sample that stands at or before the beginning, -1: none. ``left``,
    ``right``: which stretches are an interval's, as in :class:`~historian.aggregates.frame.Frame`.
    """

    begin: TimeArray
    length: CountArray
    place: PlaceArray
    left: PlaceArray
    right: PlaceArray

    def whole(self, weights: CountArray) -> CountArray:
        """Add whole numbers up over each interval."""
        return reduced(np.add, weights, self.left, self.right, 0)

    def total(self, weights: FloatArray) -> FloatArray:
        """Add numbers up over each interval."""
        with np.errstate(over="ignore", invalid="ignore"):  # what is no number in the end is refused
            return reduced(np.add, weights, self.left, self.right, 0)

    def any(self, which: MaskArray) -> MaskArray:
        """Tell for each interval whether ``which`` is true of a stretch that has a length."""
        return self.whole(np.where(which & (self.length > 0), 1, 0)) > 0


def stretches(frame: Frame, times: TimeArray, *, to_the_end: bool) -> Stretches:
    """Cut the intervals at ``times``; unless ``to_the_end``, nothing counts that lies past ``frame.until``."""
    low, last = int(frame.low[0]), int(frame.high[-1])
    inner = times[np.searchsorted(times, low, "right") : np.searchsorted(times, last, "left")]
    edges = [frame.low, inner]
    stop = last
    if not to_the_end:
        stop = max(low, int(frame.until[-1]))
        edges.append(np.array([stop], np.int64))
    begin = np.sort(np.concatenate(edges))
    length = np.diff(np.append(begin, last))
    if not to_the_end:
        length = np.where(begin >= stop, 0, length)
    left = np.searchsorted(begin, frame.low, "left")
    right = np.append(left[1:], len(begin))
    return Stretches(begin, length, np.searchsorted(times, begin, "right") - 1, left, right)


@dataclass(frozen=True, slots=True, eq=False)
class Simple:
    """What simple bounds make of the stretches: ``bad`` and ``unsure`` [m], and the heights at both ends [m]."""

    cut: Stretches
    bad: MaskArray
    unsure: MaskArray
    start: FloatArray
    end: FloatArray

    @property
    def bad_length(self) -> CountArray:
        """Give how long nothing usable was known in each interval, in ticks."""
        return self.cut.whole(np.where(self.bad, self.cut.length, 0))

    @property
    def is_unsure(self) -> MaskArray:
        """Tell which intervals hold something that is usable and not sure."""
        return self.cut.any(self.unsure & ~self.bad)


def simple_regions(frame: Frame) -> Simple:
    """Draw what lies between neighbouring samples, Bad ones too.

    A sloped line that would end at a Bad sample, or at none, is level and not sure (5.4.3.2.2).
    """
    samples = frame.samples
    cut = stretches(frame, samples.times, to_the_end=False)
    if not len(samples):
        none = np.zeros(len(cut.begin), np.bool_)
        return Simple(cut, ~none, none, np.zeros(len(none)), np.zeros(len(none)))
    place = np.maximum(cut.place, 0)
    bad = (cut.place < 0) | ~samples.usable[place]
    unsure = samples.uncertain[place]
    height = samples.numbers
    start = end = height[place]
    if not frame.stepped:
        following = np.minimum(place + 1, len(samples) - 1)
        drawn = samples.usable[following] & (following > place)
        unsure = unsure | ~drawn | samples.uncertain[following]
        start = np.where(drawn, between(samples.times, height, place, following, cut.begin), start)
        moment = cut.begin + cut.length
        end = np.where(drawn, between(samples.times, height, place, following, moment), end)
    return Simple(cut, bad, unsure, start, end)


@dataclass(frozen=True, slots=True, eq=False)
class Area:
    """The area under the lines of each interval in value times ticks, over ``covered`` ticks; ``unsure``: not Good."""

    area: FloatArray
    covered: CountArray
    unsure: MaskArray


def simple_area(regions: Simple) -> Area:
    """Give the area where something usable is known (5.4.3.7)."""
    length = np.where(regions.bad, 0, regions.cut.length)
    with np.errstate(over="ignore", invalid="ignore"):
        area = np.where(regions.bad, 0.0, (regions.start / 2 + regions.end / 2) * length)
    return Area(regions.cut.total(area), regions.cut.whole(length), regions.is_unsure)


def interpolated_area(frame: Frame) -> Area:
    """Give the area under straight lines between usable samples, extrapolated behind the last one (5.4.3.6)."""
    samples = frame.samples
    usable = np.flatnonzero(samples.usable)
    times, height = samples.times[usable], samples.numbers[usable]
    cut = stretches(frame, times, to_the_end=True)
    if not len(usable):
        nothing = np.zeros(len(frame))
        return Area(nothing, nothing.astype(np.int64), nothing.astype(np.bool_))
    covered = cut.place >= 0
    place = np.maximum(cut.place, 0)
    following = np.minimum(place + 1, len(usable) - 1)
    uncertain = samples.uncertain[usable]
    is_last = following == place
    unsure = is_last | (usable[following] - usable[place] > 1) | uncertain[place] | uncertain[following]
    moment = cut.begin + cut.length
    start, end = between(times, height, place, following, cut.begin), between(times, height, place, following, moment)
    if frame.configuration.sloped:
        start = np.where(is_last, beyond(times, height, cut.begin), start)
        end = np.where(is_last, beyond(times, height, moment), end)
    length = np.where(covered, cut.length, 0)
    with np.errstate(over="ignore", invalid="ignore"):
        area = np.where(covered, (start / 2 + end / 2) * length, 0.0)
    return Area(cut.total(area), cut.whole(length), cut.any(unsure & covered))
