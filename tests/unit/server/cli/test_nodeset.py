from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.datatypes import DataType
from historian.contract import Delivery
from historian.samples import SampleBlock
from historian.sqlite.store import SQLiteStore
from nodesets.library import published
from nodesets.model import read_model
from nodesets.resolver import resolve
from server.cli import main
from tests.command import ROOT

Capture = pytest.CaptureFixture[str]
Writer = Callable[..., Path]
GOLDEN = ROOT / "tests" / "golden" / "nodesets"
DI = "http://opcfoundation.org/UA/DI/"
_HEADER = """\
<UANodeSet xmlns="http://opcfoundation.org/UA/2011/03/UANodeSet.xsd">
  <NamespaceUris><Uri>urn:line</Uri></NamespaceUris>
  <Models><Model ModelUri="{uri}" Version="{version}" PublicationDate="2026-01-01">{required}</Model></Models>
"""
_OBJECT = """\
<UAObject NodeId="ns=1;i=1" BrowseName="1:Line"><References>
  <Reference ReferenceType="HasTypeDefinition">i=58</Reference>
  <Reference ReferenceType="Organizes" IsForward="false">i=85</Reference></References></UAObject>
"""
_VARIABLE = """\
<UAVariable NodeId="ns=1;i={number}" BrowseName="1:{name}" DataType="{type}" ParentNodeId="ns=1;i=1"><References>
  <Reference ReferenceType="HasTypeDefinition">i=63</Reference>
  <Reference ReferenceType="HasComponent" IsForward="false">ns=1;i=1</Reference></References>{more}</UAVariable>
"""


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Writer:
    """Give a function that writes a model of an object and variables, each a name, number and type."""
    monkeypatch.chdir(tmp_path)

    def write(
        *variables: tuple[str, int, str],
        name: str = "line.xml",
        uri: str = "urn:line",
        version: str = "1.0",
        required: str = "",
        more: str = "",
    ) -> Path:
        nodes = "".join(_VARIABLE.format(name=one, number=n, type=kind, more=more) for one, n, kind in variables)
        header = _HEADER.format(uri=uri, version=version, required=required)
        Path(name).write_text(f"{header}{_OBJECT}{nodes}</UANodeSet>", encoding="utf-8")
        return Path(name)

    return write


