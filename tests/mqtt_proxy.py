"""A TCP proxy between an MQTT client and its broker: it loses acknowledgements, stalls, delays, throttles and cuts.

    async with mqtt_proxy(broker.port) as proxy:
        proxy.drop_pubacks = 3          # every third PUBACK never arrives; or a predicate of the packet
        proxy.stalled = True            # nothing passes either way (stalled_up, stalled_down: one way)
        proxy.bytes_per_second = 50_000
        proxy.delay = 0.1               # seconds, each way
        proxy.refusing = True           # new connections are closed at once
        proxy.cut()                     # every connection breaks

Everything may be changed at any moment. *Up* is to the broker, *down* to the client. Packets are forwarded whole; with
TLS or WebSocket pass ``opaque=True``: then bytes are forwarded and nothing is looked into.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

PUBLISH = 3
PUBACK = 4

Judge = Callable[[int, bytes], bool]
"""Whether a packet of this type gets through."""

_CHUNK = 1 << 16
_HELD = 256
"""Chunks that wait for their time in each direction; more than these wait in the sender's socket."""


def _pass(_kind: int, _packet: bytes) -> bool:
    return True


class MqttProxy:
    """See the module. Counters are over all connections unless they say otherwise."""

    def __init__(self, port: int, host: str, *, opaque: bool) -> None:
        self.broker_port = port
        self.broker_host = host
        self.opaque = opaque
        self.port = 0
        self.drop_pubacks: int | Callable[[bytes], bool] | None = None
        self.keep_up: Judge = _pass
        """Which packets of the client get through."""
        self.keep_down: Judge = _pass
        """Which packets of the broker get through."""
        self.bytes_per_second: float | None = None
        self.delay = 0.0
        self.refusing = False
        self.connections = 0
        self.bytes_up = 0
        self.published = 0
        """PUBLISH packets that the client sent."""
        self.acknowledged = 0
        """PUBACK packets that reached the client."""
        self.dropped = 0
        """PUBACK packets that did not."""
        self.in_flight = 0
        """PUBLISH packets less PUBACKs on the newest connection, as the client sees it."""
        self.most_in_flight = 0
        self._flowing = {True: asyncio.Event(), False: asyncio.Event()}
        for event in self._flowing.values():
            event.set()
        self._pubacks = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def stalled(self) -> bool:
        return self.stalled_up and self.stalled_down

    @stalled.setter
    def stalled(self, value: bool) -> None:
        self.stalled_up = self.stalled_down = value

    @property
    def stalled_up(self) -> bool:
        return not self._flowing[True].is_set()

    @stalled_up.setter
    def stalled_up(self, value: bool) -> None:
        (self._flowing[True].clear if value else self._flowing[True].set)()

    @property
    def stalled_down(self) -> bool:
        return not self._flowing[False].is_set()

    @stalled_down.setter
    def stalled_down(self, value: bool) -> None:
        (self._flowing[False].clear if value else self._flowing[False].set)()

    def cut(self) -> None:
        """Break every connection."""
        for task in self._tasks:
            task.cancel()

    def begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection."""
        task = asyncio.create_task(self._serve(reader, writer), name="mqtt-proxy")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def end(self) -> None:
        """Break what is open and return when it is gone."""
        while self._tasks:
            self.cut()
            await asyncio.wait(set(self._tasks))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        try:
            if self.refusing:
                return
            self.connections += 1
            self.in_flight = 0
            there, there_writer = await asyncio.open_connection(self.broker_host, self.broker_port)
            ends.append(there_writer)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry(reader, there_writer, up=True))
                group.create_task(self._carry(there, writer, up=False))
        except* (OSError, EOFError):
            pass
        finally:
            for end in ends:
                end.transport.abort()
            for end in ends:
                with contextlib.suppress(OSError):
                    await end.wait_closed()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, up: bool) -> None:
        held: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_HELD)
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._deliver(held, writer, up=up))
            waiting = bytearray()
            while True:
                await self._flowing[up].wait()
                data = await reader.read(_CHUNK)
                if data and not self.opaque:
                    waiting += data
                    data = b"".join(packet for packet in packets_of(waiting) if self._passes(packet, up=up))
                    if not data:
                        continue
                await held.put((loop.time() + self.delay, data))
                if not data:
                    return

    async def _deliver(
        self, held: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter, *, up: bool
    ) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, data = await held.get()
            if not data:
                raise EOFError  # after all that came before it
            if due > loop.time():
                await asyncio.sleep(due - loop.time())  # the delay itself
            while data:
                await self._flowing[up].wait()
                rate = self.bytes_per_second
                piece = data if rate is None else data[: max(1, int(rate / 50))]
                data = data[len(piece) :]
                writer.write(piece)
                self.bytes_up += len(piece) if up else 0
                await writer.drain()
                if rate is not None:
                    await asyncio.sleep(len(piece) / rate)  # the slowness itself

    def _passes(self, packet: bytes, *, up: bool) -> bool:
        kind = packet[0] >> 4
        if up:
            if kind == PUBLISH and self.keep_up(kind, packet):
                self.published += 1
                self.in_flight += bool(packet[0] & 6)
                self.most_in_flight = max(self.most_in_flight, self.in_flight)
                return True
            return kind != PUBLISH and self.keep_up(kind, packet)
        kept = self.keep_down(kind, packet)
        if kind == PUBACK:
            kept = kept and not self._drops(packet)
            self.acknowledged += kept
            self.in_flight -= kept
            self.dropped += not kept
        return kept

    def _drops(self, packet: bytes) -> bool:
        self._pubacks += 1
        rule = self.drop_pubacks
        if rule is None:
            return False
        return rule(packet) if callable(rule) else self._pubacks % rule == 0


def packets_of(waiting: bytearray) -> list[bytes]:
    """Take the whole MQTT packets out of ``waiting``: a byte, a length in base 128, the rest."""
    packets: list[bytes] = []
    begin = 0
    while True:
        length = shift = 0
        at = begin + 1
        while at < len(waiting):
            byte = waiting[at]
            at += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        else:
            break
        if at + length > len(waiting):
            break
        packets.append(bytes(waiting[begin : at + length]))
        begin = at + length
    del waiting[:begin]
    return packets


@asynccontextmanager
async def mqtt_proxy(port: int, host: str = "127.0.0.1", *, opaque: bool = False) -> AsyncGenerator[MqttProxy]:
    """A proxy to the broker at ``port`` while the test lasts."""
    proxy = MqttProxy(port, host, opaque=opaque)
    server = await asyncio.start_server(proxy.begin, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.end()
        await server.wait_closed()
