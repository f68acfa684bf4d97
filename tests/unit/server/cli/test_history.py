from __future__ import annotations

import io
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow.parquet as pq
import pytest

from core.datatypes import DataType
from core.errors import StoreCorrupt
from core.quality import NO_VALUE, Status
from core.time import from_iso
from historian.contract import Delivery
from historian.samples import SampleBlock
from historian.sqlite.store import SQLiteStore
from server.cli import main
from server.cli.history_answer import Query, answer
from server.cli.history_names import HistoryQueryError
from server.cli.history_plot import NotDrawnError
from server.cli.history_source import NoHistoryError
from server.cli.history_summed import NotSummedError
from server.extras import ExtraMissingError

Capture = pytest.CaptureFixture[str]
SECOND = 10_000_000
START = from_iso("2026-11-21T08:00:00Z")
TEMPERATURE, OTHER = "nsu=urn:line;s=Line1.Filler.Temperature", "nsu=urn:line;s=Line1.Cooler.Temperature"
NAME = "nsu=urn:line;s=Line1.Name"


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    """Hold 240 values a second apart (one Bad), and a point of texts."""
    store = SQLiteStore(tmp_path / "history.sqlite", retention_days=36_500)
    await store.open()
    number = 240
    times = START + np.arange(number, dtype=np.int64) * SECOND
    status = np.zeros(number, np.uint32)
    status[61] = Status.BAD_NO_COMMUNICATION
    values = np.arange(number, dtype=np.float32)
    counts = np.array([number], np.int32)
    blocks = [
        SampleBlock((node,), DataType.FLOAT, counts, values, status, times, times) for node in (TEMPERATURE, OTHER)
    ]
    texts = np.array(["first", 'said "so", twice'], object)
    one = np.array([2], np.int32)
    blocks.append(SampleBlock((NAME,), DataType.STRING, one, texts, status[:2], times[:2], times[:2]))
    await store.append([Delivery(1, blocks)], "test")
    await store.close()
    return tmp_path


def _query(*nodes: str, limit: int | None = None, aggregate: str | None = None, csv: bool = True) -> Query:
    return Query(nodes, START, START + 300 * SECOND, limit, aggregate, format="csv" if csv else "table")


async def test_csv_holds_exact_values_and_statuses(data: Path, capsys: Capture) -> None:
    await answer(_query("Filler/Temperature"), None, data)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "node,source_time,value,status,backfilled"
    assert lines[1] == "Filler/Temperature,2026-11-21T08:00:00Z,0.0,Good,"
    assert lines[62] == "Filler/Temperature,2026-11-21T08:01:01Z,61.0,BadNoCommunication,"
    assert len(lines) == 241


@pytest.mark.parametrize(
    "text", [TEMPERATURE, "/Objects/Line1/Filler/Temperature", "Line1.Filler.Temperature", "Filler.Temperature"]
)
async def test_a_node_may_be_named_in_many_ways(data: Path, capsys: Capture, text: str) -> None:
    await answer(_query(text, limit=1), None, data)
    assert len(capsys.readouterr().out.splitlines()) == 2


async def test_a_limit_holds_for_each_node(data: Path, capsys: Capture) -> None:
    await answer(_query("Filler/Temperature", "Cooler/Temperature", limit=3), None, data)
    assert len(capsys.readouterr().out.splitlines()) == 7


async def test_aggregates_leave_out_bad_values(data: Path, capsys: Capture) -> None:
    for what, expected in (
        ("count", ["60", "59", "60", "60", ""]),
        ("average", ["29.5", str((sum(range(60, 120)) - 61) / 59), "149.5", "209.5", ""]),
        ("min", ["0.0", "60.0", "120.0", "180.0", ""]),
        ("max", ["59.0", "119.0", "179.0", "239.0", ""]),
    ):
        await answer(_query("Filler/Temperature", aggregate=what), None, data)
        rows = [line.split(",") for line in capsys.readouterr().out.splitlines()[1:]]
        assert [row[2] for row in rows] == expected
        assert rows[4][3] == "BadNoData"
        assert rows[1][1] == "2026-11-21T08:01:00Z"


