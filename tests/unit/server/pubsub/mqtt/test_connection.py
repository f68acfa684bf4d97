from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from core.errors import StoreUnavailable
from core.settings import Secret
from core.time import now
from server.pubsub.contract import Flight, Link, MqttMessage, SizedLink, Subscription
from server.pubsub.mqtt import connection as module
from server.pubsub.mqtt.connection import BrokerConnection
from server.pubsub.mqtt.credentials import Credentials
from tests.broker import Broker
from tests.mqtt_proxy import mqtt_proxy
from tests.unit.server.pubsub.mqtt.certificates import Authority
from tests.unit.server.pubsub.mqtt.links import Session, connecting, linked, settings_of
from tests.unit.server.pubsub.mqtt.scripted_broker import CONNACK_V5, polite, scripted
from tests.waiting import until


async def test_each_link_begins_with_will_subscriptions_and_greeting(mosquitto: Broker) -> None:
    states: list[bytes] = []
    session = Session("connection/a/status", ["connection/a/cmd/#"])
    async with linked(mosquitto.url, received=lambda message: states.append(message.payload)) as watcher:
        await watcher.subscribe([Subscription("connection/a/status")])
        async with mqtt_proxy(mosquitto.port) as proxy:
            async with connecting(settings_of(proxy.url), session, client_id="connection-a") as connection:
                link = await connection.link()
                await until(lambda: states == [b"2"])
                assert (connection.counters.connected, connection.counters.connects) == (True, 1)
                assert connection.counters.connected_since is not None
                assert abs(now() - connection.counters.connected_since) < 100_000_000
                await watcher.fly([MqttMessage("connection/a/cmd/x", b"1")]).wait()
                await until(lambda: session.messages)
                proxy.cut()
                assert await link.lost.wait()
                assert await connection.link() is not link
                assert (session.ends, connection.counters.connects, connection.counters.failures) == (1, 2, 1)
            await until(lambda: states == [b"2", b"3", b"2", b"0"])
    assert session.ends == 2
    assert (connection.counters.connected, connection.counters.connected_since) == (False, None)


async def test_data_waits_until_the_session_is_admitted(mosquitto: Broker) -> None:
    opened = asyncio.Event()

    class _Waits(Session):
        async def admitted(self) -> None:
            await opened.wait()

    async with (
        mqtt_proxy(mosquitto.port) as proxy,
        connecting(settings_of(proxy.url), _Waits("connection/b")) as connection,
    ):
        await until(lambda: connection.present)
        asking = asyncio.create_task(connection.link())
        await until(lambda: proxy.acknowledged)
        assert not asking.done()
        proxy.cut()
        await until(lambda: connection.counters.failures)
        assert not connection.counters.connected
        opened.set()
        assert await asking is connection.present


async def test_a_session_that_speaks_itself_learns_the_link_before_it_greets(mosquitto: Broker) -> None:
    said: list[str] = []

    class _Speaks(Session):
        in_sequence = True
        priority = 7

        def opened(self, link: Link) -> None:
            said.append("opened")
            link.fly([MqttMessage("connection/c", b"")], self.priority)

        def before(self, message: MqttMessage) -> Sequence[MqttMessage]:
            raise NotImplementedError

        def greeting(self) -> Sequence[MqttMessage]:
            said.append("greeting")
            return super().greeting()

    async with mqtt_proxy(mosquitto.port) as proxy, connecting(settings_of(proxy.url), _Speaks("c")) as connection:
        await connection.link()
        assert said == ["opened", "greeting"]
        assert proxy.acknowledged == 2


async def test_what_the_broker_does_not_take_does_not_keep_the_link_down(tmp_path: Path) -> None:
    rules = tmp_path / "acl"
    rules.write_text("topic readwrite open/#\n", encoding="utf-8")
    broker = Broker(tmp_path / "b", options=["max_packet_size 2000", f"acl_file {rules}"])
    broker.start()
    try:
        session = Session("open/status", ["open/cmd"])
        session.greetings += [MqttMessage("open/large", bytes(3_000)), MqttMessage("closed", b"")]
        async with connecting(settings_of(broker.url), session) as connection:
            await connection.link()
            assert connection.counters.connects == 1
    finally:
        broker.stop()


