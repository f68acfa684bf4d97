"""Bounding values: what a point was worth at moments at which there need be no sample (Part 13 v1.05 3.1.7-3.1.9)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.batch import MaskArray, TimeArray, ValueArray
from core.datatypes import DataType
from core.quality import NO_VALUE, SHOWN, StatusArray
from historian.aggregates.frame import PlaceArray
from historian.aggregates.results import NO_DATA, FloatArray, good_or_uncertain, numbers
from historian.aggregates.series import Graded


@dataclass(frozen=True, slots=True, eq=False)
class Bounds:
    """One bound a moment; arrays [n].

    ``place``: the sample whose value it is, or that the line starts at; -1: there is none. ``line``: its height where
    it lies ``on_line``. ``raw``: there is a sample at that very moment. ``status``: without historian bits, with
    NO_VALUE where there is no value.
    """

    place: PlaceArray
    line: FloatArray
    on_line: MaskArray
    raw: MaskArray
    status: StatusArray

    @property
    def known(self) -> MaskArray:
        """Tell where there is a value."""
        return (self.status & np.uint32(NO_VALUE)) == 0

    @property
    def numbers(self) -> FloatArray:
        """Give the heights; zero where there is no value."""
        return np.where(self.known, self.line, 0.0)

    def values(self, samples: Graded, status: StatusArray, datatype: DataType) -> ValueArray:
        """Give the values in the point's own type, every bit of a sample's; ``status`` changes where they do not fit.

        Only those where ``status`` has a value mean something.
        """
        if not len(samples):
            return np.zeros(len(self.place), datatype.dtype)
        values: ValueArray = samples.values[np.maximum(self.place, 0)]
        if self.on_line.any():
            drawn = status.copy()
            lines = numbers(np.where(self.on_line, self.line, 0.0), drawn, datatype)
            status[self.on_line] = drawn[self.on_line]
            values = np.where(self.on_line, lines, values)
        return values


def interpolated(samples: Graded, at: TimeArray, ends: int, *, stepped: bool, sloped: bool) -> Bounds:
    """Find interpolated bounds (3.1.8): from the usable samples before and after, whatever lies between.

    Behind the last usable sample the value is extrapolated: along the line through the last two where ``sloped``
    (and not ``stepped``), else it holds. ``ends``: the time of the last sample of all.
    """
    usable = np.flatnonzero(samples.usable)
    if not len(usable):
        return _nothing(len(at))
    times = samples.times[usable]
    after = np.searchsorted(times, at, "left")
    raw = times[np.minimum(after, len(times) - 1)] == at
    before = np.where(raw, after, after - 1)
    known = before >= 0
    start = np.maximum(before, 0)
    place = usable[start]
    height = samples.numbers
    held = height[place]
    is_last = start == len(times) - 1
    if stepped:
        skipped = np.searchsorted(samples.times, at, "right") - 1 > place
        unsure = skipped | samples.uncertain[place] | (at > ends)
        line, on_line = held, np.zeros(len(at), np.bool_)
    else:
        following = usable[np.minimum(start + 1, len(usable) - 1)]
        unsure = is_last | (following - place > 1) | samples.uncertain[place] | samples.uncertain[following]
        line = between(samples.times, height, place, following, at)
        line = np.where(is_last, beyond(times, height[usable], at) if sloped else held, line)
        on_line = known & ~raw
    status = good_or_uncertain(unsure, 0)
    status = np.where(raw, samples.status[place] & np.uint32(SHOWN), status)
    status[~known] = NO_DATA
    return Bounds(np.where(known, place, -1), np.where(raw, held, line), on_line & ~raw, raw, status)


def simple(samples: Graded, at: TimeArray, *, stepped: bool) -> Bounds:
    """Find simple bounds (3.1.9): from the samples right before and after, Bad ones too.

    Behind the last sample of all there is none: nothing is known of what came then.
    """
    if not len(samples):
        return _nothing(len(at))
    after = np.searchsorted(samples.times, at, "left")
    last = len(samples) - 1
    raw = samples.times[np.minimum(after, last)] == at
    before = np.where(raw, after, after - 1)
    place = np.maximum(before, 0)
    following = np.minimum(after, last)
    known = (before >= 0) & samples.usable[place] & (after <= last)
    height = samples.numbers
    held = height[place]
    unsure = samples.uncertain[place]
    line, on_line = held, np.zeros(len(at), np.bool_)
    if not stepped:
        unsure = unsure | ~samples.usable[following] | samples.uncertain[following]
        on_line = known & ~raw & samples.usable[following]
        line = np.where(on_line, between(samples.times, height, place, following, at), held)
    status = good_or_uncertain(unsure, 0)
    status = np.where(raw, samples.status[place] & np.uint32(SHOWN), status)
    status[~known] = NO_DATA
    return Bounds(np.where(known, place, -1), line, on_line, raw & (before >= 0), status)


def between(times: TimeArray, height: FloatArray, start: PlaceArray, end: PlaceArray, at: TimeArray) -> FloatArray:
    """Give the height at ``at`` of the lines between pairs of samples."""
    span = np.maximum(times[end] - times[start], 1)
    with np.errstate(over="ignore", invalid="ignore"):  # what is no number in the end is refused
        return height[start] + (height[end] - height[start]) * ((at - times[start]) / span)


def beyond(times: TimeArray, height: FloatArray, at: TimeArray) -> FloatArray:
    """Give the height at ``at`` of the line through the last two usable samples of different times; level for one."""
    last = len(times) - 1
    second = int(np.count_nonzero(times < times[last])) - 1
    if second < 0:
        return np.repeat(height[last:], len(at))
    with np.errstate(over="ignore", invalid="ignore"):
        slope = (height[last] - height[second]) / float(int(times[last]) - int(times[second]))
        return height[last] + slope * (at - times[last])


def _nothing(count: int) -> Bounds:
    none = np.zeros(count, np.bool_)
    return Bounds(np.full(count, -1), np.zeros(count), none, none, np.full(count, NO_DATA, np.uint32))
