"""Durable subscriptions over a stop and a kill -9 (Part 4 v1.05 6.8): the same folder, started again."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false, reportArgumentType=false
from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

from asyncua import ua

from tests.modbus_device import ModbusDevice
from tests.system.durable_client import DurableClient, durable_client
from tests.system.running_gateway import PLANTSPACE, GatewayClient, RunningGateway
from tests.waiting import until

MODEL = Path(__file__).parent / "models" / "memory.NodeSet2.xml"
LINE = "nsu=urn:plantspace:tests:memory;s=Line"
MEMORY = f"model: {{nodesets: ['{MODEL}']}}\n"
KIND = ua.VariantType
FILE = "subscriptions.sqlite"
DEVICE = """\
devices:
  plc:
    driver: modbus
    url: {url}
    scan: 50ms
    stale: 500ms
    timeout: 200ms
    bindings: [{{node: Level, address: "holding:0/float32"}}]
"""


async def _write(client: DurableClient, *values: float) -> None:
    for value in values:
        assert await client.write(f"{LINE}.Target", value, KIND.Double) == "Good"


def _rows(gateway: RunningGateway, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"file:{gateway.data / FILE}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


async def test_what_a_client_missed_is_given_back_after_a_stop(tmp_path: Path) -> None:
    with RunningGateway(tmp_path, MEMORY) as gateway:
        async with durable_client(gateway) as client:
            held = await client.subscribe()
            made = await client.monitor(
                held,
                client.item(f"{LINE}.Target", 1),
                client.item(f"{LINE}.Recipe", 2),
                client.item(f"{LINE}.Curve", 3),
                client.item(f"{LINE}.Label", 4, mode=0),
            )
            first, initial = await client.message()
            assert dict(initial).keys() == {1, 2, 3}
            await _write(client, 1.5)
            unacknowledged, told = await client.message()
            assert (unacknowledged, told) == (first + 1, [(1, 1.5)])
        async with durable_client(gateway, application="urn:test:writer") as writer:
            await _write(writer, 2.5, 3.5)
            assert await writer.write(f"{LINE}.Recipe", "Möhre", KIND.String) == "Good"
            assert await writer.write(f"{LINE}.Curve", [1.0, 2.0], KIND.Double) == "Good"
        assert gateway.stop() == 0
        assert stat.S_IMODE((gateway.data / FILE).stat().st_mode) == 0o600
        gateway.start()
        async with durable_client(gateway, application="urn:test:writer") as other:
            assert (await other.transfer(held))[0] == "BadUserAccessDenied"
            assert (await other.set_durable(held, 1))[0] == "BadUserAccessDenied"
        async with durable_client(gateway, end=True) as client:
            assert await client.transfer(held) == ("Good", [first, unacknowledged])
            assert await client.republish(held, unacknowledged) == [(1, 1.5)]
            assert sorted(await client.republish(held, first)) == sorted(initial)
            sequence, told = await client.message()
            assert sequence == unacknowledged + 1, "no gap"
            # What was missed, in order; then what each item has as it begins anew: memory points kept theirs.
            assert [value for handle, value in told if handle == 1] == [2.5, 3.5, 3.5]
            assert [value for handle, value in told if handle == 2] == ["Möhre", "Möhre"]
            assert [value for handle, value in told if handle == 3] == [[1.0, 2.0], [1.0, 2.0]]
            await _write(client, 4.5)
            assert await client.message() == (sequence + 1, [(1, 4.5)])
            mode: Any = ua.SetMonitoringModeParameters()
            mode.SubscriptionId, mode.MonitoringMode = held, ua.MonitoringMode.Reporting
            mode.MonitoredItemIds = [made[3].MonitoredItemId]
            assert [one.name for one in await client.ua.uaclient.set_monitoring_mode(mode)] == ["Good"]
            assert [handle for handle, _ in (await client.message())[1]] == [4]
        await until(lambda: _rows(gateway, "SELECT id FROM subscription") == [])
        assert gateway.stop() == 0
        assert "Traceback" not in gateway.log


async def test_a_kill_loses_nothing_that_the_disk_has_and_repeats_no_sequence_number(tmp_path: Path) -> None:
    with RunningGateway(tmp_path, MEMORY) as gateway:
        async with durable_client(gateway) as client:
            held = await client.subscribe()
            await client.monitor(held, client.item(f"{LINE}.Target", 1, size=1000))
            last, _ = await client.message()
            for value in range(5):  # messages between two looks at the queues
                await _write(client, 100.0 + value)
                last, _ = await client.message()
        async with durable_client(gateway, application="urn:test:writer") as writer:
            await _write(writer, *(float(value) for value in range(50)))
        query = "SELECT total(length(body)) FROM chunk"
        await until(lambda: _rows(gateway, query)[0][0] >= 50 * 32)  # type: ignore[operator]  # a number
        gateway.kill()
        gateway.start()
        async with durable_client(gateway) as client:
            status, available = await client.transfer(held)
            assert status == "Good"
            sequence, told = await client.message()
            assert sequence > last, "numbers that may have been used are left out"
            values = [value for _, value in told]
            assert values[: values.index(49.0) + 1][-50:] == [float(value) for value in range(50)]
            assert all(one <= last for one in available)
            await _write(client, 7.0)
            assert await client.message() == (sequence + 1, [(1, 7.0)])


async def test_values_while_the_gateway_was_down_are_not_invented(tmp_path: Path) -> None:
    """A point of a device has no value when the gateway starts, and says so: that is where the gap is."""
    body = "devices: {sim: {driver: simulator, scan: 20ms, generate: {count: 2, type: Double, signal: ramp}}}\n"
    with RunningGateway(tmp_path, body) as gateway:
        async with durable_client(gateway) as client:
            held = await client.subscribe()
            await client.monitor(held, client.item("sim.t0", 1, size=10_000))
            await client.changes(held, 20)
        async with durable_client(gateway, application="urn:test:other", end=True) as other:
            await other.monitor(plain := await other.subscribe(None), other.item("sim.t0", 1))
            await other.changes(plain, 20)
        assert gateway.stop() == 0
        gateway.start()
        async with durable_client(gateway) as client:
            assert (await client.transfer(held))[0] == "Good"
            told: list[Any] = []
            while "BadWaitingForInitialData" not in told:  # what came meanwhile may be more than one message takes
                told += [value for _, value in await client.changes(held, 1)]
    gap = told.index("BadWaitingForInitialData")
    missed = [value for value in told[:gap] if isinstance(value, float)]
    assert len(missed) >= 20, "what came after the client left"
    assert told.count("BadWaitingForInitialData") == 1
    assert all(isinstance(value, float) for value in told[gap + 1 :])


async def test_a_node_that_is_gone_says_so_and_the_others_go_on(tmp_path: Path) -> None:
    with RunningGateway(tmp_path, MEMORY) as gateway:
        async with durable_client(gateway) as client:
            held = await client.subscribe()
            await client.monitor(held, client.item(f"{LINE}.Target", 1), client.item(f"{LINE}.Batch", 2))
            await client.changes(held, 2)
        assert gateway.stop() == 0
        shown = MODEL.read_text(encoding="utf-8").replace("s=Line.Batch", "s=Line.Lot")
        changed = tmp_path / "changed.NodeSet2.xml"
        changed.write_text(shown, encoding="utf-8")
        config = gateway.config.read_text(encoding="utf-8")
        gateway.config.write_text(config.replace(str(MODEL), str(changed)), encoding="utf-8")
        gateway.start()
        async with durable_client(gateway) as client:
            assert (await client.transfer(held))[0] == "Good"
            assert (2, "BadNodeIdUnknown") in await client.changes(held, 2)
        await until(lambda: "BadNodeIdUnknown" in gateway.log)


async def test_a_damaged_file_is_told_and_set_aside(tmp_path: Path) -> None:
    with RunningGateway(tmp_path, MEMORY) as gateway:
        async with durable_client(gateway) as client:
            held = await client.subscribe()
        assert gateway.stop() == 0
        (gateway.data / FILE).write_bytes(b"\xde\xad\xbe\xef" * 5000)
        gateway.start()
        await until(lambda: FILE in gateway.log)
        async with durable_client(gateway) as client:
            assert (await client.transfer(held))[0] == "BadSubscriptionIdInvalid"
            await client.subscribe()
        assert any(file.name.startswith(f"{FILE}.corrupt") for file in gateway.data.iterdir())
        assert "Traceback" not in gateway.log


async def test_who_may_make_a_subscription_durable_and_when(tmp_path: Path) -> None:
    with RunningGateway(tmp_path, MEMORY) as gateway:
        async with durable_client(gateway) as client, durable_client(gateway, application="urn:other") as other:
            held = await client.subscribe(None)
            assert await client.set_durable(held + 100, 1) == ("BadSubscriptionIdInvalid", None)
            assert await other.set_durable(held, 1) == ("BadUserAccessDenied", None)
            assert await client.set_durable(held, 0) == ("Good", 720)
            assert await client.set_durable(held, 5) == ("Good", 5)
            (made,) = await client.monitor(held, client.item(f"{LINE}.Target", 1, size=1_000_000))
            assert made.RevisedQueueSize == 100_000
            assert await client.set_durable(held, 1) == ("BadInvalidState", None)
            plain = await client.subscribe(None)
            (made,) = await client.monitor(plain, client.item(f"{LINE}.Target", 1, size=1_000_000))
            assert made.RevisedQueueSize == 5_000


async def test_events_are_given_back_too(tmp_path: Path) -> None:
    with ModbusDevice() as plc:
        body = DEVICE.format(url=plc.url)
        with RunningGateway(tmp_path, body) as gateway:
            async with durable_client(gateway) as client:
                kind = ua.NodeId("DeviceHealthEventType", client.namespaces.index(PLANTSPACE))
                held = await client.subscribe()
                await client.monitor(held, client.event_item(1))
            async with gateway.client() as other:
                await until(lambda: _reads(other), seconds=30)
                async with other.events("DeviceHealthEventType", "Device", "Health") as heard:
                    plc.stop()
                    await heard.wait(lambda event: event["Device"].Value == "plc")
            assert gateway.stop() == 0
            gateway.start()
            async with durable_client(gateway) as client:
                assert (await client.transfer(held))[0] == "Good"
                _, told = await client.message()
                assert (1, kind) in told
            assert "tells no events any more" not in gateway.log


async def _reads(client: GatewayClient) -> bool:
    return (await client.value("plc/SamplesAcquired") or 0) > 0


async def test_a_session_that_times_out_leaves_durable_subscriptions_alone(tmp_path: Path) -> None:
    with RunningGateway(tmp_path, MEMORY) as gateway:
        async with durable_client(gateway, lives=5) as client:
            held, plain = await client.subscribe(), await client.subscribe(None, interval=1000.0)
            await client.monitor(held, client.item(f"{LINE}.Target", 1))
            client.ua.disconnect_socket()
        async with durable_client(gateway, application="urn:test:other") as other:

            async def is_gone() -> bool:
                return (await other.transfer(plain))[0] == "BadSubscriptionIdInvalid"

            await until(is_gone, seconds=30)
            await _write(other, 8.5)
        async with durable_client(gateway) as client:
            assert (await client.transfer(held))[0] == "Good"
            assert (await client.changes(held, 2))[-1] == (1, 8.5)
