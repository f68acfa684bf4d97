"""Fault 28: the gateway restarts amid a backlog, twice. The cursor never skips, and it is ready in bounded time."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from core.backoff import Backoff
from core.errors import StoreUnavailable
from historian.contract import Record
from historian.forwarder import Forwarder
from historian.outbox import Outbox
from tests.system.recording_plant import POINTS, WatchedSink, check_oracle, recording
from tests.waiting import until

RECORDS = 300
READY = 1.0
"""Seconds that opening may take, whatever waits."""


@dataclass
class Shelf:
    """A sink that takes some records and is away after them."""

    room: int
    taken: list[int] = field(default_factory=list[int])
    full: asyncio.Event = field(default_factory=asyncio.Event)

    async def open(self) -> None:
        """Be there."""

    async def deliver(self, records: Sequence[Record]) -> None:
        """Take as many as there is room for, then be away: what was taken of this delivery comes again."""
        for record in records:
            if not self.room:
                self.full.set()
                message = "the shelf is full"
                raise StoreUnavailable(message)
            self.room -= 1
            self.taken.append(record.sequence)

    async def close(self) -> None:
        """Hold nothing."""


async def test_fault_28_the_cursor_never_skips_over_two_restarts(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    runs: list[list[int]] = []
    accepted: list[int] = []
    for room in (70, 100, 1 << 30):
        outbox = Outbox(path)
        await outbox.open()
        shelf = Shelf(room)
        carrier = Forwarder(outbox, "a", shelf, "shelf", Backoff(0.001, 0.01, random=random.Random(1)), limit_bytes=900)
        accepted += [await outbox.append("a", bytes(100)) for _ in range(RECORDS)]
        await carrier.start()
        await (asyncio.wait_for(shelf.full.wait(), 30) if room < RECORDS else asyncio.wait_for(carrier.drain(), 30))
        await carrier.stop()
        await outbox.close()
        runs.append(list(dict.fromkeys(shelf.taken)))
    assert accepted == sorted(set(accepted)), "a sequence is never given out twice"
    for before, after in pairwise(runs):
        place = accepted.index(after[0])
        assert place <= accepted.index(before[-1]) + 1, "nothing between them was skipped"
        assert after == accepted[place : place + len(after)], "in order, without a gap"
    assert runs[0][0] == accepted[0]
    assert runs[-1][-1] == accepted[-1]


async def test_fault_28_history_is_whole_after_restarts_amid_the_backlog(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver = WatchedSink.deliver

    async def two(self: WatchedSink, records: Sequence[Record]) -> None:
        if self.deliveries >= 2:
            message = "the restart comes here"
            raise StoreUnavailable(message)
        await deliver(self, records)

    number = 0
    for run in range(3):
        with monkeypatch.context() as patched:
            if run < 2:
                patched.setattr(WatchedSink, "deliver", two)
            async with recording(tmp_path, limit_bytes=2000, forward=run > 0) as plant:
                await plant.accept(range(number, number + 60))
                number += 60
                if run == 0:
                    await plant.forwarder.start()
                if run == 2:
                    await plant.arrived()
                    await check_oracle(plant.store, range(number))
                else:
                    await until(lambda plant=plant: plant.told)
                    stored = plant.forwarder.counters.samples
                    assert 0 < stored < number * POINTS, "there is a backlog"


async def test_fault_28_a_large_backlog_does_not_keep_the_start_waiting(tmp_path: Path) -> None:
    """Over what is checked page by page at the start, and many records."""
    path = tmp_path / "outbox.sqlite"
    outbox = Outbox(path)
    await outbox.open()
    await outbox.register("history", "samples")
    await asyncio.gather(*[outbox.append("samples", bytes(1 << 20), 100) for _ in range(70)])
    await asyncio.gather(*[outbox.append("samples", bytes(100), 100) for _ in range(3000)])
    await outbox.close()
    assert path.stat().st_size > 70 << 20
    times: list[float] = []
    for _ in range(4):
        again = Outbox(path)
        began = time.perf_counter()
        await again.open()
        first = await again.read("samples", await again.register("history", "samples"), 1)
        times.append(time.perf_counter() - began)
        await again.close()
        assert first[0].sequence == 1
    assert min(times) < READY, "the others may have been held up by what else this machine does"
