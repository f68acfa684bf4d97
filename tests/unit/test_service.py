"""The systemd service is one that systemd takes, and is as closed as it says."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

SERVICE = Path(__file__).parents[2] / "yocto/recipes-plantspace/plantspace/files/plantspace.service"


def _read() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys of a unit file are written in one case
    parser.read_string(SERVICE.read_text(encoding="utf-8"))
    return parser


def test_it_runs_as_nobody_special_and_may_write_one_folder() -> None:
    service = _read()["Service"]
    assert service["User"] == "plantspace"
    assert service["CapabilityBoundingSet"] == ""
    assert service["ProtectSystem"] == "strict"
    assert service["StateDirectoryMode"] == "0700"
    assert "ReadWritePaths" not in service


def test_it_checks_the_configuration_before_it_runs() -> None:
    service = _read()["Service"]
    check, run = service["ExecStartPre"].split(), service["ExecStart"].split()
    assert check[1] == "check"
    assert run[1] == "run"
    assert check[2] == run[2]


def test_systemd_takes_it(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not on this machine")
    unit = tmp_path / "plantspace.service"
    text = SERVICE.read_text(encoding="utf-8").replace("/usr/bin/plantspace", "/bin/true")
    unit.write_text(text.replace("User=plantspace", "User=daemon").replace("Group=plantspace", "Group=daemon"))
    done = subprocess.run([program, "verify", str(unit)], capture_output=True, text=True, check=False)
    assert "plantspace.service" not in done.stderr, done.stderr
