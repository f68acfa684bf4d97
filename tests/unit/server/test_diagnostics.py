"""What clients read of a device that answers every request with an exception."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from drivers.health import DeviceHealth
from tests.modbus_device import ModbusDevice
from tests.system.running_gateway import GatewayClient, RunningGateway
from tests.waiting import until

BODY = """\
devices:
  meter:
    driver: modbus
    url: {url}
    scan: 50ms
    timeout: 30s
    busy_retry: 20ms
    busy_retry_longest: 50ms
    bindings:
      - {{node: Level, address: "holding:0/float32"}}
"""


@pytest.fixture
def device() -> Generator[ModbusDevice]:
    with ModbusDevice() as served:
        served.refuse("holding", 0, 0xFFFF, 0x0B)
        yield served


async def test_a_device_behind_a_gateway_that_is_off_is_a_failure_with_its_reason(
    device: ModbusDevice, tmp_path: Path
) -> None:
    with RunningGateway(tmp_path, BODY.format(url=device.url)) as gateway:
        async with gateway.client() as client:
            await until(lambda: _has_health(client, DeviceHealth.FAILURE))
            error = await client.value("meter/LastError")
            assert error.startswith("meter: it answers, but every value is Bad: BadNoCommunication, reading 2 holding")
            assert "exception 0B" in error
            assert await client.value("meter/RequestErrors") > 0
            assert await client.value("meter/LateReplies") == 0
            device.behave()
            await until(lambda: _has_health(client, DeviceHealth.NORMAL))
            assert "exception 0B" in await client.value("meter/LastError"), "it stays"


async def _has_health(client: GatewayClient, health: DeviceHealth) -> bool:
    return await client.value("meter/Health") == health
