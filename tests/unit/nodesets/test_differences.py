from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nodesets.datatypes.problems import ValueProblem
from nodesets.datatypes.registry import TypeRegistry
from nodesets.datatypes.xml_elements import FileContext
from nodesets.datatypes.xml_values import read_value
from nodesets.differences.comparing import differences
from nodesets.differences.difference import Arc, Change, NodeSetDifference
from nodesets.differences.paths import node_at
from nodesets.differences.state import State
from nodesets.header import read_header
from nodesets.model import read_model
from nodesets.names import NodeName
from nodesets.nodes import NodeClass
from nodesets.nodeset import NodeSet
from nodesets.parsing.reader import read_nodeset
from nodesets.resolver import resolve
from tests.unit.nodesets.written import document, own, write

Read = Callable[[str], list[NodeSet]]
Compare = Callable[..., NodeSetDifference]
_HAS_COMPONENT = NodeName.standard(47)
_INT32, _DOUBLE = NodeName.standard(6), NodeName.standard(11)

_MACHINE = """\
<UAObject NodeId="ns=1;i=1" BrowseName="1:Machine"><References>
  <Reference ReferenceType="HasTypeDefinition">i=58</Reference>
  <Reference ReferenceType="Organizes" IsForward="false">i=85</Reference></References></UAObject>
<UAVariable NodeId="ns=1;i=2" BrowseName="1:Speed" ParentNodeId="ns=1;i=1" DataType="Double" AccessLevel="3">
 <References>
  <Reference ReferenceType="HasTypeDefinition">i=63</Reference>
  <Reference ReferenceType="HasComponent" IsForward="false">ns=1;i=1</Reference></References></UAVariable>
<UAVariable NodeId="ns=1;i=3" BrowseName="EURange" ParentNodeId="ns=1;i=2" DataType="Range"><References>
  <Reference ReferenceType="HasTypeDefinition">i=68</Reference>
  <Reference ReferenceType="HasProperty" IsForward="false">ns=1;i=2</Reference></References></UAVariable>
"""
_METHOD = """\
<UAMethod NodeId="ns=1;i=10" BrowseName="1:Start" ParentNodeId="ns=1;i=1"><References>
  <Reference ReferenceType="HasComponent" IsForward="false">ns=1;i=1</Reference></References></UAMethod>
<UAVariable NodeId="ns=1;i=11" BrowseName="InputArguments" ParentNodeId="ns=1;i=10" DataType="Argument" ValueRank="1">
  <References><Reference ReferenceType="HasTypeDefinition">i=68</Reference>
  <Reference ReferenceType="HasProperty" IsForward="false">ns=1;i=10</Reference></References>
  <Value><ListOfExtensionObject xmlns="http://opcfoundation.org/UA/2008/02/Types.xsd"><ExtensionObject>
    <TypeId><Identifier>i=297</Identifier></TypeId><Body><Argument><Name>to</Name>
      <DataType><Identifier>i=11</Identifier></DataType><ValueRank>-1</ValueRank></Argument></Body>
  </ExtensionObject></ListOfExtensionObject></Value></UAVariable>
"""
_STRUCTURE = """\
<UADataType NodeId="ns=1;i=20" BrowseName="1:Step"><References>
  <Reference ReferenceType="HasSubtype" IsForward="false">i=22</Reference></References>
  <Definition Name="1:Step"><Field Name="A" DataType="Double"/><Field Name="B" DataType="Int32"/></Definition>
</UADataType>
<UADataType NodeId="ns=1;i=21" BrowseName="1:Recipe"><References>
  <Reference ReferenceType="HasSubtype" IsForward="false">i=22</Reference></References>
  <Definition Name="1:Recipe"><Field Name="Steps" DataType="ns=1;i=20" ValueRank="1"/></Definition>
</UADataType>
<UAVariable NodeId="ns=1;i=22" BrowseName="1:Now" DataType="ns=1;i=21"><References>
  <Reference ReferenceType="HasTypeDefinition">i=63</Reference>
  <Reference ReferenceType="HasComponent" IsForward="false">ns=1;i=1</Reference></References></UAVariable>
"""
_ENUMERATION = """\
<UADataType NodeId="ns=1;i=30" BrowseName="1:Mode"><References>
  <Reference ReferenceType="HasSubtype" IsForward="false">i=29</Reference></References>
  <Definition Name="1:Mode"><Field Name="Off" Value="0"/><Field Name="On" Value="1"/></Definition>
</UADataType>
"""


