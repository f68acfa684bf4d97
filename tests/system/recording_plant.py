"""Numbered samples on their way into history, through image, recorder, outbox, forwarder and store; and the oracle."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.backoff import Backoff
from core.batch import Batch
from core.datatypes import DataType
from core.image import ProcessImage
from core.point import Point
from core.time import Clock
from historian.contract import HistoryReader, RawPage, Record
from historian.forwarder import Forwarder
from historian.history_sink import HistorySink
from historian.outbox import Outbox
from historian.recorder import STREAM, Recorder
from historian.sqlite import SQLiteStore
from tests.clock import START
from tests.waiting import until

POINTS = 3
SLOTS = np.arange(POINTS, dtype=np.int32)
OUTBOX, HISTORY = "outbox.sqlite", "history.sqlite"


def node(point: int) -> str:
    """Name a point."""
    return f"nsu=urn:test;s=p{point}"


class WatchedSink(HistorySink):
    """Remembers how much it was given at one go, and can be told to hold everything."""

    most_bytes = 0
    deliveries = 0

    async def deliver(self, records: Sequence[Record]) -> None:
        """Note the size, and store."""
        self.deliveries += 1
        self.most_bytes = max(self.most_bytes, sum(len(record.payload) for record in records))
        await super().deliver(records)


@dataclass
class RecordingPlant:
    """All parts between a driver's batch and the history file."""

    folder: Path
    image: ProcessImage
    outbox: Outbox
    store: SQLiteStore
    sink: WatchedSink
    forwarder: Forwarder
    recorder: Recorder
    told: list[tuple[str, str]]
    """What the outbox and the forwarder (as ``history``) said about not taking samples."""

    def put(self, number: int) -> None:
        """Give every point the value ``number``, at that many ticks after the start."""
        moment = START + number
        self.image.apply(Batch(SLOTS, np.full(POINTS, float(number)), 0, moment, moment + 1))

    async def accept(self, numbers: Iterable[int]) -> None:
        """Put numbered samples, each accepted on its own before the next."""
        for number in numbers:
            before = self.recorder.counters.stored
            self.put(number)
            await until(lambda before=before: self.recorder.counters.stored == before + POINTS, every=0)

    async def arrived(self, seconds: float = 30) -> None:
        """Wait until the history has all that was accepted."""
        await asyncio.wait_for(self.forwarder.drain(), seconds)


@asynccontextmanager
async def recording(
    folder: Path,
    *,
    flush: float = 0.001,
    capacity: int = 2_000_000,
    limit_bytes: int = 4 << 20,
    largest_bytes: int = 4 << 30,
    clock: Clock | None = None,
    lock_wait: float = 0.02,
    forward: bool = True,
) -> AsyncGenerator[RecordingPlant]:
    """Run the parts on the files of ``folder``. ``forward``: begin to deliver at once."""
    told: list[tuple[str, str]] = []

    def say(stream: str, reason: str) -> None:
        told.append((stream, reason))

    image = ProcessImage([Point(node(point), DataType.DOUBLE) for point in range(POINTS)], START)
    outbox = Outbox(folder / OUTBOX, largest_bytes=largest_bytes, on_refusal=say, clock=clock)
    await outbox.open()
    store = SQLiteStore(folder / HISTORY, retention_days=36_500, lock_wait=lock_wait)
    sink = WatchedSink(store, outbox)
    backoff = Backoff(0.001, 0.02, random=random.Random(1))
    health: Callable[[str], None] = lambda reason: say("history", reason)  # noqa: E731 - typed where it is made
    forwarder = Forwarder(outbox, STREAM, sink, "history", backoff, limit_bytes, on_health=health)
    recorder = Recorder(outbox, {slot: node(slot) for slot in range(POINTS)}, flush_interval=flush, capacity=capacity)
    if forward:
        await forwarder.start()
    await recorder.start()
    image.add_tap(recorder)
    try:
        yield RecordingPlant(folder, image, outbox, store, sink, forwarder, recorder, told)
    finally:
        await recorder.stop()
        await forwarder.stop()
        await outbox.close()


async def whole(store: HistoryReader, point: int = 0) -> RawPage:
    """Read all of a point's history."""
    return await store.read_raw(node(point), 0, 1 << 62, 0)


async def check_oracle(store: HistoryReader, accepted: Iterable[int]) -> None:
    """What the history holds is a superset of what was accepted, in order a point, nothing twice."""
    wanted = set(accepted)
    for point in range(POINTS):
        page = await whole(store, point)
        numbers = page.values.astype(np.int64)
        assert (np.diff(numbers) > 0).all(), "in order, none twice"
        assert (page.source_time == START + numbers).all()
        assert wanted <= set(numbers.tolist())


def integrity(folder: Path) -> list[str]:
    """Ask SQLite about both files; name whatever is not well, files set aside too."""
    wrong = [str(path) for path in folder.glob("*.corrupt-*")]
    for name in (OUTBOX, HISTORY):
        if (folder / name).exists():
            with closing(sqlite3.connect(folder / name)) as connection:
                verdict = connection.execute("PRAGMA integrity_check").fetchall()
                wrong += [] if verdict == [("ok",)] else [f"{name}: {verdict}"]
    return wrong
