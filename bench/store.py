"""Durable ingest of the history: 1 000 points, every commit synced to the disk, beside a row a value.

Prints JSON: points (samples) a second through the whole path (recorder, outbox, forwarder, store) and into the store
alone; bytes a sample on disk; values a second of raw reads; and the same kind of values saved one by one by
asyncua's own SQLite history. ``python -m bench.store [--scans N]``
"""

# The seam on asyncua, whose annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false
from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from asyncua import ua
from asyncua.server.history_sql import HistorySQLite

from bench.processes import work_folder
from core.batch import Samples
from core.datatypes import DataType
from core.time import TICKS_PER_SECOND
from historian.contract import Cursor, Delivery
from historian.forwarder import Forwarder
from historian.history_sink import HistorySink
from historian.outbox import Outbox
from historian.recorder import STREAM, Recorder
from historian.samples import SampleBlock, group
from historian.sqlite import SQLiteStore

FloatArray = npt.NDArray[np.float64]

POINTS: Final = 1000
SCAN: Final = TICKS_PER_SECOND // 100
T0: Final = 133_000_000_000_000_000
PAGE: Final = 10_000
"""Values a page, as the endpoint's HistoryRead takes them."""
APPEND: Final = 100
"""Scans an append into the store alone: what a second brings at 100 Hz."""
WAITING: Final = 500_000
"""Samples that may wait in the recorder while the bench feeds it; it drops past two million."""
PEER_VALUES: Final = 2000
SYNCS: Final = 200


def sensor(scans: int) -> FloatArray:
    """Make what most sensors deliver, [scans, points]: a slow walk in steps of a hundredth."""
    steps = np.random.default_rng(7).normal(0.0, 0.03, (scans, POINTS))
    return np.round(50.0 + np.cumsum(steps, axis=0), 2)


def noise(scans: int) -> FloatArray:
    """Make what compresses worst, [scans, points]: every bit of the mantissa random."""
    return np.random.default_rng(7).normal(50.0, 2.0, (scans, POINTS))


def node(point: int) -> str:
    """Name a point."""
    return f"nsu=urn:bench;s=t{point}"


def rate(count: int, seconds: float) -> int:
    """Give a count a second."""
    return round(count / seconds)


async def whole_path(folder: Path, signal: FloatArray) -> dict[str, Any]:
    """Offer all scans as quickly as they are taken; the clock stops when the history has acknowledged the last."""
    outbox = Outbox(folder / "outbox.sqlite")
    await outbox.open()
    store = SQLiteStore(folder / "history.sqlite", retention_days=36_500)
    forwarder = Forwarder(outbox, STREAM, HistorySink(store, outbox), "history")
    await forwarder.start()
    recorder = Recorder(outbox, {slot: node(slot) for slot in range(POINTS)})
    await recorder.start()
    slots, good, changed = np.arange(POINTS, dtype=np.int32), np.zeros(POINTS, np.uint32), np.ones(POINTS, np.bool_)
    began, used = time.perf_counter(), time.process_time()
    for scan, values in enumerate(signal):
        moment = T0 + scan * SCAN
        times = np.full(POINTS, moment)
        recorder.offer(Samples(DataType.DOUBLE, slots, slots, values, good, times, moment + 20_000, changed))
        counters = recorder.counters
        while counters.acquired - counters.stored - counters.dropped > WAITING:
            await asyncio.sleep(0.001)
            counters = recorder.counters
        await asyncio.sleep(0)
    await recorder.stop()
    accepted = time.perf_counter() - began
    await forwarder.drain()
    took, cpu = time.perf_counter() - began, time.process_time() - used
    await store.compact()
    merged = time.perf_counter() - began
    statistics = await store.statistics()
    await forwarder.stop()
    outbox_bytes = (await outbox.statistics()).bytes
    await outbox.close()
    return {
        "samples": statistics.samples,
        "dropped": recorder.counters.dropped,
        "points_per_s_durable": rate(statistics.samples, took),
        "points_per_s_accepted_by_outbox": rate(statistics.samples, accepted),
        "points_per_s_all_merged": rate(statistics.samples, merged),
        "cpu_us_per_sample": round(cpu / statistics.samples * 1e6, 3),
        "bytes_per_sample": round((folder / "history.sqlite").stat().st_size / statistics.samples, 2),
        "largest_outbox_mb": round(outbox_bytes / 1e6, 1),
    }


