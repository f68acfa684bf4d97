"""Fault 26, kill -9 at random moments: nothing that was accepted is lost, and the databases are sound.

The thousand kills of the fault list are ``make torture`` (tests/torture).
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.torture.kill_nine import TortureError, check, nursery

KILLS = 30


async def test_fault_26_kill_nine_loses_nothing_that_was_accepted(tmp_path: Path) -> None:
    chance = random.Random(26)
    with nursery() as children:
        for _ in range(KILLS):
            children.kill_once(tmp_path, chance)
        children.drain(tmp_path)
        accepted = children.accepted
    assert sum(map(len, accepted)) > 5 * KILLS
    assert sum(bool(run) for run in accepted) > KILLS // 2
    assert await check(tmp_path, accepted) >= sum(map(len, accepted))
    with pytest.raises(TortureError, match="1 accepted samples are missing"):  # the test of the test
        await check(tmp_path, [*accepted, range(children.first + 1, children.first + 2)])
