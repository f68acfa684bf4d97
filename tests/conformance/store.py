"""What every history store must do. A store's test inherits :class:`StoreConformance` and gives it fresh stores."""

from __future__ import annotations

import asyncio
import math
import random
import uuid
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.datatypes import DataType
from core.quality import NO_VALUE, Status
from core.time import TICKS_PER_SECOND
from historian.contract import Cursor, Delivery, HistoryStore, InvalidTimeDomain, RawPage
from historian.samples import SampleBlock, group

A, B = "nsu=urn:test;s=a", "nsu=urn:test;i=7"
T0 = 133_000_000_000_000_000
SECOND = TICKS_PER_SECOND
LAG = 25_000

Row = tuple[int, Any]
"""A sample as the tests write it: seconds after T0 and value."""


def block(rows: Sequence[tuple[str, int, Any]], datatype: DataType = DataType.DOUBLE, status: int = 0) -> SampleBlock:
    """Make a block of (node, seconds after T0, value) in the order of arrival."""
    nodes = sorted({node for node, _, _ in rows})
    times = np.array([T0 + seconds * SECOND for _, seconds, _ in rows], np.int64)
    values = np.empty(len(rows), datatype.dtype)
    for index, (_, _, value) in enumerate(rows):
        values[index] = value
    columns = group(
        datatype,
        np.array([nodes.index(node) for node, _, _ in rows], np.int32),
        values,
        np.full(len(rows), status, np.uint32),
        times,
        times + LAG,
    )
    return SampleBlock.of(columns, [nodes[int(point)] for point in columns.points])


async def put(store: HistoryStore, sequence: int, *rows: tuple[str, int, Any]) -> None:
    await store.append([Delivery(sequence, [block(rows)])], "origin")


