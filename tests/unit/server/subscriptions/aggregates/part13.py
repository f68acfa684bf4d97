"""Part 13 v1.05 5.4.3 for one variable, from a list of samples, aggregate by aggregate: slow and plain."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from server.subscriptions.aggregates.kinds import AggregateConfiguration, AggregateKind

GOOD = 0
BAD = 0x80000000
NO_DATA = 0x809B0000
SUB_NORMAL = 0x40A40000
INVALID_INPUTS = 0x80D60000
NO_VALUE = 0x10000000
INFO = 0x400
CALCULATED = INFO | 1
INTERPOLATED = INFO | 2
PARTIAL = INFO | 4
MULTIPLE = INFO | 0x10
ABSENT = None
Number = Fraction | int | float
EXTREMES = (AggregateKind.MINIMUM, AggregateKind.MINIMUM_ACTUAL_TIME)


@dataclass(frozen=True)
class Sample:
    time: int
    value: Any
    status: int

    @property
    def severity(self) -> int:
        return min(self.status >> 30, 2)

    @property
    def is_number(self) -> bool:
        return not self.status & NO_VALUE and math.isfinite(self.value)

    @property
    def good(self) -> bool:
        return self.severity == 0 and self.is_number

    @property
    def uncertain(self) -> bool:
        return self.severity == 1 and self.is_number


@dataclass(frozen=True)
class Result:
    value: Any
    status: int
    time: int


@dataclass(frozen=True)
class Interval:
    """What is known of one interval when it is calculated."""

    kind: AggregateKind
    configuration: AggregateConfiguration
    stepped: bool
    start: int
    end: int
    history: Sequence[Sample]
    """All samples up to the interval's end, in the order in which they came."""
    after: Sample | None
    """The one that came next, if it has come."""

    @property
    def raw(self) -> list[Sample]:
        return [sample for sample in self.history if self.start <= sample.time < self.end]

    @property
    def good(self) -> list[Sample]:
        return [sample for sample in self.raw if sample.good]

    def usable(self, sample: Sample) -> bool:
        return sample.good or (sample.uncertain and not self.configuration.treat_uncertain_as_bad)

    @property
    def used(self) -> list[Sample]:
        return [sample for sample in self.raw if self.usable(sample)]

    @property
    def begins_late(self) -> bool:
        return not self.history or self.history[0].time > self.start


def calculate(interval: Interval) -> Result:
    """Give value, StatusCode and time of the result; ABSENT where there is no value."""
    if not interval.history:
        return Result(ABSENT, NO_DATA, interval.start)
    result = _OF[interval.kind](interval)
    no_partial = (AggregateKind.AVERAGE, AggregateKind.INTERPOLATIVE)
    if interval.begins_late and result.value is not ABSENT and interval.kind not in no_partial:
        return Result(result.value, result.status | PARTIAL, result.time)
    return result


def nothing(interval: Interval) -> Result:
    return Result(ABSENT, NO_DATA, interval.start)


def by_share(interval: Interval, bad: Number, good: Number, width: Number, *, unsure: bool) -> int:
    if bad and 100 * bad >= interval.configuration.percent_bad * width:
        return BAD | CALCULATED
    fine = not bad or 100 * good >= interval.configuration.percent_good * width
    return (GOOD if fine and not unsure else SUB_NORMAL) | CALCULATED


def by_values(interval: Interval) -> int:
    used, raw = len(interval.used), len(interval.raw)
    return by_share(interval, raw - used, used, raw, unsure=any(sample.uncertain for sample in interval.used))


def shown(interval: Interval, value: Any, status: int, time: int | None = None) -> Result:
    return Result(ABSENT if status & BAD else value, status, interval.start if time is None else time)


def exact(value: Any) -> Fraction:
    return Fraction(float(value)) if isinstance(value, float) else Fraction(int(value))


def average(interval: Interval) -> Result:
    used = interval.used
    if not used:
        return nothing(interval)
    mean = sum((exact(sample.value) for sample in used), Fraction(0)) / len(used)
    return shown(interval, mean, by_values(interval))


def count(interval: Interval) -> Result:
    return shown(interval, len(interval.used), by_values(interval))


def transitions(interval: Interval) -> Result:
    state: bool | None = None
    changes = 0
    for sample in interval.history:
        if interval.usable(sample):
            new = sample.value != 0
            changes += new is not state and sample.time >= interval.start
            state = new
    return shown(interval, changes, by_values(interval))


def deviation(interval: Interval) -> Result:
    values = [exact(sample.value) for sample in interval.good]
    if not values:
        return nothing(interval)
    mean = sum(values, Fraction(0)) / len(values)
    squares = sum(((value - mean) ** 2 for value in values), Fraction(0))
    of_a_sample = interval.kind in (AggregateKind.STANDARD_DEVIATION_SAMPLE, AggregateKind.VARIANCE_SAMPLE)
    divisor = len(values) - 1 if of_a_sample else len(values)
    variance = squares / divisor if divisor else Fraction(0)
    rooted = interval.kind in (
        AggregateKind.STANDARD_DEVIATION_SAMPLE,
        AggregateKind.STANDARD_DEVIATION_POPULATION,
    )
    status = GOOD if len(values) == len(interval.raw) else SUB_NORMAL
    return Result(math.sqrt(variance) if rooted else variance, status | CALCULATED, interval.start)


