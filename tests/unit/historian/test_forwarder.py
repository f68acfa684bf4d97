from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from core.backoff import Backoff
from core.errors import StoreUnavailable
from historian.contract import PoisonRecord, Record
from historian.forwarder import Forwarder
from historian.outbox import Outbox
from tests.waiting import until


@dataclass
class Shelf:
    """A sink in memory that can be away, and that refuses some records for ever."""

    away: bool = False
    poison: set[int] = field(default_factory=set[int])
    got: list[int] = field(default_factory=list[int])
    opened: int = 0

    async def open(self) -> None:
        if self.away:
            message = "the shelf is away"
            raise StoreUnavailable(message)
        self.opened += 1

    async def deliver(self, records: Sequence[Record]) -> None:
        await self.open()
        for record in records:
            if record.sequence in self.poison:
                raise PoisonRecord(record.sequence, "it does not fit")
        self.got.extend(record.sequence for record in records)

    async def close(self) -> None:
        self.opened = 0


def forwarder(outbox: Outbox, shelf: Shelf) -> Forwarder:
    return Forwarder(outbox, "a", shelf, "shelf", backoff=Backoff(0.001, 0.01, random=random.Random(1)))


async def test_delivers_what_waits_and_what_comes(outbox: Outbox) -> None:
    shelf = Shelf()
    await outbox.append("a", b"1")
    carrier = forwarder(outbox, shelf)
    await carrier.start()
    await until(lambda: shelf.got == [1])
    await outbox.append("b", b"2")
    await outbox.append("a", b"3")
    await until(lambda: shelf.got == [1, 3])
    await until(lambda: carrier.counters.records == 2)  # they are counted once the outbox knows, too
    await carrier.stop()
    await carrier.stop()
    assert (carrier.counters.records, carrier.last_error) == (2, "")


async def test_goes_on_from_its_cursor(outbox: Outbox) -> None:
    for _ in range(2):
        shelf = Shelf()
        carrier = forwarder(outbox, shelf)
        await carrier.start()
        sequence = await outbox.append("a", b"1")
        await until(lambda got=shelf.got, last=sequence: got == [last])
        await until(lambda counters=carrier.counters: counters.records == 1)
        await until(nothing_waits(outbox))
        await carrier.stop()


def nothing_waits(outbox: Outbox, stream: str = "a"):  # noqa: ANN201 - a condition for `until`
    async def look() -> bool:
        return (await outbox.statistics()).streams[stream].records == 0

    return look


async def test_a_sink_that_is_away_is_tried_until_it_is_back(outbox: Outbox) -> None:
    shelf = Shelf(away=True)
    carrier = forwarder(outbox, shelf)
    await carrier.start()
    sequences = [await outbox.append("a", b"x") for _ in range(20)]
    await until(lambda: carrier.counters.failures > 3)
    assert carrier.last_error == "the shelf is away"
    shelf.away = False
    await until(lambda: shelf.got == sequences)
    await until(lambda: carrier.last_error == "")
    await carrier.stop()


async def test_a_poison_record_is_set_aside_and_the_others_go_on(outbox: Outbox) -> None:
    shelf = Shelf(poison={2, 5})
    carrier = forwarder(outbox, shelf)
    for _ in range(6):
        await outbox.append("a", b"x", samples=10)
    await carrier.start()
    await until(lambda: shelf.got == [1, 3, 4, 6])
    await until(nothing_waits(outbox))
    await carrier.stop()
    assert (carrier.counters.dead_records, carrier.counters.dead_samples) == (2, 20)
    assert (await outbox.statistics()).sinks["shelf"].dead == 2


async def test_a_damaged_record_is_set_aside(outbox: Outbox, tmp_path: Path) -> None:
    shelf = Shelf()
    for _ in range(3):
        await outbox.append("a", b"x")
    other = sqlite3.connect(tmp_path / "outbox.sqlite")
    other.execute("UPDATE record SET payload = ? WHERE sequence = 2", (b"y",))
    other.commit()
    other.close()
    carrier = forwarder(outbox, shelf)
    await carrier.start()
    await until(lambda: shelf.got == [1, 3])
    await carrier.stop()
    assert carrier.counters.dead_records == 1


