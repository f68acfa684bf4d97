"""The aggregates that monitored items may ask for, and what an item asks (Part 13 v1.05 4.2, 5.4.3)."""

from __future__ import annotations

from dataclasses import dataclass

from core.datatypes import DataType
from historian.aggregates.kinds import AggregateConfiguration, AggregateKind, result_type

__all__ = ["SUPPORTED", "AggregateConfiguration", "AggregateKind", "Asked", "applies", "result_type"]

SUPPORTED = frozenset(
    {
        AggregateKind.INTERPOLATIVE,
        AggregateKind.AVERAGE,
        AggregateKind.TIME_AVERAGE,
        AggregateKind.TOTAL,
        AggregateKind.MINIMUM,
        AggregateKind.MAXIMUM,
        AggregateKind.MINIMUM_ACTUAL_TIME,
        AggregateKind.MAXIMUM_ACTUAL_TIME,
        AggregateKind.RANGE,
        AggregateKind.COUNT,
        AggregateKind.NUMBER_OF_TRANSITIONS,
        AggregateKind.START,
        AggregateKind.END,
        AggregateKind.DELTA,
        AggregateKind.DURATION_GOOD,
        AggregateKind.DURATION_BAD,
        AggregateKind.PERCENT_GOOD,
        AggregateKind.PERCENT_BAD,
        AggregateKind.WORST_QUALITY,
        AggregateKind.DURATION_IN_STATE_ZERO,
        AggregateKind.DURATION_IN_STATE_NON_ZERO,
        AggregateKind.STANDARD_DEVIATION_SAMPLE,
        AggregateKind.STANDARD_DEVIATION_POPULATION,
        AggregateKind.VARIANCE_SAMPLE,
        AggregateKind.VARIANCE_POPULATION,
    }
)
"""Aggregates of monitored items; those that need a value behind their interval are for history alone."""

_OF_STATES = frozenset(
    {
        AggregateKind.COUNT,
        AggregateKind.NUMBER_OF_TRANSITIONS,
        AggregateKind.START,
        AggregateKind.END,
        AggregateKind.DURATION_GOOD,
        AggregateKind.DURATION_BAD,
        AggregateKind.PERCENT_GOOD,
        AggregateKind.PERCENT_BAD,
        AggregateKind.WORST_QUALITY,
        AggregateKind.DURATION_IN_STATE_ZERO,
        AggregateKind.DURATION_IN_STATE_NON_ZERO,
    }
)
"""Aggregates that make sense of a Boolean too."""


def applies(kind: AggregateKind, source: DataType) -> bool:
    """Tell whether an aggregate can be had of values of this type."""
    return source.is_number or (source is DataType.BOOLEAN and kind in _OF_STATES)


@dataclass(frozen=True, slots=True)
class Asked:
    """What an AggregateFilter comes to; part of a cohort's key.

    ``interval``: ticks. Intervals are ``[start + k * interval, start + (k + 1) * interval)`` for k = 0, 1, …; of a
    StartTime that has passed only its place on the grid is kept (``start < interval``), so that items made at
    different times share a cohort, and of one to come the ticks themselves.
    """

    kind: AggregateKind
    configuration: AggregateConfiguration
    interval: int
    start: int
    result_type: DataType
