from __future__ import annotations

import pytest

from core.time import TICKS_PER_SECOND
from server.pubsub.delivery.ages import Ages
from tests.clock import ManualClock

HOUR = 3_600


@pytest.mark.parametrize("jump", [-HOUR, 0])
async def test_fault_12_a_clock_set_back_makes_nothing_younger(jump: int) -> None:
    clock = ManualClock()
    ages = Ages(clock)
    accepted = clock.now()
    await clock.advance(20)
    clock.jump(jump)
    assert ages.of(7, accepted, 7) == 20 * TICKS_PER_SECOND
    assert ages.of(8, clock.now(), 8) == 0
    await clock.advance(5)
    assert ages.of(7, accepted, 8) == 25 * TICKS_PER_SECOND
    assert ages.of(8, clock.now(), 8) == 0


async def test_fault_12_a_clock_set_on_makes_nothing_younger_and_what_comes_after_is_new() -> None:
    clock = ManualClock()
    ages = Ages(clock)
    accepted = clock.now()
    await clock.advance(20)
    clock.jump(HOUR)
    assert ages.of(7, accepted, 7) >= 20 * TICKS_PER_SECOND
    assert ages.of(8, clock.now(), 8) == 0
