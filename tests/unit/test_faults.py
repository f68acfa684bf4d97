"""Every fault that the historian must survive has a test of its number that runs the real parts."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

KNOWN = range(1, 31)
"""The faults of the list."""
HISTORIAN = (12, *range(14, 21), 24, *range(26, 29))
_TEST = re.compile(r"^\s*(?:async )?def (test_fault_\w+)\(", re.MULTILINE)
_NAME = re.compile(r"test_fault_(\d\d)_\w+")
_FILE = re.compile(r"test_fault_(\d\d)_\w+\.py")


@functools.cache
def _tests() -> tuple[tuple[str, Path], ...]:
    folder = ROOT / "tests"
    return tuple(
        (name, file.relative_to(folder))
        for room in ("system", "unit", "conformance")
        for file in sorted((folder / room).rglob("*.py"))
        for name in _TEST.findall(file.read_text(encoding="utf-8"))
    )


def test_every_test_of_a_fault_names_a_number_of_the_list() -> None:
    wrong = [
        f"{file}: {name}"
        for name, file in _tests()
        if (match := _NAME.fullmatch(name)) is None or int(match[1]) not in KNOWN
    ]
    assert not wrong


def test_a_file_of_a_fault_holds_tests_of_that_fault_alone() -> None:
    named = {file: match[1] for _, file in _tests() if (match := _FILE.fullmatch(file.name))}
    assert named
    wrong = [f"{file}: {name}" for name, file in _tests() if file in named and f"_{named[file]}_" not in name]
    assert not wrong


@pytest.mark.parametrize("number", HISTORIAN)
def test_every_fault_of_the_historian_has_a_test_against_running_parts(number: int) -> None:
    where = [str(file) for name, file in _tests() if name.startswith(f"test_fault_{number}_")]
    assert any(file.startswith(f"system/test_fault_{number}_") for file in where), where
