"""All files of a model together: values, parts of a namespace in several files, and whatever else a file may hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodesets.built_in_types import BuiltInType, EncodedStructure, LocalizedText, Structure, Value, Variant
from nodesets.library import LibraryError
from nodesets.model import Model, let_go, read_model
from nodesets.names import NodeName
from nodesets.nodes import VariableNode, VariableTypeNode
from nodesets.resolver import resolve
from tests.unit.nodesets.recipes import body, recipe, variable
from tests.unit.nodesets.written import OTHER, document, own, write

pytestmark = pytest.mark.usefixtures("core")


def value_of(model: Model, number: int = 9) -> Variant | None:
    node = model.nodes[own(number)]
    assert isinstance(node, (VariableNode, VariableTypeNode))
    return node.value


def model_of(folder: Path, nodes: str, **more: str) -> Model:
    return read_model(resolve([write(folder, document(nodes, required=more.get("required", "")))]))


@pytest.mark.parametrize("tag", ["UAVariable", "UAVariableType"])
def test_values_are_read_when_the_types_of_the_whole_file_are_known(tmp_path: Path, tag: str) -> None:
    model = model_of(tmp_path, variable(body("ns=1;i=2"), tag=tag) + recipe())
    assert model.findings == ()
    structure = Structure(own(1), {"Water": 1.5, "Steps": (1, 2)})
    assert value_of(model) == Variant(BuiltInType.ExtensionObject, structure)


def test_values_of_types_that_another_file_defines(tmp_path: Path) -> None:
    files = [
        write(tmp_path, document(variable(body("ns=2;i=2")))),
        write(tmp_path, document(recipe(), uri=OTHER, required=""), "other.NodeSet2.xml"),
    ]
    model = read_model(resolve(files))
    assert model.findings == ()
    assert [nodeset.file for nodeset in model.nodesets[1:]] == [files[1], files[0]]
    value = value_of(model)
    assert value is not None
    assert value.value == Structure(NodeName(OTHER, "i", 1), {"Water": 1.5, "Steps": (1, 2)})


def test_values_of_a_file_that_comes_later_in_the_order(tmp_path: Path) -> None:
    """The file of the values requires nothing, so it is loaded first, and names what follows by URI."""
    files = [
        write(tmp_path, document(variable(body(f"nsu={OTHER};i=2")), required="")),
        write(tmp_path, document(recipe(), uri=OTHER, required=""), "other.NodeSet2.xml"),
    ]
    model = read_model(resolve(files))
    assert model.findings == ()
    assert [nodeset.file for nodeset in model.nodesets[1:]] == files
    value = value_of(model)
    assert value is not None
    assert isinstance(value.value, Structure)


PLACES = [
    ("<u:Int32>many</u:Int32>", [(4, 55)], Variant(BuiltInType.Int32, 0)),
    ("\n\t<u:Int32\n>many</u:Int32>", [(5, 2)], Variant(BuiltInType.Int32, 0)),
    (
        "<u:ListOfInt32>\n<u:Int32>1</u:Int32>\n  <u:Int32>x</u:Int32><u:Int32>y</u:Int32></u:ListOfInt32>",
        [(6, 3), (6, 23)],
        Variant(BuiltInType.Int32, (1, 0, 0)),
    ),
    ("<u:Int32>1</u:Int32>\n<u:Int32>2</u:Int32>", [(5, 1)], Variant(BuiltInType.Int32, 1)),
]


@pytest.mark.parametrize(("value", "places", "left"), PLACES)
def test_what_is_wrong_inside_a_value_is_told_at_its_place(
    tmp_path: Path, value: str, places: list[tuple[int, int]], left: Variant
) -> None:
    model = model_of(tmp_path, variable(value))
    assert [(one.place.line, one.place.column) for one in model.findings] == places
    assert all(one.problem.startswith("value of 'V': ") for one in model.findings)
    assert value_of(model) == left


def test_what_is_wrong_inside_a_structure_is_told_and_its_text_kept(tmp_path: Path) -> None:
    model = model_of(tmp_path, recipe() + "\n" + variable(body("ns=1;i=2", water="much")))
    assert [(one.place.line, one.place.column) for one in model.findings] == [(6, 9)]
    value = value_of(model)
    assert value is not None
    kept = value.value
    assert isinstance(kept, EncodedStructure)
    assert "Water>much</" in str(kept.body)


def test_a_structure_of_no_known_type_is_kept_as_its_text(tmp_path: Path) -> None:
    model = model_of(tmp_path, variable(body("ns=1;i=77")))
    assert model.nodesets[1].complete
    value = value_of(model)
    assert value is not None
    assert isinstance(value.value, EncodedStructure)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("<u:String></u:String>", ""),
        ('<u:String xsi:nil="true"/>', None),
        (
            "<u:LocalizedText><u:Locale>en</u:Locale><u:Text>Tank</u:Text></u:LocalizedText>",
            LocalizedText("en", "Tank"),
        ),
        ("<u:NodeId><u:Identifier>ns=1;i=1</u:Identifier></u:NodeId>", own(1)),
        (
            "<u:ListOfNodeId><u:NodeId><u:Identifier>i=1</u:Identifier></u:NodeId></u:ListOfNodeId>",
            (NodeName.standard(1),),
        ),
    ],
)
def test_values_of_simple_types(tmp_path: Path, value: str, expected: Value) -> None:
    model = model_of(tmp_path, variable(value))
    assert model.findings == ()
    read = value_of(model)
    assert read is not None
    assert read.value == expected


def test_findings_are_in_the_order_of_their_places(tmp_path: Path) -> None:
    model = model_of(
        tmp_path,
        variable("<u:Int32>x</u:Int32>", 1)
        + '<UAObject NodeId="ns=1;i=2" BrowseName="1:A" ParentNodeId="i=99"/>\n'
        + '<UAObject NodeId="ns=1;i=3" BrowseName="1:A" EventNotifier="no"/>\n'
        + variable("<u:Int32>y</u:Int32>", 4)
        + "<UAObject",
    )
    assert [one.place.line for one in model.findings] == [4, 5, 6, 7, 9]


# Several files of one namespace, as the IRDI dictionaries are published.


def part(folder: Path, name: str, numbers: range, date: str, references: str = "") -> Path:
    nodes = "\n".join(
        f'<UAObject NodeId="ns=1;i={number}" BrowseName="1:{name}"><References>{references}</References></UAObject>'
        for number in numbers
    )
    return write(folder, document(nodes, uri=OTHER, required="", date=date), f"{name}.NodeSet2.xml")


def referring(folder: Path, *targets: str) -> Path:
    references = "".join(f'<Reference ReferenceType="HasDictionaryEntry">{one}</Reference>' for one in targets)
    node = f'<UAObject NodeId="ns=1;i=1" BrowseName="1:A"><References>{references}</References></UAObject>'
    return write(folder, document(node))


def files_of(model: Model) -> list[str]:
    return [nodeset.file.name.partition(".")[0] for nodeset in model.nodesets[1:]]


def test_other_parts_of_a_namespace_are_taken_in_where_they_hold_what_is_missing(tmp_path: Path) -> None:
    part(tmp_path / "parts", "first", range(5), "2020-01-01")
    part(tmp_path / "parts", "second", range(4, 9), "2021-01-01")
    part(tmp_path / "parts", "third", range(8, 12), "2022-01-01")
    file = referring(tmp_path, "ns=2;i=8", "ns=2;i=4")
    model = read_model(resolve([file], [tmp_path / "parts"]))
    assert (model.findings, model.warnings) == ((), ())
    assert files_of(model) == ["second", "third", "test"]
    names = {number: model.nodes[NodeName(OTHER, "i", number)].browse_name.name for number in range(4, 12)}
    assert names[4] == "second"
    assert names[8] == "third"
    assert len(model.nodes) == len({node.name for nodeset in model.nodesets for node in nodeset.nodes})


def test_an_older_edition_that_holds_nothing_of_what_is_missing_stays_out(tmp_path: Path) -> None:
    part(tmp_path / "parts", "old", range(5), "2020-01-01")
    part(tmp_path / "parts", "new", range(1, 5), "2022-01-01")
    model = read_model(resolve([referring(tmp_path, "ns=2;i=99")], [tmp_path / "parts"]))
    assert files_of(model) == ["new", "test"]
    assert [one.problem for one in model.warnings] == ["Reference nsu=urn:other;i=99: no such node"]


def test_parts_are_not_looked_into_where_nothing_is_missing(tmp_path: Path) -> None:
    part(tmp_path / "parts", "old", range(50), "2020-01-01")
    part(tmp_path / "parts", "new", range(5), "2022-01-01")
    model = read_model(resolve([referring(tmp_path, "ns=2;i=1")], [tmp_path / "parts"]))
    assert files_of(model) == ["new", "test"]


def test_a_part_may_need_another_part(tmp_path: Path) -> None:
    link = '<Reference ReferenceType="HasDictionaryEntry">ns=1;i=20</Reference>'
    part(tmp_path / "parts", "first", range(10, 11), "2020-01-01", link)
    part(tmp_path / "parts", "second", range(20, 21), "2021-01-01")
    part(tmp_path / "parts", "third", range(5), "2022-01-01")
    model = read_model(resolve([referring(tmp_path, "ns=2;i=10")], [tmp_path / "parts"]))
    assert (model.findings, model.warnings) == ((), ())
    assert sorted(files_of(model)) == ["first", "second", "test", "third"]


def test_the_values_of_a_part_are_read(tmp_path: Path) -> None:
    value = '<UAVariable NodeId="ns=1;i=9" BrowseName="1:V"><Value><u:Int32>7</u:Int32></Value></UAVariable>'
    write(tmp_path / "parts", document(value, uri=OTHER, required="", date="2020-01-01"), "old.xml")
    part(tmp_path / "parts", "new", range(5), "2022-01-01")
    model = read_model(resolve([referring(tmp_path, "ns=2;i=9")], [tmp_path / "parts"]))
    node = model.nodes[NodeName(OTHER, "i", 9)]
    assert isinstance(node, VariableNode)
    assert node.value == Variant(BuiltInType.Int32, 7)


def test_a_standard_namespace_that_cannot_be_read_is_told(core: Path) -> None:
    core.write_text("<UANodeSet")
    with pytest.raises(LibraryError, match=r"cannot be read: .*core.NodeSet2.xml:1:1: not well-formed XML"):
        read_model(resolve([]))


def test_xml_keeps_the_prefixes_and_the_default_namespace_that_its_file_declares(tmp_path: Path) -> None:
    model = model_of(tmp_path, variable("<u:XmlElement><a><b/><u:c/></a></u:XmlElement>", 1))
    value = value_of(model, 1)
    assert value is not None
    assert value.value == (
        '<a xmlns="http://opcfoundation.org/UA/2011/03/UANodeSet.xsd"><b></b>'
        '<u:c xmlns:u="http://opcfoundation.org/UA/2008/02/Types.xsd"></u:c></a>'
    )


def test_a_value_that_is_not_of_its_variables_type_is_told_and_kept(tmp_path: Path) -> None:
    value = "<Value><u:String>x</u:String></Value>"
    model = model_of(tmp_path, f'<UAVariable NodeId="ns=1;i=9" BrowseName="1:V" DataType="i=6">\n{value}</UAVariable>')
    assert value_of(model) == Variant(BuiltInType.String, "x")
    (warning,) = model.warnings
    assert (warning.place.line, warning.place.column) == (5, 1)
    assert warning.problem == "value of 'V': the value is of the type String, and DataType says Int32"


def test_a_model_that_is_let_go_of_has_no_records_and_its_types_stay(tmp_path: Path) -> None:
    variables = "".join(variable("<u:Int32>1</u:Int32>", number) for number in range(9, 2009))
    model = model_of(tmp_path, recipe() + variables)
    let_go(model)
    assert (model.nodes, [nodeset.nodes for nodeset in model.nodesets]) == ({}, [[], []])
    assert own(1) in model.types
