"""What every store that keeps edits must do; inherited beside :class:`~tests.conformance.store.StoreConformance`."""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import pytest

from core.datatypes import DataType
from core.quality import Status
from historian.contract import Cursor, Delivery, HistoryStore, InvalidTimeDomain
from historian.editing import HistoryEditor, Modification, PointSamples, UnstorableSamples, UpdateKind
from tests.conformance.store import LAG, SECOND, T0, A, B, Row, at, block, model, put, read_all

BY = Modification(T0 + 900 * SECOND, "engineer")
INSERTED, REPLACED = int(Status.GOOD_ENTRY_INSERTED), int(Status.GOOD_ENTRY_REPLACED)
EXISTS, MISSING = int(Status.BAD_ENTRY_EXISTS), int(Status.BAD_NO_ENTRY_EXISTS)

Old = tuple[int, Any, int]
"""An old value as the tests write it: seconds after T0, value, UpdateKind."""


class EditedStore(HistoryStore, HistoryEditor, Protocol):
    """A store that can be changed by hand."""


def samples(rows: Sequence[Row], datatype: DataType = DataType.DOUBLE) -> PointSamples:
    """Make samples of (seconds after T0, value)."""
    times = np.array([T0 + seconds * SECOND for seconds, _ in rows], np.int64)
    values = np.empty(len(rows), datatype.dtype)
    for index, (_, value) in enumerate(rows):
        values[index] = value
    return PointSamples(datatype, values, np.zeros(len(rows), np.uint32), times, times + LAG)


