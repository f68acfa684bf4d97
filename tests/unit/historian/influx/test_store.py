"""The InfluxDB store on a real server that is away, slow, overloaded, or refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.backoff import Backoff
from core.batch import Samples
from core.datatypes import DataType
from core.errors import StoreUnavailable
from core.settings import Secret
from historian.contract import Delivery, HistoryReader, PoisonRecord
from historian.forwarder import Forwarder
from historian.history_sink import HistorySink
from historian.influx.connection import Connection
from historian.influx.positions import Lane
from historian.influx.query import Querier
from historian.influx.settings import InfluxSettings
from historian.influx.store import InfluxReader, InfluxStore
from historian.outbox import Outbox
from historian.recorder import STREAM, Recorder
from historian.samples import SampleBlock
from tests.influx_proxy import InfluxProxy, Request, reply
from tests.influxdb import InfluxServer, find_influxd, settings_for
from tests.waiting import until

A, B = "nsu=urn:test;s=a", "nsu=urn:test;s=b"
T0 = 133_000_000_000_000_000
SECOND = 10_000_000


def block(node: str, values: Sequence[Any], *, first: int = 0, datatype: DataType = DataType.DOUBLE) -> SampleBlock:
    times = T0 + (first + np.arange(len(values), dtype=np.int64)) * SECOND
    column = np.empty(len(values), datatype.dtype)
    for row, value in enumerate(values):
        column[row] = value
    return SampleBlock(
        (node,), datatype, np.array([len(values)], np.int32), column, np.zeros(len(values), np.uint32), times, times + 7
    )


def delivery(sequence: int, *values: float, node: str = A, first: int = 0) -> Delivery:
    return Delivery(sequence, [block(node, values, first=first)])


async def values_of(store: HistoryReader, node: str = A) -> list[Any]:
    return (await store.read_raw(node, T0, T0 + (1 << 50), 0)).values.tolist()


@pytest.fixture
def own_server(tmp_path: Path) -> InfluxServer:
    program = find_influxd()
    if program is None:
        pytest.skip("influxd is not installed (apt-get install influxdb)")
    return InfluxServer(tmp_path / "influxdb", program)


async def test_fault_14_all_arrives_once_when_the_database_comes_back(
    own_server: InfluxServer, outbox: Outbox, tmp_path: Path
) -> None:
    store = InfluxStore(settings_for(own_server.url, tmp_path, connect_timeout="1s", lines=50))
    forwarder = Forwarder(outbox, STREAM, HistorySink(store, outbox), "history", Backoff(0.01, 0.05))
    await forwarder.start()
    recorder = Recorder(outbox, {0: A})
    await recorder.start()
    slots, good, changed = np.zeros(1, np.int32), np.zeros(1, np.uint32), np.ones(1, np.bool_)
    offered = 0

    def offer(count: int) -> None:
        nonlocal offered
        for _ in range(count):
            time = np.array([T0 + offered * 1000])
            value = np.array([float(offered)])
            recorder.offer(Samples(DataType.DOUBLE, slots, slots, value, good, time, T0, changed))
            offered += 1

    try:
        await until(lambda: forwarder.last_error)  # away from the start
        offer(100)
        await asyncio.to_thread(own_server.start)
        await until(lambda: not forwarder.last_error and forwarder.counters.samples)
        for _ in range(2):
            offer(400)
            await asyncio.to_thread(own_server.kill)
            offer(100)
            await until(lambda: forwarder.last_error)
            await asyncio.to_thread(own_server.start)
            await until(lambda: not forwarder.last_error)
        await recorder.stop()
        await asyncio.wait_for(forwarder.drain(), 30)
        assert await values_of(store) == [float(number) for number in range(offered)]
        assert (await store.statistics()).appended == offered
    finally:
        await recorder.stop()
        await forwarder.stop()
        own_server.stop()


async def test_what_a_cut_off_delivery_left_is_not_there_twice(proxy: InfluxProxy, tmp_path: Path) -> None:
    settings = settings_for(proxy.url, tmp_path, lines=3)
    store = InfluxStore(settings)
    await store.open()
    await store.append([delivery(1, 1.0, 2.0), delivery(2, 3.0)], "origin")
    seen = len(proxy.writes)
    proxy.after = lambda _: len(proxy.writes) < seen + 2  # the second body is written, and nobody hears of it
    late = [delivery(3, 10.0, 20.0, first=1), delivery(4, 100.0, 200.0, 300.0, first=1), delivery(5, 7.0, first=9)]
    with pytest.raises(StoreUnavailable, match="closed the connection"):
        await store.append(late, "origin")
    await store.close()
    proxy.after = lambda _: True
    again = InfluxStore(settings)
    await again.open()
    try:
        await again.append(late, "origin")
        # records 1 and 2 stand at 0 and 1 s, 3 and 4 came later at 1 s and on
        assert await values_of(again) == [1.0, 3.0, 2.0, 10.0, 100.0, 20.0, 200.0, 300.0, 7.0]
        assert (await again.statistics()).appended == 9
    finally:
        await again.close()


async def test_a_long_delivery_goes_on_where_it_was_cut_off(proxy: InfluxProxy, tmp_path: Path) -> None:
    store = InfluxStore(settings_for(proxy.url, tmp_path, lines=10))
    await store.open()
    try:
        many = [delivery(n + 1, *map(float, range(10)), first=n * 10) for n in range(20)]
        proxy.answer = lambda request: reply("503 Later") if len(proxy.writes) > 15 and request.is_write else None
        with pytest.raises(StoreUnavailable):
            await store.append(many, "origin")
        assert await store.applied("origin") >= 12
        assert max(len(request.text.splitlines()) for request in proxy.writes) <= 11  # no more is held at a time
        proxy.answer = lambda _: None
        proxy.requests.clear()
        await store.append(many, "origin")
        assert len(proxy.writes) < 12
        assert len(await values_of(store)) == 200
    finally:
        await store.close()


async def test_fault_17_a_slow_database_gets_one_request_at_a_time(proxy: InfluxProxy, tmp_path: Path) -> None:
    store = InfluxStore(settings_for(proxy.url, tmp_path))
    await store.open()
    try:
        proxy.delay = 0.2
        asked = asyncio.create_task(store.append([delivery(1, 1.0, 2.0)], "origin"))
        while not asked.done():  # what is there is read meanwhile
            assert len(await values_of(store)) in (0, 2)
        await asked
        assert await values_of(store) == [1.0, 2.0]
        assert len(proxy.writes) == 3  # the origin, the samples, how far
    finally:
        await store.close()


async def test_fault_17_an_answer_that_never_comes_is_not_waited_for(proxy: InfluxProxy, tmp_path: Path) -> None:
    store = InfluxStore(settings_for(proxy.url, tmp_path, timeout="1s"))
    await store.open()
    try:
        proxy.delay = 60.0
        with pytest.raises(StoreUnavailable, match="no answer in time"):
            await store.append([delivery(1, 1.0)], "origin")
        proxy.delay = 0.0
        await store.append([delivery(1, 1.0)], "origin")
        assert await values_of(store) == [1.0]
    finally:
        await store.close()


async def test_closing_ends_what_is_under_way(proxy: InfluxProxy, tmp_path: Path) -> None:
    store = InfluxStore(settings_for(proxy.url, tmp_path))
    await store.open()
    proxy.delay = 60.0
    asked = asyncio.create_task(store.append([delivery(1, 1.0)], "origin"))
    await until(lambda: proxy.writes)
    began = asyncio.get_running_loop().time()
    asked.cancel()
    await store.close()
    assert asyncio.get_running_loop().time() - began < 5.0, "and not as long as an answer may take"
    with pytest.raises(StoreUnavailable, match="not open"):
        await store.append([delivery(1, 1.0)], "origin")


@pytest.mark.parametrize(("status", "seconds"), [("429 Too Many", 7.0), ("503 Busy", 7.0), ("429 Too Many", None)])
async def test_the_servers_advice_when_to_come_again_is_passed_on(
    proxy: InfluxProxy, tmp_path: Path, status: str, seconds: float | None
) -> None:
    store = InfluxStore(settings_for(proxy.url, tmp_path))
    await store.open()
    try:
        more = {"Retry_After": "7"} if seconds else {}
        proxy.answer = lambda request: reply(status, '{"error":"quota"}', **more) if request.is_write else None
        with pytest.raises(StoreUnavailable, match="quota") as refused:
            await store.append([delivery(1, 1.0)], "origin")
        assert refused.value.retry_after == seconds
    finally:
        await store.close()


async def test_fault_20_a_poison_line_is_found_among_good_ones_and_these_are_kept(
    proxy: InfluxProxy, tmp_path: Path
) -> None:
    store = InfluxStore(settings_for(proxy.url, tmp_path))
    await store.open()
    try:
        endless = f"nsu=urn:test;s={'x' * 70_000}"  # longer than InfluxDB's keys
        good = [*map(float, range(100))]
        poisoned = Delivery(2, [block(A, good, first=100), block(endless, [1.0]), block(B, good)])
        given = [delivery(1, *good), poisoned, delivery(3, *good, first=200)]
        with pytest.raises(PoisonRecord, match="1 of its 201 samples cannot be kept, the others are") as poison:
            await store.append(given, "origin")
        assert (poison.value.sequence, poison.value.samples) == (2, 1)
        assert await store.applied("origin") == 1
        seen = len(proxy.writes)
        await store.append([given[0], given[2]], "origin")
        assert len(proxy.writes) == seen + 1  # the samples were there, and are not sent again
        assert await store.applied("origin") == 3
        assert (len(await values_of(store)), len(await values_of(store, B))) == (300, 100)
        assert (await store.statistics()).appended == 400
    finally:
        await store.close()


async def test_fault_20_a_time_that_influxdb_does_not_know_is_set_aside(proxy: InfluxProxy, tmp_path: Path) -> None:
    store = InfluxStore(settings_for(proxy.url, tmp_path))
    await store.open()
    try:
        bad = block(A, [1.0, 2.0, 3.0])
        bad.source_time[1] = 0  # 1601
        with pytest.raises(PoisonRecord, match=r"1 of its 3 samples .*1677"):
            await store.append([Delivery(1, [bad])], "origin")
        await store.append([delivery(2, 4.0, first=9)], "origin")
        assert await values_of(store) == [1.0, 3.0, 4.0]
    finally:
        await store.close()


async def test_fault_20_a_field_that_another_program_has_made_of_another_type(
    server: InfluxServer, tmp_path: Path
) -> None:
    settings = settings_for(server.url, tmp_path)
    store = InfluxStore(settings)
    await store.open()
    try:
        await store.append([delivery(1, 1.0)], "origin")
        text = Delivery(2, [block(B, ["x"], datatype=DataType.STRING), block(A, [2.0], first=1)])
        raw(settings, f"history,node=foreign s=1i {(T0 - 116_444_736_000_000_000) * 100}")
        with pytest.raises(PoisonRecord, match="field type conflict"):
            await store.append([text], "origin")
        assert await values_of(store) == [1.0, 2.0]
    finally:
        await store.close()
    with pytest.raises(StoreUnavailable, match="field s of type integer from elsewhere"):
        await store.open()


def raw(settings: InfluxSettings, line: str) -> None:
    """Write a line as another program would."""
    connection = Connection(settings)
    parameters = {"db": settings.database, "precision": "ns"}
    assert connection.post("/write", parameters, line.encode(), "text/plain").status == 204
    connection.close()


async def test_a_server_that_refuses_everything_poisons_nothing(proxy: InfluxProxy, tmp_path: Path) -> None:
    store = InfluxStore(settings_for(proxy.url, tmp_path))
    await store.open()
    try:
        await store.append([delivery(1, 1.0)], "origin")
        proxy.answer = lambda request: reply("400 Bad", '{"error":"no lines today"}') if request.is_write else None
        with pytest.raises(StoreUnavailable, match="refuses all that is written: 400 no lines today"):
            await store.append([delivery(2, 2.0, 3.0, first=5)], "origin")
    finally:
        await store.close()


async def test_samples_older_than_the_database_keeps_are_left_out(server: InfluxServer, tmp_path: Path) -> None:
    made = settings_for(server.url, tmp_path)
    if made.api == "v2":
        pytest.skip("a bucket's retention is its administrator's")
    first = InfluxStore(made)
    await first.open()
    await first.close()
    connection = Connection(made)
    Querier(made, connection).ask([f'CREATE RETENTION POLICY "short" ON "{made.database}" DURATION 1h REPLICATION 1'])
    connection.close()
    store = InfluxStore(made.model_copy(update={"retention_policy": "short"}))
    await store.open()
    try:
        await store.append([delivery(1, 1.0, 2.0)], "origin")  # of the year 2022
        assert await store.applied("origin") == 1
        assert await values_of(store) == []
    finally:
        await store.close()


async def test_more_values_at_one_time_than_a_tick_has_nanoseconds(server: InfluxServer, tmp_path: Path) -> None:
    store = InfluxStore(settings_for(server.url, tmp_path))
    imported = InfluxStore(settings_for(server.url, tmp_path), lane=Lane.IMPORT)
    await store.open()
    await imported.open()
    try:
        expected: list[float] = []
        for sequence in range(4):
            part = block(A, [float(sequence * 40 + turn) for turn in range(40)])
            part.source_time[:] = T0
            expected.extend(part.values.tolist())
            await store.append([Delivery(sequence + 1, [part])], "origin")
        await imported.append([delivery(1, -1.0, -2.0)], "file")
        whole = [*expected[:50], -1.0, *expected[50:], -2.0]
        assert await values_of(store) == whole
        for forward in (True, False):
            found: list[float] = []
            cursor = None
            while True:
                ends = (T0, T0 + (1 << 50)) if forward else (T0 + (1 << 50), T0 - 1)
                page = await store.read_raw(A, *ends, 7, cursor=cursor)
                found.extend(page.values.tolist())
                cursor = page.cursor
                if cursor is None:
                    break
            assert found == (whole if forward else whole[::-1])
    finally:
        await imported.close()
        await store.close()


async def test_a_point_that_got_another_path_is_one_point(server: InfluxServer, tmp_path: Path) -> None:
    for path in ("/Objects/Line 1/Temperature", "/Objects/Line=2,a/Temperature", ""):
        store = InfluxStore(settings_for(server.url, tmp_path), path_of=lambda _, path=path: path)
        await store.open()
        try:
            await store.append([delivery(len(path) + 1, 1.0, first=len(path))], path or "none")
        finally:
            await store.close()
    store = InfluxStore(settings_for(server.url, tmp_path))
    try:
        assert await values_of(store) == [1.0, 1.0, 1.0]
        assert await store.points() == (A,)
    finally:
        await store.close()


async def test_the_write_api_of_2_x(proxy: InfluxProxy, tmp_path: Path) -> None:
    made = settings_for(proxy.url, tmp_path)
    if made.api == "v2":
        pytest.skip("the other tests run on 2.x already")
    maker = InfluxStore(made)
    await maker.open()  # makes the database
    await maker.close()
    settings = InfluxSettings(
        url=f"{proxy.url}/influx/", api="v2", org="plant", bucket=made.database, token=Secret("t0ken"), gzip=False
    )

    def inside(request: Request) -> bytes | None:
        if request.headers.get("authorization") != "Token t0ken":
            return reply("401 Unauthorized", '{"code":"unauthorized","message":"unauthorized access"}')
        return None

    proxy.requests.clear()
    proxy.answer = inside
    proxy.prefix = "/influx"
    store = InfluxStore(settings)
    await store.open()
    try:
        await store.append([delivery(1, 1.0, 2.0)], "origin")
        assert await values_of(store) == [1.0, 2.0]
        assert proxy.writes[0].path == "/influx/api/v2/write"
        assert proxy.writes[0].parameters == {"org": "plant", "bucket": made.database, "precision": "ns"}
        assert proxy.writes[1].text.startswith("history,node=nsu\\=urn:test;s\\=a,type=Double f=1.0,lag=7i,rec=")
    finally:
        await store.close()
    with pytest.raises(StoreUnavailable, match=r"401 unauthorized access .give the token"):
        await InfluxStore(settings.model_copy(update={"token": Secret("another")})).open()


async def test_a_missing_database_is_told_with_its_mend_and_not_made_unasked(
    server: InfluxServer, tmp_path: Path
) -> None:
    settings = settings_for(server.url, tmp_path)
    if settings.api == "v2":
        pytest.skip("a bucket is its administrator's")
    store = InfluxStore(settings.model_copy(update={"create": False}))
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match=r"database not found.*create: true"):
            await store.open()


async def test_a_server_that_is_not_influxdb(proxy: InfluxProxy, tmp_path: Path) -> None:
    for answer, said, timeout in (
        (reply("200 OK", "<html>"), "no result of InfluxQL", "30s"),
        (reply("302 Found", Location="http://elsewhere"), "302", "30s"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}", "cut off|in time", "200ms"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "InfluxDB at", "30s"),
    ):
        proxy.answer = lambda _, answer=answer: answer
        with pytest.raises(StoreUnavailable, match=said):
            await InfluxStore(settings_for(proxy.url, tmp_path, timeout=timeout)).open()


async def test_proxies_of_the_environment_are_not_used(
    server: InfluxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    store = InfluxStore(settings_for(server.url, tmp_path))
    await store.open()
    await store.close()


async def test_after_a_start_many_points_are_looked_up_together(proxy: InfluxProxy, tmp_path: Path) -> None:
    settings = settings_for(proxy.url, tmp_path)
    nodes = [f"nsu=urn:test;s={number}" for number in range(60)]
    blocks = [block(node, [1.0, 2.0]) for node in nodes]
    for origin in ("first", "second"):  # the same times again are other samples, of another origin
        store = InfluxStore(settings)
        await store.open()
        try:
            proxy.requests.clear()
            await store.append([Delivery(1, blocks)], origin)
            assert len(proxy.requests) <= 6
        finally:
            await store.close()
    reader = InfluxReader(settings)
    try:
        found = await asyncio.gather(*(values_of(reader, node) for node in nodes))
        assert found == [[1.0, 1.0, 2.0, 2.0]] * 60
    finally:
        await reader.close()


async def test_a_database_that_somebody_dropped_is_made_again(server: InfluxServer, tmp_path: Path) -> None:
    settings = settings_for(server.url, tmp_path)
    if settings.api == "v2":
        pytest.skip("a bucket is its administrator's")
    store = InfluxStore(settings)
    await store.open()
    try:
        await store.append([delivery(1, 1.0)], "origin")
        connection = Connection(settings)
        Querier(settings, connection).ask([f'DROP DATABASE "{settings.database}"'])
        connection.close()
        with pytest.raises(StoreUnavailable, match="404 database not found"):
            await store.append([delivery(2, 2.0, first=5)], "origin")
        await store.append([delivery(2, 2.0, first=5)], "origin")
        assert await values_of(store) == [2.0]
    finally:
        await store.close()


async def test_answers_that_the_server_cuts_off_are_not_taken_for_whole(proxy: InfluxProxy, tmp_path: Path) -> None:
    store = InfluxStore(settings_for(proxy.url, tmp_path))
    await store.open()
    try:
        cut = '{"results":[{"statement_id":0,"series":[{"columns":["time"],"values":[[1]],"partial":true}]}]}'
        proxy.answer = lambda _: reply("200 OK", cut)
        with pytest.raises(StoreUnavailable, match="max-row-limit"):
            await values_of(store)
    finally:
        await store.close()
