"""Part 13 v1.05 5.4.3 for one interval of history, from a list of samples: slow and plain."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from core.quality import NO_VALUE
from historian.aggregates.kinds import AggregateConfiguration, AggregateKind

BAD = 0x80000000
NO_DATA = 0x809B0000
SUB = 0x40A40000
INFO = 0x400
CALCULATED, INTERPOLATED, PARTIAL, MULTIPLE = INFO | 1, INFO | 2, INFO | 4, INFO | 0x10
MOMENT = 10_000
"""A millisecond: the time resolution."""


@dataclass(frozen=True)
class Sample:
    time: int
    value: Any
    status: int

    @property
    def severity(self) -> int:
        return min(self.status >> 30, 2)

    @property
    def good(self) -> bool:
        return self.severity == 0 and not self.status & NO_VALUE

    @property
    def uncertain(self) -> bool:
        return self.severity == 1 and not self.status & NO_VALUE


@dataclass(frozen=True)
class Answer:
    """``value`` None: none."""

    value: Any
    status: int
    time: int


@dataclass(frozen=True)
class Bound:
    value: float
    status: int
    raw: bool


@dataclass(frozen=True)
class Question:
    kind: AggregateKind
    configuration: AggregateConfiguration
    stepped: bool
    low: int
    high: int
    backwards: bool
    shortened: bool
    samples: Sequence[Sample]
    """All there are of the point."""

    @property
    def raw(self) -> list[Sample]:
        if self.backwards:
            return [one for one in self.samples if self.low < one.time <= self.high]
        return [one for one in self.samples if self.low <= one.time < self.high]

    @property
    def start(self) -> int:
        return self.high if self.backwards else self.low

    @property
    def end(self) -> int:
        return self.low if self.backwards else self.high

    @property
    def until(self) -> int:
        return min(self.high, self.samples[-1].time + MOMENT)

    def usable(self, one: Sample) -> bool:
        return one.good or (one.uncertain and not self.configuration.treat_uncertain_as_bad)


def answer(asked: Question) -> Answer:
    kind = asked.kind
    nothing = Answer(None, NO_DATA, asked.start)
    first, last = asked.samples[0].time, asked.samples[-1].time
    if kind not in _EXTRAPOLATED:
        if asked.backwards and (asked.high < first or asked.low >= last):
            return nothing
        if not asked.backwards and (asked.high <= first or asked.low > last):
            return nothing
    found = _OF[kind](asked)
    if kind in _EXTRAPOLATED or kind is AggregateKind.AVERAGE:
        return found
    begin = asked.low + MOMENT if asked.backwards else asked.low
    end = asked.high if asked.backwards else asked.high - MOMENT
    partial = asked.shortened or first > begin or last < end
    if partial and (found.value is not None or kind in _BOUNDS):
        return Answer(found.value, found.status | PARTIAL, found.time)
    return found


def share(asked: Question, bad: int, width: int, *, unsure: bool) -> int:
    if bad and 100 * bad >= asked.configuration.percent_bad * width:
        return BAD | CALCULATED
    fine = not bad or 100 * (width - bad) >= asked.configuration.percent_good * width
    return (0 if fine and not unsure else SUB) | CALCULATED


def shown(asked: Question, value: Any, status: int, time: int | None = None) -> Answer:
    return Answer(None if status & BAD else value, status, asked.start if time is None else time)


def by_values(asked: Question) -> int:
    bad = sum(not asked.usable(one) for one in asked.raw)
    return share(asked, bad, len(asked.raw), unsure=any(one.uncertain and asked.usable(one) for one in asked.raw))


def average(asked: Question) -> Answer:
    used = [one.value for one in asked.raw if asked.usable(one)]
    if not used:
        return Answer(None, NO_DATA, asked.start)
    return shown(asked, math.fsum(used) / len(used), by_values(asked))


def count(asked: Question) -> Answer:
    return shown(asked, sum(one.good for one in asked.raw), by_values(asked))


def transitions(asked: Question) -> Answer:
    state, changes = None, 0
    for one in asked.samples:
        if asked.usable(one):
            changes += (one.value != 0) is not state and one in asked.raw
            state = one.value != 0
    return shown(asked, changes, by_values(asked))


def deviation(asked: Question) -> Answer:
    good = [one.value for one in asked.raw if one.good]
    if not good:
        return Answer(None, NO_DATA, asked.start)
    mean = math.fsum(good) / len(good)
    squares = math.fsum((value - mean) ** 2 for value in good)
    variance = squares / max(len(good) - ("SAMPLE" in asked.kind.name), 1)
    value = math.sqrt(variance) if "DEVIATION" in asked.kind.name else variance
    return Answer(value, (0 if len(good) == len(asked.raw) else SUB) | CALCULATED, asked.start)


def extreme(asked: Question) -> Answer:
    lowest = "MINIMUM" in asked.kind.name
    good = [one for one in asked.raw if one.good]
    if not good:
        return Answer(None, NO_DATA, asked.start)
    value = (min if lowest else max)(one.value for one in good)
    having = [one for one in good if one.value == value]
    unsure = any(not one.good and not (one.uncertain and asked.usable(one)) for one in asked.raw)
    unsure |= any(one.uncertain and (one.value < value if lowest else one.value > value) for one in asked.raw)
    actual = "ACTUAL" in asked.kind.name
    status = SUB if unsure else 0
    if not actual and (unsure or having[0].time != asked.start):
        status |= CALCULATED
    if having[-1].time > having[0].time:
        status |= MULTIPLE
    return Answer(value, status, having[0].time if actual else asked.start)


def spread(asked: Question) -> Answer:
    good = [one.value for one in asked.raw if one.good]
    if not good:
        return Answer(None, NO_DATA, asked.start)
    unsure = any(not one.good and not (one.uncertain and asked.usable(one)) for one in asked.raw)
    unsure |= any(one.uncertain and not min(good) <= one.value <= max(good) for one in asked.raw)
    return Answer(max(good) - min(good), (SUB if unsure else 0) | CALCULATED, asked.start)


def line(before: Sample, after: Sample, moment: int) -> float:
    """Draw as the calculation does, bit by bit: which of two bounds is greater must not hang on rounding."""
    return before.value + (after.value - before.value) * ((moment - before.time) / max(after.time - before.time, 1))


def simple(asked: Question, moment: int) -> Bound | None:
    at = [one for one in asked.samples if one.time == moment]
    if at:
        return Bound(at[0].value, at[0].status & ~NO_VALUE, raw=True) if asked.usable(at[0]) else None
    earlier = [one for one in asked.samples if one.time < moment]
    later = [one for one in asked.samples if one.time > moment]
    if not earlier or not later or not asked.usable(earlier[-1]):
        return None
    before, after = earlier[-1], later[0]
    unsure = before.uncertain
    if asked.stepped:
        return Bound(before.value, SUB if unsure else 0, raw=False)
    unsure |= after.uncertain or not asked.usable(after)
    value = line(before, after, moment) if asked.usable(after) else before.value
    return Bound(value, SUB if unsure else 0, raw=False)


@dataclass(frozen=True)
class Region:
    begin: int
    end: int
    sample: Sample | None
    left: float
    right: float
    bad: bool
    unsure: bool


def regions(asked: Question) -> list[Region]:
    edges = [asked.low, *(one.time for one in asked.samples if asked.low < one.time < asked.until), asked.until]
    found: list[Region] = []
    for begin, end in itertools.pairwise(edges):
        if end <= begin:
            continue
        place = max((place for place, one in enumerate(asked.samples) if one.time <= begin), default=-1)
        if place < 0:
            found.append(Region(begin, end, None, 0.0, 0.0, bad=True, unsure=False))
            continue
        one = asked.samples[place]
        after = asked.samples[place + 1] if place + 1 < len(asked.samples) else None
        left = right = one.value
        unsure = one.uncertain
        if not asked.stepped:
            drawn = after is not None and asked.usable(after)
            unsure |= not drawn or (after is not None and after.uncertain)
            if drawn and after is not None:
                left, right = line(one, after, begin), line(one, after, end)
        found.append(Region(begin, end, one, left, right, bad=not asked.usable(one), unsure=unsure))
    return found


def by_time(asked: Question, cut: list[Region]) -> int:
    bad = sum(region.end - region.begin for region in cut if region.bad)
    return share(asked, bad, asked.until - asked.low, unsure=any(region.unsure and not region.bad for region in cut))


def time_average2(asked: Question) -> Answer:
    cut = regions(asked)
    used = [region for region in cut if not region.bad]
    if not used:
        return Answer(None, NO_DATA, asked.start)
    area = math.fsum((region.left + region.right) / 2 * (region.end - region.begin) for region in used)
    length = sum(region.end - region.begin for region in used)
    value = area / length if asked.kind is AggregateKind.TIME_AVERAGE2 else area / 10_000_000
    return shown(asked, value, by_time(asked, cut))


def time_average(asked: Question) -> Answer:
    usable = [(place, one) for place, one in enumerate(asked.samples) if asked.usable(one)]
    begin = max(asked.low, usable[0][1].time) if usable else asked.high
    if begin >= asked.high:
        return Answer(None, NO_DATA, asked.start)
    edges = [begin, *(one.time for _, one in usable if begin < one.time < asked.high), asked.high]
    area, unsure = 0.0, False
    for low, high in itertools.pairwise(edges):
        if high <= low:
            continue
        number = max(number for number, (_, one) in enumerate(usable) if one.time <= low)
        place, one = usable[number]
        if number + 1 < len(usable):
            following, after = usable[number + 1]
            unsure |= following - place > 1 or one.uncertain or after.uncertain
            area += (line(one, after, low) + line(one, after, high)) / 2 * (high - low)
        else:
            unsure = True
            area += (beyond(asked, low) + beyond(asked, high)) / 2 * (high - low)
    late = begin > asked.low
    status = (SUB if unsure or late else 0) | CALCULATED | (PARTIAL if late or asked.shortened else 0)
    value = area / (asked.high - begin) if asked.kind is AggregateKind.TIME_AVERAGE else area / 10_000_000
    return Answer(value, status, asked.start)


def beyond(asked: Question, moment: int) -> float:
    usable = [one for one in asked.samples if asked.usable(one)]
    last = usable[-1]
    earlier = [one for one in usable if one.time < last.time]
    if not asked.configuration.sloped or not earlier:
        return last.value
    return last.value + (last.value - earlier[-1].value) / (last.time - earlier[-1].time) * (moment - last.time)


def interpolative(asked: Question) -> Answer:
    moment = asked.start
    usable = [(place, one) for place, one in enumerate(asked.samples) if asked.usable(one)]
    at = [one for _, one in usable if one.time == moment]
    if at:
        return Answer(at[0].value, at[0].status, moment)
    earlier = [(place, one) for place, one in usable if one.time < moment]
    later = [(place, one) for place, one in usable if one.time > moment]
    if not earlier:
        return Answer(None, NO_DATA, moment)
    place, before = earlier[-1]
    if asked.stepped:
        skipped = any(one.time <= moment for one in asked.samples[place + 1 :])
        unsure = skipped or before.uncertain or moment > asked.samples[-1].time
        return Answer(before.value, (SUB if unsure else 0) | INTERPOLATED, moment)
    if not later:
        return Answer(beyond(asked, moment), SUB | INTERPOLATED, moment)
    following, after = later[0]
    unsure = following - place > 1 or before.uncertain or after.uncertain
    return Answer(line(before, after, moment), (SUB if unsure else 0) | INTERPOLATED, moment)


def candidates(asked: Question, *, lowest: bool) -> list[tuple[int, float, int]]:
    """Give (time, value, bits) of all that have the extreme, the oldest first."""
    found = [(one.time, float(one.value), 0) for one in asked.raw if asked.usable(one)]
    bound = simple(asked, asked.start)
    if bound is not None and not bound.raw:
        found.append((asked.start, bound.value, INTERPOLATED))
    elif bound is not None:
        found.append((asked.start, bound.value, 0))
    bound = None if asked.stepped else simple(asked, asked.end)
    if bound is not None:
        effective = min(asked.low + MOMENT, asked.high) if asked.backwards else max(asked.high - MOMENT, asked.low)
        found.append((effective, bound.value, INTERPOLATED))
    if not found:
        return []
    best = (min if lowest else max)(value for _, value, _ in found)
    return sorted((one for one in found if one[1] == best), key=lambda one: (one[0], one[2]))


def bounded_extreme(asked: Question) -> Answer:
    found = candidates(asked, lowest="MINIMUM" in asked.kind.name)
    if not found:
        return Answer(None, NO_DATA, asked.start)
    time, value, bits = found[0]
    status = by_time(asked, regions(asked))
    if status & BAD:
        actual = time if "ACTUAL" in asked.kind.name else asked.start
        return Answer(None, status, actual)
    status = status & ~0x7FF | bits
    if found[-1][0] > time:
        status |= MULTIPLE
    if "ACTUAL" in asked.kind.name:
        return Answer(value, status, time)
    return Answer(value, status | (CALCULATED if not bits and time != asked.start else 0), asked.start)


def bounded_spread(asked: Question) -> Answer:
    least, greatest = candidates(asked, lowest=True), candidates(asked, lowest=False)
    status = by_time(asked, regions(asked))
    if not least or status & BAD:
        return Answer(None, NO_DATA, asked.start)
    return Answer(greatest[0][1] - least[0][1], status, asked.start)


def raw_value(asked: Question) -> Answer:
    if not asked.raw:
        return Answer(None, NO_DATA, asked.start)
    one = asked.raw[0 if asked.kind is AggregateKind.START else -1]
    return Answer(None if one.status & NO_VALUE else one.value, one.status & ~NO_VALUE, one.time)


def delta(asked: Question) -> Answer:
    good = [one.value for one in asked.raw if one.good]
    if not good:
        return Answer(None, NO_DATA, asked.start)
    skipped = not (asked.raw[0].good and asked.raw[-1].good)
    return Answer(good[-1] - good[0], (SUB if skipped else 0) | CALCULATED, asked.start)


def bound_value(asked: Question) -> Answer:
    at_start = asked.kind is AggregateKind.START_BOUND
    bound = simple(asked, asked.start if at_start else asked.end)
    if bound is None:
        return Answer(None, NO_DATA, asked.start)
    bits = CALCULATED if not at_start else 0 if bound.raw else INTERPOLATED
    return Answer(bound.value, bound.status | bits, asked.start)


def delta_bounds(asked: Question) -> Answer:
    first, last = simple(asked, asked.start), simple(asked, asked.end)
    if first is None or last is None:
        return Answer(None, NO_DATA, asked.start)
    unsure = (first.status | last.status) >> 30 != 0
    return Answer(last.value - first.value, (SUB if unsure else 0) | CALCULATED, asked.start)


def quality_duration(asked: Question) -> Answer:
    of_good = "GOOD" in asked.kind.name
    bound = simple(asked, asked.low)
    total = 0
    for region in regions(asked):
        one = region.sample
        if one is not None and one.time == region.begin:
            counts = one.good if of_good else not asked.usable(one)
        else:
            counts = (bound is not None and bound.status >> 30 == 0) if of_good else bound is None
        total += region.end - region.begin if counts else 0
    value = total / 10_000 if "DURATION" in asked.kind.name else 100 * total / (asked.until - asked.low)
    return Answer(value, CALCULATED, asked.start)


def state_duration(asked: Question) -> Answer:
    zero = asked.kind is AggregateKind.DURATION_IN_STATE_ZERO
    cut, total = regions(asked), 0
    for region in cut:
        if region.sample is not None and region.sample.good:
            value = region.left if region.begin == asked.low else region.sample.value
            total += region.end - region.begin if (value == 0) == zero else 0
    return shown(asked, total / 10_000, by_time(asked, cut))


def worst_quality(asked: Question) -> Answer:
    codes = [one.status & ~NO_VALUE for one in asked.raw]
    if asked.kind is AggregateKind.WORST_QUALITY2:
        lenient = AggregateConfiguration(treat_uncertain_as_bad=False)
        bound = simple(
            Question(
                asked.kind,
                lenient,
                asked.stepped,
                asked.low,
                asked.high,
                asked.backwards,
                asked.shortened,
                asked.samples,
            ),
            asked.start,
        )
        if not any(one.time == asked.start for one in asked.samples):
            codes.insert(0, NO_DATA if bound is None else bound.status)
    if not codes:
        return Answer(None, NO_DATA, asked.start)
    worst = max(min(code >> 30, 2) for code in codes)
    having = [code for code in codes if min(code >> 30, 2) == worst]
    return Answer(having[0], CALCULATED | (MULTIPLE if len(having) > 1 else 0), asked.start)


K = AggregateKind
_EXTRAPOLATED = (K.INTERPOLATIVE, K.TIME_AVERAGE, K.TOTAL)
_BOUNDS = (K.START_BOUND, K.END_BOUND, K.DELTA_BOUNDS)
_OF: dict[AggregateKind, Callable[[Question], Answer]] = {
    K.INTERPOLATIVE: interpolative,
    K.AVERAGE: average,
    K.TIME_AVERAGE: time_average,
    K.TIME_AVERAGE2: time_average2,
    K.TOTAL: time_average,
    K.TOTAL2: time_average2,
    K.MINIMUM: extreme,
    K.MAXIMUM: extreme,
    K.MINIMUM_ACTUAL_TIME: extreme,
    K.MAXIMUM_ACTUAL_TIME: extreme,
    K.RANGE: spread,
    K.MINIMUM2: bounded_extreme,
    K.MAXIMUM2: bounded_extreme,
    K.MINIMUM_ACTUAL_TIME2: bounded_extreme,
    K.MAXIMUM_ACTUAL_TIME2: bounded_extreme,
    K.RANGE2: bounded_spread,
    K.COUNT: count,
    K.DURATION_IN_STATE_ZERO: state_duration,
    K.DURATION_IN_STATE_NON_ZERO: state_duration,
    K.NUMBER_OF_TRANSITIONS: transitions,
    K.START: raw_value,
    K.END: raw_value,
    K.DELTA: delta,
    K.START_BOUND: bound_value,
    K.END_BOUND: bound_value,
    K.DELTA_BOUNDS: delta_bounds,
    K.DURATION_GOOD: quality_duration,
    K.DURATION_BAD: quality_duration,
    K.PERCENT_GOOD: quality_duration,
    K.PERCENT_BAD: quality_duration,
    K.WORST_QUALITY: worst_quality,
    K.WORST_QUALITY2: worst_quality,
    K.STANDARD_DEVIATION_SAMPLE: deviation,
    K.VARIANCE_SAMPLE: deviation,
    K.STANDARD_DEVIATION_POPULATION: deviation,
    K.VARIANCE_POPULATION: deviation,
}
