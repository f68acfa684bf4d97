from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from core.datatypes import DataType
from core.errors import StoreCorrupt, StoreError, StoreUnavailable
from historian import database
from historian.contract import Delivery
from historian.database import Database
from historian.outbox import Outbox
from historian.outbox_schema import SCHEMA
from historian.samples import SampleBlock
from historian.sqlite import SQLiteStore
from historian.sqlite.merge import FAN
from tests.waiting import until

T0 = 133_000_000_000_000_000
NODE = "nsu=urn:test;s=p"


def block(value: float, count: int = 1) -> SampleBlock:
    times = T0 + np.arange(count, dtype=np.int64)
    values = np.random.default_rng(1).normal(size=count) + value
    return SampleBlock(
        (NODE,), DataType.DOUBLE, np.array([count], np.int32), values, np.zeros(count, np.uint32), times, times
    )


async def filled(path: Path) -> None:
    store = SQLiteStore(path, retention_days=36_500)
    await store.open()
    await store.append([Delivery(1, [block(1.0, 50_000)])], "origin")
    await store.close()


def scribble(path: Path, first: int, count: int) -> None:
    with path.open("r+b") as file:
        file.seek(first)
        file.write(b"\xa5" * count)


def set_aside(folder: Path) -> list[Path]:
    return list(folder.glob("history.sqlite.corrupt-*"))


@pytest.mark.parametrize("damage", ["header", "pages", "truncated", "text", "another"])
@pytest.mark.parametrize("checked", ["fully", "as a large file"])
async def test_a_damaged_file_is_set_aside_and_a_new_one_begun(
    tmp_path: Path, damage: str, checked: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "history.sqlite"
    await filled(path)
    size = path.stat().st_size
    match damage:
        case "header":
            scribble(path, 0, 100)
        case "pages":
            scribble(path, 8192, size - 8192)
        case "truncated":
            with path.open("r+b") as file:
                file.truncate(size // 2)
        case "text":
            path.write_text("this is no database\n" * 100)
        case _:
            path.unlink()
            with closing(sqlite3.connect(path)) as other:
                other.execute("CREATE TABLE somebody (s)")
                other.commit()
    before = path.read_bytes()
    if checked != "fully":
        monkeypatch.setattr(database, "_FULLY_CHECKED", 0)
    store = SQLiteStore(path, retention_days=36_500)
    with caplog.at_level(logging.ERROR):
        outcome = await store.open()
    assert outcome.set_aside is not None
    assert outcome.set_aside.name.startswith("history.sqlite.corrupt-2")
    assert outcome.set_aside.read_bytes() == before
    assert str(outcome.set_aside) in caplog.text
    await store.append([Delivery(1, [block(5.0)])], "origin")
    assert len(await store.read_raw(NODE, T0, None, 9)) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    await store.close()


async def test_an_outbox_that_is_damaged_is_set_aside_too(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    first = Outbox(path)
    await first.open()
    await first.append("a", b"1")
    origin = first.origins.of(1)
    await first.close()
    scribble(path, 20, 4000)
    again = Outbox(path)
    outcome = await again.open()
    assert outcome.set_aside is not None
    assert again.origins.of(1) != origin
    assert await again.append("a", b"1") == 1
    await again.close()


async def test_a_whole_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    await filled(path)
    store = SQLiteStore(path, retention_days=36_500)
    assert (await store.open()).set_aside is None
    assert (await store.statistics()).samples == 50_000
    await store.close()


async def test_a_file_of_a_newer_format_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    await filled(path)
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version=99")
    before = path.read_bytes()
    store = SQLiteStore(path)
    with pytest.raises(StoreError, match="version 99"):
        await store.open()
    await store.close()
    assert path.read_bytes() == before


async def test_a_file_found_damaged_in_use_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    await filled(path)
    with closing(sqlite3.connect(path)) as other:
        (root,) = other.execute("SELECT rootpage FROM sqlite_master WHERE name='applied'").fetchone()
    store = SQLiteStore(path, retention_days=36_500)
    await store.open()
    scribble(path, (root - 1) * 8192, 8192)
    await store.append([Delivery(2, [block(5.0)])], "origin")
    assert set_aside(tmp_path)
    assert len(await store.read_raw(NODE, T0, None, 9)) == 1
    await store.close()


async def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "none" / "history.sqlite")
    with pytest.raises(StoreUnavailable, match=r"none/history\.sqlite: No such file"):
        await store.open()
    await store.close()


async def test_a_file_that_merging_finds_damaged_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    await filled(path)
    with closing(sqlite3.connect(path)) as other:
        (root,) = other.execute("SELECT rootpage FROM sqlite_master WHERE name='block_last'").fetchone()
    store = SQLiteStore(path, retention_days=36_500)
    await store.open()
    scribble(path, (root - 1) * 8192, 8192)
    for sequence in range(2, 2 + 2 * FAN):
        await store.append([Delivery(sequence, [block(5.0, 2000)])], "origin")
        await store.append([Delivery(sequence, [block(5.0)])], "origin")
        if set_aside(tmp_path):
            break
        with contextlib.suppress(StoreCorrupt):
            await store.compact()
    await until(lambda: set_aside(tmp_path))
    await store.close()


async def test_a_new_file_is_begun_when_the_folder_lets_it(tmp_path: Path) -> None:
    """Found damaged in use while the folder is gone: told as unavailable, and mended by itself later."""
    path = tmp_path / "data" / "history.sqlite"
    path.parent.mkdir()
    await filled(path)
    with closing(sqlite3.connect(path)) as other:
        (root,) = other.execute("SELECT rootpage FROM sqlite_master WHERE name='applied'").fetchone()
    store = SQLiteStore(path, retention_days=36_500)
    await store.open()
    scribble(path, (root - 1) * 8192, 8192)
    path.parent.rename(tmp_path / "elsewhere")
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="make its folder"):
            await store.append([Delivery(2, [block(5.0)])], "origin")
    path.parent.mkdir()
    await store.append([Delivery(2, [block(5.0)])], "origin")
    assert len(await store.read_raw(NODE, T0, None, 9)) == 1
    await store.close()


@pytest.mark.parametrize("moment", ["PRAGMA application_id", "PRAGMA user_version", "BEGIN IMMEDIATE"])
def test_a_file_that_another_process_brings_on_meanwhile_is_left_to_it(
    tmp_path: Path, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "outbox.sqlite"
    ours = Database(path, SCHEMA)
    ours.prepare()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE loss")
        connection.execute("PRAGMA user_version=1")
        connection.commit()
    other_process(path, moment, monkeypatch)
    assert ours.prepare() is None
    with closing(ours.connect()) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA.version,)
        assert connection.execute("SELECT count(*) FROM loss").fetchone() == (0,)


def test_a_file_that_another_process_begins_meanwhile_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "outbox.sqlite"
    other_process(path, "BEGIN IMMEDIATE", monkeypatch)
    assert Database(path, SCHEMA).prepare() is None
    with closing(Database(path, SCHEMA).connect()) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA.version,)


