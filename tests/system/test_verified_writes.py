"""What clients are told of their writes: a gateway in a process of its own, a device in another, a client between."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportArgumentType=false
from __future__ import annotations

import math
import time
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from asyncua import ua

from tests.modbus_device import ModbusDevice
from tests.system.running_gateway import GatewayClient, RunningGateway
from tests.waiting import until

URI = "urn:test:mixer"
KIND = ua.VariantType
HEAD = f"""\
<?xml version="1.0" encoding="utf-8"?>
<UANodeSet xmlns="http://opcfoundation.org/UA/2011/03/UANodeSet.xsd"
           xmlns:uax="http://opcfoundation.org/UA/2008/02/Types.xsd">
  <NamespaceUris><Uri>{URI}</Uri></NamespaceUris>
  <Models>
    <Model ModelUri="{URI}" Version="1.0.0" PublicationDate="2026-01-01T00:00:00Z">
      <RequiredModel ModelUri="http://opcfoundation.org/UA/" Version="1.05.03" PublicationDate="2023-12-15T00:00:00Z"/>
    </Model>
  </Models>
  <UAObject NodeId="ns=1;s=Mixer" BrowseName="1:Mixer" ParentNodeId="i=85">
    <DisplayName>Mixer</DisplayName>
    <References>
      <Reference ReferenceType="i=40">i=58</Reference><Reference ReferenceType="i=35" IsForward="false">i=85</Reference>
    </References>
  </UAObject>
  <UAMethod NodeId="ns=1;s=Mixer.Start" BrowseName="1:Start" ParentNodeId="ns=1;s=Mixer">
    <DisplayName>Start</DisplayName>
    <References><Reference ReferenceType="i=47" IsForward="false">ns=1;s=Mixer</Reference></References>
  </UAMethod>
"""
VARIABLE = """\
  <UAVariable NodeId="ns=1;s={name}" BrowseName="1:{name}" ParentNodeId="ns=1;s=Mixer" DataType="{kind}" AccessLevel="3"
      ValueRank="{rank}">
    <DisplayName>{name}</DisplayName>
    <References>
      <Reference ReferenceType="i=40">i=15318</Reference>
      <Reference ReferenceType="i=47" IsForward="false">ns=1;s=Mixer</Reference>
    </References>
  </UAVariable>
"""
RANGE = """\
  <UAVariable NodeId="ns=1;s={name}.{of}" BrowseName="{of}" ParentNodeId="ns=1;s={name}" DataType="i=884">
    <DisplayName>{of}</DisplayName>
    <References>
      <Reference ReferenceType="i=40">i=68</Reference>
      <Reference ReferenceType="i=46" IsForward="false">ns=1;s={name}</Reference>
    </References>
    <Value><uax:ExtensionObject>
      <uax:TypeId><uax:Identifier>i=885</uax:Identifier></uax:TypeId>
      <uax:Body><uax:Range><uax:Low>{low}</uax:Low><uax:High>{high}</uax:High></uax:Range></uax:Body>
    </uax:ExtensionObject></Value>
  </UAVariable>
"""
BODY = """\
model:
  nodesets: [mixer.NodeSet2.xml]
devices:
  plc:
    driver: modbus
    url: {url}
    scan: 60s
    timeout: 5s
    retry: 100ms
    bindings:
      - {{node: /Objects/Mixer/Speed, address: "holding:0/float32"}}
      - {{node: /Objects/Mixer/Level, address: "holding:2/int16", scale: 0.1}}
      - {{node: /Objects/Mixer/Start, address: "coil:0"}}
      - {{node: Pulse, address: "coil:1", access: rw, verify: none}}
      - {{node: Text, address: "holding:20/string6", access: rw}}
      - {{node: Percent, address: "holding:30/uint16", type: Double, scale: 0.5, min: 0, max: 100, access: rw}}
