"""A connection that the gateway opens to a client, until the client greets (Part 6 v1.05 7.1.3)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from struct import Struct
from struct import error as struct_error
from typing import Final, cast

from asyncua import ua

from server.address_space.encoding import encode_string

_HEADER: Final = Struct("<3scI")
_ERROR: Final = Struct("<8xIi")
"""StatusCode and the Reason's length (Part 6 v1.05 7.1.2.5)."""
_LONGEST: Final = 4096
"""Bytes of a ReverseHello's Strings, and of an Error's Reason."""
_KIND: Final = 4
"""Bytes of a message's header that say what it is."""


def reverse_hello(server_uri: str, endpoint_url: str) -> bytes:
    """Write the ReverseHello. Raises :class:`ValueError` where a String is longer than 4 096 bytes."""
    body = encode_string(server_uri) + encode_string(endpoint_url)
    if max(len(server_uri.encode()), len(endpoint_url.encode())) > _LONGEST:
        message = "a ReverseHello names URIs of at most 4096 bytes"
        raise ValueError(message)
    return _HEADER.pack(b"RHE", b"F", _HEADER.size + len(body)) + body


def told_error(frame: bytes) -> str:
    """Say what a client's Error message says, in one printable line; ``frame``: as far as it came."""
    try:
        status, length = _ERROR.unpack_from(frame)
    except struct_error:
        return "it says nothing of why"
    reason = frame[_ERROR.size : _ERROR.size + max(0, min(length, _LONGEST))].decode(errors="replace")
    name = ua.StatusCode(ua.UInt32(status)).name
    return f"it answers {name}{f' ({ascii(reason)[1:-1]})' if reason else ''}"


class ReverseConnection(asyncio.Protocol):
    """Says ReverseHello and waits; once the client greets, the endpoint's own protocol has the connection.

    ``greeted`` and ``over`` are done, in this order if both: the client sent Hello; the connection has ended.
    What was wrong is the result of ``over``: empty where nothing was.
    """

    def __init__(self, hello: bytes, make_protocol: Callable[[], asyncio.Protocol]) -> None:
        """``hello``: the ReverseHello; ``make_protocol``: makes what serves a client."""
        loop = asyncio.get_running_loop()
        self.greeted: asyncio.Future[None] = loop.create_future()
        self.over: asyncio.Future[str] = loop.create_future()
        self._hello = hello
        self._make_protocol = make_protocol
        self._transport: asyncio.Transport | None = None
        self._served: asyncio.Protocol | None = None
        self._held = b""
        self._fault = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say who calls."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._hello)

    def data_received(self, data: bytes) -> None:
        """Hand a Hello on, with all that follows; anything else ends the connection."""
        if self._served is not None:
            self._served.data_received(data)
            return
        self._held += data
        if len(self._held) < _KIND or self._transport is None:
            return
        if self._held.startswith(b"HELF"):
            self._serve(self._transport)
        elif not self._held.startswith(b"ERRF"):
            self._end(f"it answers with {self._held[:_KIND]!r}, which is no Hello")
        elif len(self._held) >= _HEADER.size:
            _, _, size = _HEADER.unpack_from(self._held)
            if len(self._held) >= min(size, _ERROR.size + _LONGEST):
                self._end(told_error(self._held))

    def eof_received(self) -> bool | None:
        """Close as the client does."""
        return self._served.eof_received() if self._served is not None else None

    def pause_writing(self) -> None:
        """Pass it on."""
        if self._served is not None:
            self._served.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        if self._served is not None:
            self._served.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits."""
        if self._held.startswith(b"ERRF") and not self._fault:
            self._fault = told_error(self._held)
        if not self.over.done():
            self.over.set_result(self._fault or str(getattr(exc, "strerror", None) or exc or ""))
        if self._served is not None:
            self._served.connection_lost(exc)

    def close(self) -> None:
        """Close it; what the client does not read is not waited for."""
        transport = self._transport
        if transport is None:
            return
        if self._served is None or transport.get_write_buffer_size():
            transport.abort()
        else:
            transport.close()

    def _serve(self, transport: asyncio.Transport) -> None:
        data, self._held = self._held, b""
        served = self._served = self._make_protocol()
        if not self.greeted.done():
            self.greeted.set_result(None)
        served.connection_made(transport)
        if not transport.is_closing():
            served.data_received(data)

    def _end(self, fault: str) -> None:
        self._fault = fault
        if self._transport is not None:
            self._transport.abort()
