"""Tables into a real history file, by a real model."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import InputError
from core.quality import BACKFILLED, NO_VALUE, Status
from core.time import from_iso
from historian.contract import RawPage
from historian.sqlite.store import SQLiteReader, SQLiteStore
from server.cli.findings import tell
from server.cli.history_answer import Query, answer
from server.cli.history_import_tables import bring_in
from server.cli.main import _parser  # pyright: ignore[reportPrivateUsage] - the command's own arguments
from server.configuration import HistorianSettings
from server.history_import.form import TableForm
from server.plan import Plan, plan_gateway
from tests.system.plant import URI, lay_down

Capture = pytest.CaptureFixture[str]
Bring = Callable[..., int]
HISTORY = 'historian:\n  retention: {raw: 36500d}\n  nodes: ["/Objects/Tank/*"]\n'
LEVEL, COUNT, NAME = (f"nsu={URI};s={name}" for name in ("Level", "Count", "Name"))


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Generator[Plan]:
    """Read the model once for all tests."""
    config = lay_down(tmp_path_factory.mktemp("plant"), port=48_000)
    with config.open("a", encoding="utf-8") as file:
        file.write(HISTORY)
    made = asyncio.run(plan_gateway(config))
    yield made
    asyncio.run(made.discard())


@pytest.fixture
def config(plan: Plan) -> Path:
    """Begin without history."""
    shutil.rmtree(plan.data_dir, ignore_errors=True)
    return plan.config


@pytest.fixture
def bring(plan: Plan) -> Bring:
    """Do what the command does, less reading the model; gives the exit code."""

    def bring(_config: Path, *words: str) -> int:
        arguments = _parser().parse_args(["history", "import", "x", *words])
        form = TableForm(arguments.time, arguments.zone, arguments.decimal, arguments.prefix)
        files = [Path(source) for source in arguments.sources]
        try:
            asyncio.run(bring_in(plan, files, form, dry_run=arguments.dry_run, skip_bad=arguments.skip_bad))
        except InputError as error:
            tell(error.findings, sys.stderr)
            return 1
        return 0

    return bring


@asynccontextmanager
async def _history(config: Path) -> AsyncGenerator[SQLiteReader]:
    reader = SQLiteReader(config.parent / "var" / "history.sqlite")
    try:
        yield reader
    finally:
        await reader.close()


def _read(config: Path, node: str) -> RawPage:
    async def read() -> RawPage:
        async with _history(config) as reader:
            return await reader.read_raw(node, 1, 1 << 62, 0)

    return asyncio.run(read())


def _table(config: Path, text: str, name: str = "in.csv") -> str:
    file = config.parent / name
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_rows_are_stored_once_with_their_statuses_and_marks(config: Path, bring: Bring, capsys: Capture) -> None:
    file = _table(
        config,
        "time,node,value,status\n"
        "2026-11-20T08:00:00.1234567Z,/Objects/Tank/Level,1.5,\n"
        f"2026-11-20T08:00:01Z,{COUNT},7,Uncertain\n"
        '2026-11-20T08:00:02Z,/Objects/Tank/Name,"a ""b"", c",\n'
        "2026-11-20T09:00:03+01:00,/Objects/Tank/Level,,BadNoCommunication\n"
        "2026-11-20T08:00:04Z,/Objects/Tank/Level,2,0x40900000\n",
    )
    assert bring(config, file) == 0
    assert "5 samples of 3 nodes" in capsys.readouterr().out
    level = _read(config, LEVEL)
    assert level.source_time[0] == from_iso("2026-11-20T08:00:00Z") + 1_234_567
    assert level.source_time[1] == from_iso("2026-11-20T08:00:03Z")
    assert level.values[[0, 2]].tolist() == [1.5, 2.0]
    marks = [BACKFILLED, BACKFILLED | NO_VALUE | Status.BAD_NO_COMMUNICATION, BACKFILLED | 0x40900000]
    assert level.status.tolist() == marks
    assert _read(config, NAME).values.tolist() == ['a "b", c']
    assert _read(config, COUNT).values.dtype == np.int32
    assert bring(config, file) == 0
    assert "0 samples stored; 5 were stored by an import before" in capsys.readouterr().out
    assert len(_read(config, LEVEL)) == 3


def test_an_import_that_was_ended_goes_on_and_stores_nothing_twice(
    config: Path, bring: Bring, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.history_import.csv_parts.CELLS_AT_ONCE", 10)
    start = np.datetime64("2026-11-20T00:00:00")
    rows = "".join(f"{start + row}Z,/Objects/Tank/Level,{row}\n" for row in range(95))
    file = _table(config, f"time,node,value\n{rows}")
    append, batches = SQLiteStore.append, 0

    async def dying(self: SQLiteStore, deliveries: Sequence[object], origin: str) -> None:
        nonlocal batches
        batches += 1
        if batches == 5:
            raise KeyboardInterrupt
        await append(self, deliveries, origin)  # type: ignore[arg-type]  # deliveries are passed on

    monkeypatch.setattr(SQLiteStore, "append", dying)
    with pytest.raises(KeyboardInterrupt):
        bring(config, file)
    assert len(_read(config, LEVEL)) == 40
    assert bring(config, file) == 0
    assert "55 samples stored; 40 were stored by an import before" in capsys.readouterr().out
    assert _read(config, LEVEL).values.tolist() == list(range(95))


WRONG = """\
time,node,value,status
2026-11-20T08:00:00,/Objects/Tank/Level,1,
2026-11-20T08:00:00Z,/Objects/Tank/Levle,1,
2026-11-20T08:00:00Z,/Objects/Tank/Level,"1,5",
2026-11-20T08:00:00Z,/Objects/Tank/Count,3000000000,
2026-11-20T08:00:00Z,/Objects/Tank/Count,1.5,
2026-11-20T08:00:00Z,/Objects/Tank/Level,1,BadLuck
2026-11-20T08:00:00Z,/Objects/Tank/Level,,
2026-11-20T08:00:00Z,/Objects/Tank/Limits,1,
1763625600000,/Objects/Tank/Level,1,
2026-11-20T08:00:00Z,/Objects/Tank/Level
2026-11-20T08:00:00Z,/Objects/Tank/Level,5,
"""
TOLD = (
    ":2:1: the time 2026-11-20T08:00:00 has no time zone (say which",
    ":3:22: /Objects/Tank has no child 'Levle' (did you mean Level?)",
    ":4:42: '1,5' is no Double (write a number such as -12.5; with --decimal ,",
    ":5:42: '3000000000' is no Int32 (the variable takes -2147483648 to 2147483647)",
    ":6:42: '1.5' is no Int32 (the variable takes whole numbers only)",
    ":7:44: 'BadLuck' is no StatusCode",
    ":8:42: there is no value",
    ":9:22: /Objects/Tank/Limits holds arrays or structures",
    ":10:1: '1763625600000' is no time of ISO 8601 (write --time s, ms, us or ns",
    ":11:1: the row has 2 cells and the header 4",
)


def test_every_error_has_its_place_and_nothing_is_stored(config: Path, bring: Bring, capsys: Capture) -> None:
    file = _table(config, WRONG)
    assert bring(config, file) == 1
    said = capsys.readouterr().err
    for told in TOLD:
        assert f"{file}{told}" in said
    assert not (config.parent / "var").exists()
    assert bring(config, file, "--skip-bad") == 0
    said = capsys.readouterr()
    assert "left out (--skip-bad)" in said.err
    assert "1 sample of 1 node" in said.out
    assert _read(config, LEVEL).values.tolist() == [5.0]


def test_a_table_may_have_a_column_a_node(config: Path, bring: Bring, capsys: Capture) -> None:
    text = "time;Level;Count\n20.5;1,5;\n21;;7\n22;2,5;8\n"
    file = _table(config, text)
    words = ("--time", "s", "--decimal", ",", "--prefix", "/Objects/Tank/")
    assert bring(config, file, *words, "--dry-run") == 0
    assert "nothing was stored (--dry-run)" in capsys.readouterr().out
    assert not (config.parent / "var").exists()
    assert bring(config, file, *words) == 0
    level = _read(config, LEVEL)
    assert level.values.tolist() == [1.5, 2.5]
    assert level.source_time.tolist() == [from_iso("1970-01-01T00:00:20.5Z"), from_iso("1970-01-01T00:00:22Z")]
    assert _read(config, COUNT).values.tolist() == [7, 8]


def test_local_times_are_of_the_zone_that_is_named(config: Path, bring: Bring, capsys: Capture) -> None:
    file = _table(config, "time,/Objects/Tank/Level\n2026-07-01 12:00:00,1\n2026-12-01 12:00:00.25,2\n")
    assert bring(config, file, "--zone", "Europe/Berlin") == 0
    times = [from_iso("2026-07-01T10:00:00Z"), from_iso("2026-12-01T11:00:00.25Z")]
    assert _read(config, LEVEL).source_time.tolist() == times
    skipped = _table(config, "time,/Objects/Tank/Level\n2026-03-29 02:30:00,1\n", "gap.csv")
    assert bring(config, skipped, "--zone", "Europe/Berlin") == 1
    assert "the clocks skip that hour" in capsys.readouterr().err


@pytest.mark.parametrize("zone", ["UTC", None])
def test_parquet_is_read_as_it_was_written_by_query(
    config: Path, bring: Bring, capsys: Capture, zone: str | None
) -> None:
    file = config.parent / "in.parquet"
    times = np.array(["2026-11-20T08:00:00.1234567", "2026-11-20T08:00:01"], "datetime64[ns]")
    columns = {
        "source_time": pa.array(times, pa.timestamp("ns", "UTC") if zone else pa.timestamp("ns")),
        "node": pa.array(["/Objects/Tank/Level", "/Objects/Tank/Count"]),
        "value": pa.array([1.5, 2.0]),
        "status": pa.array([0, 0x40000000], pa.uint32()),
    }
    pq.write_table(pa.table(columns), file)
    assert bring(config, str(file), *(() if zone else ("--zone", "UTC"))) == 0
    level = _read(config, LEVEL)
    assert level.source_time.tolist() == [from_iso("2026-11-20T08:00:00Z") + 1_234_567]
    assert _read(config, COUNT).status.tolist() == [BACKFILLED | 0x40000000]
    out = config.parent / "out.parquet"
    days = from_iso("2026-11-20"), from_iso("2026-11-21")
    asyncio.run(answer(Query((LEVEL, COUNT), *days, format="parquet", output=out), None, config.parent))
    table = pq.read_table(out)
    assert table.column_names == ["node", "node_id", "source_time", "value", "status", "backfilled"]
    assert table["value"].to_pylist() == [1.5, 2.0]
    assert table["backfilled"].to_pylist() == [True, True]
    assert table["node_id"].to_pylist() == [LEVEL, COUNT]
    capsys.readouterr()


def test_files_that_are_no_tables_are_told(config: Path, bring: Bring, capsys: Capture) -> None:
    for name, content, told in (
        ("a.csv", b"", "the table is empty"),
        ("b.csv", b"node,value\nx,1\n", "there is no column of times; there is 'node', 'value'"),
        ("c.csv", b"time,node,value,quality\n", "unknown column 'quality'"),
        (
            "d.csv",
            "time,/Objects/Tank/Level\n2026-11-20T08:00:00Z,1ß".encode("latin-1"),
            "d.csv:2:23: this is not UTF-8 text",
        ),
        ("e.parquet", b"PAR1 no", "this is no Parquet file"),
    ):
        file = config.parent / name
        file.write_bytes(content)
        assert bring(config, str(file)) == 1, name
        assert told in capsys.readouterr().err
    assert bring(config, str(config.parent / "none.csv")) == 1


def test_what_is_older_than_history_is_kept_is_warned_of(
    config: Path, bring: Bring, plan: Plan, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "historian", HistorianSettings())
    file = _table(config, "time,/Objects/Tank/Level\n2001-07-01T12:00:00Z,1\n")
    assert bring(config, file, "--dry-run") == 0
    assert "1 sample of " in (said := capsys.readouterr().err)
    assert "older than history is kept (30 d)" in said


def _rows(*rows: str) -> str:
    return "".join(f"{row}\n" for row in ("time,node,value,status", *rows))


def test_skip_bad_leaves_out_rows_that_cannot_be_read_and_goes_on(
    config: Path, bring: Bring, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.history_import.csv_parts.CELLS_AT_ONCE", 2)
    at = "2026-11-20T08:00:0"
    file = _table(
        config,
        _rows(
            f"{at}0Z,/Objects/Tank/Level,1,",
            f'{at}1Z,"/Objects"/Tank/Level,2,',
            f'{at}2Z,"/Objects"/Tank/Level,3,',
            f"{at}3Z,/Objects/Tank/Level,4,5,6",
            f"{at}4Z,/Objects/Tank/Level,7",
            f"{at}5Z,/Objects/Tank/Level,8,",
        ),
    )
    assert bring(config, file, "--skip-bad") == 0
    said = capsys.readouterr()
    assert _read(config, LEVEL).values.tolist() == [1.0, 8.0]
    assert "2 samples of 1 node" in said.out
    assert "4 left out" in said.out
    assert [f":{line}:1: the row" in said.err for line in range(2, 8)] == [False, True, True, True, True, False]


def test_what_is_no_utf8_is_refused_with_skip_bad_too(config: Path, bring: Bring, capsys: Capture) -> None:
    file = config.parent / "in.csv"
    file.write_bytes(_rows("2026-11-20T08:00:00Z,/Objects/Tank/Level,1,").encode() + b"2026-11-20T08:00:01Z,\xdf,2,\n")
    assert bring(config, str(file), "--skip-bad") == 1
    assert f"{file}:3:22: this is not UTF-8 text" in capsys.readouterr().err
    assert not (config.parent / "var").exists()


def test_years_that_do_not_fit_into_nanoseconds_are_not_turned_round(
    config: Path, bring: Bring, capsys: Capture
) -> None:
    file = _table(config, "time,/Objects/Tank/Level\n2587-07-01T12:00:00Z,1\n1650-07-01T12:00:00Z,2\n")
    assert bring(config, file, "--skip-bad") == 0
    assert "'2587-07-01T12:00:00Z' lies over a year ahead" in capsys.readouterr().err
    assert _read(config, LEVEL).source_time.tolist() == [from_iso("1650-07-01T12:00:00Z")]
    parquet = config.parent / "in.parquet"
    times = pa.array(np.array(["2587-07-01T12:00:00"], "datetime64[s]"), pa.timestamp("s", "UTC"))
    pq.write_table(pa.table({"time": times, LEVEL: [1.0]}), parquet)
    assert bring(config, str(parquet)) == 1
    assert "2587-07-01T12:00:00" in capsys.readouterr().err


def test_the_zone_and_the_rest_count_only_where_they_were_used(config: Path, bring: Bring, capsys: Capture) -> None:
    file = _table(config, _rows("2026-11-20T08:00:00Z,/Objects/Tank/Level,1,"))
    assert bring(config, file) == 0
    capsys.readouterr()
    assert bring(config, file, "--zone", "UTC", "--prefix", "/Objects/", "--decimal", ",") == 0
    assert "0 samples stored; 1 were stored by an import before" in capsys.readouterr().out
    local = _table(config, _rows("2026-11-20T08:00:00,/Objects/Tank/Level,1,"), "local.csv")
    for zone in ("UTC", "Europe/Berlin"):
        assert bring(config, local, "--zone", zone) == 0
        assert "1 sample stored" in capsys.readouterr().out


def test_nested_columns_of_parquet_are_told(config: Path, bring: Bring, capsys: Capture) -> None:
    file = config.parent / "in.parquet"
    columns = {"time": ["2026-11-20T08:00:00Z"], "node": [LEVEL], "value": [[1.0]], "status": [{"code": 0}]}
    pq.write_table(pa.table(columns), file)
    assert bring(config, str(file)) == 1
    said = capsys.readouterr().err
    assert "the column 'value' holds list" in said
    assert "the column 'status' holds struct" in said


def test_what_a_query_has_written_names_its_nodes_by_node_id(config: Path, bring: Bring, capsys: Capture) -> None:
    file = _table(config, f"node,node_id,source_time,value\nLevel,{LEVEL},2026-11-20T08:00:00Z,1\n")
    assert bring(config, file) == 0
    assert _read(config, LEVEL).values.tolist() == [1.0]
    assert bring(config, _table(config, _rows("2026-11-20T08:00:00Z,Level,1,"))) == 1
    said = capsys.readouterr().err
    assert "'Level' is no browse path and no NodeId" in said
    assert "--prefix" in said


def test_a_folder_is_no_table(config: Path, bring: Bring, capsys: Capture) -> None:
    assert bring(config, str(config.parent)) == 1
    assert "this is a folder" in capsys.readouterr().err
