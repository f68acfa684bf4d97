from __future__ import annotations

import asyncio

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.batch import Samples
from core.datatypes import DataType
from core.taps import QueueTap
from tests.clock import settle


def samples(count: int, begin: int = 0) -> Samples:
    slots = np.arange(begin, begin + count, dtype=np.int32)
    zeros = np.zeros(count, np.int64)
    return Samples(DataType.INT64, slots, slots, zeros, zeros.astype(np.uint32), zeros, 0, np.ones(count, np.bool_))


@given(st.lists(st.integers(0, 12), max_size=40), st.integers(1, 30))
def test_the_newest_stay_and_what_went_is_counted(sizes: list[int], capacity: int) -> None:
    tap = QueueTap("t", capacity)
    taken = 0
    for number, size in enumerate(sizes):
        tap.offer(samples(size, number * 100))
        assert tap.counters.waiting <= max(capacity, size, 12)
        if number % 7 == 6:
            taken += sum(len(one) for one in tap.take())
    waiting = tap.take()
    offered = sum(sizes)
    assert tap.counters.offered == offered
    assert taken + sum(len(one) for one in waiting) + tap.counters.dropped == offered
    begins = [int(one.slots[0]) for one in waiting]
    assert begins == sorted(begins)


def test_a_batch_larger_than_the_tap_is_kept_alone() -> None:
    tap = QueueTap("t", 5)
    tap.offer(samples(3))
    tap.offer(samples(9))
    assert [len(one) for one in tap.take()] == [9]
    assert tap.counters.dropped == 3


async def test_wait_returns_when_something_comes() -> None:
    tap = QueueTap("t", 5)
    waiter = asyncio.create_task(tap.wait())
    await settle()
    assert not waiter.done()
    tap.offer(samples(1))
    assert await waiter


async def test_a_closed_tap_gives_what_waits_and_then_ends() -> None:
    tap = QueueTap("t", 5)
    tap.offer(samples(2))
    tap.close()
    tap.offer(samples(2))
    assert await tap.wait()
    assert [len(one) for one in tap.take()] == [2]
    assert not await tap.wait()


async def test_closing_wakes_who_waits() -> None:
    tap = QueueTap("t", 5)
    waiter = asyncio.create_task(tap.wait())
    await settle()
    tap.close()
    assert not await waiter
