"""WebSocket against Mosquitto's, and against a server that does what is rare or wrong."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import settings as examples_of
from hypothesis import strategies as st

from core.errors import StoreUnavailable
from server.pubsub.contract import MqttMessage, Subscription
from server.pubsub.mqtt.link import MqttLink
from server.pubsub.mqtt.web_socket import WebSocketWire, masked
from tests.broker import Broker
from tests.mqtt_proxy import mqtt_proxy
from tests.thorough import examples
from tests.unit.server.pubsub.mqtt.links import linked, settings_of
from tests.unit.server.pubsub.mqtt.scripted_broker import CONNACK_V5
from tests.waiting import until

Frames = list[tuple[int, bytes]]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    made = Broker(tmp_path_factory.mktemp("web-socket"), web_socket=())
    made.start()
    try:
        yield made
    finally:
        made.stop()


@pytest.mark.parametrize("protocol", ["mqttv5", "mqttv311"])
async def test_messages_of_any_size_go_both_ways(broker: Broker, protocol: str) -> None:
    got: list[MqttMessage] = []
    async with linked(broker.web_socket_url, protocol=protocol, received=got.append) as link:
        await link.subscribe([Subscription(f"ws/{protocol}")])
        # Mosquitto 2.0 takes a tenth of a second for each 4 KiB that it sends over a WebSocket.
        sizes = [0, 1, 100, 120, 125, 126, 127, 1_000, 4_000, 3]
        flight = link.fly([MqttMessage(f"ws/{protocol}", bytes([size % 256]) * size) for size in sizes])
        await flight.wait()
        await until(lambda: len(got) == len(sizes))
        assert [message.payload for message in got] == [bytes([size % 256]) * size for size in sizes]


async def test_a_cut_is_told(broker: Broker) -> None:
    async with (
        mqtt_proxy(broker.web_socket_port, opaque=True) as proxy,
        linked(f"ws://127.0.0.1:{proxy.port}/mqtt") as link,
    ):
        proxy.cut()
        await until(link.lost.is_set)


@examples_of(max_examples=examples(20, 500), deadline=None)
@given(st.binary(max_size=70), st.binary(min_size=4, max_size=4))
def test_masking_is_byte_by_byte(payload: bytes, mask: bytes) -> None:
    assert masked(payload, mask) == bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


class _Listener:
    """What a wire tells."""

    def __init__(self) -> None:
        self.data = b""
        self.reasons: list[str] = []

    def arrived(self, data: bytes) -> None:
        self.data += data

    def writable(self) -> None:
        """Nothing waits here."""

    def ended(self, reason: str) -> None:
        self.reasons.append(reason)


@examples_of(max_examples=examples(60, 5_000), deadline=None)
@given(
    payloads=st.lists(st.binary(max_size=300), min_size=1, max_size=5),
    cuts=st.lists(st.integers(1, 400), min_size=1, max_size=20),
    damage=st.none() | st.tuples(st.integers(0, 2_000), st.integers(0, 255)),
)
async def test_frames_are_read_however_they_are_cut_and_garbage_is_told(
    payloads: list[bytes], cuts: list[int], damage: tuple[int, int] | None
) -> None:
    listener = _Listener()
    wire = WebSocketWire(listener)
    head = _accept(wire._key.decode()).encode()
    frames = b"".join(_frame(0x82, payload) + _frame(0x89, b"ping") for payload in payloads)
    if damage is not None:
        place = damage[0] % len(frames)
        frames = frames[:place] + bytes([damage[1]]) + frames[place + 1 :]
    data, turn = head + frames, 0
    while data:
        size = cuts[turn % len(cuts)]
        turn += 1
        wire.take(data[:size])
        data = data[size:]
    if damage is None:
        assert (listener.data, listener.reasons) == (b"".join(payloads), [])
    else:
        assert len(listener.reasons) <= 1


class _Server:
    """Accepts one WebSocket after the other. ``answer`` makes the head of the answer from the key."""

    def __init__(self) -> None:
        self.port = 0
        self.frames: Frames = []
        self.head = ""
        self.answer: Callable[[str], str] = _accept
        self.writer: asyncio.StreamWriter | None = None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/some/path"

    def say(self, *frames: bytes) -> None:
        assert self.writer is not None
        self.writer.write(b"".join(frames))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        try:
            self.head = (await reader.readuntil(b"\r\n\r\n")).decode()
            key = self.head.split("Sec-WebSocket-Key: ")[1].split("\r\n")[0]
            writer.write(self.answer(key).encode())
            while True:
                first, length = await reader.readexactly(2)
                assert length & 0x80
                size = length & 0x7F
                if size > 125:
                    size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
                mask = await reader.readexactly(4)
                payload = await reader.readexactly(size)
                self.frames.append((first, masked(payload, mask)))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()


def _accept(key: str, *more: str) -> str:
    digest = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode(), usedforsecurity=False).digest()
    accept = base64.b64encode(digest).decode()
    lines = ["HTTP/1.1 101 Switching", "upgrade: WebSocket", "Connection: keep-alive, Upgrade"]
    lines += [f"Sec-WebSocket-Accept: {accept}", *(more or ["Sec-WebSocket-Protocol: mqtt"])]
    return "\r\n".join(lines) + "\r\n\r\n"


def _frame(first: int, payload: bytes) -> bytes:
    size = len(payload)
    return bytes([first]) + (bytes([size]) if size < 126 else bytes([126]) + size.to_bytes(2, "big")) + payload


@asynccontextmanager
async def _serving() -> AsyncGenerator[_Server]:
    made = _Server()
    tasks: list[asyncio.Task[None]] = []

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.create_task(made.serve(reader, writer)))

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


async def _up(server: _Server, link: MqttLink) -> None:
    connecting = asyncio.create_task(link.connect())
    await until(lambda: server.frames)
    server.say(_frame(0x82, CONNACK_V5))
    await connecting


async def test_frames_in_pieces_pings_and_a_close() -> None:
    got: list[MqttMessage] = []
    async with _serving() as server:
        link = MqttLink(settings_of(server.url), received=got.append)
        await _up(server, link)
        assert server.head.startswith("GET /some/path HTTP/1.1\r\n")
        publish = b"\x30\xd3\x01\x00\x01a\x00" + b"x" * 207
        pieces = [_frame(0x02, publish[:3]), _frame(0x89, b"hello"), _frame(0x00, publish[3:150]), _frame(0x00, b"")]
        data = b"".join([*pieces, _frame(0x80, publish[150:]), _frame(0x8A, b""), _frame(0x82, publish)])
        for place in range(0, len(data), 7):
            server.say(data[place : place + 7])
            await asyncio.sleep(0)
        await until(lambda: len(got) == 2)
        await until(lambda: (0x8A, b"hello") in server.frames)
        server.say(_frame(0x88, b"\x03\xe9going away"))
        await link.lost.wait()
        assert link.reason == "the broker closed the WebSocket: 1001 going away"
        await until(lambda: (0x88, b"\x03\xe9") in server.frames)
        await link.close()


async def test_large_frames_are_sent_whole() -> None:
    async with _serving() as server:
        link = MqttLink(settings_of(server.url))
        await _up(server, link)
        link.fly([MqttMessage("a", b"x" * 70_000, 0)])
        await until(lambda: len(server.frames) > 1)
        assert server.frames[1] == (0x82, b"\x30\xf4\xa2\x04\x00\x01a\x00" + b"x" * 70_000)
        await link.close()


async def test_the_end_is_said() -> None:
    async with _serving() as server:
        link = MqttLink(settings_of(server.url))
        await _up(server, link)
        await link.close()
        await until(lambda: server.frames[-2:] == [(0x82, b"\xe0\x00"), (0x88, b"\x03\xe8")])


@pytest.mark.parametrize(
    "frame",
    [
        _frame(0x81, b"text"),
        _frame(0xC2, b"compressed"),
        _frame(0x80, b"continues nothing"),
        _frame(0x09, b"a ping in pieces"),
        _frame(0x89, b"x" * 126),
        b"\x82\x81\x00\x00\x00\x00x",
        _frame(0x83, b"unknown"),
        b"\x82\x7f" + b"\xff" * 8,
        _frame(0x02, b"\xd0\x00") + _frame(0x82, b"amid another"),
    ],
)
async def test_what_breaks_the_protocol_ends_the_link(frame: bytes) -> None:
    async with _serving() as server:
        link = MqttLink(settings_of(server.url))
        await _up(server, link)
        server.say(frame)
        await link.lost.wait()
        assert "breaks the WebSocket's protocol" in link.reason
        await link.close()


_ANSWERS: list[tuple[Callable[[str], str], str]] = [
    (lambda _: "HTTP/1.1 403 Forbidden\r\n\r\n", "answers the WebSocket's handshake with 'HTTP/1.1 403 Forbidden'"),
    (lambda _: "hello\r\n\r\n", "handshake with 'hello'"),
    (lambda key: _accept(key + "x"), "not one to ours"),
    (lambda key: _accept(key, "Sec-WebSocket-Protocol: chat"), "does not speak the WebSocket subprotocol mqtt"),
    (lambda _: "x" * 20_000, "has no end"),
    (lambda key: _accept(key).replace("upgrade: WebSocket\r\n", ""), "not one to ours"),
]


@pytest.mark.parametrize(("answer", "told"), _ANSWERS)
async def test_an_answer_that_is_none_is_told(answer: Callable[[str], str], told: str) -> None:
    async with _serving() as server:
        server.answer = answer
        link = MqttLink(settings_of(server.url))
        with pytest.raises(StoreUnavailable, match=told):
            await link.connect()
        await link.close()
