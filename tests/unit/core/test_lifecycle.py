from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from core.errors import PlantspaceError
from core.lifecycle import Lifecycle


@dataclass
class Part:
    name: str
    told: list[str] = field(default_factory=list[str])
    fails_at: str = ""

    async def start(self) -> None:
        self._tell("start")

    async def stop(self) -> None:
        self._tell("stop")

    def _tell(self, what: str) -> None:
        self.told.append(f"{what} {self.name}")
        if what == self.fails_at:
            message = f"{self.name} cannot {what}"
            raise PlantspaceError(message)


async def test_parts_stop_in_the_reverse_order_once() -> None:
    told: list[str] = []
    life = Lifecycle()
    for name in "abc":
        await life.start(name, Part(name, told))
    await life.stop()
    await life.stop()
    assert told == ["start a", "start b", "start c", "stop c", "stop b", "stop a"]


async def test_what_was_started_before_a_failure_is_stopped_and_the_failed_one_is_not() -> None:
    told: list[str] = []
    life = Lifecycle()
    await life.start("a", Part("a", told))
    with pytest.raises(PlantspaceError, match="b cannot start"):
        await life.start("b", Part("b", told, "start"))
    await life.stop()
    assert told == ["start a", "start b", "stop a"]


async def test_one_that_cannot_stop_does_not_keep_the_others_up(caplog: pytest.LogCaptureFixture) -> None:
    told: list[str] = []
    life = Lifecycle()
    await life.start("a", Part("a", told))
    await life.start("b", Part("b", told, "stop"))
    await life.stop()
    assert told[-2:] == ["stop b", "stop a"]
    assert "b did not stop cleanly" in caplog.text


async def test_stop_before_start_is_safe() -> None:
    await Lifecycle().stop()


async def test_one_that_is_cancelled_half_way_is_stopped() -> None:
    told: list[str] = []
    begun = asyncio.Event()

    class Slow(Part):
        async def start(self) -> None:
            await super().start()
            begun.set()
            await asyncio.Event().wait()

    life = Lifecycle()
    await life.start("a", Part("a", told))
    starting = asyncio.create_task(life.start("b", Slow("b", told)))
    await begun.wait()
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert told == ["start a", "start b", "stop b"]
    await life.stop()
    assert told[-1] == "stop a"
