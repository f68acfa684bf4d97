"""``plantspace history backup`` and ``repair``: what they print, and with which exit code they end."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from historian.contract import Delivery
from historian.sqlite import SQLiteStore
from server.cli.main import main
from server.data_folder import DataFolder
from tests.unit.historian.test_sqlite import node, scan


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Make a configuration whose data folder has a history of two points."""
    file = tmp_path / "plant.yaml"
    file.write_text("name: plant\nserver: {data_dir: var}\n", encoding="utf-8")
    (tmp_path / "var").mkdir(mode=0o700)
    asyncio.run(_write(tmp_path / "var" / "history.sqlite"))
    return file


async def _write(path: Path) -> None:
    store = SQLiteStore(path, retention_days=36_500)
    await store.open()
    await store.append([Delivery(1, [scan(2, 0, 10)]), Delivery(2, [scan(2, 10, 2000)])], "origin")
    await store.append([Delivery(3, [scan(2, 2010, 5)])], "origin")
    await store.close()


def damage(config: Path) -> None:
    with closing(sqlite3.connect(config.parent / "var" / "history.sqlite")) as connection:
        connection.execute("UPDATE segment SET payload = zeroblob(100) WHERE id = 2")
        connection.commit()


def test_a_backup_is_made_and_never_overwritten(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = config.parent / "copies"
    assert main(["history", "backup", str(config), str(target)]) == 0
    assert capsys.readouterr() == ("", "")
    assert [file.name for file in target.iterdir()] == ["history.sqlite"]
    assert main(["history", "backup", str(config), str(target)]) == 1
    assert "history.sqlite is there already" in capsys.readouterr().err
    assert main(["history", "query", node(0), "--data", str(target), "--start", "2022-01-01", "--limit", "1"]) == 0


def test_where_there_is_no_history_that_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plant.yaml").write_text("name: plant\n", encoding="utf-8")
    for command in (
        ["backup", str(tmp_path / "plant.yaml"), str(tmp_path / "to")],
        ["repair", str(tmp_path / "plant.yaml")],
    ):
        assert main(["history", *command]) == 1
        assert "holds no history (has the gateway run" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["plant.yaml"]


def test_repair_says_what_is_lost_and_mends(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", "repair", str(config)]) == 0
    assert capsys.readouterr().out == "history.sqlite: sound, 4030 samples of 2 points can be read\n"
    damage(config)
    before = (config.parent / "var" / "history.sqlite").read_bytes()
    for _ in range(2):
        assert main(["history", "repair", str(config), "--dry-run"]) == 1
    told = capsys.readouterr().out.splitlines()[:2]
    assert told == [
        "history.sqlite: damaged, 4020 samples of 2 points can be read",
        f"  lost: 10 samples of {node(0)} or {node(1)}, 2022-06-18T05:00:10Z to 2022-06-18T05:00:14Z",
    ]
    assert (config.parent / "var" / "history.sqlite").read_bytes() == before
    assert main(["history", "repair", str(config)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[:2] == told
    assert printed[2] == "history.sqlite: a new file stands in its place"
    (kept,) = (config.parent / "var").glob("*.salvaged-*")
    assert printed[3] == f"  {kept.name} is kept: delete it when you miss nothing"
    assert main(["history", "repair", str(config)]) == 0
    assert capsys.readouterr().out == "history.sqlite: sound, 4020 samples of 2 points can be read\n"


def test_repair_leaves_a_running_gateway_alone(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def hold() -> int:
        folder = DataFolder(config.parent / "var")
        await folder.start()
        try:
            return await asyncio.to_thread(main, ["history", "repair", str(config)])
        finally:
            await folder.stop()

    assert asyncio.run(hold()) == 1
    assert "another gateway uses the data folder" in capsys.readouterr().err
