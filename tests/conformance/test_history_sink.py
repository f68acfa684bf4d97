from __future__ import annotations

from pathlib import Path

import numpy as np

from core.datatypes import DataType
from historian import chunks
from historian.contract import Record, Sink
from historian.history_sink import HistorySink
from historian.outbox import Outbox
from historian.samples import Columns
from historian.sqlite import SQLiteStore
from tests.conformance.sink import SinkConformance

T0 = 133_000_000_000_000_000
NODE = "nsu=urn:test;s=p"


class TestHistorySink(SinkConformance):
    async def make(self, folder: Path) -> Sink:
        self.outbox = Outbox(folder / "outbox.sqlite")
        await self.outbox.open()
        (self.point,) = await self.outbox.name_points([NODE])
        self.store = SQLiteStore(folder / "history.sqlite", retention_days=36_500)
        return HistorySink(self.store, self.outbox)

    async def record(self, sequence: int) -> Record:
        one = np.array([1], np.int32)
        times = np.array([T0 + sequence], np.int64)
        status = np.zeros(1, np.uint32)
        columns = Columns(DataType.INT32, one * self.point, one, one * sequence, status, times, times)
        return Record(sequence, T0, 1, chunks.write([columns]))

    async def received(self) -> list[int]:
        return (await self.store.read_raw(NODE, T0, None, 100)).values.tolist()

    async def dispose(self) -> None:
        await self.outbox.close()
