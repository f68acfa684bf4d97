from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.batch import Batch
from core.datatypes import DataType
from core.errors import StoreUnavailable
from core.image import ProcessImage
from core.time import now
from historian.outbox import Outbox
from server.pubsub.component import Planned, PubSub, full_name
from server.pubsub.connection import PubSubConnection, Surroundings
from server.pubsub.delivery.streams import sink_of, stream_of
from server.pubsub.events.selection import EventSelection
from server.pubsub.fields import DataSetField
from server.pubsub.frames import PubSubState
from server.pubsub.record import unpack
from server.pubsub.settings import ConnectionSettings
from tests.broker import Broker
from tests.unit.server.pubsub.consumer import Consumer
from tests.unit.server.pubsub.mqtt.certificates import Authority
from tests.unit.server.pubsub.plant import FIELDS, POINTS, SLOTS, settings_of
from tests.waiting import until

ALL = {"samples": "all", "publish": "10ms"}


@dataclass(frozen=True)
class _Plan:
    settings: ConnectionSettings
    fields: Mapping[str, tuple[DataSetField, ...]]
    events: Mapping[str, EventSelection] = field(default_factory=dict[str, EventSelection])
    twin: tuple[DataSetField, ...] = ()


def _plan(url: str, datasets: Mapping[str, Mapping[str, Any]] | None = None, **other: Any) -> _Plan:
    settings = settings_of(url, datasets or {"meters": ALL}, **other)
    return _Plan(settings, {name: tuple(FIELDS) for name in settings.datasets})


@dataclass
class _Site:
    folder: Path
    outbox: Outbox
    image: ProcessImage
    pubsub: PubSub
    made: list[str] = field(default_factory=list[str])
    broken: set[str] = field(default_factory=set[str])
    """Connections that cannot begin."""

    def apply(self, value: float) -> None:
        moment = now()
        self.image.apply(Batch(SLOTS, np.array([value, 0.0, 0.0]), 0, moment, moment))

    def values(self, connection: str, dataset: str = "meters") -> int:
        return self.pubsub.statistics()[connection].writers[dataset].values


@asynccontextmanager
async def _site(folder: Path, largest_bytes: int = 1 << 30) -> AsyncGenerator[_Site]:
    outbox, image = Outbox(folder / "outbox.sqlite", largest_bytes=largest_bytes), ProcessImage(POINTS, now())
    await outbox.open()
    made: list[str] = []
    broken: set[str] = set()

    async def make(name: str, planned: Planned) -> PubSubConnection:
        made.append(name)
        if name in broken:
            raise StoreUnavailable(name)
        around = Surroundings(image, outbox, folder)
        return PubSubConnection(planned.settings, around, gateway="line-1", fields=planned.fields, name=name)

    site = _Site(folder, outbox, image, PubSub(outbox, make), made, broken)
    try:
        yield site
    finally:
        await site.pubsub.stop()
        await outbox.close()