async def store_alone(folder: Path, signal: FloatArray) -> dict[str, Any]:
    """Append a second of all points a commit; then merge what is left, and read."""
    nodes = tuple(map(node, range(POINTS)))
    deliveries: list[Delivery] = []
    for first in range(0, len(signal), APPEND):
        part = signal[first : first + APPEND]
        times = np.repeat(T0 + np.arange(first, first + len(part), dtype=np.int64) * SCAN, POINTS)
        points = np.tile(np.arange(POINTS, dtype=np.int32), len(part))
        status = np.zeros(len(times), np.uint32)
        columns = group(DataType.DOUBLE, points, part.ravel(), status, times, times + 20_000)
        deliveries.append(Delivery(len(deliveries) + 1, [SampleBlock.of(columns, nodes)]))
    store = SQLiteStore(folder / "history.sqlite", retention_days=36_500)
    await store.open()
    began = time.perf_counter()
    for delivery in deliveries:
        await store.append([delivery], "bench")
    took = time.perf_counter() - began
    await store.compact()
    merged = time.perf_counter() - began
    statistics = await store.statistics()
    reads = await _reads(store)
    await store.close()
    return {
        "samples": statistics.samples,
        "points_per_s_durable": rate(statistics.samples, took),
        "points_per_s_all_merged": rate(statistics.samples, merged),
        "commits_per_s": round(len(deliveries) / took, 1),
        "bytes_per_sample": round((folder / "history.sqlite").stat().st_size / statistics.samples, 2),
        "raw_read": reads,
    }


async def _reads(store: SQLiteStore) -> dict[str, int]:
    """Read points through, in the endpoint's pages and in one go."""
    outcome: dict[str, int] = {}
    for name, limit in (("values_per_s_pages_of_10000", PAGE), ("values_per_s_one_page", 0)):
        count = 0
        began = time.perf_counter()
        for point in range(0, POINTS, 20):
            cursor: Cursor | None = None
            while True:
                page = await store.read_raw(node(point), T0, T0 + (1 << 50), limit, cursor=cursor)
                count += len(page)
                cursor = page.cursor
                if cursor is None:
                    break
        outcome[name] = rate(count, time.perf_counter() - began)
    return outcome


async def peer(folder: Path, signal: FloatArray) -> dict[str, Any]:
    """Save values by asyncua's HistorySQLite, which commits each; then read them back."""
    path = folder / "asyncua.sqlite"
    history = HistorySQLite(str(path))
    await history.init()
    # numeric: it makes a table a node, and refuses the quotes that a text identifier brings into the table's name
    nodes = [ua.NodeId(1000 + point, 2) for point in range(100)]
    for nodeid in nodes:
        await history.new_historized_node(nodeid, None, 0)
    values = signal.ravel()[:PEER_VALUES].tolist()
    began = time.perf_counter()
    for number, value in enumerate(values):
        # with microseconds: the converter of sqlite3, through which its times come back, fails on whole seconds
        moment = datetime.fromtimestamp(1_700_000_000.5 + number, UTC)
        await history.save_node_value(
            nodes[number % len(nodes)],
            ua.DataValue(ua.Variant(value), SourceTimestamp=moment, ServerTimestamp=moment),
        )
    took = time.perf_counter() - began
    began = time.perf_counter()
    count = 0
    for nodeid in nodes:
        found, _ = await history.read_node_history(
            nodeid, datetime.fromtimestamp(1_600_000_000, UTC), datetime.fromtimestamp(1_900_000_000, UTC), 0
        )
        count += len(found)
    reading = time.perf_counter() - began
    await history.stop()
    return {
        "samples": count,
        "points_per_s_durable": rate(count, took),
        "bytes_per_sample": round(path.stat().st_size / count, 2),
        "raw_read": {"values_per_s": rate(count, reading)},
    }


def sync_ms(folder: Path) -> float:
    """Measure what an fsync of one page costs here: every figure above stands on it."""
    descriptor = os.open(folder / "sync", os.O_CREAT | os.O_RDWR, 0o600)
    began = time.perf_counter()
    for _ in range(SYNCS):
        os.pwrite(descriptor, b"x" * 8192, 0)
        os.fsync(descriptor)
    took = time.perf_counter() - began
    os.close(descriptor)
    return round(took / SYNCS * 1e3, 3)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=int, default=5000, help="scans of 1 000 points")
    scans = parser.parse_args().scans
    signals: dict[str, Callable[[int], FloatArray]] = {"sensor": sensor, "noise": noise}
    outcome: dict[str, Any] = {}
    for name, make in signals.items():
        signal = make(scans)
        outcome[name] = {}
        for part in (whole_path, store_alone):
            with work_folder() as folder:
                outcome[name][part.__name__] = asyncio.run(part(folder, signal))
    with work_folder() as folder:
        outcome["asyncua_history_sqlite"] = asyncio.run(peer(folder, sensor(100)))
        outcome["machine"] = {
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
            "cores": os.cpu_count(),
            "fsync_ms": sync_ms(folder),
        }
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
