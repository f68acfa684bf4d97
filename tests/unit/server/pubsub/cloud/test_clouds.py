"""Against a real broker on which the limits of a cloud are imposed, and a stand-in for the services behind it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ssl
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl

import pytest

from core.settings import Secret
from server.pubsub.cloud import settings as cloud
from server.pubsub.cloud.paced_link import paced
from server.pubsub.cloud.presets import PRESETS
from server.pubsub.cloud.settings import CloudSettings
from server.pubsub.cloud.shared_access import SharedAccessSettings
from server.pubsub.cloud.topics import IotHubTopics
from server.pubsub.cloud.twin.assembly import dialect_of
from server.pubsub.cloud.twin.memory import TwinMemory
from server.pubsub.cloud.twin.properties import Present
from server.pubsub.cloud.twin.session import TwinSession
from server.pubsub.commands.port import Wanted, WriteOutcome
from server.pubsub.connection_session import ConnectionSession
from server.pubsub.contract import MqttMessage, SizedLink
from server.pubsub.mqtt.connection import BrokerConnection
from server.pubsub.mqtt.settings import BrokerSettings
from tests.cloud_broker import AWS_LIMITS, HUB_LIMITS, Place
from tests.cloud_responder import Responder
from tests.cloud_services import RateWatch, ShadowService, TwinService
from tests.unit.server.pubsub.mqtt.certificates import Authority
from tests.unit.server.pubsub.mqtt.links import Session
from tests.unit.server.pubsub.mqtt.scripted_broker import CONNACK_V311, ScriptedBroker, polite, scripted
from tests.waiting import until

QUICK = {"retry_first": "20ms", "retry_longest": "100ms", "connect_timeout": "30s"}


class Connection(CloudSettings, BrokerSettings):
    """As a connection of the configuration is made."""


def settings_at(place: Place, **other: Any) -> Connection:
    authority, certificate, key = map(str, place.files["line-1"])
    given = {"broker": place.broker.url, "client_id": "line-1", "ca_file": authority}
    files = {"certificate_file": certificate, "key_file": key}
    return cloud.apply(Connection.model_validate({**given, **files, **QUICK, **other}))


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("aws"), *AWS_LIMITS)
    place.broker.start()
    yield place
    place.broker.stop()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("hub"), *HUB_LIMITS)
    place.broker.start()
    yield place
    place.broker.stop()


class Plant:
    """A setpoint and a level; each write is taken."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {"Setpoint": 20, "Level": 3.5}
        self.written: list[tuple[str, object]] = []

    def read(self) -> Present:
        return Present(dict(self.values), {})

    async def write(self, wanted: Sequence[Wanted], *, entry: str, all_or_nothing: bool) -> list[WriteOutcome]:
        del entry, all_or_nothing
        self.written.extend((one.node, one.value) for one in wanted)
        self.values.update({one.node: one.value for one in wanted})
        return [WriteOutcome(one.node, 0) for one in wanted]


class Recording:
    """Remembers when each message was handed to the link beneath the pacing."""

    def __init__(self) -> None:
        self.watch = RateWatch(100, 512 * 1024)

    def under(self, link: SizedLink) -> SizedLink:
        flying = link.fly

        def fly(messages: Sequence[MqttMessage], priority: int = 1) -> Any:
            moment = asyncio.get_running_loop().time()
            for message in messages:
                self.watch.came(moment, len(message.payload) + len(message.topic))
            return flying(messages, priority)

        link.fly = fly
        return link


class Gateway:
    """A connection with its twin, as a gateway puts them together."""

    def __init__(self, settings: Connection, folder: Path, status: str) -> None:
        self.plant, self.recording = Plant(), Recording()
        assert settings.preset is not None
        assert settings.twin is not None
        dialect = dialect_of(settings.preset, settings.twin, settings.client_id)
        nodes = {name: name for name in self.plant.values}
        memory = TwinMemory(folder / "twin.json", "test")
        self.twin = TwinSession(dialect, nodes, self.plant, self.plant, memory, report=settings.twin.report)
        self.session = ConnectionSession(Session(status))
        self.session.twin = self.twin
        limits = cloud.limits(settings)
        assert limits is not None
        self.session.retains = limits.retains
        self.connection = BrokerConnection(
            settings, self.session, wrap=lambda link: paced(self.recording.under(link), limits)
        )


@asynccontextmanager
async def running(settings: Connection, folder: Path, status: str) -> AsyncGenerator[Gateway]:
    gateway = Gateway(settings, folder, status)
    await gateway.session.start()
    await gateway.connection.start()
    try:
        yield gateway
    finally:
        await gateway.connection.stop()
        await gateway.session.stop()


