"""Every published companion specification, read by the product and by the tests' own reader: nothing differs."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from nodesets.library import LibraryError, published
from nodesets.model import Model, read_model
from nodesets.names import STANDARD_NAMESPACE
from nodesets.resolver import resolve
from tests.nodeset_reading import LibraryMissingError, PublishedFile, decode_values, load_library, read_published
from tests.nodeset_reading.agreement import differences
from tests.thorough import THOROUGH

# Published with names that are neither NodeIds nor aliases of the file; they are the standard's, and taken as such.
NAMES_WITHOUT_ALIAS = (
    "DataType 'nsu=http://opcfoundation.org/UA/;i=256', not 'IdType'",
    "DataType 'nsu=http://opcfoundation.org/UA/;i=291', not 'NumericRange'",
)


@pytest.fixture(scope="module")
def library() -> dict[str, list[PublishedFile]]:
    try:
        return load_library()
    except LibraryMissingError as error:
        pytest.skip(str(error))


def read_together(library: dict[str, list[PublishedFile]]) -> Model:
    return read_model(resolve([files[0].path for uri, files in library.items() if uri != STANDARD_NAMESPACE]))


def test_the_library_is_the_one_the_tests_read(library: dict[str, list[PublishedFile]]) -> None:
    try:
        ours = published()
    except LibraryError as error:
        pytest.skip(str(error))
    assert ours.keys() == library.keys()
    assert len(ours) > 130


def test_all_sets_together_say_what_their_files_say(library: dict[str, list[PublishedFile]]) -> None:
    together = read_together(library)
    assert together.findings == ()
    newest = {files[0].path: files[0] for files in library.values()}
    contents = {path: read_published(file) for path, file in newest.items()}
    decoded = decode_values(list(contents.values()))
    assert decoded.structures > 13_000
    told: list[str] = []
    nodes = 0
    for nodeset in together.nodesets:
        if nodeset.file in contents:
            content = contents[nodeset.file]
            nodes += len(content.nodes)
            told += differences(nodeset.nodes, content, decoded.values, together.types)
    assert nodes > 81_000
    assert [line for line in told if not line.endswith(NAMES_WITHOUT_ALIAS)] == []
    assert len(told) == len(NAMES_WITHOUT_ALIAS)


def alone_unlike_together(together: list[Path], alone: list[Path]) -> list[str]:
    """Read some sets, each alone, and say which is not what it is among all others."""
    known = read_model(resolve(together))
    told: list[str] = []
    for path in alone:
        model = read_model(resolve([path]))
        (own,) = (nodeset for nodeset in model.nodesets if nodeset.file == path)
        told += map(str, model.findings)
        if own.nodes != [known.nodes[node.name] for node in own.nodes]:
            told.append(f"{path.name} differs")
    return told


def test_each_set_alone_is_read_as_it_is_together(library: dict[str, list[PublishedFile]]) -> None:
    files = [entries[0].path for uri, entries in library.items() if uri != STANDARD_NAMESPACE]
    assert len(files) > 130
    alone = files if THOROUGH else files[::12]
    workers = min(4, os.cpu_count() or 1)
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        shares = [pool.submit(alone_unlike_together, files, alone[share::workers]) for share in range(workers)]
        assert [line for share in shares for line in share.result()] == []
