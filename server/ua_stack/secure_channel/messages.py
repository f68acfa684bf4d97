"""Hello, Acknowledge, Error and OpenSecureChannel as bytes (Part 6 v1.05 6.7.2.3, 7.1.2). Nothing is trusted."""

from __future__ import annotations

from struct import Struct
from struct import error as struct_error
from typing import Final, NamedTuple

from asyncua import ua
from asyncua.ua.status_codes import StatusCodes

from server.address_space.decoding import Cursor, DecodingError
from server.address_space.encoding import encode_bytes, encode_string
from server.ua_stack.frames import TransportError
from server.ua_stack.secure_channel.limits import LEAST_BUFFER

LARGEST_OPEN: Final = 32 * 1024
"""Bytes of an OpenSecureChannel: a chain of eight certificates of 2 KiB, twice."""
_LONGEST_URL: Final = 4096
_LONGEST_POLICY: Final = 255
_LONGEST_NONCE: Final = 128
"""Bytes of a nonce on a channel of None, where it means nothing."""
_THUMBPRINT: Final = 20
_HELLO = Struct("<8xIIIII")
_ACKNOWLEDGE = Struct("<4sIIIIII")
_ERROR = Struct("<4sIII")
_CHANNEL_AT: Final = 8
_OPEN_HEAD = Struct("<4sII")
_OPENED = Struct("<BBHqIIB")
_TOKEN = Struct("<IIIqI")
_VERSION: Final = 0
ISSUE: Final = 0
RENEW: Final = 1
_OPEN_REQUEST: Final = int(ua.ObjectIds.OpenSecureChannelRequest_Encoding_DefaultBinary)
_OPEN_RESPONSE: Final = int(ua.ObjectIds.OpenSecureChannelResponse_Encoding_DefaultBinary)


class Hello(NamedTuple):
    """What a client says first; bytes of chunks that it takes and sends, bytes and chunks of a response, 0 for any."""

    receive: int
    send: int
    most_bytes: int
    most_chunks: int
    url: str


def read_hello(frame: bytes) -> Hello:
    """Read a Hello. Raises :class:`TransportError` where it makes no sense, or cannot be answered to (threat 10)."""
    try:
        _, receive, send, most_bytes, most_chunks = _HELLO.unpack_from(frame)
        cursor = Cursor(frame, _HELLO.size)
        url = cursor.bytes() or b""
    except (struct_error, DecodingError):
        raise TransportError(StatusCodes.BadDecodingError, "a Hello is too short") from None
    if receive < LEAST_BUFFER or send < LEAST_BUFFER:
        message = f"buffers of {receive} and {send} bytes; {LEAST_BUFFER} is the least"
        raise TransportError(StatusCodes.BadConnectionRejected, message)
    if len(url) > _LONGEST_URL:
        raise TransportError(StatusCodes.BadTcpEndpointUrlInvalid, f"a URL of {len(url)} bytes")
    try:
        return Hello(receive, send, most_bytes, most_chunks, url.decode())
    except UnicodeDecodeError:
        raise TransportError(StatusCodes.BadTcpEndpointUrlInvalid, "a URL that is not UTF-8") from None


def acknowledge(receive: int, send: int, most_bytes: int, most_chunks: int) -> bytes:
    """Answer a Hello: bytes of a chunk that we take and send, bytes and chunks of a request."""
    return _ACKNOWLEDGE.pack(b"ACKF", _ACKNOWLEDGE.size, _VERSION, receive, send, most_bytes, most_chunks)


def error_message(status: int) -> bytes:
    """Tell why a connection is closed; the reason is for our log alone (Part 6 v1.05 7.1.2.5)."""
    return _ERROR.pack(b"ERRF", _ERROR.size, status, 0xFFFFFFFF)


class OpenHeader(NamedTuple):
    """What stands in the clear before an OpenSecureChannel; ``size``: how many bytes that is."""

    channel: int
    policy_uri: str
    certificate: bytes
    thumbprint: bytes
    size: int


