"""A secure channel to another server, as its client: short, bounded in bytes, and nothing runs beside it.

Seam: asyncua's ``SecureConnection`` does the cryptography. What the peer sends is read by our own decoder: a discovery
server is trusted to list servers, not to decide how much memory the gateway takes.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from struct import Struct
from typing import Any, Final

from asyncua import ua
from asyncua.common.connection import SecureConnection, TransportLimits
from asyncua.common.utils import Buffer
from asyncua.crypto.uacrypto import InvalidSignature
from asyncua.ua.ua_binary import header_from_binary
from cryptography.exceptions import InvalidSignature as WrongSignature

from core.errors import PlantspaceError
from core.time import now
from server.address_space.decoding import Cursor, DecodingError
from server.address_space.encoding import encode_bytes, encode_node_id, encode_string
from server.address_space.keys import numeric_key
from server.ua_stack.discovery.settings import host_and_port

_BUFFER: Final = 65_535
_LEAST_BUFFER: Final = 8192
_MOST_CHUNKS: Final = 16
_LARGEST: Final = _MOST_CHUNKS * _BUFFER
_HEADER: Final = Struct("<3scI")
_HELLO: Final = Struct("<IIIII")
_ACKNOWLEDGE: Final = Struct("<IIIII")
_REQUEST: Final = Struct("<qIIiI3s")
"""Timestamp, RequestHandle, ReturnDiagnostics, AuditEntryId's length, TimeoutHint, AdditionalHeader."""
_OPENING: Final = Struct("<III")
"""ClientProtocolVersion, RequestType and MessageSecurityMode of OpenSecureChannel (Part 4 v1.05 5.6.2)."""
_LIFETIME: Final = 60_000
"""Milliseconds: a channel is for one request."""
_LEAST_STRING: Final = 4
_CLOSES_WITHIN: Final = 1.0
_ids = ua.ObjectIds


class PeerError(PlantspaceError):
    """The other server cannot be reached, or what it sends is not what was asked for."""


class PeerFault(PeerError):  # noqa: N818 - the name is the message's: ServiceFault
    """The other server refuses a request; ``status`` is why."""

    def __init__(self, status: int) -> None:
        """Keep the StatusCode."""
        self.status = status
        super().__init__(f"it answers {ua.StatusCode(ua.UInt32(status)).name}")


