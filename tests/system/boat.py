"""A gateway on what no one here made: companion models, a boat's CAN log and an inverter's register map.

The gateway runs as a user starts it; the inverter is pymodbus's server in another process.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Awaitable, Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pymodbus.client import AsyncModbusTcpClient

from tests.broker import Broker
from tests.foreign.client import ForeignClient, need_node
from tests.modbus_device import ModbusDevice
from tests.system.boat_log import Recorded, recorded
from tests.system.register_map import Register, published, write_bindings
from tests.system.running_gateway import RunningGateway
from tests.waiting import until

MESSAGES = frozenset(
    {
        "PGN_60928_isoAddressClaim",
        "PGN_126992_systemTime",
        "PGN_128259_speed",
        "PGN_128267_waterDepth",
        "PGN_129025_positionRapidUpdate",
        "PGN_129026_cogSogRapidUpdate",
        "PGN_129539_gnssDops",
        "PGN_130311_environmentalParameters",
    }
)
"""The messages of the log that are no fast packets and whose signals canboat's DBC knows."""
TRACK = ("PGN_129025_positionRapidUpdate.latitude", "PGN_129025_positionRapidUpdate.longitude")
BODY = """\
model:
  nodesets: [{corpus}/nodesets/Machinery/Opc.Ua.Machinery.NodeSet2.xml]
  search: [{corpus}/nodesets]
devices:
  inverter:
    driver: modbus
    url: {inverter}
    scan: 100ms
    history: true
    bindings: inverter.csv
  bus:
    driver: can
    url: log:{corpus}/can/candumpSample1.txt
    dbc: {corpus}/can/canboat.dbc
    strict: false
    interval: 1ms
    history: true
    signals: [{signals}]
pubsub:
  broker: {broker}
  datasets:
    inverter: {{nodes: ["/Objects/inverter/*"], publish: 200ms, keyframe: 5}}
    bus: {{nodes: ["/Objects/bus/*"], publish: 200ms, keyframe: 5}}
    track: {{nodes: ["/Objects/bus/{track[0]}", "/Objects/bus/{track[1]}"], publish: 200ms, samples: all}}
"""


@dataclass(frozen=True)
class Boat:
    """The running gateway with what was put into it."""

    gateway: RunningGateway
    corpus: Path
    table: Sequence[Register]
    log: dict[str, Recorded]
    inverter: ModbusDevice

    @property
    def units(self) -> dict[str, str]:
        """Tags that have a unit, as the map or the DBC writes it."""
        written = {f"inverter.{register.name}": register.unit for register in self.table if register.unit}
        return written | {f"bus.{name}": one.unit for name, one in self.log.items() if one.unit}

    async def fill(self, seed: int) -> dict[int, int]:
        """Fill the inverter's registers by chance; gives what its server then says they hold."""
        chance = random.Random(seed)
        last = max(register for one in self.table for register in one.registers)
        held: dict[int, int] = {}
        async with AsyncModbusTcpClient(self.inverter.host, port=self.inverter.port) as client:
            for first in range(0, last + 1, 100):
                given = [chance.randrange(0x10000) for _ in range(100)]
                assert not (await client.write_registers(first, given)).isError()
                answer = await client.read_holding_registers(first, count=100)
                held.update(enumerate(answer.registers, first))
        return held

    def unlike(self, held: dict[int, int], shown: Sequence[Any]) -> list[tuple[str, Any, float]]:
        """Give the entries of the map for which ``shown`` (None: nothing) is not what the registers mean."""
        return [
            (register.name, value, register.value(held))
            for register, value in zip(self.table, shown, strict=True)
            if value is None or value != pytest.approx(register.value(held))
        ]


@contextmanager
def sailing(corpus: Path, broker: Broker, folder: Path) -> Generator[Boat]:
    """Run it all; the gateway ends cleanly, or the test that asked fails. Skips without node or mosquitto_sub."""
    need_node()
    if shutil.which("mosquitto_sub") is None:
        pytest.skip("mosquitto_sub is not installed (apt-get install mosquitto-clients): nobody to hear the broker")
    table = published(corpus / "modbus" / "ha-solarman" / "deye_hybrid.yaml")
    log = recorded(corpus / "can" / "candumpSample1.txt", corpus / "can" / "canboat.dbc", MESSAGES)
    signals = ", ".join(f'"{name}.*"' for name in sorted(MESSAGES))
    with ModbusDevice(library=True) as inverter:
        body = BODY.format(corpus=corpus, inverter=inverter.url, broker=broker.url, signals=signals, track=TRACK)
        gateway = RunningGateway(folder, body, anonymous="Observer", name="boat")
        write_bindings(folder / "inverter.csv", table)
        with gateway:
            yield Boat(gateway, corpus, table, log, inverter)
            assert gateway.stop() == 0
        assert "Traceback" not in gateway.log


@dataclass(frozen=True)
class Seen:
    """The gateway as node-opcua's client sees it."""

    client: ForeignClient
    namespaces: Sequence[str]

    def tag(self, name: str) -> str:
        """Write the NodeId of a generated tag with its index of the day."""
        return f"ns={self.namespaces.index('urn:plantspace:boat')};s={name}"

    async def read(self, names: Iterable[str]) -> list[dict[str, Any]]:
        """Read generated tags."""
        return await self.client.read(*map(self.tag, names))

    async def history(self, name: str, start: datetime, count: int) -> list[tuple[int, Any]]:
        """Give status and value of the first ``count`` samples that are kept since ``start``."""
        pages = await self.client.ask("history", node=self.tag(name), start=start.isoformat(), count=count)
        return [(one["status"], one["value"]) for page in pages for one in page["values"]][:count]


async def settle(differences: Callable[[], Awaitable[Sequence[Any]]], seconds: float = 60) -> None:
    """Wait until there are no differences; fails with the first of those that stay."""
    left: list[Any] = []

    async def none() -> bool:
        left[:] = await differences()
        return not left

    try:
        await until(none, seconds=seconds, every=0.1)
    except AssertionError:
        pytest.fail(f"after {seconds} s {len(left)} still differ, the first: {left[:5]}")
