"""A client down to its bytes: whole messages pipelined, single chunks, and connections that end in the middle."""

# asyncua's side of the channel is untyped, and its annotations call a plain int wrong where it takes one.
# pyright: reportUnknownMemberType=false, reportArgumentType=false, reportPrivateUsage=false
from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from struct import pack
from typing import Any
from urllib.parse import urlparse

from asyncua import ua
from asyncua.common.connection import SecureConnection, TransportLimits
from asyncua.common.utils import Buffer
from asyncua.crypto.security_policies import SecurityPolicyNone
from asyncua.ua.ua_binary import header_from_binary, nodeid_from_binary, struct_from_binary, struct_to_binary

from server.address_space.decoding import Cursor
from server.address_space.encoding import encode_node_id
from server.address_space.keys import numeric_key
from tests.system.raw_requests import Response

WITHIN = 60.0
BUFFER = 65_535


class Wire:
    """One connection over policy None."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.channel = SecureConnection(SecurityPolicyNone(), TransportLimits(BUFFER, BUFFER, 0, 0))
        self.token = ua.NodeId()
        self._request = 0

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def encode(self, kind: int, body: bytes, *, timeout: int = 0) -> bytes:
        """Give a request's chunks; ``kind``: the NodeId of its encoding."""
        header = ua.RequestHeader(AuthenticationToken=self.token, TimeoutHint=timeout)
        self._request += 1
        header.RequestHandle = self._request
        message = encode_node_id(numeric_key(0, kind)) + struct_to_binary(header) + body
        return self.channel.message_to_binary(message, request_id=self._request)

    async def frame(self) -> bytes:
        """Read one chunk."""
        async with asyncio.timeout(WITHIN):
            head = await self.reader.readexactly(8)
            return head + await self.reader.readexactly(int.from_bytes(head[4:], "little") - 8)

    async def answer(self) -> tuple[int, Response]:
        """Read one message; give the RequestHandle and the response."""
        message = b""
        while True:
            frame = await self.frame()
            assert frame[:3] == b"MSG", frame
            message += frame[24:]
            if frame[3:4] == b"F":
                break
        cursor = Cursor(message)
        kind = cursor.node_id()
        cursor.int64()  # Timestamp
        handle = cursor.uint32()
        status = ua.StatusCode(cursor.uint32()).name
        cursor.take(1 + 4 + 3)  # no diagnostics, no strings, no AdditionalHeader
        assert isinstance(kind, int)
        return handle, Response(kind, status, cursor)

    async def ask(self, kind: int, body: bytes) -> Response:
        """Send a request and read its answer."""
        self.send(self.encode(kind, body))
        return (await self.answer())[1]

    async def error(self) -> str:
        """Read the Error message with which the server closes, past whatever was answered before; give its name."""
        while (frame := await self.frame())[:3] != b"ERR":
            pass
        assert frame[:4] == b"ERRF"
        async with asyncio.timeout(WITHIN):
            assert await self.reader.read() == b"", "nothing follows, and the connection is closed"
        return ua.StatusCode(int.from_bytes(frame[8:12], "little")).name

    async def over(self) -> None:
        """Wait until the server has closed the connection, in whichever way."""
        with contextlib.suppress(ConnectionResetError):
            async with asyncio.timeout(WITHIN):
                await self.reader.read()

    async def greet(self, *, receive: int = BUFFER, send: int = BUFFER, largest: int = 0, chunks: int = 0) -> None:
        """Send Hello and read Acknowledge."""
        self.send(self.hello(receive=receive, send=send, largest=largest, chunks=chunks))
        assert (await self.frame())[:4] == b"ACKF"

    @staticmethod
    def hello(*, receive: int = BUFFER, send: int = BUFFER, largest: int = 0, chunks: int = 0) -> bytes:
        url = b"opc.tcp://localhost"
        body = pack("<IIIIIi", 0, receive, send, largest, chunks, len(url)) + url
        return b"HELF" + pack("<I", 8 + len(body)) + body

    async def open_channel(self) -> None:
        """Open the channel."""
        request = ua.OpenSecureChannelRequest()
        request.Parameters.SecurityMode = ua.MessageSecurityMode.None_
        request.Parameters.RequestedLifetime = 3_600_000
        opening: Any = ua.MessageType.SecureOpen
        self.send(self.channel.message_to_binary(struct_to_binary(request), opening))
        body = Buffer(await self.frame())
        told = self.channel.receive_from_header_and_body(header_from_binary(body), body)
        response = struct_from_binary(ua.OpenSecureChannelResponse, told.body())
        self.channel.set_channel(response.Parameters, ua.SecurityTokenRequestType.Issue, b"")

    async def open_session(self, application: str = "urn:test:wire") -> None:
        """Create and activate an anonymous session of an application."""
        params = ua.CreateSessionParameters(RequestedSessionTimeout=60_000)
        params.ClientDescription.ApplicationUri = application
        answer = await self.ask(ua.ObjectIds.CreateSessionRequest_Encoding_DefaultBinary, struct_to_binary(params))
        assert answer.status == "Good"
        answer.body.node_id()
        self.token = nodeid_from_binary(Buffer(answer.body.data[answer.body.at :]))
        await self.activate()

    async def activate(self) -> None:
        """Activate the session whose token is held."""
        params = ua.ActivateSessionParameters()
        params.UserIdentityToken = ua.AnonymousIdentityToken(PolicyId="anonymous")
        answer = await self.ask(ua.ObjectIds.ActivateSessionRequest_Encoding_DefaultBinary, struct_to_binary(params))
        assert answer.status == "Good"

    async def close(self) -> None:
        """Close the socket, whatever is on its way."""
        self.writer.transport.abort()
        await asyncio.gather(self.writer.wait_closed(), return_exceptions=True)


@asynccontextmanager
async def connection(url: str) -> AsyncGenerator[Wire]:
    """Connect a socket; nothing is said yet."""
    parts = urlparse(url)
    wire = Wire(*await asyncio.open_connection(parts.hostname, parts.port))
    try:
        yield wire
    finally:
        await wire.close()


@asynccontextmanager
async def session(url: str, application: str = "urn:test:wire") -> AsyncGenerator[Wire]:
    """Connect, open a channel and a session."""
    async with connection(url) as wire:
        await wire.greet()
        await wire.open_channel()
        await wire.open_session(application)
        yield wire
