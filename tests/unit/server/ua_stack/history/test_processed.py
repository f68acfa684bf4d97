"""ReadProcessed and ReadAtTime over a real history file: pages of large values, and intervals that are none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from asyncua import ua

from core.datatypes import DataType
from historian.aggregates.kinds import AggregateConfiguration, AggregateKind
from historian.aggregates.results import Results
from historian.editing import Modification, PointSamples, UpdateKind
from historian.raw_read import PAGE_BYTES
from historian.sqlite import SQLiteStore
from server.subscriptions.encoding import Timestamps
from server.ua_stack.history.limits import OBJECT_VALUES
from server.ua_stack.history.pages import HistoryRefused, Page, PagedRead
from server.ua_stack.history.processed import AskedAggregate, AtTimeRead, HeldResults, ProcessedRead, asked_of
from server.ua_stack.history.raw import Shown
from server.ua_stack.history.requests import ReadProcessed

T0 = 133_000_000_000_000_000
SECOND = 10**7
CONFIGURATION = AggregateConfiguration()
TEXT = "x" * 20_000
SHOWN = Shown(int(DataType.STRING), None, objects=True)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SQLiteStore]:
    """Give a store of one long text, and of more annotations than one page of the store has."""
    made = SQLiteStore(tmp_path / "history.sqlite", retention_days=36_500)
    await made.open()
    await fill(made, "p", DataType.STRING, [TEXT])
    await fill(made, "annotations of p", DataType.BYTESTRING, [b"note"] * (OBJECT_VALUES + 100))
    yield made
    await made.close()


async def fill(store: SQLiteStore, point: str, datatype: DataType, given: list[object]) -> None:
    column = np.empty(len(given), object)
    column[:] = given
    times = T0 + np.arange(len(given), dtype=np.int64) * 1000
    samples = PointSamples(datatype, column, np.zeros(len(given), np.uint32), times, times)
    await store.update(point, samples, UpdateKind.INSERT, Modification(T0, "me"))


async def pages(read: PagedRead | None) -> list[Page]:
    found: list[Page] = []
    while read is not None:
        found.append(await read.page(min(500, read.most), Timestamps.BOTH))
        read = found[-1].following
    return found


async def test_a_long_text_asked_for_many_times_comes_in_pages(store: SQLiteStore) -> None:
    times = np.array([T0] * 300, np.int64)
    read = AtTimeRead(
        store, "p", times, simple_bounds=True, stepped=True, configuration=CONFIGURATION, datatype=DataType.STRING,
        shown=SHOWN,
    )  # fmt: skip
    found = await pages(read)
    assert sum(page.count for page in found) == len(times)
    assert max(len(page.body) for page in found) <= PAGE_BYTES + len(TEXT)
    following = found[0].following
    assert following is not None
    assert following.size < 10_000, "only the times that are left wait"


async def test_a_long_text_in_many_results_comes_in_pages() -> None:
    column = np.empty(200, object)
    column[:] = [TEXT] * 200
    results = Results(DataType.STRING, column, np.zeros(200, np.uint32), T0 + np.arange(200, dtype=np.int64))
    found = await pages(HeldResults(results, SHOWN, None))
    assert sum(page.count for page in found) == 200
    assert max(len(page.body) for page in found) <= PAGE_BYTES + len(TEXT)
    following = found[0].following
    assert following is not None
    assert len(TEXT) < following.size < 3 * len(TEXT), "what many results share is counted once"


async def test_annotations_are_counted_a_page_after_the_other(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[int] = []
    read_raw = store.read_raw

    async def watched(point: str, start: int, end: int, limit: int, **options: object) -> object:
        limits.append(limit)
        return await read_raw(point, start, end, limit, **options)  # type: ignore[arg-type]  # as the caller gave them

    monkeypatch.setattr(store, "read_raw", watched)
    asked = AskedAggregate(AggregateKind.ANNOTATION_COUNT, CONFIGURATION, T0, T0 + SECOND, SECOND)
    read = ProcessedRead(store, "p", "annotations of p", asked, DataType.STRING, stepped=True, shown=SHOWN)
    held = await read.calculated()
    assert held.results.values.tolist() == [OBJECT_VALUES + 100]
    assert 0 not in limits


@pytest.mark.parametrize("milliseconds", [0.00004, 5e-324])
def test_an_interval_shorter_than_a_tick_is_no_interval(milliseconds: float) -> None:
    # Part 13 v1.05 5.3.2: 0 is the whole time, and nothing else is
    details = ReadProcessed(T0, T0 + SECOND, milliseconds, (int(AggregateKind.AVERAGE),), None)
    with pytest.raises(HistoryRefused) as refused:
        asked_of(details, 0, 1, CONFIGURATION, stepped=False)
    assert refused.value.status == ua.StatusCodes.BadAggregateInvalidInputs
    assert asked_of(details._replace(interval=0.0), 0, 1, CONFIGURATION, stepped=False).interval == SECOND
    assert asked_of(details._replace(interval=0.0001), 0, 1, CONFIGURATION, stepped=False).interval == 1
