"""A child process that records numbered samples until it is killed: ``recording_process.py FOLDER FIRST_NUMBER``.

It prints ``accepted N`` whenever the outbox has committed: N samples were accepted since its start. With ``drain`` as
third argument it records nothing, delivers what waits, prints ``drained`` and ends.
"""

from __future__ import annotations

import asyncio
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
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main() -> None:
    folder, first = Path(sys.argv[1]), int(sys.argv[2])
    outbox = Outbox(folder / "outbox.sqlite")
    await outbox.open()
    store = SQLiteStore(folder / "history.sqlite", retention_days=36_500)
    forwarder = Forwarder(outbox, STREAM, HistorySink(store, outbox), "history")
    await forwarder.start()
    if len(sys.argv) > 3:
        await forwarder.drain()
        say("drained")
    else:
        await record(outbox, first)
    await forwarder.stop()
    await outbox.close()


async def record(outbox: Outbox, first: int) -> None:
    recorder = Recorder(outbox, {slot: node(slot) for slot in range(POINTS)}, flush_interval=0.01)
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


asyncio.run(main())
