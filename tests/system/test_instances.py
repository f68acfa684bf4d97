"""Three hundred motors of one type in three hundred lines, read from a Modbus device."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from asyncua import ua

from nodesets.model import read_model
from nodesets.resolver import resolve
from server.cli.nodeset_export import export
from server.gateway import Gateway
from server.plan import plan_gateway
from server.ua_stack.model_records import records_of
from tests.modbus_device import ModbusDevice
from tests.system.patient import PatientClient
from tests.waiting import until

COUNT = 300
MODEL = """\
<UANodeSet xmlns="http://opcfoundation.org/UA/2011/03/UANodeSet.xsd">
  <NamespaceUris><Uri>urn:test:motors</Uri></NamespaceUris>
  <Models><Model ModelUri="urn:test:motors" Version="1.0.0" PublicationDate="2026-01-01T00:00:00Z">
    <RequiredModel ModelUri="http://opcfoundation.org/UA/"/></Model></Models>
  <Aliases>
    <Alias Alias="HasComponent">i=47</Alias><Alias Alias="HasSubtype">i=45</Alias>
    <Alias Alias="HasTypeDefinition">i=40</Alias><Alias Alias="HasModellingRule">i=37</Alias>
    <Alias Alias="Boolean">i=1</Alias><Alias Alias="UInt16">i=5</Alias><Alias Alias="Double">i=11</Alias>
  </Aliases>
  <UAObjectType NodeId="ns=1;i=1" BrowseName="1:MotorType">
    <References><Reference ReferenceType="HasSubtype" IsForward="false">i=58</Reference></References>
  </UAObjectType>
  {members}
</UANodeSet>
"""
MEMBER = """\
<UAVariable NodeId="ns=1;i={number}" BrowseName="1:{name}" DataType="{kind}" AccessLevel="3">
  <References>
    <Reference ReferenceType="HasTypeDefinition">i=63</Reference>
    <Reference ReferenceType="HasModellingRule">{rule}</Reference>
    <Reference ReferenceType="HasComponent" IsForward="false">ns=1;i=1</Reference>
  </References>
</UAVariable>
"""
MANDATORY, OPTIONAL = "i=78", "i=80"
CONFIGURATION = """\
name: hall
server: {{endpoint: "opc.tcp://127.0.0.1:{port}", security: [None], anonymous: Operator}}
model:
  nodesets: [motors.NodeSet2.xml]
  instances:
    - {{type: FolderType, name: Hall}}
    - motors.csv
devices:
  plc:
    driver: modbus
    url: {url}
    scan: 100ms
    timeout: 30s
    type_bindings: {{members: motor-type.csv, instances: bound.csv}}
