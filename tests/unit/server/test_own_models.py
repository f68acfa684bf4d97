"""Our own models in our own server: the packaged types and the demo's plant, as a client reads them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from asyncua import Node, ua

from nodesets.model import Model, read_model
from nodesets.names import NodeName
from nodesets.nodes import VariableNode
from nodesets.resolver import PACKAGED_MODELS, resolve
from server.ua_stack.nodeids import NodeIds
from server.ua_stack.stack import EndpointOptions, UaStack

PLANTSPACE = "https://plantspace.io/UA/"
DEMO = "urn:plantspace:demo:fillingline"
FILES = (
    PACKAGED_MODELS / "plantspace.NodeSet2.xml",
    Path(__file__).parents[3] / "server" / "demo" / "models" / "fillingline.NodeSet2.xml",
)


@pytest.fixture(scope="module")
def model() -> Model:
    return read_model(resolve(FILES))


@pytest.fixture
async def stack(model: Model) -> AsyncGenerator[UaStack]:
    stack = UaStack(EndpointOptions("opc.tcp://127.0.0.1:0", "test", "urn:own", ("None",), "1"))
    try:
        assert await stack.prepare(model) == []
        yield stack
    finally:
        await stack.stop()


@pytest.fixture
async def nodeids(stack: UaStack) -> NodeIds:
    return await stack.namespaces()


async def child(stack: UaStack, *path: str) -> Node:
    """Find a node by browse names, whatever their namespaces."""
    node = stack.server.nodes.objects
    for name in path:
        (node,) = [each for each in await node.get_children() if (await each.read_browse_name()).Name == name]
    return node


async def read(node: Node, attribute: ua.AttributeIds) -> Any:
    value = (await node.read_attribute(attribute)).Value
    assert value is not None
    return value.Value


async def test_every_node_is_served_and_every_value(model: Model, stack: UaStack, nodeids: NodeIds) -> None:
    for nodeset in model.nodesets[1:]:
        for record in nodeset.nodes:
            node = stack.server.get_node(nodeids.from_name(record.name))
            assert (await node.read_browse_name()).Name == record.browse_name.name
            assert await node.read_node_class() == int(record.node_class)
            if isinstance(record, VariableNode) and record.value is not None:
                assert await node.read_value() is not None


async def test_the_filler_is_what_the_demo_binds(stack: UaStack, nodeids: NodeIds) -> None:
    temperature = await child(stack, "Line1", "Filler", "Temperature")
    assert temperature.nodeid == nodeids.from_name(NodeName(DEMO, "s", "Line1.Filler.Temperature"))
    assert await temperature.read_value() == 72.0
    assert await temperature.read_data_type() == ua.NodeId(ua.Int32(ua.ObjectIds.Float))
    assert await temperature.get_access_level() == {ua.AccessLevel.CurrentRead, ua.AccessLevel.HistoryRead}
    assert await read(temperature, ua.AttributeIds.Historizing) is True
    limits = await (await temperature.get_child("0:EURange")).read_value()
    assert isinstance(limits, ua.Range)
    assert limits.Low <= 72.0 <= limits.High
    unit = await (await temperature.get_child("0:EngineeringUnits")).read_value()
    assert isinstance(unit, ua.EUInformation)
    assert unit.DisplayName.Text == "°C"
    setpoint = await child(stack, "Line1", "Filler", "SpeedSetpoint")
    assert ua.AccessLevel.CurrentWrite in await setpoint.get_access_level()
    command = await child(stack, "Line1", "Filler", "RunCommand")
    assert await command.get_access_level() == {ua.AccessLevel.CurrentRead, ua.AccessLevel.CurrentWrite}
    reset = await child(stack, "Line1", "Filler", "ResetFault")
    assert await reset.read_node_class() == ua.NodeClass.Method
    assert await read(reset, ua.AttributeIds.Executable) is True


async def test_enumerations_have_strings_and_definition(stack: UaStack, nodeids: NodeIds) -> None:
    state = stack.server.get_node(nodeids.from_name(NodeName(DEMO, "s", "FillerState")))
    strings: Any = await (await state.get_child("0:EnumStrings")).read_value()
    definition = await state.read_data_type_definition()
    assert isinstance(definition, ua.EnumDefinition)
    names = ["Stopped", "Starting", "Running", "Held", "Faulted"]
    assert [text.Text for text in strings] == names
    assert [(field.Name, field.Value) for field in definition.Fields] == list(zip(names, range(5), strict=True))


async def test_the_gateway_counts_under_its_diagnostics(stack: UaStack) -> None:
    losses = await child(stack, "Gateway", "Diagnostics", "Losses")
    counters = {(await node.read_browse_name()).Name: await node.read_value() for node in await losses.get_children()}
    assert counters == dict.fromkeys(("Acquired", "Stored", "Published", "Acknowledged", "Dropped", "Gaps"), 0)
    assert (await stack.server.get_namespace_array())[-2:] == [PLANTSPACE, DEMO]


async def test_a_device_and_an_operator_can_be_made_of_their_types(stack: UaStack, nodeids: NodeIds) -> None:
    index = nodeids.index_of(PLANTSPACE)
    devices = await child(stack, "Gateway", "Devices")
    meter = await devices.add_object(index, "meter-1", nodeids.from_name(NodeName(PLANTSPACE, "s", "DeviceType")))
    assert await (await meter.get_child([f"{index}:Diagnostics", f"{index}:MissedScans"])).read_value() == 0
    kind = nodeids.from_name(NodeName(PLANTSPACE, "s", "RobustZScoreType"))
    score = await meter.add_object(index, "Score", kind)
    assert await (await score.get_child(f"{index}:Threshold")).read_value() == 3.5
    window = await score.get_child(f"{index}:Window")
    assert ua.AccessLevel.CurrentWrite in await window.get_access_level()
    evaluate = await score.get_child(f"{index}:Evaluate")
    for name, expected in (("InputArguments", [("Value", 11)]), ("OutputArguments", [("Score", 11), ("Anomaly", 1)])):
        arguments: Any = await (await evaluate.get_child(f"0:{name}")).read_value()
        assert [(argument.Name, argument.DataType.Identifier) for argument in arguments] == expected