QUALITIES = (
    (Status.GOOD, Status.GOOD),
    (Status.GOOD, Status.UNCERTAIN_LAST_USABLE_VALUE),
    (Status.UNCERTAIN_SENSOR_NOT_ACCURATE, Status.UNCERTAIN_LAST_USABLE_VALUE),
    (Status.GOOD, Status.BAD_NO_COMMUNICATION),
    (Status.UNCERTAIN_LAST_USABLE_VALUE, Status.BAD_NO_COMMUNICATION),
    (Status.UNCERTAIN_LAST_USABLE_VALUE | NO_VALUE, Status.GOOD),
    (Status.BAD_NO_COMMUNICATION, Status.BAD_OUT_OF_RANGE),
    (),
)
"""Of the samples of each interval."""
SUB_NORMAL = "UncertainDataSubNormal"
OF_VALUES = ["Good", SUB_NORMAL, "BadNoData", SUB_NORMAL, "BadNoData", SUB_NORMAL, "BadNoData", "BadNoData"]
OF_COUNT = [one.replace("BadNoData", "Bad") for one in OF_VALUES[:7]] + ["BadNoData"]
"""Uncertain values are left out, as for clients that ask for the server's default."""


@pytest.fixture
async def doubtful(tmp_path: Path) -> Path:
    """Hold an interval of a minute for each of :data:`QUALITIES`, each value 1."""
    store = SQLiteStore(tmp_path / "history.sqlite", retention_days=36_500)
    await store.open()
    kept = [(minute * 60 + second, one) for minute, each in enumerate(QUALITIES) for second, one in enumerate(each)]
    times = START + np.array([second for second, _ in kept], np.int64) * SECOND
    status = np.array([one for _, one in kept], np.uint32)
    count = np.array([len(kept)], np.int32)
    block = SampleBlock((TEMPERATURE,), DataType.FLOAT, count, np.ones(len(kept), np.float32), status, times, times)
    await store.append([Delivery(1, [block])], "test")
    await store.close()
    return tmp_path


@pytest.mark.parametrize("csv", [True, False])
@pytest.mark.parametrize(("what", "statuses"), [("average", OF_VALUES), ("min", OF_VALUES), ("count", OF_COUNT)])
async def test_an_aggregate_is_no_better_than_what_it_is_made_of(
    doubtful: Path, capsys: Capture, what: str, statuses: list[str], *, csv: bool
) -> None:
    await answer(
        Query((TEMPERATURE,), START, START + 480 * SECOND, None, what, 60.0, "csv" if csv else "table"), None, doubtful
    )
    rows = [line.split("," if csv else None) for line in capsys.readouterr().out.splitlines()[1:]]
    assert [row[3] if csv else row[-1] for row in rows] == statuses
    one = {"count": "1"}.get(what, "1.0" if csv else "1")
    two = "2" if what == "count" else one
    values = [row[2] if csv else row[1] if len(row) == 3 else "" for row in rows]
    assert values == [two, one, "", one, "", one, "", ""]


async def test_a_time_with_nothing_but_bad_values_is_shown(doubtful: Path, capsys: Capture) -> None:
    start = START + 360 * SECOND
    await answer(Query((TEMPERATURE,), start, start + 60 * SECOND, None, "max", 60.0, "csv"), None, doubtful)
    assert capsys.readouterr().out.splitlines()[1:] == [f"{TEMPERATURE},2026-11-21T08:06:00Z,,BadNoData,"]


async def test_texts_are_quoted(data: Path, capsys: Capture) -> None:
    await answer(_query("Name"), None, data)
    assert '"said ""so"", twice"' in capsys.readouterr().out


async def test_tables_of_several_nodes_have_headings(data: Path, capsys: Capture) -> None:
    await answer(_query("Filler/Temperature", "Name", limit=2, csv=False), None, data)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Filler/Temperature"
    assert lines[1].split() == ["source", "time", "value", "status"]
    assert lines[2].split() == ["2026-11-21T08:00:00Z", "0", "Good"]
    assert lines[4:6] == ["", "Name"]


async def test_no_values_in_the_time_is_said_and_is_no_error(data: Path, capsys: Capture) -> None:
    query = Query(("Name",), START + 100 * SECOND, START + 200 * SECOND, None, None, 60.0)
    await answer(query, None, data)
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "plantspace: Name has no values in this time\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Temperature", "names 2 nodes"),
        ("Temprature", "did you mean Line1."),
        ("xyz", "there is: Line1.Cooler.Temperature"),
    ],
)
async def test_names_that_lead_nowhere_are_told(data: Path, text: str, told: str) -> None:
    with pytest.raises(HistoryQueryError, match=told):
        await answer(_query(text), None, data)


