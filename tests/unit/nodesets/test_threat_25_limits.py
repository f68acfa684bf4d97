"""Hostile files: each limit is told where it was met, and work grows with the file alone (counted, not timed)."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from core.errors import Finding, InputError
from nodesets import nodeset as nodeset_module
from nodesets.header import read_header
from nodesets.limits import MEBIBYTE, Limits
from nodesets.model import Model, read_model
from nodesets.nodes import DataTypeNode
from nodesets.parsing import places, texts
from nodesets.parsing.elements import Element
from nodesets.parsing.places import Numbers
from nodesets.resolver import resolve
from nodesets.subtype_order import DEEPEST, circles, too_deep
from nodesets.type_definitions import definition_of
from tests.unit.nodesets.written import LINES, document, own, write

pytestmark = pytest.mark.usefixtures("core")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Count how often a file is read again for the places of what is wrong."""
    files: list[Path] = []
    locate = places.locate

    def counted(file: Path, spots: object) -> object:
        files.append(file)
        return locate(file, spots)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - handed on

    for module in (nodeset_module, "nodesets.consistency"):
        target = module if isinstance(module, str) else module.__name__
        monkeypatch.setattr(f"{target}.locate", counted)
    return files


def model_of(folder: Path, nodes: str, limits: Limits | None = None) -> Model:
    return read_model(resolve([write(folder, document(nodes, required=""))]), limits)


def node(number: int, inside: str = "", tag: str = "UAObject") -> str:
    return f'<{tag} NodeId="ns=1;i={number}" BrowseName="1:A">{inside}</{tag}>\n'


def subtype_of(number: int) -> str:
    return f'<References><Reference ReferenceType="i=45" IsForward="false">ns=1;i={number}</Reference></References>'


def only(findings: tuple[Finding, ...]) -> tuple[int, int, str, str]:
    (finding,) = findings
    return finding.place.line, finding.place.column, finding.problem, finding.mend


# Sizes.


@pytest.mark.parametrize("name", ["test.NodeSet2.xml", "test.NodeSet2.xml.gz"])
def test_a_file_that_is_too_large_is_refused_where_the_limit_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """What counts is the XML: 4 MB of it are 10 kB packed, and 40 GB would be 40 MB."""
    nodes = "".join(map(node, range(60_000)))
    content = document(nodes, required="").encode()
    file = write(tmp_path, gzip.compress(content) if name.endswith("gz") else content, name)
    taken: list[int] = []
    if name.endswith("gz"):
        _count_reads(monkeypatch, taken)
    line, column, problem, mend = only(read_model(resolve([file]), Limits(file_bytes=MEBIBYTE)).findings)
    assert line == content[:MEBIBYTE].count(b"\n") + 1
    assert column > 1
    assert (problem, mend) == (
        "the file has more than 1 MiB of XML",
        "raise model.limits.file_mib if the file is what it should be",
    )
    assert sum(taken) < 6 * MEBIBYTE


def _count_reads(monkeypatch: pytest.MonkeyPatch, taken: list[int]) -> None:
    read = gzip.GzipFile.read

    def counted(self: gzip.GzipFile, size: int | None = -1) -> bytes:
        chunk = read(self, size)
        taken.append(len(chunk))
        return chunk

    monkeypatch.setattr(gzip.GzipFile, "read", counted)


