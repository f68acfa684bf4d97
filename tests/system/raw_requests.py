"""Requests of a client's own making: any token, any body, one byte short or one too many."""

# asyncua's client is reached inside: it sends well-formed requests only.
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from asyncua import Client, ua
from asyncua.ua.ua_binary import struct_to_binary

from server.address_space.decoding import Cursor
from server.address_space.encoding import encode_node_id
from server.address_space.keys import numeric_key

_ANSWERS_WITHIN = 60.0


class Response(NamedTuple):
    """The type of a response, its ServiceResult and what follows the ResponseHeader."""

    kind: int
    status: str
    body: Cursor


async def ask(client: Client, kind: int, body: bytes, *, token: ua.NodeId | None = None) -> Response:
    """Send parameters that are encoded already. ``token``: an AuthenticationToken in place of the session's own."""
    protocol: Any = client.uaclient.protocol
    header = ua.RequestHeader()
    protocol._setup_request_header(header, _ANSWERS_WITHIN)
    if token is not None:
        header.AuthenticationToken = token
    return await send(client, encode_node_id(numeric_key(0, kind)) + struct_to_binary(header) + body)


async def send(client: Client, message: bytes) -> Response:
    """Send the whole of a message's body, whatever it is."""
    protocol: Any = client.uaclient.protocol
    protocol._request_id += 1
    answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    protocol._callbackmap[protocol._request_id] = answer
    protocol.transport.write(protocol._connection.message_to_binary(message, request_id=protocol._request_id))
    cursor = Cursor(bytes(await asyncio.wait_for(answer, _ANSWERS_WITHIN)))
    told = cursor.node_id()
    cursor.int64()  # Timestamp
    cursor.uint32()  # RequestHandle
    status = ua.StatusCode(ua.UInt32(cursor.uint32())).name
    cursor.take(1 + 4 + 3)  # no diagnostics, no strings, no AdditionalHeader
    assert isinstance(told, int)
    return Response(told, status, cursor)


def token_of(client: Client) -> ua.NodeId:
    """Give the AuthenticationToken of a client's session."""
    protocol: Any = client.uaclient.protocol
    return protocol.authentication_token


def parameters(structure: Any) -> bytes:
    """Encode a request's parameters."""
    return struct_to_binary(structure)