"""


@dataclass
class Mixer:
    gateway: RunningGateway
    device: ModbusDevice


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mixer]:
    folder = tmp_path_factory.mktemp("mixer")
    variables = [("Speed", "i=11", -1), ("Level", "i=11", -1), ("Recipe", "i=11", 1)]
    ranges = [
        ("Speed", "InstrumentRange", 0, 3000),
        ("Speed", "EURange", 100, 1500),
        ("Level", "EURange", 0, 50),
        ("Level", "InstrumentRange", 0, 0),  # nobody has filled it in
        ("Recipe", "InstrumentRange", 0, 10),
    ]
    text = "".join(VARIABLE.format(name=name, kind=kind, rank=rank) for name, kind, rank in variables)
    text += "".join(RANGE.format(name=name, of=of, low=low, high=high) for name, of, low, high in ranges)
    (folder / "mixer.NodeSet2.xml").write_text(HEAD + text + "</UANodeSet>\n", encoding="utf-8")
    with ModbusDevice() as device, RunningGateway(folder, BODY.format(url=device.url)) as gateway:
        yield Mixer(gateway, device)


@pytest.fixture
async def client(shared: Mixer) -> AsyncGenerator[GatewayClient]:
    shared.device.behave()
    async with shared.gateway.client() as connected:
        await until(lambda: _is_good(connected))
        yield connected


async def _is_good(client: GatewayClient) -> bool:
    return await client.status(model("Speed")) == "Good"


def model(name: str) -> str:
    return f"nsu={URI};s={name}"


async def double(client: GatewayClient, node: str, value: Any) -> str:
    return await client.write(node, value, KIND.Double)


async def test_good_means_that_the_device_has_it_and_every_client_reads_it(
    shared: Mixer, client: GatewayClient
) -> None:
    assert await double(client, model("Speed"), 1234.5) == "Good"
    assert await client.value(model("Speed")) == 1234.5  # the next scan is a minute away
    assert await double(client, model("Level"), 12.34) == "Good"
    assert shared.device.get("holding", 2) == [123]
    assert await client.value(model("Level")) == pytest.approx(12.3)


async def test_what_the_device_makes_of_a_value_is_answered_and_shown(shared: Mixer, client: GatewayClient) -> None:
    shared.device.switch(highest=100)
    assert await double(client, model("Level"), 20.0) == "BadDeviceFailure"
    assert await client.value(model("Level")) == pytest.approx(10.0)
    assert "holds 100 instead of 200" in await client.value("plc/LastError")
    assert "a write to nsu=urn:test:mixer;s=Level is answered BadDeviceFailure" in shared.gateway.log
    shared.device.switch(highest=0, forgetful=1)
    assert await client.write("plc.Text", "Neu", KIND.String) == "BadDeviceFailure"
    assert await client.write("plc.Pulse", value=True, kind=KIND.Boolean) == "GoodCompletesAsynchronously"


@pytest.mark.parametrize(
    ("node", "value", "kind", "answer"),
    [
        (model("Speed"), 3000.5, KIND.Double, "BadOutOfRange"),
        (model("Speed"), -1.0, KIND.Double, "BadOutOfRange"),
        (model("Speed"), math.nan, KIND.Double, "BadOutOfRange"),
        (model("Speed"), 2000.0, KIND.Double, "Good"),  # outside its EURange
        (model("Speed"), 7.0, KIND.Float, "BadTypeMismatch"),
        (model("Speed"), [7.0], KIND.Double, "BadTypeMismatch"),
        (model("Level"), -3.0, KIND.Double, "Good"),  # likewise; its InstrumentRange is no range
        (model("Level"), 3276.8, KIND.Double, "BadOutOfRange"),  # 32768 in an int16
        (model("Level"), math.inf, KIND.Double, "BadOutOfRange"),
        (model("Recipe"), [1.0, 10.5], KIND.Double, "BadOutOfRange"),
        (model("Recipe"), [1.0, 10.0], KIND.Double, "Good"),
        (model("Recipe"), 1.0, KIND.Double, "BadTypeMismatch"),
        ("plc.Text", "seven!!", KIND.String, "BadOutOfRange"),
        ("plc.Text", "grün", KIND.String, "Good"),
        ("plc.Text", 5, KIND.Int32, "BadTypeMismatch"),
        ("plc.Percent", 100.5, KIND.Double, "BadOutOfRange"),
        ("plc.Percent", 99.75, KIND.Double, "Good"),
    ],
)
async def test_a_value_passes_type_and_range_before_it_is_sent(
    shared: Mixer, client: GatewayClient, node: str, value: Any, kind: ua.VariantType, answer: str
) -> None:
    before = shared.device.counters()["writes"]
    assert await client.write(node, value, kind) == answer
    sent = len(shared.device.counters()["writes"]) - len(before)
    assert sent == (1 if answer == "Good" and node != model("Recipe") else 0)


async def test_a_bound_method_goes_the_same_way(shared: Mixer, client: GatewayClient) -> None:
    result = await client.call(model("Mixer"), model("Mixer.Start"))
    assert result.StatusCode.name == "Good"
    assert shared.device.get("coil", 0) == [1]
    shared.device.put("coil", 0, [0])
    shared.device.switch(forgetful=1)
    result = await client.call(model("Mixer"), model("Mixer.Start"))
    assert result.StatusCode.name == "BadDeviceFailure"


async def test_fault_01_a_device_that_is_away_answers_at_once_and_after_it_came_back(
    shared: Mixer, client: GatewayClient
) -> None:
    shared.device.freeze()
    try:
        assert await double(client, model("Speed"), 10.0) == "BadTimeout"
        took: list[float] = []
        for _ in range(3):
            began = time.monotonic()
            assert await double(client, model("Speed"), 11.0) == "BadNoCommunication"
            took.append(time.monotonic() - began)
        assert min(took) < 2.5, "no timeout is waited for again"
        assert await double(client, model("Speed"), 5000.0) == "BadOutOfRange"
    finally:
        shared.device.thaw()
    await until(lambda: _is_good(client))
    assert await double(client, model("Speed"), 12.0) == "Good"
