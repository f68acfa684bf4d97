from __future__ import annotations

import copy
import gc
import json
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Finding, Place
from nodesets import library
from nodesets.built_in_types import BuiltInType, QualifiedName, Variant
from nodesets.compiled.blocks import MOST_NODES, MOST_PARTS
from nodesets.compiled.lines import ModelLines, compiled, line_of, raw_of
from nodesets.compiled.problems import CompiledError
from nodesets.compiled.tables import NewEntries
from nodesets.compiled.values import ValueWriter
from nodesets.header import Header, Model, RequiredModel, parse_date
from nodesets.limits import Limits
from nodesets.model import Model as WholeModel
from nodesets.model import made_of, read_model
from nodesets.names import STANDARD_NAMESPACE, NodeName
from nodesets.nodes import Node, ObjectNode, Reference, VariableNode
from nodesets.nodeset import NodeSet, Problem
from nodesets.parsing.places import Spot
from nodesets.resolver import Resolution, resolve
from tests.unit.nodesets.datatypes.generated import variants
from tests.unit.nodesets.parsing.generated import nodes as generated_nodes
from tests.unit.nodesets.written import URI, document, own, write

_COMPONENT = NodeName.standard(47)
_ARRAY = Variant(BuiltInType.Int32, (1,) * 40_000)
_PLACE = Place("plant.xml", 3, 9)


def back(lines: list[bytes], limits: Limits | None = None) -> WholeModel:
    taken = ModelLines(limits or Limits())
    for line in lines:
        taken.take(line)
    return taken.model()


def model_with(nodes: list[Node]) -> WholeModel:
    header = Header(Path("plant.xml"), (STANDARD_NAMESPACE, URI), ())
    return made_of((NodeSet(header, nodes),), {node.name: node for node in nodes})


def same(model: WholeModel) -> None:
    """Compare by texts: NaN is not equal to itself, and 0 is equal to False."""
    again = back(list(compiled(model)))
    assert repr(again.nodesets) == repr(model.nodesets)
    assert repr(again.nodes) == repr(model.nodes)
    assert (again.findings, again.warnings) == (model.findings, model.warnings)
    assert list(again.types) == list(model.types)


@settings(deadline=None)
@given(generated_nodes())
def test_any_nodes_come_back_as_they_were(nodes: list[Node]) -> None:
    same(model_with(nodes))


@settings(deadline=None)
@given(st.lists(variants(), max_size=4))
def test_any_values_come_back_as_they_were(values: list[Variant]) -> None:
    named = [(own(number), QualifiedName(URI, "V"), value) for number, value in enumerate(values)]
    same(model_with([VariableNode(name=name, browse_name=called, value=value) for name, called, value in named]))


def test_what_stands_beside_the_nodes_comes_back_as_it_was() -> None:
    published = parse_date("2024-05-01T10:00:00.5Z")
    need = RequiredModel("urn:x", "1", None, _PLACE, "1.0.0")
    entry = Model(URI, "1.02", published, _PLACE, (need,), "1.2.0", "urn:schema", 3, (("i=15656", 31),))
    header = Header(Path("plant.xml"), (STANDARD_NAMESPACE, URI), (entry,), (Finding(_PLACE, "odd", ""),))
    nodeset = NodeSet(
        header,
        aliases={"HasComponent": "i=47", "": ""},
        extensions=("<a></a>",),
        last_modified="2024",
        server_uris=("urn:server",),
        unread_references={3: [0, 2], 9: [1]},
        problems=[Problem(Spot(3, 1, ("References", "Reference")), "wrong", "mend it")],
        remarks=[Problem(Spot(4), "odd")],
        breaks=(Finding(_PLACE, "breaks off", "go on"),),
        complete=False,
    )
    same(made_of((nodeset,), {}, [Finding(_PLACE, "wrong", "mend")], [Finding(Place("other.xml"), "odd")]))


def test_published_models_come_back_as_they_were() -> None:
    names = ("DI", "Machinery", "PackML", "Pumps")
    files = [library.published()[f"http://opcfoundation.org/UA/{name}/"][0].file for name in names]
    model = read_model(resolve(files))
    lines = list(compiled(model))
    again = back(lines)
    assert again.nodesets == model.nodesets
    assert list(again.nodes.items()) == list(model.nodes.items())
    assert sum(map(len, lines)) < 400 * len(model.nodes)


