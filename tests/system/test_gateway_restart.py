"""What outlives a stop, a kill -9 and damaged files: the same folder, started again."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false, reportArgumentType=false
from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from asyncua import ua

from tests.modbus_device import ModbusDevice
from tests.system.running_gateway import GatewayClient, RunningGateway
from tests.waiting import until

MODEL = Path(__file__).parent / "models" / "memory.NodeSet2.xml"
LINE = "nsu=urn:plantspace:tests:memory;s=Line"
KIND = ua.VariantType
MEMORY = f"model: {{nodesets: ['{MODEL}']}}\n"
HISTORY = """\
devices:
  plc:
    driver: modbus
    url: {url}
    scan: 20ms
    history: true
    bindings: [{{node: Count, address: "holding:0/float32"}}]
"""


async def _values(client: GatewayClient, node: str) -> list[Any]:
    """Read all values of a node's history; what was no value (the device was away) is left out."""
    read = await client.node(node).read_raw_history(datetime(2026, 1, 1, tzinfo=UTC), datetime.now(UTC))
    return [one.Value.Value for one in read if one.Value is not None and one.Value.Value is not None]


def _kept(gateway: RunningGateway) -> dict[str, list[object]]:
    file = gateway.data / "retained.json"
    return json.loads(file.read_text(encoding="utf-8"))["values"] if file.exists() else {}


async def test_what_clients_wrote_outlives_a_stop_and_a_kill(tmp_path: Path) -> None:
    wrote: dict[str, tuple[ua.VariantType, Any]] = {
        "Recipe": (KIND.String, "Orange 🍊"),
        "Target": (KIND.Double, -0.0),
        "Batch": (KIND.Int64, -(2**63)),
        "Enabled": (KIND.Boolean, False),
        "Begun": (KIND.DateTime, datetime(2030, 1, 2, 3, 4, 5, 678_901, UTC)),
        "Label": (KIND.LocalizedText, ua.LocalizedText("Plant", "en")),
        "Key": (KIND.ByteString, b""),
        "Curve": (KIND.Double, [9.0]),
    }
    with RunningGateway(tmp_path, MEMORY) as gateway:
        async with gateway.client() as client:
            for name, (kind, value) in wrote.items():
                assert await client.write(f"{LINE}.{name}", value, kind) == "Good"
            before = {name: await client.read(f"{LINE}.{name}") for name in wrote}
        assert gateway.stop() == 0
        gateway.start()
        async with gateway.client() as client:
            for name, (kind, value) in wrote.items():
                read = await client.read(f"{LINE}.{name}")
                assert read.Value is not None
                assert (read.Value.Value, read.Value.VariantType) == (value, kind)
                assert read.SourceTimestamp == before[name].SourceTimestamp
            assert await client.value(f"{LINE}.Serial") == "SN-1"
            assert await client.write(f"{LINE}.Recipe", "killed", KIND.String) == "Good"
            await until(lambda: "6b696c6c6564" in str(_kept(gateway)))  # "killed", flushed
        gateway.kill()
        gateway.start()
        async with gateway.client() as client:
            assert await client.value(f"{LINE}.Recipe") == "killed"
            assert await client.value(f"{LINE}.Batch") == -(2**63)