async def test_a_record_is_set_aside_once_however_often_the_others_are_tried(outbox: Outbox, tmp_path: Path) -> None:
    offered: list[list[int]] = []
    away = asyncio.Event()
    away.set()

    class Away(Shelf):
        async def deliver(self, records: Sequence[Record]) -> None:
            offered.append([record.sequence for record in records])
            if any(record.sequence in self.poison for record in records):
                await super().deliver(records)
            if away.is_set():
                message = "the shelf is away"
                raise StoreUnavailable(message)
            await super().deliver(records)

    for _ in range(4):
        await outbox.append("a", b"x", samples=10)
    with closing(sqlite3.connect(tmp_path / "outbox.sqlite")) as other:
        other.execute("UPDATE record SET payload = ? WHERE sequence = 2", (b"y",))
        other.commit()
    shelf = Away(poison={3})
    carrier = forwarder(outbox, shelf)
    told: list[int] = []
    carrier.on_dead = lambda record: told.append(record.sequence)
    await carrier.start()
    await until(lambda: carrier.counters.failures > 5)
    assert offered[:3] == [[1, 3, 4], [1, 4], [1, 4]]
    assert told == [2, 3]
    away.clear()
    await asyncio.wait_for(carrier.drain(), 30)
    await carrier.stop()
    assert (carrier.counters.dead_records, carrier.counters.dead_samples, carrier.counters.samples) == (2, 20, 20)
    assert (shelf.got, told) == ([1, 4], [2, 3])
    assert not carrier._aside, "what is acknowledged is not remembered"


async def test_drains_what_was_accepted_before(outbox: Outbox) -> None:
    shelf = Shelf(away=True, poison={3})
    sequences = [await outbox.append("a", b"x") for _ in range(5)]
    carrier = forwarder(outbox, shelf)
    await carrier.start()
    draining = asyncio.create_task(carrier.drain())
    await until(lambda: carrier.counters.failures > 2)
    assert not draining.done()
    with pytest.raises(TimeoutError):  # a caller may give up, and nothing is lost by it
        await asyncio.wait_for(carrier.drain(), 0.001)
    shelf.away = False
    await asyncio.wait_for(draining, 30)
    assert shelf.got == [sequence for sequence in sequences if sequence != 3]
    assert (await outbox.statistics()).sinks["shelf"].acknowledged == sequences[-1]
    await asyncio.wait_for(carrier.drain(), 30)
    await carrier.stop()


async def test_drains_an_outbox_of_an_earlier_run(tmp_path: Path) -> None:
    for _ in range(2):
        outbox = Outbox(tmp_path / "outbox.sqlite")
        await outbox.open()
        carrier = forwarder(outbox, Shelf())
        if not outbox.newest("a"):
            await outbox.append("a", b"x")
        else:
            await carrier.start()
            await asyncio.wait_for(carrier.drain(), 30)
            assert carrier.counters.records == 1
        await carrier.stop()
        await outbox.close()


async def test_what_the_cap_dropped_is_not_waited_for(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite", largest_bytes=10)
    await outbox.open()
    shelf = Shelf(away=True)
    carrier = forwarder(outbox, shelf)
    await carrier.start()
    await outbox.append("a", b"x" * 8)
    await outbox.append("b", b"y" * 8)  # pushes the other out
    shelf.away = False
    await asyncio.wait_for(carrier.drain(), 30)
    assert shelf.got == []
    sequence = await outbox.append("a", b"x")
    await until(lambda: shelf.got == [sequence])
    await carrier.stop()
    await outbox.close()


@pytest.mark.parametrize(("advice", "least"), [(0.08, 0.08), (None, 0.0), (-5.0, 0.0), (float("nan"), 0.0)])
async def test_the_sinks_own_advice_when_to_come_again_is_heeded(
    outbox: Outbox, advice: float | None, least: float
) -> None:
    """As HTTP 429 and 503 give it; what makes no sense is passed over."""
    loop = asyncio.get_running_loop()
    asked: list[float] = []
    health: list[str] = []

    class Busy(Shelf):
        async def deliver(self, records: Sequence[Record]) -> None:
            asked.append(loop.time())
            if len(asked) < 3:
                message = "too many requests"
                raise StoreUnavailable(message, retry_after=advice)
            await super().deliver(records)

    shelf = Busy()
    carrier = forwarder(outbox, shelf)
    carrier.on_health = health.append
    await carrier.start()
    await outbox.append("a", b"x")
    await asyncio.wait_for(carrier.drain(), 30)
    await carrier.stop()
    assert shelf.got == [1]
    pauses = [after - before for before, after in pairwise(asked)]
    assert min(pauses) >= least
    assert min(pauses) < least + 0.5, "the other may have met a machine that stands still"
    assert health == ["too many requests", ""], "told once when it goes, once when it is back"


async def test_advice_to_come_again_next_year_is_not_believed(outbox: Outbox) -> None:
    carrier = forwarder(outbox, Shelf())
    advised = carrier._advised(StoreUnavailable("busy", retry_after=3e7))
    assert 3600 <= advised <= 3960
    assert carrier._advised(ValueError("no advice at all")) == 0.0
