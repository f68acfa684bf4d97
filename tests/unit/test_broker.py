from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from tests.broker import Broker


def test_the_shared_broker_listens_on_loopback(mosquitto: Broker) -> None:
    with socket.create_connection((mosquitto.host, mosquitto.port), timeout=30):
        pass
    assert mosquitto.url == f"mqtt://127.0.0.1:{mosquitto.port}"


def test_a_broker_comes_back_on_its_port(new_mosquitto: Callable[..., Broker]) -> None:
    broker = new_mosquitto(persistence=True)
    broker.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((broker.host, broker.port), timeout=30)
    assert (broker.folder / "mosquitto.db").exists()
    broker.start()
    broker.kill()
    broker.start()


def test_a_broker_that_cannot_listen_says_why(new_mosquitto: Callable[..., Broker], mosquitto: Broker) -> None:
    other = new_mosquitto()
    other.stop()
    with pytest.raises(RuntimeError, match=r"Address already in use"):
        Broker(other.folder, port=mosquitto.port).start()


def test_free_ports_differ(free_port: Callable[[], int]) -> None:
    assert len({free_port() for _ in range(20)}) == 20