async def test_damaged_kept_values_are_told_and_the_models_stand_in(tmp_path: Path) -> None:
    """The file is sound, single values are not: of another type by now, cut short, out of every range."""
    gateway = RunningGateway(tmp_path, MEMORY)
    gateway.data.mkdir(mode=0o700)
    kept = {
        f"{LINE}.Recipe": ["0b0000000000002440", 0, 10],  # a Double
        f"{LINE}.Batch": ["08", 0, 10],
        f"{LINE}.Level": ["zz", 0, 10],
        f"{LINE}.Enabled": ["0100", 2**40, 10],
        f"{LINE}.Ratio": ["0a0000803e", 0, 2**80],
        f"{LINE}.Target": ["0b0000000000002440", 0x40900000, 133_000_000_000_000_000],
        "nsu=urn:gone;s=Node": ["0100", 0, 10],
    }
    (gateway.data / "retained.json").write_text(json.dumps({"version": 1, "values": kept}), encoding="utf-8")
    with gateway:
        async with gateway.client() as client:
            assert await client.value(f"{LINE}.Recipe") == "Zitrone & Minze"
            assert await client.value(f"{LINE}.Batch") == 2**53 + 1
            assert await client.value(f"{LINE}.Level") == 7
            assert await client.value(f"{LINE}.Enabled") is True
            assert await client.status(f"{LINE}.Ratio") == "Good"
            assert await client.value(f"{LINE}.Target") == 10.0
            assert await client.status(f"{LINE}.Target") == "UncertainLastUsableValue"
        await until(lambda: gateway.log.count("begins with the model's value") == 5)


async def test_what_was_acquired_before_a_stop_is_in_the_history_afterwards(tmp_path: Path) -> None:
    with ModbusDevice() as plc, RunningGateway(tmp_path, HISTORY.format(url=plc.url)) as gateway:
        plc.ramp(1, 0.02)
        async with gateway.client() as client:
            await until(lambda: _reached(client, 20))
            last = await client.value("plc.Count")
        assert gateway.stop() == 0
        plc.stop()
        gateway.start()
        async with gateway.client() as client:
            await until(lambda: _holds(client, last))
            values = await _values(client, "plc.Count")
    assert values[-1] >= last
    assert values == sorted(values)


async def _reached(client: GatewayClient, samples: int) -> bool:
    return (await client.value("plc/SamplesAcquired") or 0) >= samples


async def _holds(client: GatewayClient, value: float) -> bool:
    return value in await _values(client, "plc.Count")


async def test_fault_26_what_was_accepted_before_a_kill_is_in_the_history_afterwards(tmp_path: Path) -> None:
    with ModbusDevice() as plc, RunningGateway(tmp_path, HISTORY.format(url=plc.url)) as gateway:
        plc.ramp(1, 0.02)
        async with gateway.client() as client:
            await until(lambda: _reached(client, 20))
            await until(lambda: _any(client))
            accepted = await _values(client, "plc.Count")
        gateway.kill()
        for name in ("history.sqlite", "outbox.sqlite"):
            with closing(sqlite3.connect(gateway.data / name)) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        gateway.start()
        async with gateway.client() as client:
            kept = await _values(client, "plc.Count")
    assert kept[: len(accepted)] == accepted


async def _any(client: GatewayClient) -> bool:
    return bool(await _values(client, "plc.Count"))


async def test_damaged_files_are_set_aside_told_and_the_gateway_serves(tmp_path: Path) -> None:
    with ModbusDevice() as plc, RunningGateway(tmp_path, MEMORY + HISTORY.format(url=plc.url)) as gateway:
        async with gateway.client() as client:
            await until(lambda: _any(client))
            assert await client.write(f"{LINE}.Recipe", "x", KIND.String) == "Good"
        assert gateway.stop() == 0
        for name in ("retained.json", "history.sqlite", "outbox.sqlite"):
            (gateway.data / name).write_bytes(b"\xde\xad\xbe\xef" * 5000)
        gateway.start()
        async with gateway.client() as client:
            assert await client.value(f"{LINE}.Recipe") == "Zitrone & Minze"
            await until(lambda: _any(client))
            assert await client.write(f"{LINE}.Recipe", "y", KIND.String) == "Good"
        assert gateway.stop() == 0
        log = gateway.log
        names = {file.name for file in gateway.data.iterdir()}
    for name in ("retained.json", "history.sqlite", "outbox.sqlite"):
        assert any(each.startswith(f"{name}.corrupt") for each in names), name
        assert name in names
        assert f"{name}" in log
    assert "Traceback" not in log
