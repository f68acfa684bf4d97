"""The demo as a stranger meets it: another process, its own devices, a real client, a real broker."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from asyncua import ua
from asyncua.client.client import Client

from tests.broker import find_mosquitto
from tests.command import Running, environment, plantspace
from tests.waiting import until

_WITHOUT_MOSQUITTO = """\
import sys
from server.demo import demo
from server.cli import main
demo.find_mosquitto = lambda: None
sys.exit(main())
"""


class _Demo:
    """A demo that runs, and what it has said."""

    def __init__(self, running: Running, folder: Path) -> None:
        self.running = running
        self.folder = folder
        self.said: list[str] = []
        while "Ctrl-C ends all of it" not in (line := running.line()):
            assert line, f"the demo ended: {''.join(self.said)}{running.errors()}"
            self.said.append(line)
        self.children = psutil.Process(running.process.pid).children(recursive=True)

    @property
    def url(self) -> str:
        return next(word for line in self.said for word in line.split() if word.startswith("opc.tcp://"))

    def told(self, beginning: str) -> str:
        return next((line for line in self.said if line.strip().startswith(beginning)), "")

    def has_left_nothing(self) -> bool:
        gone, alive = psutil.wait_procs(self.children, timeout=0)
        del gone
        return not alive


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[_Demo]:
    running = Running("demo", "--port", "0", "--data", str(tmp_path / "demo"), errors=tmp_path / "errors")
    try:
        yield _Demo(running, tmp_path / "demo")
    finally:
        running.end()


async def test_a_client_sees_the_line_move_and_steers_it(demo: _Demo) -> None:
    async with Client(demo.url, timeout=30) as client:

        async def node(name: str) -> ua.NodeId:
            index = await client.get_namespace_index("urn:plantspace:demo:fillingline")
            return ua.NodeId(ua.String(f"Line1.{name}"), ua.Int16(index))

        async def read(name: str) -> object:
            """Give the value, or None where its device has not answered yet."""
            told = (await client.get_node(await node(name)).read_data_value(raise_on_bad_status=False)).Value
            return told and told.Value

        async def first(name: str) -> object:
            async def there() -> bool:
                return await read(name) is not None

            await until(there, seconds=30, every=0.1)
            return await read(name)

        async def speed_is(wanted: float) -> bool:
            return abs(float(str(await first("Filler.Speed"))) - wanted) < 2.0

        async def runs() -> bool:
            return await read("Filler.State") == 2

        # It calls itself running once it is closer to the set point than this looks.
        await until(runs, seconds=30, every=0.2)
        await until(lambda: speed_is(300.0), seconds=30, every=0.2)
        assert 70 < float(str(await first("Filler.Temperature"))) < 75
        assert 1 < float(str(await first("Filler.Pressure"))) < 4
        assert int(str(await first("Filler.BottlesFilled"))) > 184_220
        assert 220 < float(str(await first("EnergyMeter.VoltageL1"))) < 240
        assert float(str(await first("EnergyMeter.TotalActivePower"))) > 5_000
        assert await first("Filler.RunCommand") is True
        setpoint = client.get_node(await node("Filler.SpeedSetpoint"))
        await setpoint.write_value(ua.DataValue(ua.Variant(240.0, ua.VariantType.Float)))
        await until(lambda: speed_is(240.0), seconds=30, every=0.2)
        filler = client.get_node(await node("Filler"))
        await filler.call_method(await node("Filler.ResetFault"))
        objects = await client.nodes.objects.get_children()
        names = {(await one.read_browse_name()).Name for one in objects}
        assert {"Line1", "conveyor-drive", "filler", "energy-meter"} <= names


async def test_history_can_be_asked_while_it_runs(demo: _Demo) -> None:
    command = demo.told("History").split(maxsplit=1)[1].split()
    assert command[0] == "plantspace"

    def rows() -> int:
        done = plantspace(*command[1:])
        return len(done.stdout.splitlines()) if done.returncode == 0 else 0

    async def some() -> bool:
        return await asyncio.to_thread(rows) > 10

    await until(some, seconds=60)
    assert plantspace("check", str(demo.folder / "plant.yaml")).returncode == 0


@pytest.mark.skipif(
    find_mosquitto() is None or shutil.which("mosquitto_sub") is None,
    reason="mosquitto and mosquitto_sub are not installed",
)
def test_the_printed_mqtt_command_shows_values(demo: _Demo) -> None:
    command = demo.told("MQTT").split(maxsplit=1)[1].replace("'", "").split()
    assert command[0] == "mosquitto_sub"
    done = subprocess.run([*command, "-C", "8", "-W", "30"], capture_output=True, text=True, timeout=60, check=False)
    assert "/data/" in done.stdout
    assert "Temperature" in done.stdout


async def _is_over(demo: _Demo) -> bool:
    return demo.running.process.poll() is not None and demo.has_left_nothing()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_it_ends_cleanly_and_leaves_no_process(demo: _Demo, number: signal.Signals) -> None:
    assert len(demo.children) >= 2
    demo.running.process.send_signal(number)
    await until(lambda: _is_over(demo), seconds=30)
    assert demo.running.process.returncode == 0
    assert demo.running.errors() == ""


async def test_killed_it_leaves_no_process_either(demo: _Demo) -> None:
    demo.running.process.kill()
    await until(lambda: _is_over(demo), seconds=30)


async def test_asked_to_end_while_it_starts_it_leaves_no_process(tmp_path: Path) -> None:
    running = Running("demo", "--port", "0", "--data", str(tmp_path / "demo"), errors=tmp_path / "errors")
    children: list[psutil.Process] = []
    try:

        def has_children() -> bool:
            children[:] = psutil.Process(running.process.pid).children(recursive=True)
            return bool(children)

        await until(has_children, seconds=30)
        running.process.send_signal(signal.SIGTERM)
        await until(lambda: running.process.poll() is not None, seconds=30)
        assert running.process.returncode == 0, running.errors()
        await until(lambda: not psutil.wait_procs(children, timeout=0)[1], seconds=30)
    finally:
        running.end()


def test_taken_ports_are_replaced_and_that_is_said(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):  # someone has it already, which serves as well
            other.bind(("127.0.0.1", 5020))
            other.listen()
        done = plantspace("demo", "--port", "0", "--data", str(tmp_path / "demo"), "--seconds", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Port 5020 is taken, so the filling line is at " in done.stdout
    assert "No security and everyone is Operator: a demo, on this machine only" in done.stdout


def test_a_file_that_was_changed_is_kept_and_that_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    arguments = ("demo", "--port", "0", "--data", str(folder), "--seconds", "1")
    assert "kept your" not in plantspace(*arguments).stdout
    bindings = folder / "bindings" / "filler.csv"
    mine = bindings.read_text(encoding="utf-8") + "# mine\n"
    bindings.write_text(mine, encoding="utf-8")
    done = plantspace(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line for line in done.stdout.splitlines() if "kept your" in line] == [
        "  note: kept your bindings/filler.csv; remove it to get the new one"
    ]
    assert bindings.read_text(encoding="utf-8") == mine


def test_a_port_that_was_asked_for_and_is_taken_is_an_error(tmp_path: Path, free_port: Callable[[], int]) -> None:
    port = free_port()
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        done = plantspace("demo", "--port", str(port), "--data", str(tmp_path / "demo"))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"port {port} cannot be used: address already in use (give another --port)" in done.stderr


def test_without_a_broker_it_says_how_to_get_one(tmp_path: Path) -> None:
    if _something_listens(1883):
        pytest.skip("something listens at 127.0.0.1:1883")
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            _WITHOUT_MOSQUITTO,
            "demo",
            "--port",
            "0",
            "--data",
            str(tmp_path / "demo"),
            "--seconds",
            "1",
        ],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "There is no MQTT broker here (apt-get install mosquitto" in done.stdout
    assert "mosquitto_sub -h" not in done.stdout
    assert "pubsub:" not in (tmp_path / "demo" / "plant.yaml").read_text(encoding="utf-8")


def _something_listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    done = plantspace("demo", "--port", "0", "--data", str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "holds files that are not the demo's" in done.stderr
    assert os.listdir(tmp_path) == ["mine.txt"]  # noqa: PTH208 - names alone


def test_it_says_where_its_command_is_when_the_shell_does_not_find_it(demo: _Demo) -> None:
    found = shutil.which("plantspace")
    told = demo.told("plantspace is")
    own = Path(sys.executable).with_name("plantspace")
    assert told.split() == ([] if found or not own.exists() else ["plantspace", "is", str(own), "here"])