def test_what_unpacks_to_more_than_may_be_is_not_unpacked(tmp_path: Path) -> None:
    """300 MB of spaces in 300 kB."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    begin, end = document("", required="").encode().split(b"\n\n")
    packed = packer.compress(begin) + b"".join(packer.compress(b" " * MEBIBYTE) for _ in range(300))
    file = write(tmp_path, packed + packer.compress(end) + packer.flush(), "bomb.xml.gz")
    line, _, problem, _ = only(resolve([file]).findings)
    assert line == LINES
    assert problem in {"the file has more than 256 MiB of XML", "a text is longer than 10000000 characters"}


def test_what_the_files_have_together_is_bounded(tmp_path: Path) -> None:
    files = [
        write(tmp_path, document(node(1) * 20, uri=f"urn:{name}", required=""), f"{name}.NodeSet2.xml")
        for name in "abcd"
    ]
    size = files[0].stat().st_size
    model = read_model(resolve(files), Limits(total_bytes=size + 100))
    told = [one for one in model.findings if "with this file" in one.problem]
    assert [Path(one.place.file).stem.partition(".")[0] for one in told] == ["b", "c", "d"]
    assert [one.place.line for one in told] == [2, 1, 1]
    assert told[0].mend == "raise model.limits.total_mib if the file is what it should be"


@pytest.mark.parametrize(
    ("limits", "setting"),
    [(Limits(nodes=2), "nodes"), (Limits(references=2), "references")],
)
def test_nodes_and_references_are_bounded(tmp_path: Path, limits: Limits, setting: str) -> None:
    reference = '<References><Reference ReferenceType="i=40">i=58</Reference></References>'
    model = model_of(tmp_path, "".join(node(number, reference) for number in range(5)), limits)
    line, column, problem, mend = only(model.findings)
    assert (line, column) == (LINES + 3, 1)
    assert problem.startswith(f"with this node the model has more than {getattr(limits, setting)} {setting}")
    assert mend == f"raise model.limits.{setting} if the file is what it should be"
    assert not model.nodesets[1].complete


def test_errors_and_remarks_are_told_up_to_a_bound(tmp_path: Path) -> None:
    wrong = node(1, '<References><Reference ReferenceType="i=40">x</Reference></References>', "UAObject")
    odd = node(2, "<Odd/>" * 30)
    model = model_of(tmp_path, odd + wrong * 30, Limits(findings=10))
    assert [one.problem for one in model.findings][
        -1
    ] == "more than 10 things are wrong in this file; the rest is not read"
    assert len(model.findings) == 11
    assert [one.problem for one in model.warnings][-1] == "this and further remarks beyond 10 are not told"
    assert len(model.warnings) == 11


def test_what_files_say_of_each_other_is_told_up_to_a_bound(tmp_path: Path) -> None:
    lost = node(1, '<References><Reference ReferenceType="i=40">ns=1;i=9</Reference></References>') * 30
    assert len(model_of(tmp_path, lost, Limits(findings=10)).findings) == 10


@pytest.mark.parametrize("inside", ["<Documentation>{}</Documentation>", '<Documentation Odd="{}"/>'])
def test_a_text_or_attribute_of_more_than_ten_million_characters_is_refused(tmp_path: Path, inside: str) -> None:
    line, _, problem, mend = only(model_of(tmp_path, node(1, inside.format("x" * 10_000_100))).findings)
    assert line > LINES
    assert ("longer than" in problem) or ("beyond what is read" in problem)
    assert "shorte" in mend


@pytest.mark.parametrize("attribute", ["NodeId", "BrowseName", "ParentNodeId", "SymbolicName"])
def test_a_giant_attribute_is_not_told_in_full(tmp_path: Path, attribute: str) -> None:
    giant = f'<UAObject NodeId="ns=1;i=2" BrowseName="1:A" {attribute}="{"1:" + "x" * 1_000_000}"/>'
    given = giant.replace('NodeId="ns=1;i=2" ', "", attribute == "NodeId").replace(
        'BrowseName="1:A" ', "", attribute == "BrowseName"
    )
    for finding in model_of(tmp_path, given).findings:
        assert len(str(finding)) < 1000


def test_a_namespace_of_a_node_id_is_as_long_as_one_may_be(tmp_path: Path) -> None:
    """An alias is short; what it stands for would be told with every reference that names it."""
    aliases = f'<Aliases><Alias Alias="A">nsu={"x" * 100_000};i=1</Alias></Aliases>'
    lost = node(1, '<References><Reference ReferenceType="i=40">A</Reference></References>')
    findings = model_of(tmp_path, aliases + lost).findings
    assert [len(str(finding)) < 1000 for finding in findings] == [True] * len(findings)
    assert "has more than 8200 characters" in findings[0].problem


@pytest.mark.parametrize(
    ("tables", "problem"),
    [
        ("<NamespaceUris>" + "<Uri>urn:x</Uri>" * 1001 + "</NamespaceUris>", "more than 1000 namespaces and models"),
        ("<Models>" + '<Model ModelUri="urn:x"/>' * 1001 + "</Models>", "more than 1000 namespaces and models"),
        (
            '<Models><Model ModelUri="urn:x">' + '<RequiredModel ModelUri="urn:y"/>' * 1001 + "</Model></Models>",
            "more than 1000 namespaces and models",
        ),
        (f"<NamespaceUris><Uri>urn:{'x' * 5000}</Uri></NamespaceUris>", "has more than 4096 characters"),
        (f'<Models><Model ModelUri="urn:{"x" * 5000}"/></Models>', "has more than 4096 characters"),
        (f'<Models><Model ModelUri="urn:x" Version="{"1" * 5000}"/></Models>', "has more than 4096 characters"),
    ],
)
def test_headers_are_bounded(tmp_path: Path, tables: str, problem: str) -> None:
    root = document("").splitlines()[1]
    with pytest.raises(InputError) as caught:
        read_header(write(tmp_path, f"{root}{tables}</UANodeSet>"))
    (finding,) = caught.value.findings
    assert problem in finding.problem
    assert finding.place.line == 1
    assert finding.place.column > 1


# Work that grows with the file alone.


def test_many_circles_of_types_are_told_reading_the_file_once(tmp_path: Path, reads: list[Path]) -> None:
    pairs = "".join(
        node(number, subtype_of(number + 1), "UAObjectType") + node(number + 1, subtype_of(number), "UAObjectType")
        for number in range(0, 3000, 2)
    )
    model = model_of(tmp_path, pairs)
    told = [one for one in model.findings if "subtypes of each other" in one.problem]
    assert len(told) == 100
    assert len(reads) <= 2


def test_a_circle_of_very_many_types_is_told_in_short(tmp_path: Path) -> None:
    ring = "".join(node(number, subtype_of((number + 1) % 5000), "UADataType") for number in range(5000))
    told = [one for one in model_of(tmp_path, ring).findings if "subtypes of each other" in one.problem]
    assert len(told) == 1
    assert "(4988 more)" in told[0].problem
    assert len(told[0].problem) < 600


class _Counting(dict[object, list[object]]):
    """Supertypes that count how often they are asked for."""

    asked = 0

    def get(self, key: object, default: object = None) -> object:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride] - dict's overloads
        self.asked += 1
        return super().get(key, default)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue] - as above


@pytest.mark.parametrize(
    "above",
    [(1,), (-19_999,), (1, -20_000), (1, 2, 3)],
    ids=["ring", "other ring", "ladder", "lattice"],
)
def test_the_order_of_types_is_looked_at_once(above: tuple[int, ...]) -> None:
    """Each type has the types that come so much behind it for its supertypes; the last ones begin again."""
    most = 20_000
    supertypes = _Counting({own(one): [own((one + step) % most) for step in above] for one in range(most)})
    found = list(circles(supertypes))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - counts
    assert len(found) <= 100
    too_deep(supertypes)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - counts
    assert supertypes.asked <= 3 * most


def test_types_of_very_many_supertypes_are_refused_and_their_values_not_read(tmp_path: Path) -> None:
    chain = node(0, "", "UADataType")
    chain += "".join(node(number, subtype_of(number - 1), "UADataType") for number in range(1, 2000))
    model = model_of(tmp_path, chain)
    line, _, problem, mend = only(model.findings)
    assert line == LINES + DEEPEST + 2
    assert (problem, mend) == (
        "the type nsu=urn:test;i=101 has more than 100 supertypes",
        "derive it from a more general type",
    )


def test_many_nodes_of_one_node_id_are_told_reading_the_file_twice(tmp_path: Path, reads: list[Path]) -> None:
    model = model_of(tmp_path, node(1) * 5000)
    assert len(model.findings) == 4999
    assert len(reads) <= 3


def test_aliases_of_aliases_are_no_node_ids_and_are_not_followed(tmp_path: Path) -> None:
    aliases = "".join(f'<Alias Alias="a{number}">a{number - 1}</Alias>' for number in range(1, 5000))
    model = model_of(tmp_path, f"<Aliases>{aliases}</Aliases>" + node(1))
    assert len(model.findings) == 4999
    assert all("is not of the form" in one.problem for one in model.findings)


def test_names_that_aliases_lack_are_compared_with_a_bounded_number_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[int] = []

    def counted(_word: str, candidates: set[str], _most: int) -> list[str]:
        compared.append(len(candidates))
        return []

    monkeypatch.setattr(texts, "get_close_matches", counted)
    aliases = "".join(f'<Alias Alias="a{number}">i=1</Alias>' for number in range(10_000))
    references = "".join(f'<Reference ReferenceType="b{number}">i=58</Reference>' for number in range(1000))
    model = model_of(tmp_path, f"<Aliases>{aliases}</Aliases>" + node(1, f"<References>{references}</References>"))
    assert len(model.findings) == 1000
    assert sum(compared) <= 100_000


def test_an_element_of_very_many_attributes_is_refused(tmp_path: Path) -> None:
    """To look at them all would take time that grows with their square."""
    many = " ".join(f'a{number}=""' for number in range(100_000))
    line, _, problem, _ = only(model_of(tmp_path, f'<UAObject NodeId="ns=1;i=1" BrowseName="1:A" {many}/>').findings)
    assert (line, problem) == (4, "UAObject has more than 1000 attributes; the rest of the file is not read")


def test_an_extension_of_very_many_attributes_is_kept_without_putting_them_in_order(tmp_path: Path) -> None:
    many = " ".join(f'b{number}=""' for number in range(20_000, 0, -1))
    model = model_of(tmp_path, node(1, f'<Extensions><Extension><x xmlns="" {many}/></Extension></Extensions>'))
    (extension,) = model.nodes[own(1)].extensions
    assert extension.index("b20000=") < extension.index("b1=")


def test_an_element_of_very_many_children_is_counted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where what is wrong is told out of the order of the file."""
    steps = [0]
    tree: Element = etree.fromstring("<a>" + "<b/>" * 2000 + "</a>")
    numbers = Numbers()

    class _Top:
        def iter(self) -> Iterator[Element]:
            for one in tree.iter():
                steps[0] += 1
                yield one

    top = _Top()
    children = list(tree)
    for one in reversed(children):
        assert numbers.spot_of(one, top, 7).number == children.index(one) + 1  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - counts
    assert steps[0] <= 3 * 2001
    del monkeypatch, tmp_path


