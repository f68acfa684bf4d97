"""Imports run one way, and the check that says so notices when they do not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

ROOMS = ["analytics", "certs", "core", "drivers", "historian", "nodesets", "server"]

WRONG = {
    "core looks up": ("core", "import nodesets", "core is not allowed to import nodesets"),
    "core sees asyncua": ("core", "import asyncua", "core is not allowed to import asyncua"),
    "a middle room looks up": ("historian", "import server", "historian is not allowed to import server"),
    "siblings above": ("drivers", "import historian", "drivers is not allowed to import historian"),
    "siblings below": ("certs", "import nodesets", "certs is not allowed to import nodesets"),
    "a driver sees asyncua": ("drivers", "from asyncua import ua", "drivers is not allowed to import asyncua"),
    "hidden in a function": ("core", "def f() -> None:\n    import server", "core is not allowed to import server"),
    "the product sees its tests": ("server", "import tests.waiting", "server is not allowed to import tests"),
}


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the checkout in ``folder`` by that checkout's own contracts."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_imports_run_one_way() -> None:
    done = _lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("room", "line", "told"), WRONG.values(), ids=WRONG.keys())
def test_an_arrow_that_runs_back_is_told(tmp_path: Path, room: str, line: str, told: str) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name in ROOMS:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    (tmp_path / room / "wrong.py").write_text(line + "\n", encoding="utf-8")
    done = _lint(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert told in done.stdout


def test_a_gateway_does_not_load_what_publishes_keeps_or_logs_in_elsewhere_before_it_is_configured() -> None:
    """It would be a tenth of each start."""
    looked = "import sys, server.cli.planning, server.gateway; print(*(name for name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", looked], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    loaded = set(done.stdout.split())
    assert "server.publishing" in loaded
    assert not loaded & {"server.published_connections", "server.pubsub.connection", "server.pubsub.mqtt.connection"}
    assert not loaded & {"historian.influx.store", "server.users.tokens", "jwt"}
