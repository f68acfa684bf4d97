from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from server.audit.schema import HEAD_FILE, TRAIL_FILE
from server.audit.trail_file import TrailFile
from server.cli import main
from tests.clock import ManualClock
from tests.unit.server.audit.samples import URIS, activate, trail_in, write

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    clock = ManualClock()
    file = TrailFile(tmp_path, "line-1", clock, "urn:gateway", lambda: URIS)
    file.open()
    for record in (activate(), activate(status=False), write(), write(3.0, client_user_id="bob")):
        clock.jump(60.0)
        file.append([file.keep(record, clock.now())])
    file.close()
    return tmp_path


def run(capsys: Capture, *arguments: str | Path) -> tuple[int, list[str], str]:
    code = main(["audit", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out.splitlines(), said.err


def test_list_is_for_people(data: Path, capsys: Capture) -> None:
    code, lines, _ = run(capsys, "list", "--data", data)
    assert (code, len(lines)) == (0, 6)
    assert lines[3] == (
        "       3  2022-06-18T04:28:40Z      alice             refused  "
        "Session/ActivateSession refused BadUserAccessDenied"
    )
    assert lines[5].endswith("bob               done     Attribute/Write nsu=urn:plant;s=Line1.Filler.Speed 1.5 -> 3.0")


@pytest.mark.parametrize(
    ("filters", "sequences"),
    [
        ((), [0, 1, 2, 3, 4, 5]),
        (("--user", "bob"), [5]),
        (("--user", "nobody"), []),
        (("--type", "AuditWriteUpdate"), [4, 5]),
        (("--type", "auditwriteupdateeventtype", "--type", "TrailBegun"), [0, 4, 5]),
        (("--status", "refused"), [3]),
        (("--status", "done", "--limit", "2"), [4, 5]),
        (("--start", "2022-06-18T04:28:40Z"), [3, 4, 5]),
        (("--start", "2022-06-18T04:28:40", "--end", "2022-06-18T04:30:40"), [3, 4]),
        (("--start", "-1h"), []),
    ],
)
def test_filters(data: Path, capsys: Capture, filters: tuple[str, ...], sequences: list[int]) -> None:
    code, lines, _ = run(capsys, "export", "--data", data, *filters)
    assert code == 0
    assert [json.loads(line)["Sequence"] for line in lines] == sequences


def test_export_as_syslog(data: Path, capsys: Capture) -> None:
    code, lines, _ = run(capsys, "export", "--data", data, "--format", "syslog", "--user", "bob")
    assert code == 0
    assert " plantspace line-1 AuditWriteUpdate [plantspace@32473 " in lines[0]


def test_verify_says_that_nothing_is_wrong(data: Path, capsys: Capture) -> None:
    code, lines, _ = run(capsys, "verify", "--data", data)
    assert code == 0
    assert lines[0] == f"{data / TRAIL_FILE}: 6 records, 0 to 5, nothing is wrong"
    assert lines[1].startswith("the last one has the hash ")


def test_verify_says_where_the_chain_is_broken(data: Path, capsys: Capture) -> None:
    with closing(sqlite3.connect(data / TRAIL_FILE, isolation_level=None)) as connection:
        (text,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'record_update'").fetchone()
        connection.execute("DROP TRIGGER record_update")
        connection.execute("UPDATE record SET record = replace(record, 'alice', 'mallo') WHERE sequence = 4")
        connection.execute("UPDATE record SET record = CAST(record AS BLOB) WHERE sequence = 4")
        connection.execute(text)
    code, lines, _ = run(capsys, "verify", "--data", data)
    assert code == 1
    assert lines == [
        f"{data / TRAIL_FILE}: broken: record 4 was changed: its hash is another one",
        "in order are 4 records, 0 to 3",
    ]


def test_a_copy_and_a_head_elsewhere(data: Path, capsys: Capture, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("copies")
    copy = Path(shutil.copy(data / TRAIL_FILE, folder / "january.sqlite"))
    assert run(capsys, "verify", "--data", copy)[0] == 1
    head = Path(shutil.copy(data / HEAD_FILE, folder / "january.head"))
    assert run(capsys, "verify", "--data", copy, "--head", head)[0] == 0
    code, _, error = run(capsys, "verify", "--data", copy, "--head", folder / "nowhere")
    assert (code, error) == (1, f"plantspace: {folder / 'nowhere'}: no such file or directory\n")


def test_the_trail_of_a_configuration(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "plant.yaml").write_text("server: {data_dir: ./kept}\n", encoding="utf-8")
    (tmp_path / "plain.yaml").write_text("name: x\n", encoding="utf-8")
    (tmp_path / "wrong.yaml").write_text("server: {data_dir: 7}\n", encoding="utf-8")
    for folder in ("kept", "var"):
        (tmp_path / folder).mkdir()
        trail_in(tmp_path / folder)
    assert run(capsys, "verify", "--config", tmp_path / "plant.yaml")[1][0].startswith(f"{tmp_path}/kept/audit.sqlite")
    assert run(capsys, "verify", "--config", tmp_path / "plain.yaml")[0] == 0
    code, _, error = run(capsys, "verify", "--config", tmp_path / "wrong.yaml")
    assert code == 1
    assert "data_dir under server: is wrong" in error
    assert run(capsys, "verify", "--config", tmp_path / "nowhere.yaml")[0] == 1


@pytest.mark.parametrize("command", ["list", "verify", "export"])
def test_no_trail_is_told(tmp_path: Path, capsys: Capture, command: str) -> None:
    code, lines, error = run(capsys, command, "--data", tmp_path)
    assert (code, lines) == (1, [])
    assert "there is no audit trail" in error


def test_a_trail_that_cannot_be_read_is_told(data: Path, capsys: Capture) -> None:
    (data / TRAIL_FILE).write_bytes(b"?" * 9000)
    code, _, error = run(capsys, "list", "--data", data)
    assert code == 1
    assert "run plantspace audit verify" in error


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("list", "--type", "AuditWriteUpdat"), "is AuditWriteUpdate meant?"),
        (("list", "--type", "qqqq"), "docs/reference/audit.md lists them"),
        (("list", "--start", "2022-01-02", "--end", "2022-01-01"), "--start must lie before --end"),
        (("export", "--format", "xml"), "invalid choice"),
        (("list", "--limit", "0"), "not a whole number above 0"),
    ],
)
def test_wrong_arguments(data: Path, capsys: Capture, arguments: tuple[str, ...], told: str) -> None:
    code, lines, error = run(capsys, *arguments, "--data", data)
    assert (code, lines) == (2, [])
    assert told in error


@pytest.mark.parametrize("command", [(), ("list",), ("verify",), ("export",)])
def test_help_has_examples(capsys: Capture, command: tuple[str, ...]) -> None:
    code, lines, _ = run(capsys, *command, "--help")
    assert code == 0
    if command:
        assert "examples:" in lines
        assert "exit codes:" in lines