@pytest.fixture(scope="module")
def standard() -> NodeSet:
    """Read the standard namespace once for all comparisons."""
    return read_model(resolve([])).nodesets[0]


@pytest.fixture
def read(tmp_path: Path, standard: NodeSet) -> Read:
    """Give a function that reads a text of nodes, on top of the standard namespace."""

    def run(text: str) -> list[NodeSet]:
        reading = read_nodeset(read_header(write(tmp_path, document(text, required=""))))
        types = TypeRegistry.of([*standard.nodes, *reading.nodeset.nodes])
        problems: list[ValueProblem] = []
        for pending in reading.values:
            context = FileContext(reading.nodeset.namespaces, reading.texts.aliases)
            pending.node.value = read_value(pending.element, context, types, problems)
        assert problems == reading.nodeset.problems == []
        return [standard, reading.nodeset]

    return run


@pytest.fixture
def compare(read: Read) -> Compare:
    """Give a function that reads two texts of nodes and compares them."""

    def run(old: str, new: str, *used: NodeName) -> NodeSetDifference:
        return differences(read(old), read(new), models={"urn:test"}, used=used)

    return run


def _changes(difference: NodeSetDifference) -> dict[tuple[str, str], Change]:
    return {(node.path, change.what): change for node in difference.changed for change in node.changes}


def test_the_same_is_no_difference_wherever_references_are_written(compare: Compare) -> None:
    assert not compare(_MACHINE, _MACHINE)
    from_above = _MACHINE.replace(
        "</References></UAObject>",
        '<Reference ReferenceType="HasComponent">ns=1;i=2</Reference></References></UAObject>',
    ).replace('<Reference ReferenceType="HasComponent" IsForward="false">ns=1;i=1</Reference>', "")
    assert not compare(_MACHINE, from_above)


def test_nodes_that_came_and_went(compare: Compare) -> None:
    found = compare(_MACHINE, _MACHINE + _METHOD)
    assert [(one.path, one.node.name) for one in found.added] == [
        ("Objects/Machine/Start", own(10)),
        ("Objects/Machine/Start/InputArguments", own(11)),
    ]
    assert found.removed == found.moved == found.changed == ()
    assert Arc(own(1), _HAS_COMPONENT, own(10)) in found.arcs_added
    back = compare(_MACHINE + _METHOD, _MACHINE)
    assert [one.node.name for one in back.removed] == [own(10), own(11)]
    assert set(back.arcs_removed) == set(found.arcs_added)
    assert back.added == ()


def test_attributes_with_what_they_were(compare: Compare) -> None:
    new = _MACHINE.replace(
        'BrowseName="1:Machine">', 'BrowseName="1:Machine" EventNotifier="1"><DisplayName>M</DisplayName>'
    )
    found = _changes(compare(_MACHINE, new))
    assert found["Objects/Machine", "EventNotifier"] == Change("EventNotifier", 0, 1)
    assert [what for _, what in found] == ["DisplayName", "EventNotifier"]


@pytest.mark.parametrize(
    ("old", "new", "what", "breaks"),
    [
        ('DataType="Double"', 'DataType="Int32"', "DataType", True),
        ('DataType="Double"', 'DataType="Duration"', "DataType", False),
        ('DataType="Double"', 'DataType="Number"', "DataType", True),
        ('AccessLevel="3"', 'AccessLevel="3" ValueRank="1"', "ValueRank", True),
        ('AccessLevel="3"', 'AccessLevel="1"', "AccessLevel", True),
        ('AccessLevel="3"', 'AccessLevel="7"', "AccessLevel", False),
        ('BrowseName="1:Speed"', 'BrowseName="1:Velocity"', "BrowseName", True),
        (">i=63<", ">i=2368<", "TypeDefinition", True),
    ],
)
def test_what_a_change_of_a_variable_breaks(old: str, new: str, what: str, *, breaks: bool, compare: Compare) -> None:
    difference = compare(_MACHINE, _MACHINE.replace(old, new, 1))
    (node,) = difference.changed
    (change,) = node.changes
    assert (node.new.name, change.what, bool(change.breaks)) == (own(2), what, breaks)
    assert len(list(difference.breaking())) == breaks


