"""A structured variable whose fields a Modbus device gives: read, subscribed, written, kept and named by a client."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false, reportArgumentType=false, reportCallIssue=false
from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua

from tests.command import plantspace
from tests.modbus_device import ModbusDevice
from tests.system.running_gateway import GatewayClient, RunningGateway
from tests.waiting import until

MODEL = Path(__file__).parent / "models" / "pose.NodeSet2.xml"
POSITION, HOME, POSE = (f"nsu=urn:test:pose;s={name}" for name in ("Position", "Home", "Pose"))
BODY = """\
model: {{nodesets: ["{model}"]}}
devices:
  plc:
    driver: modbus
    url: {url}
    scan: 50ms
    timeout: 30s
    bindings:
      - {{node: "{position}#X", address: "holding:0/int16", scale: 0.5, min: -100, max: 100, history: true}}
      - {{node: "/Objects/Robot/Position#Z", address: "holding:10/float32"}}
      - {{node: "/Objects/Robot/Home#X", address: "holding:20/uint16"}}
      - {{node: "/Objects/Robot/Home#Y", address: "holding:21/uint16"}}
      - {{node: "/Objects/Robot/Home#Z", address: "holding:22/uint16"}}
      - {{node: "/Objects/Robot/Pose#Origin.X", address: "holding:0/int16"}}
      - {{node: "/Objects/Robot/Pose#Axes[1].Enabled", address: "coil:3"}}
