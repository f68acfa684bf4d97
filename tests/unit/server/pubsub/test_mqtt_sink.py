from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.errors import StoreUnavailable
from historian.contract import PoisonRecord, Record
from server.pubsub.broker_connection import BrokerConnection
from server.pubsub.mqtt_sink import MqttSink
from server.pubsub.record import MqttMessage, pack
from server.pubsub.settings import PubSubSettings
from server.pubsub.topics import Topics
from tests.broker import Broker
from tests.unit.server.pubsub.consumer import Consumer
from tests.unit.server.pubsub.plant import settings_of
from tests.unit.server.pubsub.proxy import PUBACK, proxied
from tests.waiting import until


def _record(sequence: int, topic: str, payload: bytes = b"{}", *, retain: bool = False) -> Record:
    return Record(sequence, 0, 1, pack(MqttMessage(topic, payload, 1, retain)))


@asynccontextmanager
async def _delivering(settings: PubSubSettings) -> AsyncGenerator[tuple[MqttSink, BrokerConnection]]:
    connection = BrokerConnection(settings, Topics(settings.prefix, "sink"))
    await connection.start()
    try:
        yield MqttSink(connection, settings.acknowledge_timeout), connection
    finally:
        await connection.stop()


async def test_records_arrive_in_order(mosquitto: Broker, tmp_path: Path) -> None:
    async with (
        Consumer(mosquitto, tmp_path, "s1/data") as consumer,
        _delivering(settings_of(mosquitto.url)) as (sink, _),
    ):
        await sink.deliver([_record(number, "s1/data", b"%d" % number) for number in range(1, 301)])
        assert (sink.counters.published, sink.counters.acknowledged, sink.counters.in_flight) == (300, 300, 0)
        await until(lambda: len(consumer.messages) == 300)
    assert [int(message.payload) for message in consumer.messages] == list(range(1, 301))


async def test_no_more_is_in_flight_than_allowed(mosquitto: Broker) -> None:
    async with proxied(mosquitto) as proxy, _delivering(settings_of(proxy.url, in_flight=7)) as (sink, connection):
        await connection.link()
        proxy.flowing.clear()
        task = asyncio.create_task(sink.deliver([_record(number, "s2/data") for number in range(1, 101)]))
        await until(lambda: sink.counters.in_flight == 7)
        proxy.flowing.set()
        await task
        assert proxy.most_in_flight <= 7


async def test_fault_22_a_lost_puback_is_a_duplicate_with_the_same_id_and_no_loss(
    mosquitto: Broker, tmp_path: Path
) -> None:
    lost: list[bytes] = []

    def lose_the_fifth(kind: int, packet: bytes) -> bool:
        if kind == PUBACK and proxy.acknowledged == 5 and not lost:
            lost.append(packet)
            return False
        return True

    async with proxied(mosquitto) as proxy, Consumer(mosquitto, tmp_path, "s3/data") as consumer:
        proxy.keep = lose_the_fifth
        async with _delivering(settings_of(proxy.url, acknowledge_timeout="200ms")) as (sink, _):
            records = [_record(number, "s3/data", b'{"MessageId":"%d"}' % number) for number in range(1, 21)]
            with pytest.raises(StoreUnavailable, match="no PUBACK"):
                await sink.deliver(records)
            await sink.deliver(records)
        assert lost
        assert proxy.connections == 2
        await until(lambda: consumer.messages and '"20"' in consumer.messages[-1].payload)
    ids = [message.json["MessageId"] for message in consumer.messages]
    assert list(dict.fromkeys(ids)) == [str(number) for number in range(1, 21)]
    assert len(ids) > 20  # what was in flight came twice, under its own id
    assert ids.count("1") == 1  # what was acknowledged did not


async def test_what_was_acknowledged_is_not_published_again(mosquitto: Broker, tmp_path: Path) -> None:
    async with (
        proxied(mosquitto) as proxy,
        Consumer(mosquitto, tmp_path, "s4/data") as consumer,
        _delivering(settings_of(proxy.url, in_flight=1)) as (sink, _),
    ):
        records = [_record(number, "s4/data", b"%d" % number) for number in range(1, 201)]
        task = asyncio.create_task(sink.deliver(records))
        await until(lambda: sink.counters.acknowledged >= 20, every=0)
        proxy.cut()
        with contextlib.suppress(StoreUnavailable):
            await task
        await sink.deliver(records)
        await until(lambda: consumer.messages and consumer.messages[-1].payload == "200")
    numbers = [int(message.payload) for message in consumer.messages]
    assert list(dict.fromkeys(numbers)) == list(range(1, 201))
    assert len(numbers) <= 201


