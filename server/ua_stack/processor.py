"""Requests that stay encoded: Read, Write and the View services but for one, answered from bytes to bytes.

Seam: the processor that asyncua makes for each connection. What a client asks most often never becomes asyncua's
objects; all other requests go asyncua's way.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from struct import Struct
from typing import Any, NamedTuple

from asyncua import ua
from asyncua.common.utils import Buffer, NotEnoughData, ServiceError
from asyncua.server.binary_server_asyncio import BinaryServer, OPCUAProtocol
from asyncua.server.server import Server
from asyncua.server.uaprocessor import UaProcessor

from core.time import now
from server.address_space.decoding import Cursor, DecodingError
from server.address_space.encoding import encode_array, encode_node_id
from server.address_space.keys import NodeKey, key_of, nodeid_of
from server.ua_stack.sessions import GatewaySession

_log = logging.getLogger("plantspace.endpoint")
_ids = ua.ObjectIds
# A message begins with its type as a NodeId, in our answers one of four bytes (Part 6 v1.05 5.2.2.9).
_RESPONSE = Struct("<BBHqII")
_LEAST_NODE_ID = 2
_REST = b"\x00" + b"\xff\xff\xff\xff" + b"\x00\x00\x00"
"""No diagnostics, no strings, no AdditionalHeader (Part 4 v1.05 7.33)."""

Answer = Callable[[GatewaySession, bytes], Awaitable[bytes]]


class _Service(NamedTuple):
    response: int
    answer: Answer


async def _read(session: GatewaySession, body: bytes) -> bytes:
    return session.server.batch_read.answer(body, session.context)


async def _write(session: GatewaySession, body: bytes) -> bytes:
    return await session.server.writing.answer(body, session.context)


async def _browse(session: GatewaySession, body: bytes) -> bytes:
    return await session.server.views.wire.browse(session.view, body)


async def _browse_next(session: GatewaySession, body: bytes) -> bytes:
    return await session.server.views.wire.browse_next(session.view, body)


async def _register(session: GatewaySession, body: bytes) -> bytes:
    nodes = await session.register_nodes(_node_ids(body))
    return encode_array([encode_node_id(key_of(node)) for node in nodes])


async def _unregister(session: GatewaySession, body: bytes) -> bytes:
    await session.unregister_nodes(_node_ids(body))
    return b""


def _node_ids(body: bytes) -> list[ua.NodeId]:
    cursor = Cursor(body)
    return [nodeid_of(cursor.node_id()) for _ in range(cursor.count(_LEAST_NODE_ID))]


_SERVICES = {
    int(_ids.ReadRequest_Encoding_DefaultBinary): _Service(_ids.ReadResponse_Encoding_DefaultBinary, _read),
    int(_ids.WriteRequest_Encoding_DefaultBinary): _Service(_ids.WriteResponse_Encoding_DefaultBinary, _write),
    int(_ids.BrowseRequest_Encoding_DefaultBinary): _Service(_ids.BrowseResponse_Encoding_DefaultBinary, _browse),
    int(_ids.BrowseNextRequest_Encoding_DefaultBinary): _Service(
        _ids.BrowseNextResponse_Encoding_DefaultBinary, _browse_next
    ),
    int(_ids.RegisterNodesRequest_Encoding_DefaultBinary): _Service(
        _ids.RegisterNodesResponse_Encoding_DefaultBinary, _register
    ),
    int(_ids.UnregisterNodesRequest_Encoding_DefaultBinary): _Service(
        _ids.UnregisterNodesResponse_Encoding_DefaultBinary, _unregister
    ),
}
_FAULT = int(_ids.ServiceFault_Encoding_DefaultBinary)
_WITHOUT_SESSION = frozenset(
    {
        _ids.CreateSessionRequest_Encoding_DefaultBinary,
        _ids.ActivateSessionRequest_Encoding_DefaultBinary,  # asyncua looks for its session itself
        _ids.GetEndpointsRequest_Encoding_DefaultBinary,
        _ids.FindServersRequest_Encoding_DefaultBinary,
        _ids.RegisterServerRequest_Encoding_DefaultBinary,
        _ids.RegisterServer2Request_Encoding_DefaultBinary,
        _ids.CloseSecureChannelRequest_Encoding_DefaultBinary,
    }
)


class _Header(NamedTuple):
    """What is needed of a request's type and RequestHeader (Part 4 v1.05 7.32); ``at``: where its parameters begin."""

    kind: NodeKey
    token: NodeKey
    handle: int
    at: int

    @classmethod
    def read(cls, data: bytes) -> _Header:
        """Read them. Raises :class:`DecodingError`."""
        cursor = Cursor(data)
        kind, token = cursor.node_id(), cursor.node_id()
        cursor.int64()  # Timestamp
        handle = cursor.uint32()
        cursor.uint32()  # ReturnDiagnostics
        cursor.string()  # AuditEntryId
        cursor.uint32()  # TimeoutHint
        cursor.node_id()  # AdditionalHeader, which no specification defines
        if cursor.byte():
            cursor.bytes()
        return cls(kind, token, handle, cursor.at)


