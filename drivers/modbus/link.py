"""One Modbus TCP connection: frames out, frames in, each reply to the request it belongs to.

The MODBUS Messaging on TCP/IP guide V1.0b, 3.1.3: a frame is transaction id, protocol id 0, length, unit id, PDU.
Requests are sent by the callback that takes the reply before, so that a scan wakes its task once and not for each
request; the numbers are in docs/decisions/0005-modbus-transport.md.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Sequence
from typing import cast

from core.errors import ConnectionLost
from drivers.contract import DriverCounters
from drivers.modbus.pdu import Request

_HEADER = struct.Struct(">HHHB")
_COUNTED_FROM = 6
"""A frame's length counts from its unit id."""
_SHORTEST, _LONGEST = 3, 254
"""Unit id, function and one byte; unit id and a PDU of 253 bytes."""
_TRANSACTIONS = 65_536


class Exchange:
    """Requests and what came back: ``replies`` (None: no answer in time), ``times`` of arrival in DateTime ticks.

    ``silent`` is the index of the request that ran out of time, or None; requests after it may never have been sent.
    """

    __slots__ = ("answered", "done", "replies", "requests", "sent", "silent", "times")

    def __init__(self, requests: Sequence[Request], done: asyncio.Future[None]) -> None:
        """Begin with nothing sent."""
        self.requests = requests
        self.replies: list[bytes | None] = [None] * len(requests)
        self.times = [0] * len(requests)
        self.sent = 0
        self.answered = 0
        self.silent: int | None = None
        self.done = done


class Link(asyncio.Protocol):
    """An open connection to one unit. Made by :func:`open_link`; owned by the driver."""

    def __init__(
        self, unit: int, in_flight: int, timeout: float, counters: DriverCounters, now: Callable[[], int]
    ) -> None:
        """Keep up to ``in_flight`` requests on the way; wait ``timeout`` seconds for the next reply."""
        self._unit = unit
        self._in_flight = in_flight
        self._timeout = timeout
        self._counters = counters
        self._now = now
        self._loop = asyncio.get_running_loop()
        self._turn = asyncio.Lock()
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._waiting = b""
        self._transaction = 0
        self._pending: dict[int, int] = {}
        self._exchange: Exchange | None = None
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._problem = "the device closed the connection"

    async def exchange(self, requests: Sequence[Request]) -> Exchange:
        """Send the requests in their order and gather the replies; ends when a reply is overdue.

        Exchanges of several tasks follow each other. Raises :class:`~core.errors.ConnectionLost`.
        """
        async with self._turn:
            if self._transport is None or self._transport.is_closing():
                raise ConnectionLost(self._problem)
            exchange = Exchange(requests, self._loop.create_future())
            if not requests:
                return exchange
            self._exchange = exchange
            self._deadline = self._loop.time() + self._timeout
            self._send(exchange)
            self._timer = self._loop.call_at(self._deadline, self._look_at_clock, exchange)
            try:
                await exchange.done
            finally:
                self._timer.cancel()
                self._exchange = None
                self._pending.clear()
            return exchange

    async def close(self) -> None:
        """Drop the connection at once: what a silent peer never acknowledged must not keep the socket."""
        if self._transport is not None:
            self._problem = "the connection was closed"
            self._transport.abort()
            await asyncio.shield(self._gone)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what waits."""
        if exc is not None:
            self._problem = f"the connection broke: {exc}"
        if not self._gone.done():
            self._gone.set_result(None)
        if self._exchange is not None and not self._exchange.done.done():
            self._exchange.done.set_exception(ConnectionLost(self._problem))

    def data_received(self, data: bytes) -> None:
        """Take the whole frames that have arrived, and keep the rest for later."""
        if self._waiting:
            data = self._waiting + data
        start, arrived = 0, len(data)
        received = self._now()
        while arrived - start >= _HEADER.size:
            transaction, protocol, length, unit = _HEADER.unpack_from(data, start)
            if protocol or not _SHORTEST <= length <= _LONGEST:
                self._lose_step()
                return
            end = start + _COUNTED_FROM + length
            if end > arrived:
                break
            self._take(transaction, unit, data[start + _HEADER.size : end], received)
            start = end
        self._waiting = data[start:]
        if self._exchange is not None:
            self._go_on(self._exchange)

    def _take(self, transaction: int, unit: int, pdu: bytes, received: int) -> None:
        index = self._pending.get(transaction)
        exchange = self._exchange
        if index is None or exchange is None or unit != self._unit:
            self._counters.late_replies += 1
            return
        del self._pending[transaction]
        self._counters.requests += 1  # when it ends, so that a supervisor sees each reply as progress
        exchange.replies[index] = pdu
        exchange.times[index] = received
        exchange.answered += 1
        self._deadline = self._loop.time() + self._timeout

    def _go_on(self, exchange: Exchange) -> None:
        if exchange.answered == len(exchange.requests):
            if not exchange.done.done():
                exchange.done.set_result(None)
        elif exchange.sent < len(exchange.requests) and len(self._pending) < self._in_flight:
            self._send(exchange)

    def _send(self, exchange: Exchange) -> None:
        """Send as many requests as may be on the way."""
        frames: list[bytes] = []
        last = min(len(exchange.requests), exchange.sent + self._in_flight - len(self._pending))
        for index in range(exchange.sent, last):
            self._transaction = (self._transaction + 1) % _TRANSACTIONS
            pdu = exchange.requests[index].pdu
            frames.append(_HEADER.pack(self._transaction, 0, len(pdu) + 1, self._unit) + pdu)
            self._pending[self._transaction] = index
        exchange.sent = last
        assert self._transport is not None  # noqa: S101 - an exchange begins on an open transport
        self._transport.write(b"".join(frames))

    def _look_at_clock(self, exchange: Exchange) -> None:
        """End the exchange when the reply is overdue; a reply that came meanwhile has moved the deadline."""
        if exchange.done.done():
            return
        if self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._look_at_clock, exchange)
            return
        self._counters.requests += len(self._pending)
        exchange.silent = min(self._pending.values())
        exchange.done.set_result(None)

    def _lose_step(self) -> None:
        """Give up a stream in which the beginnings of frames can no longer be told."""
        self._counters.bus_errors += 1
        self._problem = "the device sent what is no Modbus TCP frame"
        self._waiting = b""
        assert self._transport is not None  # noqa: S101 - data comes from a transport
        self._transport.abort()


async def open_link(
    host: str,
    port: int,
    *,
    unit: int,
    in_flight: int,
    timeout: float,  # noqa: ASYNC109 - also how long each reply is waited for
    counters: DriverCounters,
    now: Callable[[], int],
) -> Link:
    """Connect within ``timeout`` seconds. Raises :class:`~core.errors.ConnectionLost`."""
    loop = asyncio.get_running_loop()
    where = f"tcp://{host}:{port}"
    try:
        async with asyncio.timeout(timeout):
            _, link = await loop.create_connection(lambda: Link(unit, in_flight, timeout, counters, now), host, port)
    except TimeoutError as error:
        problem = f"{where} did not accept a connection within {timeout:g} s"
        raise ConnectionLost(problem, mend="check address, cable and firewall") from error
    except OSError as error:
        problem = f"{where} cannot be reached: {error.strerror or error}"
        raise ConnectionLost(problem, mend="check address and port, and that the device is on") from error
    return link
