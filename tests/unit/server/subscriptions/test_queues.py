from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from server.subscriptions.entries import OVERFLOW, Entries, cut
from server.subscriptions.queues import QueueLog
from tests.thorough import examples

_INT64 = np.dtype(np.int64)


def entries(owners: list[int], first: int = 0) -> Entries:
    """Give values ``first``, ``first`` + 1, … of these items."""
    count = len(owners)
    numbers = np.arange(first, first + count, dtype=np.int64)
    return Entries(np.array(owners, np.int32), numbers, np.zeros(count, np.uint32), numbers, numbers)


def log_of(*sizes: tuple[int, bool]) -> QueueLog:
    log = QueueLog(_INT64)
    log.grow(len(sizes))
    for item, (size, oldest) in enumerate(sizes):
        log.resize(item, size, discard_oldest=oldest)
    return log


@dataclass
class PlainQueue:
    """One item's queue by Part 4 v1.05 5.13.1.5, a value at a time."""

    size: int
    discard_oldest: bool
    values: deque[tuple[int, int]] = field(default_factory=deque[tuple[int, int]])

    def put(self, value: int, status: int = 0) -> None:
        if len(self.values) < self.size:
            self.values.append((value, status))
        elif self.size == 1:
            self.values[0] = (value, status)
        elif self.discard_oldest:
            self.values.popleft()
            self.values[0] = (self.values[0][0], OVERFLOW)
            self.values.append((value, status))
        else:
            self.values[-1] = (value, OVERFLOW)

    def resize(self, size: int, *, discard_oldest: bool) -> None:
        held, self.values = list(self.values), deque()
        self.size, self.discard_oldest = size, discard_oldest
        for value, status in held:
            self.put(value, status)


def queues(taken: Entries, items: int) -> list[list[tuple[int, int]]]:
    held: list[list[tuple[int, int]]] = [[] for _ in range(items)]
    for owner, value, status in zip(taken.index, taken.values, taken.status, strict=True):
        held[owner].append((int(value), int(status)))
    return held


sizes_of_items = st.lists(st.tuples(st.integers(1, 4), st.booleans()), min_size=1, max_size=5)


@given(sizes_of_items, st.data())
def test_cutting_at_the_end_is_as_cutting_at_every_value(items: list[tuple[int, bool]], data: st.DataObject) -> None:
    owners = data.draw(st.lists(st.integers(0, len(items) - 1), max_size=30))
    plain = [PlainQueue(size, oldest) for size, oldest in items]
    for value, owner in enumerate(owners):
        plain[owner].put(value)
    if not owners:
        return
    sizes, discard = np.array([size for size, _ in items]), np.array([oldest for _, oldest in items])
    kept, lost = cut(entries(owners), sizes, discard)
    assert queues(kept, len(items)) == [list(queue.values) for queue in plain]
    assert lost == len(owners) - len(kept)
    assert kept.values.tolist() == sorted(kept.values.tolist()), "the order of coming stays over all items"


@settings(max_examples=examples(150, 4_000), deadline=None)
@given(sizes_of_items, st.data())
def test_a_log_is_as_one_queue_an_item_whatever_is_done_when(
    items: list[tuple[int, bool]], data: st.DataObject
) -> None:
    log, plain = log_of(*items), [PlainQueue(size, oldest) for size, oldest in items]
    owner_of = st.integers(0, len(items) - 1)
    number, came, left = 0, 0, 0
    for _ in range(data.draw(st.integers(1, 25))):
        deed = data.draw(st.sampled_from(["put", "put", "put", "many", "drain", "extract", "resize"]))
        if deed in {"put", "many"}:
            for _ in range(1 if deed == "put" else data.draw(st.integers(1, 300))):
                part = data.draw(st.lists(owner_of, unique=True)) if deed == "put" else list(range(len(items)))
                log.append(entries(part, number))
                for position, owner in enumerate(part):
                    plain[owner].put(number + position)
                number += len(part)
                came += len(part)
        elif deed == "drain":
            limit = data.draw(st.integers(1, 12))
            quiet = data.draw(st.lists(st.booleans(), min_size=len(items), max_size=len(items)))
            withheld = np.array(quiet) if any(quiet) else None
            ready = sum(len(queue.values) for queue, held in zip(plain, quiet, strict=True) if not held)
            assert log.waiting(withheld) == ready
            taken = log.drain(limit, withheld)
            assert (0 if taken is None else len(taken)) == min(limit, ready)
            left += 0 if taken is None else len(taken)
            for owner, values in enumerate(queues(taken, len(items)) if taken is not None else []):
                assert [plain[owner].values.popleft() for _ in values] == values
        elif deed == "extract":
            owner = data.draw(owner_of)
            taken = log.extract(np.array([owner], np.int32))
            assert (queues(taken, len(items))[owner] if taken is not None else []) == list(plain[owner].values)
            left += len(plain[owner].values)
            plain[owner].values.clear()
        else:
            owner, size, oldest = data.draw(owner_of), data.draw(st.integers(1, 4)), data.draw(st.booleans())
            log.resize(owner, size, discard_oldest=oldest)
            plain[owner].resize(size, discard_oldest=oldest)
    held = log.waiting(None)
    assert held == sum(len(queue.values) for queue in plain)
    rest = log.drain(1000, None)
    assert (queues(rest, len(items)) if rest is not None else [[] for _ in items]) == [list(q.values) for q in plain]
    assert came == left + held + log.lost
    assert not log.count


def test_what_is_kept_between_publishes_is_bounded() -> None:
    log = log_of((2, True), (2, True))
    for number in range(20_000):
        log.append(entries([0, 1], 2 * number))
        assert log.count <= 4098
    drained = log.drain(100, None)
    assert drained is not None
    assert len(drained) == 4
    assert log.lost == 40_000 - 4


def test_a_queue_that_shrinks_and_grows_brings_nothing_back() -> None:
    log = log_of((1, True))
    for number in range(5):
        log.append(entries([0], number))
    log.resize(0, 10, discard_oldest=True)
    drained = log.drain(100, None)
    assert drained is not None
    assert drained.values.tolist() == [4]
