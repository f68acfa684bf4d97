from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.batch import Batch, Samples
from core.datatypes import DataType
from core.image import ProcessImage
from core.point import Point
from core.quality import NO_VALUE, Status
from historian import chunks
from historian.outbox import Outbox
from historian.recorder import STREAM, Recorder
from tests.waiting import until

T0 = 133_000_000_000_000_000


def node(slot: int) -> str:
    return f"nsu=urn:test;s=p{slot}"


async def recorded(outbox: Outbox) -> dict[str, list[tuple[int, Any, int]]]:
    """Read back what the outbox holds: node -> (source time - T0, value, status) in the order of arrival."""
    found: dict[str, list[tuple[int, Any, int]]] = {}
    for record in await outbox.read(STREAM, 0, 1 << 30):
        for chunk in chunks.read(record.payload):
            columns = chunk.columns()
            nodes = [outbox.nodes([point])[0] for point in np.repeat(columns.points, columns.counts).tolist()]
            rows = zip(
                nodes, columns.source_time.tolist(), columns.values.tolist(), columns.status.tolist(), strict=True
            )
            for name, time, value, status in rows:
                found.setdefault(name, []).append((time - T0, value, status))
    return found


def samples(slots: list[int], values: list[Any], time: int, datatype: DataType = DataType.DOUBLE) -> Samples:
    count = len(slots)
    column = np.empty(count, datatype.dtype)
    for row, value in enumerate(values):
        column[row] = value
    index = np.array(slots, np.int32)
    times = np.full(count, T0 + time, np.int64)
    return Samples(
        datatype, index, index, column, np.zeros(count, np.uint32), times, T0 + time, np.zeros(count, np.bool_)
    )


async def test_every_sample_of_the_recorded_points_is_accepted(outbox: Outbox) -> None:
    image = ProcessImage(
        [Point(node(0), DataType.FLOAT), Point(node(1), DataType.INT16), Point(node(2), DataType.FLOAT)], T0
    )
    recorder = Recorder(outbox, {0: node(0), 1: node(1)}, flush_interval=0.01)
    await recorder.start()
    image.add_tap(recorder)
    floats, whole = np.array([0, 2], np.int32), np.array([1], np.int32)
    for time in range(5):
        image.apply(Batch(floats, np.array([time / 2, -1.0]), Status.GOOD, T0 + time, T0 + time))
        image.apply(Batch(whole, np.array([7]), Status.BAD_NO_COMMUNICATION, T0 + time, T0 + time))
        await until(lambda expected=(time + 1) * 2: recorder.counters.stored == expected)
    await recorder.stop()
    found = await recorded(outbox)
    assert found[node(0)] == [(time, time / 2, 0) for time in range(5)]
    assert [status for _, _, status in found[node(1)]] == [Status.BAD_NO_COMMUNICATION | NO_VALUE] * 5
    assert set(found) == {node(0), node(1)}
    assert recorder.counters.acquired == 10


async def test_what_nobody_foresaw_costs_its_samples_and_is_counted(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder(outbox, {0: node(0)}, flush_interval=0.01)
    await recorder.start()

    def broken(batches: list[Samples]) -> tuple[bytes, int]:
        raise ZeroDivisionError(len(batches))

    with monkeypatch.context() as patched:
        patched.setattr(recorder, "_encode", broken)
        recorder.offer(samples([0], [1.0], 0))
        await until(lambda: recorder.counters.dropped == 1)
    recorder.offer(samples([0], [2.0], 1))
    await until(lambda: recorder.counters.stored == 1)
    await recorder.stop()
    assert "recording goes on" in caplog.text


async def test_what_fails_after_encoding_is_counted_too(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder(outbox, {0: node(0), 1: node(1)}, flush_interval=0.01)
    await recorder.start()

    async def broken(stream: str, payload: bytes, count: int) -> int:
        raise ZeroDivisionError(stream, len(payload), count)

    with monkeypatch.context() as patched:
        patched.setattr(outbox, "append", broken)
        recorder.offer(samples([1, 0], [1.0, 2.0], 0))
        await until(lambda: "recording goes on" in caplog.text)
    assert recorder.counters.dropped == 2
    assert recorder.lost == {1: 2}
    recorder.offer(samples([0], [2.0], 1))
    await until(lambda: recorder.counters.stored == 1)
    await recorder.stop()
    assert caplog.text.count("recording goes on") == 1


async def test_stopping_flushes_the_rest(outbox: Outbox) -> None:
    recorder = Recorder(outbox, {0: node(0)}, flush_interval=3600)
    await recorder.start()
    for time in range(100):
        recorder.offer(samples([0], [float(time)], time))
    await recorder.stop()
    await recorder.stop()
    assert recorder.counters.stored == 100
    assert [row[0] for row in (await recorded(outbox))[node(0)]] == list(range(100))


async def test_half_a_queue_is_flushed_before_its_time(outbox: Outbox) -> None:
    recorder = Recorder(outbox, {0: node(0)}, flush_interval=3600, capacity=100)
    await recorder.start()
    for time in range(60):
        recorder.offer(samples([0], [0.0], time))
    await until(lambda: recorder.counters.stored == 60)
    await recorder.stop()


async def test_an_outbox_that_is_away_holds_nothing_up_and_the_oldest_go_counted(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    outbox = Outbox(path)
    await outbox.open()
    recorder = Recorder(outbox, {0: node(0)}, flush_interval=0.001, capacity=50)
    await recorder.start()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        recorder.offer(samples([0], [0.0], 0))
        await until(lambda: recorder._tap.counters.waiting == 0)
        for time in range(1, 201):
            recorder.offer(samples([0], [0.0], time))
        assert recorder.counters.dropped == 150
        other.rollback()
    await until(lambda: recorder.counters.stored == 51)
    await recorder.stop()
    assert [row[0] for row in (await recorded(outbox))[node(0)]] == [0, *range(151, 201)]
    await outbox.close()


async def test_a_value_without_a_form_is_kept_as_bad_and_counted(outbox: Outbox) -> None:
    recorder = Recorder(outbox, {0: node(0), 1: node(1)})
    await recorder.start()
    recorder.offer(samples([0, 1], ["text", object()], 0, DataType.VARIANT))
    recorder.offer(samples([0], [1.5], 1))
    await recorder.stop()
    found = await recorded(outbox)
    assert found[node(1)] == [(0, None, Status.BAD_DATA_ENCODING_INVALID)]
    assert found[node(0)] == [(1, 1.5, 0), (0, "text", 0)]  # by DataType, then by arrival
    assert recorder.counters.unstorable == 1


async def test_stopping_before_starting_is_safe(outbox: Outbox) -> None:
    await Recorder(outbox, {}).stop()
