"""Sends what the trail has kept to a syslog receiver. The trail itself never waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

from core.backoff import Backoff
from core.time import Clock, SystemClock
from server.address_space.extents import DecodingError
from server.audit.entry import read_entry
from server.audit.syslog import LARGEST, framed, lost_message, message_of
from server.audit.syslog_target import SyslogTarget
from server.audit.trail_file import Written

_log = logging.getLogger("plantspace.audit")
ROOM: Final = 10_000
"""Records that wait for the receiver; of more than that the oldest are passed over, and their number is told."""
_PER_TURN: Final = 20
"""Records that are written as messages before others have their turn on the loop."""
_CONNECTS_WITHIN: Final = 10.0


class _Link(Protocol):
    """A way to the receiver."""

    async def send(self, messages: Sequence[bytes]) -> None:
        """Send; raises :class:`OSError` when the receiver is gone."""
        ...

    async def close(self) -> None:
        """Let go of it."""
        ...


class SyslogForwarder:
    """Hears of what is written (:meth:`AuditTrail.on_written`) and forwards it in order.

    Syslog has no acknowledgements: what a receiver loses after it has taken it, nobody is told. The ``sequence`` in
    each message shows gaps.
    """

    def __init__(
        self,
        target: SyslogTarget,
        gateway: str,
        *,
        tls: ssl.SSLContext | None = None,
        host: str | None = None,
        clock: Clock | None = None,
        room: int = ROOM,
    ) -> None:
        """Forward to ``target``; ``tls``: for ``tls://``, the system's authorities if None. ``host``: ours."""
        self.target = target
        self.forwarded = 0
        self.lost = 0
        """Records that there was no room for while the receiver was away."""
        self._gateway = gateway
        self._host = host or socket.gethostname()
        self._tls = tls
        self._clock: Clock = clock or SystemClock()
        self._room = room
        self._waiting: deque[Written] = deque()
        self._untold = 0
        self._wake = asyncio.Event()
        self._backoff = Backoff(0.5, longest=60.0)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._link: _Link | None = None
        self._told = ""

    async def start(self) -> None:
        """Begin to forward; the receiver need not be there."""
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._run(), name="audit-syslog")

    async def stop(self) -> None:
        """End, whatever waits; safe twice and before :meth:`start`."""
        task, self._task = self._task, None
        self._loop = None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self._unlink()

    def offer(self, written: Sequence[Written]) -> None:
        """Take records; may be called on any thread."""
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop was closed just now
                loop.call_soon_threadsafe(self._take, written)

    @property
    def waiting(self) -> int:
        """How many records wait for the receiver."""
        return len(self._waiting)

    def _take(self, written: Sequence[Written]) -> None:
        self._waiting.extend(written)
        over = len(self._waiting) - self._room
        for _ in range(over):
            self._waiting.popleft()
        if over > 0:
            self.lost += over
            self._untold += over
        self._wake.set()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                try:
                    await self._forward()
                except OSError as error:
                    await self._unlink()
                    self._tell(error)
                    await asyncio.sleep(self._backoff.next())

    async def _forward(self) -> None:
        if self._link is None:
            async with asyncio.timeout(_CONNECTS_WITHIN):  # TimeoutError is an OSError
                self._link = await _connect(self.target, self._tls)
        lost = self._untold
        part = [self._waiting[place] for place in range(min(len(self._waiting), _PER_TURN))]
        largest = LARGEST[self.target.transport]
        messages = [lost_message(lost, self._clock.now(), self._host, self._gateway, largest)] if lost else []
        messages += [message for one in part if (message := self._message(one, largest)) is not None]
        await self._link.send(messages)
        self._untold -= lost
        last = part[-1].sequence
        while self._waiting and self._waiting[0].sequence <= last:  # some may have been passed over meanwhile
            self._waiting.popleft()
        self.forwarded += len(part)
        self._backoff.reset()
        if self._told:
            self._told = ""
            _log.info("audit records are forwarded to %s again", self.target)

    def _message(self, written: Written, largest: int) -> bytes | None:
        try:
            return message_of(read_entry(written.record, written.hash), self._host, self._gateway, largest)
        except DecodingError as error:
            _log.error("audit record %d cannot be forwarded: %s", written.sequence, error)
            return None

    async def _unlink(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    def _tell(self, error: OSError) -> None:
        reason = str(error) or type(error).__name__
        if reason != self._told:
            self._told = reason
            _log.warning("audit records cannot be forwarded to %s: %s", self.target, reason)


async def _connect(target: SyslogTarget, tls: ssl.SSLContext | None) -> _Link:
    if target.transport == "udp":
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(_Datagrams, remote_addr=(target.host, target.port))
        return _Udp(transport)
    context = None
    if target.transport == "tls":
        context = tls or ssl.create_default_context()
    reader, writer = await asyncio.open_connection(target.host, target.port, ssl=context)
    return _Tcp(reader, writer)


class _Datagrams(asyncio.DatagramProtocol):
    """Nothing comes back; that a port is closed is not told, as RFC 5426 has no answers."""


class _Udp:
    def __init__(self, transport: asyncio.DatagramTransport) -> None:
        self._transport = transport

    async def send(self, messages: Sequence[bytes]) -> None:
        for one in messages:
            self._transport.sendto(one)
        await asyncio.sleep(0)

    async def close(self) -> None:
        self._transport.close()
        await asyncio.sleep(0)


class _Tcp:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._ended = asyncio.create_task(_until_end(reader), name="audit-syslog-end")

    async def send(self, messages: Sequence[bytes]) -> None:
        if self._ended.done():
            message = "the receiver closed the connection"
            raise ConnectionResetError(message)
        self._writer.write(b"".join(map(framed, messages)))
        await self._writer.drain()

    async def close(self) -> None:
        self._ended.cancel()
        await asyncio.gather(self._ended, return_exceptions=True)
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


async def _until_end(reader: asyncio.StreamReader) -> None:
    """Read what a receiver should not send, until it closes."""
    with contextlib.suppress(OSError):
        while await reader.read(4096):
            pass
