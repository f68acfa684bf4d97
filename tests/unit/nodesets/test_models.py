"""Our own models: the packaged types and the demo's plant."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false, reportArgumentType=false
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from asyncua import Node, Server, ua

from nodesets.loader import LoadedModel, load
from nodesets.names import NodeName
from nodesets.outline import NodeClass, Outline, OutlineNode
from nodesets.resolver import PACKAGED_MODELS, resolve
from nodesets.standard import HAS_ENCODING, HAS_SUBTYPE, HAS_TYPE_DEFINITION
from nodesets.ua_names import node_id
from nodesets.ua_units import unit_of
from nodesets.validation import read_outlines

PLANTSPACE = "https://plantspace.io/UA/"
DEMO = "urn:plantspace:demo:fillingline"
FILES = (
    PACKAGED_MODELS / "plantspace.NodeSet2.xml",
    Path(__file__).parents[3] / "server" / "demo" / "models" / "fillingline.NodeSet2.xml",
)


@pytest.fixture
async def loaded(server: Server) -> LoadedModel:
    return await load(server, resolve(FILES))


def outlines() -> tuple[Outline, ...]:
    return read_outlines(resolve(FILES))


async def child(server: Server, *path: str) -> Node:
    """Find a node by browse names, whatever their namespaces."""
    node = server.nodes.objects
    for name in path:
        (node,) = [each for each in await node.get_children() if (await each.read_browse_name()).Name == name]
    return node


def instances(outline: Outline) -> Iterator[tuple[OutlineNode, OutlineNode]]:
    """Give the demo's objects with the type that each is an instance of."""
    nodes = {node.name: node for node in outline.nodes}
    for node in outline.nodes:
        for target in node.targets(HAS_TYPE_DEFINITION):
            if node.node_class == NodeClass.OBJECT and target in nodes:
                yield node, nodes[target]


def test_every_node_is_named_by_its_path_and_hangs_on_its_parent() -> None:
    for outline in outlines():
        names = {node.name for node in outline.nodes}
        for node in outline.nodes:
            path = str(node.name.identifier)
            assert path.rpartition(".")[2] == node.browse_name[1]
            parent = path.rpartition(".")[0]
            inverse = [ref.target for ref in node.references if not ref.forward]
            if parent:
                assert node.parent == NodeName(node.name.namespace, "s", parent)
                assert inverse == [node.parent]
                assert node.parent in names
            else:
                assert len(inverse) == 1


def test_every_type_has_a_supertype_and_every_structure_or_enumeration_is_defined() -> None:
    for outline in outlines():
        for node in outline.nodes:
            if node.node_class in {NodeClass.OBJECT_TYPE, NodeClass.DATA_TYPE}:
                assert list(node.targets(HAS_SUBTYPE, forward=False))
            if node.node_class == NodeClass.DATA_TYPE:
                assert node.fields
                assert not list(node.targets(HAS_ENCODING))


def test_instances_have_what_their_types_declare() -> None:
    seen = 0
    for outline in outlines():
        names = {str(node.name.identifier): node for node in outline.nodes}
        for instance, its_type in instances(outline):
            prefix, type_prefix = str(instance.name.identifier), str(its_type.name.identifier)
            declared = [name for name in names if name.startswith(f"{type_prefix}.")]
            for name in declared:
                mine, declaration = names[prefix + name.removeprefix(type_prefix)], names[name]
                kept = ("node_class", "browse_name", "data_type", "value_rank", "access_level", "historizing")
                assert [getattr(mine, key) for key in kept] == [getattr(declaration, key) for key in kept]
                seen += 1
    assert seen > 100


async def test_loads_without_a_loss(loaded: LoadedModel, server: Server) -> None:
    assert loaded.warnings == ()
    for outline in loaded.outlines:
        for node in outline.nodes:
            assert node_id(node.name, loaded.namespaces) in server.iserver.aspace
            if node.has_value:
                variable = server.get_node(node_id(node.name, loaded.namespaces))
                assert (await variable.read_data_value()).Value is not None
                assert await variable.read_value() is not None


