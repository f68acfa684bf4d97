from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.datatypes import DataType
from core.errors import StoreCorrupt
from core.quality import NO_VALUE, Status
from core.time import from_iso
from historian.contract import Delivery
from historian.samples import SampleBlock
from historian.sqlite.store import SQLiteStore
from server.cli.history_answer import HistoryQueryError, Query, answer

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
    return Query(nodes, START, START + 300 * SECOND, limit, aggregate, 60.0, csv=csv)


async def test_csv_holds_exact_values_and_statuses(data: Path, capsys: Capture) -> None:
    await answer(_query("Filler/Temperature"), None, data)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "node,source_time,value,status"
    assert lines[1] == "Filler/Temperature,2026-11-21T08:00:00Z,0.0,Good"
    assert lines[62] == "Filler/Temperature,2026-11-21T08:01:01Z,61.0,BadNoCommunication"
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
        ("count", ["60", "59", "60", "60", "0"]),
        ("average", ["29.5", str((sum(range(60, 120)) - 61) / 59), "149.5", "209.5", ""]),
        ("min", ["0.0", "60.0", "120.0", "180.0", ""]),
        ("max", ["59.0", "119.0", "179.0", "239.0", ""]),
    ):
        await answer(_query("Filler/Temperature", aggregate=what), None, data)
        rows = [line.split(",") for line in capsys.readouterr().out.splitlines()[1:]]
        assert [row[2] for row in rows] == expected
        assert rows[4][3] == ("Good" if what == "count" else "BadNoData")
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
DOUBT, SUB_NORMAL = "UncertainLastUsableValue", "UncertainDataSubNormal"
OF_VALUES = ["Good", DOUBT, "UncertainSensorNotAccurate", *[SUB_NORMAL] * 3, "BadNoData", "BadNoData"]
OF_COUNT = [*OF_VALUES[:6], SUB_NORMAL, "Good"]


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
    await answer(Query((TEMPERATURE,), START, START + 480 * SECOND, None, what, 60.0, csv=csv), None, doubtful)
    rows = [line.split("," if csv else None) for line in capsys.readouterr().out.splitlines()[1:]]
    assert [row[-1] for row in rows] == statuses
    values = [row[2] for row in rows] if csv else [row[1] for row in rows[:6]]
    wanted = ["2", "2", "2", "1", "1", "1", "0", "0"] if what == "count" else [*["1.0"] * 6, "", ""]
    assert values == (wanted if csv else [one.removesuffix(".0") for one in wanted[:6]])


async def test_a_time_with_nothing_but_bad_values_is_shown(doubtful: Path, capsys: Capture) -> None:
    start = START + 360 * SECOND
    await answer(Query((TEMPERATURE,), start, start + 60 * SECOND, None, "max", 60.0, csv=True), None, doubtful)
    assert capsys.readouterr().out.splitlines()[1:] == [f"{TEMPERATURE},2026-11-21T08:06:00Z,,BadNoData"]


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
    query = Query(("Name",), START + 100 * SECOND, START + 200 * SECOND, None, None, 60.0, csv=False)
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
    with pytest.raises(HistoryQueryError, match=r"holds no history"):
        await answer(_query("x"), None, tmp_path)
    file = tmp_path / "history.sqlite"
    file.write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreCorrupt, match="this is no history"):
        await answer(_query("x"), None, tmp_path)
    assert file.read_bytes() == b"this is no database" * 100
    assert [path.name for path in sorted(tmp_path.rglob("*"))] == [file.name]  # noqa: ASYNC240 - a test's own folder


async def test_too_many_intervals_are_refused(data: Path) -> None:
    query = Query(("Name",), START, START + 300 * SECOND, None, "count", 1e-5, csv=True)
    with pytest.raises(HistoryQueryError, match="take a longer --interval"):
        await answer(query, None, data)
