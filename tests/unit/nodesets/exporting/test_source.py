from __future__ import annotations

from pathlib import Path

import pytest

from nodesets.exporting.export import ExportError
from nodesets.exporting.source import file_of_model
from nodesets.library import published
from tests.unit.nodesets.written import document, write

_DI = "http://opcfoundation.org/UA/DI/"


def test_a_folder_comes_before_the_library(tmp_path: Path) -> None:
    file = write(tmp_path, document("", uri=_DI))
    (tmp_path / "other.xml").write_text("<other/>", encoding="utf-8")
    assert file_of_model(_DI, [tmp_path]) == file
    assert file_of_model(_DI, []) == published()[_DI][0].file


def test_of_several_the_newest(tmp_path: Path) -> None:
    old = write(tmp_path, document(""), "a.xml")
    new = write(tmp_path, document("", date="2025-01-01"), "b.xml")
    assert file_of_model("urn:test", [tmp_path]) == new
    new.unlink()
    assert file_of_model("urn:test", [tmp_path]) == old


def test_a_model_that_is_nowhere_names_the_nearest() -> None:
    with pytest.raises(ExportError, match=r"did you mean http://opcfoundation.org/UA/DI/\?"):
        file_of_model("http://opcfoundation.org/UA/Di/", [])
    with pytest.raises(ExportError, match="--search"):
        file_of_model("x", [])
