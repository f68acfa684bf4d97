"""The worked examples of Part 13 v1.04 Annex A, as far as they are told before the example historians' data ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.datatypes import DataType
from core.quality import NO_VALUE, Status
from server.subscriptions.aggregates.folding import Folding
from server.subscriptions.aggregates.kinds import AggregateConfiguration, AggregateKind, Asked, result_type

NOON = 130_000_000_000_000_000 // 864_000_000_000 * 864_000_000_000 + 12 * 36_000_000_000
SECOND = 10_000_000
GOOD, UNCERTAIN, SUB_NORMAL, BAD, NO_DATA = 0, 0x40000000, 0x40A40000, 0x80000000, 0x809B0000
CALCULATED, INTERPOLATED = 0x401, 0x402
PARTIAL = 0x404
Row = tuple[Any, int]
"""Value (None: none) and StatusCode."""

HISTORIAN_1 = [
    (10, 10, GOOD),
    (20, 20, GOOD),
    (30, 30, GOOD),
    (40, 40, BAD),
    (50, 50, GOOD),
    (60, 60, GOOD),
    (70, 70, UNCERTAIN),
    (80, 80, GOOD),
    (90, 90, GOOD),
]
HISTORIAN_2 = [
    (2, 10, GOOD),
    (25, 20, GOOD),
    (28, 25, GOOD),
    (39, 30, GOOD),
    (42, 0, BAD),
    (48, 40, GOOD),
    (52, 50, GOOD),
    (72, 60, GOOD),
    (77, 70, UNCERTAIN),
    (83, 70, GOOD),
    (86, 80, GOOD),
    (90, 90, GOOD),
]
HISTORIAN_4 = [
    (2, True, GOOD),
    (25, False, GOOD),
    (28, True, GOOD),
    (39, True, GOOD),
    (42, False, BAD),
    (48, True, GOOD),
    (52, False, GOOD),
    (72, False, GOOD),
    (77, True, UNCERTAIN),
    (83, True, GOOD),
    (86, False, GOOD),
    (90, True, GOOD),
]
LENIENT = AggregateConfiguration(treat_uncertain_as_bad=False, percent_bad=100, percent_good=100, sloped=False)
STRICT = AggregateConfiguration(treat_uncertain_as_bad=True, percent_bad=100, percent_good=100, sloped=False)
HALF = AggregateConfiguration(treat_uncertain_as_bad=True, percent_bad=50, percent_good=50, sloped=False)


def processed(
    kind: AggregateKind,
    samples: list[tuple[int, Any, int]],
    configuration: AggregateConfiguration,
    seconds: int,
    *,
    stepped: bool = False,
    datatype: DataType = DataType.DOUBLE,
) -> dict[float, Row]:
    """Give what a monitored item made at 12:00:00 reports until 12:01:40, by seconds since 12:00:00.

    It reports when all samples have come, as a historian is read. What differs all the same: a line whose next sample
    is Bad is extrapolated, because an item does not wait for the one behind that; such rows are not compared.
    """
    asked = Asked(kind, configuration, seconds * SECOND, NOON % (seconds * SECOND), result_type(kind, datatype))
    folding = Folding(asked, datatype, stepped=stepped)
    folding.grow(4)
    item = np.array([3], np.int32)

    def column(value: Any, dtype: Any) -> Any:
        return np.array([value], dtype)

    unread = column(Status.BAD_WAITING_FOR_INITIAL_DATA | NO_VALUE, np.uint32)
    folding.begin(item, column(0, datatype.dtype), unread, column(NOON, np.int64), NOON)
    for second, value, status in samples:
        moment = NOON + second * SECOND
        folding.offer(item, column(value, datatype.dtype), column(status, np.uint32), column(moment, np.int64), moment)
    found: dict[float, Row] = {}
    for entries in folding.close(NOON + 100 * SECOND):
        assert entries.index.tolist() == [3]
        status = int(entries.status[0])
        value = None if status & NO_VALUE else entries.values[0].item()
        found[(int(entries.source_time[0]) - NOON) / SECOND] = (value, status & ~NO_VALUE)
    return found


def compare(found: dict[float, Row], told: dict[float, Row]) -> None:
    for second, (value, status) in told.items():
        assert found[second] == (value if value is None else pytest.approx(value, abs=5e-4), status), second


def test_interpolative_historian_1() -> None:
    found = processed(AggregateKind.INTERPOLATIVE, HISTORIAN_1, LENIENT, 5)
    line = {second: (float(second), GOOD | INTERPOLATED) for second in (15, 25, 55, 85)}
    skipped = {second: (float(second), SUB_NORMAL | INTERPOLATED) for second in (40, 45, 65, 75)}
    raw = {second: (float(second), GOOD) for second in (10, 20, 30, 50, 60, 80, 90)}
    compare(found, {0: (None, NO_DATA), 5: (None, NO_DATA), 70: (70.0, UNCERTAIN), **line, **skipped, **raw})


def test_interpolative_historian_2() -> None:
    found = processed(AggregateKind.INTERPOLATIVE, HISTORIAN_2, STRICT, 5)
    line = {5: 11.304, 10: 13.478, 15: 15.652, 20: 17.826, 30: 25.909, 35: 28.182}
    line |= {50: 45, 55: 51.5, 60: 54, 65: 56.5, 70: 59, 85: 76.667}
    skipped = {40: 31.111, 45: 36.667, 75: 62.727, 80: 67.273}
    told: dict[float, Row] = {0: (None, NO_DATA), 25: (20.0, GOOD), 90: (90.0, GOOD)}
    told |= {second: (value, GOOD | INTERPOLATED) for second, value in line.items()}
    told |= {second: (value, SUB_NORMAL | INTERPOLATED) for second, value in skipped.items()}
    compare(found, told)


def test_time_average_historian_1() -> None:
    found = processed(AggregateKind.TIME_AVERAGE, HISTORIAN_1, LENIENT, 5)
    told: dict[float, Row] = {0: (None, NO_DATA), 5: (None, NO_DATA)}
    told |= {second: (second + 2.5, GOOD | CALCULATED) for second in (10, 15, 20, 25, 50, 55, 80)}
    told |= {second: (second + 2.5, SUB_NORMAL | CALCULATED) for second in (40, 45, 60, 65, 70, 75)}
    compare(found, told)


def test_time_average_historian_2_begins_in_a_partial_interval() -> None:
    found = processed(AggregateKind.TIME_AVERAGE, HISTORIAN_2, STRICT, 5)
    compare(found, {0: (10.652, SUB_NORMAL | CALCULATED | PARTIAL)})


@pytest.mark.parametrize(
    ("samples", "configuration", "stepped", "told"),
    [
        (
            HISTORIAN_1,
            LENIENT,
            False,
            {10: (10, GOOD | PARTIAL), 20: (20, GOOD), 32: (None, NO_DATA), 50: (50, GOOD), 64: (None, NO_DATA)},
        ),
        (HISTORIAN_2, STRICT, False, {2: (10, GOOD | PARTIAL), 25: (20, GOOD), 48: (40, GOOD)}),
        (HISTORIAN_2, HALF, True, {2: (10, GOOD | PARTIAL), 25: (20, GOOD), 48: (40, GOOD)}),
        # The table of 5.4.3.12 wants Calculated where the result is Uncertain; the annex leaves it out.
        (HISTORIAN_2, STRICT, False, {39: (30, SUB_NORMAL | CALCULATED), 72: (60, SUB_NORMAL | CALCULATED)}),
    ],
)
def test_minimum_actual_time(
    *,
    samples: list[tuple[int, Any, int]],
    configuration: AggregateConfiguration,
    stepped: bool,
    told: dict[float, Row],
) -> None:
    compare(processed(AggregateKind.MINIMUM_ACTUAL_TIME, samples, configuration, 16, stepped=stepped), told)


@pytest.mark.parametrize(
    ("samples", "configuration", "told"),
    [
        (
            HISTORIAN_1,
            LENIENT,
            {10: (10, GOOD | PARTIAL), 30: (30, GOOD), 32: (None, NO_DATA), 60: (60, GOOD), 64: (None, NO_DATA)},
        ),
        (HISTORIAN_2, STRICT, {2: (10, GOOD | PARTIAL), 28: (25, GOOD), 52: (50, GOOD)}),
    ],
)
def test_maximum_actual_time(
    samples: list[tuple[int, Any, int]], configuration: AggregateConfiguration, told: dict[float, Row]
) -> None:
    compare(processed(AggregateKind.MAXIMUM_ACTUAL_TIME, samples, configuration, 16), told)


@pytest.mark.parametrize(("configuration", "stepped"), [(STRICT, False), (HALF, True)])
def test_duration_good_historians_2_and_3(*, configuration: AggregateConfiguration, stepped: bool) -> None:
    found = processed(AggregateKind.DURATION_GOOD, HISTORIAN_2, configuration, 16, stepped=stepped)
    whole = {16: 16000, 32: 10000, 48: 16000, 64: 13000}
    compare(
        found,
        {0: (14000, CALCULATED | PARTIAL), **{second: (length, CALCULATED) for second, length in whole.items()}},
    )


def test_duration_in_state_zero_historian_4() -> None:
    found = processed(
        AggregateKind.DURATION_IN_STATE_ZERO, HISTORIAN_4, STRICT, 16, stepped=True, datatype=DataType.BOOLEAN
    )
    compare(
        found,
        {
            0: (0, SUB_NORMAL | CALCULATED | PARTIAL),
            16: (3000, GOOD | CALCULATED),
            32: (0, SUB_NORMAL | CALCULATED),
            48: (12000, GOOD | CALCULATED),
            64: (13000, SUB_NORMAL | CALCULATED),
        },
    )
