"""Bytes to and from a broker: TCP or TLS, dialled on the event loop. A thread reads the files of TLS, and none else."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from typing import Final, Protocol

from core.errors import StoreUnavailable
from core.tls_files import client_context
from server.pubsub.mqtt.racing import race
from server.pubsub.mqtt.settings import BrokerSettings

_HIGH_WATER: Final = 256 * 1024
"""Bytes that wait in the transport before :attr:`Wire.paused`; what is more waits where it can still be reordered."""
_READ: Final = 8 * 1024
"""Bytes read in one turn of the loop: as many small packets as are understood within a few milliseconds."""
_QUICKACK: Final[int | None] = getattr(socket, "TCP_QUICKACK", None)
"""Brokers leave Nagle's algorithm on: a PUBACK then waits for TCP to acknowledge the one before, which takes 40 ms."""
CLOSES_WITHIN: Final = 1.0
"""Seconds that a far side has to take what is left and to close."""


class Receiver(Protocol):
    """Who reads from a wire. Nothing here may raise."""

    def arrived(self, data: bytes) -> None:
        """Take bytes of the stream."""
        ...

    def writable(self) -> None:
        """Learn that :attr:`Wire.paused` is false again."""
        ...

    def ended(self, reason: str) -> None:
        """Learn that nothing comes any more, once; ``reason`` is empty where this side ended it."""
        ...


class Wire(asyncio.BufferedProtocol):
    """One connection. ``paused``: the far side is slower than we are; more may be written, but should wait."""

    def __init__(self, receiver: Receiver) -> None:
        """Prepare for one connection; ``receiver`` gets what comes."""
        self.receiver = receiver
        self.paused = False
        self.lost = False
        self._loop = asyncio.get_running_loop()
        self.sent = self.received = self._loop.time()
        """When bytes went and came last, by the loop's clock."""
        self._rests: asyncio.TimerHandle | None = None
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._socket: socket.socket | None = None
        self._buffer = memoryview(bytearray(_READ))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; called by the loop."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what create_connection makes
        transport.set_write_buffer_limits(high=_HIGH_WATER)
        self._transport = transport
        self._socket = transport.get_extra_info("socket")

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the loop's guess is larger than what is good
        """Say where bytes are to go; called by the loop."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Learn that there are bytes; called by the loop."""
        self.received = self._loop.time()
        self.take(bytes(self._buffer[:nbytes]))
        if _QUICKACK is not None and self._socket is not None:  # anew each time, and after what was written meanwhile
            self._socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)

    def take(self, data: bytes) -> None:
        """Take bytes of the connection: they are those of the stream."""
        self.receiver.arrived(data)

    def pause_writing(self) -> None:
        """Learn that the far side is slow; called by the loop."""
        self.paused = True

    def resume_writing(self) -> None:
        """Learn that it has caught up; called by the loop."""
        self.paused = False
        self.receiver.writable()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the end; called by the loop."""
        self.lost = True
        if self._rests is not None:
            self._rests.cancel()
        if not self._gone.done():
            self._gone.set_result(None)
        self.receiver.ended(f"the connection broke: {said(exc)}" if exc else "the broker closed the connection")

    def write(self, data: bytes) -> None:
        """Send bytes; nothing happens after the end."""
        if self._transport is not None and not self.lost:
            self.sent = self._loop.time()
            self._transport.write(data)

    def rest(self, seconds: float) -> None:
        """Read nothing for a moment, so that what comes in small pieces is read at one go."""
        if self._transport is not None and self._rests is None and not self.lost:
            self._transport.pause_reading()
            self._rests = self._loop.call_later(seconds, self._read_on)

    def _read_on(self) -> None:
        self._rests = None
        if self._transport is not None and not self.lost:
            self._transport.resume_reading()

    def abort(self) -> None:
        """End at once."""
        if self._transport is not None and not self.lost:
            self._transport.abort()

    async def close(self) -> None:
        """End once the far side has taken what was written, or does not within :data:`CLOSES_WITHIN`."""
        if self._transport is None:
            return
        if not self.lost:
            if self._rests is not None:  # or it would not hear that the far side has closed
                self._rests.cancel()
                self._read_on()
            self._transport.close()
        await asyncio.wait((self._gone,), timeout=CLOSES_WITHIN)
        self.abort()
        await self._gone

    async def open(self, _settings: BrokerSettings) -> None:
        """Do what comes between the connection and the first packet: nothing."""


async def dial(settings: BrokerSettings, wire: Wire) -> None:
    """Connect ``wire``, racing the host's addresses; bounded by whoever calls.

    Raises:
        StoreUnavailable: It cannot be; the message says where and why.
    """
    address = settings.address
    loop = asyncio.get_running_loop()
    try:
        context = await asyncio.to_thread(_context, settings) if address.secure else None
        dialled = await race(address.host, address.port)
        name = (settings.server_name or address.host) if context else None
        await loop.create_connection(lambda: wire, sock=dialled, ssl=context, server_hostname=name)
        await wire.open(settings)
    except (OSError, ValueError) as error:
        wire.abort()
        message = f"{where(settings)} cannot be reached: {said(error)}"
        raise StoreUnavailable(message) from error
    except BaseException:
        wire.abort()
        raise


def _context(settings: BrokerSettings) -> ssl.SSLContext:
    """Read the files of TLS anew, for each link; blocks."""
    context = client_context(settings)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.alpn:
        context.set_alpn_protocols([settings.alpn])
    return context


def where(settings: BrokerSettings) -> str:
    """Name the broker by host and port."""
    address = settings.address
    return f"[{address.host}]:{address.port}" if ":" in address.host else f"{address.host}:{address.port}"


def said(error: BaseException) -> str:
    """Give an error's own words, as the system says them where it is the system's."""
    if isinstance(error, OSError) and error.strerror:
        is_systems = not isinstance(error, ssl.SSLError | socket.gaierror)
        return os.strerror(error.errno) if is_systems and error.errno else error.strerror
    return str(error) or type(error).__name__
