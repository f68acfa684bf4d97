"""A Modbus TCP device for measuring: every read of a block gives its float32 registers a value one higher.

So a subscriber can tell from the values alone whether any sample was lost. ``python -m bench.modbus_source PORT``.
"""

from __future__ import annotations

import asyncio
import struct
import sys

_HEADER = struct.Struct(">HHHBBHH")
_REPLY = struct.Struct(">HHHBBB")
_REQUEST = 12


class Source(asyncio.Protocol):
    """One connection; the counters belong to the device."""

    counts: dict[int, int] = {}  # noqa: RUF012 - shared on purpose: the device's registers

    def __init__(self) -> None:
        """Begin without a connection."""
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = transport  # type: ignore[assignment]  # a TCP server's transport is a Transport

    def data_received(self, data: bytes) -> None:
        """Answer every whole request."""
        self._buffer += data
        replies: list[bytes] = []
        while len(self._buffer) >= _REQUEST:
            transaction, _, _, unit, function, start, count = _HEADER.unpack_from(self._buffer)
            self._buffer = self._buffer[_REQUEST:]
            value = Source.counts.get(start, 0) + 1
            Source.counts[start] = value
            body = struct.pack(">f", float(value % 1_000_000)) * (count // 2) + b"\0\0" * (count % 2)
            replies.append(_REPLY.pack(transaction, 0, 3 + len(body), unit, function, len(body)) + body)
        if replies and self._transport is not None:
            self._transport.write(b"".join(replies))


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Source, "127.0.0.1", port)
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
