from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from core.errors import StoreUnavailable
from core.settings import Secret
from server.pubsub.contract import LOST, MqttMessage, Subscription
from server.pubsub.mqtt.link import MqttLink
from server.pubsub.mqtt.terms import Refused
from tests.broker import Broker
from tests.loop_monitor import LoopMonitor, held_each_time
from tests.mqtt_proxy import mqtt_proxy
from tests.unit.server.pubsub.mqtt.links import linked, settings_of
from tests.unit.server.pubsub.mqtt.scripted_broker import CONNACK_V5, polite, scripted
from tests.waiting import until

PROTOCOLS = ["mqttv5", "mqttv311"]


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker with small limits and an access list."""
    folder = tmp_path_factory.mktemp("narrow")
    rules = folder / "acl"
    rules.write_text("topic readwrite open/#\ntopic read secret/#\n", encoding="utf-8")
    limits = ["max_inflight_messages 3", "max_packet_size 2000", "max_keepalive 10"]
    broker = Broker(folder / "b", options=[*limits, "retain_available false", f"acl_file {rules}"])
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_what_is_flown_arrives_in_order_and_whole(mosquitto: Broker, protocol: str) -> None:
    got: list[MqttMessage] = []
    async with linked(mosquitto.url, protocol=protocol, received=got.append) as link:
        assert link.is_v5 is (protocol == "mqttv5")
        topic = f"link/{protocol}"
        assert await link.subscribe([Subscription(f"{topic}/#")]) == [1]
        sent = [
            MqttMessage(
                f"{topic}/{n % 3}", bytes([n % 256]) * (n * 7), n % 2, kind="ua-data", properties=(("n", str(n)),)
            )
            for n in range(300)
        ]
        flights = [link.fly(sent[begin : begin + 40]) for begin in range(0, 300, 40)]
        for flight in flights:
            await flight.wait()
            assert set(flight.codes) == {0}
        await until(lambda: len(got) == 300)
        for qos in (0, 1):
            assert [m.payload for m in got if m.qos == qos] == [m.payload for m in sent if m.qos == qos]
        if link.is_v5:
            assert sorted(got, key=lambda m: int(dict(m.properties)["n"])) == sent
        assert (link.counters.published, link.counters.acknowledged, link.counters.received) == (300, 150, 300)
        assert link.in_flight == 0


async def test_what_mqtt_5_has_besides_comes_through(mosquitto: Broker) -> None:
    got: list[MqttMessage] = []
    sent = MqttMessage(
        *(
            "link/5",
            b"x",
            1,
            False,
            "ua-data",
            "application/json",
            3600,
            "answers/1",
            b"\x00id",
            (("Backfill", "true"),),
        )
    )
    async with linked(mosquitto.url, received=got.append) as link:
        await link.subscribe([Subscription("link/5")])
        await link.fly([sent]).wait()
        await until(lambda: got)
        assert got == [sent]
        assert await link.unsubscribe(["link/5", "never"]) == [0, 0x11]


async def test_a_message_that_does_not_come_back_to_who_sent_it(mosquitto: Broker) -> None:
    got: list[MqttMessage] = []
    async with linked(mosquitto.url, received=got.append) as link:
        await link.subscribe([Subscription("link/own", no_local=True), Subscription("link/all")])
        await link.fly([MqttMessage("link/own", b""), MqttMessage("link/all", b"")]).wait()
        await until(lambda: got)
        assert [message.topic for message in got] == ["link/all"]


async def test_many_subscriptions_go_out_in_packets_that_clouds_take(mosquitto: Broker) -> None:
    async with linked(mosquitto.url) as link:
        assert await link.subscribe([Subscription(f"link/many/{n}", n % 2) for n in range(20)]) == [0, 1] * 10
        assert await link.subscribe([]) == []


async def test_the_brokers_limits_are_kept(narrow: Broker) -> None:
    async with mqtt_proxy(narrow.port) as proxy, linked(proxy.url, keep_alive="300s") as link:
        assert (link.window, link.largest) == (3, 2000)
        assert link._watch._keep_alive == 10
        flight = link.fly([MqttMessage("open/a", b"x", 1, retain=True) for _ in range(50)])
        await flight.wait()
        assert set(flight.codes) == {0x10}  # nobody listens
        assert proxy.most_in_flight <= 3
        with pytest.raises(ValueError, match="packets of 2000"):
            link.fly([MqttMessage("open/a", b""), MqttMessage("open/a", b"x" * 2_000)])
        assert link.counters.published == 50
        exact = MqttMessage("open/a", b"x" * (2_000 - 10 - 8 - 1))
        assert link.size_of(exact) == 2_000
        await link.fly([exact]).wait()
        assert not link.lost.is_set()


async def test_a_topic_that_the_broker_refuses_has_its_reason_and_others_go_on(narrow: Broker) -> None:
    async with linked(narrow.url) as link:
        flight = link.fly([MqttMessage("secret/a", b"x"), MqttMessage("open/a", b"x")])
        await flight.wait()
        assert flight.codes == [0x87, 0x10]
        assert link.counters.refused == 1


async def test_higher_priorities_go_first(mosquitto: Broker) -> None:
    order: list[str] = []
    async with linked(mosquitto.url, in_flight=2, received=lambda message: order.append(message.topic)) as link:
        await link.subscribe([Subscription("priority/#")])
        low = link.fly([MqttMessage("priority/low", b"") for _ in range(20)], priority=1)
        high = link.fly([MqttMessage("priority/high", b"") for _ in range(5)], priority=9)
        await high.wait()
        assert None in low.codes
        await low.wait()
        await until(lambda: len(order) == 25)
        assert order[:5] == ["priority/high"] * 5


async def test_acknowledgements_out_of_order_are_each_taken_for_its_own() -> None:
    held: list[bytes] = []

    def answer(packet: bytes) -> bytes:
        given = polite(packet)
        if packet[0] >> 4 == 3:
            held.append(given)
            if len(held) < 50:
                return b""
            random.Random(7).shuffle(held)
            data = b"".join(b"\x40\x03" + puback[2:] + b"\x10" if n % 2 else puback for n, puback in enumerate(held))
            held.clear()
            return data
        return given

    async with scripted(answer) as broker, linked(broker.url) as link:
        for _ in range(3):
            flight = link.fly([MqttMessage("a", b"") for _ in range(50)])
            await flight.wait()
            assert sorted(code or 0 for code in flight.codes) == [0] * 25 + [0x10] * 25


async def test_packet_identifiers_are_used_again_but_not_while_they_wait() -> None:
    stuck: list[bytes] = []

    def answer(packet: bytes) -> bytes:
        given = polite(packet)
        if packet[0] >> 4 == 3 and packet.endswith(b"stuck"):
            stuck.append(given[2:])
            return b""
        return given

    async with scripted(answer) as broker, linked(broker.url) as link:
        link.fly([MqttMessage("a", b"stuck")])
        await until(lambda: stuck)
        assert link._departures is not None
        link._departures._last_id = 0xFFFE
        flight = link.fly([MqttMessage("a", b"") for _ in range(4)])
        await flight.wait()
        ids = [int.from_bytes(packet[5:7], "big") for packet in broker.of(3)]
        assert ids == [1, 0xFFFF, 2, 3, 4]


async def test_fault_22_a_lost_puback_ends_the_link_though_others_are_acknowledged(mosquitto: Broker) -> None:
    async with mqtt_proxy(mosquitto.port) as proxy, linked(proxy.url, acknowledge_timeout="1500ms") as link:
        proxy.drop_pubacks = lambda packet: packet[2:4] == b"\x00\x02"
        flight = link.fly([MqttMessage("fault/22", b"x") for _ in range(3)])
        while not link.lost.is_set():
            await link.fly([MqttMessage("fault/22", b"y")]).wait()
        await flight.wait()
        assert flight.codes == [0x10, LOST, 0x10]
        assert "does not acknowledge within 1.5 s" in link.reason


async def test_fault_23_a_slow_broker_is_not_given_up_and_little_waits_inside(mosquitto: Broker) -> None:
    async with mqtt_proxy(mosquitto.port) as proxy, linked(proxy.url, acknowledge_timeout="1s") as link:
        proxy.delay = 0.1
        began = time.monotonic()
        flight = link.fly([MqttMessage("fault/23", bytes(1_000)) for _ in range(140)])
        await flight.wait()
        assert time.monotonic() - began > 1.0  # longer than one message may take
        assert set(flight.codes) == {0x10}
        assert proxy.most_in_flight <= 20


async def test_acknowledgements_are_not_held_up_by_tcp(mosquitto: Broker) -> None:
    async with linked(mosquitto.url) as link:
        took: list[float] = []
        # Nagle's algorithm at the broker and delayed acknowledgements here would make 40 ms of each; a machine that is
        # busy makes some of them late.
        while min(took, default=1.0) >= 0.03 and len(took) < 200:
            began = time.monotonic()
            await link.fly([MqttMessage("quick", b"") for _ in range(10)]).wait()
            took.append(time.monotonic() - began)
        assert min(took) < 0.03


async def test_a_broker_that_falls_silent_is_found_out_by_a_ping(mosquitto: Broker) -> None:
    async with (
        mqtt_proxy(mosquitto.port) as proxy,
        linked(proxy.url, keep_alive="1s", acknowledge_timeout="300ms") as link,
    ):
        proxy.stalled = True
        await until(link.lost.is_set)
        assert "does not answer within 0.3 s" in link.reason
        assert link.fly([MqttMessage("a", b"")]).codes == [LOST]
        with pytest.raises(StoreUnavailable, match="does not answer"):
            await link.subscribe([Subscription("a")])


async def test_an_idle_link_pings() -> None:
    async with scripted() as broker, linked(broker.url, keep_alive="1s") as link:
        await until(lambda: len(broker.of(12)) >= 2)
        assert not link.lost.is_set()


async def test_a_cut_gives_every_message_a_code(mosquitto: Broker) -> None:
    async with mqtt_proxy(mosquitto.port) as proxy, linked(proxy.url, in_flight=5) as link:
        proxy.stalled_down = True
        flights = [link.fly([MqttMessage("a", b"") for _ in range(4)], priority) for priority in (1, 2, 3)]
        subscribing = asyncio.create_task(link.subscribe([Subscription("a")]))
        await until(lambda: proxy.published == 5)
        proxy.cut()
        for flight in flights:
            await flight.wait()
            assert flight.codes == [LOST] * 4
        with pytest.raises(StoreUnavailable):
            await subscribing
        assert "broke" in link.reason or "closed" in link.reason


async def test_bytes_wait_with_the_caller_not_in_the_transport(mosquitto: Broker) -> None:
    async with mqtt_proxy(mosquitto.port) as proxy, linked(proxy.url, protocol="mqttv311") as link:
        proxy.stalled_up = True
        flight = link.fly([MqttMessage("a", bytes(100_000)) for _ in range(300)])
        await until(lambda: link._wire.paused)
        transport = link._wire._transport
        assert transport is not None
        assert transport.get_write_buffer_size() < 1_000_000
        assert link.counters.published < 300
        proxy.stalled_up = False
        await flight.wait()
        assert set(flight.codes) == {0}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xe0\x02\x8b\x00", "ends the connection: Server shutting down"),
        (b"\xe0\x08\x98\x06\x1f\x00\x03\r\nx", "Administrative action \\(\\?\\?x\\)"),
        (CONNACK_V5, "CONNACK, byte 0: it comes a second time"),
        (b"\x42\x02\x00\x01", "PUBACK, byte 0: the flags"),
        (b"\x30\xff\xff\x7f", "up to 1048576 are taken"),
        (b"HTTP/1.1 400", "PUBACK, byte 0: the flags are 0x8"),
    ],
)
async def test_a_broker_that_ends_it_or_lies_is_told_and_answered(data: bytes, reason: str) -> None:
    async with scripted() as broker, linked(broker.url) as link:
        flight = link.fly([MqttMessage("a", b"")])
        await flight.wait()
        broker.say(data)
        await link.lost.wait()
        assert re.search(reason, link.reason)
        if data[0] != 0xE0:
            await until(lambda: broker.of(14))
            assert broker.of(14)[0][2] in {0x81, 0x82, 0x95}


async def test_acknowledgements_of_nothing_are_counted() -> None:
    async with scripted() as broker, linked(broker.url) as link:
        broker.say(b"\x40\x02\x11\x11\x90\x04\x22\x22\x00\x01")
        await until(lambda: link.counters.strays == 2)
        assert not link.lost.is_set()


@pytest.mark.parametrize(
    ("answer", "told", "lasting"),
    [
        (b"\x20\x03\x00\x86\x00", "refuses: Bad user name or password", True),
        (b"\x20\x0c\x00\x89\x09\x1f\x00\x06Monday", "refuses: Server busy \\(Monday\\)", False),
        (b"\x20\x05\x00\x00\x02\x24\x00", "no QoS 1", True),
        (b"\x20\x02\x00\x01", "Unsupported protocol version", True),
    ],
)
async def test_a_refusal_says_why_and_whether_it_lasts(answer: bytes, told: str, *, lasting: bool) -> None:
    async with scripted(lambda _: answer) as broker:
        link = MqttLink(settings_of(broker.url, username="u", password=Secret("geheim")))
        with pytest.raises(Refused, match=told) as caught:
            await link.connect()
        assert caught.value.is_lasting is lasting
        assert "geheim" not in str(caught.value)
        await link.close()


@pytest.mark.parametrize("answer", [b"\x40\x02\x00\x01", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xd0\x00", None])
async def test_an_answer_that_is_none_ends_the_attempt(answer: bytes | None) -> None:
    async with scripted(lambda _: answer) as broker:
        link = MqttLink(settings_of(broker.url))
        with pytest.raises(StoreUnavailable):
            await link.connect()
        await link.close()


async def test_a_subscription_that_is_not_answered_or_answered_wrongly_ends_the_link() -> None:
    def silent(packet: bytes) -> bytes:
        return b"" if packet[0] >> 4 == 8 else polite(packet)

    def wrong(packet: bytes) -> bytes:
        return b"\x90\x05" + packet[2:4] + b"\x00\x01\x01" if packet[0] >> 4 == 8 else polite(packet)

    for answer, told, timeout in ((silent, "does not acknowledge", "100ms"), (wrong, "2 reason codes for 1", "30s")):
        async with scripted(answer) as broker, linked(broker.url, acknowledge_timeout=timeout) as link:
            with pytest.raises(StoreUnavailable, match=told):
                await link.subscribe([Subscription("a")])
            assert link.lost.is_set()


async def test_a_message_is_acknowledged_after_it_was_taken_and_a_fault_is_told_the_broker() -> None:
    def take(message: MqttMessage) -> None:
        if message.payload == b"bad":
            problem = "no"
            raise RuntimeError(problem)

    async with scripted() as broker, linked(broker.url, received=take):
        broker.say(b"\x32\x09\x00\x01a\x00\x01\x00bad" + b"\x32\x0a\x00\x01a\x00\x02\x00good")
        await until(lambda: len(broker.of(4)) == 2)
        assert broker.of(4) == [b"\x40\x03\x00\x01\x83", b"\x40\x02\x00\x02"]


async def test_a_retained_message_that_is_too_large_keeps_nobody_from_connecting(mosquitto: Broker) -> None:
    async with linked(mosquitto.url) as other:
        await other.fly([MqttMessage("large/1", bytes(20_000), 1, retain=True)]).wait()
        for protocol in PROTOCOLS:
            got: list[MqttMessage] = []
            async with linked(mosquitto.url, protocol=protocol, max_packet=5_000, received=got.append) as link:
                await link.subscribe([Subscription("large/#")])
                await other.fly([MqttMessage("large/2", b"x")]).wait()
                await until(lambda got=got: got)
                assert [message.topic for message in got] == ["large/2"]
                assert link.counters.too_large == (protocol == "mqttv311")
        await other.fly([MqttMessage("large/1", b"", 1, retain=True)]).wait()


async def test_a_will_is_said_after_a_cut_and_not_after_a_close(mosquitto: Broker) -> None:
    got: list[MqttMessage] = []
    will = MqttMessage("will/line-1", b"gone", 1, content_type="text/plain")
    async with linked(mosquitto.url, received=got.append) as watcher:
        await watcher.subscribe([Subscription("will/#")])
        async with linked(mosquitto.url, will=will):
            pass
        async with linked(mosquitto.url, will=will) as link:
            link.abort("test")
            await until(lambda: got)
        assert got == [will]


async def test_aliases_shorten_topics_and_the_broker_understands_them(mosquitto: Broker) -> None:
    got: list[MqttMessage] = []
    async with mqtt_proxy(mosquitto.port) as proxy, linked(proxy.url, received=got.append) as link:
        await link.subscribe([Subscription("plant/#")])
        topics = [f"plant/with-a-long-name/{n % 15}" for n in range(150)]
        await link.fly([MqttMessage(topic, str(n).encode(), n % 2) for n, topic in enumerate(topics)]).wait()
        await until(lambda: len(got) == 150)
        assert {int(message.payload): message.topic for message in got} == dict(enumerate(topics))
        assert proxy.bytes_up < 150 * (len(topics[0]) + 10)


async def test_the_loop_is_not_held(mosquitto: Broker) -> None:
    got: list[int] = []
    async with linked(mosquitto.url, protocol="mqttv311", received=lambda m: got.append(len(m.payload))) as link:
        await link.subscribe([Subscription("busy/#", 0)])

        async def fly() -> None:
            before = len(got)
            flights = [link.fly([MqttMessage(f"busy/{n}", bytes(40), 1)] * 500) for n in range(10)]
            flights.append(link.fly([MqttMessage("busy/large", bytes(200_000), 0)] * 40))
            for flight in flights:
                await flight.wait()
            await until(lambda: len(got) >= before + 5_000)

        assert await held_each_time(fly, LoopMonitor.of_the_cpu) == []


async def test_nothing_is_flown_before_the_broker_has_answered() -> None:
    link = MqttLink(settings_of("mqtt://127.0.0.1:1"))
    with pytest.raises(StoreUnavailable, match="has not answered yet"):
        link.fly([MqttMessage("a", b"")])
    with pytest.raises(StoreUnavailable, match="cannot be reached: Connection refused"):
        await link.connect()
    await link.close()
    await link.close()


async def test_giving_up_amid_the_connect_leaves_nothing() -> None:
    async with scripted(lambda _: b"") as broker:
        link = MqttLink(settings_of(broker.url))
        connecting: asyncio.Task[Any] = asyncio.create_task(link.connect())
        await until(lambda: broker.packets)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        await link.close()
        slow = MqttLink(settings_of(broker.url, connect_timeout="100ms"))
        with pytest.raises(StoreUnavailable, match=r"does not answer within 0\.1 s"):
            await slow.connect()
        await slow.close()
