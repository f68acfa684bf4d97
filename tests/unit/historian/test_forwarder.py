from __future__ import annotations

import asyncio
import random
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from core.backoff import Backoff
from core.batch import Samples
from core.datatypes import DataType
from core.errors import StoreUnavailable
from historian.contract import PoisonRecord, Record
from historian.forwarder import Forwarder
from historian.history_sink import HistorySink
from historian.outbox import Outbox
from historian.recorder import STREAM, Recorder
from historian.sqlite import SQLiteStore
from tests.waiting import until

T0 = 133_000_000_000_000_000
NODE = "nsu=urn:test;s=p"

LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute(f"PRAGMA locking_mode={sys.argv[2]}")
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
connection.rollback()
"""


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
    await asyncio.wait_for(draining, 5)
    assert shelf.got == [sequence for sequence in sequences if sequence != 3]
    assert (await outbox.statistics()).sinks["shelf"].acknowledged == sequences[-1]
    await asyncio.wait_for(carrier.drain(), 5)
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
            await asyncio.wait_for(carrier.drain(), 5)
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
    await asyncio.wait_for(carrier.drain(), 5)
    assert shelf.got == []
    sequence = await outbox.append("a", b"x")
    await until(lambda: shelf.got == [sequence])
    await carrier.stop()
    await outbox.close()


def sample(number: int) -> Samples:
    slots, times = np.zeros(1, np.int32), np.array([T0 + number], np.int64)
    return Samples(
        DataType.DOUBLE,
        slots,
        slots,
        np.array([float(number)]),
        np.zeros(1, np.uint32),
        times,
        T0 + number,
        np.ones(1, np.bool_),
    )


@pytest.mark.parametrize("lost", ["while it is used", "before it is opened"])
async def test_fault_14_the_database_is_away_and_all_arrives_later(tmp_path: Path, outbox: Outbox, lost: str) -> None:
    """Another process holds the history file; a day of one sample a second is recorded meanwhile, compressed."""
    store = SQLiteStore(tmp_path / "history.sqlite", retention_days=36_500, lock_wait=0.02)
    await store.open()
    carrier = Forwarder(outbox, STREAM, HistorySink(store, outbox), "history", backoff=Backoff(0.001, 0.05))
    recorder = Recorder(outbox, {0: NODE}, flush_interval=0.02)
    await recorder.start()
    early = lost == "before it is opened"
    await store.close()
    if not early:
        await carrier.start()
        recorder.offer(sample(0))
        await until(lambda: carrier.counters.samples == 1)
    # alone with the file a process can shut all others out; beside others it holds the right to write
    mode = "EXCLUSIVE" if early else "NORMAL"
    holder = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        LOCK,
        str(tmp_path / "history.sqlite"),
        mode,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"locked\n"
    if early:
        await carrier.start()
        recorder.offer(sample(0))
    day = 86_400
    for start in range(1, day, 1000):
        for number in range(start, min(start + 1000, day)):
            recorder.offer(sample(number))
        # live data is accepted at once however long the database is away
        end = min(start + 1000, day)
        await until(lambda wanted=end: recorder.counters.stored == wanted, seconds=5)
    await until(lambda: carrier.counters.failures > 2)
    assert carrier.counters.samples == (0 if early else 1)
    assert recorder.counters.dropped == 0
    await holder.communicate(b"")  # closes its stdin, which a bare communicate() does not before Python 3.12
    await until(lambda: carrier.counters.samples == day, seconds=20)
    page = await store.read_raw(NODE, T0, T0 + day, 0)
    assert page.values.tolist() == list(range(day))
    await recorder.stop()
    await carrier.stop()
