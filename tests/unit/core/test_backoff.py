from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from core.backoff import Backoff


@given(st.integers(), st.floats(0.001, 10), st.floats(0.001, 100), st.integers(1, 2000))
def test_waits_are_above_zero_and_never_beyond_the_longest(seed: int, first: float, longest: float, tries: int) -> None:
    backoff = Backoff(first, longest, random=random.Random(seed))
    waits = [backoff.next() for _ in range(tries)]
    assert min(waits) > 0
    assert max(waits) <= longest


def test_the_ceiling_doubles_and_begins_anew_after_a_success() -> None:
    backoff = Backoff(0.1, 30.0, random=random.Random(1))
    many = [
        [Backoff(0.1, 30.0, random=random.Random(seed), tries=tries).next() for seed in range(300)]
        for tries in range(9)
    ]
    ceilings = [max(waits) for waits in many]
    assert all(0.9 * 2**tries * 0.1 < ceiling <= 2**tries * 0.1 for tries, ceiling in enumerate(ceilings))
    for _ in range(20):
        backoff.next()
    backoff.reset()
    assert backoff.next() <= 0.1


def test_a_thousand_devices_do_not_come_back_at_once() -> None:
    waits = sorted(Backoff(random=random.Random(seed), tries=6).next() for seed in range(1000))
    assert waits[900] - waits[100] > 2.0
