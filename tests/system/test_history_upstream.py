"""``plantspace history import``: from a running gateway's HistoryRead, and into a running gateway's history."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.quality import BACKFILLED
from core.time import from_datetime
from historian.sqlite.store import SQLiteReader
from server.cli.history_import_server import import_server
from server.cli.history_import_tables import bring_in
from server.history_import.form import TableForm
from server.history_import.upstream import UpstreamError
from tests.system.plant import URI, lay_down, running
from tests.waiting import until

LEVEL = f"nsu={URI};s=Level"


def _arguments(config: Path, url: str, start: int, end: int, **more: object) -> argparse.Namespace:
    given = {
        "config": config, "sources": [url], "node": ["/Objects/Tank/Level"], "start": start, "end": end,
        "security": "None", "user": None, "dry_run": False, "certificate": None, "key": None,
        "server_certificate": None,
    }  # fmt: skip
    return argparse.Namespace(**(given | more))


async def test_history_is_taken_once_and_marked(
    tmp_path: Path, free_port: Callable[[], int], capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("there", "here"):
        (tmp_path / name).mkdir()
    here = lay_down(tmp_path / "here", port=free_port())
    async with running(lay_down(tmp_path / "there", port=free_port())) as plant:
        times = [plant.put("Level", float(number)) for number in range(100)]
        await until(lambda: plant.gateway.counters()["stored"] >= 100)
        asked = _arguments(here, plant.url, times[0], times[-1])
        assert await import_server(asked) == 0
        assert "99 samples stored" in capsys.readouterr().out
        asked = _arguments(here, plant.url, times[0], times[-1] + 1)
        assert await import_server(asked) == 0
        assert "1 sample stored; 99 were there already" in capsys.readouterr().out
        with pytest.raises(UpstreamError, match="offers no endpoint of SignAndEncrypt"):
            await import_server(_arguments(here, plant.url, 1, 2, security="SignAndEncrypt"))
        nowhere = ["/Objects/Tank/Level::nsu=urn:nobody;s=x"]
        with pytest.raises(UpstreamError, match="no namespace urn:nobody"):
            await import_server(_arguments(here, plant.url, 1, 2, node=nowhere))
    reader = SQLiteReader(tmp_path / "here" / "var" / "history.sqlite")
    try:
        page = await reader.read_raw(LEVEL, times[0], times[-1] + 1, 0)
    finally:
        await reader.close()
    assert page.values.tolist() == [float(number) for number in range(100)]
    assert page.source_time.tolist() == times
    assert set(page.status.tolist()) == {BACKFILLED}


async def test_a_table_comes_in_while_the_gateway_runs(
    tmp_path: Path, free_port: Callable[[], int], capsys: pytest.CaptureFixture[str]
) -> None:
    config = lay_down(tmp_path, port=free_port())
    table = tmp_path / "in.csv"
    start = datetime.now(UTC) - timedelta(days=1)
    rows = [f"{(start + timedelta(seconds=row)).isoformat()},/Objects/Tank/Level,{row}" for row in range(5_000)]
    table.write_text("time,node,value\n" + "\n".join(rows), encoding="utf-8")
    async with running(config) as plant:
        await bring_in(plant.gateway.plan, [table], TableForm(), dry_run=False, skip_bad=False)
        assert "5000 samples stored" in capsys.readouterr().out
        moment = plant.put("Level", 99.0)
        reader = SQLiteReader(tmp_path / "var" / "history.sqlite")

        async def values() -> list[Any]:
            return (await reader.read_raw(LEVEL, from_datetime(start), moment + 1, 0)).values.tolist()

        async def is_stored() -> bool:
            return (await values())[-1] == 99.0

        try:
            await until(is_stored)
            assert (await values())[:5_000] == list(range(5_000))
        finally:
            await reader.close()
        present = plant.gateway.read(plant.gateway.image.slot_of[LEVEL])
        assert present.value == 99.0, "what is imported is never the present value"
