"""A way to a real InfluxDB server that can be slow, refuse, cut off, and speak the write API of 2.x."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qs, urlsplit

from tests.influxdb import InfluxServer


@dataclass(frozen=True)
class Request:
    """What the store asked."""

    path: str
    parameters: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def is_write(self) -> bool:
        return self.path.endswith("/write")

    @property
    def text(self) -> str:
        """The body, unpacked."""
        packed = self.headers.get("content-encoding") == "gzip"
        return (gzip.decompress(self.body) if packed else self.body).decode()


@dataclass
class InfluxProxy:
    """Passes requests on to ``server``, each over a connection of its own.

    ``answer`` may give the bytes of a whole HTTP answer in the server's place; ``delay`` is waited before a write;
    ``after`` is told of each request that the server has answered, and gives False to keep the answer back and cut the
    connection.
    """

    server: InfluxServer
    delay: float = 0.0
    answer: Callable[[Request], bytes | None] = lambda _: None
    after: Callable[[Request], bool] = lambda _: True
    prefix: str = ""
    requests: list[Request] = field(default_factory=list[Request])
    url: str = ""
    _tasks: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])

    @asynccontextmanager
    async def listening(self, context: ssl.SSLContext | None = None) -> AsyncGenerator[Self]:
        listener = await asyncio.start_server(self._begin, "127.0.0.1", 0, ssl=context)
        port = listener.sockets[0].getsockname()[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{port}"
        try:
            yield self
        finally:
            listener.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await listener.wait_closed()

    @property
    def writes(self) -> list[Request]:
        return [request for request in self.requests if request.is_write]

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.append(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._converse(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass  # the store has gone
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)
            }
            target = urlsplit(head[0].split(" ")[1])
            parameters = {name: values[0] for name, values in parse_qs(target.query).items()}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            request = Request(target.path, parameters, headers, body)
            self.requests.append(request)
            if request.is_write and self.delay:
                await asyncio.sleep(self.delay)  # the slowness itself
            given = self.answer(request)
            answer = await self._forward(request) if given is None else given
            if not self.after(request):
                return
            writer.write(answer)
            await writer.drain()

    async def _forward(self, request: Request) -> bytes:
        parameters, path = request.parameters, request.path.removeprefix(self.prefix)
        if path == "/api/v2/write":  # what 1.8 does itself: a bucket is a database
            path, parameters = "/write", {"db": parameters["bucket"], "precision": parameters["precision"]}
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        reader, writer = await asyncio.open_connection(self.server.host, self.server.port)
        kept = {name: request.headers[name] for name in ("content-type", "content-encoding") if name in request.headers}
        lines = [f"POST {path}?{query} HTTP/1.1", "Host: influx", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in kept.items()] + [f"Content-Length: {len(request.body)}"]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + request.body)
        answer = await reader.read(-1)
        writer.close()
        await writer.wait_closed()
        return answer


def reply(status: str, body: str = "", **headers: str) -> bytes:
    """Make an HTTP answer; ``headers`` with _ for -."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body.encode())}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()
