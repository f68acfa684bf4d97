"""Call, whose requests asyncua's codec decodes within a budget (threat 3), and HistoryRead and HistoryUpdate.

Seam: asyncua's structures of Call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeVar

from asyncua import ua
from asyncua.common.utils import Buffer, ServiceError
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary

from server.address_space.decoding import DecodingError
from server.ua_stack.decode_budget.requests import check_request
from server.ua_stack.history.pages import encode_read, encode_update
from server.ua_stack.history.requests import read_request, update_request
from server.ua_stack.request_header import RequestHeader
from server.ua_stack.sessions import GatewaySession

_T = TypeVar("_T")
_ids = ua.ObjectIds
_AT_ONCE = 4096
"""Bytes of a request for history that are decoded on the event loop, and StatusCodes that are encoded there."""


class OtherService(NamedTuple):
    """``answer`` gives the response's parameters for a whole request."""

    response: int
    answer: Callable[[GatewaySession, RequestHeader, bytes], Awaitable[bytes]]


def _decoded(kind: type[Any], header: RequestHeader, data: bytes) -> Any:  # asyncua's structure
    """Decode a request's parameters. Raises :class:`~server.address_space.decoding.DecodingError`."""
    check_request(header.kind, data, header.at)
    try:
        return struct_from_binary(kind, Buffer(data[header.at :]))
    except ServiceError:
        raise
    except Exception as error:
        raise DecodingError(str(error)) from error


def _encoded(results: list[Any]) -> bytes:
    """Encode an array of results, and no diagnostics."""
    return b"".join((len(results).to_bytes(4, "little"), *map(struct_to_binary, results), b"\xff\xff\xff\xff"))


async def _call(session: GatewaySession, header: RequestHeader, data: bytes) -> bytes:
    params = _decoded(ua.CallParameters, header, data)
    return _encoded(await session.call(params.MethodsToCall))


async def _history_read(session: GatewaySession, header: RequestHeader, data: bytes) -> bytes:
    asked = await _read_history_request(read_request, header, data)
    return encode_read(await session.history_read(asked))


async def _history_update(session: GatewaySession, header: RequestHeader, data: bytes) -> bytes:
    try:
        asked = await _read_history_request(update_request, header, data)
    except DecodingError as error:
        session.history_refused(error.status)
        raise
    except ServiceError as error:
        session.history_refused(error.code)
        raise
    results = await session.history_update(asked)
    is_long = sum(len(result.results) for result in results) > _AT_ONCE
    return await asyncio.to_thread(encode_update, results) if is_long else encode_update(results)


async def _read_history_request(read: Callable[[bytes], _T], header: RequestHeader, data: bytes) -> _T:
    """Decode it, in a thread where there are many values or times in it."""
    body = data[header.at :]
    return read(body) if len(body) <= _AT_ONCE else await asyncio.to_thread(read, body)


OTHER_SERVICES: dict[object, OtherService] = {
    int(getattr(_ids, f"{name}Request_Encoding_DefaultBinary")): OtherService(
        int(getattr(_ids, f"{name}Response_Encoding_DefaultBinary")), answer
    )
    for name, answer in {"Call": _call, "HistoryRead": _history_read, "HistoryUpdate": _history_update}.items()
}
"""By the type of their requests."""
