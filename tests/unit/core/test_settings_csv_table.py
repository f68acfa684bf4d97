from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import Findings, Place
from core.settings import read_table, write_table

COLUMNS = ["node", "address", "type", "scan", "scale", "description"]


def told(findings: Findings, folder: Path) -> list[str]:
    return [str(finding).replace(f"{folder}/", "") for finding in findings.items]


def put(folder: Path, content: bytes | str) -> Path:
    file = folder / "b.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def test_cells_know_their_places(tmp_path: Path) -> None:
    file = put(
        tmp_path, '# bindings of the meter\n\nnode,address,description\nA, holding:1 ,"Kühl, ""links"""\nB,coil:3\n'
    )
    findings = Findings()
    first, second = read_table(file, COLUMNS, ["address"], findings)
    assert not findings
    assert (first.get("node"), first.get("address"), first.get("description")) == ("A", "holding:1", 'Kühl, "links"')
    assert first.place("address") == Place(str(file), 4, 4)
    assert first.place("description") == Place(str(file), 4, 15)
    assert first.place() == Place(str(file), 4, 1)
    assert second.get("description") == ""
    assert second.place("description") == Place(str(file), 5, 3)
    assert second.values() == {"node": "B", "address": "coil:3"}


def test_places_after_quoted_newlines(tmp_path: Path) -> None:
    file = put(tmp_path, 'node,description,address\r\nA,"one\r\ntwo\nthree",x\r\nB,"y",z\r\n')
    findings = Findings()
    first, second = read_table(file, COLUMNS, [], findings)
    assert not findings
    assert first.get("description") == "one\r\ntwo\nthree"
    assert first.place("address") == Place(str(file), 4, 8)
    assert second.place("address") == Place(str(file), 5, 7)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiter_is_taken_from_the_header_alone(tmp_path: Path, delimiter: str) -> None:
    text = f'node{delimiter}"address"{delimiter}scale\nA{delimiter}"a;b,c\td"{delimiter}0,5\n'
    if delimiter == ",":
        text = text.replace("0,5", '"0,5"')
    findings = Findings()
    (row,) = read_table(put(tmp_path, b"\xef\xbb\xbf" + text.encode()), COLUMNS, ["node"], findings)
    assert not findings
    assert row.values() == {"node": "A", "address": "a;b,c\td", "scale": "0,5"}


def test_empty_cells_and_trailing_delimiters_are_no_error(tmp_path: Path) -> None:
    findings = Findings()
    rows = read_table(put(tmp_path, "node;address\nA;;;;\n;;;\n;x\n"), COLUMNS, [], findings)
    assert not findings
    assert [row.values() for row in rows] == [{"node": "A", "address": ""}, {"node": "", "address": "x"}]


