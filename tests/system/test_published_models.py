"""Every published companion specification, read by the product and by the tests' own reader: nothing differs."""

from __future__ import annotations

import pytest

from nodesets.library import LibraryError, published
from nodesets.model import Model, read_model
from nodesets.names import STANDARD_NAMESPACE
from nodesets.resolver import resolve
from tests.nodeset_reading import LibraryMissingError, PublishedFile, decode_values, load_library, read_published
from tests.nodeset_reading.agreement import differences

# Published with names that are neither NodeIds nor aliases of the file; they are the standard's, and taken as such.
NAMES_WITHOUT_ALIAS = ("DataType 'nsu=http://opcfoundation.org/UA/;i=256', not 'IdType'",)
NAMES_WITHOUT_ALIAS += ("DataType 'nsu=http://opcfoundation.org/UA/;i=291', not 'NumericRange'",)


@pytest.fixture(scope="module")
def library() -> dict[str, list[PublishedFile]]:
    try:
        return load_library()
    except LibraryMissingError as error:
        pytest.skip(str(error))


def read_together(library: dict[str, list[PublishedFile]]) -> Model:
    return read_model(resolve([files[0].path for uri, files in library.items() if uri != STANDARD_NAMESPACE]))


@pytest.fixture(scope="module")
def together(library: dict[str, list[PublishedFile]]) -> Model:
    return read_together(library)


def test_the_library_is_the_one_the_tests_read(library: dict[str, list[PublishedFile]]) -> None:
    try:
        ours = published()
    except LibraryError as error:
        pytest.skip(str(error))
    assert ours.keys() == library.keys()
    assert len(ours) > 130


def test_all_sets_together_say_what_their_files_say(library: dict[str, list[PublishedFile]], together: Model) -> None:
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


def test_each_set_alone_is_read_as_it_is_together(
    library: dict[str, list[PublishedFile]], together: Model, subtests: pytest.Subtests
) -> None:
    for uri, (newest, *_) in library.items():
        if uri == STANDARD_NAMESPACE:
            continue
        with subtests.test(uri):
            alone = read_model(resolve([newest.path]))
            assert alone.findings == ()
            (own,) = (nodeset for nodeset in alone.nodesets if nodeset.file == newest.path)
            assert own.nodes == [together.nodes[node.name] for node in own.nodes]