def other_process(path: Path, moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let another one prepare the same file right before the next statement ``moment``."""
    connect = sqlite3.connect

    class Overtaken(sqlite3.Connection):
        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            if sql == moment:
                monkeypatch.setattr(sqlite3, "connect", connect)
                Database(path, SCHEMA).prepare()
            return super().execute(sql, *parameters)

    monkeypatch.setattr(sqlite3, "connect", partial(connect, factory=Overtaken))


@contextmanager
def as_nobody() -> Generator[None]:
    """Give up root's right to open everything."""
    mine = os.geteuid()
    if mine == 0:
        os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(mine)


@pytest.mark.parametrize("kind", ["folder", "unreadable", "in an unreadable folder", "below a file", "long name"])
def test_a_file_that_cannot_be_opened_is_told_with_the_mend(kind: str) -> None:
    with TemporaryDirectory() as name:  # tmp_path lies where nobody but its owner may look
        folder = Path(name)
        folder.chmod(0o755)
        path = folder / "data" / "outbox.sqlite"
        path.parent.mkdir()
        mend = "give the file and its folder to the user"
        match kind:
            case "folder":
                path.mkdir()
                (path / "file").touch()
                mend = "a folder stands where the file belongs"
            case "unreadable":
                path.write_bytes(b"x" * 200)
                path.chmod(0)
            case "in an unreadable folder":
                path.parent.chmod(0)
            case "below a file":
                path.parent.rmdir()
                path.parent.touch()
                mend = "a file stands where its folder belongs"
            case _:
                path = path.with_name("x" * 300)
                mend = "too long"
        with as_nobody(), pytest.raises(StoreUnavailable, match=mend) as raised:
            Database(path, SCHEMA).prepare()
        assert str(raised.value).startswith(f"{path}: ")
        path.parent.chmod(0o755)
