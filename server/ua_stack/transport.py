"""Connections: bytes in, chunks out, each request answered in its order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable
from typing import TYPE_CHECKING, cast

from asyncua import ua

from certs.verdict import Verdict
from server.ua_stack.frames import FrameBuffer, TransportError
from server.ua_stack.processor import GatewayProcessor
from server.ua_stack.secure_channel.limits import BUFFER, KNOWN_PEER, MOST_CHUNKS
from server.ua_stack.secure_channel.messages import acknowledge, error_message, read_hello
from server.ua_stack.secure_channel.opening import RenewalRate

if TYPE_CHECKING:
    from server.ua_stack.listener import GatewayListener

_log = logging.getLogger("plantspace.endpoint")
_MOST_WAITING = 64
"""Chunks that wait while a request is worked on; then no more is read of the connection."""
_MOST_WAITING_BYTES = 256 * 1024
"""Bytes of them."""
_SLICE = 0.002
"""Seconds for which one connection's requests are answered before others have their turn."""
_CLOSES_WITHIN = 5.0
"""Seconds that a client has to read what is still to be sent when its connection is closed."""


class GatewayProtocol(asyncio.Protocol):
    """A connection. What can be answered at once is answered when it comes; the rest waits its turn."""

    def __init__(self, listener: GatewayListener) -> None:
        """Begin without a transport."""
        self._listener = listener
        self._channels = listener.channels
        self.complaints = listener.complaints
        self.transport: asyncio.Transport | None = None
        self.peer_name: object = None
        self.address = ""
        self.channel = self._channels.new_channel("")
        self.processor: GatewayProcessor | None = None
        self.over = asyncio.Event()
        """Set once nothing is left of it."""
        self._frames = FrameBuffer(BUFFER)
        self._waiting: deque[bytes | Awaitable[bool | None]] = deque()
        self._waiting_bytes = 0
        self._arrived = asyncio.Event()
        self._at_work = False
        self._paused = False
        self._greeted = False
        self._renewals = RenewalRate()
        self._task: asyncio.Task[None] | None = None
        self._closing: asyncio.TimerHandle | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}

    @property
    def is_known(self) -> bool:
        """Whether a session was activated on it."""
        return self.channel.is_known

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, if there is a place."""
        self.transport = cast("asyncio.Transport", transport)
        self.peer_name = transport.get_extra_info("peername")
        self.address = str(self.peer_name[0]) if isinstance(self.peer_name, tuple) and self.peer_name else ""
        self.channel.peer = self.address
        self._listener.clients.append(self)
        try:
            self._channels.admission.enter(self)
        except TransportError as error:
            self._end(error)
            return
        limits = self._channels.limits
        self.processor = GatewayProcessor(self._listener.server, self.transport, self.channel)
        self._task = asyncio.create_task(self._work_off(), name=f"connection from {self.address}")
        self._set_timer("open", limits.opens_within, self._needs_channel)
        self._set_timer("activate", limits.activates_within, self._needs_session)

    def data_received(self, data: bytes) -> None:
        """Answer the chunks that are whole now, or let them wait behind what is worked on."""
        until = time.monotonic() + _SLICE
        try:
            for frame in self._frames.feed(data):
                if self._closing is not None:
                    return
                if self._at_work or self._waiting or time.monotonic() > until:
                    self._waiting.append(frame)
                    self._waiting_bytes += len(frame)
                    continue
                later = self._take(frame)
                if later is not None:
                    self._waiting.append(later)
        except Exception as error:  # noqa: BLE001 - one connection's fault is its own
            self._failed(error)
            return
        if self._waiting:
            self._arrived.set()
            many = len(self._waiting) > _MOST_WAITING or self._waiting_bytes > _MOST_WAITING_BYTES
            if many and not self._paused and self.transport is not None:
                self._paused = True
                self.transport.pause_reading()

    def connection_lost(self, exc: BaseException | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Let go."""
        for one in self._waiting:
            if not isinstance(one, bytes):
                one.close()  # type: ignore[attr-defined]  # a coroutine that was never begun
        self._waiting.clear()
        if self._closing is not None:
            self._closing.cancel()
        for timer in self._timers.values():
            timer.cancel()
        if self._task is not None:
            self._task.cancel()
        self._channels.admission.leave(self)
        if self.processor is not None:
            self.processor.connection_lost()
        self._channels.closed(self.channel)
        with contextlib.suppress(ValueError):
            self._listener.clients.remove(self)
        self.over.set()

    def turn_out(self, why: str) -> None:
        """End it at once: its place is needed, or its time is over."""
        self.complaints.warn("the connection from %s is closed: %s", self.peer_name, why)
        if self.transport is not None:
            self.transport.abort()

    @property
    def client_chain(self) -> list[bytes]:
        """The certificate that the client proved to own and its issuers, DER; empty where there is none."""
        return self.channel.client_chain

    def distrust(self, verdict: Verdict) -> None:
        """End it, since the client's certificate is trusted no longer."""
        self.channel.distrusted = verdict
        self._end(TransportError(int(getattr(ua.StatusCodes, verdict.told)), f"its certificate: {verdict}"))

    def _take(self, frame: bytes) -> Awaitable[bool | None] | None:
        """Answer a chunk, or give what answers it. Raises :class:`TransportError`."""
        processor, kind = self.processor, frame[:3]
        if processor is None:  # there was no place for it
            return None
        if kind == b"MSG":
            message = self.channel.open_message(frame)
            return None if message is None else processor.receive(*message)
        if (kind == b"HEL") is self._greeted:
            raise TransportError(ua.StatusCodes.BadTcpMessageTypeInvalid, "Hello comes first, and once")
        if kind == b"OPN":
            return self._open(frame)
        if kind == b"CLO":
            self.channel.open_message(frame)
            self.leave()
            return None
        self._greet(frame)
        return None

    def _greet(self, frame: bytes) -> None:
        hello = read_hello(frame)
        self._greeted = True
        self.channel.greeted(hello)
        if self.transport is not None:
            sizes = min(hello.send, BUFFER), min(hello.receive, BUFFER)
            self.transport.write(acknowledge(*sizes, KNOWN_PEER, MOST_CHUNKS))

    async def _open(self, frame: bytes) -> bool:
        """Open or renew the channel; it lives until its last token ends (Part 4 v1.05 5.6.2.1)."""
        answer = await self._channels.open(self.channel, frame, self._renewals)
        if self.transport is not None:
            self.transport.write(answer)
        if self.channel.tokens is not None:
            self._set_timer("token", self.channel.tokens.ends - time.monotonic(), self._has_expired)
        return True

    def _set_timer(self, name: str, seconds: float, then: object) -> None:
        before = self._timers.pop(name, None)
        if before is not None:
            before.cancel()
        self._timers[name] = asyncio.get_running_loop().call_later(seconds, then)  # type: ignore[arg-type]  # no arguments

    def _needs_channel(self) -> None:
        if self.channel.tokens is None:
            self.turn_out("no channel was opened in time")

    def _needs_session(self) -> None:
        if not self.is_known:
            self.turn_out("nobody has logged in in time")

    def _has_expired(self) -> None:
        self._end(TransportError(ua.StatusCodes.BadSecureChannelTokenUnknown, "its keys have expired"))

    async def _work_off(self) -> None:
        """Work off what waits."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            until = time.monotonic() + _SLICE
            while self._waiting:
                one = self._waiting.popleft()
                self._at_work = True
                try:
                    if not await self._work(one):
                        return
                finally:
                    self._at_work = False
                if time.monotonic() > until:
                    await asyncio.sleep(0)
                    until = time.monotonic() + _SLICE
            if self._paused and self.transport is not None:
                self._paused = False
                self.transport.resume_reading()

    async def _work(self, one: bytes | Awaitable[bool | None]) -> bool:
        """Answer one; false where the connection is over."""
        try:
            if isinstance(one, bytes):
                self._waiting_bytes -= len(one)
                answering = self._take(one)
            else:
                answering = one
            going_on = answering is None or await answering
        except Exception as error:  # noqa: BLE001 - one connection's fault is its own
            self._failed(error)
            return False
        if going_on is False:
            self.leave()
        return self._closing is None

    def _failed(self, error: Exception) -> None:
        if isinstance(error, TransportError):
            self._end(error)
        else:
            _log.error("a connection from %s failed", self.peer_name, exc_info=error)
            self._end(TransportError(ua.StatusCodes.BadTcpInternalError, "internal error"))

    def leave(self) -> None:
        """Close, with a while for the client to read what is still to be sent; safe twice."""
        if self.transport is not None and self._closing is None:
            self.transport.close()
            self._closing = asyncio.get_running_loop().call_later(_CLOSES_WITHIN, self.transport.abort)

    def _end(self, error: TransportError) -> None:
        """Say why, and close (Part 6 v1.05 7.1.5)."""
        self.complaints.warn("the connection from %s is closed: %s", self.peer_name, error)
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(error_message(error.status))
            self.leave()
