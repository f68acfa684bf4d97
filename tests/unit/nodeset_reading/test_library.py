from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pytest

from tests.nodeset_reading import (
    LibraryMissingError,
    closure,
    decode_values,
    load_library,
    read_closure,
    read_file,
    same,
)


def _xml(uri: str, *required: str) -> bytes:
    entries = "".join(f'<RequiredModel ModelUri="{each}"/>' for each in required)
    return (
        '<UANodeSet xmlns="http://opcfoundation.org/UA/2011/03/UANodeSet.xsd">'
        f'<Models><Model ModelUri="{uri}">{entries}</Model></Models></UANodeSet>'
    ).encode()


def _bundle(folder: Path, *models: tuple[str, str, bytes]) -> Path:
    entries: list[dict[str, object]] = []
    for number, (uri, date, xml) in enumerate(models):
        (folder / f"{number}.xml.gz").write_bytes(gzip.compress(xml))
        source = {"resource": f"{number}.xml.gz", "sha256": hashlib.sha256(xml).hexdigest()}
        entries.append(
            {"model_uri": uri, "version": "1", "publication_date": date, "kind": "canonical", "sources": [source]}
        )
    (folder / "manifest.json").write_text(json.dumps({"models": entries}), encoding="utf-8")
    return folder


def test_what_is_required_comes_first_in_its_latest_version_and_cycles_end(tmp_path: Path) -> None:
    library = load_library(
        _bundle(
            tmp_path,
            ("urn:top", "2020-01-01T00:00:00Z", _xml("urn:top", "urn:a", "urn:b")),
            ("urn:a", "2020-01-01T00:00:00Z", _xml("urn:a", "urn:b")),
            ("urn:b", "2020-01-01T00:00:00Z", _xml("urn:b")),
            ("urn:b", "2021-01-01T00:00:00Z", _xml("urn:b", "urn:a")),
        )
    )
    assert [file.path.name for file in closure(library, "urn:top")] == ["3.xml.gz", "1.xml.gz", "0.xml.gz"]
    assert [file.path.name for file in library["urn:b"]] == ["3.xml.gz", "2.xml.gz"]


def test_a_file_that_was_changed_is_refused(tmp_path: Path) -> None:
    library = load_library(_bundle(tmp_path, ("urn:x", "2020-01-01T00:00:00Z", _xml("urn:x"))))
    (tmp_path / "0.xml.gz").write_bytes(gzip.compress(b"<other/>"))
    with pytest.raises(ValueError, match="manifest"):
        library["urn:x"][0].xml()


def test_a_model_that_requires_what_is_not_there_names_it(tmp_path: Path) -> None:
    library = load_library(_bundle(tmp_path, ("urn:y", "2020-01-01T00:00:00Z", _xml("urn:y", "urn:gone"))))
    with pytest.raises(KeyError, match="urn:gone"):
        closure(library, "urn:y")


def test_published_sets_are_read_and_their_values_decoded() -> None:
    try:
        library = load_library()
    except LibraryMissingError as error:
        pytest.skip(str(error))
    assert sum(len(files) for files in library.values()) == 139
    contents = read_closure(library, "http://opcfoundation.org/UA/CNC")
    assert contents[0].models[0].model_uri == "http://opcfoundation.org/UA/"
    decoded = decode_values(contents, only=contents[-1])
    assert (decoded.problems, contents[-1].problems) == ([], [])
    assert decoded.structures > 100


def test_the_corpus_says_what_the_published_set_says(corpus: Path) -> None:
    try:
        library = load_library()
    except LibraryMissingError as error:
        pytest.skip(str(error))
    core = read_closure(library, "http://opcfoundation.org/UA/")
    from_corpus = read_file(corpus / "nodesets/Schema/Opc.Ua.NodeSet2.Services.xml")
    assert from_corpus.nodes == core[0].nodes
    assert from_corpus.references == core[0].references
    one, other = decode_values([from_corpus]).values, decode_values(core).values
    assert one.keys() == other.keys()
    assert all(same(one[node], other[node]) for node in one)
