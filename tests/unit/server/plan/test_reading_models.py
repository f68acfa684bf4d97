from __future__ import annotations

import copy
import logging
from pathlib import Path

import pytest

from core.errors import Findings, InputError
from core.settings import Document
from nodesets.importing.child import ReadingChild
from nodesets.limits import MEBIBYTE
from nodesets.model import Model
from server.plan import plan_gateway
from server.plan.model import find_models
from server.plan.reading_models import ModelToKeep, read_models
from tests.unit.nodesets.written import document as nodeset
from tests.unit.nodesets.written import own, write

NODE = (
    '<UAObject NodeId="ns=1;i=1" BrowseName="1:A"><References>'
    '<Reference ReferenceType="i=40">i=58</Reference></References></UAObject>'
)


def configuration(folder: Path, model: str = "") -> Path:
    write(folder, nodeset(NODE, required=""), "plant.NodeSet2.xml")
    more = "".join(f", {line}" for line in [model] if line)
    text = f"server: {{data_dir: ./var}}\nmodel: {{nodesets: [plant.NodeSet2.xml]{more}}}\n"
    return write(folder, text, "plant.yaml")


async def read(config: Path) -> tuple[Model, ModelToKeep | None]:
    findings = Findings()
    document = Document.read(config, findings)
    assert document is not None
    found = find_models(document, findings)
    assert findings.items == []
    return await read_models(document, found.resolution)


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[ReadingChild]:
    """Count the processes that read."""
    children: list[ReadingChild] = []
    run = ReadingChild.run

    def counted(self: ReadingChild) -> Model:
        children.append(self)
        return run(self)

    monkeypatch.setattr(ReadingChild, "run", counted)
    return children


async def test_the_second_start_reads_what_the_first_one_kept(tmp_path: Path, begun: list[ReadingChild]) -> None:
    config = configuration(tmp_path)
    model, to_keep = await read(config)
    assert to_keep is not None
    assert not (tmp_path / "var").exists()
    to_keep.keep()
    to_keep.keep()
    again, nothing = await read(config)
    assert nothing is None
    assert len(begun) == 1
    assert own(1) in again.nodes
    assert (again.nodesets, again.nodes, again.warnings) == (model.nodesets, model.nodes, model.warnings)


async def test_what_changed_is_read_anew(tmp_path: Path, begun: list[ReadingChild]) -> None:
    config = configuration(tmp_path)
    (await read(config))[1].keep()  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess] - nothing was kept
    write(tmp_path, nodeset(NODE.replace("1:A", "1:B"), required=""), "plant.NodeSet2.xml")
    model, to_keep = await read(config)
    assert model.nodes[own(1)].browse_name.name == "B"
    assert to_keep is not None
    assert len(begun) == 2


async def test_a_file_that_changes_while_it_is_read_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configuration(tmp_path)
    run = ReadingChild.run

    def change(self: ReadingChild) -> Model:
        write(tmp_path, nodeset(NODE.replace("1:A", "1:B"), required=""), "plant.NodeSet2.xml")
        return run(self)

    monkeypatch.setattr(ReadingChild, "run", change)
    assert (await read(config))[1] is None


async def test_a_model_with_errors_is_not_kept(tmp_path: Path) -> None:
    config = configuration(tmp_path)
    write(tmp_path, nodeset(NODE.replace("i=58", "i=4711"), required=""), "plant.NodeSet2.xml")
    model, to_keep = await read(config)
    assert len(model.findings) == 1
    assert to_keep is None


async def test_what_came_with_plantspace_is_read_without_another_process(
    tmp_path: Path, begun: list[ReadingChild]
) -> None:
    config = write(tmp_path, "name: plant\n", "plant.yaml")
    model, to_keep = await read(config)
    assert to_keep is not None
    nodesets, nodes = copy.deepcopy((model.nodesets, model.nodes))
    to_keep.keep()
    assert model.nodes == {}  # it is let go of in the thread that keeps it
    again, _ = await read(config)
    assert begun == []
    assert (again.nodesets, again.nodes) == (nodesets, nodes)


