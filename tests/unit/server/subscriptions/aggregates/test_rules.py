"""When samples and intervals count: late ones, the future, clocks that leap and fall, results that nobody takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.datatypes import DataType
from core.quality import NO_VALUE, Status
from core.time import DATETIME_MAX_TICKS, TICKS_PER_SECOND
from server.subscriptions.aggregates.folding import MOST_INTERVALS, Folding
from server.subscriptions.aggregates.kinds import AggregateConfiguration, AggregateKind, Asked, result_type
from server.subscriptions.encoding import Timestamps, encode_columns

NOW = 133_000_000_000 * TICKS_PER_SECOND // 10
SECOND = TICKS_PER_SECOND
CALCULATED, PARTIAL = 0x401, 0x404
SUB_NORMAL = int(Status.UNCERTAIN_DATA_SUB_NORMAL)
INVALID_INPUTS = 0x80D60000 | NO_VALUE
ITEM = np.array([0], np.int32)


def folding(
    kind: AggregateKind,
    datatype: DataType = DataType.DOUBLE,
    *,
    interval: int = SECOND,
    start: int = 0,
    items: int = 1,
    sloped: bool = False,
) -> Folding:
    configuration = AggregateConfiguration(sloped=sloped)
    made = Folding(Asked(kind, configuration, interval, start, result_type(kind, datatype)), datatype, stepped=False)
    made.grow(items)
    return made


def column(value: Any, dtype: Any) -> Any:
    return np.array([value], dtype)


def begin(made: Folding, value: Any, source_time: int, now: int = NOW, datatype: DataType = DataType.DOUBLE) -> None:
    made.begin(ITEM, column(value, datatype.dtype), column(0, np.uint32), column(source_time, np.int64), now)


def offer(
    made: Folding, value: Any, source_time: int, now: int, datatype: DataType = DataType.DOUBLE, status: int = 0
) -> None:
    made.offer(ITEM, column(value, datatype.dtype), column(status, np.uint32), column(source_time, np.int64), now)


def results(made: Folding, now: int) -> list[tuple[Any, int, float]]:
    """Give value, StatusCode and source time in seconds after NOW of what comes out."""
    found: list[tuple[Any, int, float]] = []
    for entries in made.close(now):
        rows = zip(entries.values.tolist(), entries.status.tolist(), entries.source_time.tolist(), strict=True)
        found.extend((value, status, (time - NOW) / SECOND) for value, status, time in rows)
    return found


def test_a_value_from_before_the_first_interval_makes_it_complete() -> None:
    made = folding(AggregateKind.DURATION_GOOD)
    begin(made, 1.0, NOW - 5 * SECOND, NOW + SECOND // 2)
    assert results(made, NOW + 2 * SECOND) == [(1000.0, CALCULATED, 0.0)]


def test_a_value_from_within_the_first_interval_makes_it_partial() -> None:
    made = folding(AggregateKind.DURATION_GOOD)
    begin(made, 1.0, NOW + SECOND // 4, NOW + SECOND // 2)
    assert results(made, NOW + 2 * SECOND) == [(750.0, CALCULATED | PARTIAL, 0.0)]


def test_the_server_time_is_the_end_of_the_interval() -> None:
    made = folding(AggregateKind.COUNT)
    begin(made, 1.0, NOW)
    assert [entries.server_time.tolist() for entries in made.close(NOW + 2 * SECOND)] == [[NOW + SECOND]]


def test_an_interval_waits_for_late_samples_for_its_grace() -> None:
    made = folding(AggregateKind.COUNT)
    begin(made, 1.0, NOW)
    assert made.next_due == NOW + 2 * SECOND
    assert results(made, NOW + 2 * SECOND - 1) == []
    offer(made, 2.0, NOW + SECOND - 1, NOW + 2 * SECOND - 1)
    assert results(made, NOW + 2 * SECOND) == [(2, CALCULATED, 0.0)]
    assert made.late == 0


def test_an_interval_ends_at_once_when_every_item_is_past_it() -> None:
    made = folding(AggregateKind.COUNT)
    begin(made, 1.0, NOW)
    offer(made, 2.0, NOW + SECOND, NOW + SECOND)
    assert made.next_due == NOW + SECOND
    assert results(made, NOW + SECOND) == [(1, CALCULATED, 0.0)]


def test_a_sample_of_a_closed_interval_is_taken_when_it_comes() -> None:
    made = folding(AggregateKind.MAXIMUM_ACTUAL_TIME)
    begin(made, 1.0, NOW)
    assert results(made, NOW + 2 * SECOND) == [(1.0, 0, 0.0)]
    offer(made, 9.0, NOW + SECOND // 2, NOW + 2 * SECOND)
    assert made.late == 1
    assert results(made, NOW + 4 * SECOND)[1] == (9.0, 0, 2.0)


def test_a_device_clock_that_runs_ahead_closes_nothing() -> None:
    made = folding(AggregateKind.MAXIMUM_ACTUAL_TIME)
    begin(made, 1.0, NOW)
    offer(made, 9.0, NOW + 86_400 * SECOND, NOW + SECOND // 2)
    assert results(made, NOW + 2 * SECOND) == [(9.0, 0, 0.5)]


def test_the_same_sample_seen_twice_is_one() -> None:
    made = folding(AggregateKind.COUNT)
    begin(made, float("nan"), NOW)
    offer(made, float("nan"), NOW, NOW + SECOND // 2)
    offer(made, 1.0, NOW, NOW + SECOND // 2)
    offer(made, 1.0, NOW, NOW + SECOND // 2)
    assert results(made, NOW + 2 * SECOND) == [(1, SUB_NORMAL | CALCULATED, 0.0)]


def test_nothing_comes_before_a_start_in_the_future() -> None:
    made = folding(AggregateKind.DURATION_GOOD, start=NOW + 10 * SECOND)
    begin(made, 1.0, NOW)
    assert made.next_due == NOW + 12 * SECOND
    offer(made, 2.0, NOW + 5 * SECOND, NOW + 5 * SECOND)
    assert results(made, NOW + 11 * SECOND) == []
    assert results(made, NOW + 12 * SECOND) == [(1000.0, CALCULATED, 10.0)]


def test_a_clock_that_leaps_a_day_gives_the_open_interval_and_the_latest_ones() -> None:
    made = folding(AggregateKind.COUNT, interval=SECOND // 10)
    begin(made, 1.0, NOW)
    found = results(made, NOW + 86_400 * SECOND)
    assert len(found) == MOST_INTERVALS
    assert found[0] == (1, CALCULATED, 0.0)
    assert found[-1][2] == pytest.approx(86_400 - 0.2)
    assert made.skipped == 864_000 - 1 - MOST_INTERVALS
    assert results(made, NOW + 86_400 * SECOND) == []


def test_a_clock_that_falls_back_begins_anew_with_the_value_there_is() -> None:
    made = folding(AggregateKind.END)
    begin(made, 1.0, NOW)
    offer(made, 2.0, NOW + SECOND, NOW + SECOND)
    back = NOW - 3600 * SECOND
    assert results(made, back + SECOND // 2) == [(1.0, 0, 0.0)]
    assert made.restarts == 1
    assert results(made, back + 2 * SECOND) == [(2.0, PARTIAL, -3599.5)]


def test_results_that_nobody_takes_are_bounded_and_counted() -> None:
    made = folding(AggregateKind.COUNT)
    begin(made, 1.0, NOW)
    for second in range(1, 1000):
        offer(made, 1.0, NOW + second * SECOND, NOW + second * SECOND)
    assert made.skipped == 999 - 2 * MOST_INTERVALS
    assert len(results(made, NOW + 999 * SECOND)) == 2 * MOST_INTERVALS


def test_what_is_forgotten_gives_no_results() -> None:
    made = folding(AggregateKind.COUNT)
    begin(made, 1.0, NOW)
    offer(made, 2.0, NOW + SECOND, NOW + SECOND)
    made.forget(ITEM)
    assert results(made, NOW + 10 * SECOND) == []
    assert made.next_due == DATETIME_MAX_TICKS


def test_what_was_bad_before_a_sample_at_the_start_is_no_doubt_about_the_interval() -> None:
    made = folding(AggregateKind.TIME_AVERAGE)
    begin(made, 1.0, NOW)
    offer(made, 0.0, NOW + SECOND // 2, NOW + SECOND // 2, status=int(Status.BAD_NO_COMMUNICATION))
    offer(made, 3.0, NOW + SECOND, NOW + SECOND)
    offer(made, 5.0, NOW + 2 * SECOND, NOW + 2 * SECOND)
    assert results(made, NOW + 2 * SECOND)[1] == (4.0, CALCULATED, 1.0)


@pytest.mark.parametrize(("sloped", "average"), [(False, 3.0), (True, 4.0)])
def test_a_line_is_extrapolated_from_the_last_two_moments(*, sloped: bool, average: float) -> None:
    made = folding(AggregateKind.TIME_AVERAGE, sloped=sloped)
    begin(made, 1.0, NOW)
    offer(made, 2.0, NOW + SECOND, NOW + SECOND)
    offer(made, 3.0, NOW + SECOND, NOW + SECOND)
    assert results(made, NOW + 3 * SECOND)[1] == (average, SUB_NORMAL | CALCULATED | PARTIAL, 1.0)


def test_a_sum_past_the_largest_number_is_no_result() -> None:
    made = folding(AggregateKind.AVERAGE)
    begin(made, 1.7e308, NOW)
    offer(made, 1.7e308, NOW + 1, NOW + 1)
    [(_, status, _)] = results(made, NOW + 2 * SECOND)
    assert status == INVALID_INPUTS


@pytest.mark.parametrize(
    ("datatype", "low", "high", "status"),
    [
        (DataType.SBYTE, -128, 127, INVALID_INPUTS),
        (DataType.SBYTE, -27, 100, CALCULATED),
        (DataType.BYTE, 0, 255, CALCULATED),
        (DataType.INT64, -(2**63), 2**63 - 1, INVALID_INPUTS),
        (DataType.INT64, -(2**62), 2**62 - 1, CALCULATED),
        (DataType.UINT64, 0, 2**64 - 1, CALCULATED),
        (DataType.FLOAT, -3e38, 3e38, INVALID_INPUTS),
    ],
)
def test_a_range_is_of_the_sources_type_or_refused(datatype: DataType, low: Any, high: Any, status: int) -> None:
    made = folding(AggregateKind.RANGE, datatype)
    begin(made, low, NOW, datatype=datatype)
    offer(made, high, NOW + 1, NOW + 1, datatype)
    [(value, told, _)] = results(made, NOW + 2 * SECOND)
    assert told == status
    assert status == INVALID_INPUTS or value == high - low


def test_a_delta_below_zero_is_refused_for_unsigned_values() -> None:
    made = folding(AggregateKind.DELTA, DataType.UINT64)
    begin(made, 2, NOW, datatype=DataType.UINT64)
    offer(made, 1, NOW + 1, NOW + 1, DataType.UINT64)
    [(_, status, _)] = results(made, NOW + 2 * SECOND)
    assert status == INVALID_INPUTS


def test_results_go_onto_the_wire_without_what_is_no_value() -> None:
    made = folding(AggregateKind.MINIMUM, items=2)
    begin(made, 5.0, NOW)
    bad = np.array([int(Status.BAD_NO_COMMUNICATION)], np.uint32)
    made.begin(np.array([1], np.int32), np.array([0.0]), bad, np.array([NOW]), NOW)
    [entries] = made.close(NOW + 2 * SECOND)
    written = encode_columns(
        made.asked.result_type,
        np.array([7, 8], np.uint32)[entries.index],
        entries.values,
        entries.status,
        entries.source_time,
        entries.server_time,
        Timestamps.SOURCE,
    )
    without_value = len(b"hhhh" + b"m" + b"ssss" + b"tttttttt")
    assert len(written) == len(b"hhhh" + b"m" + b"t" + b"vvvvvvvv" + b"tttttttt") + without_value