async def test_a_refused_subscription_is_told() -> None:
    def answer(packet: bytes) -> bytes:
        return b"\x90\x05" + packet[2:4] + b"\x00\x01\x87" if packet[0] >> 4 == 8 else polite(packet)

    async with (
        scripted(answer) as broker,
        connecting(settings_of(broker.url), Session("s", ["mine", "yours"])) as connection,
    ):
        await connection.link()
        assert connection.counters.refused_subscriptions == ("yours",)


async def test_a_broker_that_retains_no_wills_gets_them_without(caplog: pytest.LogCaptureFixture) -> None:
    def answer(packet: bytes) -> bytes:
        refused = packet[0] >> 4 == 1 and packet[9 if packet[1] < 128 else 10] & 0x20
        return b"\x20\x03\x00\x9a\x00" if refused else polite(packet)

    async with scripted(answer) as broker, connecting(settings_of(broker.url), Session("s")) as connection:
        link = await connection.link()
        assert len(broker.of(1)) == 2
        link.abort("test")
        await until(lambda: connection.counters.connects == 2)
        assert len(broker.of(1)) == 3
    assert caplog.text.count("Retain not supported") == 1


async def test_everybody_speaks_on_the_link_as_it_was_wrapped(mosquitto: Broker) -> None:
    flown: list[str] = []

    class _Wrapped:
        def __init__(self, inner: SizedLink) -> None:
            self._inner = inner

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

        def fly(self, messages: Sequence[MqttMessage], priority: int = 1) -> Flight:
            flown.extend(message.topic for message in messages)
            return self._inner.fly(messages, priority)

    connection = BrokerConnection(settings_of(mosquitto.url), Session("connection/d"), wrap=cast("Any", _Wrapped))
    await connection.start()
    assert isinstance(await connection.link(), _Wrapped)
    await connection.stop()
    assert flown == ["connection/d", "connection/d"]


async def test_fault_25_a_wrong_certificate_means_no_connection_until_it_is_mended(tmp_path: Path) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    certificate, key = authority.sign("broker")
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(other.file.read_bytes())
    broker = Broker(tmp_path / "b", options=[f"certfile {certificate}", f"keyfile {key}"])
    broker.start()
    try:
        settings = settings_of(broker.url, ca_file=str(trusted))
        async with connecting(settings, Session("s"), client_id="fault-25") as connection:
            await until(lambda: "certificate verify failed" in connection.counters.last_error)
            assert (connection.counters.connects, "fault-25" in broker.log) == (0, False)
            trusted.write_bytes(authority.file.read_bytes())
            await connection.link()
            assert connection.counters.last_error == ""
    finally:
        broker.stop()


async def test_a_refusal_waits_longer_and_the_password_is_told_nowhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broker = Broker(tmp_path / "b", anonymous=False)
    broker.start()
    try:
        settings = settings_of(broker.url, username="u", password=Secret("geheim"), retry_longest="30s")
        async with connecting(settings, Session("s")) as connection:
            await until(lambda: "refuses: Not authorized" in connection.counters.last_error)
            assert connection._task is not None
            asked = broker.log.count("New connection")
            done, _ = await asyncio.wait((connection._task,), timeout=0.3)  # a dozen tries at the usual pace
            assert not done
            assert broker.log.count("New connection") == asked
            assert "geheim" not in f"{connection.counters} {caplog.text} {settings!r}"
    finally:
        broker.stop()


async def test_credentials_that_run_out_are_renewed_in_time() -> None:
    given: list[str] = []

    async def provide() -> Credentials:
        given.append(f"token-{len(given)}")
        return Credentials("device", Secret(given[-1]), 0.2)

    async with (
        scripted() as broker,
        connecting(settings_of(broker.url), Session("status"), credentials=provide) as connection,
    ):
        first = await connection.link()
        flight = first.fly([MqttMessage("data", b"x")])
        await first.lost.wait()
        second = await connection.link()
        assert second is not first
        await flight.wait()
        assert flight.codes == [0]
        connects = broker.of(1)
        assert b"token-0" in connects[0]
        assert b"token-1" in connects[1]
        farewells = [packet for packet in broker.of(3) if packet.endswith(b"0")]
        assert farewells
        assert connection.counters.failures == 0


