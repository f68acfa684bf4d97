"""The requests of the Session services as they are sent (Part 4 v1.05 5.7.2 to 5.7.5).

Reading them raises :class:`~server.address_space.decoding.DecodingError`. Nothing is read that is longer than what a
message before a log-in may be.
"""

from __future__ import annotations

from typing import NamedTuple

from nodesets.built_in_types import LocalizedText
from server.address_space.decoding import Cursor, DecodingError
from server.address_space.keys import NodeKey

_LEAST_STRING = 4
_LEAST_SOFTWARE_CERTIFICATE = 8
_BYTES_BODY = 1


class ApplicationDescription(NamedTuple):
    """What a client says of itself (Part 4 v1.05 7.2); none of it is proved."""

    application_uri: str | None = None
    product_uri: str | None = None
    name: LocalizedText = LocalizedText(None, None)
    application_type: int = 1
    gateway_uri: str | None = None
    profile_uri: str | None = None
    discovery_urls: tuple[str, ...] = ()


class CreateSessionRequest(NamedTuple):
    """``timeout``: milliseconds, whatever number that is. ``most_response``: bytes, 0 for no limit."""

    client: ApplicationDescription
    server_uri: str | None
    endpoint_url: str | None
    name: str | None
    nonce: bytes
    certificate: bytes
    timeout: float
    most_response: int


class Signature(NamedTuple):
    """SignatureData (Part 4 v1.05 7.36)."""

    algorithm: str
    signature: bytes


class Token(NamedTuple):
    """A UserIdentityToken: the type of its encoding, and its body."""

    kind: NodeKey
    body: bytes


class ActivateSessionRequest(NamedTuple):
    """``signature``: the client's; ``token_signature``: of who has the user's key."""

    signature: Signature
    locales: tuple[str, ...]
    token: Token
    token_signature: Signature


def read_create_session(body: bytes) -> CreateSessionRequest:
    """Read CreateSession's parameters."""
    cursor = Cursor(body)
    return CreateSessionRequest(
        _application(cursor),
        cursor.string(),
        cursor.string(),
        cursor.string(),
        cursor.bytes() or b"",
        cursor.bytes() or b"",
        cursor.double(),
        cursor.uint32(),
    )


def read_activate_session(body: bytes) -> ActivateSessionRequest:
    """Read ActivateSession's parameters."""
    cursor = Cursor(body)
    signature = _signature(cursor)
    for _ in range(cursor.count(_LEAST_SOFTWARE_CERTIFICATE)):  # the standard has given them up
        cursor.bytes()
        cursor.bytes()
    locales = tuple(text or "" for text in _strings(cursor))
    return ActivateSessionRequest(signature, locales, _token(cursor), _signature(cursor))


def read_close_session(body: bytes) -> bool:
    """Read CloseSession's DeleteSubscriptions."""
    return bool(Cursor(body).byte())


def read_cancel(body: bytes) -> int:
    """Read Cancel's RequestHandle."""
    return Cursor(body).uint32()


def _application(cursor: Cursor) -> ApplicationDescription:
    return ApplicationDescription(
        cursor.string(),
        cursor.string(),
        cursor.localized_text(),
        cursor.int32(),
        cursor.string(),
        cursor.string(),
        tuple(text or "" for text in _strings(cursor)),
    )


def _signature(cursor: Cursor) -> Signature:
    return Signature(cursor.string() or "", cursor.bytes() or b"")


def _strings(cursor: Cursor) -> list[str | None]:
    return [cursor.string() for _ in range(cursor.count(_LEAST_STRING))]


def _token(cursor: Cursor) -> Token:
    kind = cursor.node_id()
    form = cursor.byte()
    if form == 0:
        return Token(kind, b"")
    if form != _BYTES_BODY:
        message = "a UserIdentityToken is not in the binary encoding"
        raise DecodingError(message)
    return Token(kind, cursor.bytes() or b"")
