from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from historian.digest import CENTROIDS, in_order, merged, merged_runs, of_runs, of_values, quantile


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.floats(-1e9, 1e9), max_size=200), min_size=1, max_size=6))
def test_a_digest_stands_for_all_values_and_stays_small(parts: list[list[float]]) -> None:
    values = np.sort(np.concatenate([np.array(part) for part in parts]))
    digest = merged([of_values(np.array(part)) for part in parts])
    assert len(digest.means) <= CENTROIDS or len(values) <= CENTROIDS
    assert int(digest.weights.sum()) == len(values)
    assert (np.diff(digest.means) >= 0).all()
    if not len(values):
        assert np.isnan(quantile(digest, 0.5, np.nan, np.nan))
        return
    assert float(digest.means @ digest.weights) == pytest.approx(float(values.sum()), rel=1e-9, abs=1e-3)
    guesses = [quantile(digest, share, values[0], values[-1]) for share in (0, 0.25, 0.5, 0.75, 1)]
    assert guesses == sorted(guesses)
    assert (guesses[0], guesses[-1]) == (values[0], values[-1])
    if len(values) <= CENTROIDS:
        assert guesses == pytest.approx(np.quantile(values, [0, 0.25, 0.5, 0.75, 1]).tolist())


def test_runs_are_digested_apart_and_what_is_bad_or_no_number_is_left_out() -> None:
    values = np.array([5.0, 1.0, np.nan, 7.0, np.inf, 2.0])
    good = np.array([True, True, True, False, True, True])
    first, second = of_runs(values, good, np.array([0, 3]))
    assert (first.means.tolist(), second.means.tolist()) == ([1.0, 5.0], [2.0])
    (both,) = merged_runs(in_order([second, first], np.array([1, 0])), np.array([0]))
    assert both.means.tolist() == [1.0, 2.0, 5.0]


def test_many_merges_keep_percentiles_near() -> None:
    values = np.random.default_rng(3).normal(0, 1, 90_000)
    digest = of_values(values[:100])
    for first in range(100, len(values), 100):
        digest = merged([digest, of_values(values[first : first + 100])])
    for share in (0.001, 0.01, 0.5, 0.95, 0.999):
        guess = quantile(digest, share, float(values.min()), float(values.max()))
        assert np.mean(values < guess) == pytest.approx(share, abs=0.02)


def test_equal_values_are_one_value_and_large_ones_have_a_mean() -> None:
    digest = merged([of_values(np.full(1000, 0.1)) for _ in range(50)])
    assert set(digest.means.tolist()) == {0.1}
    assert of_values(np.full(1000, 1.7e308)).means == pytest.approx(1.7e308)


def test_a_share_beyond_all_values_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        quantile(of_values(np.ones(3)), 1.5, 1, 1)
