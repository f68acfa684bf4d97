from __future__ import annotations

import os
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from server.cli import main
from server.cli.check_data_dir import check_data_dir

Capture = pytest.CaptureFixture[str]
NOBODY = 65_534


@contextmanager
def _as_nobody() -> Generator[None]:
    """Let root, who may do everything, be somebody who may not; others are that already."""
    if os.geteuid():
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Give a folder that everybody can look into, unlike pytest's."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        for path in folder.rglob("*"):
            if path.is_dir():
                path.chmod(0o700)


def _config(folder: Path, data_dir: str | None) -> Path:
    config = folder / "plant.yaml"
    line = "" if data_dir is None else f"  data_dir: {data_dir}\n"
    config.write_text(f"server:\n  anonymous: Observer\n{line}", encoding="utf-8")
    return config


def _told(config: Path) -> list[str]:
    return [str(finding).replace(f"{config.parent}/", "") for finding in check_data_dir(config)]


@pytest.mark.parametrize("data_dir", [None, "./var", "there", "there/new/deep", "link"])
def test_a_folder_that_is_there_or_can_be_made(tmp_path: Path, data_dir: str | None) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there")
    before = sorted(tmp_path.rglob("*"))
    config = _config(tmp_path, data_dir)
    assert _told(config) == []
    assert sorted(tmp_path.rglob("*")) == sorted([*before, config])


@pytest.mark.parametrize(
    ("data_dir", "problem"),
    [
        ("file", "it is no folder"),
        ("file/var/deep", "file is no folder"),
        ("link", "it is no folder"),
        ("n" * 300, "file name too long"),
    ],
)
def test_what_is_no_folder(tmp_path: Path, data_dir: str, problem: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    said = f"the data folder {data_dir!r} cannot be used: {problem} (write the name of a folder, such as ./var)"
    assert _told(_config(tmp_path, data_dir)) == [f"plant.yaml:3:13: {said}"]


@pytest.mark.parametrize(
    ("mode", "data_dir", "problem"),
    [
        (0o500, "closed", "it cannot be read and written"),
        (0o555, "closed", "it cannot be read and written"),
        (0o555, "closed/var", "nothing can be made in closed"),
        (0o000, "closed/var", "nothing can be made in closed"),
    ],
)
def test_a_folder_without_the_right_to_write(open_folder: Path, mode: int, data_dir: str, problem: str) -> None:
    config = _config(open_folder, data_dir)
    (open_folder / "closed").mkdir()
    (open_folder / "closed").chmod(mode)
    with _as_nobody():
        told = _told(config)
    mend = "let the user that runs the gateway write there, and check as that user"
    assert told == [f"plant.yaml:3:13: the data folder '{data_dir}' cannot be used: {problem} ({mend})"]


def test_without_a_key_the_place_is_the_section(tmp_path: Path) -> None:
    (tmp_path / "var").touch()
    (told,) = _told(_config(tmp_path, None))
    assert told.startswith("plant.yaml:1:1: the data folder './var' cannot be used")
    (tmp_path / "bare.yaml").write_text("name: x\n", encoding="utf-8")
    (told,) = _told(tmp_path / "bare.yaml")
    assert told.startswith("bare.yaml:1:1: the data folder './var' cannot be used")


def test_what_the_settings_tell_is_not_told_twice(tmp_path: Path) -> None:
    for data_dir in ('""', "[]", "${env:PLANTSPACE_TEST_NOT_SET}"):
        assert _told(_config(tmp_path, data_dir)) == []
    assert check_data_dir(tmp_path / "none.yaml") == []


def test_a_reference_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PLANTSPACE_TEST_DATA", "file")
    (told,) = _told(_config(tmp_path, "${env:PLANTSPACE_TEST_DATA}"))
    assert "it is no folder" in told


@pytest.mark.parametrize("more", ["", "nam: x\n"])
def test_check_tells_it_beside_all_else(tmp_path: Path, capsys: Capture, more: str) -> None:
    (tmp_path / "file").touch()
    config = _config(tmp_path, "file")
    config.write_text(config.read_text(encoding="utf-8") + more, encoding="utf-8")
    assert main(["check", str(config)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{config}:3:13: the data folder 'file' cannot be used")
    assert lines[-1] == ("2 errors" if more else "1 error")