"""


@pytest.fixture
def device() -> Iterator[ModbusDevice]:
    with ModbusDevice() as device:
        device.put("holding", 0, [number for motor in range(COUNT) for number in (1000 + motor, motor % 7)])
        device.put("coil", 0, [motor % 2 for motor in range(COUNT)])
        yield device


def one(identifier: str, index: int) -> ua.NodeId:
    return ua.NodeId(ua.String(identifier), ua.Int16(index))


def lay_down(folder: Path, url: str, port: int) -> Path:
    members = [("Speed", "Double", MANDATORY), ("Load", "UInt16", MANDATORY), ("Running", "Boolean", OPTIONAL)]
    text = "".join(
        MEMBER.format(number=number, name=name, kind=kind, rule=rule)
        for number, (name, kind, rule) in enumerate(members, 2)
    )
    (folder / "motors.NodeSet2.xml").write_text(MODEL.replace("{members}", text), encoding="utf-8")
    motors = [f"motors:MotorType,Motor{number},/Objects/Hall,Running" for number in range(COUNT)]
    (folder / "motors.csv").write_text("\n".join(["type,name,parent,optional", *motors, ""]), encoding="utf-8")
    rows = [
        "member,address,scale",
        "Speed,holding:{2*n}/uint16,0.1",
        "Load,holding:{2*n+1}/uint16,",
        "Running,coil:{n},",
    ]
    (folder / "motor-type.csv").write_text("\n".join([*rows, ""]), encoding="utf-8")
    bound = [f"Motor{number},{number}" for number in range(COUNT)]
    (folder / "bound.csv").write_text("\n".join(["node,n", *bound, ""]), encoding="utf-8")
    config = folder / "hall.yaml"
    config.write_text(CONFIGURATION.format(port=port, url=url), encoding="utf-8")
    return config


async def test_three_hundred_motors_are_made_bound_read_and_written(
    tmp_path: Path, device: ModbusDevice, free_port: Callable[[], int]
) -> None:
    gateway = Gateway(await plan_gateway(lay_down(tmp_path, device.url, free_port())))
    await gateway.start()
    try:
        async with PatientClient(gateway.url) as client:
            index = await client.get_namespace_index("urn:plantspace:hall")
            motors = [client.get_node(one(f"Hall.Motor{number}", index)) for number in range(COUNT)]
            types = await client.get_namespace_index("urn:test:motors")
            assert await motors[-1].read_type_definition() == ua.NodeId(ua.Int32(1), ua.Int16(types))
            children = {(await child.read_browse_name()).Name for child in await motors[7].get_children()}
            assert children == {"Speed", "Load", "Running"}

            async def values(member: str) -> list[object]:
                nodes = [client.get_node(one(f"Hall.Motor{number}.{member}", index)) for number in range(COUNT)]
                read = await client.read_attributes(nodes, ua.AttributeIds.Value)
                return [None if value.Value is None else value.Value.Value for value in read]

            expected = [pytest.approx((1000 + number) * 0.1) for number in range(COUNT)]

            async def all_are_read() -> bool:
                return not any([None in await values(member) for member in ("Speed", "Load", "Running")])

            await until(all_are_read)
            assert await values("Speed") == expected
            assert await values("Load") == [number % 7 for number in range(COUNT)]
            assert await values("Running") == [bool(number % 2) for number in range(COUNT)]
            speed = client.get_node(one("Hall.Motor299.Speed", index))
            await speed.write_value(50.0)
            assert device.get("holding", 598, 1) == [500]
    finally:
        await gateway.stop()


async def test_node_ids_are_the_same_after_a_restart(
    tmp_path: Path, device: ModbusDevice, free_port: Callable[[], int]
) -> None:
    config = lay_down(tmp_path, device.url, free_port())
    known: list[set[str]] = []
    for _ in range(2):
        plan = await plan_gateway(config)
        known.append({point.node for point in plan.points.points})
        await plan.discard()
    assert known[0] == known[1]
    assert len(known[0]) >= 3 * COUNT


async def test_what_no_device_fills_is_kept_over_a_restart(
    tmp_path: Path, device: ModbusDevice, free_port: Callable[[], int]
) -> None:
    config = lay_down(tmp_path, device.url, free_port())
    table = tmp_path / "motor-type.csv"
    table.write_text("\n".join(table.read_text(encoding="utf-8").splitlines()[:2]) + "\n", encoding="utf-8")
    for value in (None, 7):
        gateway = Gateway(await plan_gateway(config))
        await gateway.start()
        try:
            async with PatientClient(gateway.url) as client:
                index = await client.get_namespace_index("urn:plantspace:hall")
                load = client.get_node(one("Hall.Motor3.Load", index))
                assert (await load.read_data_value(raise_on_bad_status=False)).Value.Value == value  # type: ignore[union-attr]
                await load.write_value(ua.Variant(7, ua.VariantType.UInt16))
        finally:
            await gateway.stop()


async def test_what_is_made_can_be_written_as_a_nodeset_and_says_the_same(tmp_path: Path, device: ModbusDevice) -> None:
    config = lay_down(tmp_path, device.url, 4840)
    written = tmp_path / "generated.NodeSet2.xml"
    await asyncio.to_thread(export, "urn:plantspace:hall", [], written, config)
    model = read_model(resolve([written, tmp_path / "motors.NodeSet2.xml"]))
    assert model.findings == ()
    plan = await plan_gateway(config)
    try:
        namespaces = await plan.stack.server.get_namespace_array()
        served = records_of(plan.stack.internal.space, "urn:plantspace:hall", namespaces, plan.model.types)
    finally:
        await plan.discard()
    read = {node.name: replace(node, position=0) for node in model.nodes.values()}
    assert len(served) == 2 + COUNT * 4
    assert [read[node.name] for node in served] == served
