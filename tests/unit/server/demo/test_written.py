from __future__ import annotations

import json
from pathlib import Path

import pytest

from server.demo.written import MANIFEST, lay_out

OLD = {"plant.yaml": b"old", "models/a.xml": b"<a/>"}
NEW = {"plant.yaml": b"new", "models/a.xml": b"<b/>"}


def _read(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in OLD}


def test_files_that_nobody_touched_are_renewed_and_nothing_is_left_beside_them(tmp_path: Path) -> None:
    for files in (OLD, NEW, OLD):
        assert lay_out(tmp_path, files) == []
        assert _read(tmp_path) == files
    there = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert there == {*OLD, MANIFEST}


def test_a_file_that_the_user_changed_is_kept_until_it_is_removed(tmp_path: Path) -> None:
    lay_out(tmp_path, OLD)
    (tmp_path / "plant.yaml").write_bytes(b"mine")
    for files in (OLD, NEW, NEW):
        assert lay_out(tmp_path, files) == ["plant.yaml"]
        assert _read(tmp_path) == files | {"plant.yaml": b"mine"}
    (tmp_path / "plant.yaml").unlink()
    assert lay_out(tmp_path, NEW) == []
    assert _read(tmp_path) == NEW


def test_a_change_that_was_taken_back_is_no_change(tmp_path: Path) -> None:
    lay_out(tmp_path, OLD)
    (tmp_path / "plant.yaml").write_bytes(b"mine")
    lay_out(tmp_path, NEW)
    (tmp_path / "plant.yaml").write_bytes(b"old")
    assert lay_out(tmp_path, NEW) == []
    assert _read(tmp_path) == NEW


@pytest.mark.parametrize("manifest", [None, b"", b"[1]", b"\xff", b'{"plant.yaml": 3}'])
def test_what_is_not_known_to_be_the_demos_is_kept(tmp_path: Path, manifest: bytes | None) -> None:
    lay_out(tmp_path, OLD)
    if manifest is None:
        (tmp_path / MANIFEST).unlink()
    else:
        (tmp_path / MANIFEST).write_bytes(manifest)
    assert lay_out(tmp_path, NEW) == list(NEW)
    assert _read(tmp_path) == OLD


@pytest.mark.parametrize("written", [0, 1, 2])
def test_a_demo_that_died_halfway_takes_no_file_for_the_users(tmp_path: Path, written: int) -> None:
    lay_out(tmp_path, OLD)
    lay_out(tmp_path, NEW)
    for name in list(OLD)[written:]:  # as after a death between two files
        (tmp_path / name).write_bytes(OLD[name])
    again = {name: content + b" again" for name, content in NEW.items()}
    assert lay_out(tmp_path, again) == []
    assert _read(tmp_path) == again


def test_the_manifest_does_not_grow(tmp_path: Path) -> None:
    for number in range(20):
        lay_out(tmp_path, {"plant.yaml": b"%d" % number})
    held = json.loads((tmp_path / MANIFEST).read_bytes())
    assert len(held["plant.yaml"]) == 2