class PeerChannel:
    """An open channel. Every method raises :class:`PeerError`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, policy: Any) -> None:
        """``policy``: asyncua's SecurityPolicy, made for this peer."""
        self._reader = reader
        self._writer = writer
        self._limits = TransportLimits(_BUFFER, _BUFFER, _MOST_CHUNKS, _LARGEST)
        self._channel = SecureConnection(policy, self._limits)
        self._request = 0

    async def ask(self, kind: int, body: bytes) -> Cursor:
        """Send a request's parameters; give a cursor on the response's. ``kind``: the NodeId of the encoding."""
        await self._send(kind, body, ua.MessageType.SecureMessage)
        return await self._answer()

    async def open(self, url: str) -> None:
        """Greet, and open the channel (Part 6 v1.05 7.1.2.3, 6.7.4)."""
        text = encode_string(url)
        self._writer.write(
            _HEADER.pack(b"HEL", b"F", _HEADER.size + _HELLO.size + len(text))
            + _HELLO.pack(0, _BUFFER, _BUFFER, _LARGEST, _MOST_CHUNKS)
            + text
        )
        self._acknowledged(await self._frame(b"ACK"))
        policy: Any = self._channel.security_policy
        nonce = secrets.token_bytes(policy.secure_channel_nonce_length)
        issue = int(ua.SecurityTokenRequestType.Issue)
        body = _OPENING.pack(0, issue, int(policy.Mode)) + encode_bytes(nonce or None) + _LIFETIME.to_bytes(4, "little")
        await self._send(_ids.OpenSecureChannelRequest_Encoding_DefaultBinary, body, ua.MessageType.SecureOpen)
        answer = await self._answer()
        try:
            answer.uint32()  # ServerProtocolVersion
            token = ua.ChannelSecurityToken()
            token.ChannelId, token.TokenId = ua.UInt32(answer.uint32()), ua.UInt32(answer.uint32())
            answer.int64()  # CreatedAt
            token.RevisedLifetime = ua.UInt32(answer.uint32())
            params = ua.OpenSecureChannelResult(SecurityToken=token, ServerNonce=answer.bytes() or b"")
        except DecodingError as error:
            raise PeerError(str(error)) from None
        if len(params.ServerNonce) != policy.secure_channel_nonce_length:
            message = f"its nonce has {len(params.ServerNonce)} bytes"
            raise PeerError(message)
        self._channel.set_channel(params, ua.SecurityTokenRequestType.Issue, nonce)

    async def close(self) -> None:
        """Say that the channel is over, and close the connection, whatever the peer does."""
        try:
            async with asyncio.timeout(_CLOSES_WITHIN):
                if self._channel.is_open():
                    kind = int(_ids.CloseSecureChannelRequest_Encoding_DefaultBinary)
                    await self._send(kind, b"", ua.MessageType.SecureClose)
                self._writer.close()
                await self._writer.wait_closed()
        except (PeerError, OSError, TimeoutError):
            self._writer.transport.abort()

    async def _send(self, kind: int, body: bytes, message_type: Any) -> None:
        self._request += 1
        message = b"".join(
            (
                encode_node_id(numeric_key(0, kind)),
                encode_node_id(0),  # no AuthenticationToken: there is no session
                _REQUEST.pack(now(), self._request, 0, -1, 0, bytes(3)),
                body,
            )
        )
        encode = self._channel.message_to_binary
        try:  # in a thread: a signature with 4096 bits takes longer than the loop may stand still
            data = await asyncio.to_thread(encode, message, message_type, self._request)
        except (ValueError, ua.UaError) as error:
            message_ = f"no message can be made for it: {error}"
            raise PeerError(message_) from error
        self._writer.write(data)
        await self._writer.drain()

    async def _answer(self) -> Cursor:
        """Read one whole message, and its ResponseHeader (Part 4 v1.05 7.33)."""
        whole: Any = None
        while whole is None:
            frame = await self._frame(b"OPN", b"MSG")
            whole = await asyncio.to_thread(self._opened, frame)
        body = whole.body()
        cursor = Cursor(bytes(body.read(len(body))))
        try:
            kind = cursor.node_id()
            cursor.int64()  # Timestamp
            cursor.uint32()  # RequestHandle
            status = cursor.uint32()
            if cursor.byte():
                message = "it sends diagnostics that were not asked for"
                raise PeerError(message)
            for _ in range(cursor.count(_LEAST_STRING)):
                cursor.bytes()
            cursor.node_id()  # AdditionalHeader
            if cursor.byte():
                cursor.bytes()
        except DecodingError as error:
            raise PeerError(str(error)) from None
        if status or kind == int(_ids.ServiceFault_Encoding_DefaultBinary):
            raise PeerFault(status or int(ua.StatusCodes.BadUnexpectedError))
        return cursor

    def _opened(self, frame: bytes) -> Any:
        body = Buffer(frame)
        try:
            return self._channel.receive_from_header_and_body(header_from_binary(body), body)
        except (InvalidSignature, WrongSignature):
            message = "its signature does not hold"
        except Exception as error:  # noqa: BLE001 - asyncua's decoder raises whatever hostile bytes lead it to
            message = f"it sends what makes no sense: {error!r}"
        raise PeerError(message)

    def _acknowledged(self, frame: bytes) -> None:
        if len(frame) != _HEADER.size + _ACKNOWLEDGE.size:
            message = "its Acknowledge is of the wrong size"
            raise PeerError(message)
        _, receive, *_ = _ACKNOWLEDGE.unpack_from(frame, _HEADER.size)
        if receive < _LEAST_BUFFER:
            message = f"it takes {receive} bytes at once, and {_LEAST_BUFFER} is the least"
            raise PeerError(message)
        self._limits.max_send_buffer = min(_BUFFER, int(receive))

    async def _frame(self, *kinds: bytes) -> bytes:
        """Read one chunk of one of these kinds; an Error message is raised."""
        try:
            head = await self._reader.readexactly(_HEADER.size)
            kind, _, size = _HEADER.unpack(head)
            if not _HEADER.size < size <= _BUFFER or kind not in (*kinds, b"ERR"):
                message = f"it sends {head[:4]!r} of {size} bytes"
                raise PeerError(message)
            frame = head + await self._reader.readexactly(size - _HEADER.size)
        except asyncio.IncompleteReadError:
            message = "it has closed the connection"
            raise PeerError(message) from None
        if kind == b"ERR":
            raise PeerFault(int.from_bytes(frame[8:12], "little"))
        return frame


@asynccontextmanager
async def peer_channel(url: str, policy: Any) -> AsyncGenerator[PeerChannel]:
    """Connect to a server and open a channel; it is closed at the end, however that comes.

    The time that this takes is bounded by the caller. Raises :class:`PeerError`.
    """
    host, port = host_and_port(url)
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError as error:
        message = f"cannot connect: {error.strerror or error}"
        raise PeerError(message) from error
    channel = PeerChannel(reader, writer, policy)
    try:
        await channel.open(url)
        yield channel
    except OSError as error:
        message = f"the connection broke: {error.strerror or error}"
        raise PeerError(message) from error
    finally:
        await channel.close()
