"""The wheel in a clean virtual environment: one private folder, every file, a command that runs anywhere."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT

ROOMS = ["analytics", "certs", "core", "drivers", "historian", "nodesets", "server"]


@dataclass(frozen=True)
class Installed:
    """A virtual environment that holds our wheel and sees its dependencies, and nothing of the checkout."""

    wheel: Path
    added: frozenset[str]
    """Names at the top of site-packages that the wheel brought."""
    commands: Path
    elsewhere: Path
    """An empty folder that has nothing to do with any of it."""

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of the environment's programs from elsewhere."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        command = [str(self.commands / program), *arguments]
        return subprocess.run(
            command, cwd=self.elsewhere, env=environment, capture_output=True, text=True, timeout=60, check=False
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Build the wheel from the checkout and install it, without any download."""
    folder = tmp_path_factory.mktemp("wheel")
    _quietly(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder / "dist"), str(ROOT))
    (wheel,) = (folder / "dist").glob("plantspace-*.whl")

    home = folder / "environment"
    venv.create(home, with_pip=False, symlinks=True)
    paths = sysconfig.get_paths(scheme="venv", vars={"base": str(home), "platbase": str(home)})
    site_packages = Path(paths["purelib"])
    # A plain folder on the path: the .pth files inside it, such as that of an editable install, are not followed.
    dependencies = sysconfig.get_paths()["purelib"]
    (site_packages / "dependencies.pth").write_text(dependencies + "\n", encoding="utf-8")

    before = set(site_packages.iterdir())
    python = Path(paths["scripts"]) / "python"
    install = ["install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check", str(wheel)]
    _quietly(sys.executable, "-m", "pip", "--python", str(python), *install)
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    added = frozenset(path.name for path in set(site_packages.iterdir()) - before)
    return Installed(wheel, added, Path(paths["scripts"]), elsewhere)


def _quietly(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_site_packages_gains_plantspace_alone(installed: Installed) -> None:
    _, version, *_ = installed.wheel.name.split("-")
    assert installed.added == {"plantspace", f"plantspace-{version}.dist-info"}


def test_no_room_can_be_imported_from_outside(installed: Installed) -> None:
    code = "import importlib.util as u, sys; print([n for n in sys.argv[1:] if u.find_spec(n)])"
    done = installed.run("python", "-c", code, *ROOMS)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_every_file_of_every_room_is_in_the_wheel(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as archive:
        packed = {name.removeprefix("plantspace/") for name in archive.namelist() if name.startswith("plantspace/")}
    expected = {
        file.relative_to(ROOT).as_posix()
        for room in ROOMS
        for file in (ROOT / room).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".pyc"
    }
    expected |= {"__init__.py", "__main__.py"}
    assert packed == expected


@pytest.mark.parametrize("way_in", [["plantspace"], ["python", "-m", "plantspace"]], ids=" ".join)
def test_the_command_runs_from_an_unrelated_folder(installed: Installed, way_in: list[str]) -> None:
    done = installed.run(*way_in, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "plantspace" in done.stdout
    done = installed.run(*way_in, "--version")
    assert (done.returncode, done.stderr) == (0, "")
    _, version, *_ = installed.wheel.name.split("-")
    assert version in done.stdout


def test_a_folder_named_server_where_the_user_stands_does_not_come_first(installed: Installed) -> None:
    decoy = installed.elsewhere / "server"
    decoy.mkdir()
    (decoy / "__init__.py").write_text("raise SystemExit('the wrong server')\n", encoding="utf-8")
    done = installed.run("python", "-m", "plantspace", "--version")
    assert (done.returncode, done.stderr) == (0, "")
