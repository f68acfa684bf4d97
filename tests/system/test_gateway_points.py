"""Points through an OPC UA client: memory points, points of a device, a bound method."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false, reportArgumentType=false
from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua

from tests.modbus_device import ModbusDevice
from tests.system.running_gateway import GatewayClient, RunningGateway
from tests.waiting import until

MODEL = Path(__file__).parent / "models" / "memory.NodeSet2.xml"
LINE = "nsu=urn:plantspace:tests:memory;s=Line"
KIND = ua.VariantType
BODY = """\
model: {{nodesets: ["{model}"]}}
devices:
  plc:
    driver: modbus
    url: {url}
    scan: 50ms
    timeout: 10s
    bindings:
      - {{node: Speed, address: "holding:0/uint16", type: Double, access: rw, scale: 0.5, min: 0, max: 100}}
      - {{node: Order, address: "holding:10/uint16", access: rw}}
      - {{node: Fixed, address: "holding:20/uint16"}}
      - {{node: Coil, address: "coil:5", access: rw}}
      - {{node: /Objects/Line/ResetFault, address: "coil:7"}}
"""


@pytest.fixture(scope="module")
def plc() -> Generator[ModbusDevice]:
    with ModbusDevice() as device:
        yield device


@pytest.fixture(scope="module")
def gateway(plc: ModbusDevice, tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningGateway]:
    folder = tmp_path_factory.mktemp("points")
    with RunningGateway(folder, BODY.format(model=MODEL, url=plc.url)) as running:
        yield running


@pytest.fixture
async def client(gateway: RunningGateway, plc: ModbusDevice) -> AsyncGenerator[GatewayClient]:
    async with gateway.client() as connected:
        await until(lambda: _is_good(connected, "plc.Speed"))
        yield connected
    plc.behave()


async def _is_good(client: GatewayClient, node: str) -> bool:
    return await client.status(node) == "Good"


@pytest.mark.parametrize(
    ("name", "kind", "value"),
    [
        ("Batch", KIND.Int64, 2**53 + 1),
        ("Begun", KIND.DateTime, datetime(2026, 2, 3, 4, 5, 6, 789_000, UTC)),
        ("Enabled", KIND.Boolean, True),
        ("Key", KIND.ByteString, b"\x00\x01\x02\xff"),
        ("Label", KIND.LocalizedText, ua.LocalizedText("Anlage", "de")),
        ("Level", KIND.Byte, 7),
        ("Serial", KIND.String, "SN-1"),
        ("Maker", KIND.String, "Plant Works"),
        ("Curve", KIND.Double, [1.0, 2.5]),
    ],
)
async def test_a_memory_point_has_the_value_of_its_nodeset(
    client: GatewayClient, name: str, kind: ua.VariantType, value: Any
) -> None:
    read = await client.read(f"{LINE}.{name}")
    assert read.Value is not None
    assert (read.Value.Value, read.Value.VariantType) == (value, kind)
    assert await client.status(f"{LINE}.{name}") == "Good"


async def test_a_memory_point_without_a_value_waits_for_one(client: GatewayClient) -> None:
    read = await client.read(f"{LINE}.Empty")
    assert read.StatusCode is not None
    assert (read.StatusCode.name, read.Value and read.Value.Value) == ("BadWaitingForInitialData", None)


@pytest.mark.parametrize(
    ("name", "kind", "value"),
    [
        ("Recipe", KIND.String, "Orange 🍊"),
        ("Target", KIND.Double, -1e300),
        ("Ratio", KIND.Float, 0.25),
        ("Curve", KIND.Double, [3.0, 4.0, 5.0]),
    ],
)
async def test_a_client_writes_a_memory_point(
    client: GatewayClient, name: str, kind: ua.VariantType, value: Any
) -> None:
    before = datetime.now(UTC)
    assert await client.write(f"{LINE}.{name}", value, kind) == "Good"
    read = await client.read(f"{LINE}.{name}")
    assert read.Value is not None
    assert read.SourceTimestamp is not None
    assert (read.Value.Value, read.Value.VariantType) == (value, kind)
    assert before <= read.SourceTimestamp <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("name", "kind", "value", "status"),
    [
        ("Recipe", KIND.Double, 1.0, "BadTypeMismatch"),
        ("Enabled", KIND.Byte, 1, "BadTypeMismatch"),
        ("Batch", KIND.Int64, [1, 2], "BadTypeMismatch"),
        ("Serial", KIND.String, "SN-2", "BadNotWritable"),
    ],
)
async def test_a_refused_write_changes_nothing(
    client: GatewayClient, name: str, kind: ua.VariantType, value: Any, status: str
) -> None:
    before = await client.value(f"{LINE}.{name}")
    assert await client.write(f"{LINE}.{name}", value, kind) == status
    assert await client.value(f"{LINE}.{name}") == before


async def test_a_write_reaches_the_device_in_its_own_units(client: GatewayClient, plc: ModbusDevice) -> None:
    assert await client.write("plc.Speed", 30.0, KIND.Double) == "Good"
    assert plc.get("holding", 0) == [60]
    await until(lambda: _reads(client, "plc.Speed", 30.0))
    assert await client.write("plc.Coil", value=True, kind=KIND.Boolean) == "Good"
    assert plc.get("coil", 5) == [1]


async def _reads(client: GatewayClient, node: str, value: Any) -> bool:
    return await client.value(node) == value


@pytest.mark.parametrize(
    ("exception", "status"), [(2, "BadConfigurationError"), (3, "BadOutOfRange"), (4, "BadDeviceFailure")]
)
async def test_a_write_is_answered_with_the_devices_own_status(
    client: GatewayClient, plc: ModbusDevice, exception: int, status: str
) -> None:
    before = plc.get("holding", 10)
    plc.refuse("holding", 10, 10, exception)
    assert await client.write("plc.Order", 77, KIND.UInt16) == status
    assert plc.get("holding", 10) == before
    plc.behave()
    assert await client.write("plc.Order", before[0] + 1, KIND.UInt16) == "Good"
    assert plc.get("holding", 10) == [before[0] + 1]


async def test_a_device_that_throws_the_write_away_is_found_out(client: GatewayClient, plc: ModbusDevice) -> None:
    (held,) = plc.get("holding", 10)
    plc.switch(forgetful=1)
    assert await client.write("plc.Order", held + 5, KIND.UInt16) == "BadDeviceFailure"


@pytest.mark.parametrize(
    ("node", "value", "kind", "status"),
    [
        ("plc.Speed", 100.5, KIND.Double, "BadOutOfRange"),
        ("plc.Speed", float("nan"), KIND.Double, "BadOutOfRange"),
        ("plc.Speed", 1, KIND.Int32, "BadTypeMismatch"),
        ("plc.Fixed", 1, KIND.UInt16, "BadNotWritable"),
    ],
)
async def test_what_must_not_be_written_is_never_sent(
    client: GatewayClient, plc: ModbusDevice, node: str, value: Any, kind: ua.VariantType, status: str
) -> None:
    def writes() -> int:
        counted: dict[str, int] = plc.counters()["functions"]
        return sum(counted.get(code, 0) for code in ("5", "6", "15", "16"))

    before = writes()
    assert await client.write(node, value, kind) == status
    assert writes() == before


async def test_a_bound_method_writes_true(client: GatewayClient, plc: ModbusDevice) -> None:
    assert plc.get("coil", 7) == [0]
    called = await client.call(LINE, f"{LINE}.ResetFault")
    assert called.StatusCode.name == "Good"
    assert plc.get("coil", 7) == [1]
    plc.put("coil", 7, [0])


async def test_a_bound_method_has_no_value_to_be_read(client: GatewayClient) -> None:
    assert await client.status(f"{LINE}.ResetFault") == "BadAttributeIdInvalid"


async def test_a_bound_method_answers_with_the_devices_own_status(client: GatewayClient, plc: ModbusDevice) -> None:
    plc.refuse("coil", 7, 7, 4)
    called = await client.call(LINE, f"{LINE}.ResetFault")
    assert called.StatusCode.name == "BadDeviceFailure"
    assert plc.get("coil", 7) == [0]


async def test_a_bound_method_takes_no_arguments(client: GatewayClient, plc: ModbusDevice) -> None:
    called = await client.call(LINE, f"{LINE}.ResetFault", ua.Variant(1, KIND.Int32))
    assert called.StatusCode.name == "BadTooManyArguments"
    assert plc.get("coil", 7) == [0]


async def test_a_method_that_nothing_is_bound_to_says_so(client: GatewayClient) -> None:
    called = await client.call(LINE, f"{LINE}.Unbound")
    assert not called.StatusCode.is_good()
