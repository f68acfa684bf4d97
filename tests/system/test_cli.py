"""The command line as people and services use it: other processes, exit codes, what stands on which stream."""

from __future__ import annotations

import asyncio
import os
import pty
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.command import COMMAND, ROOT, Running, environment, plantspace
from tests.modbus_device import ModbusDevice

GOLDEN = ROOT / "tests" / "golden" / "configurations"
COMMANDS = [
    ["demo"],
    ["run"],
    ["check"],
    ["history"],
    ["history", "query"],
    ["history", "backup"],
    ["history", "repair"],
    ["tags"],
    ["tags", "export"],
    ["tags", "import"],
    ["nodeset"],
    ["nodeset", "check"],
    ["nodeset", "list"],
    ["nodeset", "diff"],
    ["nodeset", "export"],
]

_LATE = 60.0
"""Seconds within which there has to be a history."""


@pytest.fixture
def device() -> Iterator[ModbusDevice]:
    with ModbusDevice() as device:
        device.put("holding", 0, [17_056, 0, 7])  # 80.0 as a float32, and a counter
        yield device


@pytest.fixture
def plant(tmp_path: Path, device: ModbusDevice, free_port: Callable[[], int]) -> Path:
    """Lay down a configuration of one device with one table."""
    (tmp_path / "plc.csv").write_text(
        "node,address,scan,access,history\n"
        "Temperature,holding:40001/float32,100ms,rw,true\n"
        "Count,holding:40003,100ms,,true\n",
        encoding="utf-8",
    )
    config = tmp_path / "plant.yaml"
    config.write_text(
        f"""\
name: line-1
server:
  endpoint: opc.tcp://127.0.0.1:{free_port()}
  security: ["None"]
  anonymous: Operator
devices:
  plc:
    driver: modbus
    url: {device.url}
    timeout: 10s
    bindings: plc.csv
""",
        encoding="utf-8",
    )
    return config


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_teaches(command: list[str]) -> None:
    done = plantspace(*command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"usage: plantspace {' '.join(command)}" in done.stdout
    has_own_commands = command in (["history"], ["tags"], ["nodeset"])
    assert has_own_commands or "examples:" in done.stdout
    assert "\x1b" not in done.stdout


def test_help_names_every_command_and_exit_code() -> None:
    done = plantspace("--help")
    assert done.returncode == 0
    for word in ("demo", "run", "check", "history", "tags", "nodeset", "exit codes:", "examples:"):
        assert word in done.stdout
    assert "demo-device" not in done.stdout


def test_no_command_is_a_usage_error_that_shows_the_help() -> None:
    done = plantspace()
    assert (done.returncode, done.stdout) == (2, "")
    assert "commands:" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["fly"],
        ["check"],
        ["run", "plant.yaml", "--log-levle", "debug"],
        ["run", "plant.yaml", "--log-level", "loud"],
        ["demo", "--port", "70000"],
        ["demo", "--seconds", "soon"],
        ["history", "query", "Temperature"],
        ["history", "query", "Temperature", "--data", ".", "--start", "yesterday"],
        ["history", "query", "Temperature", "--data", ".", "--start", "-1min", "--end", "-1h"],
        ["history", "query", "Temperature", "--data", ".", "--interval", "1min"],
        ["history", "query", "Temperature", "--data", ".", "--limit", "0"],
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_exit_code_2_and_nothing_on_standard_output(arguments: list[str]) -> None:
    done = plantspace(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "plantspace" in done.stderr
    assert "Traceback" not in done.stderr


def test_check_of_a_wrong_configuration_prints_findings_and_a_count() -> None:
    case = GOLDEN / "wrong_cells_in_bindings"
    done = plantspace("check", "plant.yaml", cwd=case)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == (case / "expected.txt").read_text(encoding="utf-8")


def test_run_refuses_a_wrong_configuration_and_changes_nothing(tmp_path: Path) -> None:
    case = GOLDEN / "wrong_cells_in_bindings"
    shutil.copytree(case, tmp_path / "plant")
    before = sorted((tmp_path / "plant").rglob("*"))
    done = plantspace("run", "plant.yaml", cwd=tmp_path / "plant")
    assert (done.returncode, done.stdout) == (1, "")
    findings = (case / "expected.txt").read_text(encoding="utf-8").rstrip()
    assert done.stderr == f"{findings}; nothing was started or changed\n"
    assert sorted((tmp_path / "plant").rglob("*")) == before


def test_check_of_a_sound_configuration_says_nothing_unless_asked(plant: Path) -> None:
    quiet = plantspace("check", str(plant))
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    told = plantspace("check", str(plant), "--verbose")
    assert told.returncode == 0
    assert "nothing is wrong" in told.stdout
    assert "1 device, 2 points" in told.stdout
    assert not (plant.parent / "var").exists()


def test_a_missing_file_is_one_plain_line() -> None:
    done = plantspace("check", "/nowhere/plant.yaml")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("/nowhere/plant.yaml: the file cannot be read")


def test_colours_are_for_terminals_without_no_color_only() -> None:
    arguments = ["check", str(GOLDEN / "no_yaml" / "plant.yaml")]
    assert "\x1b[" in _at_a_terminal(arguments)
    assert "\x1b[" not in _at_a_terminal(arguments, NO_COLOR="1")
    assert "\x1b[" not in _at_a_terminal(arguments, TERM="dumb")


def _at_a_terminal(arguments: list[str], **more: str) -> str:
    main, secondary = pty.openpty()
    variables = environment(**{"TERM": "xterm", **more})
    with subprocess.Popen([*COMMAND, *arguments], stdout=secondary, stderr=secondary, env=variables) as process:
        os.close(secondary)
        said = b""
        try:
            while part := os.read(main, 65536):
                said += part
        except OSError:  # Linux says so where a pseudo-terminal has lost its other end
            pass
        finally:
            os.close(main)
        process.wait()
    return said.decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_says_ready_once_and_ends_cleanly(plant: Path, tmp_path: Path, number: signal.Signals) -> None:
    running = Running("run", str(plant), errors=tmp_path / "log")
    try:
        line = running.line()
        assert line.startswith("ready opc.tcp://127.0.0.1:"), running.errors()
        port = int(line.rstrip().rstrip("/").rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=30):
            pass
        running.process.send_signal(number)
        assert running.line() == ""
        assert running.process.wait(60) == 0
        assert "Traceback" not in running.errors()
    finally:
        running.end()


def test_run_where_the_port_is_taken_says_so(plant: Path, tmp_path: Path) -> None:
    port = int(plant.read_text(encoding="utf-8").split("127.0.0.1:")[1].split("\n")[0])
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        done = plantspace("run", str(plant), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert str(port) in done.stderr
    assert "Traceback" not in done.stderr


async def test_history_is_read_while_the_gateway_runs_and_after(plant: Path, tmp_path: Path) -> None:
    data = tmp_path / "var"
    running = Running("run", str(plant), errors=tmp_path / "log")
    try:
        assert running.line().startswith("ready"), running.errors()
        rows = await asyncio.to_thread(_wait_for_history, data)
        assert {row.split(",")[2] for row in rows} == {"80.0"}
        assert {row.split(",")[3] for row in rows} == {"Good"}
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(60) == 0
    finally:
        running.end()
    table = plantspace("history", "query", "/Objects/plc/Count", "--config", str(plant), "--start", "-10min")
    assert (table.returncode, table.stderr) == (0, "")
    heading, *lines = table.stdout.splitlines()
    assert heading.split() == ["source", "time", "value", "status"]
    assert lines[0].split()[1:] == ["7", "Good"]
    summed = plantspace(
        "history", "query", "plc.Count", "--data", str(data),
        "--start", "-10min", "--aggregate", "max", "--interval", "1h", "--format", "csv",
    )  # fmt: skip
    # What the gateway wrote as it went down may be Bad: then the hour is not as good as its values.
    good = all(line.split()[-1] == "Good" for line in lines)
    told = "Good" if good else "UncertainDataSubNormal"
    # Ten minutes ago it may have been another hour, of which there is nothing.
    hours = [row for line in summed.stdout.splitlines()[1:] if (row := line.split(",")[2:])[0]]
    assert {row[0] for row in hours} == {"7"}
    assert hours[-1][1:] == [told, ""]
    wrong = plantspace("history", "query", "Cuont", "--data", str(data))
    assert wrong.returncode == 1
    assert "did you mean plc.Count?" in wrong.stderr


def _wait_for_history(data: Path) -> list[str]:
    arguments = ["history", "query", "plc/Temperature", "--data", str(data), "--format", "csv"]
    said = ""
    deadline = time.monotonic() + _LATE
    while time.monotonic() < deadline:
        done = plantspace(*arguments)
        if done.returncode == 0 and len(done.stdout.splitlines()) > 1:
            return done.stdout.splitlines()[1:]
        said = done.stdout + done.stderr
    message = f"no history within {_LATE} s: {said}"
    raise AssertionError(message)


def test_tags_go_out_and_come_back(plant: Path, tmp_path: Path) -> None:
    table, bindings = tmp_path / "tags.csv", tmp_path / "plc.csv"
    before = bindings.read_text(encoding="utf-8")
    done = plantspace("tags", "export", str(plant), str(table))
    assert (done.returncode, done.stdout) == (0, "")
    assert "2 bindings of 1 device" in done.stderr
    same = plantspace("tags", "import", str(plant), str(table))
    assert same.returncode == 0
    assert "nothing was changed" in same.stdout
    assert bindings.read_text(encoding="utf-8") == before
    text = table.read_text(encoding="utf-8").replace("holding:40003", "holding:40005")
    table.write_text(text + "plc,Extra,coil:1\n", encoding="utf-8")
    tried = plantspace("tags", "import", str(plant), str(table), "--dry-run")
    assert "1 added, 1 changed, 1 as before" in tried.stdout
    assert bindings.read_text(encoding="utf-8") == before
    done = plantspace("tags", "import", str(plant), str(table))
    assert done.returncode == 0
    assert "~ Count  address: holding:40003 -> holding:40005" in done.stdout
    assert "Extra,coil:1" in bindings.read_text(encoding="utf-8")
    (backup,) = tmp_path.glob("plc.csv.*.bak")
    assert backup.read_text(encoding="utf-8") == before
    assert plantspace("check", str(plant)).returncode == 0


def test_nodeset_check_tells_what_is_wrong_and_nothing_else() -> None:
    folder = ROOT / "tests" / "golden" / "nodesets"
    sound = plantspace("nodeset", "check", "plant.NodeSet2.xml", cwd=folder / "nothing_wrong", timeout=60)
    assert sound.returncode in (0, 1)
    done = plantspace("nodeset", "check", "plant.NodeSet2.xml", cwd=folder / "duplicate_node_id")
    assert done.returncode == 1
    assert "is already that of the node at" in done.stdout
    assert done.stdout.endswith("1 error\n")
    demo = plantspace("nodeset", "check", "server/demo/models/fillingline.NodeSet2.xml", cwd=ROOT)
    assert demo.returncode == 0
    assert demo.stdout.endswith("nothing is wrong\n")
