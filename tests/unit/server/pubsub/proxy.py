"""A TCP proxy in front of a broker that loses, holds back and counts what the broker answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from tests.broker import Broker

PUBLISH = 3
PUBACK = 4

Judge = Callable[[int, bytes], bool]


class Proxy:
    """``keep`` decides for each packet of the broker, by its type and bytes, whether the client gets it."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.port = 0
        self.connections = 0
        self.keep: Judge = lambda _kind, _packet: True
        self.flowing = asyncio.Event()
        self.flowing.set()
        """While cleared, nothing of the broker's gets through."""
        self.published = 0
        self.acknowledged = 0
        self.most_in_flight = 0
        self._ends: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Break every connection."""
        for end in self._ends:
            end.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        there, there_writer = await asyncio.open_connection(self._broker.host, self._broker.port)
        self.published = self.acknowledged = 0
        ends = {writer, there_writer}
        self._ends |= ends
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry(reader, there_writer, self._outward))
                group.create_task(self._carry(there, writer, self._inward))
        except* (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._ends -= ends
            for end in ends:
                end.close()
                with contextlib.suppress(OSError):
                    await end.wait_closed()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, judge: Judge) -> None:
        while True:
            packet = await _packet(reader)
            if judge == self._inward:
                await self.flowing.wait()
            if judge(packet[0] >> 4, packet):
                writer.write(packet)
                await writer.drain()

    def _outward(self, kind: int, _packet: bytes) -> bool:
        if kind == PUBLISH:
            self.published += 1
            self.most_in_flight = max(self.most_in_flight, self.published - self.acknowledged)
        return True

    def _inward(self, kind: int, packet: bytes) -> bool:
        kept = self.keep(kind, packet)
        self.acknowledged += kept and kind == PUBACK
        return kept


async def _packet(reader: asyncio.StreamReader) -> bytes:
    """Read one MQTT packet: a byte, a length in base 128, the rest."""
    head = await reader.readexactly(1)
    length = shift = 0
    while True:
        byte = await reader.readexactly(1)
        head += byte
        length |= (byte[0] & 0x7F) << shift
        shift += 7
        if not byte[0] & 0x80:
            return head + await reader.readexactly(length)


@asynccontextmanager
async def proxied(broker: Broker) -> AsyncGenerator[Proxy]:
    """A proxy while the test lasts."""
    proxy = Proxy(broker)
    serving: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        with contextlib.suppress(OSError):
            await proxy.serve(reader, writer)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.flowing.set()
        while serving:  # one may just be on its way to the broker
            proxy.cut()
            _, serving = await asyncio.wait(serving, timeout=0.05)
        await server.wait_closed()
