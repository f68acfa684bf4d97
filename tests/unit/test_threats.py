"""Every threat that the endpoint must withstand has a test of its number, and the source holds nothing it must not."""

from __future__ import annotations

import ast
import functools
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

THREATS = range(1, 28)
ROOMS = ("analytics", "certs", "core", "drivers", "historian", "nodesets", "packaging", "server")
_NAME = re.compile(r"test_threat_\d\d(?:_and_\d\d)*_\w+")
_NUMBERS = re.compile(r"(?<=_)\d\d(?=_)")
RUNS_CODE = ("pickle", "cPickle", "_pickle", "shelve", "marshal", "dill", "cloudpickle", "jsonpickle", "joblib")
"""Modules that make objects, or code, of bytes (threat 27)."""
BUILT_IN = ("exec", "eval", "compile", "__import__")
GENERATES = ("load_type_definitions", "load_data_type_definitions", "load_enums", "load_custom_struct", "import_xml")
"""What asyncua makes classes of a server's or a file's descriptions with (threat 26)."""
LOADS = {("numpy", "load"), ("np", "load"), ("yaml", "load"), ("yaml", "unsafe_load"), ("torch", "load")}


_TEST = re.compile(r"^\s*(?:async )?def (test_threat_\w+)\(", re.MULTILINE)


@functools.cache
def _tests() -> tuple[tuple[str, Path], ...]:
    folder = ROOT / "tests"
    return tuple(
        (name, file.relative_to(folder))
        for file in sorted(folder.rglob("test_*.py"))
        for name in _TEST.findall(file.read_text(encoding="utf-8"))
    )


def test_every_test_of_a_threat_names_its_number() -> None:
    wrong = [f"{file}: {name}" for name, file in _tests() if not _NAME.fullmatch(name)]
    assert not wrong
    unknown = [name for name, _ in _tests() if not _numbers(name) <= set(THREATS)]
    assert not unknown


def _numbers(name: str) -> set[int]:
    head = name.removeprefix("test_threat")
    return {int(one) for one in _NUMBERS.findall(re.match(r"(?:_and|_\d\d)*_", head)[0])}  # type: ignore[index]  # the name matches


@pytest.mark.parametrize("number", THREATS)
def test_every_threat_has_a_test_against_a_running_part(number: int) -> None:
    where: dict[str, list[str]] = defaultdict(list)
    for name, file in _tests():
        if number in _numbers(name):
            where[file.parts[0]].append(f"{file}: {name}")
    assert where["system"], f"threat {number} has {sum(map(len, where.values()))} tests, and none in tests/system"


def _sources() -> Iterator[tuple[Path, ast.Module]]:
    for room in ROOMS:
        for file in (ROOT / room).rglob("*.py"):
            yield file.relative_to(ROOT), ast.parse(file.read_text(encoding="utf-8"))


def _named(node: ast.AST) -> Iterator[str]:
    """Give what an expression or statement uses that runs what it is given."""
    if isinstance(node, ast.Import):
        yield from (one.name for one in node.names if one.name.split(".")[0] in RUNS_CODE)
    elif isinstance(node, ast.ImportFrom):
        yield from ([node.module or ""] if (node.module or "").split(".")[0] in RUNS_CODE else [])
        yield from (one.name for one in node.names if one.name in GENERATES)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in BUILT_IN:
        yield node.func.id
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        owner = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
        if node.func.attr in GENERATES or (owner, node.func.attr) in LOADS:
            yield f"{owner}.{node.func.attr}"


def found(tree: ast.AST) -> list[str]:
    return [name for node in ast.walk(tree) for name in _named(node)]


def test_threat_26_and_27_nothing_makes_code_or_objects_of_bytes() -> None:
    wrong = [f"{file}: {', '.join(names)}" for file, tree in _sources() if (names := found(tree))]
    assert not wrong


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "import os, shelve",
        "from pickle import loads",
        "def f():\n    import marshal",
        "exec(text)",
        "x = eval(text, {})",
        "np.load(file)",
        "from asyncua.common.structures import load_type_definitions",
        "await client.load_data_type_definitions()",
        "yaml.load(text)",
    ],
)
def test_what_makes_code_or_objects_of_bytes_is_found(line: str) -> None:
    assert found(ast.parse(line))


def test_what_only_sounds_like_it_is_not_found() -> None:
    assert not found(ast.parse("re.compile(text)\nfilters.compile(text)\nevaluate(text)\nyaml.load_all"))