def rows_of(page: RawPage) -> list[Row]:
    seconds = ((page.source_time - T0) // SECOND).tolist()
    return list(zip(seconds, page.values.tolist(), strict=True))


async def read_all(
    store: HistoryStore, start: int | None, end: int | None, limit: int, point: str = A, *, bounds: bool = False
) -> list[Row]:
    """Read through all pages; every one but the last is full."""
    found: list[Row] = []
    cursor: Cursor | None = None
    while True:
        page = await store.read_raw(point, at(start), at(end), limit, bounds=bounds, cursor=cursor)
        found.extend(rows_of(page))
        if page.cursor is None:
            return found
        assert len(page) == limit
        cursor = Cursor.from_bytes(page.cursor.to_bytes())


def at(seconds: int | None) -> int | None:
    return None if seconds is None else T0 + seconds * SECOND


def model(rows: Sequence[Row], start: int | None, end: int | None) -> list[Row]:
    """The slow truth: a list in the order of (time, arrival)."""
    ordered = sorted(rows, key=lambda row: row[0])
    if start is None:
        assert end is not None
        return [row for row in ordered if row[0] <= end][::-1]
    if end is None:
        return [row for row in ordered if row[0] >= start]
    if start == end:
        return [row for row in ordered if row[0] == start]
    if start < end:
        return [row for row in ordered if start <= row[0] < end]
    return [row for row in ordered if end < row[0] <= start][::-1]


class StoreConformance(ABC):
    """The suite; ``make`` gives a store on a fresh place, and on the same place again for the same name."""

    @abstractmethod
    def make(self, folder: Path) -> HistoryStore:
        """Make a store on ``folder``."""

    async def settle(self, store: HistoryStore) -> None:  # noqa: B027 - a store without background work has nothing to do
        """Do at once what the store does in the background."""

    # Part 11 v1.05 6.5.3.2 and its table of bounding values: values at 5:00, 5:02, 5:03, 5:05 and 5:06.
    # 'first' and 'last' are bounds that do not exist.
    @pytest.mark.parametrize(
        ("start", "end", "limit", "bounds", "expected"),
        [
            (500, 505, 0, True, [500, 502, 503, 505]),
            (500, 505, 0, False, [500, 502, 503]),
            (501, 504, 0, True, [500, 502, 503, 505]),
            (501, 504, 0, False, [502, 503]),
            (505, 500, 0, True, [505, 503, 502, 500]),
            (505, 500, 0, False, [505, 503, 502]),
            (504, 501, 0, True, [505, 503, 502, 500]),
            (504, 501, 0, False, [503, 502]),
            (459, 505, 0, True, ["missing 459", 500, 502, 503, 505]),
            (459, 505, 0, False, [500, 502, 503]),
            (501, 507, 0, True, [500, 502, 503, 505, 506, "missing 507"]),
            (501, 507, 0, False, [502, 503, 505, 506]),
            (500, 505, 3, True, [500, 502, 503, "more"]),
            (500, 505, 3, False, [500, 502, 503]),
            (501, 504, 3, True, [500, 502, 503, "more"]),
            (504, 501, 3, True, [505, 503, 502, "more"]),
            (504, 501, 3, False, [503, 502]),
            (459, 505, 3, True, ["missing 459", 500, 502, "more"]),
            (501, 507, 3, False, [502, 503, 505, "more"]),
            (500, None, 3, True, [500, 502, 503, "more"]),
            (500, None, 6, True, [500, 502, 503, 505, 506, "missing 507"]),
            (500, None, 6, False, [500, 502, 503, 505, 506]),
            (507, None, 6, True, [506, "missing 508"]),
            (507, None, 6, False, []),
            (None, 506, 3, True, [506, 505, 503, "more"]),
            (None, 506, 6, True, [506, 505, 503, 502, 500, "missing 499"]),
            (None, 448, 6, True, [500, "missing 447"]),
            (None, 448, 6, False, []),
            (448, 448, 0, True, ["missing 448", 500]),
            (448, 448, 0, False, []),
            (448, 448, 1, True, ["missing 448", "more"]),
            (500, 500, 0, True, [500, 502]),
            (500, 500, 0, False, [500]),
            (500, 500, 1, True, [500, "more"]),
            (501, 501, 0, True, [500, 502]),
            (501, 501, 1, True, [500, "more"]),
        ],
    )
    async def test_reads_the_time_domain_as_part_11_says(
        self,
        tmp_path: Path,
        start: int | None,
        end: int | None,
        limit: int,
        bounds: bool,  # noqa: FBT001 - a parameter of the table
        expected: list[Any],
    ) -> None:
        store = self.make(tmp_path)
        await store.open()
        try:
            await put(store, 1, *((A, moment, float(moment)) for moment in (503, 500, 502, 506, 505)))
            page = await store.read_raw(A, at(start), at(end), limit, bounds=bounds)
            found: list[Any] = []
            for (seconds, value), status in zip(rows_of(page), page.status.tolist(), strict=True):
                if status == Status.BAD_BOUND_NOT_FOUND | NO_VALUE:
                    # the bound of an end not given stands near the last value; a tick more or less is nobody's business
                    found.append(f"missing {seconds}")
                else:
                    assert value == seconds
                    found.append(seconds)
            assert found + (["more"] if page.cursor else []) == expected
            if limit:
                assert [row[0] for row in await read_all(store, start, end, limit, bounds=bounds)] == [
                    row[0] for row in await read_all(store, start, end, 100, bounds=bounds)
                ]
        finally:
            await store.close()

    async def test_two_of_start_end_and_limit_must_be_given(self, tmp_path: Path) -> None:
        store = self.make(tmp_path)
        await store.open()
        try:
            for start, end, limit in ((None, None, 5), (5, None, 0), (None, 5, 0), (None, None, 0), (1, 2, -1)):
                with pytest.raises(InvalidTimeDomain):
                    await store.read_raw(A, start, end, limit)
        finally:
            await store.close()

    async def test_a_point_without_history_gives_an_empty_page(self, tmp_path: Path) -> None:
        store = self.make(tmp_path)
        await store.open()
        try:
            page = await store.read_raw("nsu=urn:test;s=unknown", at(0), at(9), 10)
            assert (len(page), page.cursor) == (0, None)
            assert await store.points() == ()
        finally:
            await store.close()

    async def test_keeps_value_status_and_both_times(self, tmp_path: Path) -> None:
        store = self.make(tmp_path)
        await store.open()
        try:
            made = block([(A, 1, math.nan), (B, 2, -0.0)], status=Status.UNCERTAIN_LAST_USABLE_VALUE)
            await store.append([Delivery(1, [made])], "origin")
            page = await store.read_raw(A, at(0), at(9), 0)
            assert page.datatype is DataType.DOUBLE
            assert math.isnan(float(page.values[0]))
            assert page.status.tolist() == [Status.UNCERTAIN_LAST_USABLE_VALUE]
            assert page.source_time.tolist() == [T0 + SECOND]
            assert page.server_time.tolist() == [T0 + SECOND + LAG]
            assert math.copysign(1, float((await store.read_raw(B, at(0), at(9), 0)).values[0])) == -1
            assert set(await store.points()) == {A, B}
            assert (await store.statistics()).samples == 2
        finally:
            await store.close()

    @pytest.mark.parametrize("datatype", [member for member in DataType if not member.is_object])
    async def test_keeps_every_numeric_type_to_its_limits(self, tmp_path: Path, datatype: DataType) -> None:
        store = self.make(tmp_path)
        await store.open()
        try:
            kind = datatype.dtype.kind
            if kind == "f":
                limits = np.finfo(datatype.dtype)  # type: ignore[type-var]  # kind says it is a float
                values = [float(limits.min), 0.1, float(limits.max), math.inf, float(limits.tiny)]
            else:
                values = [0, 1] if kind == "b" else [np.iinfo(datatype.dtype).min, np.iinfo(datatype.dtype).max]  # type: ignore[type-var]  # as above
            made = block([(A, row, value) for row, value in enumerate(values)], datatype)
            await store.append([Delivery(1, [made])], "origin")
            await self.settle(store)
            page = await store.read_raw(A, at(0), at(99), 0)
            assert page.datatype is datatype
            assert page.values.dtype == datatype.dtype
            assert page.values.tolist() == made.values.tolist()
        finally:
            await store.close()

    async def test_keeps_what_is_no_number(self, tmp_path: Path) -> None:
        store = self.make(tmp_path)
        if not store.capabilities.keeps_objects:
            pytest.skip("the store declares that it keeps numbers only")
        await store.open()
        try:
            values = ["Grüße", None, b"\x00\xff", uuid.UUID(int=5), [1, [2.5, "x"]], {"a": 1, "$map": 2}, ""]
            made = block([(A, row, value) for row, value in enumerate(values)], DataType.VARIANT)
            await store.append([Delivery(1, [made])], "origin")
            assert (await store.read_raw(A, at(0), at(99), 0)).values.tolist() == values
        finally:
            await store.close()

    async def test_a_page_ends_where_the_type_changes(self, tmp_path: Path) -> None:
        store = self.make(tmp_path)
        await store.open()
        try:
            await store.append([Delivery(1, [block([(A, 0, 1), (A, 1, 2)], DataType.INT16)])], "origin")
            await store.append([Delivery(2, [block([(A, 2, 2.5), (A, 3, 3.5)], DataType.FLOAT)])], "origin")
            first = await store.read_raw(A, at(0), at(3), 0, bounds=True)
            second = await store.read_raw(A, at(0), at(3), 0, bounds=True, cursor=first.cursor)
            assert (first.datatype, rows_of(first)) == (DataType.INT16, [(0, 1), (1, 2)])
            assert (second.datatype, rows_of(second), second.cursor) == (DataType.FLOAT, [(2, 2.5), (3, 3.5)], None)
        finally:
            await store.close()

    async def test_fault_18_values_at_one_time_are_all_kept_in_the_order_of_arrival(self, tmp_path: Path) -> None:
        store = self.make(tmp_path)
        if not store.capabilities.keeps_same_time:
            pytest.skip("the store declares that it keeps one value a time")
        await store.open()
        try:
            await put(store, 1, (A, 1, 1.0), (A, 1, 2.0), (A, 0, 0.0))
            await put(store, 2, (A, 1, 3.0))
            expected = [(0, 0.0), (1, 1.0), (1, 2.0), (1, 3.0)]
            for limit in (0, 1, 2, 3, 100):
                assert await read_all(store, 0, 9, limit) == expected
                assert await read_all(store, 9, -1, limit) == expected[::-1]
        finally:
            await store.close()

    async def test_fault_19_late_samples_are_read_in_the_order_of_time(self, tmp_path: Path) -> None:
        store = self.make(tmp_path)
        await store.open()
        try:
            moments = list(range(300))
            random.Random(19).shuffle(moments)
            for sequence in range(30):
                part = moments[sequence * 10 : sequence * 10 + 10]
                await put(store, sequence + 1, *((A, moment, float(moment)) for moment in part))
            expected = [(moment, float(moment)) for moment in range(300)]
            assert await read_all(store, 0, 300, 7) == expected
            await self.settle(store)
            assert await read_all(store, 0, 300, 7) == expected
            assert await read_all(store, 299, -1, 7) == expected[::-1]
        finally:
            await store.close()

    async def test_delivering_again_stores_nothing_twice(self, tmp_path: Path) -> None:
        store = self.make(tmp_path)
        await store.open()
        first, second, third = (Delivery(n, [block([(A, n, float(n))])]) for n in (5, 6, 7))
        try:
            await store.append([first, second], "origin")
            await store.append([first, second, third], "origin")
            await store.append([Delivery(5, [block([(A, 9, 9.0)])])], "another outbox")
            await store.close()
            await store.open()
            await store.append([third], "origin")
            assert [await store.applied(origin) for origin in ("origin", "another outbox", "nobody's")] == [7, 5, 0]
            assert await read_all(store, 0, 99, 0) == [(5, 5.0), (6, 6.0), (7, 7.0), (9, 9.0)]
        finally:
            await store.close()

    async def test_a_cursor_stays_right_while_data_arrive(self, tmp_path: Path) -> None:
        store = self.make(tmp_path)
        await store.open()
        try:
            await put(store, 1, *((A, moment, float(moment)) for moment in range(10)))
            forward = await store.read_raw(A, at(0), at(99), 4)
            backward = await store.read_raw(A, at(9), at(-9), 4)
            await put(store, 2, (A, 1, 101.0), (A, 3, 103.0), (A, 5, 105.0), (A, 6, 106.0), (A, 8, 108.0))
            await self.settle(store)
            rest = await store.read_raw(A, at(0), at(99), 99, cursor=forward.cursor)
            back = await store.read_raw(A, at(9), at(-9), 99, cursor=backward.cursor)
            # behind the cursor nothing shows any more, at and past it everything does
            assert [value for _, value in rows_of(rest)] == [103, 4, 5, 105, 6, 106, 7, 8, 108, 9]
            assert [value for _, value in rows_of(back)] == [105, 5, 4, 103, 3, 2, 101, 1, 0]
        finally:
            await store.close()

    async def test_what_was_appended_is_there_after_opening_again(self, tmp_path: Path) -> None:
        store = self.make(tmp_path)
        await store.open()
        await put(store, 1, (A, 0, 1.0))
        await store.close()
        await store.close()
        again = self.make(tmp_path)
        outcome = await again.open()
        try:
            assert outcome.set_aside is None
            assert await read_all(again, 0, 9, 0) == [(0, 1.0)]
        finally:
            await again.close()

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
    @given(data=st.data())
    def test_random_appends_and_reads_agree_with_a_list(
        self, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        moment = st.integers(0, 40)
        batches = data.draw(st.lists(st.lists(moment, min_size=1, max_size=12), max_size=20))
        store = self.make(tmp_path_factory.mktemp("model"))

        async def story() -> None:
            await store.open()
            try:
                rows: list[Row] = []
                for sequence, moments in enumerate(batches):
                    new = [(seconds, float(len(rows) + turn)) for turn, seconds in enumerate(moments)]
                    rows.extend(new)
                    await put(store, sequence + 1, *((A, *row) for row in new), (B, 0, 0.0))
                    if data.draw(st.booleans()):
                        await put(store, sequence, (A, 0, -1.0))
                for _ in range(6):
                    start, end = data.draw(st.none() | moment), data.draw(st.none() | moment)
                    limit = data.draw(st.integers(1, 9))
                    if start is None and end is None:
                        continue
                    assert await read_all(store, start, end, limit) == model(rows, start, end)
                    if data.draw(st.booleans()):
                        await self.settle(store)
            finally:
                await store.close()

        asyncio.run(story())
