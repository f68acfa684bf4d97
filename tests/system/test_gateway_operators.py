"""An operator through an OPC UA client: outputs, parameters, methods, and its event."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false, reportArgumentType=false
from __future__ import annotations

import struct
from collections.abc import AsyncGenerator, Generator
from typing import Any

import pytest
from asyncua import ua

from tests.modbus_device import ModbusDevice
from tests.system.running_gateway import GatewayClient, RunningGateway
from tests.waiting import until

WATCH = "analytics.watch"
KIND = ua.VariantType
QUIET = (50.0, 50.5, 49.5, 50.2, 49.8)
BODY = """\
devices:
  plc:
    driver: modbus
    url: {url}
    scan: 20ms
    stale: 2s
    retry: 50ms
    bindings: [{{node: Level, address: "holding:0/float32"}}]
analytics:
  watch: {{operator: robust-zscore, input: /objects, window: 400, minimum_samples: 10, threshold: 8}}
""".replace("/objects", "/Objects/plc/Level")


@pytest.fixture(scope="module")
def plc() -> Generator[ModbusDevice]:
    with ModbusDevice() as device:
        _put(device, QUIET[0])
        yield device


@pytest.fixture(scope="module")
def gateway(plc: ModbusDevice, tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningGateway]:
    with RunningGateway(tmp_path_factory.mktemp("operators"), BODY.format(url=plc.url)) as running:
        yield running


@pytest.fixture
async def client(gateway: RunningGateway, plc: ModbusDevice) -> AsyncGenerator[GatewayClient]:
    """Connect, and let the window fill with a quiet signal."""
    async with gateway.client() as connected:
        await _quieten(connected, plc)
        yield connected


def _put(plc: ModbusDevice, value: float) -> None:
    plc.put("holding", 0, struct.unpack(">HH", struct.pack(">f", value)))


async def _quieten(client: GatewayClient, plc: ModbusDevice, scans: int = 50) -> None:
    wanted = await client.value("plc/Scans") + scans
    turn = 0

    async def filled() -> bool:
        nonlocal turn
        turn += 1
        _put(plc, QUIET[turn % len(QUIET)])
        good = await client.status(f"{WATCH}.Score") == "Good"
        return good and not await client.value(f"{WATCH}.Anomaly") and await client.value("plc/Scans") > wanted

    await until(filled, seconds=30)


async def test_outputs_stand_beside_their_input(client: GatewayClient) -> None:
    outputs = {(await node.read_browse_name()).Name: node for node in await client.node(WATCH).get_children()}
    assert {"Score", "Anomaly", "Window", "Threshold", "MinimumSamples", "Evaluate", "Reset"} <= set(outputs)
    parent = await client.node(WATCH).get_parent()
    assert parent is not None
    assert parent.nodeid == client.node("plc").nodeid
    assert await client.write(f"{WATCH}.Score", 1.0, KIND.Double) == "BadNotWritable"


async def test_an_anomaly_is_shown_and_raised_as_an_event_once(client: GatewayClient, plc: ModbusDevice) -> None:
    # Only once there are as many of the wild values as of the quiet ones, seconds later, are they nothing odd any more.
    await _quieten(client, plc, 200)
    async with client.events("AnomalyEventType", "Score", "Threshold") as events:
        _put(plc, 500.0)
        event = await events.wait(lambda _: True)
        await until(lambda: _is(client, "Anomaly", value=True))
        assert await client.value(f"{WATCH}.Score") > 8.0
        await _quieten(client, plc)
        assert len(events.seen) == 1
    assert event["Score"].VariantType == event["Threshold"].VariantType == KIND.Double
    assert event["Score"].Value > event["Threshold"].Value == 8.0
    assert event["SourceNode"].Value == client.node(WATCH).nodeid
    assert event["Severity"].Value == 600
    assert "watch: anomaly, score" in event["Message"].Value.Text


async def _is(client: GatewayClient, name: str, value: Any) -> bool:
    return await client.value(f"{WATCH}.{name}") == value


async def test_parameters_are_read_and_written(client: GatewayClient) -> None:
    names = ("Window", "Threshold", "MinimumSamples")
    assert [await client.value(f"{WATCH}.{name}") for name in names] == [400, 8.0, 10]
    assert await client.write(f"{WATCH}.Threshold", 9.5, KIND.Double) == "Good"
    assert await client.value(f"{WATCH}.Threshold") == 9.5
    assert await client.write(f"{WATCH}.Threshold", 8.0, KIND.Double) == "Good"


@pytest.mark.parametrize(
    ("name", "value", "kind", "status"),
    [
        ("Threshold", 0.0, KIND.Double, "BadOutOfRange"),
        ("Threshold", 8, KIND.Int32, "BadTypeMismatch"),
        ("Window", 2, KIND.UInt32, "BadOutOfRange"),
        ("Window", 9, KIND.UInt32, "BadOutOfRange"),
        ("MinimumSamples", 401, KIND.UInt32, "BadOutOfRange"),
    ],
)
async def test_a_parameter_out_of_its_range_is_refused_and_stays(
    client: GatewayClient, name: str, value: Any, kind: ua.VariantType, status: str
) -> None:
    before = await client.value(f"{WATCH}.{name}")
    assert await client.write(f"{WATCH}.{name}", value, kind) == status
    assert await client.value(f"{WATCH}.{name}") == before


async def test_evaluate_scores_a_value_and_leaves_the_window(client: GatewayClient) -> None:
    called = await client.call(WATCH, f"{WATCH}.Evaluate", ua.Variant(500.0, KIND.Double))
    assert called.StatusCode.name == "Good"
    score, anomaly = called.OutputArguments
    assert (score.VariantType, anomaly) == (KIND.Double, ua.Variant(True, KIND.Boolean))  # noqa: FBT003 - a Variant's value
    assert score.Value > 8.0
    called = await client.call(WATCH, f"{WATCH}.Evaluate", ua.Variant(50.1, KIND.Double))
    assert called.OutputArguments[1].Value is False


@pytest.mark.parametrize(
    ("arguments", "status", "results"),
    [
        ([], "BadArgumentsMissing", []),
        ([ua.Variant(1.0, KIND.Double)] * 2, "BadTooManyArguments", None),
        ([ua.Variant("x", KIND.String)], "BadInvalidArgument", ["BadTypeMismatch"]),
        ([ua.Variant(float("inf"), KIND.Double)], "BadInvalidArgument", ["BadOutOfRange"]),
    ],
    ids=["none", "two", "a word", "infinite"],
)
async def test_wrong_arguments_of_evaluate_are_told(
    client: GatewayClient, arguments: list[ua.Variant], status: str, results: list[str] | None
) -> None:
    called = await client.call(WATCH, f"{WATCH}.Evaluate", *arguments)
    assert called.StatusCode.name == status
    if results is not None:
        assert [one.name for one in called.InputArgumentResults] == results


async def test_reset_forgets_the_window(client: GatewayClient, plc: ModbusDevice) -> None:
    plc.freeze()  # no sample comes between the two calls
    try:
        assert (await client.call(WATCH, f"{WATCH}.Reset")).StatusCode.name == "Good"
        called = await client.call(WATCH, f"{WATCH}.Evaluate", ua.Variant(1.0, KIND.Double))
        assert called.StatusCode.name == "BadInvalidState"
    finally:
        plc.thaw()


async def test_the_inputs_quality_is_the_outputs(client: GatewayClient, plc: ModbusDevice) -> None:
    plc.switch(silent=1)
    try:
        await until(lambda: _has_status(client, "BadNoCommunication"))
    finally:
        plc.behave()
    await until(lambda: _has_status(client, "Good"))


async def _has_status(client: GatewayClient, status: str) -> bool:
    return {await client.status(f"{WATCH}.{name}") for name in ("Score", "Anomaly")} == {status}