def counts_as_bad(interval: Interval, sample: Sample) -> bool:
    return not (sample.good or sample.uncertain) or (sample.uncertain and interval.configuration.treat_uncertain_as_bad)


def extreme(interval: Interval) -> Result:
    good = interval.good
    if not good:
        return nothing(interval)
    lowest = interval.kind in EXTREMES
    value = (min if lowest else max)(sample.value for sample in good)
    first = next(sample for sample in good if sample.value == value)
    beyond = [
        sample
        for sample in interval.raw
        if sample.uncertain and (sample.value < value if lowest else sample.value > value)
    ]
    unsure = bool(beyond) or any(counts_as_bad(interval, sample) for sample in interval.raw)
    actual = interval.kind in (AggregateKind.MINIMUM_ACTUAL_TIME, AggregateKind.MAXIMUM_ACTUAL_TIME)
    status = SUB_NORMAL if unsure else GOOD
    if unsure or not (actual or first.time == interval.start):
        status |= CALCULATED
    if any(sample.value == value and sample.time > first.time for sample in good):
        status |= MULTIPLE
    return Result(first.value, status, first.time if actual else interval.start)


def spread(interval: Interval) -> Result:
    good = [sample.value for sample in interval.good]
    if not good:
        return nothing(interval)
    outside = any(sample.uncertain and not min(good) <= sample.value <= max(good) for sample in interval.raw)
    unsure = outside or any(counts_as_bad(interval, sample) for sample in interval.raw)
    return Result(exact(max(good)) - exact(min(good)), (SUB_NORMAL if unsure else GOOD) | CALCULATED, interval.start)


def start_value(interval: Interval) -> Result:
    return raw_value(interval, interval.raw[:1])


def end_value(interval: Interval) -> Result:
    return raw_value(interval, interval.raw[-1:])


def raw_value(interval: Interval, chosen: list[Sample]) -> Result:
    if not chosen:
        return nothing(interval)
    value = ABSENT if chosen[0].status & NO_VALUE else chosen[0].value
    return Result(value, chosen[0].status & ~NO_VALUE, chosen[0].time)


def delta(interval: Interval) -> Result:
    good = interval.good
    if not good:
        return nothing(interval)
    skipped = not (interval.raw[0].good and interval.raw[-1].good)
    status = (SUB_NORMAL if skipped else GOOD) | CALCULATED
    return Result(exact(good[-1].value) - exact(good[0].value), status, interval.start)


def worst_quality(interval: Interval) -> Result:
    if not interval.raw:
        return nothing(interval)
    worst = max(sample.severity for sample in interval.raw)
    having = [sample for sample in interval.raw if sample.severity == worst]
    status = CALCULATED | (MULTIPLE if len(having) > 1 else 0)
    return Result(having[0].status & ~NO_VALUE, status, interval.start)


def regions(interval: Interval) -> list[tuple[Sample | None, int]]:
    """Give each sample whose region reaches into the interval, and for how long; None before the first."""
    found: list[tuple[Sample | None, int]] = []
    begun: tuple[Sample | None, int] = (None, interval.start)
    for sample in interval.history:
        found.append((begun[0], max(sample.time, interval.start) - max(begun[1], interval.start)))
        begun = (sample, sample.time)
    return [*found, (begun[0], interval.end - max(begun[1], interval.start))]


def quality_duration(interval: Interval) -> Result:
    def counted(sample: Sample | None) -> bool:
        severity = 2 if sample is None else sample.severity
        if interval.kind in (AggregateKind.DURATION_GOOD, AggregateKind.PERCENT_GOOD):
            return severity == 0
        return severity == 2 or (severity == 1 and interval.configuration.treat_uncertain_as_bad)

    total = sum(length for sample, length in regions(interval) if counted(sample))
    if interval.kind in (AggregateKind.PERCENT_GOOD, AggregateKind.PERCENT_BAD):
        return Result(Fraction(100 * total, interval.end - interval.start), CALCULATED, interval.start)
    return Result(Fraction(total, 10_000), CALCULATED, interval.start)


def state_duration(interval: Interval) -> Result:
    zero = interval.kind is AggregateKind.DURATION_IN_STATE_ZERO
    total = bad = 0
    unsure = False
    for sample, length in regions(interval):
        if sample is None or not interval.usable(sample):
            bad += length
            continue
        unsure |= sample.uncertain and length > 0
        total += length if (sample.value == 0) == zero else 0
    width = interval.end - interval.start
    return shown(interval, Fraction(total, 10_000), by_share(interval, bad, width - bad, width, unsure=unsure))