def moments(*seconds: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([T0 + each * SECOND for each in seconds], np.int64)


async def old_values(
    store: EditedStore, start: int | None, end: int | None, limit: int = 100, point: str = A
) -> list[Old]:
    """Read through all pages of changed values."""
    found: list[Old] = []
    cursor: Cursor | None = None
    while True:
        read = await store.read_modified(point, at(start), at(end), limit, cursor=cursor)
        assert len(read.page) == len(read.modified) == len(read.kinds) == len(read.users)
        assert not limit or len(read.page) <= limit
        seconds = ((read.page.source_time - T0) // SECOND).tolist()
        found.extend(zip(seconds, read.page.values.tolist(), read.kinds.tolist(), strict=True))
        if read.page.cursor is None:
            return found
        cursor = Cursor.from_bytes(read.page.cursor.to_bytes())


class EditConformance(ABC):
    """The suite on changes by hand."""

    @abstractmethod
    def make(self, folder: Path) -> HistoryStore:
        """Make a store on ``folder``."""

    @abstractmethod
    async def settle(self, store: HistoryStore) -> None:
        """Do at once what the store does in the background."""

    @asynccontextmanager
    async def edited(self, folder: Path) -> AsyncGenerator[EditedStore]:
        """Give an open store, or skip where it keeps no edits."""
        store = self.make(folder)
        if not store.capabilities.keeps_edits:
            pytest.skip("the store declares that it keeps no changes by hand")
        await store.open()
        try:
            yield cast("EditedStore", store)
        finally:
            await store.close()

    async def test_insert_replace_and_update_say_what_became_of_each(self, tmp_path: Path) -> None:
        async with self.edited(tmp_path) as store:
            await put(store, 1, (A, 1, 1.0), (A, 2, 2.0), (B, 1, 9.0))
            codes = await store.update(A, samples([(3, 3.0), (2, -2.0)]), UpdateKind.INSERT, BY)
            assert codes.tolist() == [INSERTED, EXISTS]
            codes = await store.update(A, samples([(4, 4.0), (2, 22.0)]), UpdateKind.REPLACE, BY)
            assert codes.tolist() == [MISSING, REPLACED]
            codes = await store.update(A, samples([(5, 5.0), (3, 33.0), (1, 11.0)]), UpdateKind.UPDATE, BY)
            assert codes.tolist() == [INSERTED, REPLACED, REPLACED]
            expected = [(1, 11.0), (2, 22.0), (3, 33.0), (5, 5.0)]
            assert await read_all(store, 0, 99, 0) == expected
            await self.settle(store)
            assert await read_all(store, 99, 0, 2) == expected[::-1]
            assert await read_all(store, 0, 99, 0, B) == [(1, 9.0)]
            assert (await store.statistics()).samples == 5
            page = await store.read_raw(A, at(0), at(99), 0)
            assert (page.server_time - page.source_time).tolist() == [LAG] * 4
            read = await store.read_modified(A, at(0), at(99), 0)
            assert set(read.users) == {"engineer"}
            assert set(read.modified.tolist()) == {BY.time}
            assert await old_values(store, 0, 99) == [
                (1, 1.0, UpdateKind.REPLACE),
                (2, 2.0, UpdateKind.REPLACE),
                (3, 3.0, UpdateKind.REPLACE),
                (3, 3.0, UpdateKind.INSERT),
                (5, 5.0, UpdateKind.INSERT),
            ]

    async def test_a_point_is_made_by_inserting_and_not_by_replacing(self, tmp_path: Path) -> None:
        async with self.edited(tmp_path) as store:
            assert (await store.update(A, samples([(1, 1.0)]), UpdateKind.REPLACE, BY)).tolist() == [MISSING]
            assert await store.delete_raw(A, T0, T0 + 99 * SECOND, BY) == 0
            assert (await store.delete_at(A, moments(1), BY)).tolist() == [MISSING]
            assert await store.delete_modified(A, T0, T0 + 99 * SECOND) == 0
            assert await old_values(store, 0, 99) == []
            assert await store.points() == ()
            assert (await store.update(A, samples([(1, 1.0)]), UpdateKind.UPDATE, BY)).tolist() == [INSERTED]
            assert (await store.update(A, samples([]), UpdateKind.INSERT, BY)).tolist() == []
            await put(store, 1, (A, 0, 0.0), (B, 0, 0.0))
            assert await read_all(store, 0, 99, 0) == [(0, 0.0), (1, 1.0)]

    async def test_delete_takes_a_time_or_single_times_and_keeps_what_was_there(self, tmp_path: Path) -> None:
        async with self.edited(tmp_path) as store:
            await put(store, 1, *((A, moment, float(moment)) for moment in range(6)), (A, 3, 33.0), (B, 3, 0.0))
            assert await store.delete_raw(A, T0 + SECOND, T0 + 3 * SECOND, BY) == 2
            assert await store.delete_raw(A, T0 + 3 * SECOND, T0 + 3 * SECOND, BY) == 2
            assert (await store.delete_at(A, moments(5, 1, 5), BY)).tolist() == [0, MISSING, 0]
            assert await read_all(store, 0, 99, 0) == [(0, 0.0), (4, 4.0)]
            assert await read_all(store, 0, 99, 0, B) == [(3, 0.0)]
            assert [row[:2] for row in await old_values(store, 0, 99)] == [
                (1, 1.0), (2, 2.0), (3, 33.0), (3, 3.0), (5, 5.0)
            ]  # fmt: skip
            assert {kind for *_, kind in await old_values(store, 0, 99)} == {UpdateKind.DELETE}
            assert await store.delete_modified(A, T0 + 2 * SECOND, T0 + 5 * SECOND) == 3
            assert [row[0] for row in await old_values(store, 0, 99)] == [1, 5]
            assert await store.delete_modified(A, T0 + SECOND, T0 + SECOND) == 1
            assert [row[0] for row in await old_values(store, 99, 0)] == [5]
            assert (await store.statistics()).samples == 3
            for call in (store.delete_raw(A, T0 + 1, T0, BY), store.delete_modified(A, T0 + 1, T0)):
                with pytest.raises(InvalidTimeDomain):
                    await call

    async def test_several_changes_of_one_value_come_newest_first_in_either_direction(self, tmp_path: Path) -> None:
        async with self.edited(tmp_path) as store:
            await put(store, 1, (A, 1, 0.0), (A, 2, 0.0))
            for turn in range(1, 5):
                by = Modification(BY.time + turn, f"user {turn}")
                await store.update(A, samples([(1, float(turn)), (2, float(-turn))]), UpdateKind.UPDATE, by)
            first, second = [(1, 3.0), (1, 2.0), (1, 1.0), (1, 0.0)], [(2, -3.0), (2, -2.0), (2, -1.0), (2, 0.0)]
            for limit in (0, 1, 2, 3, 5, 100):
                assert [row[:2] for row in await old_values(store, 0, 9, limit)] == first + second
                assert [row[:2] for row in await old_values(store, 9, 0, limit)] == second + first
            read = await store.read_modified(A, at(1), at(1), 0)
            assert read.users == ("user 4", "user 3", "user 2", "user 1")
            assert (read.modified - BY.time).tolist() == [4, 3, 2, 1]
            # a cursor stays right when the value is changed again meanwhile
            page = (await store.read_modified(A, at(0), at(9), 2)).page
            await store.update(A, samples([(1, 5.0)]), UpdateKind.REPLACE, BY)
            rest = (await store.read_modified(A, at(0), at(9), 99, cursor=page.cursor)).page
            assert rest.values.tolist() == [1.0, 0.0, -3.0, -2.0, -1.0, 0.0]

    async def test_what_arrives_later_at_a_changed_time_stands_behind_it(self, tmp_path: Path) -> None:
        async with self.edited(tmp_path) as store:
            await put(store, 1, (A, 1, 1.0), (A, 1, 1.5), (A, 2, 2.0))
            await store.update(A, samples([(1, 10.0), (1, 10.5)]), UpdateKind.REPLACE, BY)
            await put(store, 2, (A, 1, 1.75), (A, 0, 0.0))
            expected = [(0, 0.0), (1, 10.0), (1, 10.5), (1, 1.75), (2, 2.0)]
            for _ in range(2):
                for limit in (0, 1, 2):
                    assert await read_all(store, 0, 9, limit) == expected
                    assert await read_all(store, 9, -1, limit) == expected[::-1]
                await self.settle(store)

    async def test_edits_what_is_no_number_and_another_type(self, tmp_path: Path) -> None:
        async with self.edited(tmp_path) as store:
            if not store.capabilities.keeps_objects:
                pytest.skip("the store declares that it keeps numbers only")
            made = block([(A, row, value) for row, value in enumerate(["a", {"b": [1]}, None])], DataType.VARIANT)
            await store.append([Delivery(1, [made])], "origin")
            new: list[Row] = [(1, {"b": [2, "x"]}), (3, b"\x01")]
            codes = await store.update(A, samples(new, DataType.VARIANT), UpdateKind.UPDATE, BY)
            assert codes.tolist() == [REPLACED, INSERTED]
            assert await read_all(store, 0, 9, 0) == [(0, "a"), (1, {"b": [2, "x"]}), (2, None), (3, b"\x01")]
            assert [row[1] for row in await old_values(store, 0, 9)] == [{"b": [1]}, b"\x01"]
            await store.update(A, samples([(2, 7)], DataType.INT16), UpdateKind.REPLACE, BY)
            page = await store.read_raw(A, at(2), at(3), 0)
            assert (page.datatype, page.values.tolist()) == (DataType.INT16, [7])
            await store.update(A, samples([(2, 8)], DataType.INT16), UpdateKind.REPLACE, BY)
            assert [row[1] for row in await old_values(store, 2, 2)] == [7, None]
            with pytest.raises(UnstorableSamples):
                await store.update(A, samples([(0, 1), (1, object())], DataType.VARIANT), UpdateKind.UPDATE, BY)
            assert await read_all(store, 0, 1, 0) == [(0, "a")]

    async def test_changes_are_there_after_opening_again_and_deliveries_stay_known(self, tmp_path: Path) -> None:
        async with self.edited(tmp_path) as store:
            await put(store, 7, (A, 1, 1.0), (A, 2, 2.0))
            await store.delete_raw(A, T0 + SECOND, T0 + SECOND, BY)
        async with self.edited(tmp_path) as store:
            await put(store, 7, (A, 1, 1.0), (A, 2, 2.0))
            assert await read_all(store, 0, 9, 0) == [(2, 2.0)]
            assert await old_values(store, 0, 9) == [(1, 1.0, UpdateKind.DELETE)]

    @pytest.mark.parametrize("seed", range(8))
    def test_random_stories_agree_with_a_list(self, tmp_path: Path, seed: int) -> None:
        asyncio.run(self._story(tmp_path, random.Random(seed)))

    async def _story(self, folder: Path, dice: random.Random) -> None:
        rows: list[Row] = []
        old: list[Old] = []
        async with self.edited(folder) as store:
            for turn in range(40):
                new = [(dice.randrange(30), float(1000 * turn + place)) for place in range(dice.randint(1, 8))]
                match dice.randrange(6):
                    case 0 | 1 | 2:
                        await put(store, turn + 1, *((A, *row) for row in new), (B, turn, 0.0))
                        rows.extend(new)
                    case 3:
                        await self.settle(store)
                    case 4:
                        kind = dice.choice([UpdateKind.INSERT, UpdateKind.REPLACE, UpdateKind.UPDATE])
                        codes = (await store.update(A, samples(new), kind, BY)).tolist()
                        assert codes == updated(rows, old, new, kind)
                    case _:
                        start, end = sorted((dice.randrange(30), dice.randrange(30)))
                        assert await store.delete_raw(A, T0 + start * SECOND, T0 + end * SECOND, BY) == deleted(
                            rows, old, start, end
                        )
                start, end, limit = dice.randrange(31), dice.randrange(31), dice.randint(1, 9)
                assert await read_all(store, start, end, limit) == model(rows, start, end)
                assert await old_values(store, start, end, limit) == changed(old, start, end)
            assert (await store.statistics()).samples == len(rows) + len(await read_all(store, 0, 99, 0, B))


def updated(rows: list[Row], old: list[Old], new: Sequence[Row], kind: UpdateKind) -> list[int]:
    """Update the list ``rows`` as the slow truth has it, and what was before in ``old``; gives the StatusCodes."""
    there = {seconds for seconds, _ in rows}
    wanted = {row[0] for row in new if kind is UpdateKind.UPDATE or (row[0] in there) is (kind is UpdateKind.REPLACE)}
    taken = [row for row in new if row[0] in wanted]
    replaced = {seconds for seconds, _ in taken} & there
    old.extend((*row, int(UpdateKind.REPLACE)) for row in rows if row[0] in replaced)
    old.extend((*row, int(UpdateKind.INSERT)) for row in taken if row[0] not in there)
    rows[:] = [row for row in rows if row[0] not in replaced] + taken
    refused = MISSING if kind is UpdateKind.REPLACE else EXISTS
    return [(REPLACED if row[0] in there else INSERTED) if row[0] in wanted else refused for row in new]


def deleted(rows: list[Row], old: list[Old], start: int, end: int) -> int:
    """Delete from the list; gives how many there were."""
    gone = [row for row in rows if start <= row[0] < end or row[0] == start == end]
    rows[:] = [row for row in rows if row not in gone]
    old.extend((*row, int(UpdateKind.DELETE)) for row in gone)
    return len(gone)


def changed(old: Sequence[Old], start: int, end: int) -> list[Old]:
    """Old values of a time, those of one time newest first."""
    seconds = sorted({row[0] for row in model([row[:2] for row in old], start, end)}, reverse=start > end)
    return [row for moment in seconds for row in reversed(old) if row[0] == moment]
