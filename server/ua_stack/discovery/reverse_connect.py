"""Reverse connect: the gateway connects to clients that cannot, or may not, connect to it (Part 6 v1.05 7.1.3).

Once a client greets, its connection is served as if the client had made it: the same channels, log-ins and limits.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from core.backoff import Backoff
from server.ua_stack.discovery.reverse_hello import ReverseConnection, reverse_hello
from server.ua_stack.discovery.settings import ReverseConnectSettings, host_and_port

_log = logging.getLogger("plantspace.discovery")
_FIRST_WAIT: Final = 1.0
_CONNECTS_WITHIN: Final = 20.0
_PACE: Final = 0.5
"""Seconds between two connections to one client at least, however eagerly it greets and leaves."""
_PATIENT: Final = 5.0
"""Seconds that a client has kept a connection which is there and only needs none now: it is tried again soon."""
_KEEP_ALIVE: Final = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}
"""A connection may wait for days; one whose client is gone is noticed within two minutes."""


@dataclass(slots=True)
class ReverseHealth:
    """For Diagnostics. ``waiting``: whether a connection waits for the client; ``open``: those that it has greeted on.

    ``greeted`` and ``failures`` only grow. ``error``: empty while all is well.
    """

    url: str
    waiting: bool = False
    open: int = 0
    greeted: int = 0
    failures: int = 0
    error: str = ""


class ReverseConnect:
    """Keeps one connection waiting at each client."""

    def __init__(
        self,
        settings: Sequence[ReverseConnectSettings],
        make_protocol: Callable[[], asyncio.Protocol],
        identity: Callable[[], tuple[str, str]],
    ) -> None:
        """``make_protocol``: makes what serves a client; ``identity``: gives ApplicationUri and EndpointUrl."""
        self._clients = [_Client(one, make_protocol, identity) for one in settings]

    @property
    def health(self) -> tuple[ReverseHealth, ...]:
        """How it goes, by client."""
        return tuple(client.health for client in self._clients)

    async def start(self) -> None:
        """Begin to connect; who is not there holds nobody up."""
        for client in self._clients:
            client.start()

    async def stop(self) -> None:
        """Close all connections. Safe twice and before :meth:`start`."""
        await asyncio.gather(*(client.stop() for client in self._clients))


class _Client:
    """One client that listens."""

    def __init__(
        self,
        settings: ReverseConnectSettings,
        make_protocol: Callable[[], asyncio.Protocol],
        identity: Callable[[], tuple[str, str]],
    ) -> None:
        self._settings = settings
        self._make_protocol = make_protocol
        self._identity = identity
        self._backoff = Backoff(first=min(_FIRST_WAIT, settings.longest_wait), longest=settings.longest_wait)
        self._open: set[ReverseConnection] = set()
        self._room = asyncio.Semaphore(settings.connections)
        self._task: asyncio.Task[None] | None = None
        self.health = ReverseHealth(settings.url)

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"reverse connect {self._settings.url}")

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        going = tuple(self._open)
        for connection in going:
            connection.close()
        await asyncio.gather(*(connection.over for connection in going))

    async def _run(self) -> None:
        while True:
            await self._room.acquire()
            connection = await self._connect()
            if connection is None:
                self._room.release()
                await asyncio.sleep(self._backoff.next())
                continue
            self.health.waiting = True
            since = time.monotonic()
            try:
                await asyncio.wait((connection.greeted, connection.over), return_when=asyncio.FIRST_COMPLETED)
            finally:
                self.health.waiting = False
            if connection.greeted.done():
                self._greeted()
                await asyncio.sleep(_PACE)
            else:
                self._failed(connection.over.result() or "it closes the connection and does not greet")
                if time.monotonic() - since > _PATIENT:
                    self._backoff.reset()
                await asyncio.sleep(self._backoff.next())

    async def _connect(self) -> ReverseConnection | None:
        """Connect and say ReverseHello; None, and told, where that cannot be done."""
        host, port = host_and_port(self._settings.url)
        try:
            hello = reverse_hello(*self._identity())
            async with asyncio.timeout(_CONNECTS_WITHIN):
                transport, connection = await asyncio.get_running_loop().create_connection(
                    lambda: ReverseConnection(hello, self._make_protocol), host, port
                )
        except TimeoutError:
            self._failed(f"it does not answer within {_CONNECTS_WITHIN:g} s")
            return None
        except (OSError, ValueError) as error:
            self._failed(f"cannot connect: {getattr(error, 'strerror', None) or error}")
            return None
        _keep_alive(transport.get_extra_info("socket"))
        self._open.add(connection)
        connection.over.add_done_callback(lambda _: self._ended(connection))
        return connection

    def _greeted(self) -> None:
        health = self.health
        if health.error or not health.greeted:
            _log.info("the client at %s has taken a connection that the gateway made", health.url)
        health.greeted += 1
        health.error = ""
        self._count()
        self._backoff.reset()

    def _ended(self, connection: ReverseConnection) -> None:
        self._open.discard(connection)
        self._room.release()
        self._count()

    def _count(self) -> None:
        self.health.open = sum(one.greeted.done() for one in self._open)

    def _failed(self, reason: str) -> None:
        health = self.health
        health.failures += 1
        if reason != health.error:
            _log.warning("no client at %s takes a connection, and it is tried again: %s", health.url, reason)
        health.error = reason


def _keep_alive(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, seconds in _KEEP_ALIVE.items():
        if hasattr(socket, name):  # not every system has all of them
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), seconds)
