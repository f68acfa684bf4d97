from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import drivers
from core.errors import SettingError
from drivers import registry
from drivers.contract import Manifest

ROOT = Path(drivers.__path__[0]).parent


def test_drivers_are_found_by_their_folders() -> None:
    assert "simulator" in registry.names()
    assert "supervision" not in registry.names()


def test_a_manifest_carries_its_own_name() -> None:
    card = registry.manifest("simulator")
    assert isinstance(card, Manifest)
    assert card.name == "simulator"
    assert registry.manifest("simulator") is card


def test_an_unknown_driver_names_the_nearest_and_all() -> None:
    with pytest.raises(SettingError, match=r"no driver 'Simulater'.*did you mean simulator\?.*drivers are .*simulator"):
        registry.manifest("Simulater")


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A second folder that drivers are looked for in."""
    monkeypatch.setattr(drivers, "__path__", [*drivers.__path__, str(tmp_path)])
    return tmp_path


def add(shelf: Path, name: str, manifest: str) -> None:
    (shelf / name).mkdir()
    (shelf / name / "__init__.py").write_text("")
    (shelf / name / "manifest.py").write_text(manifest)


def test_a_package_without_a_manifest_in_it_is_told(shelf: Path) -> None:
    add(shelf, "registrytest_empty", "")
    assert "registrytest_empty" in registry.names()
    with pytest.raises(SettingError, match="does not hold a MANIFEST"):
        registry.manifest("registrytest_empty")


def test_a_driver_whose_library_is_missing_is_told(shelf: Path) -> None:
    add(shelf, "registrytest_missing", "import no_such_library_anywhere\n")
    with pytest.raises(SettingError, match="cannot be loaded: No module named 'no_such_library_anywhere'"):
        registry.manifest("registrytest_missing")


def test_a_driver_loads_nothing_of_the_others() -> None:
    code = (
        "import sys; from drivers import registry; registry.names(); registry.manifest('simulator');"
        "loaded = {name.split('.')[0] for name in sys.modules};"
        "print(sorted(loaded & {'pymodbus', 'can', 'cantools', 'serial', 'asyncua'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
