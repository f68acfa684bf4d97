from __future__ import annotations

import asyncio

import pytest

from server.subscriptions.sampling import SamplingClock
from tests.waiting import until


async def test_members_are_called_at_their_pace_without_drift() -> None:
    clock = SamplingClock()
    loop = asyncio.get_running_loop()
    called: list[float] = []
    clock.add(0.02, "a", lambda: called.append(loop.time() - began))
    began = clock._timers[0.02].when() - 0.02
    await until(lambda: len(called) >= 10)
    steps = [int((moment + 1e-6) / 0.02) for moment in called]
    assert steps[0] >= 1
    assert steps == sorted(set(steps)), "a tick that is late is not made up for by another"
    following = (clock._timers[0.02].when() - began) / 0.02
    assert following == pytest.approx(round(following), abs=1e-3), "however late one was, the next keeps to the grid"
    clock.stop()


async def test_a_removed_member_is_called_no_more_and_the_last_one_ends_the_timer() -> None:
    clock = SamplingClock()
    called: list[str] = []
    clock.add(0.01, "a", lambda: called.append("a"))
    clock.add(0.01, "b", lambda: called.append("b"))
    clock.remove(0.01, "a")
    clock.remove(0.01, "nobody")
    clock.remove(5.0, "nobody")
    await until(lambda: len(called) >= 3)
    assert set(called) == {"b"}
    clock.remove(0.01, "b")
    assert not clock._timers


async def test_a_member_may_leave_while_it_is_called() -> None:
    clock = SamplingClock()
    called: list[str] = []

    def once() -> None:
        called.append("a")
        clock.remove(0.01, "a")

    clock.add(0.01, "a", once)
    await until(lambda: called)
    assert not clock._timers


async def test_ticks_missed_by_a_busy_loop_are_passed_over() -> None:
    clock = SamplingClock()
    loop = asyncio.get_running_loop()
    called: list[float] = []
    clock.add(0.01, "a", lambda: called.append(loop.time()))
    timer = clock._timers[0.01]
    timer.cancel()
    due = loop.time() - 1.0
    clock._tick(0.01, due)
    (moment,) = called
    assert moment < clock._timers[0.01].when() <= loop.time() + 0.0101
    clock.stop()
