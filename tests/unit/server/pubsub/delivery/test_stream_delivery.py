from __future__ import annotations

import asyncio
import struct
from pathlib import Path

import pytest

from historian.contract import Record
from server.pubsub.contract import Encoded, MqttMessage
from server.pubsub.delivery.lane import Lane
from server.pubsub.delivery.pace import Pace, Rate
from server.pubsub.delivery.stream_delivery import LIVE_ALLOWANCE, DeliverySettings
from server.pubsub.record import pack, unpack
from tests.broker import Broker
from tests.clock import ManualClock
from tests.mqtt_proxy import mqtt_proxy
from tests.unit.server.pubsub.consumer import Consumer
from tests.unit.server.pubsub.delivery.streaming import SINK, STREAM, Streaming, streaming
from tests.waiting import until

LIVE_FIRST = DeliverySettings(5, 1, live_first=True)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Read what was accepted as it was kept, and from the disk; retained metadata from there alone."""
    ways = ["read"] if "metadata" in metafunc.function.__name__ else ["fresh", "read"]
    metafunc.parametrize("_way", ways, indirect=True)


@pytest.fixture(autouse=True)
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction] - pytest's
    monkeypatch.setattr(Streaming, "keeps", request.param == "fresh")


def _numbers(consumer: Consumer) -> list[int]:
    return [int(message.payload) for message in consumer.messages]


async def test_bursts_arrive_in_order_and_are_acknowledged(mosquitto: Broker, tmp_path: Path) -> None:
    async with Consumer(mosquitto, tmp_path, "d1") as consumer, streaming(tmp_path, mosquitto.url) as stream:
        for first in range(0, 300, 30):
            await stream.put("d1", *range(first, first + 30))
        await asyncio.wait_for(stream.delivery.drain(), 30)
        counters = stream.delivery.counters
        assert (counters.records, counters.samples, counters.in_flight) == (10, 300, 0)
        assert (counters.published, counters.acknowledged, counters.values) == (300, 300, {"meters": 300})
        await until(lambda: len(consumer.messages) == 300)
        assert (await stream.outbox.statistics()).streams[STREAM].records == 0
    assert _numbers(consumer) == list(range(300))


async def test_fault_23_in_flight_is_bounded_and_the_rest_stays_on_disk(mosquitto: Broker, tmp_path: Path) -> None:
    async with (
        mqtt_proxy(mosquitto.port) as proxy,
        streaming(tmp_path, proxy.url, in_flight=7) as stream,
    ):
        await stream.put("d2", 1)
        await asyncio.wait_for(stream.delivery.drain(), 30)
        proxy.stalled_down = True
        for first in range(0, 20_000, 1_000):
            await stream.put("d2", *range(first, first + 1_000))
        await until(lambda: stream.links.made[-1].in_flight == 7)
        assert stream.delivery.counters.in_flight <= 5_000
        assert (await stream.outbox.statistics()).streams[STREAM].samples == 20_000
        proxy.stalled_down = False
        await asyncio.wait_for(stream.delivery.drain(), 30)
        assert proxy.most_in_flight <= 7


async def test_fault_22_a_lost_puback_is_a_duplicate_with_the_same_id_and_no_loss(
    mosquitto: Broker, tmp_path: Path
) -> None:
    async with (
        mqtt_proxy(mosquitto.port) as proxy,
        Consumer(mosquitto, tmp_path, "d3") as consumer,
        streaming(tmp_path, proxy.url, acknowledge_timeout="1500ms") as stream,
    ):
        proxy.drop_pubacks = lambda _: proxy.acknowledged == 5 and not proxy.dropped
        await stream.put("d3", *range(20))
        await stream.put("d3", *range(20, 30))
        await asyncio.wait_for(stream.delivery.drain(), 30)
        await until(lambda: set(_numbers(consumer)) == set(range(30)))
        assert proxy.dropped == 1
        assert len(stream.links.made) == 2
    numbers = _numbers(consumer)
    assert list(dict.fromkeys(numbers)) == list(range(30))
    assert numbers.count(5) == 2  # under its own id, which is in the same bytes
    assert [number for number in numbers if numbers.count(number) > 1] == [5, 5]  # what was acknowledged was not sent


async def test_what_was_acknowledged_before_a_cut_is_not_sent_again(mosquitto: Broker, tmp_path: Path) -> None:
    async with (
        mqtt_proxy(mosquitto.port) as proxy,
        Consumer(mosquitto, tmp_path, "d4") as consumer,
        streaming(tmp_path, proxy.url, in_flight=1) as stream,
    ):
        for first in range(0, 400, 100):
            await stream.put("d4", *range(first, first + 100))
        await until(lambda: proxy.acknowledged >= 150, every=0)
        proxy.cut()
        await asyncio.wait_for(stream.delivery.drain(), 30)
        await until(lambda: 399 in _numbers(consumer))
    numbers = _numbers(consumer)
    assert list(dict.fromkeys(numbers)) == list(range(400))
    assert len(numbers) <= 401


async def test_what_can_never_be_delivered_is_set_aside_singly(mosquitto: Broker, tmp_path: Path) -> None:
    dead: list[Record] = []
    async with (
        Consumer(mosquitto, tmp_path, "d5/#") as consumer,
        streaming(tmp_path, mosquitto.url, start=False) as stream,
    ):
        stream.delivery.on_dead = dead.append
        bad = MqttMessage("d5/#", b"2")
        burst = [Encoded(MqttMessage("d5/x", b"1"), 3), Encoded(bad, 4), Encoded(MqttMessage("d5/x", b"3"), 5)]
        await stream.outbox.append(STREAM, pack("meters", "json", 0, burst), 12)
        await stream.outbox.append(STREAM, b"\x02nonsense", 7)
        await stream.put("d5/x", 4)
        await stream.delivery.start()
        await asyncio.wait_for(stream.delivery.drain(), 30)
        counters = stream.delivery.counters
        assert (counters.samples, counters.dead_samples, counters.dead_records) == (9, 11, 2)
        assert counters.values == {"meters": 9}
        assert sorted(record.samples for record in dead) == [4, 7]
        assert unpack(min(dead, key=lambda record: record.samples).payload).messages[0] == bad
        assert (await stream.outbox.statistics()).sinks[SINK].dead == 2
        await until(lambda: len(consumer.messages) == 3)
    assert _numbers(consumer) == [1, 3, 4]


async def test_a_message_larger_than_the_broker_takes_is_set_aside(tmp_path: Path) -> None:
    broker = Broker(tmp_path / "small")
    with (broker.folder / "mosquitto.conf").open("a", encoding="utf-8") as file:
        file.write("max_packet_size 2000\n")
    broker.start()
    try:
        async with streaming(tmp_path, broker.url) as stream:
            await stream.outbox.append(STREAM, pack("m", "json", 0, [Encoded(MqttMessage("d6", b"x" * 3000), 1)]), 1)
            await asyncio.wait_for(stream.delivery.drain(), 30)
            assert stream.delivery.counters.dead_samples == 1
    finally:
        broker.stop()


async def test_what_is_new_does_not_wait_for_the_backlog(
    mosquitto: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paced = DeliverySettings(5, 1, live_first=True, replay_rate=Rate(500, in_bytes=False))
    goes_on, taken = asyncio.Event(), 0

    async def take(pace: Pace, messages: int, _size: int) -> None:
        """Let a part of the backlog through, and the rest when the test says so: not when the clock does."""
        nonlocal taken
        if pace._rate is not None:
            if taken >= 100:
                await goes_on.wait()
            taken += messages

    monkeypatch.setattr(Pace, "take", take)
    async with Consumer(mosquitto, tmp_path, "d7/#") as consumer:
        async with streaming(tmp_path, mosquitto.url, paced, start=False) as stream:
            for first in range(0, 800, 100):
                await stream.put("d7/x", *range(first, first + 100))
            await stream.delivery.start()
            await until(lambda: consumer.messages)
            await stream.put("d7/x", 10_000)
            await until(lambda: 10_000 in _numbers(consumer))
            numbers = _numbers(consumer)
            assert len(numbers) < 800
            await stream.put("d7/x", 10_001)
            await until(lambda: 10_001 in _numbers(consumer))
            goes_on.set()
            await asyncio.wait_for(stream.delivery.drain(), 30)
            await until(lambda: len(consumer.messages) == 802)
            assert len(stream.session.replayed) == 800
        numbers = _numbers(consumer)
        old = [number for number in numbers if number < 10_000]
        assert old == list(range(800))
        assert [number for number in numbers if number >= 10_000] == [10_000, 10_001]


async def test_a_kill_repeats_what_was_new_and_loses_nothing(mosquitto: Broker, tmp_path: Path) -> None:
    slow = DeliverySettings(5, 1, live_first=True, replay_rate=Rate(10, in_bytes=False))
    async with Consumer(mosquitto, tmp_path, "d8") as consumer:
        async with streaming(tmp_path, mosquitto.url, slow, start=False) as stream:
            for number in range(40):
                await stream.put("d8", number)
            await stream.delivery.start()
            await until(lambda: consumer.messages)
            await stream.put("d8", 100)
            await until(lambda: 100 in _numbers(consumer))
        async with streaming(tmp_path, mosquitto.url, LIVE_FIRST) as stream:
            await asyncio.wait_for(stream.delivery.drain(), 30)
            await until(lambda: set(_numbers(consumer)) >= {*range(40), 100})
    assert set(_numbers(consumer)) == {*range(40), 100}


async def test_two_links_amid_a_backlog_send_nothing_twice_that_was_acknowledged(
    mosquitto: Broker, tmp_path: Path
) -> None:
    slow = DeliverySettings(5, 1, live_first=True, replay_rate=Rate(100, in_bytes=False))
    async with (
        mqtt_proxy(mosquitto.port) as proxy,
        Consumer(mosquitto, tmp_path, "d9") as consumer,
        streaming(tmp_path, proxy.url, slow, start=False) as stream,
    ):
        for number in range(150):
            await stream.put("d9", number)
        await stream.delivery.start()
        await until(lambda: consumer.messages)
        for number in range(1_000, 1_005):
            await stream.put("d9", number)
        await until(lambda: stream.delivery.counters.in_flight == 0 and 1_004 in _numbers(consumer))
        proxy.cut()
        await stream.put("d9", 2_000)
        await asyncio.wait_for(stream.delivery.drain(), 30)
        await until(lambda: set(_numbers(consumer)) == {*range(150), *range(1_000, 1_005), 2_000})
    numbers = _numbers(consumer)
    assert [numbers.count(number) for number in range(1_000, 1_005)] == [1] * 5
    assert [number for number in dict.fromkeys(numbers) if number < 150] == list(range(150))


async def test_old_metadata_goes_over_no_newer_one(mosquitto: Broker, tmp_path: Path) -> None:
    async with Consumer(mosquitto, tmp_path, "d10/#") as consumer:
        async with streaming(tmp_path, mosquitto.url, LIVE_FIRST, start=False) as stream:
            await stream.put("d10/m", 1, values=0, retain=True, kind="ua-metadata")
            await stream.put("d10/x", 2)
            newest = await stream.put("d10/m", 3, values=0, retain=True, kind="ua-metadata")
            stream.delivery.expect(newest, [MqttMessage("d10/m", b"3", retain=True, kind="ua-metadata")])
            await stream.put("d10/x", 4)
            await stream.delivery.start()
            await asyncio.wait_for(stream.delivery.drain(), 30)
            assert stream.metadata == [MqttMessage("d10/m", b"3", retain=True, kind="ua-metadata")], "for the next link"
        await until(lambda: len(consumer.messages) == 4)
        assert sorted(_numbers(consumer)) == [1, 2, 3, 4]
        async with Consumer(mosquitto, tmp_path, "d10/m") as late:
            await until(lambda: late.messages)
        assert _numbers(late) == [3]


async def test_metadata_that_did_not_get_here_is_sent_in_its_place(mosquitto: Broker, tmp_path: Path) -> None:
    async with (
        Consumer(mosquitto, tmp_path, "d11/#") as consumer,
        streaming(tmp_path, mosquitto.url, start=False) as stream,
    ):
        await stream.put("d11/x", 1)
        gone = await stream.outbox.append("elsewhere", b"")
        stream.delivery.expect(gone, [MqttMessage("d11/m", b"2", retain=True, kind="ua-metadata")])
        await stream.put("d11/x", 3)
        await stream.delivery.start()
        await asyncio.wait_for(stream.delivery.drain(), 30)
        await until(lambda: len(consumer.messages) == 3)
        assert [message.payload for message in stream.metadata] == [b"2"]
    assert _numbers(consumer) == [1, 2, 3]


async def test_records_of_version_1_are_delivered_too(mosquitto: Broker, tmp_path: Path) -> None:
    async with Consumer(mosquitto, tmp_path, "d12") as consumer, streaming(tmp_path, mosquitto.url) as stream:
        await stream.outbox.append(STREAM, struct.pack("<BBHI", 1, 1, 3, 2) + b"d12" + b"17", 1)
        await asyncio.wait_for(stream.delivery.drain(), 30)
        await until(lambda: consumer.messages)
    assert _numbers(consumer) == [17]


@pytest.mark.parametrize("settings", [DeliverySettings(5, 1), LIVE_FIRST])
async def test_what_was_accepted_before_the_link_was_up_is_backfill(
    mosquitto: Broker, tmp_path: Path, settings: DeliverySettings
) -> None:
    async with streaming(tmp_path, mosquitto.url, settings, start=False) as stream:
        await stream.put("d13", 1, 2)
        await stream.delivery.start()
        await asyncio.wait_for(stream.delivery.drain(), 30)
        await stream.put("d13", 3)
        await asyncio.wait_for(stream.delivery.drain(), 30)
        assert stream.session.replayed == [b"1", b"2"]
        assert stream.delivery.counters.replayed == 2


async def test_a_refusal_that_may_pass_is_tried_again_and_keeps_what_is_behind_it_waiting(tmp_path: Path) -> None:
    rules = tmp_path / "acl"
    rules.write_text("topic readwrite d14/open\n", encoding="utf-8")
    broker = Broker(tmp_path / "strict", options=[f"acl_file {rules}"])
    broker.start()
    try:
        async with streaming(tmp_path, broker.url) as stream:
            told: list[str] = []
            stream.delivery.on_health = told.append
            await stream.put("d14/shut", 1)
            await until(lambda: stream.delivery.counters.refused >= 2)
            assert "Not authorized" in stream.delivery.last_error
            await stream.put("d14/open", 2)
            assert (await stream.outbox.statistics()).streams[STREAM].records == 2
            rules.write_text("topic readwrite d14/#\n", encoding="utf-8")
            broker.stop()
            broker.start()
            await asyncio.wait_for(stream.delivery.drain(), 30)
            counters = stream.delivery.counters
            assert (counters.samples, counters.dead_records, stream.delivery.last_error) == (2, 0, "")
            assert told[0].startswith("the broker refuses d14/shut")
            assert told[-1] == ""
    finally:
        broker.stop()


@pytest.mark.parametrize("settings", [DeliverySettings(5, 1), LIVE_FIRST])
async def test_metadata_dropped_while_nothing_else_waits_is_sent_at_once(
    mosquitto: Broker, tmp_path: Path, settings: DeliverySettings
) -> None:
    topic = f"d15/{settings.live_first}"
    async with (
        Consumer(mosquitto, tmp_path, f"{topic}/#") as consumer,
        streaming(tmp_path, mosquitto.url, settings, largest_bytes=1_000) as stream,
    ):
        await stream.put(f"{topic}/x", 1)
        await asyncio.wait_for(stream.delivery.drain(), 30)
        described = MqttMessage(f"{topic}/m", b"2", retain=True, kind="ua-metadata")
        record = pack("meters", "json", 0, [Encoded(described, 0)]) + bytes(1_000)
        gone = stream.delivery.newest() + 1
        stream.delivery.expect(gone, [described])
        assert await stream.outbox.append(STREAM, record, 0) == gone
        await until(lambda: stream.metadata == [described])
        await stream.put(f"{topic}/x", 3)
        await until(lambda: len(consumer.messages) == 3)
    assert _numbers(consumer) == [1, 2, 3]


async def test_a_retained_message_left_behind_replaces_an_older_one_of_its_topic(
    mosquitto: Broker, tmp_path: Path
) -> None:
    async with streaming(tmp_path, mosquitto.url, LIVE_FIRST, start=False) as stream:
        link = await stream.links.link()
        live, behind = (
            Lane(stream.delivery, link, 0, allowance=LIVE_ALLOWANCE, priority=1, until=until) for until in (None, 9)
        )
        said = MqttMessage("d16", b"1", retain=True)
        retained = [
            stream.delivery.outgoing(Record(number, 0, 1, b""), said, lane)[-1].retain
            for number, lane in ((5, live), (4, behind), (6, behind))
        ]
    assert retained == [True, False, True]


async def test_what_waits_behind_a_refusal_is_sent_once_and_not_kept_in_memory(tmp_path: Path) -> None:
    rules = tmp_path / "acl"
    rules.write_text("topic readwrite d17/open\n", encoding="utf-8")
    broker = Broker(tmp_path / "strict", options=[f"acl_file {rules}"])
    broker.start()
    try:
        async with streaming(tmp_path, broker.url, start=False) as stream:
            await stream.put("d17/shut", 1)
            for number in range(50):
                await stream.put("d17/open", number)
            await stream.delivery.start()
            await until(lambda: stream.delivery.counters.refused >= 4)
            counters = stream.delivery.counters
            assert counters.published - counters.refused <= 50
            assert stream.delivery.begun(stream.delivery.newest()) is None
            assert (await stream.outbox.statistics()).streams[STREAM].samples == 51
    finally:
        broker.stop()


async def test_what_was_dropped_and_told_is_not_delivered_after_all(mosquitto: Broker, tmp_path: Path) -> None:
    clock = ManualClock()
    async with (
        Consumer(mosquitto, tmp_path, "d40") as consumer,
        streaming(tmp_path, mosquitto.url, clock=clock, start=False, largest_bytes=100_000) as stream,
    ):
        stream.outbox.keep_for(STREAM, 60.0)
        for number in range(3):
            await stream.put("d40", number)
        await clock.advance(61.0)
        await stream.outbox.enforce_cap()
        aged = (await stream.outbox.statistics()).losses
        assert [(loss.reason, loss.samples) for loss in aged] == [("age", 3)]
        await stream.put("d40", *range(1_000_000, 1_100_000))  # larger than the cap: dropped as it comes
        for number in range(3, 6):
            await stream.put("d40", number)
        await stream.delivery.start()
        await asyncio.wait_for(stream.delivery.drain(), 30)
        assert stream.delivery.counters.samples == 3
        await until(lambda: len(consumer.messages) == 3)
    assert _numbers(consumer) == [3, 4, 5]
