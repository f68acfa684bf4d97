from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import socket
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.settings import Secret
from server.pubsub.broker_connection import BrokerConnection
from server.pubsub.broker_link import reason_text
from server.pubsub.record import MqttMessage
from server.pubsub.settings import PubSubSettings
from server.pubsub.topics import Topics
from tests.broker import Broker
from tests.unit.server.pubsub.consumer import Consumer
from tests.unit.server.pubsub.plant import settings_of
from tests.unit.server.pubsub.proxy import PUBACK, proxied
from tests.waiting import until


@asynccontextmanager
async def _connecting(settings: PubSubSettings, prefix: str = "opcua") -> AsyncGenerator[BrokerConnection]:
    connection = BrokerConnection(settings, Topics(prefix, "line-1"))
    await connection.start()
    try:
        yield connection
    finally:
        await connection.stop()


def _certificate(folder: Path, name: str, *, days: int = 1, client: bool = False) -> tuple[Path, Path]:
    """Write a self-signed certificate for 127.0.0.1 that ends in ``days``; give its file and its key's."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=10))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    if not client:
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    made = builder.sign(key, hashes.SHA256())
    files = folder / f"{name}.pem", folder / f"{name}.key"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


def _tls_broker(folder: Path, certificate: Path, key: Path, *lines: str) -> Broker:
    broker = Broker(folder)
    with (folder / "mosquitto.conf").open("a", encoding="utf-8") as file:
        file.write("\n".join([f"certfile {certificate}", f"keyfile {key}", *lines, ""]))
    return broker


async def test_fault_25_a_wrong_certificate_means_no_connection_until_it_is_mended(tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path, "broker", days=-1)
    trusted = tmp_path / "ca.pem"
    trusted.write_bytes(certificate.read_bytes())
    broker = _tls_broker(tmp_path / "b", certificate, key)
    broker.start()
    try:
        settings = settings_of(f"mqtts://127.0.0.1:{broker.port}", ca_file=str(trusted))
        async with _connecting(settings) as connection:
            await until(lambda: "certificate has expired" in connection.counters.last_error)
            assert connection.counters.connects == 0
            assert "as plantspace-line-1" not in broker.log
            broker.stop()
            renewed, new_key = _certificate(tmp_path, "renewed")
            certificate.write_bytes(renewed.read_bytes())
            key.write_bytes(new_key.read_bytes())
            broker.start()
            await until(lambda: "self-signed" in connection.counters.last_error.replace("self signed", "self-signed"))
            trusted.write_bytes(renewed.read_bytes())
            await until(lambda: connection.counters.connected)
    finally:
        broker.stop()


async def test_a_client_certificate_is_shown(tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path, "broker")
    mine, my_key = _certificate(tmp_path, "gateway", client=True)
    broker = _tls_broker(tmp_path / "b", certificate, key, f"cafile {mine}", "require_certificate true")
    broker.start()
    files: dict[str, Any] = {"ca_file": str(certificate), "certificate_file": str(mine), "key_file": str(my_key)}
    try:
        async with _connecting(settings_of(f"mqtts://127.0.0.1:{broker.port}", **files)) as connection:
            await until(lambda: connection.counters.connected)
    finally:
        broker.stop()


async def test_a_missing_file_is_named(mosquitto: Broker, tmp_path: Path) -> None:
    settings = settings_of(f"mqtts://127.0.0.1:{mosquitto.port}", ca_file=str(tmp_path / "nowhere.pem"))
    async with _connecting(settings) as connection:
        await until(lambda: connection.counters.last_error)
        assert "nowhere.pem cannot be used for TLS" in connection.counters.last_error


async def test_no_fall_back_to_plain_text(mosquitto: Broker) -> None:
    async with _connecting(settings_of(f"mqtts://127.0.0.1:{mosquitto.port}", client_id="never-plain")) as connection:
        await until(lambda: connection.counters.failures >= 2)
    assert "as never-plain" not in mosquitto.log


async def test_a_refusal_is_told_and_the_password_is_not(tmp_path: Path) -> None:
    broker = Broker(tmp_path / "b")
    file = broker.folder / "mosquitto.conf"
    text = file.read_text(encoding="utf-8").replace("anonymous true", "anonymous false")
    file.write_text(text, encoding="utf-8")
    broker.start()
    other: dict[str, Any] = {"username": "u", "password": Secret("geheim")}
    try:
        async with _connecting(settings_of(broker.url, **other)) as connection:
            await until(lambda: "refuses: Not authorized" in connection.counters.last_error)
            assert "geheim" not in connection.counters.last_error
    finally:
        broker.stop()


async def test_a_name_that_does_not_resolve_is_told() -> None:
    async with _connecting(settings_of("mqtt://no-such-broker.invalid")) as connection:
        await until(lambda: "no-such-broker.invalid:1883 cannot be reached" in connection.counters.last_error)


@pytest.mark.parametrize("scheme", ["mqtt", "mqtts"])
async def test_a_broker_that_accepts_and_says_nothing_is_given_up_and_stop_does_not_wait_for_it(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        async with _connecting(settings_of(f"{scheme}://127.0.0.1:{port}", connect_timeout="150ms")) as connection:
            await until(lambda: "does not answer within" in connection.counters.last_error)
        connection = BrokerConnection(settings_of(f"{scheme}://127.0.0.1:{port}"), Topics("opcua", "line-1"))
        await connection.start()
        accepted, _ = await asyncio.to_thread(silent.accept)
        began = time.monotonic()
        await connection.stop()
        assert time.monotonic() - began < 2
        accepted.close()


async def test_an_answer_that_is_no_mqtt_ends_the_attempt() -> None:
    async def babble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, _connecting(settings_of(f"mqtt://127.0.0.1:{port}")) as connection:
        await until(lambda: connection.counters.failures >= 2)
        assert connection.counters.connects == 0


async def test_retained_metadata_that_the_broker_does_not_take_does_not_keep_the_link_down(tmp_path: Path) -> None:
    broker = Broker(tmp_path / "small")
    with (broker.folder / "mosquitto.conf").open("a", encoding="utf-8") as file:
        file.write("max_packet_size 2000\n")
    broker.start()
    try:
        connection = BrokerConnection(settings_of(broker.url), Topics("opcua", "line-1"))
        connection.remember(MqttMessage("opcua/json/metadata/line-1/g/large", b"x" * 3_000, 1, retain=True))
        connection.remember(MqttMessage("opcua/json/metadata/line-1/g/small", b"{}", 1, retain=True))
        await connection.start()
        try:
            await until(lambda: connection.counters.connected)
            async with Consumer(broker, tmp_path, "opcua/json/metadata/#") as consumer:
                await until(lambda: consumer.messages)
                assert [message.topic for message in consumer.messages] == ["opcua/json/metadata/line-1/g/small"]
            assert connection.counters.connects == 1
        finally:
            await connection.stop()
    finally:
        broker.stop()


async def test_the_end_is_told_even_amid_the_greeting(mosquitto: Broker, tmp_path: Path) -> None:
    async with proxied(mosquitto) as proxy, Consumer(mosquitto, tmp_path, "greeting/json/status/#") as consumer:
        proxy.keep = lambda kind, _packet: kind != PUBACK
        async with _connecting(settings_of(proxy.url), "greeting") as connection:
            await until(lambda: consumer.messages)
            assert not connection.counters.connected
        await until(lambda: [message.json["Status"] for message in consumer.messages] == [2, 0])


async def test_stop_is_safe_twice_and_before_start(mosquitto: Broker) -> None:
    connection = BrokerConnection(settings_of(mosquitto.url), Topics("opcua", "line-1"))
    await connection.stop()
    await connection.start()
    await connection.start()
    await until(lambda: connection.counters.connected)
    await connection.stop()
    await connection.stop()


def test_reason_codes_have_names() -> None:
    assert reason_text(0x87) == "Not authorized"
    assert reason_text(0x42) == "reason code 0x42"
    assert "ended" in reason_text(-1)