def test_another_node_class(compare: Compare) -> None:
    new = _MACHINE.replace("<UAVariable NodeId", "<UAObject NodeId", 1).replace("</UAVariable>", "</UAObject>", 1)
    new = new.replace(' DataType="Double" AccessLevel="3"', "").replace(">i=63<", ">i=58<")
    difference = compare(_MACHINE, new, own(2), own(3))
    found = _changes(difference)
    assert found["Objects/Machine/Speed", "NodeClass"][1:3] == (NodeClass.VARIABLE, NodeClass.OBJECT)
    assert found["Objects/Machine/Speed", "NodeClass"].breaks
    assert [(one.name, one.problem) for one in difference.orphans] == [(own(2), "the node is no Variable any more")]


def test_nodes_that_moved_are_followed_with_all_beneath_them(compare: Compare) -> None:
    new = _MACHINE.replace("ns=1;i=1<", "ns=1;i=101<").replace('"ns=1;i=1"', '"ns=1;i=101"')
    new = new.replace('"ns=1;i=2"', '"ns=1;i=102"').replace("ns=1;i=2<", "ns=1;i=102<")
    found = compare(_MACHINE, new, own(2), own(3), NodeName("urn:elsewhere", "i", 1))
    assert [(move.path, move.old.name, move.new.name) for move in found.moved] == [
        ("Objects/Machine", own(1), own(101)),
        ("Objects/Machine/Speed", own(2), own(102)),
    ]
    assert found.added == found.removed == found.changed == ()
    assert [(one.name, one.moved_to) for one in found.orphans] == [(own(2), own(102))]


def test_a_type_that_moved_is_known_by_its_name_alone(compare: Compare) -> None:
    kind = """<UAObjectType NodeId="ns=1;i={}" BrowseName="1:Pump"><References>
        <Reference ReferenceType="HasSubtype" IsForward="false">i={}</Reference></References></UAObjectType>"""
    found = compare(kind.format(5, 58), kind.format(6, 61))
    assert [(move.old.name, move.new.name) for move in found.moved] == [(own(5), own(6))]
    change = _changes(found)["FolderType/Pump", "Supertype"]
    assert (change.old, change.new) == (NodeName.standard(58), NodeName.standard(61))
    assert change.breaks


def test_of_several_with_one_name_nobody_says_which_moved(compare: Compare) -> None:
    two = _MACHINE + _MACHINE[: _MACHINE.index("<UAVariable")].replace('"ns=1;i=1"', '"ns=1;i=4"')
    renumbered = two.replace('NodeId="ns=1;i=1"', 'NodeId="ns=1;i=8"').replace("ns=1;i=1<", "ns=1;i=8<")
    renumbered = renumbered.replace('"ns=1;i=4"', '"ns=1;i=9"').replace('Id="ns=1;i=1"', 'Id="ns=1;i=8"')
    found = compare(two, renumbered)
    assert found.moved == ()
    assert {one.node.name for one in found.removed} == {own(1), own(4)}


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (
            '<Field Name="A" DataType="Double"/><Field Name="B" DataType="Int32"/>',
            '<Field Name="B" DataType="Int32"/><Field Name="A" DataType="Double"/>',
            "order of fields",
        ),
        ('<Field Name="B" DataType="Int32"/>', "", "Field B"),
        ('<Field Name="B" DataType="Int32"/>', '<Field Name="B" DataType="Int16"/>', "Field B DataType"),
        ('<Field Name="B"', '<Field Name="C" DataType="Int32"/><Field Name="B"', "Field C"),
        ('<Field Name="B"', '<Field Name="B" ValueRank="1"', "Field B ValueRank"),
        ('<Field Name="B"', '<Field Name="B" IsOptional="true"', "Field B IsOptional"),
        ('Definition Name="1:Step"', 'Definition Name="1:Step" IsUnion="true"', "IsUnion"),
    ],
)
def test_a_structure_that_is_encoded_otherwise(old: str, new: str, what: str, compare: Compare) -> None:
    nodes = _MACHINE + _STRUCTURE
    found = compare(nodes, nodes.replace(old, new, 1))
    assert "were encoded before" in _changes(found)["Structure/Step", what].breaks
    assert found.affected == ((own(20), (own(22),)),)