async def test_a_folder_that_cannot_be_written_is_told_and_survived(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _, to_keep = await read(configuration(tmp_path))
    assert to_keep is not None
    (tmp_path / "var").write_text("no folder")
    with caplog.at_level(logging.WARNING):
        to_keep.keep()
    assert "the model is not kept for the next start" in caplog.text


async def test_threat_25_the_limits_are_those_of_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[ReadingChild] = []
    run = ReadingChild.run

    def noted(self: ReadingChild) -> Model:
        seen.append(self)
        return run(self)

    monkeypatch.setattr(ReadingChild, "run", noted)
    config = configuration(tmp_path, "limits: {file_mib: 7, nodes: 1000, time: 99s, memory_mib: 512}")
    nodes = "".join(f'<UAObject NodeId="ns=1;i={number}" BrowseName="1:A"/>' for number in range(1001))
    write(tmp_path, nodeset(nodes, required=""), "plant.NodeSet2.xml")
    with pytest.raises(InputError) as caught:
        await plan_gateway(config)
    limits = seen[0]._request.limits  # pyright: ignore[reportPrivateUsage] - what it was asked
    assert (limits.file_bytes, limits.nodes) == (7 * MEBIBYTE, 1000)
    assert (limits.seconds, limits.memory_bytes, limits.references) == (99.0, 512 * MEBIBYTE, 10_000_000)
    assert "more than 1000 nodes" in str(caught.value)


async def test_threat_25_a_reader_that_dies_is_an_error_of_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = "import os, signal, sys; sys.stdin.readline(); os.kill(os.getpid(), signal.SIGSEGV)"
    monkeypatch.setattr("nodesets.importing.child._PROGRAM", program)
    with pytest.raises(InputError) as caught:
        await plan_gateway(configuration(tmp_path))
    (finding,) = caught.value.findings
    assert finding.problem == "the process that reads it was ended by SIGSEGV"
    assert not (tmp_path / "var").exists()


MACHINERY = "http://opcfoundation.org/UA/Machinery/"


def listing(folder: Path, *entries: str, more: str = "") -> Document:
    listed = "".join(f"\n    - {entry}" for entry in entries)
    text = f"server: {{data_dir: ./var}}\nmodel:\n  nodesets:{listed}{more}\n"
    document = Document.read(write(folder, text, "plant.yaml"), Findings())
    assert document is not None
    return document


def test_a_model_is_listed_by_its_uri(tmp_path: Path) -> None:
    write(tmp_path, nodeset(NODE, required=""), "plant.NodeSet2.xml")
    findings = Findings()
    found = find_models(listing(tmp_path, MACHINERY, "plant.NodeSet2.xml"), findings)
    assert (findings.items, found.resolution.findings, found.incomplete) == ([], (), False)
    uris = [model.uri for header in found.resolution.files for model in header.models]
    assert set(uris) >= {MACHINERY, "http://opcfoundation.org/UA/DI/", "urn:test"}


def test_a_model_listed_by_its_uri_is_looked_for_in_the_folders_first(tmp_path: Path) -> None:
    file = write(tmp_path, nodeset(NODE, required=""), "folder/plant.xml")
    found = find_models(listing(tmp_path, "urn:test", more="\n  search: [folder]"), Findings())
    assert found.resolution.files[-1].file == file


def test_a_uri_that_is_nobodys_is_told_at_its_place_with_those_like_it(tmp_path: Path) -> None:
    found = find_models(listing(tmp_path, "http://opcfoundation.org/UA/Machinary/"), Findings())
    (finding,) = found.resolution.findings
    assert (finding.place.line, finding.place.column) == (4, 7)
    assert finding.mend.startswith(f"did you mean {MACHINERY}? Else put its NodeSet2 file in one of these folders")
    assert found.incomplete


def test_a_uri_may_be_right_where_the_settings_are_wrong(tmp_path: Path) -> None:
    found = find_models(listing(tmp_path, "urn:test", more="\n  serch: [folder]"), Findings())
    assert found.resolution.findings == ()
    assert found.incomplete


async def test_a_gateway_of_a_model_by_its_uri_needs_no_process_to_read_it(
    tmp_path: Path, begun: list[ReadingChild]
) -> None:
    document = listing(tmp_path, "http://opcfoundation.org/UA/DI/")
    model, _ = await read_models(document, find_models(document, Findings()).resolution)
    assert (model.findings, begun) == ((), [])
    assert "http://opcfoundation.org/UA/DI/" in model.namespaces
