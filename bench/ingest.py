"""1 000 points at over 1 kHz, each sample durable, for a minute: ``python -m bench.ingest [--seconds N] [--hertz N]``.

Process image, recorder, outbox and SQLite history of one process; scans come in batches of ten each 10 ms, as devices
deliver that sample faster than they are asked. Prints JSON: samples a second accepted (committed, synced) and in the
history, what was dropped, how far the history lagged behind at the end, bytes a sample on disk, CPU, memory, and what
held the event loop over 5 ms, beside the machine's own stalls meanwhile. What the signals are: bench/signals.py.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.processes import Process, memory_bytes, work_folder
from bench.signals import KINDS, POINTS, forth_and_back, plant
from core.batch import Batch, SlotArray
from core.datatypes import DataType
from core.image import ProcessImage
from core.point import Point
from core.time import TICKS_PER_SECOND, now
from historian.forwarder import Forwarder
from historian.history_sink import SINK, HistorySink
from historian.outbox import Outbox
from historian.recorder import STREAM, Recorder
from historian.sqlite import SQLiteStore
from server.gateway import settle_memory
from tests.loop_monitor import LoopMonitor

_TURN: Final = 0.01
"""Seconds between two deliveries."""
_PLAYED: Final = 5000
"""Scans that are made; they are played forth and back."""


class _Feed:
    """Plays the signals into an image."""

    def __init__(self, image: ProcessImage, hertz: float) -> None:
        self._image = image
        self._tick = round(TICKS_PER_SECOND / hertz)
        self._signals = plant(_PLAYED, hertz)
        self._began = now()
        first = 0
        self._slots: dict[DataType, SlotArray] = {}
        for kind, count in KINDS.items():
            self._slots[kind] = np.arange(first, first + count, dtype=np.int32)
            first += count
        self.scans = 0

    def play(self, scans: int) -> None:
        """Hand in the next scans."""
        for scan in range(self.scans, self.scans + scans):
            moment = self._began + scan * self._tick
            row = forth_and_back(scan, _PLAYED)
            for kind, slots in self._slots.items():
                self._image.apply(Batch(slots, self._signals[kind][row], 0, moment, moment))
        self.scans += scans


async def _ingest(folder: Path, seconds: float, hertz: float) -> dict[str, Any]:
    nodes = [f"nsu=urn:bench;s={kind.symbol}{number}" for kind, count in KINDS.items() for number in range(count)]
    kinds = [kind for kind, count in KINDS.items() for _ in range(count)]
    image = ProcessImage([Point(node, kind) for node, kind in zip(nodes, kinds, strict=True)], now())
    outbox = Outbox(folder / "outbox.sqlite")
    await outbox.open()
    store = SQLiteStore(folder / "history.sqlite")
    forwarder = Forwarder(outbox, STREAM, HistorySink(store, outbox), SINK)
    await forwarder.start()
    recorder = Recorder(outbox, dict(enumerate(nodes)))
    await recorder.start()
    image.add_tap(recorder)
    feed = _Feed(image, hertz)
    settle_memory()
    monitor = LoopMonitor(asyncio.get_running_loop())
    monitor.attach()
    began, used, before = time.perf_counter(), time.process_time(), memory_bytes()
    memory = before
    turns = round(seconds / _TURN)
    for turn in range(turns):
        for _ in range(round((turn + 1) * _TURN * hertz) - feed.scans):
            feed.play(1)
            await asyncio.sleep(0)
        memory = max(memory, memory_bytes()) if turn % 100 == 0 else memory
        await asyncio.sleep(max(0.0, began + (turn + 1) * _TURN - time.perf_counter()))
    fed = time.perf_counter() - began
    behind = recorder.counters.acquired - forwarder.counters.samples
    await recorder.stop()
    accepted = time.perf_counter() - began
    await forwarder.drain()
    took, cpu = time.perf_counter() - began, time.process_time() - used
    monitor.detach()
    await store.compact()
    statistics = await store.statistics()
    await forwarder.stop()
    await outbox.close()
    holds = [str(one) for one in monitor.blocked if one.cpu_seconds > monitor.threshold]
    return {
        "points": POINTS,
        "hertz": hertz,
        "offered_per_s": round(feed.scans * POINTS / fed),
        "accepted_per_s": round(recorder.counters.stored / accepted),
        "in_history_per_s": round(statistics.samples / took),
        "samples": statistics.samples,
        "dropped": recorder.counters.dropped,
        "history_behind_at_the_end_s": round(behind / (hertz * POINTS), 2),
        "bytes_per_sample": round((folder / "history.sqlite").stat().st_size / statistics.samples, 2),
        "cores_used": round(cpu / took, 2),
        "memory_grew_mb": round((memory - before) / 1e6, 1),
        "holds_over_5_ms": len(holds),
        "holds": holds[:5],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--hertz", type=float, default=1050.0)
    given = parser.parse_args()
    with work_folder() as folder, Process([sys.executable, "-m", "bench.canary"]) as canary:
        outcome = asyncio.run(_ingest(folder, given.seconds, given.hertz))
        print(json.dumps({**outcome, "machine": canary.ask("")}))


if __name__ == "__main__":
    main()
