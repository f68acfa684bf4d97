"""Which arrays calculate which aggregate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.datatypes import DataType
from server.subscriptions.aggregates.counting import Average, Count, Deviation, NumberOfTransitions
from server.subscriptions.aggregates.durations import Durations
from server.subscriptions.aggregates.extremes import Extreme, Range
from server.subscriptions.aggregates.interpolative import Interpolative
from server.subscriptions.aggregates.kinds import AggregateKind, Asked
from server.subscriptions.aggregates.lines import Area
from server.subscriptions.aggregates.outcomes import Fold
from server.subscriptions.aggregates.selecting import Chosen, Delta, WorstQuality

_LOWEST = frozenset({AggregateKind.MINIMUM, AggregateKind.MINIMUM_ACTUAL_TIME})
_ACTUAL_TIME = frozenset({AggregateKind.MINIMUM_ACTUAL_TIME, AggregateKind.MAXIMUM_ACTUAL_TIME})


@dataclass(frozen=True, slots=True)
class _Source:
    """What the samples are."""

    datatype: DataType
    stepped: bool


def fold_of(asked: Asked, datatype: DataType, *, stepped: bool) -> Fold:
    """Make the arrays of the aggregate that is asked for, without items; ``datatype``: the source's."""
    return _MAKERS[asked.kind](asked, _Source(datatype, stepped))


def _interpolative(asked: Asked, source: _Source) -> Fold:
    return Interpolative(source.datatype, stepped=source.stepped, sloped=asked.configuration.sloped)


def _average(asked: Asked, _source: _Source) -> Fold:
    return Average(asked.configuration)


def _area(asked: Asked, source: _Source) -> Fold:
    return Area(source.datatype, averaged=asked.kind is AggregateKind.TIME_AVERAGE, sloped=asked.configuration.sloped)


def _extreme(asked: Asked, source: _Source) -> Fold:
    return Extreme(
        source.datatype,
        lowest=asked.kind in _LOWEST,
        actual_time=asked.kind in _ACTUAL_TIME,
        treat_uncertain_as_bad=asked.configuration.treat_uncertain_as_bad,
    )


def _range(asked: Asked, source: _Source) -> Fold:
    return Range(source.datatype, treat_uncertain_as_bad=asked.configuration.treat_uncertain_as_bad)


def _count(asked: Asked, _source: _Source) -> Fold:
    return Count(asked.configuration)


def _transitions(asked: Asked, _source: _Source) -> Fold:
    return NumberOfTransitions(asked.configuration)


def _chosen(asked: Asked, source: _Source) -> Fold:
    return Chosen(source.datatype, first=asked.kind is AggregateKind.START)


def _delta(_asked: Asked, source: _Source) -> Fold:
    return Delta(source.datatype)


def _worst_quality(_asked: Asked, _source: _Source) -> Fold:
    return WorstQuality()


def _deviation(asked: Asked, _source: _Source) -> Fold:
    return Deviation(asked.kind)


def _durations(asked: Asked, _source: _Source) -> Fold:
    return Durations(asked.kind, asked.configuration)


_MAKERS: dict[AggregateKind, Callable[[Asked, _Source], Fold]] = {
    AggregateKind.INTERPOLATIVE: _interpolative,
    AggregateKind.AVERAGE: _average,
    AggregateKind.TIME_AVERAGE: _area,
    AggregateKind.TOTAL: _area,
    AggregateKind.MINIMUM: _extreme,
    AggregateKind.MAXIMUM: _extreme,
    AggregateKind.MINIMUM_ACTUAL_TIME: _extreme,
    AggregateKind.MAXIMUM_ACTUAL_TIME: _extreme,
    AggregateKind.RANGE: _range,
    AggregateKind.COUNT: _count,
    AggregateKind.NUMBER_OF_TRANSITIONS: _transitions,
    AggregateKind.START: _chosen,
    AggregateKind.END: _chosen,
    AggregateKind.DELTA: _delta,
    AggregateKind.DURATION_GOOD: _durations,
    AggregateKind.DURATION_BAD: _durations,
    AggregateKind.PERCENT_GOOD: _durations,
    AggregateKind.PERCENT_BAD: _durations,
    AggregateKind.WORST_QUALITY: _worst_quality,
    AggregateKind.DURATION_IN_STATE_ZERO: _durations,
    AggregateKind.DURATION_IN_STATE_NON_ZERO: _durations,
    AggregateKind.STANDARD_DEVIATION_SAMPLE: _deviation,
    AggregateKind.STANDARD_DEVIATION_POPULATION: _deviation,
    AggregateKind.VARIANCE_SAMPLE: _deviation,
    AggregateKind.VARIANCE_POPULATION: _deviation,
}
