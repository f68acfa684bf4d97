"""Copies of a file that is being written: of one moment, whole, and in nobody's way."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from core.errors import StoreCorrupt
from historian.contract import Delivery
from historian.sqlite import SQLiteReader, SQLiteStore, backup
from historian.sqlite.backup import BackupExists, back_up
from tests.unit.historian.test_sqlite import T0, node, scan


def quiet(_: Path, __: int, ___: int) -> None:
    """Hear of nothing."""


async def test_a_copy_is_of_one_moment_and_holds_no_writer_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup, "_PAGES", 2)
    store = SQLiteStore(tmp_path / "history.sqlite", retention_days=36_500)
    await store.open()
    try:
        await store.append([Delivery(sequence + 1, [scan(50, sequence * 20, 20)]) for sequence in range(30)], "origin")
        loop = asyncio.get_running_loop()
        steps: list[int] = []

        def write_meanwhile(_: Path, done: int, total: int) -> None:
            steps.append(total)
            assert done <= total
            if len(steps) <= 5:  # the copy waits for a commit, not the other way round
                number = 30 + len(steps)
                delivery = Delivery(number, [scan(50, number * 20, 20)])
                asyncio.run_coroutine_threadsafe(store.append([delivery], "origin"), loop).result(60)

        (copy,) = await asyncio.to_thread(
            back_up, [tmp_path / "history.sqlite"], tmp_path / "to", progress=write_meanwhile
        )
        assert len(steps) > 5
        assert len(steps) <= steps[0] // 2 + 1  # it never began anew
        assert len(await store.read_raw(node(7), T0, None, 10_000)) == 35 * 20
    finally:
        await store.close()
    assert [file.name for file in (tmp_path / "to").iterdir()] == ["history.sqlite"]
    assert copy.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    reader = SQLiteReader(copy)
    try:
        assert len(await reader.read_raw(node(7), T0, None, 10_000)) == 30 * 20
    finally:
        await reader.close()
    restored = SQLiteStore(copy, retention_days=36_500)
    assert (await restored.open()).set_aside is None
    await restored.close()


def three(folder: Path) -> list[Path]:
    files = [folder / f"{name}.sqlite" for name in "abc"]
    for file in files:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("CREATE TABLE t (x)")
            connection.commit()
    return files


def test_nothing_is_overwritten_and_nothing_half_done_stays(tmp_path: Path) -> None:
    files = three(tmp_path)
    target = tmp_path / "to"
    target.mkdir()
    (target / "c.sqlite").write_text("mine")
    with pytest.raises(BackupExists, match=r"c\.sqlite is there already"):
        back_up(files, target, progress=quiet)
    assert [file.name for file in target.iterdir()] == ["c.sqlite"]
    (target / "c.sqlite").unlink()

    def taken_meanwhile(file: Path, _: int, __: int) -> None:
        if file == files[2]:
            (target / "b.sqlite").write_text("mine")

    with pytest.raises(BackupExists, match=r"b\.sqlite is there already"):
        back_up(files, target, progress=taken_meanwhile)
    assert [(file.name, file.read_text()) for file in target.iterdir()] == [("b.sqlite", "mine")]


@pytest.mark.parametrize("break_off", [KeyboardInterrupt, threading.BrokenBarrierError])
def test_what_is_broken_off_leaves_nothing(tmp_path: Path, break_off: type[BaseException]) -> None:
    files = three(tmp_path)

    def stop(file: Path, _: int, __: int) -> None:
        if file == files[1]:
            raise break_off

    with pytest.raises(break_off):
        back_up(files, tmp_path / "to", progress=stop)
    assert list((tmp_path / "to").iterdir()) == []


def test_what_is_no_database_is_said(tmp_path: Path) -> None:
    files = three(tmp_path)
    files[1].write_bytes(b"no database at all" * 1000)
    with pytest.raises(StoreCorrupt, match=r"b\.sqlite"):
        back_up(files, tmp_path / "to", progress=quiet)
    assert list((tmp_path / "to").iterdir()) == []