async def test_one_broker_that_is_away_does_not_keep_the_others_waiting(
    mosquitto: Broker, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    here, away = _plan(mosquitto.url, prefix="c1"), _plan(f"mqtt://127.0.0.1:{free_port()}", prefix="c1")
    also = _plan(mosquitto.url, prefix="c1", publisher="line-1b", encoding="unified-namespace")
    async with _site(tmp_path) as site, Consumer(mosquitto, tmp_path, "c1/#") as consumer:
        await site.pubsub.apply({"default": here, "away": away, "values": also})
        await until(lambda: site.pubsub.state("default") is PubSubState.OPERATIONAL)
        site.apply(7.0)
        await until(lambda: [json.loads(m.payload)["value"] for m in consumer.messages if m.topic == "c1/p0"] == [7.0])
        await until(lambda: any('"Value":7.0' in message.payload for message in consumer.of("data")))
        await until(lambda: site.pubsub.state("away") is PubSubState.ERROR)
        await until(lambda: site.values("away") == 3)
        streams = (await site.outbox.statistics()).streams
        assert streams[stream_of("away", "telemetry")].samples == 3
        await until(lambda: site.pubsub.statistics()["default"].delivery.samples == 3)
        assert site.pubsub.sinks() == ["mqtt", "mqtt/away/telemetry", "mqtt/values/telemetry"]
        record = (await site.outbox.read(stream_of("away", "telemetry"), 0))[-1]
        assert site.pubsub.dataset_of(stream_of("away", "telemetry"), record.payload) == full_name("away", "meters")
        assert site.pubsub.dataset_of("samples", record.payload) is None
        identity = site.pubsub.identity("values", "meters")
        assert identity is not None
        assert identity.publisher == "line-1b"


async def test_one_connection_is_changed_and_the_others_do_not_notice(mosquitto: Broker, tmp_path: Path) -> None:
    first, second = _plan(mosquitto.url, prefix="c2"), _plan(mosquitto.url, prefix="c2", publisher="b")
    async with _site(tmp_path) as site, Consumer(mosquitto, tmp_path, "c2/json/data/#") as consumer:
        await site.pubsub.apply({"default": first, "b": second})
        await until(lambda: all(site.pubsub.state(name) is PubSubState.OPERATIONAL for name in ("default", "b")))
        changed = _plan(mosquitto.url, {"other": ALL}, prefix="c2", publisher="b")
        await site.pubsub.apply({"default": first, "b": changed})
        assert site.made == ["default", "b", "b"]
        assert site.pubsub.statistics()["default"].connection.connects == 1
        site.apply(1.0)
        await until(lambda: {m.topic for m in consumer.messages} >= {"c2/json/data/b/default/other"})
        await site.pubsub.apply({"default": first})
        assert site.pubsub.state("b") is PubSubState.DISABLED
        assert set((await site.outbox.statistics()).sinks) == {sink_of("default", "telemetry")}
        await site.pubsub.apply({})
        assert site.pubsub.statistics() == {}


async def test_what_waited_in_a_class_that_is_used_no_more_is_delivered_still(
    new_mosquitto: Callable[..., Broker], tmp_path: Path
) -> None:
    broker = new_mosquitto()
    broker.stop()
    async with _site(tmp_path) as site:
        await site.pubsub.apply({"default": _plan(broker.url, {"meters": {**ALL, "class": "logs"}})})
        site.apply(1.0)
        await until(lambda: site.values("default") == 3)
    broker.start()
    async with _site(tmp_path) as site:
        await site.pubsub.apply({"default": _plan(broker.url, {"meters": ALL})})
        assert site.pubsub.sinks() == ["mqtt", "mqtt/default/logs"]
        await until(lambda: site.pubsub.statistics()["default"].classes["logs"].samples == 3)


async def test_fault_24_logs_go_first_then_telemetry_the_oldest_first_and_alarms_never(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    classes = ("alarms", "telemetry", "logs")
    datasets = {kind: {**ALL, "class": kind} for kind in classes}
    async with _site(tmp_path, largest_bytes=40_000) as site:
        await site.pubsub.apply({"default": _plan(f"mqtt://127.0.0.1:{free_port()}", datasets)})
        lost: dict[str, int] = {}
        rounds = 0
        while not lost.get(stream_of("default", "telemetry")):
            site.apply(float(rounds))
            rounds += 1
            told = 3 * rounds
            # not the logs: where telemetry leaves no room, theirs are refused
            await until(lambda told=told: all(site.values("default", one) == told for one in classes[:2]), every=0.001)
            lost = {loss.stream: loss.samples for loss in (await site.outbox.statistics()).losses}
        await site.pubsub.stop()
        lost = {loss.stream: loss.samples for loss in (await site.outbox.statistics()).losses}
        streams = (await site.outbox.statistics()).streams
        for kind in classes:
            held, gone = streams[stream_of("default", kind)], lost.get(stream_of("default", kind), 0)
            assert held.accepted_samples == held.samples + gone, kind
            assert await _samples(site.outbox, stream_of("default", kind)) == held.samples, kind
        assert streams[stream_of("default", "alarms")].samples == 3 * rounds
        # all logs went before the first telemetry; one that came after it may fit into the room that this left
        assert streams[stream_of("default", "logs")].samples <= 3
        assert lost.keys() == {stream_of("default", "telemetry"), stream_of("default", "logs")}


async def _samples(outbox: Outbox, stream: str) -> int:
    return sum(sum(unpack(record.payload).values) for record in await outbox.read(stream, 0, 1 << 30))


async def test_fault_25_data_wait_for_a_certificate_that_is_mended_and_never_go_in_the_clear(tmp_path: Path) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    certificate, key = authority.sign("broker")
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(other.file.read_bytes())
    broker = Broker(tmp_path / "b", options=[f"certfile {certificate}", f"keyfile {key}"])
    broker.start()
    try:
        async with _site(tmp_path) as site:
            await site.pubsub.apply({"default": _plan(broker.url, ca_file=str(trusted))})
            site.apply(1.0)
            await until(lambda: site.values("default") == 3)
            connection = site.pubsub.connections["default"]
            await until(lambda: "certificate verify failed" in connection.statistics().connection.last_error)
            assert "CONNECT" not in broker.log
            trusted.write_bytes(authority.file.read_bytes())
            await asyncio.wait_for(site.pubsub.drain(), 30)
            assert connection.statistics().delivery.samples == 3
    finally:
        broker.stop()


@pytest.mark.parametrize("encoding", ["json", "uadp", "sparkplug", "unified-namespace"])
async def test_every_encoding_goes_through_the_same_outbox(mosquitto: Broker, tmp_path: Path, encoding: str) -> None:
    plan = _plan(mosquitto.url, encoding=encoding, prefix=f"c6-{encoding}", publisher=f"c6-{encoding}")
    async with _site(tmp_path) as site:
        await site.pubsub.apply({"default": plan})
        for number in range(5):
            site.apply(float(number))
        await until(lambda: site.values("default") == 15)
        await asyncio.wait_for(site.pubsub.drain(), 30)
        found = site.pubsub.statistics()["default"]
        assert (found.delivery.samples, found.acknowledged, found.delivery.dead_records) == (15, {"meters": 15}, 0)


async def test_other_fields_of_events_begin_their_connection_anew(mosquitto: Broker, tmp_path: Path) -> None:
    plan = _plan(mosquitto.url, prefix="c7")
    fields = (DataSetField("Message", 0, DataType.STRING, ""), DataSetField("Severity", 1, DataType.UINT16, ""))
    heard = [EventSelection(2253, "events", fields[:many], bool, ()) for many in (1, 2, 2)]
    async with _site(tmp_path) as site:
        for selection in heard:
            await site.pubsub.apply({"default": replace(plan, events={"doors": selection})})
    assert site.made == ["default", "default"]


async def test_counts_go_on_where_a_connection_begins_anew_or_ends(mosquitto: Broker, tmp_path: Path) -> None:
    async with _site(tmp_path) as site:
        for run, names in enumerate((["meters", "gone"], ["meters"], ["meters", "gone"])):
            await site.pubsub.apply({"default": _plan(mosquitto.url, dict.fromkeys(names, ALL), prefix="c8")})
            site.apply(1.0)
            values = {"meters": 3 * (run + 1), "gone": 3 if run < 2 else 6}
            await until(lambda names=names, values=values: all(site.values("default", n) == values[n] for n in names))
            await asyncio.wait_for(site.pubsub.drain(), 30)
            found = site.pubsub.statistics()["default"]
            assert (found.writers.keys(), found.acknowledged["meters"]) == (set(names), 3 * (run + 1))
            assert site.pubsub.counted()["default"].writers["gone"].values == values["gone"]
        assert site.pubsub.statistics()["default"].delivery.samples == 15
        await site.pubsub.apply({})
        assert site.pubsub.statistics() == {}
        assert site.pubsub.counted()["default"].acknowledged == {"meters": 9, "gone": 6}


async def test_one_connection_that_cannot_begin_keeps_no_other_from_it(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    plan = _plan(f"mqtt://127.0.0.1:{free_port()}")
    async with _site(tmp_path) as site:
        await site.pubsub.apply({"old": plan})
        site.broken.add("bad")
        with pytest.raises(StoreUnavailable, match="bad"):
            await site.pubsub.apply({"bad": plan, "good": plan})
        assert list(site.pubsub.connections) == ["good"]
        assert site.pubsub.state("bad") is PubSubState.ERROR
        assert sink_of("old", "telemetry") in (await site.outbox.statistics()).sinks, "the change may be taken back"
        await site.pubsub.apply({"good": plan})
        assert set((await site.outbox.statistics()).sinks) == {sink_of("good", "telemetry")}


async def test_what_waits_for_a_disabled_connection_goes_when_that_is_removed(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    plan = _plan(f"mqtt://127.0.0.1:{free_port()}")
    async with _site(tmp_path) as site:
        await site.outbox.register("history", "samples")
        await site.pubsub.apply({"a": plan, "b": plan})
        await site.pubsub.apply({"a": plan}, paused=["b"])
        assert sink_of("b", "telemetry") in (await site.outbox.statistics()).sinks
        await site.pubsub.apply({"a": plan})
        assert set((await site.outbox.statistics()).sinks) == {sink_of("a", "telemetry"), "history"}


async def test_what_is_lost_at_the_end_is_still_counted_after_it(tmp_path: Path, free_port: Callable[[], int]) -> None:
    async with _site(tmp_path) as site:
        await site.pubsub.apply(
            {"default": _plan(f"mqtt://127.0.0.1:{free_port()}", {"meters": {**ALL, "publish": "1h"}})}
        )
        site.apply(1.0)
        await site.outbox.close()
        await site.pubsub.stop()
        counters = site.pubsub.counted()["default"].writers["meters"]
        assert (counters.acquired, counters.values, counters.dropped) == (3, 0, 3)
