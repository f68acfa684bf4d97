"""Garbage on a port, as fast as one wants: ``python -m bench.garbage URL BYTES_A_SECOND SECONDS``; prints JSON.

Each connection sends one kind until it is closed, then another comes: random bytes; a Hello and random bytes; chunks of
a message that never ends; and on an open channel of None, whole messages that make no sense.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import sys
import time
from collections.abc import Iterator
from itertools import cycle
from struct import pack, unpack_from
from urllib.parse import urlparse

_BLOCK = 65_536
_AT_ONCE = 8
_PART = 60_000
_LASTS = 0.25
"""Seconds of a connection that is not closed before: others have their turn."""
_URL = b"opc.tcp://localhost"
_HELLO = b"HELF" + pack("<IIIIIIi", 32 + len(_URL), 0, 65_535, 65_535, 0, 0, len(_URL)) + _URL
_NONE = b"http://opcfoundation.org/UA/SecurityPolicy#None"
_KINDS = ("random", "hello", "unfinished", "messages")


def _open() -> bytes:
    """Give an OpenSecureChannel request without security (Part 6 v1.05 6.7.2)."""
    header = pack("<i", len(_NONE)) + _NONE + pack("<ii", -1, -1) + pack("<II", 1, 1)
    body = b"\x01\x00" + pack("<H", 446) + b"\x00\x00" + pack("<qIIiI", 0, 1, 0, -1, 0) + b"\x00\x00\x00"
    body += pack("<IIIiI", 0, 0, 1, -1, 3_600_000)
    return b"OPNF" + pack("<II", 12 + len(header) + len(body), 0) + header + body


class _Flood:
    """Counts what was sent, and keeps to a rate over all connections."""

    def __init__(self, rate: float, seconds: float) -> None:
        self.rate = rate
        self.began = time.monotonic()
        self.until = self.began + seconds
        self.sent = 0
        self.connections = 0

    async def pace(self, count: int) -> bool:
        """Wait until so much may be sent; tell whether there is time for it."""
        self.sent += count
        ahead = self.began + self.sent / self.rate - time.monotonic()
        if ahead > 0:
            await asyncio.sleep(ahead)
        return time.monotonic() < self.until


def _chunks(kind: bytes, token: bytes) -> Iterator[bytes]:
    sequence = 2
    junk = secrets.token_bytes(_PART)
    while True:
        yield b"MSG" + kind + pack("<I", 24 + _PART) + token + pack("<II", sequence, 2) + junk
        sequence += 1


async def _connection(flood: _Flood, host: str, port: int, kind: str) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    flood.connections += 1
    try:
        blocks: Iterator[bytes] = iter(lambda: secrets.token_bytes(_BLOCK), b"")
        if kind != "random":
            writer.write(_HELLO)
            await reader.readexactly(28)
        if kind in ("unfinished", "messages"):
            writer.write(_open())
            head = await reader.readexactly(8)
            answer = await reader.readexactly(unpack_from("<I", head, 4)[0] - 8)
            token = answer[-20 - 4 : -20 + 4]  # ChannelId and TokenId, before CreatedAt, lifetime and an empty nonce
            blocks = _chunks(b"C" if kind == "unfinished" else b"F", token)
        over = time.monotonic() + _LASTS
        while await flood.pace(_BLOCK) and not reader.at_eof() and time.monotonic() < over:
            writer.write(next(blocks))
            await writer.drain()
            if writer.transport.get_write_buffer_size() == 0 and kind == "messages":
                while len(reader._buffer) > _BLOCK:  # type: ignore[attr-defined]  # noqa: SLF001 - what was answered is thrown away
                    await reader.read(_BLOCK)
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _run(url: str, rate: float, seconds: float) -> None:
    parts = urlparse(url)
    flood, kinds = _Flood(rate, seconds), cycle(_KINDS)

    async def attack() -> None:
        while time.monotonic() < flood.until:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await _connection(flood, parts.hostname or "", parts.port or 0, next(kinds))

    await asyncio.gather(*(attack() for _ in range(_AT_ONCE)))
    elapsed = time.monotonic() - flood.began
    told = {"sent_mb_per_second": flood.sent / elapsed / 1e6, "connections": flood.connections, "seconds": elapsed}
    print(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(_run(sys.argv[1], float(sys.argv[2]), float(sys.argv[3])))
