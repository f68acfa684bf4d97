"""A broker that says what a test wants it to, right or wrong."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from tests.mqtt_proxy import packets_of

CONNACK_V5 = b"\x20\x03\x00\x00\x00"
CONNACK_V311 = b"\x20\x02\x00\x00"

Answer = Callable[[bytes], bytes | None]
"""What to answer to a packet; None ends the connection."""


class ScriptedBroker:
    """``packets``: what came, whole packets; ``say`` sends to the newest connection."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.packets: list[bytes] = []
        self.connections = 0
        self.url = ""
        self._writer: asyncio.StreamWriter | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def of(self, kind: int) -> list[bytes]:
        """The packets of one type."""
        return [packet for packet in self.packets if packet[0] >> 4 == kind]

    def say(self, data: bytes) -> None:
        assert self._writer is not None
        self._writer.write(data)

    def begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.connections += 1
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        waiting = bytearray()
        try:
            while data := await reader.read(1 << 16):
                waiting += data
                for packet in packets_of(waiting):
                    self.packets.append(packet)
                    answer = self.answer(packet)
                    if answer is None:
                        return
                    writer.write(answer)
        except OSError:
            pass
        finally:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def polite(packet: bytes) -> bytes:
    """Answer as a broker of MQTT 5.0 would."""
    match packet[0] >> 4:
        case 1:
            return CONNACK_V5
        case 3 if packet[0] & 6:
            start = 2 + (packet[1] > 127)
            after = start + 2 + int.from_bytes(packet[start : start + 2], "big")
            return b"\x40\x02" + packet[after : after + 2]
        case 8:
            return b"\x90\x04" + packet[2:4] + b"\x00\x01"
        case 12:
            return b"\xd0\x00"
        case _:
            return b""


@asynccontextmanager
async def scripted(answer: Answer = polite) -> AsyncGenerator[ScriptedBroker]:
    broker = ScriptedBroker(answer)
    server = await asyncio.start_server(broker.begin, "127.0.0.1", 0)
    broker.url = f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield broker
    finally:
        server.close()
        await broker.end()
        await server.wait_closed()
