"""Every published companion specification, written and read again: nothing differs, and others read it as well."""

from __future__ import annotations

import gzip
import json
import subprocess
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import pytest
from asyncua import Server, ua

from core.errors import Place
from nodesets.datatypes.problems import ValueProblem
from nodesets.datatypes.registry import TypeRegistry
from nodesets.datatypes.xml_elements import FileContext
from nodesets.datatypes.xml_values import read_value
from nodesets.exporting.export import export_of
from nodesets.exporting.writing import nodeset_bytes, save_nodeset
from nodesets.header import Header, read_header
from nodesets.library import LibraryError, Published, published
from nodesets.model import Model, read_model
from nodesets.names import STANDARD_NAMESPACE, NodeName
from nodesets.nodes import Node
from nodesets.nodeset import NodeSet
from nodesets.parsing.reader import read_nodeset
from nodesets.resolver import resolve
from tests.foreign.client import need_node

DI = "http://opcfoundation.org/UA/DI/"
PACKML = "http://opcfoundation.org/UA/PackML/"
_FOREIGN = Path(__file__).resolve().parents[1] / "foreign"
_LOAD = """
const { AddressSpace } = require("node-opcua");
const { generateAddressSpace } = require("node-opcua-address-space/nodeJS");
(async () => {
    const space = AddressSpace.create();
    await generateAddressSpace(space, process.argv.slice(1));
    const told = {};
    for (const namespace of space.getNamespaceArray()) {
        const nodes = [...namespace.nodeIterator()];
        told[namespace.namespaceUri] = nodes.map((node) => [
            node.nodeId.toString().replace(/^ns=[0-9]+;/, ""), node.browseName.name, node.nodeClass]);
    }
    space.dispose();
    require("fs").writeFileSync(process.env.TOLD, JSON.stringify(told));
})();
"""


@pytest.fixture(scope="module")
def library() -> dict[str, tuple[Published, ...]]:
    try:
        return dict(published())
    except LibraryError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def together(library: dict[str, tuple[Published, ...]]) -> Model:
    return read_model(resolve([files[0].file for uri, files in library.items() if uri != STANDARD_NAMESPACE]))


@pytest.fixture(scope="module")
def di(library: dict[str, tuple[Published, ...]]) -> Model:
    return read_model(resolve([library[DI][0].file]))


def test_every_published_set_is_read_as_it_was_written(together: Model, tmp_path: Path) -> None:
    assert together.findings == ()
    count = 0
    for nodeset in together.nodesets:
        count += len(nodeset.nodes)
        assert list(_differences(nodeset, together, tmp_path)) == []
    assert count > 81_000


def test_older_files_of_a_model_too(library: dict[str, tuple[Published, ...]], tmp_path: Path) -> None:
    older = [one for files in library.values() for one in files[1:]]
    assert older
    for one in older:
        model = read_model(resolve([one.file]))
        (nodeset,) = (read for read in model.nodesets if read.file == one.file)
        assert list(_differences(nodeset, model, tmp_path)) == []


def test_the_gateway_takes_what_it_wrote(di: Model, tmp_path: Path) -> None:
    save_nodeset(export_of(di, DI), tmp_path / "di.xml")
    again = read_model(resolve([tmp_path / "di.xml"]))
    assert again.findings == ()
    assert again.warnings == ()
    assert nodeset_bytes(export_of(again, DI)) == (tmp_path / "di.xml").read_bytes()


# asyncua takes PackML strictly; DI, the published file too, leniently alone: its own standard namespace is older.
@pytest.mark.parametrize(("uri", "strict", "fewest"), [(PACKML, True, 248), (DI, False, 430)], ids=["PackML", "DI"])
async def test_asyncua_takes_the_same_nodes_as_from_the_published_file(
    *, uri: str, strict: bool, fewest: int, library: dict[str, tuple[Published, ...]], tmp_path: Path
) -> None:
    source = library[uri][0].file
    (tmp_path / "original.xml").write_bytes(gzip.decompress(source.read_bytes()))
    save_nodeset(export_of(read_model(resolve([source])), uri), tmp_path / "written.xml")
    original = await _imported_by_asyncua(tmp_path / "original.xml", strict=strict)
    written = await _imported_by_asyncua(tmp_path / "written.xml", strict=strict)
    assert written == original
    assert len(written) >= fewest


