"""Devices that are wrong or missing beside sound ones, and what the gateway's own nodes and events say of them."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false, reportArgumentType=false
from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from asyncua import ua

from drivers.health import DeviceHealth
from drivers.supervision.diagnostics import State
from tests.broker import free_port
from tests.modbus_device import ModbusDevice
from tests.system.running_gateway import PLANTSPACE, GatewayClient, RunningGateway
from tests.waiting import until

SCAN, TIMEOUT, STALE = 0.05, 1.0, 5.0
GRACE = 0.25
"""What the supervisor gives a driver's own timeout."""
LATE = 2.0
"""How late the gateway, and this process as it looks, may be: far less than lies between uncertain and bad."""
GATEWAY = f"nsu={PLANTSPACE};s=Gateway"
LOSSES = f"{GATEWAY}.Diagnostics.Losses"
STATES = [state.name for state in State]
DEVICE = """\
  {name}:
    driver: modbus
    url: {url}
    scan: 50ms
    stale: 5s
    timeout: 1s
    retry: 100ms
    retry_longest: 200ms
    history: true
    bindings:
      - {{node: Level, address: "holding:0/float32"}}
      - {{node: Order, address: "holding:10/uint16", access: rw}}
"""


@dataclass
class Plant:
    """Two devices that answer, one address where nothing listens, one whose unit never answers."""

    gateway: RunningGateway
    first: ModbusDevice
    second: ModbusDevice


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Generator[Plant]:
    with ModbusDevice() as first, ModbusDevice() as second, ModbusDevice(unit=9) as stranger:
        for device in (first, second):
            device.ramp(1, 0.02)
        urls = {
            "first": first.url,
            "second": second.url,
            "dead": f"tcp://127.0.0.1:{free_port()}",
            "stranger": stranger.url,
        }
        body = "devices:\n" + "".join(DEVICE.format(name=name, url=url) for name, url in urls.items())
        with RunningGateway(tmp_path_factory.mktemp("devices"), body) as gateway:
            yield Plant(gateway, first, second)


@pytest.fixture
async def client(plant: Plant) -> AsyncGenerator[GatewayClient]:
    async with plant.gateway.client() as connected:
        for name in ("first", "second"):
            await until(lambda name=name: _is(connected, name, DeviceHealth.NORMAL, State.RUNNING))
        yield connected


async def _is(client: GatewayClient, device: str, health: DeviceHealth, state: State) -> bool:
    told = await client.value(f"{device}/Health"), await client.value(f"{device}/State")
    return told == (health, STATES.index(state.name))


async def _goes_on(client: GatewayClient, device: str) -> None:
    """Wait until a device's counters, and its value, have moved."""
    counters = ("Scans", "Reads", "SamplesAcquired")
    before = [await client.value(f"{device}/{name}") for name in counters]
    level = await client.value(f"{device}.Level")

    async def moved() -> bool:
        now = [await client.value(f"{device}/{name}") for name in counters]
        return all(map(int.__gt__, now, before)) and await client.value(f"{device}.Level") != level

    await until(moved)


async def test_a_wrong_and_a_missing_device_do_not_stop_the_others(client: GatewayClient) -> None:
    for name in ("first", "second"):
        await _goes_on(client, name)
        assert await client.value(f"{name}/ReadErrors") == 0
        assert await client.value(f"{name}/LastError") == ""
    for name in ("dead", "stranger"):
        await until(lambda name=name: _failed(client, name))
        assert await client.status(f"{name}.Level") in ("BadWaitingForInitialData", "BadNoCommunication")
        assert await client.value(f"{name}/SamplesAcquired") == 0
        assert await client.write(f"{name}.Order", 1, ua.VariantType.UInt16) in ("BadNoCommunication", "BadTimeout")
        assert await client.value(f"{name}/WriteErrors") == await client.value(f"{name}/Writes") == 1
    assert "cannot be reached" in await client.value("dead/LastError")


async def _failed(client: GatewayClient, device: str) -> bool:
    return await client.value(f"{device}/Health") == DeviceHealth.FAILURE and bool(
        await client.value(f"{device}/LastError")
    )