@dataclass(frozen=True)
class Stretch:
    """A straight line between two moments; ``doubtful``: drawn over or from or to other than Good samples."""

    begin: int
    end: int
    left: Fraction
    right: Fraction
    doubtful: bool

    def at(self, moment: int) -> Fraction:
        if self.begin == self.end:
            return self.right
        return self.left + (self.right - self.left) * Fraction(moment - self.begin, self.end - self.begin)


def stretches(interval: Interval, until: int) -> list[Stretch]:
    """Give the lines between usable samples, the last one extrapolated to ``until`` if it ends before."""
    found: list[Stretch] = []
    last: Sample | None = None
    skipped = False
    following = [] if interval.after is None or not interval.usable(interval.after) else [interval.after]
    for sample in [*interval.history, *following]:
        if not interval.usable(sample):
            skipped = True
            continue
        if last is not None:
            doubtful = skipped or last.uncertain or sample.uncertain
            found.append(Stretch(last.time, sample.time, exact(last.value), exact(sample.value), doubtful))
        last, skipped = sample, False
    if last is not None and last.time < until:
        slope = Fraction(0)
        if interval.configuration.sloped:
            longer = [line for line in found if line.end > line.begin]
            if longer:
                value = exact(last.value)
                slope = (value - longer[-1].left) / (last.time - longer[-1].begin)
        found.append(
            Stretch(last.time, until, exact(last.value), exact(last.value) + slope * (until - last.time), doubtful=True)
        )
    return found


def area(interval: Interval) -> Result:
    lines = [line for line in stretches(interval, interval.end) if line.end > interval.start]
    lines = [line for line in lines if line.begin < interval.end]
    if not any(interval.usable(sample) for sample in interval.history):
        return nothing(interval)
    total = Fraction(0)
    doubtful = False
    for line in lines:
        begin, end = max(line.begin, interval.start), min(line.end, interval.end)
        if end > begin:
            total += (line.at(begin) + line.at(end)) / 2 * (end - begin)
            doubtful |= line.doubtful
    begun = max(interval.start, next(sample.time for sample in interval.history if interval.usable(sample)))
    partial = begun > interval.start or interval.after is None or not interval.usable(interval.after)
    status = (SUB_NORMAL if doubtful or partial else GOOD) | CALCULATED | (PARTIAL if partial else 0)
    value = total / (interval.end - begun) if interval.kind is AggregateKind.TIME_AVERAGE else total / 10_000_000
    return Result(value, status, interval.start)


def interpolative(interval: Interval) -> Result:
    at_start = [sample for sample in interval.used if sample.time == interval.start]
    if at_start:
        return Result(at_start[0].value, at_start[0].status, interval.start)
    before = [sample for sample in interval.history if interval.usable(sample) and sample.time < interval.start]
    if not before:
        return nothing(interval)
    last = before[-1]
    if interval.stepped:
        place = max(place for place, sample in enumerate(interval.history) if sample is last)
        skipped = any(sample.time <= interval.start for sample in interval.history[place + 1 :])
        return Result(last.value, (SUB_NORMAL if skipped or last.uncertain else GOOD) | INTERPOLATED, interval.start)
    lines = stretches(interval, interval.start + 1)
    line = next(line for line in lines if line.begin < interval.start < line.end)
    return Result(line.at(interval.start), (SUB_NORMAL if line.doubtful else GOOD) | INTERPOLATED, interval.start)


_OF: dict[AggregateKind, Callable[[Interval], Result]] = {
    AggregateKind.INTERPOLATIVE: interpolative,
    AggregateKind.AVERAGE: average,
    AggregateKind.TIME_AVERAGE: area,
    AggregateKind.TOTAL: area,
    AggregateKind.MINIMUM: extreme,
    AggregateKind.MAXIMUM: extreme,
    AggregateKind.MINIMUM_ACTUAL_TIME: extreme,
    AggregateKind.MAXIMUM_ACTUAL_TIME: extreme,
    AggregateKind.RANGE: spread,
    AggregateKind.COUNT: count,
    AggregateKind.NUMBER_OF_TRANSITIONS: transitions,
    AggregateKind.START: start_value,
    AggregateKind.END: end_value,
    AggregateKind.DELTA: delta,
    AggregateKind.DURATION_GOOD: quality_duration,
    AggregateKind.DURATION_BAD: quality_duration,
    AggregateKind.PERCENT_GOOD: quality_duration,
    AggregateKind.PERCENT_BAD: quality_duration,
    AggregateKind.WORST_QUALITY: worst_quality,
    AggregateKind.DURATION_IN_STATE_ZERO: state_duration,
    AggregateKind.DURATION_IN_STATE_NON_ZERO: state_duration,
    AggregateKind.STANDARD_DEVIATION_SAMPLE: deviation,
    AggregateKind.STANDARD_DEVIATION_POPULATION: deviation,
    AggregateKind.VARIANCE_SAMPLE: deviation,
    AggregateKind.VARIANCE_POPULATION: deviation,
}