def test_node_opcua_takes_the_standard_namespace_and_di(di: Model, tmp_path: Path) -> None:
    node = need_node()
    files = [tmp_path / "standard.xml", tmp_path / "di.xml"]
    for uri, file in zip((STANDARD_NAMESPACE, DI), files, strict=True):
        save_nodeset(export_of(di, uri), file)
    told = tmp_path / "told.json"
    done = subprocess.run(
        [node, "-e", _LOAD, *map(str, files)],
        cwd=_FOREIGN,
        env={"TOLD": str(told), "PATH": str(Path(node).parent), "HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    seen: dict[str, list[list[object]]] = json.loads(told.read_text(encoding="utf-8"))
    for uri in (STANDARD_NAMESPACE, DI):
        ours = [node for nodeset in di.nodesets for node in nodeset.nodes if node.name.namespace == uri]
        assert sorted(seen[uri], key=str) == sorted(
            ([f"i={node.name.identifier}", node.browse_name.name, int(node.node_class)] for node in ours), key=str
        )


def _differences(nodeset: NodeSet, model: Model, folder: Path) -> Iterator[str]:
    """Write a file, read it again, and tell what is not as it was."""
    (uri, *_) = (entry.uri for entry in nodeset.header.models)
    file = folder / "written.xml"
    save_nodeset(export_of(_alone(model, nodeset), uri), file)
    again = _read_alone(file, model.types)
    for label, was, now in (
        ("models", _said(nodeset.header), _said(again.header)),
        ("namespaces", nodeset.namespaces, again.namespaces),
        ("the file", _of_file(nodeset), _of_file(again)),
    ):
        if was != now:
            yield f"{uri}: {label}: {was} is {now}"
    before, after = ({node.name: node for node in one.nodes} for one in (nodeset, again))
    for name in before.keys() ^ after.keys():
        yield f"{uri}: {name} is not in both"
    for name in before.keys() & after.keys():
        for what, was, now in _fields(before[name], after[name]):
            yield f"{name} {what}: {was} is {now}"


def _alone(model: Model, nodeset: NodeSet) -> Model:
    """Leave one file alone in a model that knows the types of all: other files may hold parts of the same namespace."""
    return replace(model, nodesets=(nodeset,))


def _read_alone(file: Path, types: TypeRegistry) -> NodeSet:
    reading = read_nodeset(read_header(file))
    context = FileContext(reading.nodeset.namespaces, reading.texts.aliases)
    problems: list[ValueProblem] = []
    for pending in reading.values:
        pending.node.value = read_value(pending.element, context, types, problems)
    assert problems == []
    assert reading.nodeset.problems == []
    assert reading.nodeset.remarks == []
    return reading.nodeset


def _fields(was: Node, now: Node) -> Iterator[tuple[str, object, object]]:
    assert type(was) is type(now)
    # A reference that a file has twice is written once.
    was = replace(was, references=tuple(dict.fromkeys(was.references)), position=0)
    now = replace(now, position=0)
    if was == now:
        return
    for field in fields(was):
        before, after = getattr(was, field.name), getattr(now, field.name)
        if repr(before) != repr(after):  # NaN is not equal to itself, and reads the same
            yield field.name, before, after


def _said(header: Header) -> object:
    """Give what a header says, wherever it says it."""
    nowhere = Place("")
    return [
        replace(entry, place=nowhere, required=tuple(replace(need, place=nowhere) for need in entry.required))
        for entry in header.models
    ]


def _of_file(nodeset: NodeSet) -> object:
    return nodeset.extensions, nodeset.server_uris, nodeset.last_modified


async def _imported_by_asyncua(file: Path, *, strict: bool) -> set[NodeName]:
    server = Server()
    await server.init()
    try:
        nodes: list[ua.NodeId] = await server.import_xml(str(file), strict_mode=strict)
        namespaces = await server.get_namespace_array()
        return {NodeName.parse_indexed(node.to_string(), namespaces) for node in nodes}
    finally:
        await server.stop()
