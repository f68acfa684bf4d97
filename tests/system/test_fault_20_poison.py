"""Fault 20: a row that no store can take (NaN, a wrong type, damaged). Set aside and counted; the rest goes on."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np

from core.batch import Batch
from core.datatypes import DataType
from core.image import ProcessImage
from core.point import Point
from core.quality import NO_VALUE, Status
from historian import chunks
from historian.recorder import STREAM, Recorder
from historian.samples import Columns
from tests.clock import START
from tests.system.recording_plant import OUTBOX, POINTS, SLOTS, check_oracle, node, recording, whole
from tests.waiting import until


async def test_fault_20_records_that_can_never_be_taken_are_set_aside_and_the_rest_goes_on(tmp_path: Path) -> None:
    """No chunk at all, half a chunk, a point that nobody knows, and bytes that changed on the disk."""
    async with recording(tmp_path, forward=False) as plant:
        await plant.accept(range(10))
        one = np.ones(1, np.int32)
        stranger = Columns(
            DataType.DOUBLE,
            one * 999,
            one,
            np.zeros(1),
            np.zeros(1, np.uint32),
            np.full(1, START),
            np.full(1, START),
        )
        for payload in (b"no chunk", chunks.write([stranger])[:40], chunks.write([stranger])):
            await plant.outbox.append(STREAM, payload, 7)
        await plant.accept(range(10, 20))
        changed = await plant.outbox.append(STREAM, b"as it was accepted", 5)
        with closing(sqlite3.connect(tmp_path / OUTBOX)) as other:
            other.execute("UPDATE record SET payload = ? WHERE sequence = ?", (b"as it is now", changed))
            other.commit()
        await plant.accept(range(20, 30))
        await plant.forwarder.start()
        await plant.arrived()
        await check_oracle(plant.store, range(30))
        counters = plant.forwarder.counters
        assert (counters.dead_records, counters.dead_samples) == (4, 3 * 7 + 5)
        assert counters.samples == 30 * POINTS
        assert (await plant.outbox.statistics()).sinks["history"].dead == 4
        with closing(sqlite3.connect(tmp_path / OUTBOX)) as other:
            reasons = [row[0] for row in other.execute("SELECT reason FROM dead ORDER BY sequence")]
        assert "checksum" in reasons[3]
        assert "no point" in reasons[2]


async def test_fault_20_values_that_are_no_numbers_are_kept_or_marked_and_their_neighbours_stay(tmp_path: Path) -> None:
    async with recording(tmp_path) as plant:
        for number, value in enumerate([1.0, math.nan, math.inf, -math.inf, 2.0]):
            moment = START + number
            plant.image.apply(Batch(SLOTS, np.array([value, float(number), float(number)]), 0, moment, moment))
        image = ProcessImage([Point(node(7), DataType.VARIANT), Point(node(8), DataType.VARIANT)], START)
        recorder = Recorder(plant.outbox, {0: node(7), 1: node(8)}, flush_interval=0.001)
        await recorder.start()
        image.add_tap(recorder)
        values = np.empty(2, object)
        values[:] = [object(), "fine"]
        image.apply(Batch(SLOTS[:2], values, 0, START, START))
        await until(lambda: recorder.counters.stored == 2)
        await recorder.stop()
        await plant.recorder.stop()
        await plant.arrived()
        page = await whole(plant.store)
        assert np.array_equal(page.values, [1.0, math.nan, math.inf, -math.inf, 2.0], equal_nan=True)
        assert (await whole(plant.store, 1)).values.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
        formless = await whole(plant.store, 7)
        assert int(formless.status[0]) & ~NO_VALUE == Status.BAD_DATA_ENCODING_INVALID
        assert (await whole(plant.store, 8)).values.tolist() == ["fine"]
        assert recorder.counters.unstorable == 1
        assert plant.forwarder.counters.dead_records == 0