def test_damaged_files_come_back_with_what_is_wrong_with_them(tmp_path: Path, core: Path) -> None:
    del core
    wrong = '<UAObject NodeId="ns=1;i=1" BrowseName="1:A" Odd="1"><References>'
    wrong += '<Reference ReferenceType="i=40">x</Reference></References></UAObject><UAObject'
    model = read_model(resolve([write(tmp_path, document(wrong, required=""))]))
    assert len(model.findings) == 2
    same(model)


def test_no_line_holds_more_than_is_read_without_a_pause() -> None:
    """What is larger than a line, a node of 10 000 references or a value of 10 000 elements, goes on in the next."""
    few = [ObjectNode(name=own(number), browse_name=QualifiedName(URI, "A")) for number in range(300)]
    references = tuple(Reference(_COMPONENT, own(number)) for number in range(10_000))
    crowd = ObjectNode(name=own(301), browse_name=QualifiedName(URI, "A"), references=references)
    long = Variant(BuiltInType.Int32, tuple(range(10_000)))
    values: list[Node] = [
        VariableNode(name=own(number), browse_name=QualifiedName(URI, "V"), value=long) for number in (302, 303)
    ]
    model = model_with([*few[:200], crowd, *values, *few[200:]])
    same(model)
    for line in compiled(model):
        kind, *columns = raw_of(line)
        longest = MOST_NODES if kind == "nodes" else MOST_PARTS
        assert all(len(cast("list[object]", one)) <= longest for one in columns if isinstance(one, list))


@pytest.mark.parametrize("limits", [Limits(nodes=5), Limits(references=3)])
def test_more_nodes_or_references_than_may_be_are_refused(limits: Limits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nodesets.compiled.lines._OF_STANDARD", 0)
    references = (Reference(_COMPONENT, own(1)), Reference(_COMPONENT, own(2)))
    nodes: list[Node] = [
        ObjectNode(name=own(number), browse_name=QualifiedName(URI, "A"), references=references) for number in range(6)
    ]
    with pytest.raises(CompiledError, match="more nodes or references than may be"):
        back(list(compiled(model_with(nodes))), limits)


def _lines() -> list[bytes]:
    value = Variant(BuiltInType.Int32, (1, 2))
    nodes: list[Node] = [
        ObjectNode(name=own(1), browse_name=QualifiedName(URI, "A"), references=(Reference(_COMPONENT, own(2)),)),
        VariableNode(name=own("x"), browse_name=QualifiedName(URI, "B"), value=value, historizing=True),
    ]
    return list(compiled(model_with(nodes)))


def _changed(kind: str, change: Callable[[list[object]], object]) -> list[bytes]:
    lines = _lines()
    for number, line in enumerate(lines):
        raw = raw_of(line)
        if raw[0] == kind:
            change(raw)
            lines[number] = line_of(raw)
    return lines


def _set(*path: int | str | object) -> Callable[[list[object]], object]:
    """Put the last of ``path`` in the place that the others lead to."""

    def change(raw: list[object]) -> None:
        found: object = raw
        *way, key, value = path
        for step in way:
            found = found[step]  # type: ignore[index]  # pyright: ignore[reportUnknownVariableType, reportIndexIssue] - whatever a line holds
        found[key] = value  # type: ignore[index]  # pyright: ignore[reportIndexIssue] - as above

    return change


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [b""],
        [b"{}"],
        [b"[" * 100_000],
        [b"\xff\xfe"],
        [b'["model",1,' + b"9" * 5000 + b"]"],
        [b'["model",0,1]'],
        [b'["model",1,0]'],
        _lines()[1:],
        _lines()[:-1],
        [*_lines(), b'["end"]'],
        [*_lines()[:-1], b'["format C:"]', b'["end"]'],
        [_lines()[0], *_lines()[2:]],
        _changed("nodes", _set(1, 0, 3)),
        _changed("nodes", _set(1, 0, "1")),
        _changed("nodes", _set(1, [1])),
        _changed("nodes", _set(2, 0, -1)),
        _changed("nodes", _set(2, 0, 99)),
        _changed("nodes", _set(2, 0, 1.0)),
        _changed("nodes", _set(2, 0, bool(1))),
        _changed("nodes", _set(4, 0, 2)),
        _changed("nodes", _set(4, 0, -1)),
        _changed("nodes", _set(5, 2, 0, 2)),
        _changed("nodes", _set(6, "historizing", 0, 0, 0)),
        _changed("nodes", _set(6, "historizing", 1, 0, 1)),
        _changed("nodes", _set(6, "historizing", 1, [])),
        _changed("nodes", _set(6, "__class__", [[0], [1]])),
        _changed("nodes", _set(6, "value", 1, 0, 1, 99)),
        _changed("nodes", _set(6, "value", 1, 0, 2, "text")),
        _changed("nodes", _set(6, "value", 1, 0, 2, 2, 1 << 31)),
        _changed("nodes", _set(6, "value", 1, 0, 2, ["b", "no Base64!"])),
        _changed("nodes", _set(6, "value", 1, 0, 2, ["s", 0])),
        _changed("tables", _set(3, "zz")),
        _changed("tables", _set(3, "i")),
        _changed("tables", _set(4, 0, 1 << 32)),
        _changed("tables", _set(4, 0, "1")),
        _changed("nodeset", _set(1, 0, 7)),
        [*_lines()[:-1], b'["elements",0,[1]]', b'["end"]'],
        [*_lines()[:-1], b'["elements",1,["text"]]', b'["end"]'],
        [*_lines()[:-1], b'["elements",7,[1]]', b'["end"]'],
        [*_lines()[:-1], b'["aliases",[["A",1]]]', b'["end"]'],
        [*_lines()[:-1], b'["findings",[["file",-1,0,"",""]]]', b'["end"]'],
    ],
)
def test_threat_27_lines_that_were_tampered_with_are_refused(lines: list[bytes]) -> None:
    with pytest.raises(CompiledError):
        back(lines)


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_threat_27_whatever_stands_in_the_place_of_a_part_is_refused_or_is_a_model(data: st.DataObject) -> None:
    lines = _lines()
    number = data.draw(st.integers(0, len(lines) - 1))
    raw = cast("list[object]", json.loads(lines[number]))
    spots = list(_spots(raw, ()))
    path = data.draw(st.sampled_from(spots))
    junk: st.SearchStrategy[object] = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
        max_leaves=6,
    )
    changed = copy.deepcopy(raw)
    _set(*path, data.draw(junk))(changed)
    lines[number] = line_of(changed)
    try:
        model = back(lines)
    except CompiledError:
        return
    for node in model.nodes.values():
        assert isinstance(node, Node)
        assert type(node.name) is NodeName


