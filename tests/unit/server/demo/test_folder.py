from __future__ import annotations

from pathlib import Path

import pytest

from server.demo.folder import claim
from server.demo.processes import DemoError


def test_a_new_folder_is_made_and_filled(tmp_path: Path) -> None:
    folder = claim(tmp_path / "deep" / "demo")
    folder.lay_out({"opc.tcp://127.0.0.1:4840": "opc.tcp://127.0.0.1:4999"}, pubsub=True)
    folder.release()
    text = folder.configuration.read_text(encoding="utf-8")
    assert "opc.tcp://127.0.0.1:4999" in text
    assert "\npubsub:" in text
    for name in ("bindings/filler.csv", "models/fillingline.NodeSet2.xml", "can/conveyor.dbc", "can/conveyor.log"):
        assert (folder.path / name).is_file()


def test_without_a_broker_there_is_no_pubsub(tmp_path: Path) -> None:
    folder = claim(tmp_path)
    folder.lay_out({}, pubsub=False)
    folder.release()
    assert "pubsub" not in folder.configuration.read_text(encoding="utf-8")


def test_a_demo_comes_back_to_its_folder_and_keeps_its_history(tmp_path: Path) -> None:
    first = claim(tmp_path)
    first.lay_out({}, pubsub=True)
    first.data.mkdir()
    (first.data / "history.sqlite").write_bytes(b"kept")
    first.release()
    again = claim(tmp_path)
    again.lay_out({}, pubsub=False)
    again.release()
    assert (again.data / "history.sqlite").read_bytes() == b"kept"


def test_what_the_user_changed_stays_and_is_told(tmp_path: Path) -> None:
    folder = claim(tmp_path)
    assert folder.lay_out({}, pubsub=True) == []
    text = folder.configuration.read_text(encoding="utf-8").replace("scan: 250ms", "scan: 500ms")
    folder.configuration.write_text(text, encoding="utf-8")
    moved = {
        "opc.tcp://127.0.0.1:4840": "opc.tcp://127.0.0.1:4840",
        "url: tcp://127.0.0.1:5020": "url: tcp://127.0.0.1:6020",
        "url: tcp://127.0.0.1:5999": "url: tcp://127.0.0.1:6999",
    }
    told = folder.lay_out(moved, pubsub=False)
    folder.release()
    assert folder.configuration.read_text(encoding="utf-8") == text
    assert told == [
        "kept your plant.yaml; remove it to get the new one",
        "your plant.yaml names tcp://127.0.0.1:5020, but this time that is tcp://127.0.0.1:6020",
    ]


def test_two_demos_never_share_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    first, second = claim(None), claim(None)
    assert first.path == tmp_path / "plantspace" / "demo"
    assert second.path == tmp_path / "plantspace" / "demo-2"
    with pytest.raises(DemoError, match="another demo runs in"):
        claim(first.path)
    first.release()
    second.release()


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "plant.yaml").write_text("mine", encoding="utf-8")
    with pytest.raises(DemoError, match="holds files that are not the demo's"):
        claim(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["plant.yaml"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(DemoError, match="cannot be used"):
        claim(tmp_path / "file" / "demo")


def test_without_a_home_a_temporary_folder_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = claim(None)
    assert folder.path.parent == tmp_path
    folder.release()
