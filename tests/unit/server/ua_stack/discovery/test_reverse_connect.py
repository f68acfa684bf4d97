"""Connections to clients that listen: one waits always, none is left behind, nobody is hammered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from struct import pack

import pytest
from asyncua import ua

from core.backoff import Backoff
from server.ua_stack.discovery import reverse_connect
from server.ua_stack.discovery.reverse_connect import ReverseConnect
from server.ua_stack.discovery.reverse_hello import reverse_hello
from server.ua_stack.discovery.settings import ReverseConnectSettings
from tests.waiting import until

HELLO = b"HELF\x08\x00\x00\x00"
NAMES = ("urn:gw-1", "opc.tcp://gw-1:4840")


class Served(asyncio.Protocol):
    """Stands in for the endpoint's own protocol: gives back what it gets."""

    def __init__(self, made: list[Served]) -> None:
        self.got = b""
        self.is_lost = False
        self.transport: asyncio.Transport | None = None
        made.append(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        assert self.transport is not None
        self.got += data
        self.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.is_lost = True


class Client:
    """A client that listens; ``streams``: what has come in."""

    def __init__(self) -> None:
        self.streams: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.answer = b""
        self.port = 0
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._came, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _came(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.streams.append((reader, writer))
        if self.answer:
            writer.write(self.answer)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for _, writer in self.streams:
            writer.transport.abort()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()


@pytest.fixture
async def client(free_port: Callable[[], int]) -> AsyncIterator[Client]:
    made = Client()
    await made.start(free_port())  # nobody takes it while the client does not listen
    yield made
    await made.stop()


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reverse_connect, "_PACE", 0.0)


def asked(url: str, longest_wait: str, connections: int = 4) -> ReverseConnectSettings:
    return ReverseConnectSettings.model_validate({"url": url, "longest_wait": longest_wait, "connections": connections})


def reversed_to(client: Client, made: list[Served], connections: int = 4) -> ReverseConnect:
    settings = asked(f"opc.tcp://127.0.0.1:{client.port}", "50ms", connections)
    return ReverseConnect([settings], lambda: Served(made), lambda: NAMES)


async def test_a_client_that_greets_is_served_and_another_connection_waits(client: Client) -> None:
    made: list[Served] = []
    reverse = reversed_to(client, made)
    await reverse.start()
    (health,) = reverse.health
    await until(lambda: client.streams)
    reader, writer = client.streams[0]
    expected = reverse_hello(*NAMES)
    assert await reader.readexactly(len(expected)) == expected
    await until(lambda: health.waiting)
    writer.write(HELLO[:3])
    writer.write(HELLO[3:] + b"more")
    assert await reader.readexactly(12) == HELLO + b"more"
    writer.write(b"again")
    assert await reader.readexactly(5) == b"again"
    assert made[0].got == HELLO + b"moreagain"
    await until(lambda: len(client.streams) == 2 and health.waiting)
    assert (health.open, health.greeted, health.error) == (1, 1, "")
    await reverse.stop()
    await reverse.stop()
    assert made[0].is_lost
    assert await reader.read() == b""
    assert await client.streams[1][0].read() == expected
    assert (health.open, health.waiting) == (0, False)


async def test_connections_to_one_client_are_limited(client: Client) -> None:
    made: list[Served] = []
    client.answer = HELLO
    reverse = reversed_to(client, made, connections=3)
    await reverse.start()
    (health,) = reverse.health
    await until(lambda: health.open == 3)
    assert (len(client.streams), health.waiting) == (3, False)
    client.streams[0][1].close()
    await until(lambda: len(client.streams) == 4 and health.open == 3)
    assert sum(one.is_lost for one in made) == 1
    await reverse.stop()


def error(status: int, reason: bytes) -> bytes:
    return b"ERRF" + pack("<IIi", 16 + len(reason), status, len(reason)) + reason


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (error(ua.StatusCodes.BadTcpServerTooBusy, b"full"), "BadTcpServerTooBusy (full)"),
        (b"MSGF\x08\x00\x00\x00", "no Hello"),
        (b"GET / HTTP/1.1\r\n", "no Hello"),
        (b"\x16\x03\x01\x02", "no Hello"),
    ],
)
async def test_whoever_does_not_greet_is_left_and_tried_again(client: Client, answer: bytes, told: str) -> None:
    made: list[Served] = []
    client.answer = answer
    reverse = reversed_to(client, made)
    await reverse.start()
    (health,) = reverse.health
    await until(lambda: health.failures >= 3)
    assert told in health.error
    assert not made
    assert health.open == 0
    await until(lambda: len(client.streams) > 3)
    client.answer = HELLO
    await until(lambda: health.greeted)
    await until(lambda: not health.error)
    await reverse.stop()