async def test_no_credentials_is_told_and_asked_again() -> None:
    tries = 0

    async def provide() -> Credentials:
        nonlocal tries
        tries += 1
        if tries < 3:
            problem = "the token service is away"
            raise StoreUnavailable(problem)
        return Credentials()

    async with scripted() as broker, connecting(settings_of(broker.url), Session("s"), credentials=provide) as made:
        await until(lambda: "token service" in made.counters.last_error)
        await made.link()


async def test_what_is_retained_is_said_again_each_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RENEWED_EVERY", 0.05)
    metadata = MqttMessage("metadata", b"{}", 1, retain=True)
    async with (
        scripted() as broker,
        connecting(settings_of(broker.url), Session("s"), renewed=lambda: [metadata]) as connection,
    ):
        await connection.link()
        await until(lambda: len([packet for packet in broker.of(3) if b"metadata" in packet]) >= 2)


async def test_a_fault_of_a_session_ends_a_link_and_not_the_connection() -> None:
    class _Faulty(Session):
        def greeting(self) -> list[MqttMessage]:
            if not self.ends:
                problem = "not foreseen"
                raise RuntimeError(problem)
            return []

    async with scripted() as broker, connecting(settings_of(broker.url), _Faulty("s")) as connection:
        await until(lambda: connection.counters.connects)
        assert connection.counters.failures == 1


@pytest.mark.parametrize("scheme", ["mqtt", "mqtts", "ws"])
async def test_stop_waits_for_nobody(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        connection = BrokerConnection(settings_of(f"{scheme}://127.0.0.1:{silent.getsockname()[1]}"), Session("s"))
        await connection.stop()
        await connection.start()
        await connection.start()
        accepted, _ = await asyncio.to_thread(silent.accept)
        async with asyncio.timeout(30):
            await connection.stop()
            await connection.stop()
        accepted.close()


async def test_the_end_is_told_even_amid_the_greeting(mosquitto: Broker) -> None:
    states: list[bytes] = []
    async with (
        linked(mosquitto.url, received=lambda message: states.append(message.payload)) as watcher,
        mqtt_proxy(mosquitto.port) as proxy,
    ):
        await watcher.subscribe([Subscription("connection/e")])
        proxy.drop_pubacks = 1
        async with connecting(settings_of(proxy.url), Session("connection/e")) as connection:
            await until(lambda: states)
            assert not connection.counters.connected
            proxy.drop_pubacks = None
        await until(lambda: states == [b"2", b"0"])


async def test_a_farewell_that_nobody_takes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FAREWELL", 0.1)

    def deaf(packet: bytes) -> bytes:
        return b"" if packet[0] >> 4 == 3 and packet.endswith(b"0") else polite(packet)

    async with scripted(deaf) as broker:
        connection = BrokerConnection(settings_of(broker.url), Session("s"))
        await connection.start()
        await connection.link()
        async with asyncio.timeout(30):
            await connection.stop()


async def test_a_broker_that_is_away_is_told_once_a_reason(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    settings = settings_of(f"mqtt://127.0.0.1:{port}", retry_first="5ms", retry_longest="10ms")
    async with connecting(settings, Session("s")) as connection:
        await until(lambda: connection.counters.failures >= 5)
        assert "Connection refused" in connection.counters.last_error
    assert caplog.text.count("is away") == 1


_MALFORMED: list[Callable[[bytes], bytes]] = [
    lambda packet: CONNACK_V5 + b"\x40\x02\x00\x01" if packet[0] >> 4 == 1 else polite(packet),
    lambda packet: polite(packet) + b"\xd0\x00",
]


@pytest.mark.parametrize("answer", _MALFORMED)
async def test_superfluous_packets_are_borne(answer: Callable[[bytes], bytes]) -> None:
    async with scripted(answer) as broker, connecting(settings_of(broker.url), Session("s")) as connection:
        link = await connection.link()
        assert not link.lost.is_set()
