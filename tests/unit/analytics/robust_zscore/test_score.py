from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.robust_zscore.score import LARGEST_VALUE, SCORE_LIMIT, robust_score
from analytics.robust_zscore.window import SortedWindow

NUMBERS = st.one_of(st.integers(-3, 3).map(float), st.floats(-LARGEST_VALUE, LARGEST_VALUE, allow_nan=False))


def window_of(*values: float) -> SortedWindow:
    window = SortedWindow(len(values))
    for value in values:
        window.push(value)
    return window


def test_the_score_is_the_modified_z_score() -> None:
    # median 3, MAD 1: 0.6745 * (10 - 3) / 1
    assert robust_score(10.0, window_of(1.0, 2.0, 3.0, 4.0, 5.0)) == pytest.approx(4.7215)


def test_the_score_is_signed() -> None:
    window = window_of(1.0, 2.0, 3.0, 4.0, 5.0)
    assert robust_score(-4.0, window) == -robust_score(10.0, window)


def test_without_mad_the_mean_absolute_deviation_stands_in() -> None:
    # median 2, MAD 0, mean absolute deviation 1 / 5
    assert robust_score(3.0, window_of(2.0, 2.0, 2.0, 2.0, 3.0)) == pytest.approx(1.0 / (1.253314 * 0.2))


def test_against_a_constant_its_own_value_scores_nothing_and_others_the_limit() -> None:
    window = window_of(7.0, 7.0, 7.0)
    assert robust_score(7.0, window) == 0.0
    assert robust_score(7.1, window) == SCORE_LIMIT
    assert robust_score(6.9, window) == -SCORE_LIMIT


@given(NUMBERS, st.lists(NUMBERS, min_size=1, max_size=12))
def test_every_window_gives_a_number_within_the_limit(value: float, members: list[float]) -> None:
    score = robust_score(value, window_of(*members))
    assert math.isfinite(score)
    assert abs(score) <= SCORE_LIMIT


@pytest.mark.parametrize("members", [(0.0, 0.0, 5e-324), (0.0, 5e-324, 1e-323), (-1e300, 1e300, 1e300)])
def test_the_smallest_and_largest_spreads_give_a_number(members: tuple[float, ...]) -> None:
    assert math.isfinite(robust_score(1e300, window_of(*members)))
    assert math.isfinite(robust_score(5e-324, window_of(*members)))
