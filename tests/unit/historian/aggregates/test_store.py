"""ReadProcessed and ReadAtTime on a real store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.datatypes import DataType
from historian.aggregates.calculate import calculate
from historian.aggregates.grid import Grid
from historian.aggregates.kinds import AggregateConfiguration, AggregateKind
from historian.at_time import read_at_time
from historian.contract import Delivery
from historian.processed import read_processed
from historian.samples import SampleBlock, group
from historian.sqlite.store import SQLiteStore
from tests.unit.historian.aggregates.test_processed import BEGIN, HOUR, same, samples

POINT = "nsu=urn:test;s=Temperature"


@pytest.mark.parametrize("merged", [False, True])
async def test_a_real_store_gives_the_same(tmp_path: Path, *, merged: bool) -> None:
    series = samples(21, number=3_000)
    store = SQLiteStore(tmp_path / "history.sqlite", retention_days=36_500)
    await store.open()
    try:
        for number, chosen in enumerate(np.array_split(np.arange(len(series)), 5)):
            columns = group(
                DataType.DOUBLE,
                np.zeros(len(chosen), np.int32),
                series.values[chosen],
                series.status[chosen],
                series.times[chosen],
                series.times[chosen],
            )
            await store.append([Delivery(number + 1, [SampleBlock.of(columns, (POINT,))])], "origin")
        if merged:
            await store.compact()
        configuration = AggregateConfiguration()
        grid = Grid(BEGIN, BEGIN + 6 * HOUR, HOUR // 4)
        for kind in (AggregateKind.AVERAGE, AggregateKind.VARIANCE_SAMPLE, AggregateKind.TIME_AVERAGE2):
            page = await read_processed(
                store, POINT, kind, configuration, grid.start, grid.end, grid.interval, stepped=False
            )
            told = calculate(kind, configuration, series, grid.all(), stepped=False, datatype=DataType.DOUBLE)
            same(page.results, told, rounding=1e-9)
        times = series.times[np.array([5, 1, 2_999])] + 1
        values = await read_at_time(store, POINT, times, configuration, stepped=True)
        assert values.times.tolist() == times.tolist()
    finally:
        await store.close()