async def test_a_broken_link_is_told_and_the_next_one_used(mosquitto: Broker) -> None:
    async with proxied(mosquitto) as proxy, _delivering(settings_of(proxy.url)) as (sink, connection):
        await connection.link()
        proxy.flowing.clear()
        task = asyncio.create_task(sink.deliver([_record(1, "s5/data")]))
        await until(lambda: sink.counters.in_flight == 1)
        proxy.cut()
        with pytest.raises(StoreUnavailable, match="the connection broke"):
            await task
        proxy.flowing.set()
        await sink.deliver([_record(1, "s5/data")])
        assert connection.counters.connects == 2


async def test_delivery_waits_for_a_broker_and_can_be_given_up(free_port: Callable[[], int]) -> None:
    async with _delivering(settings_of(f"mqtt://127.0.0.1:{free_port()}")) as (sink, connection):
        task = asyncio.create_task(sink.deliver([_record(1, "x")]))
        await until(lambda: connection.counters.failures >= 2)
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (b"", "its header alone"),
        (pack(MqttMessage("a/#", b"")), "wildcard"),
        (pack(MqttMessage("t", b"x"))[:-1], "says 1 bytes"),
    ],
)
async def test_a_record_that_can_never_be_published_is_named(mosquitto: Broker, payload: bytes, told: str) -> None:
    async with _delivering(settings_of(mosquitto.url)) as (sink, _):
        records = [_record(1, "s6/data"), Record(2, 0, 1, payload), _record(3, "s6/data")]
        with pytest.raises(PoisonRecord, match=told) as caught:
            await sink.deliver(records)
        assert caught.value.sequence == 2
        assert sink.counters.acknowledged == 1
        await sink.deliver([records[0], records[2]])
        assert sink.counters.acknowledged == 2


async def test_a_message_larger_than_the_broker_takes_is_named(tmp_path: Path) -> None:
    broker = Broker(tmp_path / "small")
    with (broker.folder / "mosquitto.conf").open("a", encoding="utf-8") as file:
        file.write("max_packet_size 2000\n")
    broker.start()
    try:
        async with _delivering(settings_of(broker.url)) as (sink, _):
            with pytest.raises(PoisonRecord, match="the broker takes 2000"):
                await sink.deliver([_record(1, "s7/data", b"x" * 3000)])
    finally:
        broker.stop()


async def test_a_retained_record_is_repeated_on_the_next_link(mosquitto: Broker) -> None:
    async with _delivering(settings_of(mosquitto.url)) as (sink, connection):
        await sink.deliver([_record(1, "s8/metadata", b"1", retain=True), _record(2, "s8/metadata", b"2", retain=True)])
        assert [message.payload for message in connection.retained] == [b"2"]
        await sink.deliver([_record(3, "s8/metadata", b"", retain=True)])
        assert connection.retained == ()


async def test_metadata_that_does_not_get_here_is_published_in_its_place(mosquitto: Broker, tmp_path: Path) -> None:
    async with (
        Consumer(mosquitto, tmp_path, "s9/#") as consumer,
        _delivering(settings_of(mosquitto.url)) as (sink, connection),
    ):
        sink.expect(3, MqttMessage("s9/metadata", b"3", 1, retain=True))
        sink.expect(9, MqttMessage("s9/metadata", b"9", 1, retain=True))
        for sequences in ([1, 2, 4], [5, 6]):
            await sink.deliver([_record(number, "s9/data", b"%d" % number) for number in sequences])
        assert [message.payload for message in connection.retained] == [b"3"]
        await sink.deliver([_record(8, "s9/data", b"8"), _record(9, "s9/metadata", b"9", retain=True)])
        await sink.deliver([_record(10, "s9/data", b"10")])
        await until(lambda: len(consumer.messages) == 9)
    assert [int(message.payload) for message in consumer.messages] == [1, 2, 3, 4, 5, 6, 8, 9, 10]


async def test_opening_and_closing_leave_the_connection_alone(mosquitto: Broker) -> None:
    async with _delivering(settings_of(mosquitto.url)) as (sink, connection):
        link = await connection.link()
        await sink.open()
        await sink.close()
        await sink.close()
        assert await connection.link() is link
