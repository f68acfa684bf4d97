from __future__ import annotations

import asyncio
import contextlib

import pytest

from server.users.errors import TooManyLogins
from server.users.turns import Turns
from tests.waiting import until


class Crowd:
    """Takes turns and notes in which order they come; each is held until let go."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.came: list[str] = []
        self.refused: list[str] = []
        self.go = asyncio.Semaphore(0)
        self.tasks: list[asyncio.Task[None]] = []

    async def _wait(self, source: str, name: str) -> None:
        try:
            async with self.turns.turn(source):
                self.came.append(name)
                await self.go.acquire()
        except TooManyLogins:
            self.refused.append(name)

    async def join(self, source: str, name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(self._wait(source, name))
        self.tasks.append(task)
        for _ in range(3):
            await asyncio.sleep(0)
        return task

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def test_threat_12_a_flood_from_one_address_delays_another_by_one_turn() -> None:
    crowd = Crowd(Turns(1))
    for number in range(20):
        await crowd.join("flood", f"flood-{number}")
    await crowd.join("honest", "honest")
    crowd.go.release()
    crowd.go.release()
    await until(lambda: len(crowd.came) == 3)
    assert crowd.came == ["flood-0", "flood-1", "honest"]
    await crowd.end()


async def test_threat_12_beyond_the_bound_the_flood_gives_way_and_not_the_others() -> None:
    crowd = Crowd(Turns(1, most_waiting=10))
    for number in range(15):
        await crowd.join("flood", f"flood-{number}")
    assert len(crowd.refused) == 4
    await crowd.join("honest", "honest")
    assert crowd.refused[-1] == "flood-10"
    assert crowd.turns.waiting == 10
    assert crowd.turns.refused == 5
    await crowd.end()


async def test_no_more_than_asked_for_at_once() -> None:
    crowd = Crowd(Turns(2))
    for number in range(5):
        await crowd.join("a", str(number))
    assert crowd.came == ["0", "1"]
    for _ in range(5):
        crowd.go.release()
    await asyncio.gather(*crowd.tasks)
    assert crowd.came == ["0", "1", "2", "3", "4"]
    assert crowd.turns._free == 2


async def test_who_goes_away_leaves_the_queue_and_loses_no_turn() -> None:
    crowd = Crowd(Turns(1))
    first = await crowd.join("a", "first")
    gone = await crowd.join("a", "gone")
    await crowd.join("a", "last")
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    first.cancel()
    await until(lambda: crowd.came == ["first", "last"])
    await crowd.end()
    assert (crowd.turns.waiting, crowd.turns._free) == (0, 1)


async def test_a_turn_that_comes_to_one_who_goes_is_passed_on() -> None:
    turns = Turns(1)
    await turns._wait("a")
    waiting = [asyncio.create_task(turns._wait("a")) for _ in range(2)]
    await asyncio.sleep(0)
    turns._pass_on()
    waiting[0].cancel()  # its turn came just now
    with pytest.raises(asyncio.CancelledError):
        await waiting[0]
    await waiting[1]
