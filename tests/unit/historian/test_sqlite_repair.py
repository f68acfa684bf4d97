"""Repair of really damaged files: what can be read comes back, once, and the rest is told."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from core.datatypes import DataType
from core.errors import StoreError
from historian.contract import Delivery
from historian.editing import UpdateKind
from historian.resolutions import Resolution
from historian.samples import SampleBlock
from historian.sqlite import SQLiteStore, merge
from historian.sqlite import repair as module
from historian.sqlite.repair import Outcome, repair
from tests.conformance.store import SECOND, T0, A, B, Row, block, put, read_all
from tests.conformance.store_edits import BY, old_values, samples

POINTS = [f"nsu=urn:test;s=p{number}" for number in range(12)]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merge, "FAN", 3)
    monkeypatch.setattr(merge, "BLOCK_SAMPLES", 60)
    monkeypatch.setattr(merge, "LARGEST_BLOCK", 80)


def quiet(_: str) -> None:
    """Hear of nothing."""


def mend(path: Path) -> Outcome:
    return repair(path, dry_run=False, tell=quiet)


def waves(first: int, count: int) -> SampleBlock:
    """Make ``count`` seconds of all points, of values that take some room."""
    dice = np.random.default_rng(first)
    return block([(node, first + turn, float(dice.normal())) for node in POINTS for turn in range(count)])


async def write(path: Path, rounds: range = range(25), origin: str = "origin") -> None:
    """Write a history of blocks, segments, objects and changes by hand."""
    store = SQLiteStore(path, retention_days=36_500)
    await store.open()
    for turn in rounds:
        texts = block([(B, turn, f"text {turn}")], DataType.STRING)
        await store.append([Delivery(turn + 1, [waves(turn * 10, 10), texts])], origin)
        await store.compact()
    first = rounds.start * 10
    await store.update(POINTS[3], samples([(first + 1, 1.0), (first + 2, 2.0)]), UpdateKind.REPLACE, BY)
    await store.close()


async def content(path: Path) -> dict[str, list[Row]]:
    """Read all points of a file, which must be sound."""
    store = SQLiteStore(path, retention_days=36_500)
    assert (await store.open()).set_aside is None
    try:
        found = {node: await read_all(store, -9, 9_999, 100_000, node) for node in await store.points()}
        assert (await store.statistics()).samples == sum(map(len, found.values()))
        return found
    finally:
        await store.close()


def files_in(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def unsound(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]


async def test_a_sound_file_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    await write(path)
    before = files_in(tmp_path)
    found = mend(path)
    assert found.present is not None
    assert found.present.is_sound
    assert (found.present.points, found.is_new, found.set_aside) == (13, False, ())
    assert files_in(tmp_path) == before


@pytest.mark.parametrize("seed", range(12))
async def test_bytes_changed_anywhere_cost_few_samples_and_invent_none(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "history.sqlite"
    await write(path)
    before = await content(path)
    data = bytearray(path.read_bytes())
    dice = random.Random(seed)
    for _ in range(3):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    path.write_bytes(data)
    looked = repair(path, dry_run=True, tell=quiet)
    assert path.read_bytes() == data
    found = mend(path)
    assert looked.present == found.present
    assert unsound(path) == []
    after = await content(path)
    _compare(before, after, found)
    if found.is_new:
        (kept,) = found.kept
        assert kept.read_bytes() == data
    again = mend(path)
    assert again.present is not None
    assert again.present.is_sound, again.present
    assert not again.is_new


def _compare(before: dict[str, list[Row]], after: dict[str, list[Row]], found: Outcome) -> None:
    """What is gone is told; of what is there, nothing is new but the name of a point."""
    assert found.present is not None
    old, new = (Counter((row[0], repr(row[1])) for rows in each.values() for row in rows) for each in (before, after))
    assert not new - old
    gone = old - new
    if gone:
        assert found.present.losses
        if all(loss.samples is not None for loss in found.present.losses):
            assert sum(loss.samples or 0 for loss in found.present.losses) >= sum(gone.values())
    renamed = set(after) - set(before)
    assert not renamed or found.present.notes


@pytest.mark.parametrize("page", range(1, 12))
async def test_a_page_that_is_lost_costs_what_stood_in_it(tmp_path: Path, page: int) -> None:
    path = tmp_path / "history.sqlite"
    await write(path)
    before = await content(path)
    data = bytearray(path.read_bytes())
    data[(page - 1) * 8192 : page * 8192] = random.Random(page).randbytes(8192)
    path.write_bytes(data)
    found = mend(path)
    assert found.is_new
    assert unsound(path) == []
    after = await content(path)
    old, new = (Counter((row[0], repr(row[1])) for rows in each.values() for row in rows) for each in (before, after))
    assert not new - old
    assert found.present is not None
    assert bool(found.present.losses) >= bool(old - new)
    assert sum((old - new).values()) <= sum(old.values()) // 2  # of 24 pages; also where it is the root of a tree
    again = mend(path)
    assert again.present is not None
    assert again.present.is_sound, again.present


async def test_samples_of_a_file_set_aside_come_back_in_order_and_once(tmp_path: Path) -> None:
    path, aside = tmp_path / "history.sqlite", tmp_path / "history.sqlite.corrupt-20261122T000000Z"
    whole = tmp_path / "whole.sqlite"
    for file, rounds in ((aside, range(15)), (path, range(12, 25)), (whole, range(25))):  # 12 to 14 came to both
        await write(file, rounds)
    expected = await content(whole)
    found = mend(path)
    assert found.is_new
    after = await content(path)
    assert {node: rows for node, rows in after.items() if node != POINTS[3]} == {
        node: rows for node, rows in expected.items() if node != POINTS[3]
    }
    assert {seconds for seconds, _ in after[POINTS[3]]} == {seconds for seconds, _ in expected[POINTS[3]]}
    assert [file.name for file in found.kept] == ["history.sqlite.salvaged-20261122T000000Z"]
    store = SQLiteStore(path, retention_days=36_500)
    await store.open()
    try:
        assert await store.applied("origin") == 25
        assert [row[2] for row in await old_values(store, -9, 9_999, point=POINTS[3])] == [UpdateKind.REPLACE] * 4
        await _agrees_with_its_summaries(store)
        await put(store, 26, (A, 1, 1.0), (A, 1, 2.0))
        assert await read_all(store, 0, 9, 0) == [(1, 1.0), (1, 2.0)]
    finally:
        await store.close()
    # said again with the same file, nothing comes in
    shutil.copyfile(found.kept[0], aside)
    again = mend(path)
    assert (again.is_new, again.brought_in) == (True, 0)
    assert {node: rows for node, rows in (await content(path)).items() if node != A} == after


async def _agrees_with_its_summaries(store: SQLiteStore) -> None:
    for node in POINTS[:4]:
        page = await store.read_raw(node, T0, None, 100_000)
        read = await store.read_summaries(node, T0 - 3600 * SECOND, T0 + 7200 * SECOND, Resolution.MINUTE)
        assert int(read.good.sum()) == len(page)
        assert float(read.total.sum()) == pytest.approx(float(page.values.sum()))


async def test_several_equal_values_stay_several(tmp_path: Path) -> None:
    path, aside = tmp_path / "history.sqlite", tmp_path / "history.sqlite.corrupt-20261122T000000Z"
    for file, rows in ((aside, [1.0, 2.0, 2.0, 3.0]), (path, [2.0, 4.0, 2.0, 2.0])):
        store = SQLiteStore(file, retention_days=36_500)
        await store.open()
        await put(store, 1, *((A, 5, value) for value in rows))
        await store.close()
    assert mend(path).brought_in == 2
    assert await content(path) == {A: [(5, 1.0), (5, 3.0), (5, 2.0), (5, 4.0), (5, 2.0), (5, 2.0)]}


async def test_a_history_that_is_gone_is_made_of_what_was_set_aside(tmp_path: Path) -> None:
    path, aside = tmp_path / "history.sqlite", tmp_path / "history.sqlite.corrupt-20261122T000000Z"
    await write(aside, range(5))
    expected = await content(aside)
    found = mend(path)
    assert (found.present, found.is_new) == (None, True)
    assert await content(path) == expected


async def test_an_older_format_is_repaired_too(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    await write(path, range(5))
    expected = await content(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "DROP TABLE summary; DROP TABLE modified; PRAGMA user_version = 1;"
            "DELETE FROM total WHERE name NOT IN ('appended', 'expired', 'damaged');"
        )
        for name in ("raw", "second", "minute", "hour"):
            connection.execute(f"ALTER TABLE point DROP COLUMN {name}_since")
        connection.execute(
            "UPDATE segment SET payload = substr(payload, 1, 9) WHERE id = (SELECT max(id) FROM segment)"
        )
        connection.commit()
    found = mend(path)
    assert found.is_new
    assert found.present is not None
    assert found.present.losses
    after = await content(path)
    assert all(set(rows) <= set(expected[node]) for node, rows in after.items())


def test_what_is_no_history_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    path.write_bytes(b"nothing" * 10_000)
    before = files_in(tmp_path)
    with pytest.raises(StoreError, match="nothing of it can be read"):
        mend(path)
    assert files_in(tmp_path) == before


async def test_broken_off_it_has_changed_nothing(tmp_path: Path) -> None:
    path, aside = tmp_path / "history.sqlite", tmp_path / "history.sqlite.corrupt-20261122T000000Z"
    await write(path, range(5, 9))
    await write(aside, range(5))
    before = files_in(tmp_path)
    for doing in _steps(path):

        def stop(text: str, doing: str = doing) -> None:
            if text.startswith(doing):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            repair(path, dry_run=False, tell=stop)
        assert files_in(tmp_path) == before


def _steps(path: Path) -> Iterator[str]:
    yield f"checking {path.name}"
    yield "copying"
    yield "adding"
    yield "writing"


async def test_losses_are_told_by_point_and_time(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    await write(path)
    with closing(sqlite3.connect(path)) as connection:
        number, node, first, last, count = connection.execute(
            "SELECT block.id, node, t_first, t_last, samples FROM block JOIN point ON point.id = point LIMIT 1"
        ).fetchone()
        connection.execute("UPDATE block SET payload = zeroblob(length(payload)) WHERE id = ?", (number,))
        connection.commit()
    found = mend(path)
    assert found.present is not None
    (loss,) = found.present.losses
    assert (loss.points, loss.first, loss.last, loss.samples) == (node, first, last, count)
    store = SQLiteStore(path, retention_days=36_500)
    await store.open()
    try:
        assert (await store.statistics()).damaged == count
        page = await store.read_raw(node, first, last + 1, 0)
        assert (len(page), page.damaged) == (0, 0)
    finally:
        await store.close()


async def test_what_stands_in_the_write_ahead_log_of_a_killed_gateway_counts(tmp_path: Path) -> None:
    live, path = tmp_path / "live.sqlite", tmp_path / "history.sqlite"
    store = SQLiteStore(live, retention_days=36_500)
    await store.open()
    await store.append([Delivery(1, [waves(0, 200)])], "origin")
    for tail in ("", "-wal"):  # as kill -9 leaves it
        shutil.copyfile(tmp_path / f"live.sqlite{tail}", tmp_path / f"history.sqlite{tail}")
    await store.close()
    before = files_in(tmp_path)
    looked = repair(path, dry_run=True, tell=quiet)
    assert looked.present is not None
    assert (looked.present.is_sound, looked.present.samples) == (True, 12 * 200)
    assert {name: data for name, data in files_in(tmp_path).items() if not name.endswith("-shm")} == before
    aside = tmp_path / "history.sqlite.corrupt-20261122T000000Z"
    for tail in ("-wal", ""):
        (tmp_path / f"history.sqlite{tail}").rename(tmp_path / f"{aside.name}{tail}")
    assert mend(path).brought_in == 12 * 200
    assert {len(rows) for rows in (await content(path)).values()} == {200}
    left = {name for name in files_in(tmp_path) if not name.endswith("-shm")}
    kept = "history.sqlite.salvaged-20261122T000000Z"
    assert left == {"live.sqlite", "history.sqlite", kept, f"{kept}-wal"}


@pytest.mark.parametrize("moves", [1, 2])
async def test_ended_between_the_two_names_it_is_brought_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moves: int
) -> None:
    path = tmp_path / "history.sqlite"
    await write(path, range(10))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE block SET payload = zeroblob(50) WHERE id = 1")
        connection.commit()
    real, done = module._move, 0  # pyright: ignore[reportPrivateUsage] - the moment between two renames

    def move(old: Path, new: Path) -> None:
        nonlocal done
        done += 1
        if moves == 1 or done < moves:
            real(old, new)
        if done == moves:
            message = "the power is cut"
            raise OSError(message)

    monkeypatch.setattr(module, "_move", move)
    with pytest.raises(StoreError, match="power"):
        mend(path)
    monkeypatch.undo()
    monkeypatch.setattr(merge, "LARGEST_BLOCK", 80)
    assert mend(path).is_new
    again = mend(path)
    assert again.present is not None
    assert (again.present.is_sound, again.is_new, again.set_aside) == (True, False, ())
    found = await content(path)
    assert sum(map(len, found.values())) == again.present.samples > 10 * 12 * 10 - 100
