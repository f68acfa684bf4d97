"""The standard aggregates, what they make of which values, and how they are configured (Part 13 v1.05 4.2, 5.4)."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from core.datatypes import DataType


class AggregateKind(enum.IntEnum):
    """The AggregateFunction Objects by the numbers of their NodeIds in namespace 0."""

    INTERPOLATIVE = 2341
    AVERAGE = 2342
    TIME_AVERAGE = 2343
    TIME_AVERAGE2 = 11285
    TOTAL = 2344
    TOTAL2 = 11304
    MINIMUM = 2346
    MAXIMUM = 2347
    MINIMUM_ACTUAL_TIME = 2348
    MAXIMUM_ACTUAL_TIME = 2349
    RANGE = 2350
    MINIMUM2 = 11286
    MAXIMUM2 = 11287
    MINIMUM_ACTUAL_TIME2 = 11305
    MAXIMUM_ACTUAL_TIME2 = 11306
    RANGE2 = 11288
    ANNOTATION_COUNT = 2351
    COUNT = 2352
    DURATION_IN_STATE_ZERO = 11307
    DURATION_IN_STATE_NON_ZERO = 11308
    NUMBER_OF_TRANSITIONS = 2355
    START = 2357
    END = 2358
    DELTA = 2359
    START_BOUND = 11505
    END_BOUND = 11506
    DELTA_BOUNDS = 11507
    DURATION_GOOD = 2360
    DURATION_BAD = 2361
    PERCENT_GOOD = 2362
    PERCENT_BAD = 2363
    WORST_QUALITY = 2364
    WORST_QUALITY2 = 11292
    STANDARD_DEVIATION_SAMPLE = 11426
    VARIANCE_SAMPLE = 11428
    STANDARD_DEVIATION_POPULATION = 11427
    VARIANCE_POPULATION = 11429


_OF_THE_SOURCE = frozenset(
    {
        AggregateKind.INTERPOLATIVE,
        AggregateKind.MINIMUM,
        AggregateKind.MAXIMUM,
        AggregateKind.MINIMUM_ACTUAL_TIME,
        AggregateKind.MAXIMUM_ACTUAL_TIME,
        AggregateKind.RANGE,
        AggregateKind.MINIMUM2,
        AggregateKind.MAXIMUM2,
        AggregateKind.MINIMUM_ACTUAL_TIME2,
        AggregateKind.MAXIMUM_ACTUAL_TIME2,
        AggregateKind.RANGE2,
        AggregateKind.START,
        AggregateKind.END,
        AggregateKind.DELTA,
        AggregateKind.START_BOUND,
        AggregateKind.END_BOUND,
        AggregateKind.DELTA_BOUNDS,
    }
)
"""Aggregates whose results have the source's data type."""
_COUNTED = frozenset({AggregateKind.ANNOTATION_COUNT, AggregateKind.COUNT, AggregateKind.NUMBER_OF_TRANSITIONS})
_STATUS = frozenset({AggregateKind.WORST_QUALITY, AggregateKind.WORST_QUALITY2})
_OF_ALL = frozenset(
    {
        AggregateKind.ANNOTATION_COUNT,
        AggregateKind.COUNT,
        AggregateKind.START,
        AggregateKind.END,
        AggregateKind.START_BOUND,
        AggregateKind.END_BOUND,
        AggregateKind.DURATION_GOOD,
        AggregateKind.DURATION_BAD,
        AggregateKind.PERCENT_GOOD,
        AggregateKind.PERCENT_BAD,
        AggregateKind.WORST_QUALITY,
        AggregateKind.WORST_QUALITY2,
    }
)
"""Aggregates that make sense of any value (Part 13 v1.05 5.4.2.3)."""
_OF_STATES = frozenset(
    {
        AggregateKind.DURATION_IN_STATE_ZERO,
        AggregateKind.DURATION_IN_STATE_NON_ZERO,
        AggregateKind.NUMBER_OF_TRANSITIONS,
    }
)
"""Aggregates that make sense of numbers and Booleans."""
_WHOLE = 100


def result_type(kind: AggregateKind, source: DataType) -> DataType:
    """Give the data type of an aggregate's results (the tables of Part 13 v1.05 5.4.3)."""
    if kind in _OF_THE_SOURCE:
        return source
    if kind in _COUNTED:
        return DataType.INT32
    return DataType.STATUSCODE if kind in _STATUS else DataType.DOUBLE


def applies(kind: AggregateKind, source: DataType) -> bool:
    """Tell whether an aggregate of history can be had of values of this type (Part 13 v1.05 5.4.2.3)."""
    if kind in _OF_ALL:
        return True
    return source.is_number or (source is DataType.BOOLEAN and kind in _OF_STATES)


@dataclass(frozen=True, slots=True)
class AggregateConfiguration:
    """How quality counts (Part 13 v1.05 4.2.1.2); percentages are whole numbers, 0 to 100.

    ``sloped``: beyond the last value the line through the last two goes on; else the last value holds.
    """

    treat_uncertain_as_bad: bool = True
    percent_bad: int = 100
    percent_good: int = 100
    sloped: bool = False

    @property
    def is_valid(self) -> bool:
        """Tell whether the percentages go together: neither over 100, and at least 100 in all."""
        bad, good = self.percent_bad, self.percent_good
        return 0 <= bad <= _WHOLE and 0 <= good <= _WHOLE and good >= _WHOLE - bad