def read_open_header(frame: bytes) -> OpenHeader:
    """Read MessageHeader and AsymmetricAlgorithmSecurityHeader. Raises :class:`TransportError`."""
    if len(frame) > LARGEST_OPEN:
        message = f"an OpenSecureChannel of {len(frame)} bytes; {LARGEST_OPEN} are allowed"
        raise TransportError(StatusCodes.BadTcpMessageTooLarge, message)
    cursor = Cursor(frame, _CHANNEL_AT)
    try:
        channel = cursor.uint32()
        uri, certificate, thumbprint = cursor.bytes() or b"", cursor.bytes() or b"", cursor.bytes() or b""
        if len(uri) > _LONGEST_POLICY or len(thumbprint) not in (0, _THUMBPRINT):
            message = f"a policy of {len(uri)} bytes, a thumbprint of {len(thumbprint)}"
            raise TransportError(StatusCodes.BadSecurityChecksFailed, message)
        return OpenHeader(channel, uri.decode(), certificate, thumbprint, cursor.at)
    except (DecodingError, UnicodeDecodeError) as error:
        raise TransportError(StatusCodes.BadDecodingError, f"an OpenSecureChannel: {error}") from None


def open_head(channel: int, policy_uri: str, certificate: bytes, thumbprint: bytes, body: int = 0) -> bytes:
    """Write what stands before an answer; ``body``: bytes that follow, where they are known already."""
    rest = b"".join((encode_string(policy_uri), encode_bytes(certificate or None), encode_bytes(thumbprint or None)))
    return _OPEN_HEAD.pack(b"OPNF", _OPEN_HEAD.size + len(rest) + body, channel) + rest


class OpenRequest(NamedTuple):
    """OpenSecureChannel's request (Part 4 v1.05 5.6.2.2). ``lifetime``: milliseconds; ``audit``: AuditEntryId."""

    handle: int
    audit: str
    kind: int
    mode: int
    nonce: bytes
    lifetime: int


def read_open_request(body: bytes) -> OpenRequest:
    """Read the request. Raises :class:`TransportError`."""
    cursor = Cursor(body)
    try:
        if cursor.node_id() != _OPEN_REQUEST:
            raise TransportError(StatusCodes.BadTcpMessageTypeInvalid, "an OPN that is no OpenSecureChannel")
        cursor.node_id()  # there is no session yet whose token this could be
        cursor.int64()  # Timestamp
        handle = cursor.uint32()
        cursor.uint32()  # ReturnDiagnostics
        audit = cursor.string() or ""
        cursor.uint32()  # TimeoutHint
        cursor.node_id()  # AdditionalHeader, which the ECC policies alone define
        if cursor.byte():
            cursor.bytes()
        cursor.uint32()  # ClientProtocolVersion
        kind, mode = cursor.uint32(), cursor.uint32()
        nonce = cursor.bytes() or b""
        lifetime = cursor.uint32()
    except DecodingError as error:
        raise TransportError(StatusCodes.BadDecodingError, f"an OpenSecureChannel: {error}") from None
    if len(nonce) > _LONGEST_NONCE:
        raise TransportError(StatusCodes.BadNonceInvalid, f"a nonce of {len(nonce)} bytes")
    return OpenRequest(handle, audit, kind, mode, nonce, lifetime)


def open_response(handle: int, channel: int, token: int, lifetime: int, nonce: bytes, moment: int) -> bytes:
    """Write the answer. ``lifetime``: milliseconds; ``moment``: DateTime ticks, of the answer and of the token."""
    return b"".join(
        (
            _OPENED.pack(1, 0, _OPEN_RESPONSE, moment, handle, 0, 0),
            b"\xff\xff\xff\xff\x00\x00\x00",  # no strings, no AdditionalHeader
            _TOKEN.pack(_VERSION, channel, token, moment, lifetime),
            encode_bytes(nonce),
        )
    )
