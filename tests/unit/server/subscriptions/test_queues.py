from __future__ import annotations

from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.subscriptions.queues import OVERFLOW, Entries, QueueLog, cut, joined


def entries(owners: list[int], first: int = 0) -> Entries:
    """Give values ``first``, ``first`` + 1, … of these items."""
    count = len(owners)
    numbers = np.arange(first, first + count, dtype=np.int64)
    return Entries(np.array(owners, np.int32), numbers, np.zeros(count, np.uint32), numbers, numbers)


def queues(cut_entries: Entries, items: int) -> list[list[tuple[int, int]]]:
    held: list[list[tuple[int, int]]] = [[] for _ in range(items)]
    for owner, value, status in zip(cut_entries.index, cut_entries.values, cut_entries.status, strict=True):
        held[owner].append((int(value), int(status)))
    return held


sizes_of_items = st.lists(st.tuples(st.integers(1, 4), st.booleans()), min_size=1, max_size=5)


@given(sizes_of_items, st.data())
def test_cutting_at_the_end_is_as_cutting_at_every_value(items: list[tuple[int, bool]], data: st.DataObject) -> None:
    owners = data.draw(st.lists(st.integers(0, len(items) - 1), max_size=30))
    plain: list[deque[tuple[int, int]]] = [deque() for _ in items]
    for value, owner in enumerate(owners):
        size, oldest = items[owner]
        queue = plain[owner]
        if len(queue) < size:
            queue.append((value, 0))
        elif size == 1:
            queue[0] = (value, 0)
        elif oldest:
            queue.popleft()
            queue[0] = (queue[0][0], OVERFLOW)
            queue.append((value, 0))
        else:
            queue[-1] = (value, OVERFLOW)
    if not owners:
        return
    sizes, discard = np.array([size for size, _ in items]), np.array([oldest for _, oldest in items])
    kept, lost = cut(entries(owners), sizes, discard)
    assert queues(kept, len(items)) == [list(queue) for queue in plain]
    assert lost == len(owners) - len(kept)
    assert kept.values.tolist() == sorted(kept.values.tolist()), "the order of coming stays over all items"


@given(sizes_of_items, st.data())
def test_a_log_keeps_every_items_order_whatever_is_taken_when(
    items: list[tuple[int, bool]], data: st.DataObject
) -> None:
    sizes, discard = np.array([size for size, _ in items]), np.array([oldest for _, oldest in items])
    log = QueueLog()
    came: list[list[int]] = [[] for _ in items]
    left: list[list[int]] = [[] for _ in items]
    number = 0

    def take(taken: Entries | None) -> None:
        if taken is not None:
            for owner, value in zip(taken.index, taken.values, strict=True):
                left[owner].append(int(value))

    for _ in range(data.draw(st.integers(1, 12))):
        part = data.draw(st.lists(st.integers(0, len(items) - 1), unique=True))
        log.append(entries(part, number), sizes, discard, int(sizes.sum()))
        for position, owner in enumerate(part):
            came[owner].append(number + position)
        number += len(part)
        if data.draw(st.booleans()):
            take(log.drain(sizes, discard, int(sizes.min()), data.draw(st.integers(1, 5))))
    while log.count:
        take(log.drain(sizes, discard, int(sizes.min()), 100))
    for owner, values in enumerate(left):
        assert values == sorted(set(values))
        assert set(values) <= set(came[owner])
        assert values[-1:] == came[owner][-1:], "the newest value is never lost"
    assert sum(map(len, came)) == sum(map(len, left)) + log.lost


def test_what_is_kept_between_publishes_is_bounded() -> None:
    log = QueueLog()
    sizes, discard = np.array([2, 2]), np.array([True, True])
    for number in range(20_000):
        log.append(entries([0, 1], 2 * number), sizes, discard, 4)
        assert log.count <= 4098
    drained = log.drain(sizes, discard, 2, 100)
    assert drained is not None
    assert len(drained) == 4
    assert log.lost == 40_000 - 4


def test_a_queue_that_shrinks_and_grows_brings_nothing_back() -> None:
    log = QueueLog()
    small, large, discard = np.array([1]), np.array([10]), np.array([True])
    for number in range(5):
        log.append(entries([0], number), small, discard, 1)
    log.before_resize(small, discard)
    drained = log.drain(large, discard, 10, 100)
    assert drained is not None
    assert drained.values.tolist() == [4]


def test_taking_some_items_out_and_putting_them_back_keeps_their_order() -> None:
    log = QueueLog()
    sizes, discard = np.array([5, 5]), np.array([True, True])
    log.append(entries([0, 1], 0), sizes, discard, 10)
    log.append(entries([1, 0], 2), sizes, discard, 10)
    taken = log.extract(np.array([1], np.int32))
    assert taken is not None
    log.append(entries([1], 4), sizes, discard, 10)
    log.put_back(taken)
    assert log.count_of(np.array([False, True])) == 3
    drained = log.drain(sizes, discard, 5, 100)
    assert drained is not None
    assert queues(drained, 2) == [[(0, 0), (3, 0)], [(1, 0), (2, 0), (4, 0)]]


@pytest.mark.parametrize("count", [1, 3])
def test_joining_is_one_after_the_other(count: int) -> None:
    parts = [entries([0], number) for number in range(count)]
    assert joined(parts).values.tolist() == list(range(count))


def test_an_empty_log_gives_nothing() -> None:
    log = QueueLog()
    log.append(entries([]), np.array([1]), np.array([True]), 1)
    assert log.drain(np.array([1]), np.array([True]), 1, 10) is None
    assert log.extract(np.array([0], np.int32)) is None