async def test_aws_takes_telemetry_at_its_rate_and_its_shadow_follows(aws: Place, tmp_path: Path) -> None:
    service = ShadowService("line-1", "setpoints")
    # Not asked for its excess: what arrives together was sent one after the other, and the broker held it up.
    watch = RateWatch(150)
    twin = {"nodes": ["/Objects/*"], "name": "setpoints", "report": "50ms"}
    settings = settings_at(aws, preset="aws-iot-core", twin=twin)
    topics = ("$aws/things/+/shadow/name/+/update", "$aws/things/+/shadow/name/+/get", "opcua/#")
    with Responder(aws.broker, aws.files["cloud"], service, topics, watch) as responder:
        async with running(settings, tmp_path, "opcua/json/status/line-1") as gateway:
            await until(lambda: service.reported.get("Setpoint") == 20)
            link = await gateway.connection.link()
            began = asyncio.get_running_loop().time()
            topic = "opcua/json/data/line-1/default/meters"
            flight = link.fly([MqttMessage(topic, b"%d" % number) for number in range(160)])
            responder.desire({"Setpoint": 25.5})
            await flight.wait()
            assert set(flight.codes) == {0}
            assert asyncio.get_running_loop().time() - began > 1.3
            await until(lambda: service.reported["Setpoint"] == 25.5)
            assert gateway.plant.written == [("Setpoint", 25.5)]
            responder.again(service.desire({"Setpoint": 25.5}))  # the same in the same second
            gateway.plant.values["Level"] = 4
            await until(lambda: service.reported["Level"] == 4)
            assert len(gateway.plant.written) == 1
            data = [one.payload for one in responder.others if one.topic == topic]
            assert data == [b"%d" % number for number in range(160)]
    assert watch.seen >= 160
    assert gateway.recording.watch.excess == ""


async def test_aws_is_asked_for_nothing_that_it_refuses(aws: Place, tmp_path: Path) -> None:
    settings = settings_at(aws, preset="aws-iot-core", twin={"nodes": ["/Objects/*"], "report": "50ms"})
    topics = ("$aws/things/+/shadow/update", "$aws/things/+/shadow/get")
    with Responder(aws.broker, aws.files["cloud"], ShadowService("line-1"), topics, RateWatch(150)):
        async with running(settings, tmp_path, "opcua/json/status/line-1") as gateway:
            link = await gateway.connection.link()
            with pytest.raises(ValueError, match="131073 bytes"):
                link.fly([MqttMessage("opcua/json/data/line-1/g/d", bytes(131_073))])
            whole = link.fly([MqttMessage("opcua/json/data/line-1/g/d", bytes(131_072))])
            await whole.wait()
            assert whole.codes == [16], "taken, and nobody has subscribed it"
            others = link.fly([MqttMessage("opcua/json/data/line-2/g/d", b"x")])
            await others.wait()
            assert others.codes == [0x87], "a policy with the least rights"
            assert gateway.connection.counters.refused_subscriptions == ()
            assert gateway.connection.counters.connects == 1


async def test_a_hub_sees_a_device_that_keeps_to_its_topics(hub: Place, tmp_path: Path) -> None:
    service = TwinService()
    settings = settings_at(hub, preset="azure-iot-hub", twin={"nodes": ["/Objects/*"], "report": "50ms"})
    assert settings.protocol == "mqttv311"
    device = IotHubTopics("line-1")
    topics = ("$iothub/twin/GET/#", "$iothub/twin/PATCH/properties/reported/#", "devices/#")
    with Responder(hub.broker, hub.files["cloud"], service, topics, RateWatch(150)) as responder:
        async with running(settings, tmp_path, device.status) as gateway:
            await until(lambda: "Setpoint" in service.reported)
            responder.desire({"Setpoint": 30, "Level": 1})
            await until(lambda: service.reported["Setpoint"].get("value") == 30)
            assert service.reported["Level"] == {"value": 1, "ac": 200, "av": 2, "ad": "Good"}
            link = await gateway.connection.link()
            flight = link.fly([MqttMessage(device.metadata("g", "m"), b"{}", retain=True)])
            await flight.wait()
            await until(lambda: any("ua-metadata" in one.topic for one in responder.others))
            assert gateway.connection.counters.connects == 1, "nobody was thrown out for a flag"
            # Wanted while the device is away, and again when it is back.
            await gateway.connection.stop()
            service.desire({"Setpoint": 31})
            await gateway.connection.start()
            await until(lambda: service.reported["Setpoint"].get("value") == 31)
            assert [value for node, value in gateway.plant.written if node == "Setpoint"] == [30, 31]
    bag = dict(parse_qsl(responder.others[0].topic.rpartition("/")[2]))
    assert bag == {"$.ct": "application/json", "$.ce": "utf-8", "type": "ua-status"}


