from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.pubsub.delivery import ranges
from server.pubsub.delivery.ranges import Ranges

PLACES = st.integers(0, 40)


@given(st.lists(st.tuples(PLACES, PLACES), max_size=12), PLACES, PLACES)
def test_ranges_are_the_set_that_was_added(added: list[tuple[int, int]], start: int, until: int) -> None:
    found = Ranges()
    model: set[int] = set()
    for after, through in added:
        found.add(after, through)
        model |= set(range(after + 1, through + 1))
        assert [found.holds(number) for number in range(42)] == [number in model for number in range(42)]
    first = next((number for number in range(start + 1, until + 1) if number not in model), None)
    hole = found.hole(start, until)
    if first is None:
        assert hole is None
    else:
        assert hole is not None
        assert hole[0] + 1 == first
        assert not model & set(range(first, hole[1] + 1))
        assert hole[1] == until or hole[1] + 1 in model
    reached = start
    while reached + 1 in model:
        reached += 1
    assert found.through(start) == reached
    found.forget(reached)
    assert all(found.holds(number) == (number in model) for number in range(reached + 1, 42))


def test_memory_is_bounded() -> None:
    found = Ranges()
    for number in range(0, 4 * ranges.KEPT, 2):
        found.add(number, number + 1)
    assert len(found) == ranges.KEPT
