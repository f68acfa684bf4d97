"""The HTTP endpoint: GET /metrics and nothing else (RFC 9110, RFC 9112), for few clients at a time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Final

from core.errors import PlantspaceError
from server.metrics.exposition import OPENMETRICS, PROMETHEUS, Family
from server.metrics.scrape import Scrape
from server.metrics.settings import MetricsSettings

_log = logging.getLogger("plantspace.metrics")

MOST_CONNECTIONS: Final = 8
WITHIN: Final = 5.0
"""Seconds for a request to come, and for its answer to be taken."""
_LONGEST_HEAD: Final = 8192


class MetricsError(PlantspaceError):
    """The endpoint cannot be opened; the message says why."""


class MetricsEndpoint:
    """Answers with ``families``, at most a second old. One request a connection; what is beyond the bounds is hung up.

    Where there are too many connections, the oldest one that has not asked for anything yet makes room.
    """

    def __init__(self, settings: MetricsSettings, families: Callable[[], Iterable[Family]]) -> None:
        """Listen nowhere yet."""
        self._settings = settings
        self._scrape = Scrape(families, time.monotonic)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._silent: dict[asyncio.Task[None], None] = {}
        """Connections that have not sent a whole request yet, the oldest first."""
        self._answered = 0
        """Those that have, and are being answered."""

    @property
    def url(self) -> str:
        """Where it is served; known once started."""
        host, port = self._settings.address
        if self._server is not None and self._server.sockets:
            port = self._server.sockets[0].getsockname()[1]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/metrics"

    async def start(self) -> None:
        """Listen. Raises :class:`MetricsError`."""
        host, port = self._settings.address
        try:
            self._server = await asyncio.start_server(self._connected, host, port, limit=_LONGEST_HEAD)
        except OSError as error:
            message = (
                f"metrics cannot be served at {self._settings.listen}: {error.strerror or error} (metrics: listen:)"
            )
            raise MetricsError(message) from error
        _log.info("metrics are served at %s", self.url)

    async def stop(self) -> None:
        """Listen no more, and hang up. Safe twice and before :meth:`start`."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or not self._has_room():
            writer.transport.abort()
            return
        self._tasks.add(task)
        self._silent[task] = None
        has_asked = False
        try:
            async with asyncio.timeout(WITHIN):
                head = await reader.readuntil(b"\r\n\r\n")
                self._silent.pop(task, None)
                has_asked = True
                self._answered += 1
                writer.write(await self._answer(head))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            writer.transport.abort()
        except Exception:  # noqa: BLE001 - a number that cannot be had must not end the endpoint
            _log.exception("metrics could not be answered")
            writer.transport.abort()
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._tasks.discard(task)
            self._silent.pop(task, None)
            self._answered -= has_asked

    def _has_room(self) -> bool:
        """Tell whether one more connection may be, for which a silent one may have to go."""
        if len(self._silent) + self._answered >= MOST_CONNECTIONS and self._silent:
            oldest = next(iter(self._silent))
            del self._silent[oldest]
            oldest.cancel()
        return len(self._silent) + self._answered < MOST_CONNECTIONS

    async def _answer(self, head: bytes) -> bytes:
        line, *fields = head.decode("latin-1").split("\r\n")
        method, _, rest = line.partition(" ")
        target, _, protocol = rest.partition(" ")
        if not protocol.startswith("HTTP/1."):
            return _response(HTTPStatus.BAD_REQUEST)
        if target.partition("?")[0] != "/metrics":
            return _response(HTTPStatus.NOT_FOUND)
        if method not in {"GET", "HEAD"}:
            return _response(HTTPStatus.METHOD_NOT_ALLOWED, fields="Allow: GET, HEAD\r\n")
        openmetrics = any(
            name.strip().casefold() == "accept" and "application/openmetrics-text" in value
            for name, _, value in (field.partition(":") for field in fields)
        )
        body = await self._scrape.text(openmetrics=openmetrics)
        return _response(HTTPStatus.OK, body, OPENMETRICS if openmetrics else PROMETHEUS, only_head=method == "HEAD")


def _response(
    status: HTTPStatus, body: bytes = b"", kind: str = "text/plain", *, fields: str = "", only_head: bool = False
) -> bytes:
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        f"Cache-Control: no-store\r\nConnection: close\r\n{fields}\r\n"
    )
    return head.encode() + (b"" if only_head else body)
