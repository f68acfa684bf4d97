from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest

from core.backoff import Backoff
from core.time import TICKS_PER_SECOND
from historian.contract import PoisonRecord, Record, Sink
from historian.database import Database
from historian.events import records
from historian.events.event_sink import ALARMS, EVENTS, EventSinks, sink_name
from historian.events.sqlite import SQLiteEventStore
from historian.forwarder import Forwarder
from historian.outbox import Outbox
from tests.conformance.event_store import T0, event, names
from tests.conformance.sink import SinkConformance
from tests.waiting import until


class TestEventSink(SinkConformance):
    async def make(self, folder: Path) -> Sink:
        self.outbox = Outbox(folder / "outbox.sqlite")
        await self.outbox.open()
        self.store = SQLiteEventStore(folder / "events.sqlite", retention_days=36_500)
        return EventSinks(self.store, self.outbox).of(EVENTS)

    async def record(self, sequence: int) -> Record:
        return Record(sequence, T0, 1, records.write([event(f"{sequence}", sequence)]))

    async def received(self) -> list[int]:
        return [int(name) for name in await names(self.store, 0, 999)]

    async def dispose(self) -> None:
        await self.outbox.close()


async def test_two_streams_of_one_outbox_lose_nothing_to_each_other(tmp_path: Path) -> None:
    """Sequences rise over both streams, and each stream is delivered when it is."""
    outbox = Outbox(tmp_path / "outbox.sqlite")
    await outbox.open()
    store = SQLiteEventStore(tmp_path / "events.sqlite", retention_days=36_500)
    sinks = EventSinks(store, outbox)
    forwarders = {stream: Forwarder(outbox, stream, sinks.of(stream), sink_name(stream)) for stream in (ALARMS, EVENTS)}
    try:
        for stream in forwarders:
            await outbox.register(sink_name(stream), stream)
        for number, stream in enumerate([ALARMS, EVENTS, ALARMS, EVENTS]):
            await outbox.append(stream, records.write([event(f"e{number}", number)]))
        for stream in (EVENTS, ALARMS):
            await forwarders[stream].start()
            await forwarders[stream].drain()
        assert await names(store, 0, 9) == ["e0", "e1", "e2", "e3"]
        await forwarders[ALARMS].stop()
        await outbox.append(EVENTS, records.write([event("e4", 4)]))
        await forwarders[EVENTS].drain()
        assert (await store.read(T0, T0 + 9 * TICKS_PER_SECOND, 9)).events[-1].event_id == b"e4"
    finally:
        for forwarder in forwarders.values():
            await forwarder.stop()
        await outbox.close()


async def test_a_record_of_something_else_is_poison(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite")
    await outbox.open()
    sink = EventSinks(SQLiteEventStore(tmp_path / "events.sqlite"), outbox).of(ALARMS)
    try:
        await sink.open()
        with pytest.raises(PoisonRecord, match="record 7"):
            await sink.deliver([Record(7, T0, 1, b"no events")])
    finally:
        await sink.close()
        await outbox.close()


async def test_fault_20_a_poison_record_is_set_aside_and_the_rest_goes_on(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite")
    await outbox.open()
    store = SQLiteEventStore(tmp_path / "events.sqlite", retention_days=36_500)
    forwarder = Forwarder(outbox, EVENTS, EventSinks(store, outbox).of(EVENTS), sink_name(EVENTS))
    try:
        await forwarder.start()
        for number, payload in enumerate((records.write([event("a", 1)]), b"poison", records.write([event("b", 2)]))):
            await outbox.append(EVENTS, payload, number + 1)
        await forwarder.drain()
        assert await names(store, 0, 9) == ["a", "b"]
        assert (forwarder.counters.dead_records, forwarder.counters.dead_samples) == (1, 2)
    finally:
        await forwarder.stop()
        await outbox.close()


async def test_fault_14_events_arrive_when_the_store_is_back(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite")
    await outbox.open()
    folder = tmp_path / "away"
    store = SQLiteEventStore(folder / "events.sqlite", retention_days=36_500)
    backoff = Backoff(first=0.01, longest=0.02)
    forwarder = Forwarder(outbox, EVENTS, EventSinks(store, outbox).of(EVENTS), sink_name(EVENTS), backoff)
    try:
        await forwarder.start()
        await outbox.append(EVENTS, records.write([event("a", 1)]))
        await until(lambda: forwarder.counters.failures)
        folder.mkdir()
        await forwarder.drain()
        assert await names(store, 0, 9) == ["a"]
    finally:
        await forwarder.stop()
        await outbox.close()


async def test_a_stream_that_is_cancelled_while_it_opens_leaves_the_other_one_a_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connecting, go_on, connect = threading.Event(), threading.Event(), Database.connect

    def wait(database: Database, *, read_only: bool = False) -> sqlite3.Connection:
        connecting.set()
        go_on.wait(60)
        return connect(database, read_only=read_only)

    monkeypatch.setattr(Database, "connect", wait)
    store = SQLiteEventStore(tmp_path / "events.sqlite")
    sinks = EventSinks(store, Outbox(tmp_path / "outbox.sqlite"))
    first, second = (asyncio.create_task(sinks.open(stream)) for stream in (ALARMS, EVENTS))
    await until(connecting.is_set)
    first.cancel()
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(first, return_exceptions=True)
    await sinks.close(ALARMS)
    await second
    async with asyncio.timeout(30):
        await sinks.close(EVENTS)
