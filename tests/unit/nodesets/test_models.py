"""Our own models: the packaged types and the demo's plant."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from nodesets.built_in_types import Structure
from nodesets.model import Model, read_model
from nodesets.names import NodeName
from nodesets.nodes import DataTypeNode, InstanceNode, Node, NodeClass, ObjectNode, VariableNode
from nodesets.nodeset import NodeSet
from nodesets.resolver import PACKAGED_MODELS, resolve
from nodesets.standard import HAS_ENCODING, HAS_SUBTYPE, HAS_TYPE_DEFINITION
from nodesets.units import UNECE_URI, by_unit_id

PLANTSPACE = "https://plantspace.io/UA/"
DEMO = "urn:plantspace:demo:fillingline"
FILES = (
    PACKAGED_MODELS / "plantspace.NodeSet2.xml",
    Path(__file__).parents[3] / "server" / "demo" / "models" / "fillingline.NodeSet2.xml",
)
HAS_PROPERTY = NodeName.standard(46)
ANALOG_UNIT_RANGE_TYPE = NodeName.standard(17570)


@cache
def model() -> Model:
    return read_model(resolve(FILES))


def ours() -> tuple[NodeSet, ...]:
    return model().nodesets[1:]


def targets(node: Node, kind: NodeName, *, forward: bool = True) -> list[NodeName]:
    return [one.target for one in node.references if one.type == kind and one.forward is forward]


def instances(nodeset: NodeSet) -> Iterator[tuple[Node, Node]]:
    """Give a file's objects with the type that each is an instance of."""
    nodes = {node.name: node for node in nodeset.nodes}
    for node in nodeset.nodes:
        for target in targets(node, HAS_TYPE_DEFINITION):
            if isinstance(node, ObjectNode) and target in nodes:
                yield node, nodes[target]


STRUCTURE = NodeName("http://opcfoundation.org/UA/", "i", 22)


def test_nothing_is_wrong_with_them() -> None:
    assert (model().findings, model().warnings) == ((), ())
    assert [nodeset.header.models[0].uri for nodeset in ours()] == [PLANTSPACE, DEMO]


def test_every_node_is_named_by_its_path_and_hangs_on_its_parent() -> None:
    for nodeset in ours():
        names = {node.name for node in nodeset.nodes}
        for node in nodeset.nodes:
            path = str(node.name.identifier)
            assert path.rpartition(".")[2] == node.browse_name.name
            parent = path.rpartition(".")[0]
            inverse = [one.target for one in node.references if not one.forward]
            if parent:
                assert isinstance(node, InstanceNode)
                assert node.parent == NodeName(node.name.namespace, "s", parent)
                assert inverse == [node.parent]
                assert node.parent in names
            else:
                assert len(inverse) == 1


def test_every_type_has_a_supertype_and_every_structure_or_enumeration_is_defined() -> None:
    for nodeset in ours():
        for node in nodeset.nodes:
            if node.node_class in {NodeClass.OBJECT_TYPE, NodeClass.DATA_TYPE}:
                assert targets(node, HAS_SUBTYPE, forward=False)
            if isinstance(node, DataTypeNode):
                assert node.definition is not None
                assert node.definition.fields
                is_structure = targets(node, HAS_SUBTYPE, forward=False) == [STRUCTURE]
                assert len(targets(node, HAS_ENCODING)) == is_structure


def test_instances_have_what_their_types_declare() -> None:
    seen = 0
    kept = ("node_class", "browse_name", "data_type", "value_rank", "access_level", "historizing")
    for nodeset in ours():
        names = {str(node.name.identifier): node for node in nodeset.nodes}
        for instance, its_type in instances(nodeset):
            prefix, type_prefix = str(instance.name.identifier), str(its_type.name.identifier)
            for name in [name for name in names if name.startswith(f"{type_prefix}.")]:
                mine, declaration = names[prefix + name.removeprefix(type_prefix)], names[name]
                assert [getattr(mine, key, None) for key in kept] == [getattr(declaration, key, None) for key in kept]
                seen += 1
    assert seen > 100


def properties(node: Node) -> dict[str, VariableNode]:
    nodes = model().nodes
    found = [nodes[target] for target in targets(node, HAS_PROPERTY)]
    all_ours = (one for nodeset in ours() for one in nodeset.nodes)
    found += [one for one in all_ours if targets(one, HAS_PROPERTY, forward=False) == [node.name]]
    return {one.browse_name.name or "": one for one in found if isinstance(one, VariableNode)}


def structure(variable: VariableNode) -> Structure:
    assert variable.value is not None
    assert isinstance(variable.value.value, Structure)
    return variable.value.value


def test_analog_items_have_units_ranges_and_a_value_within() -> None:
    seen: dict[str, str] = {}
    for nodeset in ours():
        for node in nodeset.nodes:
            if not isinstance(node, VariableNode) or ANALOG_UNIT_RANGE_TYPE not in targets(node, HAS_TYPE_DEFINITION):
                continue
            own = properties(node)
            information = structure(own["EngineeringUnits"])
            limits = structure(own["EURange"])
            number = information.fields["UnitId"]
            assert information.fields["NamespaceUri"] == UNECE_URI
            assert isinstance(number, int)
            unit = by_unit_id(number)
            low, high = limits.fields["Low"], limits.fields["High"]
            assert isinstance(low, float)
            assert isinstance(high, float)
            assert unit is not None
            assert node.value is not None
            assert isinstance(node.value.value, (int, float))
            assert low <= node.value.value <= high
            seen[str(node.name.identifier)] = unit.code
    assert seen["Line1.Filler.Temperature"] == "CEL"
    assert seen["Line1.EnergyMeter.ImportEnergy"] == "KWH"
    assert seen["Line1.Filler.SpeedSetpoint"] == "C94"


def test_enumerations_have_strings_and_definition() -> None:
    for name, expected in (
        (NodeName(DEMO, "s", "FillerState"), ["Stopped", "Starting", "Running", "Held", "Faulted"]),
        (
            NodeName(PLANTSPACE, "s", "DeviceHealthEnumeration"),
            ["NORMAL", "FAILURE", "CHECK_FUNCTION", "OFF_SPEC", "MAINTENANCE_REQUIRED"],
        ),
    ):
        node = model().nodes[name]
        assert isinstance(node, DataTypeNode)
        assert node.definition is not None
        assert [(field.name, field.value) for field in node.definition.fields] == list(
            zip(expected, range(5), strict=True)
        )
        strings = properties(node)["EnumStrings"].value
        assert strings is not None
        assert isinstance(strings.value, tuple)
        assert [getattr(text, "text", None) for text in strings.value] == expected
