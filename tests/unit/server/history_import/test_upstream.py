from __future__ import annotations

from pathlib import Path

import numpy as np

from core.datatypes import DataType
from core.time import from_iso
from historian.contract import Delivery
from historian.samples import SampleBlock
from historian.sqlite.store import SQLiteStore
from server.history_import.upstream import _new  # pyright: ignore[reportPrivateUsage] - what a server gives is cut

START = from_iso("2026-11-21T08:00:00Z")


def _block(times: list[int]) -> SampleBlock:
    ticks, count = np.array(times, np.int64), len(times)
    values, status = np.ones(count), np.zeros(count, np.uint32)
    return SampleBlock(("i=1",), DataType.DOUBLE, np.array([count], np.int32), values, status, ticks, ticks)


async def test_what_is_kept_to_100_ns_is_known_by_its_microsecond(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "history.sqlite", retention_days=36_500)
    await store.open()
    try:
        await store.append([Delivery(1, [_block([START + 7, START + 25])])], "test")
        assert await _new(store, "i=1", _block([START, START + 20])) is None
        new = await _new(store, "i=1", _block([START, START + 10, START + 20]))
        assert new is not None
        assert new.source_time.tolist() == [START + 10]
    finally:
        await store.close()
