from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from nodesets.importing import child
from nodesets.importing.reading import read_model_apart
from nodesets.limits import Limits
from nodesets.model import read_model, standard_header
from nodesets.resolver import Resolution, resolve
from tests.unit.nodesets.written import document, own, write

pytestmark = pytest.mark.usefixtures("core")


def two_files(folder: Path) -> Resolution:
    node = '<UAObject NodeId="ns=1;i=1" BrowseName="1:A"/>'
    other = write(folder, document(node, uri="urn:other", required=""), "other.NodeSet2.xml")
    return resolve([write(folder, document(node)), other])


async def test_a_model_read_apart_is_that_read_here(tmp_path: Path) -> None:
    resolution = two_files(tmp_path)
    told: list[str] = []
    model = await read_model_apart(resolution, progress=lambda file: told.append(file.name))
    assert model.nodesets == read_model(resolution).nodesets
    assert own(1) in model.nodes
    assert told == [standard_header().file.name, "other.NodeSet2.xml", "test.NodeSet2.xml"]


async def test_threat_25_limits_go_along(tmp_path: Path) -> None:
    model = await read_model_apart(two_files(tmp_path), Limits(nodes=1))
    (finding,) = model.findings
    assert finding.place.file.endswith("test.NodeSet2.xml")
    assert (finding.place.line, finding.place.column) == (4, 1)
    assert finding.problem == "with this node the model has more than 1 nodes; the rest is not read"


async def test_who_does_not_want_it_any_more_waits_for_the_end_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "_PROGRAM", 'import signal; print(\'["reading","x"]\', flush=True); signal.pause()')
    begun = asyncio.Event()
    reading = asyncio.ensure_future(read_model_apart(two_files(tmp_path), progress=lambda _: begun.set()))
    async with asyncio.timeout(30):
        await begun.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