async def test_event_grid_is_never_sent_the_flag_that_it_closes_connections_for(hub: Place) -> None:
    settings = settings_at(hub, preset="azure-event-grid")
    assert (settings.protocol, settings.username, settings.in_flight) == ("mqttv5", "line-1", 1_000)
    session = ConnectionSession(Session("opcua/json/status/line-1"))
    session.retains = False
    session.remember(MqttMessage("opcua/json/metadata/line-1/g/d", b"{}", retain=True))
    connection = BrokerConnection(settings, session, wrap=lambda link: paced(link, cloud.limits(settings)))
    await connection.start()
    try:
        link = await connection.link()
        flight = link.fly([MqttMessage("opcua/json/data/line-1/g/d", b"x", retain=True)])
        await flight.wait()
        assert flight.codes == [16], "taken, and nobody has subscribed it"
        assert (connection.counters.connects, connection.counters.failures) == (1, 0)
    finally:
        await connection.stop()


async def test_what_is_offered_on_the_port_of_https_is_awss_protocol(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.sign("broker", host="localhost"))
    context.load_verify_locations(authority.file)
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["http/1.1", "x-amzn-mqtt-ca"])
    names: list[str | None] = []

    def named(connection: object, name: str | None, context: object) -> None:
        del connection, context
        names.append(name)

    context.sni_callback = named
    broker, offered = ScriptedBroker(polite), list[str | None]()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        offered.append(writer.get_extra_info("ssl_object").selected_alpn_protocol())
        broker.begin(reader, writer)

    server = await asyncio.start_server(begin, "localhost", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    preset = PRESETS["aws-iot-core"]
    as_443 = {(port if known == 443 else known, proof): name for (known, proof), name in preset.alpn.items()}
    there = {**PRESETS, preset.name: replace(preset, alpn=as_443)}
    monkeypatch.setattr("server.pubsub.cloud.settings.PRESETS", MappingProxyType(there))
    certificate, key = authority.sign("line-1")
    given = {"broker": f"mqtts://localhost:{port}", "preset": preset.name, "client_id": "line-1", **QUICK}
    files = {"ca_file": str(authority.file), "certificate_file": str(certificate), "key_file": str(key)}
    settings = cloud.apply(Connection.model_validate({**given, **files}))
    connection = BrokerConnection(settings, Session("opcua/json/status/line-1"))
    await connection.start()
    try:
        await connection.link()
    finally:
        await connection.stop()
        server.close()
        await broker.end()
        await server.wait_closed()
    assert offered == ["x-amzn-mqtt-ca"]
    assert names == ["localhost"]


async def test_a_token_is_made_for_each_connection_and_renewed_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = b"a throw-away key of thirty-two by"
    monkeypatch.setattr("server.pubsub.mqtt.connection._RENEWED_BEFORE", (0.9995, 1e9))

    def let_in(packet: bytes) -> bytes | None:
        return CONNACK_V311 if packet[0] >> 4 == 1 else polite(packet)

    async with scripted(let_in) as broker:
        settings = BrokerSettings.model_validate(
            {"broker": broker.url, "client_id": "line-1", "protocol": "mqttv311", **QUICK}
        )
        shared = SharedAccessSettings.model_construct(key=Secret(base64.b64encode(secret).decode()), lifetime=300.0)
        access = cloud.SharedAccess("hub", "line-1", "hub/line-1/?api-version=2021-04-12", shared)
        connection = BrokerConnection(settings, Session("s"), credentials=access.credentials)
        await connection.start()
        try:
            await until(lambda: len(broker.of(1)) >= 2)
        finally:
            await connection.stop()
        assert connection.counters.failures == 0, "it was renewed before it ran out"
        connect = broker.of(1)[0]
    _, found, rest = connect.partition(b"SharedAccessSignature ")
    assert found
    assert b"hub/line-1/?api-version=2021-04-12" in connect
    fields = dict(parse_qsl(rest.decode()))
    assert fields["sr"] == "hub/devices/line-1"
    signed = hmac.new(secret, f"hub%2Fdevices%2Fline-1\n{fields['se']}".encode(), hashlib.sha256).digest()
    assert base64.b64decode(fields["sig"]) == signed
