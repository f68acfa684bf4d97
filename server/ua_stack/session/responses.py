"""The answers of the Session services (Part 4 v1.05 5.7)."""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from server.address_space.encoding import encode_bytes, encode_node_id, encode_string
from server.address_space.keys import NodeKey

_DOUBLE = Struct("<d")
_UINT32 = Struct("<I")
_NULL_ARRAY = b"\xff\xff\xff\xff"


class CreatedSession(NamedTuple):
    """``timeout``: milliseconds. ``endpoints``: the encoded array. ``certificate``: DER, of a chain its leaf first."""

    session_id: NodeKey
    token: NodeKey
    timeout: float
    nonce: bytes
    certificate: bytes | None
    endpoints: bytes
    algorithm: str
    signature: bytes
    most_request: int


def encode_created(created: CreatedSession) -> bytes:
    """Encode CreateSession's answer."""
    return b"".join(
        (
            encode_node_id(created.session_id),
            encode_node_id(created.token),
            _DOUBLE.pack(created.timeout),
            encode_bytes(created.nonce),
            encode_bytes(created.certificate),
            created.endpoints,
            _NULL_ARRAY,  # ServerSoftwareCertificates
            encode_string(created.algorithm or None),
            encode_bytes(created.signature or None),
            _UINT32.pack(created.most_request),
        )
    )


def encode_activated(nonce: bytes) -> bytes:
    """Encode ActivateSession's answer: no results of software certificates, no diagnostics."""
    return encode_bytes(nonce) + _NULL_ARRAY + _NULL_ARRAY


def encode_cancelled(count: int) -> bytes:
    """Encode Cancel's answer."""
    return _UINT32.pack(count)
