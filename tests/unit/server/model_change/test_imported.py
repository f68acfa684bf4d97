"""Imported NodeSets: laid beside the folder, exchanged, and in place of the configuration's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import Findings, InputError
from core.settings import Document
from server.model_change.imported import imports_folder, keep, restore, stage, unstage, with_imported
from tests.unit.nodesets.written import document, write


def content(uri: str) -> bytes:
    return document("", uri=uri, required="").encode()


def imported(folder: Path, uri: str) -> Path:
    file = next(iter(keep(stage(folder, content(uri)), folder)))
    unstage(folder)
    return file


def test_an_imported_file_stands_in_for_one_with_its_model(tmp_path: Path) -> None:
    own, other = (write(tmp_path, content(uri).decode(), f"{uri[-1]}.xml") for uri in ("urn:a", "urn:b"))
    folder = tmp_path / "var" / "imports"
    assert with_imported([own, other], folder) == ([own, other], ())
    file = imported(folder, "urn:a")
    files, (warning,) = with_imported([own, other], folder)
    assert files == [other, file]
    assert warning.place.file == str(own)
    assert str(file) in warning.problem


def test_only_its_owner_reads_it_and_its_name_is_the_models(tmp_path: Path) -> None:
    file = imported(tmp_path / "var" / "imports", "http://example.org/../../UA/Press é/")
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert file.parent == tmp_path / "var" / "imports"
    assert file.name.startswith("example-org-UA-Press-")


def test_the_same_model_is_there_once_and_others_stay(tmp_path: Path) -> None:
    folder = tmp_path / "imports"
    other = imported(folder, "urn:other")
    first = imported(folder, "urn:a")
    assert imported(folder, "urn:a") == first
    assert sorted(folder.iterdir()) == sorted([first, other])


def test_what_was_kept_is_taken_back(tmp_path: Path) -> None:
    folder = tmp_path / "imports"
    first = imported(folder, "urn:a")
    both = folder / "both.NodeSet2.xml"
    both.write_bytes(content("urn:b"))
    before = keep(stage(folder, content("urn:b")), folder)
    assert len(list(folder.iterdir())) == 2
    assert not both.exists()
    restore(before)
    unstage(folder)
    assert sorted(folder.iterdir()) == sorted([both, first])
    before = keep(stage(folder, content("urn:a") + b"<!-- newer -->"), folder)
    assert b"newer" in first.read_bytes()
    restore(before)
    unstage(folder)
    assert first.read_bytes() == content("urn:a")
    assert first.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["imports"]


def test_what_is_no_nodeset_is_not_kept(tmp_path: Path) -> None:
    folder = tmp_path / "imports"
    with pytest.raises(InputError):
        stage(folder, b"<no xml")
    unstage(folder)
    assert not folder.exists()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("said", "found"),
    [("", "var"), ("server: {data_dir: ./data}", "data"), ("server: {data_dir: 7}", "var"), ("server: 1", "var")],
)
def test_the_folder_is_in_the_data_folder_of_whatever_is_written(tmp_path: Path, said: str, found: str) -> None:
    config = tmp_path / "plant.yaml"
    config.write_text(said, encoding="utf-8")
    read = Document.read(config, Findings())
    assert read is not None
    assert imports_folder(read) == tmp_path / found / "models-imported"
