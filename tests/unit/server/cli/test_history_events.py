from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from asyncua import ua

from core.time import from_iso
from historian.events.contract import EventDelivery, StoredEvent
from historian.events.sqlite import SQLiteEventStore
from server.address_space.asyncua_values import encode_variant
from server.cli import main
from tests.system.plant import URI, lay_down

Capture = pytest.CaptureFixture[str]
START = from_iso("2026-11-21T08:00:00Z")
SECOND = 10_000_000


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    """Hold three events, one without a Message that can be read."""
    store = SQLiteEventStore(tmp_path / "events.sqlite", retention_days=36_500)
    await store.open()
    text = encode_variant(ua.Variant(ua.LocalizedText("pump, stopped"), ua.VariantType.LocalizedText))
    events = [
        StoredEvent(b"%d" % number, START + number * SECOND, "nsu=urn:x;s=Stopped", source, 700, {"Message": message})
        for number, (source, message) in enumerate([("nsu=urn:x;s=P1", text), ("nsu=urn:x;s=P2", text), ("i=1", b"?")])
    ]
    await store.append([EventDelivery(1, events)], "test")
    await store.close()
    return tmp_path


def _query(data: Path, *words: str) -> int:
    return main(["history", "query", "--events", "--data", str(data), "--start", "2026-11-21", *words])


def test_events_are_listed_in_the_order_of_time(data: Path, capsys: Capture) -> None:
    assert _query(data, "--format", "csv") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "time,severity,type,source,message"
    assert lines[1] == '2026-11-21T08:00:00Z,700,nsu=urn:x;s=Stopped,nsu=urn:x;s=P1,"pump, stopped"'
    assert [line.split(",")[0][-4:] for line in lines[1:]] == ["0:00Z"[-4:], "0:01Z"[-4:], "0:02Z"[-4:]]
    assert _query(data, "--limit", "2", "--zone", "Europe/Berlin") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["2026-11-21T09:00:00+01:00", "2026-11-21T09:00:01+01:00"]


def test_events_of_one_source_are_listed_alone(data: Path, capsys: Capture) -> None:
    assert _query(data, "nsu=urn:x;s=P2") == 0
    assert "P2" in capsys.readouterr().out
    assert _query(data, "/Objects/P2", "--format", "csv") == 0
    assert capsys.readouterr().out.count("\n") == 2
    assert _query(data, "P2", "--end", "2026-11-21T08:00:01") == 0
    assert "there are no events in this time" in capsys.readouterr().err
    assert _query(data, "nsu=urn:x;s=P9") == 1
    assert "nothing named nsu=urn:x;s=P9 is the source of events" in capsys.readouterr().err


async def _store(folder: Path, *sources: str) -> None:
    store = SQLiteEventStore(folder / "events.sqlite", retention_days=36_500)
    await store.open()
    events = [StoredEvent(b"%d" % at, START + at, "i=2041", source, 100, {}) for at, source in enumerate(sources)]
    await store.append([EventDelivery(1, events)], "test")
    await store.close()


def test_events_of_a_browse_path_are_found_by_the_model(tmp_path: Path, capsys: Capture) -> None:
    config = lay_down(tmp_path, port=48_000)
    (tmp_path / "var").mkdir()
    asyncio.run(_store(tmp_path / "var", f"nsu={URI};s=Tank", f"nsu={URI};s=Level"))
    asked = ["history", "query", "--events", "--config", str(config), "--start", "2026-11-21", "--format", "csv"]
    assert main([*asked, "/Objects/Tank/Level"]) == 0
    (line,) = capsys.readouterr().out.splitlines()[1:]
    assert f"nsu={URI};s=Level" in line
    assert main([*asked, "/Objects/Tank/Levle"]) == 1
    assert "the model has no node /Objects/Tank/Levle" in capsys.readouterr().err


@pytest.mark.parametrize("words", [(), ("--format", "csv")])
def test_events_are_written_into_the_file_that_is_named(data: Path, words: tuple[str, ...], capsys: Capture) -> None:
    file = data / "events.txt"
    assert _query(data, "--output", str(file), *words) == 0
    assert capsys.readouterr().out == ""
    assert file.read_text(encoding="utf-8").count("pump, stopped") == 2


def test_events_may_be_named_by_their_file_or_by_the_history_beside_it(data: Path, capsys: Capture) -> None:
    for name in ("events.sqlite", "history.sqlite"):
        assert main(["history", "query", "--events", "--data", str(data / name), "--start", "2026-11-21"]) == 0
        assert "pump, stopped" in capsys.readouterr().out
    assert main(["history", "query", "x", "--data", str(data / "events.sqlite"), "--start", "2026-11-21"]) == 1
    assert "--events reads events" in capsys.readouterr().err


def test_a_folder_without_events_is_told(tmp_path: Path, capsys: Capture) -> None:
    assert _query(tmp_path) == 1
    assert "holds no events" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--format", "png"], "events are written as table or csv"),
        (["--end", "2020-01-01"], "--start must lie before --end"),
        (["--interval", "1h"], "--interval says how long"),
        (["--aggregate", "average"], "events are not summed up"),
        (["--resolution", "1h"], "events are not summed up"),
        (["--stepped"], "events are not summed up"),
        (["--start", "yesterday"], "neither a moment"),
    ],
)
def test_what_does_not_go_together_is_told(data: Path, words: list[str], told: str, capsys: Capture) -> None:
    assert _query(data, *words) == 2
    assert told in capsys.readouterr().err
