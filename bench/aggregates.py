"""Processed reads: an hour's average over 30 days of a sample a second, and a minute's of 100 points over a day."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from core.datatypes import DataType
from core.time import TICKS_PER_SECOND
from historian.aggregates.kinds import AggregateConfiguration, AggregateKind
from historian.contract import Delivery
from historian.processed import read_processed
from historian.samples import SampleBlock, group
from historian.sqlite.store import SQLiteStore

DAY: Final = 86_400
HOUR: Final = 3_600
MINUTE: Final = 60
T0: Final = 133_800_000_000_000_000 // (DAY * TICKS_PER_SECOND) * DAY * TICKS_PER_SECOND
POINTS: Final = 100
_LOOPS: Final = 3
_NAP: Final = 0.001


def node(point: int) -> str:
    """Name a point."""
    return f"nsu=urn:bench:aggregates;s=Point{point}"


async def filled(path: Path, points: int, days: int) -> SQLiteStore:
    """Store a sample a second of each point, an hour an append."""
    store = SQLiteStore(path, retention_days=36_500)
    await store.open()
    chance = np.random.default_rng(1)
    nodes = tuple(map(node, range(points)))
    for hour in range(days * 24):
        times = T0 + (hour * HOUR + np.arange(HOUR, dtype=np.int64)) * TICKS_PER_SECOND
        values = np.round(20.0 + chance.normal(0.0, 1.0, (HOUR, points)), 2)
        every = np.repeat(times, points)
        columns = group(
            DataType.DOUBLE,
            np.tile(np.arange(points, dtype=np.int32), HOUR),
            values.ravel(),
            np.zeros(len(every), np.uint32),
            every,
            every,
        )
        await store.append([Delivery(hour + 1, [SampleBlock.of(columns, nodes)])], "bench")
    await store.compact()
    return store


async def timed(work: Callable[[], Awaitable[object]]) -> dict[str, float]:
    """Time something, the best of a few; and once more beside a watcher that tells how long the loop was held (ms)."""
    took = float("inf")
    for _ in range(_LOOPS):
        began = time.perf_counter()
        await work()
        took = min(took, time.perf_counter() - began)
    gap = 0.0
    ended = asyncio.Event()

    async def watch() -> None:
        nonlocal gap
        while not ended.is_set():
            began = time.perf_counter()
            await asyncio.sleep(_NAP)
            gap = max(gap, time.perf_counter() - began - _NAP)

    watcher = asyncio.create_task(watch())
    await work()
    ended.set()
    await watcher
    return {"ms": round(took * 1e3, 1), "loop_held_ms": round(gap * 1e3, 1)}


async def measure(folder: Path) -> dict[str, Any]:
    """Run all reads."""
    configuration = AggregateConfiguration()

    async def read(store: SQLiteStore, point: int, kind: AggregateKind, days: int, interval: int) -> None:
        page = await read_processed(
            store,
            node(point),
            kind,
            configuration,
            T0,
            T0 + days * DAY * TICKS_PER_SECOND,
            interval * TICKS_PER_SECOND,
            stepped=False,
            most=10_000,
        )
        if len(page.results) != days * DAY // interval:
            message = f"{len(page.results)} intervals of {days * DAY // interval}"
            raise RuntimeError(message)

    async def each(store: SQLiteStore) -> None:
        for point in range(POINTS):
            await read(store, point, AggregateKind.AVERAGE, 1, MINUTE)

    outcome: dict[str, Any] = {}
    store = await filled(folder / "long.sqlite", 1, 30)
    for kind in (AggregateKind.AVERAGE, AggregateKind.MAXIMUM, AggregateKind.TIME_AVERAGE2):
        name = f"{kind.name.lower()}_1h_of_30_days_of_1_s"
        outcome[name] = await timed(lambda kind=kind: read(store, 0, kind, 30, HOUR))
    await store.close()
    wide = await filled(folder / "wide.sqlite", POINTS, 1)
    outcome["average_1min_of_a_day_100_points"] = await timed(lambda: each(wide))
    await wide.close()
    return outcome


def main() -> None:
    """Print one JSON document."""
    sys.setswitchinterval(0.0005)  # as the gateway does
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(measure(Path(folder))), indent=2))


if __name__ == "__main__":
    main()
