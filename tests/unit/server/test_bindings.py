from __future__ import annotations

import math
from pathlib import Path

import pytest

from core.datatypes import DataType
from core.errors import Findings
from core.point import OnBad
from core.settings import Document
from server.bindings import DeviceRows, bindings_file, read_bindings


def _read(folder: Path, bindings: str, table: str = "") -> tuple[DeviceRows, list[str]]:
    (folder / "plc.csv").write_text(table, encoding="utf-8")
    (folder / "plant.yaml").write_text(f"driver: modbus\n{bindings}\n", encoding="utf-8")
    findings = Findings()
    document = Document.read(folder / "plant.yaml", findings)
    assert document is not None
    rows = read_bindings("plc", document, findings)
    return rows, [str(finding).replace(f"{folder}/", "") for finding in sorted(findings.items)]


def test_an_empty_cell_is_the_default(tmp_path: Path) -> None:
    rows, told = _read(tmp_path, "bindings: plc.csv", "node,address,scan,scale,min,access,on_bad,history\nA,x,,,,,,\n")
    assert told == []
    (binding,) = rows.bindings
    assert rows.complete
    assert binding.sound
    assert (binding.scan, binding.scale, binding.offset, binding.deadband) == (None, 1.0, 0.0, 0.0)
    assert (binding.minimum, binding.maximum) == (-math.inf, math.inf)
    assert (binding.writable, binding.on_bad, binding.history, binding.datatype) == (None, OnBad.HOLD, None, None)


def test_table_and_list_mean_the_same(tmp_path: Path) -> None:
    cells = {
        "node": "/Objects/A",
        "address": "holding:1",
        "type": "uint16",
        "unit": "°C",
        "scan": "50ms",
        "scale": "0.5",
        "offset": "-4",
        "min": "-1",
        "max": "1e3",
        "deadband": "0.1",
        "access": "RW",
        "on_bad": "Null",
        "history": "Yes",
        "description": "a, b",
    }
    table = ",".join(cells) + "\n" + ",".join(f'"{text}"' for text in cells.values()) + "\n"
    inline = ", ".join(f'{key}: "{text}"' for key, text in cells.items())
    for bindings in ("bindings: plc.csv", f"bindings: [{{{inline}}}]"):
        rows, told = _read(tmp_path, bindings, table)
        assert told == []
        (binding,) = rows.bindings
        assert binding.names_node
        assert (binding.datatype, binding.unit, binding.scan) == (DataType.UINT16, "°C", 0.05)
        assert (binding.scale, binding.offset, binding.minimum, binding.maximum) == (0.5, -4.0, -1.0, 1000.0)
        assert (binding.deadband, binding.writable, binding.on_bad, binding.history) == (0.1, True, OnBad.NULL, True)
        assert binding.description == "a, b"


def test_values_of_a_list_may_be_numbers_and_truths(tmp_path: Path) -> None:
    rows, told = _read(tmp_path, "bindings: [{node: 7, address: 3, scale: 0.5, history: true}]")
    assert told == []
    (binding,) = rows.bindings
    assert (binding.node, binding.address, binding.scale, binding.history) == ("7", "3", 0.5, True)


def test_all_that_is_wrong_with_a_row_is_told_and_the_row_stays(tmp_path: Path) -> None:
    head = "node,address,type,scan,scale,offset,min,max,deadband,access,on_bad,history\n"
    rows, told = _read(tmp_path, "bindings: plc.csv", f"{head}A,x,Flaot,0s,0,nan,3,2,-1,wr,hodl,maybe\n")
    assert [line.partition(": ")[2].partition(" (")[0] for line in told] == [
        "there is no data type 'Flaot'",
        "'scan' must be above zero",
        "a scale of 0 makes every value 0",
        "'offset' must be finite",
        "min 3 is above max 2",
        "a deadband cannot be negative",
        "'access' is unknown: 'wr'",
        "'on_bad' is unknown: 'hodl'",
        "'history' is unknown: 'maybe'",
    ]
    (binding,) = rows.bindings
    assert (binding.node, binding.sound, rows.complete) == ("A", False, True)


@pytest.mark.parametrize(
    ("table", "told", "nodes"),
    [
        ("node,address,scael\nA,x,2\n", ["plc.csv:1:14: unknown column 'scael'"], ["A"]),
        ("node,adress,scale\nA,x,fast\n", ["plc.csv:1:1:", "plc.csv:1:6:", "plc.csv:2:5: 'scale' must be"], ["A"]),
        ("node,address,scale\n,x,fast\n", ["plc.csv:2:1: the cell of column 'node' is empty", "plc.csv:2:4:"], [""]),
        ("node,address\nA,x,y\nB,z\n", ["plc.csv:2:5: the row has more cells"], ["B"]),
        ("", ["plc.csv:1:1: the table is empty"], []),
    ],
)
def test_a_wrong_table_does_not_hide_its_rows(tmp_path: Path, table: str, told: list[str], nodes: list[str]) -> None:
    rows, said = _read(tmp_path, "bindings: plc.csv", table)
    assert len(said) == len(told)
    for begin, line in zip(told, said, strict=True):
        assert line.startswith(begin)
    assert [binding.node for binding in rows.bindings] == nodes
    assert not any(binding.sound for binding in rows.bindings)
    assert not rows.complete


@pytest.mark.parametrize(
    ("row", "told", "complete"),
    [
        ("7", ["a binding must be a mapping"], False),
        ("{node: A}", ["a binding needs 'address'"], True),
        ("{address: x, scale: fast}", ["a binding needs 'node'", "'scale' must be a number"], False),
        ("{nod: A, address: x}", ["a binding needs 'node'", "unknown key 'nod' in a binding (did you mean"], False),
        ("{node: A, address: [x]}", ["'address' must be one value"], True),
        ("{node: A, address: x, sclae: 2}", ["unknown key 'sclae' in a binding (did you mean scale?)"], True),
    ],
)
def test_a_wrong_row_of_a_list(tmp_path: Path, row: str, told: list[str], *, complete: bool) -> None:
    rows, said = _read(tmp_path, f"bindings: [{row}, {{node: B, address: y}}]")
    assert len(said) == len(told)
    for part, line in zip(told, said, strict=True):
        assert part in line
    assert [binding.sound for binding in rows.bindings] == [False, True]
    assert rows.complete is complete


def test_bindings_that_are_not_there(tmp_path: Path) -> None:
    assert _read(tmp_path, "") == (DeviceRows([]), [])
    assert _read(tmp_path, "bindings: 3") == (DeviceRows([], complete=False), [])
    rows, told = _read(tmp_path, "bindings: no.csv")
    assert rows == DeviceRows([], complete=False)
    assert told == ["no.csv: the file cannot be read: no such file or directory (check its path and permissions)"]


def test_the_file_of_bindings(tmp_path: Path) -> None:
    for text, file in (("a: 1", None), ("bindings: []", None), ("bindings: b/x.csv", tmp_path / "b" / "x.csv")):
        (tmp_path / "plant.yaml").write_text(text, encoding="utf-8")
        document = Document.read(tmp_path / "plant.yaml", Findings())
        assert document is not None
        assert bindings_file(document) == file
