from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.quality import NO_VALUE
from historian.resolutions import Resolution
from historian.sqlite import summary_rows
from historian.summing import PART, PartArray, add_up, summarise

T0 = 133_000_000_000_000_000 // Resolution.HOUR.ticks * Resolution.HOUR.ticks
ODD = st.sampled_from([0.0, -0.0, 0.1, 12.25, -7.0, 1e100, np.nan, np.inf, -np.inf])
STATUS = st.sampled_from([0, 0, 0, 0x40000000, 0x80000000, 0x80000000 | NO_VALUE, NO_VALUE])


def equal(found: PartArray, wanted: PartArray) -> None:
    for name in PART.names or ():
        np.testing.assert_allclose(found[name], wanted[name], rtol=1e-12, err_msg=name)


def starts_of(
    times: np.ndarray[tuple[int], np.dtype[np.int64]], ticks: int
) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    return np.flatnonzero(np.diff(times // ticks, prepend=-1))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9000), ODD, STATUS), min_size=1, max_size=60), st.booleans())
def test_parts_add_up_to_the_whole_and_survive_being_written(
    samples: list[tuple[int, float, int]],
    all_good: bool,  # noqa: FBT001 - drawn
) -> None:
    samples.sort(key=lambda sample: sample[0])
    times = np.array([T0 + second * 10**7 for second, *_ in samples])
    values = np.array([value for _, value, _ in samples])
    status = np.array([0 if all_good else each for *_, each in samples], np.uint32)
    parts = summarise(values, status, times, starts_of(times, Resolution.MINUTE.ticks), Resolution.MINUTE.ticks)
    whole = summarise(values, status, times, starts_of(times, Resolution.HOUR.ticks), Resolution.HOUR.ticks)
    sums = add_up(parts, starts_of(parts["start"], Resolution.HOUR.ticks), Resolution.HOUR.ticks)
    for name in ("low_time", "high_time"):  # a bucket whose values are all NaN has no time of an extreme
        np.testing.assert_array_equal(sums[name], whole[name])
    equal(sums, whole)
    (payload,) = summary_rows.write(parts, np.zeros(1, np.intp), Resolution.MINUTE)
    summary_rows.check(payload)
    read, digests = summary_rows.read([payload], Resolution.MINUTE)
    equal(read, parts)
    assert digests == []
    assert np.array_equal(np.signbit(read["minimum"]), np.signbit(parts["minimum"]))


def test_values_that_are_no_number_are_passed_over_by_the_extremes() -> None:
    times = T0 + np.arange(4) * 10**7
    values = np.array([np.nan, 3.0, np.inf, 1.0])
    (part,) = summarise(values, np.zeros(4, np.uint32), times, np.zeros(1, np.intp), Resolution.HOUR.ticks)
    assert (part["minimum"], part["low_time"]) == (1.0, times[3])
    assert (part["maximum"], part["high_time"]) == (np.inf, times[2])
    assert part["good"] == 4
    assert np.isnan(part["total"])
    assert np.isnan(part["first"])
    (none,) = summarise(values[:1], np.zeros(1, np.uint32), times[:1], np.zeros(1, np.intp), Resolution.HOUR.ticks)
    assert np.isnan(none["minimum"])
    assert none["low_time"] == T0


def test_the_sum_of_decimals_is_one() -> None:
    count = 600
    times = T0 + np.arange(count) * 10**7
    values = np.round(np.random.default_rng(2).normal(50, 3, count), 2)
    starts = starts_of(times, Resolution.MINUTE.ticks)
    parts = summarise(values, np.zeros(count, np.uint32), times, starts, Resolution.MINUTE.ticks)
    (payload,) = summary_rows.write(parts, np.zeros(1, np.intp), Resolution.MINUTE)
    exact = np.rint(values * 100).reshape(-1, 60).sum(axis=1) / 100
    assert summary_rows.read([payload], Resolution.MINUTE)[0]["total"].tolist() == exact.tolist()
    assert len(payload) < 30 * len(parts)


@pytest.mark.parametrize("damage", [0, 5, 19, 25])
def test_a_changed_byte_is_found(damage: int) -> None:
    times = T0 + np.arange(9) * 10**7
    zeros = np.zeros(1, np.intp)
    parts = summarise(np.arange(9.0), np.zeros(9, np.uint32), times, zeros, Resolution.MINUTE.ticks)
    payload = bytearray(summary_rows.write(parts, zeros, Resolution.MINUTE)[0])
    payload[damage] ^= 1
    with pytest.raises(ValueError, match="row"):
        summary_rows.check(bytes(payload))
