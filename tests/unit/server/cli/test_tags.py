from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from core.settings import write_table
from server.bindings import COLUMNS
from server.cli import main

Capture = pytest.CaptureFixture[str]
Table = Callable[[Callable[[str], str]], Path]
_CONFIG = """\
server: {anonymous: Observer}
devices:
  plc:
    driver: modbus
    url: tcp://127.0.0.1:5020
    bindings: bindings/plc.csv
  meter:
    driver: modbus
    url: tcp://127.0.0.1:5021
    bindings:
      - {node: Power, address: "input:30053/float32", unit: W, history: true}
  sim:
    driver: simulator
    generate: {count: 3, type: Double, signal: ramp}
"""
_PLC = """\
# what the electrician wrote
node;address;deadband
Temperature;holding:40001/float32;0,5
Pressure;holding:40003/float32;
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("plant.yaml").write_text(_CONFIG, encoding="utf-8")
    Path("bindings").mkdir()
    Path("bindings/plc.csv").write_text(_PLC.replace("0,5", "0.5"), encoding="utf-8")
    return Path("plant.yaml")


@pytest.fixture
def table(config: Path, capsys: Capture) -> Table:
    """Export, and change the text."""

    def make(change: Callable[[str], str]) -> Path:
        assert main(["tags", "export", str(config), "tags.csv"]) == 0
        capsys.readouterr()
        path = Path("tags.csv")
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
        return path

    return make


def _everything() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(Path().rglob("*")) if path.is_file()}


def test_export_holds_files_and_lists(config: Path, capsys: Capture) -> None:
    assert main(["tags", "export", str(config), "-"]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [(row["device"], row["node"]) for row in rows] == [
        ("plc", "Temperature"),
        ("plc", "Pressure"),
        ("meter", "Power"),
    ]
    assert rows[0]["deadband"] == "0.5"
    assert (rows[2]["unit"], rows[2]["history"]) == ("W", "true")
    assert set(rows[0]) == {"device", *COLUMNS}


def test_export_of_a_broken_table_writes_nothing(config: Path, capsys: Capture) -> None:
    Path("bindings/plc.csv").write_text("node,adress\n", encoding="utf-8")
    assert main(["tags", "export", str(config), "tags.csv"]) == 1
    assert "unknown column 'adress'" in capsys.readouterr().err
    assert not Path("tags.csv").exists()


def test_an_unchanged_table_leaves_files_and_their_comments_alone(table: Table, config: Path, capsys: Capture) -> None:
    path = table(lambda text: text)
    before = _everything()
    assert main(["tags", "import", str(config), str(path)]) == 0
    assert "nothing was changed" in capsys.readouterr().out
    assert _everything() == before


def test_devices_that_the_table_does_not_name_stay(table: Table, config: Path, capsys: Capture) -> None:
    path = table(lambda text: "".join(line for line in text.splitlines(keepends=True) if "meter" not in line))
    assert main(["tags", "import", str(config), str(path)]) == 0
    assert "meter" not in capsys.readouterr().out


def test_the_order_of_rows_is_a_change(table: Table, config: Path, capsys: Capture) -> None:
    def turn(text: str) -> str:
        head, first, second, *rest = text.splitlines()
        return "\n".join([head, second, first, *rest]) + "\n"

    path = table(turn)
    assert main(["tags", "import", str(config), str(path)]) == 0
    assert "in another order, 2 as before" in capsys.readouterr().out
    assert Path("bindings/plc.csv").read_text(encoding="utf-8").splitlines()[1].startswith("Pressure,")


def test_removed_rows_are_told_and_the_file_before_is_kept(table: Table, config: Path, capsys: Capture) -> None:
    before = Path("bindings/plc.csv").read_bytes()
    path = table(lambda text: "".join(line for line in text.splitlines(keepends=True) if "Pressure" not in line))
    assert main(["tags", "import", str(config), str(path)]) == 0
    said = capsys.readouterr().out
    assert "plc: 1 removed, 1 as before -> bindings/plc.csv (before: plc.csv." in said
    assert "- Pressure  holding:40003/float32" in said
    (backup,) = Path("bindings").glob("*.bak")
    assert backup.read_bytes() == before


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("holding:40003", "holding:49999999", "tags.csv:3:"),
        ("plc,Pressure", "plcc,Pressure", "tags.csv:3:1: the configuration has no device 'plcc' (did you mean 'plc'?)"),
        ("plc,Pressure", "plc,", "the cell of column 'node' is empty"),
        ("plc,Pressure", "plc,Temperature", "Temperature"),
        ("device,", "devise,", "the column 'device' is missing"),
        ("input:30053", "input:30055", "'meter' has its bindings as a list in the configuration, which an import does"),
        ("meter,Power", "sim,Power", "'sim' has no bindings file, which an import does not rewrite"),
    ],
    ids=["address", "device", "empty node", "node twice", "header", "list in the configuration", "device without"],
)
def test_one_error_and_nothing_changes(
    table: Table, config: Path, capsys: Capture, old: str, new: str, told: str
) -> None:
    # Another row is sound and changed, and must not be written either.
    path = table(lambda text: text.replace("0.5", "0.7").replace(old, new))
    before = _everything()
    assert main(["tags", "import", str(config), str(path)]) == 1
    said = capsys.readouterr()
    assert told in said.err
    assert said.out == ""
    assert _everything() == before


def test_all_errors_are_told_in_one_run(table: Table, config: Path, capsys: Capture) -> None:
    path = table(lambda text: text.replace("/float32", "/flaot32").replace("0.5", "much"))
    assert main(["tags", "import", str(config), str(path)]) == 1
    error = capsys.readouterr().err
    assert error.count("flaot32") == 2 or "which an import does not rewrite" in error
    path = table(lambda text: text.replace("holding:40003/float32", "holding:40003/flaot32").replace("0.5", "much"))
    assert main(["tags", "import", str(config), str(path)]) == 1
    error = capsys.readouterr().err
    assert "'deadband' must be a number, not 'much'" in error
    assert "there is no type 'flaot32'" in error
    assert "2 errors; nothing was started or changed" in error


def test_a_table_for_a_file_that_is_not_there_yet_makes_it(config: Path, capsys: Capture) -> None:
    Path("bindings/plc.csv").unlink()
    Path("tags.csv").write_text("device,node,address\nplc,Temperature,holding:1\n", encoding="utf-8")
    assert main(["tags", "import", str(config), "tags.csv"]) == 0
    assert "plc: 1 added -> bindings/plc.csv\n" in capsys.readouterr().out
    assert Path("bindings/plc.csv").exists()


def test_a_table_mends_a_file_that_is_wrong_and_keeps_it(config: Path, capsys: Capture) -> None:
    wrong = "node,address,scael\nTemperature,holding:1,2\n"
    Path("bindings/plc.csv").write_text(wrong, encoding="utf-8")
    Path("tags.csv").write_text("device,node,address\nplc,Temperature,holding:1\n", encoding="utf-8")
    assert main(["tags", "import", str(config), "tags.csv"]) == 0
    assert "plc: 1 added -> bindings/plc.csv (before: plc.csv." in capsys.readouterr().out
    (backup,) = Path("bindings").glob("*.bak")
    assert backup.read_text(encoding="utf-8") == wrong
    assert main(["check", str(config)]) == 0


def test_a_wrong_file_of_a_device_that_the_table_does_not_name_is_told(config: Path, capsys: Capture) -> None:
    text = _CONFIG.replace(
        "  sim:", "  twin:\n    driver: modbus\n    url: tcp://x\n    bindings: bindings/twin.csv\n  sim:"
    )
    config.write_text(text, encoding="utf-8")
    Path("bindings/twin.csv").write_text("node,address,scael\nA,holding:1,2\n", encoding="utf-8")
    Path("tags.csv").write_text("device,node,address\nplc,Temperature,holding:1\n", encoding="utf-8")
    before = _everything()
    assert main(["tags", "import", str(config), "tags.csv"]) == 1
    assert "twin.csv:1:14: unknown column 'scael'" in capsys.readouterr().err
    assert _everything() == before


def test_devices_that_share_a_file_must_agree(config: Path, capsys: Capture) -> None:
    text = _CONFIG.replace(
        "  sim:", "  twin:\n    driver: modbus\n    url: tcp://x\n    bindings: bindings/plc.csv\n  sim:"
    )
    config.write_text(text, encoding="utf-8")
    Path("tags.csv").write_text(
        "device,node,address\nplc,Temperature,holding:1\ntwin,Temperature,holding:2\n", encoding="utf-8"
    )
    before = _everything()
    assert main(["tags", "import", str(config), "tags.csv"]) == 1
    assert "'twin' and 'plc' share bindings/plc.csv, but their rows differ" in capsys.readouterr().err
    assert _everything() == before


def test_an_export_that_cannot_be_written_names_what_the_user_named(config: Path, capsys: Capture) -> None:
    for target, told in (("nowhere/tags.csv", "nowhere/tags.csv: no such file or directory"),
                         ("bindings", "bindings: is a directory")):  # fmt: skip
        before = _everything()
        assert main(["tags", "export", str(config), target]) == 1
        assert capsys.readouterr().err == f"plantspace: {told}\n"
        assert _everything() == before


def test_a_file_that_cannot_be_written_leaves_all_as_they_were(
    config: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = _CONFIG.replace(
        "  sim:", "  twin:\n    driver: modbus\n    url: tcp://x\n    bindings: bindings/twin.csv\n  sim:"
    )
    config.write_text(text, encoding="utf-8")
    Path("bindings/twin.csv").write_text("node,address\nA,holding:1\n", encoding="utf-8")
    Path("tags.csv").write_text("device,node,address\nplc,B,holding:1\ntwin,B,holding:2\n", encoding="utf-8")

    def full(path: Path, columns: tuple[str, ...], rows: list[dict[str, str]]) -> None:
        if path.name == "twin.csv":
            raise OSError(28, "No space left on device", str(path))
        write_table(path, columns, rows)

    monkeypatch.setattr("server.cli.tags_import.write_table", full)
    before = _everything()
    assert main(["tags", "import", str(config), "tags.csv"]) == 1
    assert "twin.csv: no space left on device" in capsys.readouterr().err
    assert _everything() == before


_TYPED = _CONFIG.replace("  meter:\n", "    type_bindings: {members: members.csv, instances: pumps.csv}\n  meter:\n")
_FLOW = "plc,/Objects/Two/Flow,holding:40200/float32,Float,,,,,,,,,,,,"


@pytest.fixture
def typed(config: Path) -> Path:
    """Give the PLC rows of type bindings, on nodes that a NodeSet has."""
    model = Path("line.NodeSet2.xml")
    variables = "".join(
        f'<UAVariable NodeId="ns=1;s={pump}.Flow" BrowseName="1:Flow" DataType="i=10"><References>'
        '<Reference ReferenceType="i=40">i=63</Reference>'
        f'<Reference ReferenceType="i=47" IsForward="false">ns=1;s={pump}</Reference></References></UAVariable>'
        f'<UAObject NodeId="ns=1;s={pump}" BrowseName="1:{pump}"><References>'
        '<Reference ReferenceType="i=40">i=58</Reference>'
        '<Reference ReferenceType="i=35" IsForward="false">i=85</Reference></References></UAObject>'
        for pump in ("One", "Two")
    )
    model.write_text(
        '<UANodeSet xmlns="http://opcfoundation.org/UA/2011/03/UANodeSet.xsd"><NamespaceUris><Uri>urn:line</Uri>'
        f'</NamespaceUris><Models><Model ModelUri="urn:line"/></Models>{variables}</UANodeSet>',
        encoding="utf-8",
    )
    config.write_text(f"model: {{nodesets: [{model}]}}\n{_TYPED}", encoding="utf-8")
    Path("members.csv").write_text("member,address,type\nFlow,holding:{base}/float32,Float\n", encoding="utf-8")
    Path("pumps.csv").write_text("node,base\n/Objects/One,40100\n/Objects/Two,40200\n", encoding="utf-8")
    return config


def test_rows_of_type_bindings_are_exported_and_come_back_as_they_are(
    typed: Path, table: Table, capsys: Capture
) -> None:
    path = table(lambda text: text.replace("Pressure,holding:40003", "Pressure,holding:40005"))
    assert _FLOW in path.read_text(encoding="utf-8")
    files = [Path(name).read_bytes() for name in ("members.csv", "pumps.csv")]
    assert main(["tags", "import", str(typed), "tags.csv"]) == 0
    assert "plc: 1 changed, 1 as before, 2 of its type_bindings" in capsys.readouterr().out
    written = Path("bindings/plc.csv").read_text(encoding="utf-8")
    assert "40005" in written
    assert "Flow" not in written
    assert files == [Path(name).read_bytes() for name in ("members.csv", "pumps.csv")]


def test_a_table_without_the_rows_of_type_bindings_is_one_of_the_others(
    typed: Path, table: Table, capsys: Capture
) -> None:
    table(lambda text: "".join(line for line in text.splitlines(keepends=True) if "Flow" not in line))
    assert main(["tags", "import", str(typed), "tags.csv"]) == 0
    assert "everything is as it was" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("40200", "40300", "tags.csv:5:23: /Objects/Two/Flow comes of type_bindings, where its address is "),
        ("40200", "40300", "(change it at members.csv:2:6 for the instance at pumps.csv:3:1)"),
        (f"{_FLOW}\n", "", "the table lacks /Objects/Two/Flow of the device 'plc'"),
    ],
)  # fmt: skip
def test_what_type_bindings_make_is_changed_there(
    old: str, new: str, told: str, typed: Path, table: Table, capsys: Capture
) -> None:
    before = Path("bindings/plc.csv").read_bytes()
    table(lambda text: text.replace(old, new).replace("Pressure,holding:40003", "Pressure,holding:40005"))
    assert main(["tags", "import", str(typed), "tags.csv"]) == 1
    assert told in capsys.readouterr().err
    assert Path("bindings/plc.csv").read_bytes() == before
