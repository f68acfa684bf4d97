from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET  # the count of a second parser, of files known to be harmless

from nodesets.header import read_header
from nodesets.names import NodeName
from nodesets.outline import NodeClass, Reference
from nodesets.outline_reading import read_outline


def test_reads_a_variable_with_its_place_attributes_and_references(nodeset: Callable[..., Path]) -> None:
    file = nodeset("""<Aliases><Alias Alias="Feeds">ns=1;i=7</Alias></Aliases>
  <UAVariable NodeId="ns=1;s=Tank.Level" BrowseName="1:Level" ParentNodeId="ns=1;s=Tank" DataType="Double"
      ValueRank="2" ArrayDimensions="3,0" AccessLevel="7" MinimumSamplingInterval="100" Historizing="true">
    <DisplayName>Level</DisplayName>
    <References>
      <Reference ReferenceType="HasComponent" IsForward="false">ns=1;s=Tank</Reference>
      <Reference ReferenceType="Feeds"> ns=1;i=9 </Reference>
    </References>
    <Value><u:Double>1.5</u:Double></Value>
  </UAVariable>""")
    (node,) = (outline := read_outline(read_header(file))).nodes
    assert outline.findings == ()
    assert node.name == NodeName("urn:test", "s", "Tank.Level")
    assert node.node_class is NodeClass.VARIABLE
    assert node.browse_name == ("urn:test", "Level")
    assert str(node.place) == f"{file}:3:3"
    assert node.parent == NodeName("urn:test", "s", "Tank")
    assert node.data_type == NodeName.standard(11)
    assert (node.value_rank, node.array_dimensions, node.access_level) == (2, (3, 0), 7)
    assert (node.minimum_sampling_interval, node.historizing, node.has_value) == (100.0, True, True)
    first, second = node.references
    assert (first.type, first.target, first.forward) == (NodeName.standard(47), node.parent, False)
    assert second == Reference(
        NodeName("urn:test", "i", 7), NodeName("urn:test", "i", 9), forward=True, place=second.place
    )
    assert second.place.line == 8


def test_attributes_that_are_left_out_have_the_defaults_of_the_schema(nodeset: Callable[..., Path]) -> None:
    file = nodeset('<UAVariable NodeId="i=1000001" BrowseName="Level" ArrayDimensions=""/>')
    (node,) = read_outline(read_header(file)).nodes
    assert node.data_type == NodeName.standard(24)
    assert (node.value_rank, node.array_dimensions, node.access_level, node.historizing) == (-1, (), 1, False)
    assert (node.parent, node.has_value, node.references) == (None, False, ())


def test_an_element_inside_a_value_is_no_reference_or_field(nodeset: Callable[..., Path]) -> None:
    file = nodeset(
        '<UAVariable NodeId="ns=1;i=1" BrowseName="1:A"><Value><Definition><Field DataType="none"/></Definition>'
        "<References><Reference>x</Reference></References></Value></UAVariable>"
    )
    outline = read_outline(read_header(file))
    assert outline.findings == ()
    assert (outline.nodes[0].references, outline.nodes[0].fields) == ((), ())


def test_sees_every_node_of_every_published_file(corpus: Path) -> None:
    for file in sorted((corpus / "nodesets").rglob("*.xml")):
        outline = read_outline(read_header(file))
        assert (file.name, outline.findings, outline.complete) == (file.name, (), True)
        tags = Counter(child.tag.partition("}")[2] for child in ET.parse(file).getroot())  # noqa: S314 - see the import
        assert Counter(str(node.node_class) for node in outline.nodes) == {
            tag: count for tag, count in tags.items() if tag in set(NodeClass)
        }
