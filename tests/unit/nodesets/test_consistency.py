"""What the nodes of a model's files must agree on."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import Finding
from nodesets.model import Model, read_model
from nodesets.resolver import resolve
from tests.unit.nodesets.written import OTHER, document, own, write

pytestmark = pytest.mark.usefixtures("core")
OTHER_NODES = '<UAObject NodeId="ns=1;i=1" BrowseName="1:There"/>\n<UADataType NodeId="ns=1;i=2" BrowseName="1:Kind"/>'


def model_of(folder: Path, nodes: str, other: str | None = OTHER_NODES) -> Model:
    """Read a file with these nodes, and one of the other model that it requires."""
    files = [write(folder, document(nodes))]
    if other is not None:
        files.append(write(folder, document(other, uri=OTHER, required=""), "other.NodeSet2.xml"))
    return read_model(resolve(files))


def lines(findings: tuple[Finding, ...]) -> list[str]:
    return [
        f"{Path(one.place.file).name.partition('.')[0]}:{one.place.line}:{one.place.column}: {one.problem}"
        for one in findings
    ]


def node(inner: str = "", tag: str = "UAObject", attributes: str = "", number: int = 1) -> str:
    start = f'<{tag} NodeId="ns=1;i={number}" BrowseName="1:A" {attributes}>'
    return f"{start}\n<References>\n{inner}\n</References></{tag}>\n"


def reference(target: str, kind: str = "i=47", *, forward: bool = True) -> str:
    return f'<Reference ReferenceType="{kind}" IsForward="{str(forward).lower()}">{target}</Reference>'


def test_what_agrees_is_not_remarked_on(tmp_path: Path) -> None:
    model = model_of(
        tmp_path,
        node(reference("i=85", "Organizes", forward=False) + reference("ns=2;i=1"), attributes='ParentNodeId="i=85"')
        + node(tag="UAVariable", attributes='DataType="ns=2;i=2"', number=2)
        + node(tag="UAMethod", attributes='MethodDeclarationId="ns=1;i=3"', number=3)
        + node(tag="UAVariable", attributes='DataType="i=0"', number=4),
    )
    assert (model.findings, model.warnings) == ((), ())
    assert own(4) in model.nodes
    assert model.namespaces == ("http://opcfoundation.org/UA/", OTHER, "urn:test")


ERRORS = [
    (node(reference("ns=1;i=99")), ["test:6:1: Reference nsu=urn:test;i=99: no such node"]),
    (node(reference("i=99")), ["test:6:1: Reference i=99: no such node"]),
    (node(reference("ns=2;i=99")), ["test:6:1: Reference nsu=urn:other;i=99: no such node"]),
    (node(reference("i=85", "i=99")), ["test:6:1: ReferenceType i=99: no such node"]),
    (
        node(reference("i=85", "i=61")),
        ["test:6:1: ReferenceType i=61 is a UAObjectType ('FolderType'), not a UAReferenceType"],
    ),
    (
        node(reference("i=85", "ns=2;i=1")),
        ["test:6:1: ReferenceType nsu=urn:other;i=1 is a UAObject ('There'), not a UAReferenceType"],
    ),
    (node(attributes='ParentNodeId="ns=1;i=99"'), ["test:4:1: ParentNodeId nsu=urn:test;i=99: no such node"]),
    (node(tag="UAVariable", attributes='DataType="i=99"'), ["test:4:1: DataType i=99: no such node"]),
    (
        node(tag="UAVariableType", attributes='DataType="i=61"'),
        ["test:4:1: DataType i=61 is a UAObjectType ('FolderType'), not a UADataType"],
    ),
    (
        node(tag="UAMethod", attributes='MethodDeclarationId="i=99"'),
        ["test:4:1: MethodDeclarationId i=99: no such node"],
    ),
    (
        node(tag="UAMethod", attributes='MethodDeclarationId="i=85"'),
        ["test:4:1: MethodDeclarationId i=85 is a UAObject ('Objects'), not a UAMethod"],
    ),
    (
        (
            '<UADataType NodeId="ns=1;i=1" BrowseName="1:A"><Definition Name="1:A"><Field Name="a" DataType="i=6"/>\n'
            '<Field Name="b" DataType="i=85"/>\n<Field Name="c" DataType="i=99"/></Definition></UADataType>'
        ),
        [
            "test:5:1: field 'b': DataType i=85 is a UAObject ('Objects'), not a UADataType",
            "test:6:1: field 'c': DataType i=99: no such node",
        ],
    ),
    (node() + node(tag="UAView"), ["test:8:1: the NodeId nsu=urn:test;i=1 is already that of the node at {}:4:1"]),
]


@pytest.mark.parametrize(("nodes", "expected"), ERRORS)
def test_what_does_not_agree_is_told_where_it_stands(tmp_path: Path, nodes: str, expected: list[str]) -> None:
    model = model_of(tmp_path, nodes)
    assert lines(model.findings) == [line.format(tmp_path / "test.NodeSet2.xml") for line in expected]
    assert model.warnings == ()


def test_a_reference_behind_one_that_cannot_be_read_is_told_at_its_own_place(tmp_path: Path) -> None:
    bad = [reference("x="), reference("i=98"), "<Link/>", reference("i=85", "Nonsense"), reference("i=99")]
    model = model_of(tmp_path, node("\n".join(bad)))
    assert [(one.place.line, one.place.column) for one in model.findings] == [(6, 1), (7, 1), (9, 1), (10, 1)]
    assert [one.problem for one in model.findings][1::2] == [
        "Reference i=98: no such node",
        "Reference i=99: no such node",
    ]


def test_references_to_what_another_model_lacks_may_dangle_where_nothing_hangs_on_them(tmp_path: Path) -> None:
    model = model_of(tmp_path, node(reference("ns=2;i=99", "HasDictionaryEntry")))
    assert model.findings == ()
    assert lines(model.warnings) == ["test:6:1: Reference nsu=urn:other;i=99: no such node"]
    assert model.warnings[0].mend == "it is kept and leads nowhere; a newer file of that model may have it"


@pytest.mark.parametrize("target", ["ns=1;i=99", "i=99", "nsu=urn:nowhere;i=1"])
def test_references_into_the_own_the_standard_or_no_model_may_not_dangle(tmp_path: Path, target: str) -> None:
    model = model_of(tmp_path, node(reference(target, "HasDictionaryEntry")))
    assert [one.place.line for one in model.findings] == [6]
    assert model.warnings == ()


def test_a_hierarchical_reference_type_of_the_model_itself_may_not_dangle(tmp_path: Path) -> None:
    mine = node(reference("i=35", "HasSubtype", forward=False), "UAReferenceType", number=7)
    model = model_of(tmp_path, mine + node(reference("ns=2;i=99", "ns=1;i=7")))
    assert [one.problem for one in model.findings] == ["Reference nsu=urn:other;i=99: no such node"]


@pytest.mark.parametrize(
    ("target", "mend"),
    [
        ("i=99", "the standard namespace has no such node; correct the NodeId"),
        ("ns=1;i=99", "add the node, or correct the NodeId"),
        (
            "nsu=urn:nowhere;i=1",
            "no file listed defines urn:nowhere; add a RequiredModel and its file, or correct the NodeId",
        ),
    ],
)
def test_the_mend_says_whose_node_is_missing(tmp_path: Path, target: str, mend: str) -> None:
    assert model_of(tmp_path, node(reference(target))).findings[0].mend == mend


def test_what_is_missing_as_a_whole_is_told_once(tmp_path: Path) -> None:
    model = model_of(tmp_path, node(reference("ns=2;i=1") + reference("ns=2;i=2")), other=None)
    assert [one.problem.partition(",")[0] for one in model.findings] == ["requires the model urn:other"]


def test_what_breaks_off_is_told_once(tmp_path: Path) -> None:
    model = model_of(tmp_path, node(reference("ns=2;i=77")), other=OTHER_NODES + "<UAObject")
    assert [one.problem.partition(":")[0] for one in model.findings] == ["not well-formed XML"]
    assert not model.nodesets[1].complete


def test_a_node_id_that_is_in_two_files_is_told_with_both_places(tmp_path: Path) -> None:
    model = model_of(tmp_path, '\n<UAObject NodeId="ns=2;i=1" BrowseName="1:A"/>')
    assert lines(model.findings) == [
        f"test:5:1: the NodeId nsu=urn:other;i=1 is already that of the node at {tmp_path / 'other.NodeSet2.xml'}:4:1"
    ]


def test_a_file_that_is_there_twice_is_told_in_no_time(tmp_path: Path) -> None:
    # Reading the first file anew for each of the nodes that are double took minutes here.
    many = "\n".join(f'<UAObject NodeId="nsu=urn:test;i={number}" BrowseName="1:A"/>' for number in range(3000))
    files = [
        write(tmp_path, document(many, required=""), "a.NodeSet2.xml"),
        write(tmp_path, document(many, uri="urn:b", required="urn:test"), "b.NodeSet2.xml"),
    ]
    model = read_model(resolve(files))
    assert len(model.findings) == 3000
    assert lines(model.findings)[-1] == (
        f"b:3003:1: the NodeId nsu=urn:test;i=2999 is already that of the node at {files[0]}:3003:1"
    )


def test_two_files_of_one_model_are_told_once_and_not_by_each_of_their_nodes(tmp_path: Path) -> None:
    many = "\n".join(f'<UAObject NodeId="ns=1;i={number}" BrowseName="1:A"/>' for number in range(30))
    files = [write(tmp_path, document(many, required=""), f"{name}.NodeSet2.xml") for name in ("a", "b")]
    (finding,) = read_model(resolve(files)).findings
    assert finding.problem == f"the model urn:test is also in {files[0]}"


def subtype(number: int, of: int, *, forward: bool = False) -> str:
    return node(reference(f"ns=1;i={of}", "HasSubtype", forward=forward), "UAObjectType", number=number)


@pytest.mark.parametrize(
    ("nodes", "circle"),
    [
        (subtype(1, 1), [1, 1]),
        (subtype(1, 2) + subtype(2, 1), [1, 2, 1]),
        (subtype(1, 2, forward=True) + subtype(2, 1, forward=True), [2, 1, 2]),
        (subtype(1, 2) + subtype(2, 3) + subtype(3, 2), [2, 3, 2]),
    ],
)
def test_types_that_are_subtypes_of_each_other(tmp_path: Path, nodes: str, circle: list[int]) -> None:
    (finding,) = model_of(tmp_path, nodes).findings
    names = [str(own(number)) for number in circle]
    assert finding.problem == f"the types are subtypes of each other: {' -> '.join(names)}"
    assert finding.mend == "remove one HasSubtype"


def test_a_type_with_two_ways_up_is_no_circle(tmp_path: Path) -> None:
    both = node(
        reference("ns=1;i=1", "HasSubtype", forward=False) + reference("ns=1;i=2", "HasSubtype", forward=False),
        "UAObjectType",
        number=3,
    )
    assert model_of(tmp_path, subtype(2, 1) + both + node(tag="UAObjectType")).findings == ()


def test_a_long_chain_of_types_needs_no_deep_stack(tmp_path: Path) -> None:
    chain = "".join(subtype(number, number + 1) for number in range(1, 3000))
    (finding,) = model_of(tmp_path, chain + node(tag="UAObjectType", number=3000)).findings
    assert finding.problem == "the type nsu=urn:test;i=2899 has more than 100 supertypes"