async def test_analog_items_have_units_ranges_and_a_value_within(loaded: LoadedModel, server: Server) -> None:
    seen: dict[str, str] = {}
    for outline in loaded.outlines:
        for node in outline.nodes:
            if NodeName.standard(17570) not in node.targets(HAS_TYPE_DEFINITION):
                continue
            variable = server.get_node(node_id(node.name, loaded.namespaces))
            unit = unit_of(await (await variable.get_child("0:EngineeringUnits")).read_value())
            limits = await (await variable.get_child("0:EURange")).read_value()
            assert unit is not None
            assert isinstance(limits, ua.Range)
            assert limits.Low <= await variable.read_value() <= limits.High
            seen[str(node.name.identifier)] = unit.code
    assert seen["Line1.Filler.Temperature"] == "CEL"
    assert seen["Line1.EnergyMeter.ImportEnergy"] == "KWH"
    assert seen["Line1.Filler.SpeedSetpoint"] == "C94"


async def test_the_filler_is_what_the_demo_binds(loaded: LoadedModel, server: Server) -> None:
    temperature = await child(server, "Line1", "Filler", "Temperature")
    assert temperature.nodeid == node_id(NodeName(DEMO, "s", "Line1.Filler.Temperature"), loaded.namespaces)
    assert await temperature.read_value() == 72.0
    assert await temperature.read_data_type() == ua.NodeId(ua.ObjectIds.Float)
    assert await temperature.get_access_level() == {ua.AccessLevel.CurrentRead, ua.AccessLevel.HistoryRead}
    historizing = await temperature.read_attribute(ua.AttributeIds.Historizing)
    assert historizing.Value is not None
    assert historizing.Value.Value is True
    setpoint = await child(server, "Line1", "Filler", "SpeedSetpoint")
    assert ua.AccessLevel.CurrentWrite in await setpoint.get_access_level()
    command = await child(server, "Line1", "Filler", "RunCommand")
    assert await command.get_access_level() == {ua.AccessLevel.CurrentRead, ua.AccessLevel.CurrentWrite}
    reset = await child(server, "Line1", "Filler", "ResetFault")
    assert await reset.read_node_class() == ua.NodeClass.Method
    executable = await reset.read_attribute(ua.AttributeIds.Executable)
    assert executable.Value is not None
    assert executable.Value.Value is True


async def test_enumerations_have_strings_and_definition(loaded: LoadedModel, server: Server) -> None:
    state = server.get_node(node_id(NodeName(DEMO, "s", "FillerState"), loaded.namespaces))
    strings = await (await state.get_child("0:EnumStrings")).read_value()
    definition = await state.read_data_type_definition()
    assert isinstance(definition, ua.EnumDefinition)
    names = ["Stopped", "Starting", "Running", "Held", "Faulted"]
    assert [text.Text for text in strings] == names
    assert [(field.Name, field.Value) for field in definition.Fields] == list(zip(names, range(5), strict=True))
    health = server.get_node(node_id(NodeName(PLANTSPACE, "s", "DeviceHealthEnumeration"), loaded.namespaces))
    strings = await (await health.get_child("0:EnumStrings")).read_value()
    assert [text.Text for text in strings] == [
        "NORMAL",
        "FAILURE",
        "CHECK_FUNCTION",
        "OFF_SPEC",
        "MAINTENANCE_REQUIRED",
    ]


async def test_the_gateway_counts_under_its_diagnostics(loaded: LoadedModel, server: Server) -> None:
    losses = await child(server, "Gateway", "Diagnostics", "Losses")
    counters = {(await node.read_browse_name()).Name: await node.read_value() for node in await losses.get_children()}
    assert counters == dict.fromkeys(("Acquired", "Stored", "Published", "Acknowledged", "Dropped", "Gaps"), 0)
    assert loaded.namespaces[-2:] == (PLANTSPACE, DEMO)


async def test_a_device_and_an_operator_can_be_made_of_their_types(loaded: LoadedModel, server: Server) -> None:
    index = loaded.namespaces.index(PLANTSPACE)
    devices = await child(server, "Gateway", "Devices")
    meter = await devices.add_object(index, "meter-1", ua.NodeId("DeviceType", index))
    assert await (await meter.get_child([f"{index}:Diagnostics", f"{index}:MissedScans"])).read_value() == 0
    score = await meter.add_object(index, "Score", ua.NodeId("RobustZScoreType", index))
    assert await (await score.get_child(f"{index}:Threshold")).read_value() == 3.5
    window = await score.get_child(f"{index}:Window")
    assert ua.AccessLevel.CurrentWrite in await window.get_access_level()
    evaluate = await score.get_child(f"{index}:Evaluate")
    for name, expected in (("InputArguments", [("Value", 11)]), ("OutputArguments", [("Score", 11), ("Anomaly", 1)])):
        arguments = await (await evaluate.get_child(f"0:{name}")).read_value()
        assert [(argument.Name, argument.DataType.Identifier) for argument in arguments] == expected