class GatewayProcessor(UaProcessor):
    """Answers one connection."""

    async def process_message(self, seqhdr: Any, body: Buffer) -> bool | None:
        """Answer a request; False closes the connection."""
        data = bytes(body)
        try:
            header = _Header.read(data)
        except DecodingError:
            self._fault(seqhdr, 0, ua.StatusCodes.BadDecodingError)
            return True
        handle = header.handle
        service = _SERVICES.get(header.kind) if isinstance(header.kind, int) else None
        if service is None:
            return await super().process_message(seqhdr, body)
        try:
            answer = await service.answer(self._session(header.token), data[header.at :])
        except DecodingError:
            self._fault(seqhdr, handle, ua.StatusCodes.BadDecodingError)
        except ServiceError as refused:
            self._fault(seqhdr, handle, refused.code)
        except Exception:  # noqa: BLE001 - one request's fault must not end the connection
            _log.exception("a request failed")
            self._fault(seqhdr, handle, ua.StatusCodes.BadInternalError)
        else:
            self._send(seqhdr, service.response, handle, 0, answer)
        return True

    async def _process_message(self, typeid: ua.NodeId, requesthdr: ua.RequestHeader, seqhdr: Any, body: Buffer) -> Any:
        """Let asyncua answer (seam); it looks neither at the token nor for a body that ends too early."""
        session = None if typeid.Identifier in _WITHOUT_SESSION else self.session
        if session is not None and key_of(requesthdr.AuthenticationToken) != key_of(session.auth_token):
            raise ServiceError(ua.StatusCodes.BadSessionIdInvalid)
        try:
            return await super()._process_message(typeid, requesthdr, seqhdr, body)
        except NotEnoughData:
            raise ServiceError(ua.StatusCodes.BadDecodingError) from None

    def _session(self, token: NodeKey) -> GatewaySession:
        """Give the connection's session, which has to be active and the request's (Part 4 v1.05 7.32)."""
        session = self.session
        if not isinstance(session, GatewaySession) or token != key_of(session.auth_token):
            raise ServiceError(ua.StatusCodes.BadSessionIdInvalid)
        if not session.is_activated():
            raise ServiceError(ua.StatusCodes.BadSessionNotActivated)
        self.session_last_activity = time.monotonic()
        session.touch()
        return session

    def _fault(self, seqhdr: Any, handle: int, status: int) -> None:
        self._send(seqhdr, _FAULT, handle, status, b"")

    def _send(self, seqhdr: Any, kind: int, handle: int, status: int, body: bytes) -> None:
        message = _RESPONSE.pack(1, 0, kind, now(), handle, status) + _REST + body
        self._transport.write(self._connection.message_to_binary(message, request_id=seqhdr.RequestId))


class GatewayProtocol(OPCUAProtocol):
    """A connection whose requests our processor answers."""

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        super().connection_made(transport)
        if self.processor is not None:
            self.processor = GatewayProcessor(self.iserver, transport, self.limits)
            self.processor.set_policies(self.policies)


class GatewayBinaryServer(BinaryServer):
    """Listens, and makes our connections."""

    def _make_protocol(self) -> GatewayProtocol:
        return GatewayProtocol(
            iserver=self.iserver,
            policies=self._policies,
            clients=self.clients,
            closing_tasks=self.closing_tasks,
            limits=self.limits,
        )


class GatewayServer(Server):
    """asyncua's server with our listener (seam: ``Server.start``)."""

    async def start(self) -> None:
        """Listen. Raises :class:`OSError` where that is not possible; then nothing runs."""
        await self._setup_server_nodes()
        await self.iserver.start()
        host, port = self._get_bind_socket_info()
        self.bserver = GatewayBinaryServer(self.iserver, host, port, self.limits)  # type: ignore[arg-type]  # asyncio takes None for all interfaces
        self.bserver.set_policies(self._policies)
        try:
            await self.bserver.start()
        except BaseException:
            self.bserver = None
            await self.iserver.stop()
            raise