async def test_folders_without_history_and_files_that_are_none_are_told(tmp_path: Path) -> None:
    with pytest.raises(NoHistoryError, match=r"holds no history"):
        await answer(_query("x"), None, tmp_path)
    file = tmp_path / "history.sqlite"
    file.write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreCorrupt, match=r"this is no history.*plantspace history repair CONFIG"):
        await answer(_query("x"), None, tmp_path)
    assert file.read_bytes() == b"this is no database" * 100
    assert [path.name for path in sorted(tmp_path.rglob("*"))] == [file.name]  # noqa: ASYNC240 - a test's own folder


async def test_too_many_intervals_are_refused(data: Path) -> None:
    query = Query(("Name",), START, START + 300 * SECOND, None, "count", 1e-5, "csv")
    with pytest.raises(NotSummedError, match="take a longer --interval"):
        await answer(query, None, data)


async def test_percentiles_are_exact_of_raw_values_and_estimated_of_hours(data: Path, capsys: Capture) -> None:
    await answer(_query("Filler/Temperature", aggregate="p50"), None, data)
    assert [line.split(",")[2] for line in capsys.readouterr().out.splitlines()[1:]] == ["29.5", "90.0", *OTHERS]
    hour = Query((TEMPERATURE,), START, START + 3600 * SECOND, None, "p95", 3600.0, "csv")
    await answer(hour, None, data)
    (line,) = capsys.readouterr().out.splitlines()[1:]
    assert float(line.split(",")[2]) == pytest.approx(227.0, abs=1.0)


async def test_the_hundredth_percentile_is_the_greatest_value(data: Path, capsys: Capture) -> None:
    await answer(_query("Filler/Temperature", aggregate="p100", limit=1), None, data)
    assert capsys.readouterr().out.splitlines()[1].split(",")[2] == "59.0"


OTHERS = ("149.5", "209.5", "")


@pytest.mark.parametrize(("resolution", "rows", "last"), [("1min", 4, "239.0"), ("1h", 1, "239.0")])
async def test_stored_summaries_are_shown(data: Path, capsys: Capture, resolution: str, rows: int, last: str) -> None:
    query = Query((TEMPERATURE,), START, START + 3600 * SECOND, format="csv", resolution=resolution)
    await answer(query, None, data)
    head, *lines = [line.split(",") for line in capsys.readouterr().out.splitlines()]
    assert head[:6] == ["node", "interval_start", "good", "uncertain", "bad", "average"]
    assert ("p95" in head) == (resolution == "1h")
    assert len(lines) == rows
    assert lines[-1][head.index("last")] == last
    assert sum(int(line[4]) for line in lines) == 1


