from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from server.pubsub.cloud.token_bucket import TokenBucket
from tests.thorough import examples


@settings(max_examples=examples(30, 2_000))
@given(
    limit=st.floats(2.0, 10_000.0),
    asks=st.lists(st.tuples(st.floats(0.0, 0.3), st.floats(0.01, 1.0)), min_size=1, max_size=150),
)
def test_no_second_has_more_than_it_may(limit: float, asks: list[tuple[float, float]]) -> None:
    now, taken = 0.0, list[tuple[float, float]]()
    largest = max(limit / 4, 1.0)
    bucket = TokenBucket(limit, now, largest=largest)
    for pause, part in asks:
        now += pause
        amount = part * largest
        while (wait := bucket.wait(amount, now)) > 0:
            now += wait
        bucket.take(amount, now)
        taken.append((now, amount))
    for begin, _ in taken:
        assert sum(amount for moment, amount in taken if begin <= moment < begin + 1) <= limit * 1.000_001


def test_nearly_all_that_may_go_does() -> None:
    bucket, now, sent = TokenBucket(100.0, 0.0), 0.0, 0
    while now < 10.0:
        if (wait := bucket.wait(1.0, now)) > 0:
            now += wait
        else:
            bucket.take(1.0, now)
            sent += 1
    assert 900 <= sent <= 920


def test_one_that_is_more_than_a_burst_waits_for_a_full_bucket() -> None:
    bucket = TokenBucket(1_000.0, 0.0)
    bucket.take(50.0, 0.0)
    assert bucket.wait(5_000.0, 0.0) > 0
    assert bucket.wait(5_000.0, 1.0) == 0.0
    bucket.take(5_000.0, 1.0)
    assert bucket.wait(1.0, 2.0) > 3.0


def test_a_clock_that_stands_still_fills_nothing() -> None:
    bucket = TokenBucket(10.0, 5.0)
    bucket.take(1.0, 5.0)
    assert bucket.wait(1.0, 4.0) == bucket.wait(1.0, 5.0) > 0


def test_less_than_one_a_second_may_go() -> None:
    bucket, now, moments = TokenBucket(0.5, 0.0), 0.0, list[float]()
    while len(moments) < 5:
        if (wait := bucket.wait(1.0, now)) > 0:
            now += wait
        else:
            bucket.take(1.0, now)
            moments.append(now)
    assert all(later - earlier >= 2.0 for earlier, later in pairwise(moments))
