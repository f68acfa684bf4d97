from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.errors import StoreUnavailable
from server.pubsub.contract import MqttMessage
from server.pubsub.mqtt import transport
from server.pubsub.mqtt.link import MqttLink
from tests.broker import Broker
from tests.mqtt_proxy import mqtt_proxy
from tests.unit.server.pubsub.mqtt.certificates import Authority
from tests.unit.server.pubsub.mqtt.links import linked, settings_of
from tests.waiting import until


class _Secured:
    """A broker that asks for certificates, at TLS and at WebSocket, and the files to talk to it."""

    def __init__(self, folder: Path) -> None:
        self.authority, self.other = Authority(folder), Authority(folder, "other")
        certificate, key = self.authority.sign("broker")
        lines = [
            f"cafile {self.authority.file}",
            f"certfile {certificate}",
            f"keyfile {key}",
            "require_certificate true",
        ]
        self.broker = Broker(folder / "b", options=lines, web_socket=lines)
        mine = self.authority.sign("gateway")
        self.files: dict[str, Any] = {
            "ca_file": str(self.authority.file),
            "certificate_file": str(mine[0]),
            "key_file": str(mine[1]),
        }


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Secured]:
    made = _Secured(tmp_path_factory.mktemp("secured"))
    made.broker.start()
    try:
        yield made
    finally:
        made.broker.stop()


async def _refused(url: str, told: str, **files: Any) -> None:
    link = MqttLink(settings_of(url, **files), client_id="never-in")
    with pytest.raises(StoreUnavailable, match=told):
        await link.connect()
    await link.close()


@pytest.mark.parametrize("way", ["url", "web_socket_url"])
async def test_a_client_certificate_is_shown(secured: _Secured, way: str) -> None:
    url: str = getattr(secured.broker, way)
    async with linked(url, **secured.files, alpn="mqtt") as link:
        flight = link.fly([MqttMessage("tls", bytes(100_000)) for _ in range(20)])
        await flight.wait()
        assert set(flight.codes) == {0x10}


async def test_closing_waits_a_moment_for_one_that_does_not_answer(
    secured: _Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "CLOSES_WITHIN", 0.1)
    async with mqtt_proxy(secured.broker.port, opaque=True) as proxy:
        link = MqttLink(settings_of(f"mqtts://127.0.0.1:{proxy.port}", **secured.files))
        await link.connect()
        proxy.stalled = True
        link.fly([MqttMessage("tls", bytes(1_000_000), 0)] * 8)
        await until(lambda: link._wire.paused)
        async with asyncio.timeout(30):
            await link.close()


async def test_fault_25_who_is_not_the_broker_is_not_talked_to(secured: _Secured) -> None:
    url, files = secured.broker.url, secured.files
    await _refused(url, "certificate verify failed", **files | {"ca_file": str(secured.other.file)})
    await _refused(url, "certificate verify failed: unable to get local issuer|self.signed", **files | {"ca_file": ""})
    await _refused(url, "IP address mismatch|[Hh]ostname mismatch", **files, server_name="broker.plant.example")
    none = {"certificate_file": "", "key_file": ""}
    await _refused(url, "certificate required|broke|closed", **files | none)
    await _refused(url, "gone.pem: cannot be used for TLS", **files | {"ca_file": "/gone.pem"})
    await _refused(url.replace("mqtts", "mqtt"), "closed|broke|reset|does not answer")
    assert "never-in" not in secured.broker.log


async def test_fault_25_an_expired_certificate_is_told_and_a_renewed_one_is_read(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.sign("broker", days=-1)
    broker = Broker(tmp_path / "b", options=[f"certfile {certificate}", f"keyfile {key}"])
    broker.start()
    try:
        await _refused(broker.url, "certificate has expired", ca_file=str(authority.file))
        broker.stop()
        authority.sign("broker")
        broker.start()
        async with linked(broker.url, ca_file=str(authority.file)):
            pass
    finally:
        broker.stop()


async def test_the_name_in_the_certificate_may_be_another_than_that_dialled(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.sign("broker", host="broker.plant.example")
    broker = Broker(tmp_path / "b", options=[f"certfile {certificate}", f"keyfile {key}"])
    broker.start()
    try:
        await _refused(broker.url, "IP address mismatch", ca_file=str(authority.file))
        async with linked(broker.url, ca_file=str(authority.file), server_name="broker.plant.example"):
            pass
    finally:
        broker.stop()


async def test_tls_is_never_left_out(mosquitto: Broker) -> None:
    url = mosquitto.url.replace("mqtt://", "mqtts://")
    await _refused(url, "cannot be reached|does not answer", connect_timeout="500ms")
    assert "never-in" not in mosquitto.log


async def test_of_several_addresses_the_one_that_answers_is_taken(
    mosquitto: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = socket.getaddrinfo

    def two(host: str, *rest: Any, **more: Any) -> list[Any]:
        if host != "broker.plant.example":
            return look_up(host, *rest, **more)
        return [*look_up("127.9.9.9", *rest, **more), *look_up("127.0.0.1", *rest, **more)]

    monkeypatch.setattr(socket, "getaddrinfo", two)
    async with linked(f"mqtt://broker.plant.example:{mosquitto.port}") as link:
        assert not link.lost.is_set()


async def test_a_name_that_does_not_resolve_is_told() -> None:
    await _refused("mqtt://no-such-broker.invalid", "no-such-broker.invalid:1883 cannot be reached: .*[Nn]ame")


@pytest.mark.parametrize("scheme", ["mqtt", "mqtts", "ws"])
async def test_one_that_accepts_and_says_nothing_is_given_up(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        await _refused(f"{scheme}://127.0.0.1:{port}", "does not answer within", connect_timeout="150ms")
