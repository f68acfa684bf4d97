from __future__ import annotations

import asyncio

from server.address_space.view.steps import Steps, at_once, in_turns


def work(done: list[str], count: int) -> Steps[int]:
    for number in range(count):
        done.append(f"step {number}")
        yield
    return count


async def test_the_loop_has_its_turn_when_a_turn_is_over() -> None:
    done: list[str] = []
    asyncio.get_running_loop().call_soon(done.append, "another")
    moments = iter([0.0, 0.001, 0.003, 0.003, 0.004])
    assert await in_turns(work(done, 3), lambda: next(moments)) == 3
    assert done == ["step 0", "step 1", "another", "step 2"]


async def test_short_work_is_done_in_one_turn() -> None:
    done: list[str] = []
    asyncio.get_running_loop().call_soon(done.append, "another")
    assert await in_turns(work(done, 2), lambda: 0.0) == 2
    assert at_once(work(done, 1)) == 1
    assert done == ["step 0", "step 1", "step 0"]
    await asyncio.sleep(0)
