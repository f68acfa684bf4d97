"""A request's type and RequestHeader (Part 4 v1.05 7.32), as far as they are needed."""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from server.address_space.decoding import Cursor
from server.address_space.encoding import encode_node_id
from server.address_space.keys import NodeKey

_TYPE = Struct("<BBH")
_REST = Struct("<qIIiI3s")
"""Timestamp, RequestHandle, ReturnDiagnostics, AuditEntryId's length, TimeoutHint, AdditionalHeader."""
_NOTHING = b"\x00\x00\x00"
_FOUR_BYTE = 1
_LONGEST_ENTRY = 256
"""Characters of an AuditEntryId that are kept: it stands in every record of what the request does."""


class RequestHeader(NamedTuple):
    """``at``: where the parameters begin; ``timeout``: TimeoutHint, milliseconds, 0 for none.

    ``audit_entry``: what the client calls the request in its own audit (AuditEntryId).
    """

    kind: NodeKey
    token: NodeKey
    handle: int
    timeout: int
    at: int
    audit_entry: str = ""


def read_header(data: bytes) -> RequestHeader:
    """Read any header. Raises :class:`~server.address_space.decoding.DecodingError`."""
    cursor = Cursor(data)
    kind, token = cursor.node_id(), cursor.node_id()
    cursor.int64()  # Timestamp
    handle = cursor.uint32()
    cursor.uint32()  # ReturnDiagnostics
    audit_entry = (cursor.string() or "")[:_LONGEST_ENTRY]
    timeout = cursor.uint32()
    cursor.node_id()  # AdditionalHeader, which no specification defines
    if cursor.byte():
        cursor.bytes()
    return RequestHeader(kind, token, handle, timeout, cursor.at, audit_entry)


class KnownHeader:
    """Reads the headers of one session, which all look alike but for a few numbers."""

    def __init__(self, token: NodeKey) -> None:
        """``token``: the session's AuthenticationToken."""
        self._token = token
        self._encoded = encode_node_id(token)
        self._rest_at = _TYPE.size + len(self._encoded)
        self._end = self._rest_at + _REST.size

    def read(self, data: bytes) -> RequestHeader | None:
        """Read a header of the ordinary form; None where it is of another, or another session's."""
        if len(data) < self._end or not data.startswith(self._encoded, _TYPE.size):
            return None
        form, namespace, number = _TYPE.unpack_from(data)
        _, handle, _, audit, timeout, additional = _REST.unpack_from(data, self._rest_at)
        if form != _FOUR_BYTE or namespace or audit > 0 or additional != _NOTHING:
            return None
        return RequestHeader(number, self._token, handle, timeout, self._end)
