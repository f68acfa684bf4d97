from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from core.settings import Secret
from core.tls_files import ServerAddress
from server.pubsub.mqtt.settings import BrokerSettings, address_of


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mqtt://b", ServerAddress("b", 1883, secure=False)),
        ("mqtts://b", ServerAddress("b", 8883, secure=True)),
        ("mqtts://[::1]:443", ServerAddress("::1", 443, secure=True)),
        ("ws://b", ServerAddress("b", 80, secure=False, path="/mqtt")),
        ("wss://b:8084/ws/", ServerAddress("b", 8084, secure=True, path="/ws")),
    ],
)
def test_addresses_are_taken_apart(url: str, address: ServerAddress) -> None:
    assert address_of(url) == address


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"broker": "http://b"}, "reached by mqtt://, mqtts://, ws:// or wss://, not by http"),
        ({"broker": "mqtt://b/x"}, "is not the address of a broker"),
        ({"broker": "wss://b/x?token=1"}, "is not the address of a broker"),
        ({"broker": "mqtt://u:p@b"}, "must not hold a user"),
        ({"broker": "mqtt://b", "ca_file": "x"}, "is not encrypted"),
        ({"broker": "ws://b", "alpn": "mqtt"}, "alpn is of TLS"),
        ({"broker": "mqtt://b", "server_name": "c"}, "server_name is of TLS"),
        ({"broker": "mqtts://b", "key_file": "x"}, "without certificate_file"),
        ({"broker": "mqtt://b", "password": Secret("x")}, "without a username"),
        ({"broker": "mqtt://b", "keep_alive": "500ms"}, "whole seconds"),
        ({"broker": "mqtt://b", "client_id": "a\nb"}, "control characters"),
        ({"broker": "mqtts://b", "alpn": "ä"}, "no name of an application protocol"),
        ({"broker": "mqtt://b", "in_flight": 65_001}, "65000"),
    ],
)
def test_what_is_wrong_is_told(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        BrokerSettings(**given)


def test_little_needs_to_be_written_and_files_begin_beside() -> None:
    made = BrokerSettings(broker="wss://b", ca_file="ca.pem", username="u", password=Secret("geheim"))
    assert (made.in_flight, made.is_v5, made.max_packet) == (1_000, True, 1 << 20)
    assert made.beside(Path("/etc")).ca_file == "/etc/ca.pem"
    assert "geheim" not in f"{made!r} {made.model_dump_json()}"
