from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from server.pubsub.mqtt.racing import race


def _addresses(monkeypatch: pytest.MonkeyPatch, *hosts: str) -> None:
    look_up = socket.getaddrinfo

    def known(host: str, *rest: Any, **more: Any) -> list[Any]:
        del host
        return [found for name in hosts for found in look_up(name, *rest, **more)]

    monkeypatch.setattr(socket, "getaddrinfo", known)


async def test_the_first_that_answers_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        # The first never answers, as behind a firewall: TEST-NET-1 of RFC 5737 leads nowhere.
        _addresses(monkeypatch, "192.0.2.1", "127.0.0.9", "127.0.0.1")
        async with asyncio.timeout(30):
            made = await race("broker.plant.example", server.getsockname()[1])
        assert made.getpeername()[0] == "127.0.0.1"
        made.close()


async def test_none_that_answers_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    _addresses(monkeypatch, "127.0.0.1", "127.0.0.2")
    with pytest.raises(ConnectionRefusedError):
        await race("broker.plant.example", port)
    _addresses(monkeypatch)
    with pytest.raises(OSError, match="has no address"):
        await race("broker.plant.example", port)


async def test_whenever_it_is_stopped_no_socket_is_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        for turns in range(12):
            racing = asyncio.create_task(race("127.0.0.1", server.getsockname()[1]))
            for _ in range(turns):
                await asyncio.sleep(0)
            racing.cancel()
            outcome = (await asyncio.gather(racing, return_exceptions=True))[0]
            if isinstance(outcome, socket.socket):
                outcome.close()