@pytest.fixture(scope="module")
def fonts() -> None:
    """Let matplotlib open its fonts, which it keeps open for the process."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to load, and only here

    figure = Figure()
    figure.text(0, 0, "x")
    figure.savefig(io.BytesIO(), format="png")


@pytest.mark.usefixtures("fonts")
@pytest.mark.parametrize("what", [None, "average"])
async def test_a_picture_is_drawn(data: Path, what: str | None) -> None:
    file = data / "out.png"
    query = Query((TEMPERATURE, OTHER), START, START + 300 * SECOND, None, what, format="png", output=file)
    await answer(query, None, data)
    assert file.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(NotDrawnError, match="String values"):
        await answer(Query((NAME,), START, START + SECOND, format="png", output=file), None, data)
    with pytest.raises(NotDrawnError, match="nothing to draw"):
        await answer(Query((TEMPERATURE,), 1, 2, format="png", output=file), None, data)


async def test_times_are_shown_in_the_zone_that_is_named(data: Path, capsys: Capture) -> None:
    query = Query((TEMPERATURE,), START, START + SECOND, zone=ZoneInfo("Europe/Berlin"))
    await answer(query, None, data)
    assert capsys.readouterr().out.splitlines()[1].startswith("2026-11-21T09:00:00+01:00 ")


async def test_an_aggregate_that_there_is_none_of_is_told_with_all_there_are(data: Path) -> None:
    with pytest.raises(HistoryQueryError, match=r"TimeAverage2.*p95"):
        await answer(_query("Filler/Temperature", aggregate="mean"), None, data)


async def test_a_library_that_is_missing_is_told_with_its_extra(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    query = Query((TEMPERATURE,), START, START + SECOND, format="parquet", output=data / "x.parquet")
    with pytest.raises(ExtraMissingError, match=r"pip install 'plantspace\[tables\]'"):
        await answer(query, None, data)


@pytest.fixture
async def kinds(tmp_path: Path) -> Path:
    """Hold a DateTime and a StatusCode."""
    store = SQLiteStore(tmp_path / "history.sqlite", retention_days=36_500)
    await store.open()
    one, times, status = np.array([1], np.int32), np.array([START], np.int64), np.zeros(1, np.uint32)
    blocks = [
        SampleBlock(("i=1",), DataType.DATETIME, one, np.array([START + 5], np.int64), status, times, times),
        SampleBlock(("i=2",), DataType.STATUSCODE, one, np.array([0x80310000], np.uint32), status, times, times),
    ]
    await store.append([Delivery(1, blocks)], "test")
    await store.close()
    return tmp_path


async def test_datetime_and_statuscode_values_are_written_as_what_they_are(kinds: Path, capsys: Capture) -> None:
    expected = ["2026-11-21T08:00:00.0000005Z", "BadNoCommunication"]
    await answer(Query(("i=1", "i=2"), START, START + 1, format="csv"), None, kinds)
    assert [line.split(",")[2] for line in capsys.readouterr().out.splitlines()[1:]] == expected
    await answer(Query(("i=1", "i=2"), START, START + 1), None, kinds)
    printed = capsys.readouterr().out
    assert all(text in printed for text in expected)
    file = kinds / "x.parquet"
    await answer(Query(("i=1", "i=2"), START, START + 1, format="parquet", output=file), None, kinds)
    assert pq.read_table(file)["value"].to_pylist() == expected


async def test_the_worst_quality_is_named(doubtful: Path, capsys: Capture) -> None:
    await answer(Query((TEMPERATURE,), START, START + 240 * SECOND, None, "WorstQuality", 60.0, "csv"), None, doubtful)
    values = [line.split(",")[2] for line in capsys.readouterr().out.splitlines()[1:]]
    assert (values[0], values[3]) == ("Good", "BadNoCommunication")


def _asked(data: Path, *words: str) -> int:
    return main(["history", "query", "Filler/Temperature", "--data", str(data), "--format", "csv", *words])


@pytest.mark.parametrize("words", [("--aggregate", "count", "--interval", "1h"), ("--resolution", "1h")])
def test_a_start_before_now_is_put_back_to_where_an_interval_begins(
    data: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setattr("core.time.now", lambda: START + 1_500 * SECOND)
    assert _asked(data, "--start", "-10min", *words) == 0
    first = capsys.readouterr().out.splitlines()[1].split(",")
    assert first[1] == "2026-11-21T08:00:00Z"
    assert first[2] == "239"


def test_what_says_how_to_sum_up_is_refused_alone(data: Path, capsys: Capture) -> None:
    assert _asked(data, "--stepped") == 2
    assert "--stepped says how --aggregate" in capsys.readouterr().err


async def test_times_of_a_zone_stand_under_their_heading(data: Path, capsys: Capture) -> None:
    await answer(Query((TEMPERATURE,), START, START + 2 * SECOND, zone=ZoneInfo("Europe/Berlin")), None, data)
    heading, *rows = capsys.readouterr().out.splitlines()
    assert {row.index("Good") for row in rows} == {heading.index("status")}


async def test_an_empty_parquet_file_has_the_columns_types_and_is_told(data: Path, capsys: Capture) -> None:
    file = data / "x.parquet"
    await answer(Query((TEMPERATURE,), 1, 2, format="parquet", output=file), None, data)
    assert [str(one.type) for one in pq.read_schema(file)][-2:] == ["uint32", "bool"]
    assert "has no values in this time" in capsys.readouterr().err


async def test_too_many_nodes_for_a_picture_are_told_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(NotDrawnError, match="21 nodes are too many"):
        await answer(Query(("x",) * 21, 1, 2, format="png", output=tmp_path / "x.png"), None, tmp_path)
