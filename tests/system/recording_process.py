"""Gateways in processes of their own that record numbered samples until they are killed.

``recording_process.py`` is a nursery: it loads everything once, and starts a child for each line ``FOLDER FIRST_NUMBER
[drain]`` on its stdin, so that a start costs milliseconds. It prints ``started PID`` and, when the child is gone,
``ended STATUS``; the end of its stdin ends it. A child prints ``ready``, and ``accepted N`` whenever the outbox has
committed: the numbers up to N, without it, were accepted. With ``drain`` it records nothing, delivers what waits,
prints ``drained`` and ends.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import numpy as np

from core.batch import Samples
from core.datatypes import DataType
from historian.forwarder import Forwarder
from historian.history_sink import HistorySink
from historian.outbox import Outbox
from historian.recorder import STREAM, Recorder
from historian.sqlite import SQLiteStore

POINTS = 20
T0 = 133_000_000_000_000_000


def node(point: int) -> str:
    return f"nsu=urn:test;s=p{point}"


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())  # one write: a kill leaves no half line that the next child's would end


async def main(folder: Path, first: int, *, drain: bool) -> None:
    outbox = Outbox(folder / "outbox.sqlite")
    await outbox.open()
    store = SQLiteStore(folder / "history.sqlite", retention_days=36_500)
    forwarder = Forwarder(outbox, STREAM, HistorySink(store, outbox), "history")
    await forwarder.start()
    if drain:
        await forwarder.drain()
        say("drained")
    else:
        await record(outbox, first)
    await forwarder.stop()
    await outbox.close()


async def record(outbox: Outbox, first: int) -> None:
    recorder = Recorder(outbox, {slot: node(slot) for slot in range(POINTS)}, flush_interval=0.005)
    await recorder.start()
    slots = np.arange(POINTS, dtype=np.int32)
    good, changed = np.zeros(POINTS, np.uint32), np.ones(POINTS, np.bool_)
    number, told = first, 0
    say("ready")
    while True:
        times = np.full(POINTS, T0 + number, np.int64)
        values = np.full(POINTS, float(number))
        recorder.offer(Samples(DataType.DOUBLE, slots, slots, values, good, times, T0 + number, changed))
        number += 1
        stored = recorder.counters.stored // POINTS
        if stored > told:
            told = stored
            say(f"accepted {first + stored}")
        await asyncio.sleep(0.0005)


def nursery() -> None:
    for line in sys.stdin:
        folder, first, *more = line.split()
        child = os.fork()
        if not child:
            try:
                asyncio.run(main(Path(folder), int(first), drain=bool(more)))
            finally:
                os._exit(0 if sys.exc_info()[0] is None else 1)
        say(f"started {child}")
        _, status = os.waitpid(child, 0)
        say(f"ended {os.waitstatus_to_exitcode(status)}")


if __name__ == "__main__":
    nursery()
