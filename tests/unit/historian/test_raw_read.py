"""Pages of a history file that hold strings and arrays: smaller by bytes, and nothing is lost between them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.datatypes import DataType
from historian.contract import Cursor, Delivery, RawPage
from historian.raw_read import PAGE_BYTES
from historian.samples import SampleBlock, group
from historian.sqlite import SQLiteStore

T0 = 133_000_000_000_000_000
NODE = "nsu=urn:test;s=Text"
LENGTH = 10_000


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SQLiteStore]:
    made = SQLiteStore(tmp_path / "history.sqlite", retention_days=36_500)
    await made.open()
    yield made
    await made.close()


async def keep(store: SQLiteStore, values: Sequence[Any], datatype: DataType = DataType.STRING) -> list[Any]:
    """Store values, two at each time: the cursor between them tells by arrival."""
    count = len(values)
    column = np.empty(count, datatype.dtype)
    column[:] = values
    times = T0 + np.arange(count) // 2 * 10
    columns = group(datatype, np.zeros(count, np.int32), column, np.zeros(count, np.uint32), times, times)
    await store.append([Delivery(1, [SampleBlock.of(columns, [NODE])])], "origin")
    return list(values)


async def pages(store: SQLiteStore, start: int | None, end: int | None, limit: int = 1000) -> list[RawPage]:
    found: list[RawPage] = []
    cursor: Cursor | None = None
    while not found or cursor is not None:
        page = await store.read_raw(NODE, start, end, limit, cursor=cursor)
        found.append(page)
        cursor = page.cursor
    return found


@pytest.mark.parametrize("backward", [False, True])
async def test_a_page_of_strings_ends_before_it_is_too_large(store: SQLiteStore, *, backward: bool) -> None:
    # Part 4 v1.05 7.9: what is too large for one answer goes on with a continuation point
    kept = await keep(store, [f"{number:05}" + "x" * LENGTH for number in range(101)])
    start, end = (T0 + 10_000, T0 - 1) if backward else (T0, T0 + 10_000)
    found = await pages(store, start, end)
    assert len(found) > 3
    assert max(sum(map(len, page.values)) for page in found) <= PAGE_BYTES
    told = [value for page in found for value in page.values]
    assert told == (kept[::-1] if backward else kept)


async def test_a_value_larger_than_a_page_comes_alone(store: SQLiteStore) -> None:
    kept = await keep(store, ["a", "b" * (PAGE_BYTES + 1), "c", "d"])
    found = await pages(store, T0, T0 + 10_000)
    assert [list(page.values) for page in found] == [kept[:1], kept[1:2], kept[2:]]


@pytest.mark.parametrize(
    "value",
    [
        np.zeros(40_000),
        np.array(["y" * 100_000] * 2, object),
        [["z" * 100_000] * 2],
        {"low": "w" * 200_000},
        b"v" * 200_000,
    ],
    ids=["numbers", "strings", "lists", "structure", "bytes"],
)
async def test_arrays_and_structures_are_measured_too(store: SQLiteStore, value: Any) -> None:
    await keep(store, [value] * 3, DataType.VARIANT)
    assert [len(page) for page in await pages(store, T0, T0 + 10_000)] == [1, 1, 1]


async def test_a_page_without_a_limit_has_all(store: SQLiteStore) -> None:
    await keep(store, ["x" * LENGTH] * 60)
    page = await store.read_raw(NODE, T0, T0 + 10_000, 0)
    assert (len(page), page.cursor) == (60, None)


async def test_the_end_bound_waits_for_the_last_page(store: SQLiteStore) -> None:
    # Part 11 v1.05 6.5.3.2: a bound follows the values, and they have not come to their end yet
    await keep(store, ["x" * LENGTH] * 60)
    first = await store.read_raw(NODE, T0, T0 + 200, 1000, bounds=True)
    assert first.cursor is not None
    last = await store.read_raw(NODE, T0, T0 + 200, 1000, bounds=True, cursor=first.cursor)
    assert len(first) + len(last) == 41
    assert last.source_time[-1] == T0 + 200