def test_words_about_a_field_break_nothing(compare: Compare) -> None:
    nodes = _MACHINE + _STRUCTURE
    new = nodes.replace(
        '<Field Name="A" DataType="Double"/>', '<Field Name="A" DataType="Double"><Description>a</Description></Field>'
    )
    found = compare(nodes, new)
    assert _changes(found)["Structure/Step", "Field A Description"].breaks == ""
    assert found.affected == ()


@pytest.mark.parametrize(
    ("old", "new", "what", "breaks"),
    [
        (
            '<Field Name="On" Value="1"/>',
            '<Field Name="On" Value="1"/><Field Name="Auto" Value="2"/>',
            "Field Auto",
            False,
        ),
        ('<Field Name="On" Value="1"/>', '<Field Name="On" Value="2"/>', "Field On Value", True),
        ('<Field Name="On" Value="1"/>', "", "Field On", True),
    ],
)
def test_an_enumeration(old: str, new: str, what: str, *, breaks: bool, compare: Compare) -> None:
    found = _changes(compare(_ENUMERATION, _ENUMERATION.replace(old, new)))
    assert bool(found["Enumeration/Mode", what].breaks) is breaks


@pytest.mark.parametrize(
    ("old", "new", "breaks"),
    [("<Name>to</Name>", "<Name>speed</Name>", False), ("<Identifier>i=11<", "<Identifier>i=6<", True)],
)
def test_arguments_of_a_method(old: str, new: str, *, breaks: bool, compare: Compare) -> None:
    nodes = _MACHINE + _METHOD
    (change,) = _changes(compare(nodes, nodes.replace(old, new))).values()
    assert change.what == "Value"
    assert ("call the method" in change.breaks) is breaks


def test_references_between_nodes_that_remain(compare: Compare) -> None:
    more = '<Reference ReferenceType="GeneratesEvent">i=2041</Reference></References></UAObject>'
    found = compare(_MACHINE, _MACHINE.replace("</References></UAObject>", more))
    arc = Arc(own(1), NodeName.standard(41), NodeName.standard(2041))
    assert found.arcs_added == (arc,)
    assert _changes(found)["Objects/Machine", "Reference"] == Change("Reference", None, arc)


def test_orphans_are_variables_that_were_there(compare: Compare) -> None:
    found = compare(_MACHINE, _MACHINE[: _MACHINE.index("<UAVariable")], own(1), own(2), own(77))
    assert [(one.name, one.problem, one.moved_to) for one in found.orphans] == [(own(2), "the node is gone", None)]


def test_models_are_compared_as_files_are(tmp_path: Path, compare: Compare) -> None:
    old, new = (
        read_model(resolve([write(tmp_path, document(text, required=""), f"{len(text)}.xml")]))
        for text in (_MACHINE + _STRUCTURE, _MACHINE + _METHOD)
    )
    expected = compare(_MACHINE + _STRUCTURE, _MACHINE + _METHOD)
    assert differences(old, new, models={"urn:test"}) == expected
    assert differences(old, new) == expected
    assert differences(old, new, models={"urn:other"}) == NodeSetDifference()


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("/Objects/Machine", 1),
        ("/Objects/Machine/Speed", 2),
        ("/Objects/test:Machine/test:Speed/EURange", 3),
        ("/Objects/other:Machine", None),
        ("/Objects/Machine/Level", None),
        ("/Types/Machine", None),
        ("Speed", None),
    ],
)
def test_paths_lead_to_nodes(path: str, number: int | None, read: Read) -> None:
    assert node_at(path, State(read(_MACHINE), None)) == (None if number is None else own(number))
