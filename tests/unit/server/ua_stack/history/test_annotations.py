"""Annotations over a real history file: how many there may be, and that all come, in pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from asyncua import ua

from historian.editing import Modification, PointSamples, UpdateKind
from historian.raw_read import PAGE_BYTES
from historian.sqlite import SQLiteStore
from server.address_space.decoding import GivenValue
from server.subscriptions.encoding import Timestamps
from server.ua_stack.history.annotations import (
    ANNOTATION_BYTES,
    MOST_AT_A_MOMENT,
    REMOVE,
    Annotating,
    Annotation,
    AnnotationRead,
    annotation_variant,
)
from server.ua_stack.history.pages import Page, PagedRead

T0 = 133_000_000_000_000_000
POINT = "annotations of p"
BY = Modification(T0 + 10**9, "me")
_codes = ua.StatusCodes


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SQLiteStore]:
    made = SQLiteStore(tmp_path / "history.sqlite", retention_days=36_500)
    await made.open()
    yield made
    await made.close()


def note(text: str, user: str, moment: int = T0) -> GivenValue:
    return GivenValue(annotation_variant(Annotation(text, user, T0).to_bytes()), 0, moment, None)


async def change(store: SQLiteStore, values: Sequence[GivenValue], kind: int = int(UpdateKind.INSERT)) -> Sequence[int]:
    return (await Annotating().update(store, store, POINT, kind, values, BY)).results


async def pages(store: SQLiteStore, times: Sequence[int], share: int) -> list[Page]:
    """Read all."""
    found: list[Page] = []
    read: PagedRead | None = AnnotationRead(store, POINT, np.array(times, np.int64))
    while read is not None:
        found.append(await read.page(share, Timestamps.BOTH))
        read = found[-1].following
    return found


async def test_a_moment_has_only_so_many_annotations(store: SQLiteStore) -> None:
    given = [note("x", f"u{number}") for number in range(MOST_AT_A_MOMENT + 1)]
    told = await change(store, given)
    assert list(told) == [_codes.GoodEntryInserted] * MOST_AT_A_MOMENT + [_codes.BadTooManyOperations]
    assert await change(store, given[-1:]) == [_codes.BadTooManyOperations]
    assert await change(store, given[:1], int(UpdateKind.REPLACE)) == [_codes.GoodEntryReplaced]
    assert await change(store, given[:1], REMOVE) == [_codes.Good]
    assert await change(store, given[-1:]) == [_codes.GoodEntryInserted]


async def test_an_annotation_has_only_so_many_bytes(store: SQLiteStore) -> None:
    told = await change(store, [note("x" * ANNOTATION_BYTES, "a"), note("x" * (ANNOTATION_BYTES - 100), "b")])
    assert list(told) == [_codes.BadOutOfRange, _codes.GoodEntryInserted]


async def test_the_annotations_of_a_moment_are_written_at_once(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    update = store.update

    async def counted(point: str, samples: PointSamples, kind: UpdateKind, by: Modification) -> object:
        written.append(len(samples))
        return await update(point, samples, kind, by)

    monkeypatch.setattr(store, "update", counted)
    values = [note("x", f"u{number}", T0 + number % 2) for number in range(20)]
    assert set(await change(store, values)) == {_codes.GoodEntryInserted}
    assert written == [10, 10]


async def test_many_annotations_of_one_moment_all_come(store: SQLiteStore) -> None:
    await change(store, [note("x" * 10_000, f"u{number}") for number in range(60)])
    found = await pages(store, [T0], 500)
    assert sum(page.count for page in found) == 60
    assert max(len(page.body) for page in found) <= 2 * PAGE_BYTES
    assert b"".join(page.body for page in found).count(b"x" * 10_000) == 60
    found = await pages(store, [T0 - 1, T0, T0 + 1], 25)
    assert [page.count for page in found] == [25, 25, 12], "a moment without any is told once"