def test_check_says_what_was_taken_in(line: Writer, capsys: Capture) -> None:
    value = '<Value><Double xmlns="http://opcfoundation.org/UA/2008/02/Types.xsd">1</Double></Value>'
    line(("Speed", 2, "Double"), ("Level", 3, "Double"), more=value)
    assert main(["nodeset", "check", "line.xml"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "line.xml: urn:line 1.0",
        "  3 nodes: 1 Object, 2 Variables",
        "  6 references, 2 values",
        "nothing is wrong",
    ]


def test_check_counts_structures(capsys: Capture) -> None:
    assert main(["nodeset", "check", str(published()[DI][0].file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("  447 nodes: 90 Objects, 248 Variables, 51 Methods, 42 ObjectTypes")
    assert lines[2] == "  1539 references, 111 values, 84 structures decoded"


def test_check_tells_the_same_remark_once_with_a_count(line: Writer, capsys: Capture) -> None:
    line(*((f"V{number}", number, "Double") for number in range(2, 42)), more="<Colour/>")
    line(("Speed", 2, "Double"), name="one.xml", more="<Colour/>")
    assert main(["nodeset", "check", "line.xml"]) == 0
    (note,) = [one for one in capsys.readouterr().out.splitlines() if "note" in one]
    assert note.startswith(
        "  note: 40 times: the element '…' is not known in UAVariable and was passed over; the first at line.xml:"
    )
    assert main(["nodeset", "check", "one.xml"]) == 0
    (note,) = [one for one in capsys.readouterr().out.splitlines() if "note" in one]
    assert note.startswith("  note: one.xml:")
    assert note.endswith("the element 'Colour' is not known in UAVariable and was passed over")


def test_check_tells_errors_with_places_after_the_report(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GOLDEN / "duplicate_node_id")
    assert main(["nodeset", "check", "plant.NodeSet2.xml"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "plant.NodeSet2.xml: urn:test:plant 1.0.0"
    (error,) = [one for one in lines if "is already that of the node at" in one]
    assert error.startswith("plant.NodeSet2.xml:20:3: ")
    assert lines[-1] == "1 error"


def test_check_notes_what_belongs_to_no_file_that_was_read(line: Writer, capsys: Capture) -> None:
    line(required='<RequiredModel ModelUri="urn:nowhere"/>')
    assert main(["nodeset", "check", "line.xml", "--search", "no-folder"]) == 1
    said = capsys.readouterr().out
    assert "note: no-folder: no such folder to search for models" in said
    assert "requires the model urn:nowhere, which no file has" in said


def test_list_of_files(line: Writer, capsys: Capture) -> None:
    line(("Speed", 2, "Double"))
    line(name="b.xml", uri="urn:b", version="", required='<RequiredModel ModelUri="urn:nowhere" Version="2"/>')
    assert main(["nodeset", "list", "line.xml"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "model     version  published   nodes  file",
        "urn:line  1.0      2026-01-01      2  line.xml",
    ]
    assert main(["nodeset", "list", "line.xml", "b.xml"]) == 1
    assert capsys.readouterr().out.splitlines()[2:] == [
        "urn:b              2026-01-01      1  b.xml",
        "  requires urn:nowhere 2, which no file has",
    ]


def test_list_goes_on_behind_a_file_that_cannot_be_read(line: Writer, capsys: Capture) -> None:
    line()
    Path("bad.xml").write_text("<a", encoding="utf-8")
    Path("half.xml").write_text(Path("line.xml").read_text(encoding="utf-8")[:-20], encoding="utf-8")
    assert main(["nodeset", "list", "bad.xml", "half.xml", "line.xml"]) == 1
    said = capsys.readouterr()
    assert [one.split()[0] for one in said.out.splitlines()] == ["model", "urn:line", "urn:line"]
    assert "bad.xml:1:" in said.err
    assert "half.xml:6:" in said.err
    assert "not well-formed XML: unclosed token" in said.err


def test_list_of_the_library(capsys: Capture) -> None:
    assert main(["nodeset", "list", "--library"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > len(published())
    (di,) = [one for one in lines if one.startswith(f"{DI} ")]
    assert " 447 " in di


def test_list_of_nothing_is_a_mistake(capsys: Capture) -> None:
    assert main(["nodeset", "list"]) == 2
    assert "required" in capsys.readouterr().err


def test_export_to_a_file_and_to_standard_output(line: Writer, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    file = line(("Speed", 2, "Double"))
    assert main(["nodeset", "export", "urn:line", "--search", ".", "-o", "written.xml"]) == 0
    said = capsysbinary.readouterr()
    assert said.out == b""
    assert said.err == b"2 nodes of urn:line written to written.xml\n"
    again = read_model(resolve([Path("written.xml")]))
    assert again.nodes.keys() == read_model(resolve([file])).nodes.keys()
    file.unlink()
    assert main(["nodeset", "export", "urn:line", "--search", "."]) == 0
    assert capsysbinary.readouterr().out == Path("written.xml").read_bytes()


def test_export_of_what_is_not_sound_leaves_the_old_file(line: Writer, capsys: Capture) -> None:
    line(("Speed", 2, "NoSuchType"))
    Path("written.xml").write_text("as it was", encoding="utf-8")
    assert main(["nodeset", "export", "urn:line", "--search", ".", "-o", "written.xml"]) == 1
    assert "NoSuchType" in capsys.readouterr().err
    assert Path("written.xml").read_text(encoding="utf-8") == "as it was"
    assert main(["nodeset", "export", "urn:lime"]) == 1
    assert "no file holds the model urn:lime" in capsys.readouterr().err


def test_diff_tells_what_was_and_is(line: Writer, capsys: Capture) -> None:
    line(("Speed", 2, "Double"), ("Level", 3, "Double"), ("Count", 4, "Int32"), name="old.xml")
    line(("Speed", 2, "Int32"), ("Level", 33, "Double"), ("Flow", 5, "Double"), name="new.xml")
    assert main(["nodeset", "diff", "old.xml", "new.xml"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "1 added, 1 removed, 1 moved, 1 changed; 1 change breaks what was right before",
        "- Variable Objects/Line/Count  nsu=urn:line;i=4",
        "+ Variable Objects/Line/Flow  nsu=urn:line;i=5",
        "> Objects/Line/Level  moved from nsu=urn:line;i=3 to nsu=urn:line;i=33",
        "~ Objects/Line/Speed  nsu=urn:line;i=2",
        "    DataType: Double -> Int32",
        "        breaks bindings and clients that read or write it, and its history",
    ]
    assert main(["nodeset", "diff", "old.xml", "old.xml"]) == 0
    assert capsys.readouterr().out == "the files say the same\n"


def test_diff_of_two_models_is_a_mistake(line: Writer, capsys: Capture) -> None:
    line(name="old.xml")
    line(name="new.xml", uri="urn:other")
    assert main(["nodeset", "diff", "old.xml", "new.xml"]) == 1
    assert "new.xml holds urn:other, and not urn:line as old.xml" in capsys.readouterr().err


def test_diff_of_a_file_that_is_not_sound(line: Writer, capsys: Capture) -> None:
    line(name="old.xml")
    line(("Speed", 2, "NoSuchType"), name="new.xml")
    assert main(["nodeset", "diff", "old.xml", "new.xml"]) == 1
    assert "new.xml:" in capsys.readouterr().err


async def _record(file: Path, *nodes: str) -> None:
    store = SQLiteStore(file, retention_days=36_500)
    await store.open()
    counts, values, status = np.array([1], np.int32), np.array([1.0]), np.zeros(1, np.uint32)
    times = np.array([134_000_000_000_000_000], np.int64)
    blocks = [SampleBlock((node,), DataType.DOUBLE, counts, values, status, times, times) for node in nodes]
    await store.append([Delivery(1, blocks)], "test")
    await store.close()


@pytest.fixture
def plant(line: Writer, tmp_path: Path) -> Path:
    """Lay down two states of a model, and a gateway with bindings and a history."""
    line(("Speed", 2, "Double"), ("Level", 3, "Double"), ("Count", 4, "Int32"), name="old.xml")
    line(("Speed", 2, "Double"), ("Level", 33, "Double"), name="new.xml")
    Path("plant.yaml").write_text(
        """\
server: {data_dir: data}
devices:
  plc:
    driver: modbus
    url: tcp://127.0.0.1:5020
    bindings:
      - {node: /Objects/Line/Speed, address: "coil:1"}
      - {node: /Objects/Line/Level, address: "coil:2"}
      - {node: /Objects/Line/Count, address: "coil:3"}
      - {node: "nsu=urn:line;i=4", address: "coil:4"}
      - {node: Generated, address: "coil:5"}
""",
        encoding="utf-8",
    )
    (tmp_path / "data").mkdir()
    history = _record(tmp_path / "data" / "history.sqlite", "nsu=urn:line;i=3", "nsu=urn:plantspace:x;s=plc.Generated")
    asyncio.run(history)
    return Path("plant.yaml")


def test_diff_knows_variables_by_the_fields_that_bindings_and_histories_name(plant: Path, capsys: Capture) -> None:
    text = plant.read_text(encoding="utf-8")
    text = text.replace('"nsu=urn:line;i=4"', "Other").replace("/Objects/Line/Count", '"/Objects/Line/Count#Pose.X"')
    plant.write_text(text.replace("/Objects/Line/Speed", '"nsu=urn:line;i=3#Y"'), encoding="utf-8")
    history = Path("data") / "history.sqlite"
    history.unlink()
    asyncio.run(_record(history, "nsu=urn:line;i=3", "nsu=urn:line;i=4#Pose.X"))
    assert main(["nodeset", "diff", "old.xml", "new.xml", "--config", str(plant)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [one.partition(":the")[0] for one in lines if one.startswith("!")] == [
        "! nsu=urn:line;i=3, named by a binding of plc and the history: the node has another NodeId, nsu=urn:line;i=33",
        "! nsu=urn:line;i=4, named by a binding of plc and the history: the node is gone",
    ]


def test_diff_tells_orphaned_bindings_and_histories(plant: Path, capsys: Capture) -> None:
    assert main(["nodeset", "diff", "old.xml", "new.xml", "--config", str(plant)]) == 1
    lines = capsys.readouterr().out.splitlines()
    # The binding of Level is a path, and goes on; its history goes by the NodeId.
    assert [one for one in lines if one.startswith("!")] == [
        "! nsu=urn:line;i=3, named by the history: the node has another NodeId, nsu=urn:line;i=33",
        "! nsu=urn:line;i=4, named by a binding of plc: the node is gone",
    ]
    assert main(["nodeset", "diff", "old.xml", "old.xml", "--config", str(plant)]) == 0


def test_diff_collapses_trees_unless_it_is_verbose(line: Writer, capsys: Capture) -> None:
    line(name="old.xml")
    text = _OBJECT.replace("i=1", "i=50").replace("1:Line", "1:Cell")
    new = line(name="new.xml")
    below = _VARIABLE.format(name="Speed", number=51, type="Double", more="").replace("ns=1;i=1<", "ns=1;i=50<")
    below = below.replace('"ns=1;i=1"', '"ns=1;i=50"')
    new.write_text(new.read_text(encoding="utf-8").replace("</UANodeSet>", f"{text}{below}</UANodeSet>"))
    assert main(["nodeset", "diff", "old.xml", "new.xml"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "+ Object Objects/Cell  nsu=urn:line;i=50, and 1 node beneath it"
    ]
    assert main(["nodeset", "diff", "old.xml", "new.xml", "--verbose"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