def _spots(raw: object, path: tuple[int | str, ...]) -> list[tuple[int | str, ...]]:
    found = [path] if path else []
    items: list[tuple[int | str, object]] = []
    if isinstance(raw, list):
        items = list(enumerate(cast("list[object]", raw)))
    elif isinstance(raw, dict):
        items = list(cast("dict[str, object]", raw).items())
    for key, below in items:
        found += _spots(below, (*path, key))
    return found


def test_the_standard_namespace_alone_is_a_model() -> None:
    model = read_model(Resolution(()))
    assert back(list(compiled(model))).nodesets == model.nodesets


def test_what_reads_and_writes_lines_is_gone_without_the_garbage_collector() -> None:
    # In a circle, each reload's records stayed for ever: the collector does not look at what is frozen.
    model = model_with([VariableNode(name=own(1), browse_name=QualifiedName(URI, "V"), value=_ARRAY)])
    gc.disable()
    try:
        entries = NewEntries()
        writer = ValueWriter(entries)
        writer.variant(_ARRAY)
        lines = ModelLines(Limits())
        for line in compiled(model):
            lines.take(line)
        lines.model()
        held = [weakref.ref(writer), weakref.ref(entries), weakref.ref(lines)]
        del writer, entries, lines
        assert [one() for one in held] == [None, None, None]
    finally:
        gc.enable()


def test_an_array_of_more_than_a_slice_is_checked_to_its_end() -> None:
    model = model_with([VariableNode(name=own(1), browse_name=QualifiedName(URI, "V"), value=_ARRAY)])
    lines = list(compiled(model))
    assert back(lines).nodes == model.nodes
    last = max(number for number, line in enumerate(lines) if line.startswith(b'["elements"'))
    for wrong in (b'"x"', b"1.5", b"2147483648", b"null"):
        assert lines[last].endswith(b",1]]")
        with pytest.raises(CompiledError):
            back([*lines[:last], lines[last][:-3] + wrong + b"]]", *lines[last + 1 :]])