async def test_an_error_that_comes_in_pieces_is_read_whole(client: Client) -> None:
    reverse = reversed_to(client, [])
    await reverse.start()
    await until(lambda: client.streams)
    for byte in error(ua.StatusCodes.BadTcpServerTooBusy, b"full"):
        client.streams[0][1].write(bytes((byte,)))
        await client.streams[0][1].drain()
    (health,) = reverse.health
    await until(lambda: health.failures)
    assert health.error == "it answers BadTcpServerTooBusy (full)"
    await reverse.stop()


async def test_an_error_that_has_no_end_is_not_waited_for(client: Client) -> None:
    client.answer = b"ERRF\xff\xff\xff\x7f" + bytes(8000)
    reverse = reversed_to(client, [])
    await reverse.start()
    (health,) = reverse.health
    await until(lambda: health.failures)
    await reverse.stop()


async def test_names_that_are_too_long_are_told(client: Client) -> None:
    settings = [asked(f"opc.tcp://127.0.0.1:{client.port}", "50ms")]
    reverse = ReverseConnect(settings, lambda: Served([]), lambda: ("urn:" + "x" * 5000, "opc.tcp://gw-1:4840"))
    await reverse.start()
    (health,) = reverse.health
    await until(lambda: health.failures >= 2)
    assert "4096 bytes" in health.error
    await reverse.stop()


async def test_a_client_that_comes_later_is_found(client: Client) -> None:
    await client.stop()
    made: list[Served] = []
    reverse = reversed_to(client, made)
    await reverse.start()
    (health,) = reverse.health
    await until(lambda: health.failures >= 2)
    assert "cannot connect" in health.error
    await client.start(client.port)
    await until(lambda: health.waiting)
    await reverse.stop()


async def test_a_client_that_closes_and_does_not_greet_is_not_hammered(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    plain = Backoff.next

    def kept(backoff: Backoff) -> float:
        backoff.random.seed(len(waits))  # once in some hundred runs, chance alone would make all of them short
        waits.append(plain(backoff))
        return 0.0

    monkeypatch.setattr(Backoff, "next", kept)
    reverse = ReverseConnect(
        [asked(f"opc.tcp://127.0.0.1:{client.port}", "60s")],
        lambda: Served([]),
        lambda: NAMES,
    )
    await reverse.start()
    for number in range(8):
        await until(lambda number=number: len(client.streams) > number)
        client.streams[number][1].close()
    (health,) = reverse.health
    await until(lambda: len(waits) >= 8)
    assert "closes the connection" in health.error
    assert max(waits[4:]) > 1.0
    assert all(wait <= 60.0 for wait in waits)
    await reverse.stop()


async def test_stop_before_start_and_amid_a_try(client: Client) -> None:
    reverse = reversed_to(client, [])
    await reverse.stop()
    await reverse.start()
    await reverse.stop()


def refusing(made: list[Served]) -> Callable[[], asyncio.Protocol]:
    """Give what makes protocols that close at once, as an endpoint with too many connections does."""

    class Full(Served):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            transport.close()

        def data_received(self, data: bytes) -> None:
            raise AssertionError(data)

    return lambda: Full(made)


async def test_an_endpoint_that_is_full_gets_no_data(client: Client) -> None:
    made: list[Served] = []
    client.answer = HELLO
    settings = asked(f"opc.tcp://127.0.0.1:{client.port}", "50ms")
    reverse = ReverseConnect([settings], refusing(made), lambda: NAMES)
    await reverse.start()
    await until(lambda: sum(one.is_lost for one in made) >= 2)
    await reverse.stop()