def test_a_type_of_very_many_fields_is_described_field_by_field(tmp_path: Path) -> None:
    fields = "".join(f'<Field Name="f{number}" Value="{number}"/>' for number in range(5000))
    inside = subtype_of(0).replace("ns=1;i=0", "i=29") + f'<Definition Name="1:A">{fields}</Definition>'
    model = model_of(tmp_path, node(1, inside, "UADataType"))
    record = model.nodes[own(1)]
    assert isinstance(record, DataTypeNode)
    described = definition_of(record, model.types)
    assert described is not None
    assert len(described.value.fields["Fields"]) == 5000  # type: ignore[union-attr, arg-type]  # pyright: ignore - a structure


@pytest.mark.parametrize("most", [300, 20_000])
def test_elements_that_are_nested_too_deep_are_told(tmp_path: Path, most: int) -> None:
    line, _, problem, _ = only(model_of(tmp_path, node(1, "<a>" * most + "</a>" * most)).findings)
    assert line == LINES + 1
    assert problem == "the elements are nested deeper than 256"


def test_a_document_type_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    declared = "<!DOCTYPE UANodeSet [<!ENTITY a 'x'><!ENTITY b '&a;&a;'>]>"
    text = document(node(1), required="").replace("?>\n", f"?>{declared}\n", 1)
    line, column, problem, _ = only(resolve([write(tmp_path, text)]).findings)
    assert (line, column) == (1, 39 + 20)
    assert problem.startswith("a document type declaration (DOCTYPE) is refused")