async def test_fault_01_a_silent_device_is_uncertain_then_bad_and_the_other_keeps_its_rate(
    plant: Plant, client: GatewayClient
) -> None:
    async with client.events("DeviceHealthEventType", "Device", "Health") as events:
        began = time.monotonic()
        scans, missed = await client.value("second/Scans"), await client.value("second/MissedScans")
        plant.first.freeze()
        try:
            await until(lambda: _has_status(client, "first.Level", "UncertainLastUsableValue"))
            uncertain = time.monotonic() - began
            await until(lambda: _has_status(client, "first.Level", "BadNoCommunication"))
            bad = time.monotonic() - began
            assert await client.status("first.Order") == "BadNoCommunication"
            assert await client.status("second.Level") == "Good"

            async def keeps_its_rate() -> bool:  # what a standstill kept from being done is counted a moment later
                elapsed = time.monotonic() - began
                done = await client.value("second/Scans") - scans
                return done + (await client.value("second/MissedScans")) - missed >= elapsed / SCAN - 3

            await until(keeps_its_rate)
        finally:
            plant.first.thaw()
        failure = await events.wait(lambda event: event["Health"].Value == DeviceHealth.FAILURE)
        back = await events.wait(lambda event: event["Health"].Value == DeviceHealth.NORMAL)
    assert uncertain < 2 * SCAN + TIMEOUT + GRACE + LATE
    assert STALE - SCAN - GRACE < bad < 2 * SCAN + STALE + LATE  # the last contact may be a while ago by the freeze
    for event, severity in ((failure, 800), (back, 100)):
        assert event["Device"] == ua.Variant("first", ua.VariantType.String)
        assert event["Health"].VariantType == ua.VariantType.Int32
        assert (event["SourceName"].Value, event["Severity"].Value) == ("first", severity)
        assert event["SourceNode"].Value == client.node("first").nodeid
    assert "NORMAL -> FAILURE" in failure["Message"].Value.Text
    await until(lambda: _has_status(client, "first.Level", "Good"))
    await _goes_on(client, "first")
    assert await client.value("first/Reconnects") >= 1
    assert await client.value("first/ReadErrors") >= 1


async def _has_status(client: GatewayClient, node: str, status: str) -> bool:
    return await client.status(node) == status


async def test_an_event_of_a_device_is_heard_on_its_own_object_too(plant: Plant, client: GatewayClient) -> None:
    async with (
        client.events("DeviceHealthEventType", "Device", source=client.node("second")) as own,
        client.events("DeviceHealthEventType", "Device", source=client.node("first")) as others,
    ):
        plant.second.cut()
        await own.wait(lambda event: "FAILURE -> NORMAL" in event["Message"].Value.Text)
        assert {event["Device"].Value for event in own.seen} == {"second"}
        assert not others.seen


async def test_the_gateway_object_tells_who_it_is(plant: Plant, client: GatewayClient) -> None:
    assert await client.value(f"{GATEWAY}.Name") == "line-1"
    assert await client.value(f"{GATEWAY}.SoftwareVersion")
    assert await client.value(f"{GATEWAY}.Diagnostics.Points") == 8
    started = await client.value(f"{GATEWAY}.Diagnostics.StartTime")
    assert 0 < (datetime.now(UTC) - started).total_seconds() < 600
    listed = await client.node(f"{GATEWAY}.Devices").get_children()
    names = {(await node.read_browse_name()).Name for node in listed}
    assert names == {"first", "second", "dead", "stranger"}
    assert await client.value("first/Driver") == "modbus"
    assert await client.value("first/Url") == plant.first.url


async def test_a_devices_nodes_are_those_of_its_type(client: GatewayClient) -> None:
    kind = client.node(f"nsu={PLANTSPACE};s=DeviceType")
    index = client.namespaces.index(PLANTSPACE)
    for declaration in await kind.get_children():
        name = await declaration.read_browse_name()
        if name.NamespaceIndex != index:
            continue
        own = await client.node("first").get_child(name)
        assert await own.read_node_class() == await declaration.read_node_class()
        if await own.read_node_class() is ua.NodeClass.Variable:
            assert await own.read_data_type() == await declaration.read_data_type()
            assert (await own.read_data_value()).Value is not None
    for below in await client.node(f"nsu={PLANTSPACE};s=DeviceType.Diagnostics").get_children():
        counter = await client.node("first/Diagnostics").get_child(await below.read_browse_name())
        if await counter.read_node_class() is not ua.NodeClass.Variable:
            continue
        held = await counter.read_data_value()
        assert held.Value is not None
        assert held.Value.VariantType == await counter.read_data_type_as_variant_type()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("DeviceHealthEnumeration", [member.name for member in DeviceHealth]),
        ("SupervisorStateEnumeration", [member.value for member in State]),
    ],
)
async def test_the_models_words_are_in_the_order_of_the_numbers(
    client: GatewayClient, name: str, words: list[str]
) -> None:
    texts = await client.value(f"nsu={PLANTSPACE};s={name}.EnumStrings")
    assert [text.Text for text in texts] == words


async def test_counters_cannot_be_written(client: GatewayClient) -> None:
    assert await client.write("first/Scans", 0, ua.VariantType.UInt64) != "Good"
    assert await client.value("first/Scans") > 0


async def test_the_loss_ledger_balances(client: GatewayClient) -> None:
    async def losses() -> dict[str, int]:
        names = ("Acquired", "Stored", "Published", "Acknowledged", "Dropped", "Gaps")
        return {name: await client.value(f"{LOSSES}.{name}") for name in names}

    before = await losses()

    async def caught_up() -> bool:
        now = await losses()  # what a device's silence makes of a value is stored too, and was not acquired
        return now["Stored"] > before["Acquired"] < now["Acquired"]

    await until(caught_up)
    now = await losses()
    assert (now["Published"], now["Acknowledged"], now["Dropped"], now["Gaps"]) == (0, 0, 0, 0)
