from __future__ import annotations

import asyncio
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from core.batch import Samples
from core.datatypes import DataType
from historian.forwarder import Forwarder
from historian.history_sink import HistorySink
from historian.origins import Origin, Origins
from historian.outbox import Outbox
from historian.recorder import STREAM, Recorder
from historian.sqlite import SQLiteReader, SQLiteStore

T0 = 133_000_000_000_000_000
NODE = "nsu=urn:test;s=p"
TOLD = "the outbox is older than the history beside it"


def sample(number: int) -> Samples:
    slots = np.zeros(1, np.int32)
    times = np.array([T0 + number], np.int64)
    value, good, changed = np.array([float(number)]), np.zeros(1, np.uint32), np.ones(1, np.bool_)
    return Samples(DataType.DOUBLE, slots, slots, value, good, times, T0 + number, changed)


async def run(folder: Path, numbers: range, *, deliver: bool = True) -> None:
    """Record ``numbers``, a record each, as a gateway does from its start to its stop."""
    outbox = Outbox(folder / "outbox.sqlite")
    await outbox.open()
    store = SQLiteStore(folder / "history.sqlite", retention_days=36_500)
    forwarder = Forwarder(outbox, STREAM, HistorySink(store, outbox), "history")
    if deliver:
        await forwarder.start()
    for number in numbers:
        recorder = Recorder(outbox, {0: NODE})
        await recorder.start()
        recorder.offer(sample(number))
        await recorder.stop()
    if deliver:
        await asyncio.wait_for(forwarder.drain(), 30)
    await forwarder.stop()
    await outbox.close()


async def history(folder: Path) -> list[int]:
    reader = SQLiteReader(folder / "history.sqlite")
    try:
        return [int(value) for value in (await reader.read_raw(NODE, T0, None, 1000)).values]
    finally:
        await reader.close()


async def test_an_outbox_from_a_backup_loses_nothing_that_comes_after(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, backup = tmp_path / "outbox.sqlite", tmp_path / "backup.sqlite"
    await run(tmp_path, range(5))
    await run(tmp_path, range(5, 10), deliver=False)
    shutil.copy(path, backup)
    await run(tmp_path, range(10, 20))
    shutil.copy(backup, path)
    with caplog.at_level(logging.ERROR):
        await run(tmp_path, range(20, 25))
    # what waited in the backup is not stored a second time, what came after it is all there
    assert await history(tmp_path) == list(range(25))
    await run(tmp_path, range(25, 30))
    assert await history(tmp_path) == list(range(30))


async def test_an_outbox_older_than_the_history_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The backup was made while the gateway ran, so the history knows more of the same origin."""
    path, backup = tmp_path / "outbox.sqlite", tmp_path / "backup.sqlite"
    outbox = Outbox(path)
    await outbox.open()
    store = SQLiteStore(tmp_path / "history.sqlite", retention_days=36_500)
    forwarder = Forwarder(outbox, STREAM, HistorySink(store, outbox), "history")
    await forwarder.start()
    for number in range(6):
        recorder = Recorder(outbox, {0: NODE})
        await recorder.start()
        recorder.offer(sample(number))
        await recorder.stop()
        if number == 2:
            await asyncio.wait_for(forwarder.drain(), 30)
            shutil.copy(path, backup)  # nothing is being written now; the log holds the rest
            shutil.copy(f"{path}-wal", f"{backup}-wal")
    await asyncio.wait_for(forwarder.drain(), 30)
    await forwarder.stop()
    await outbox.close()
    for tail in ("", "-wal"):
        shutil.copy(f"{backup}{tail}", f"{path}{tail}")
    with caplog.at_level(logging.ERROR):
        await run(tmp_path, range(6, 9))
    assert await history(tmp_path) == list(range(9))
    (told,) = [record for record in caplog.records if TOLD in record.message]
    assert "it ends at record 3 where the history already has 6" in told.message
    caplog.clear()
    await run(tmp_path, range(9, 12))
    assert await history(tmp_path) == list(range(12))
    assert TOLD not in caplog.text


async def test_each_opening_is_an_origin_and_those_without_records_are_forgotten(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite")
    names: list[str] = []
    for _ in range(4):
        await outbox.open()
        names.append(outbox.origins.of(1 << 40))
        await outbox.append("a", b"x")
        await outbox.close()
    await outbox.open()
    assert [outbox.origins.of(sequence) for sequence in range(1, 5)] == names
    await outbox.register("sink", "a")
    await outbox.acknowledge("sink", 3)
    await outbox.close()
    await outbox.open()  # record 4 waits: its origin and all since then stay
    assert [origin.first for origin in outbox.origins.all] == [4, 5, 5]
    await outbox.acknowledge("sink", 4)
    for _ in range(3):
        await outbox.close()
        await outbox.open()
    assert [(origin.first, origin.last) for origin in outbox.origins.all] == [(5, 4), (5, None)]
    await outbox.close()


def test_of_openings_that_gave_no_number_out_the_last_one_counts() -> None:
    origins = Origins((Origin("a", 1, 4), Origin("b", 5, 4), Origin("c", 5, None)))
    assert [origins.of(sequence) for sequence in (1, 4, 5, 99)] == ["a", "a", "c", "c"]
