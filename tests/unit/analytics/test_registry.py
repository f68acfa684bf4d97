from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from analytics.registry import OperatorPackageError, find_operators
from analytics.robust_zscore.manifest import MANIFEST

KNOWN = "from analytics.robust_zscore.manifest import MANIFEST\n"


@pytest.fixture
def room_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[dict[str, str]], ModuleType]]:
    """Give a function that makes a package with one sub-package an entry: name -> text of its manifest module."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    def make(packages: dict[str, str]) -> ModuleType:
        room = tmp_path / "room_under_test"
        room.mkdir()
        (room / "__init__.py").touch()
        (room / "module.py").touch()
        (room / "without_manifest").mkdir()
        (room / "without_manifest" / "__init__.py").touch()
        for name, text in packages.items():
            (room / name).mkdir()
            (room / name / "__init__.py").touch()
            (room / name / "manifest.py").write_text(text, encoding="utf-8")
        importlib.invalidate_caches()
        return importlib.import_module("room_under_test")

    yield make
    for name in [name for name in sys.modules if name.startswith("room_under_test")]:
        del sys.modules[name]


def test_our_operators_are_found() -> None:
    assert find_operators()["robust-zscore"] is MANIFEST


def test_packages_without_a_manifest_are_passed_over(room_of: Callable[[dict[str, str]], ModuleType]) -> None:
    assert list(find_operators(room_of({"one": KNOWN}))) == ["robust-zscore"]


def test_a_manifest_module_without_a_manifest_is_told(room_of: Callable[[dict[str, str]], ModuleType]) -> None:
    with pytest.raises(OperatorPackageError, match=r"room_under_test\.one\.manifest has no MANIFEST"):
        find_operators(room_of({"one": "MANIFEST = 1\n"}))


def test_two_operators_of_one_name_are_told(room_of: Callable[[dict[str, str]], ModuleType]) -> None:
    with pytest.raises(OperatorPackageError, match="calls itself 'robust-zscore', as another operator does"):
        find_operators(room_of({"one": KNOWN, "two": KNOWN}))
