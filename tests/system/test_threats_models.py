"""NodeSets that are attacks (threat 25): a running gateway tells line and reason, and nothing changes."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportArgumentType=false
from __future__ import annotations

import os
import re
import time
import zipfile
from io import BytesIO
from pathlib import Path

from asyncua import Client

from tests.conftest import ROOT
from tests.system.patient import PatientClient
from tests.system.plain_asyncua import Memory
from tests.unit.server.model_change.line import PLAIN, Line, lines, variable
from tests.unit.server.plan.line import model

GOLDEN = ROOT / "tests" / "golden" / "nodesets"
FEW_NODES = PLAIN.replace("model: {", "model: {limits: {nodes: 30000, file_mib: 64}, ")
LITTLE = 48 * 1024 * 1024
"""Bytes: the comparison of two models is in it."""
PLACE = re.compile(r"line\.xml:\d+:\d+: \S+")
"""File, line, column, and a reason."""


def golden(name: str) -> str:
    """Give a hostile file as a new version of the line's model."""
    (file,) = (GOLDEN / name).glob("*.xml")
    return file.read_text(encoding="utf-8")


def many_nodes() -> str:
    one = '<UAObject NodeId="ns=1;i={0}" BrowseName="1:O"><DisplayName>O</DisplayName></UAObject>\n'
    return model().replace("</UANodeSet>", "".join(map(one.format, range(40_000))) + "</UANodeSet>")


def deep() -> str:
    return model().replace("</UANodeSet>", "<a>" * 100_000 + "</a>" * 100_000 + "</UANodeSet>")


def archive() -> bytes:
    """Give a ZIP whose one file would land outside of any folder that it is unpacked in."""
    held = BytesIO()
    with zipfile.ZipFile(held, "w") as made:
        made.writestr("../outside.xml", model())
    return held.getvalue()


async def refused(line: Line, client: Client, before: object) -> str:
    """Reload; see that nothing changed and that the client is served; give what was told."""
    began = time.monotonic()
    report = await line.gateway.model.reload()
    assert time.monotonic() - began < 30.0
    assert not report.applied
    assert report.findings
    assert line.told() == before
    assert await client.get_node(line.plan.directory.find("/Objects/Line/Recipe")).read_value() == "Cola"
    return report.text()


HOSTILE = {
    "doctype": lambda: golden("doctype"),
    "entity bomb": lambda: golden("entity_bomb"),
    "external entity": lambda: golden("external_entity"),
    "undeclared entity": lambda: golden("undeclared_entity"),
    "a cycle of subtypes": lambda: golden("has_subtype_cycle"),
    "elements 100 000 deep": deep,
    "more nodes than are allowed": many_nodes,
    "no XML": lambda: "\0" * 1000,
}


async def test_threat_25_hostile_models_are_refused_with_line_and_reason(tmp_path: Path) -> None:
    async with lines(tmp_path, FEW_NODES) as line, PatientClient(line.gateway.url) as client:
        before = line.told()
        for what, text in HOSTILE.items():
            (tmp_path / "line.xml").write_text(text(), encoding="utf-8")
            told = await refused(line, client, before)
            assert PLACE.search(told), (what, told)
            assert "Traceback" not in told
        assert (await line.becomes(variable("More", 1.0))).applied, "an honest one is taken"
        assert await client.get_node(line.plan.directory.find("/Objects/Line/More")).read_value() == 1.0


async def test_threat_25_files_that_are_too_large_are_refused_whatever_they_hold(tmp_path: Path) -> None:
    async with lines(tmp_path, FEW_NODES) as line, PatientClient(line.gateway.url) as client:
        before, file = line.told(), tmp_path / "line.xml"
        with file.open("wb") as held:
            held.write(model().replace("</UANodeSet>", "").encode())
            for _ in range(65):
                held.write(b" " * (1 << 20))
            held.write(b"</UANodeSet>")
        memory = Memory()
        assert "64 MiB" in await refused(line, client, before)
        os.truncate(file, 2 << 30)  # of which nothing more is on the disk
        assert PLACE.search(await refused(line, client, before))
        assert memory.taken < LITTLE


async def test_threat_25_a_zip_unpacks_nothing(tmp_path: Path) -> None:
    """No archive is taken at all: what the standard library would unpack outside of its folder is only no XML."""
    async with lines(tmp_path, FEW_NODES) as line, PatientClient(line.gateway.url) as client:
        before, there = line.told(), set(tmp_path.parent.rglob("*"))
        (tmp_path / "line.xml").write_bytes(archive())
        assert PLACE.search(await refused(line, client, before))
        assert {one for one in tmp_path.parent.rglob("*") if one.name == "outside.xml"} <= there
