from __future__ import annotations

import statistics
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.robust_zscore.window import SortedWindow

# Few different values make ties, which is where a selection by rank goes wrong.
NUMBERS = st.one_of(st.integers(-3, 3).map(float), st.floats(-1e300, 1e300, allow_nan=False), st.just(-0.0))


def held(capacity: int, values: list[float]) -> SortedWindow:
    window = SortedWindow(capacity)
    for value in values:
        window.push(value)
    return window


@given(st.integers(1, 12), st.lists(NUMBERS, min_size=1, max_size=40))
def test_statistics_are_those_of_the_latest_values(capacity: int, values: list[float]) -> None:
    window = SortedWindow(capacity)
    latest: deque[float] = deque(maxlen=capacity)
    for value in values:
        window.push(value)
        latest.append(value)
        median = statistics.median(latest)
        deviations = [abs(member - median) for member in latest]
        assert len(window) == len(latest)
        assert window.median() == median
        assert window.median_deviation(median) == statistics.median(deviations)
        assert window.mean_deviation(median) == pytest.approx(statistics.fmean(deviations), rel=1e-12)


@given(st.lists(NUMBERS, min_size=1, max_size=30), st.integers(1, 30), st.integers(1, 30))
def test_a_resized_window_is_one_that_had_the_size_all_along(values: list[float], before: int, after: int) -> None:
    window = held(before, values)
    window.resize(after)
    same = held(min(before, after), values)
    assert len(window) == len(same)
    assert window.median() == same.median()
    assert window.median_deviation(window.median()) == same.median_deviation(same.median())
    assert window.capacity == after


def test_a_cleared_window_is_empty_and_takes_values_again() -> None:
    window = held(3, [1.0, 2.0, 3.0, 4.0])
    window.clear()
    assert len(window) == 0
    window.push(7.0)
    assert (len(window), window.median()) == (1, 7.0)


def test_values_equal_to_the_median_do_not_hide_the_rest() -> None:
    window = held(10, [5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 1.0, 9.0])
    assert window.median_deviation(5.0) == 0.0
    assert window.mean_deviation(5.0) == 1.0