GOLDEN: list[tuple[str, bytes, list[str]]] = [
    (
        "empty",
        b"# nothing\n",
        ["b.csv:1:1: the table is empty (begin it with the header node,address,type,scan,scale,description)"],
    ),
    (
        "unknown_and_missing_columns",
        b"Node,adress,zzzzzz\nA,b,c\n",
        [
            "b.csv:1:1: unknown column 'Node' (did you mean 'node'?)",
            "b.csv:1:6: unknown column 'adress' (did you mean 'address'?)",
            "b.csv:1:13: unknown column 'zzzzzz' (columns: node, address, type, scan, scale, description)",
            "b.csv:1:1: the column 'address' is missing (add it to the header)",
        ],
    ),
    (
        "column_twice",
        b"address,address\n1,2\n",
        ["b.csv:1:9: the column 'address' stands here a second time (keep one of them)"],
    ),
    (
        "column_without_name",
        b"address,\n1,2\n",
        ["b.csv:1:9: a column has no name (columns: node, type, scan, scale, description)"],
    ),
    (
        "too_many_cells",
        b"node,address\nA,b,1.5,x\n",
        ["b.csv:2:5: the row has more cells than the header has columns (2) (quote cells that hold a delimiter)"],
    ),
    ("required_cell_empty", b"node,address\nA,\nB\n",
     ["b.csv:2:3: the cell of column 'address' is empty (fill it in)",
      "b.csv:3:1: the cell of column 'address' is empty (fill it in)"]),
    (
        "latin_1",
        'address,description\n1,ok\n2,20 °C\n3,"30 °C"\n'.encode("latin-1"),
        ["b.csv:3:6: this is not UTF-8 text (first of 2 such rows) (save the file as CSV UTF-8)"],
    ),
    ("utf_16", "address\n1\n".encode("utf-16"), ["b.csv:1: this is not UTF-8 text (save the file as CSV UTF-8)"]),
    ("nul", b"address\n1\n\0\n", ["b.csv:3: this is not UTF-8 text (save the file as CSV UTF-8)"]),
    (
        "open_quote",
        b'address,type\n1,"x\n2,y\n',
        ['b.csv:2:3: a quoted cell is not closed (close it with ", and write " inside it as "")'],
    ),
    (
        "text_after_quote",
        b'address,type\n"1"2,x\n',
        ["""b.csv:2:4: text stands after a cell's closing quote (write " inside a quoted cell as "")"""],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("content", "expected"), [case[1:] for case in GOLDEN], ids=[case[0] for case in GOLDEN])
def test_bad_tables_are_told_exactly(tmp_path: Path, content: bytes, expected: list[str]) -> None:
    findings = Findings()
    read_table(put(tmp_path, content), COLUMNS, ["address"], findings)
    assert told(findings, tmp_path) == expected


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    findings = Findings()
    assert read_table(tmp_path / "none.csv", COLUMNS, [], findings) == []
    assert told(findings, tmp_path) == [
        "none.csv: the file cannot be read: no such file or directory (check its path and permissions)"
    ]


def test_good_rows_beside_bad_ones_are_given(tmp_path: Path) -> None:
    findings = Findings()
    rows = read_table(put(tmp_path, b"node,address\nA,1\nB,\nC,3\n"), COLUMNS, ["address"], findings)
    assert [row.get("node") for row in rows] == ["A", "C"]
    assert len(findings.items) == 1


CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12) | st.text(
    '",;\t\r\n# a', max_size=6
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=st.lists(st.fixed_dictionaries({"node": CELL, "address": CELL, "type": CELL}), max_size=6))
def test_what_is_written_is_read_back(tmp_path: Path, rows: list[dict[str, str]]) -> None:
    file = tmp_path / "t.csv"
    write_table(file, ["node", "address", "type"], rows)
    findings = Findings()
    back = read_table(file, COLUMNS, [], findings)
    assert not findings
    assert [row.values() for row in back] == rows


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.binary(max_size=60) | st.text('",;\n\r\t# nodeaddress', max_size=60).map(str.encode))
def test_any_bytes_are_read_or_told(tmp_path: Path, content: bytes) -> None:
    findings = Findings()
    for row in read_table(put(tmp_path, b"node,address\n" + content), COLUMNS, [], findings):
        assert row.place("address").line >= 2


def test_a_single_column_keeps_its_empty_rows(tmp_path: Path) -> None:
    write_table(tmp_path / "t.csv", ["node"], [{"node": ""}, {"node": "#x"}])
    assert [row.get("node") for row in read_table(tmp_path / "t.csv", ["node"], [], Findings())] == ["", "#x"]


def test_writing_replaces_the_file_whole_and_keeps_its_mode(tmp_path: Path) -> None:
    file = put(tmp_path, "old")
    file.chmod(0o640)
    write_table(file, ["node", "address"], [{"node": "A"}])
    assert file.read_text() == "node,address\nA,\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [file]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    file = put(tmp_path, "old")
    for bad in ("\0", "\ud800"):
        with pytest.raises(ValueError, match=r"NUL|surrogates"):
            write_table(file, ["node"], [{"node": bad}])
    folder = tmp_path / "folder.csv"
    folder.mkdir()
    with pytest.raises(IsADirectoryError, match=rf"'{folder}'$"):
        write_table(folder, ["node"], [{"node": "A"}])
    with pytest.raises(FileNotFoundError, match=rf"'{tmp_path}/none/t.csv'$"):
        write_table(tmp_path / "none" / "t.csv", ["node"], [{"node": "A"}])
    assert file.read_text() == "old"
    assert sorted(tmp_path.iterdir()) == [file, folder]