"""


@pytest.fixture(scope="module")
def plc() -> Generator[ModbusDevice]:
    with ModbusDevice() as device:
        yield device


@pytest.fixture(scope="module")
def gateway(plc: ModbusDevice, tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningGateway]:
    folder = tmp_path_factory.mktemp("structured")
    body = BODY.format(model=MODEL, url=plc.url, position=POSITION)
    with RunningGateway(folder, body) as running:
        yield running


@pytest.fixture
async def client(gateway: RunningGateway, plc: ModbusDevice) -> AsyncGenerator[GatewayClient]:
    plc.put("holding", 0, [7])
    plc.put("holding", 10, list(struct.unpack(">2H", struct.pack(">f", 2.5))))
    async with gateway.client() as connected:

        async def is_shown() -> bool:
            return await body(connected, POSITION) is not None and (await vector(connected, POSITION))[::2] == (
                3.5,
                2.5,
            )

        await until(is_shown, seconds=30)
        yield connected
    plc.behave()


async def body(client: GatewayClient, node: str) -> bytes | None:
    """Read a structure as its bytes: the client knows no such type."""
    value = await client.value(node)
    return None if value is None else bytes(value.Body)


async def vector(client: GatewayClient, node: str) -> tuple[float, float, float]:
    held = await body(client, node)
    assert held is not None
    x, y, z = struct.unpack("<ddf", held)
    return x, y, z


def as_value(client: GatewayClient, *numbers: float) -> ua.ExtensionObject:
    """Make a Vector by hand."""
    encoding = ua.NodeId(12, client.namespaces.index("urn:test:pose"))
    return ua.ExtensionObject(TypeId=encoding, Body=struct.pack("<ddf", *numbers))


async def test_the_value_is_composed_of_the_device_and_of_memory(client: GatewayClient, plc: ModbusDevice) -> None:
    held = await client.read(POSITION)
    assert held.Value is not None
    assert held.Value.VariantType is ua.VariantType.ExtensionObject
    index = client.namespaces.index("urn:test:pose")
    assert held.Value.Value.TypeId == ua.NodeId(12, index)
    assert bytes(held.Value.Value.Body) == struct.pack("<ddf", 3.5, 2.0, 2.5)
    assert held.StatusCode is None or held.StatusCode.value == 0
    assert held.SourceTimestamp is not None

    nodes = [client.node(POSITION).nodeid] * 30
    many = await client.ua.uaclient.read_attributes(nodes, ua.AttributeIds.Value)
    assert {bytes(one.Value.Value.Body) for one in many if one.Value is not None} == {
        struct.pack("<ddf", 3.5, 2.0, 2.5)
    }
    plc.put("coil", 3, [1])

    async def is_enabled() -> bool:
        return struct.pack("<i", 2) + bytes(9) + b"\0" * 8 + b"\x01" in (await body(client, POSE) or b"")

    await until(is_enabled, seconds=30)


def test_asyncua_reads_the_fields_by_name_of_what_the_endpoint_says_of_the_type(gateway: RunningGateway) -> None:
    script = (
        "import asyncio, sys\n"
        "from asyncua import Client, ua\n"
        "async def main():\n"
        "    async with Client(sys.argv[1]) as client:\n"
        "        await client.load_data_type_definitions()\n"
        "        index = await client.get_namespace_index('urn:test:pose')\n"
        "        node = client.get_node(ua.NodeId('Position', index))\n"
        "        value = await node.read_value()\n"
        "        print(type(value).__name__, value.Y)\n"
        "asyncio.run(main())\n"
    )
    # A process of its own: asyncua's registry of types is one for all of a process.
    done = subprocess.run(
        [sys.executable, "-c", script, gateway.url], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "Vector 2.0\n", done.stderr


async def test_changes_of_value_and_status_are_told(client: GatewayClient, plc: ModbusDevice) -> None:
    told: list[tuple[bytes | None, int]] = []

    class Handler:
        def datachange_notification(self, _node: Any, _value: Any, data: Any) -> None:
            item = data.monitored_item.Value
            code = 0 if item.StatusCode is None else int(item.StatusCode.value)
            told.append((None if item.Value is None else bytes(item.Value.Value.Body), code))

    subscription = await client.ua.create_subscription(50, Handler())
    await subscription.subscribe_data_change(client.node(POSITION), sampling_interval=10)
    await until(lambda: bool(told), seconds=30)
    assert told[0] == (struct.pack("<ddf", 3.5, 2.0, 2.5), 0)
    plc.put("holding", 0, [8])
    await until(lambda: (struct.pack("<ddf", 4.0, 2.0, 2.5), 0) in told, seconds=30)
    plc.refuse("holding", 10, 11, 2)
    await until(lambda: told[-1][1] & 0x80000000 != 0, seconds=30)
    assert told[-1][0] == struct.pack("<ddf", 4.0, 2.0, 2.5)
    plc.behave()
    await until(lambda: told[-1][1] == 0, seconds=30)
    await subscription.delete()


async def test_a_client_writes_the_whole_and_each_device_gets_what_is_new(
    client: GatewayClient, plc: ModbusDevice
) -> None:
    kind = ua.VariantType.ExtensionObject
    assert await client.write(POSITION, as_value(client, -4.5, 2.0, 2.5), kind) == "Good"
    assert plc.get("holding", 0) == [0x10000 - 9]
    assert await client.write(POSITION, as_value(client, -4.5, 2.0, 0.25), kind) == "Good"
    assert struct.pack(">2H", *plc.get("holding", 10, 2)) == struct.pack(">f", 0.25)
    # X is beyond its limits: its status is the answer's; Z goes its own way, and memory stays as it was.
    assert await client.write(POSITION, as_value(client, 500.0, 77.0, 1.5), kind) == "BadOutOfRange"
    assert struct.pack(">2H", *plc.get("holding", 10, 2)) == struct.pack(">f", 1.5)

    async def shown() -> bool:
        return await vector(client, POSITION) == (-4.5, 2.0, 1.5)

    await until(shown, seconds=30)
    assert await client.write(POSITION, as_value(client, -4.5, 99.0, 1.5), kind) == "Good"
    assert await vector(client, POSITION) == (-4.5, 99.0, 1.5)
    assert await client.write(POSITION, 1.0, ua.VariantType.Double) == "BadTypeMismatch"
    assert await client.write(POSITION, as_value(client, -4.5, 2.0, 1.5), kind) == "Good"


async def test_a_variable_that_the_model_protects_stays_so(client: GatewayClient) -> None:
    assert await client.write(HOME, as_value(client, 1.0, 2.0, 3.0), ua.VariantType.ExtensionObject) == "BadNotWritable"


async def test_memory_and_a_fields_history_outlive_the_gateway(plc: ModbusDevice, tmp_path: Path) -> None:
    plc.put("holding", 0, [7])
    gateway = RunningGateway(tmp_path, BODY.format(model=MODEL, url=plc.url, position=POSITION))

    async def is_read() -> bool:
        return await body(client, POSITION) is not None and (await vector(client, POSITION))[0] == 3.5

    async def is_kept() -> bool:
        return await body(client, POSITION) is not None and (await vector(client, POSITION))[1] == 42.0

    with gateway:
        async with gateway.client() as client:
            await until(is_read, seconds=30)
            x, _, z = await vector(client, POSITION)
            assert await client.write(POSITION, as_value(client, x, 42.0, z), ua.VariantType.ExtensionObject) == "Good"
        assert gateway.stop() == 0
        config = str(gateway.config)
        for name in ("/Objects/Robot/Position#X", f"{POSITION}#X"):
            done = plantspace("history", "query", name, "--format", "csv", "--config", config)
            assert ",3.5," in done.stdout, done.stderr
        assert (
            ",3.5,"
            in plantspace("history", "query", "Position#X", "--format", "csv", "--data", str(gateway.data)).stdout
        )
        gateway.start()
        async with gateway.client() as client:
            await until(is_kept, seconds=30)
