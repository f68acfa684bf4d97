"""What is read before anybody is known: nothing but a TransportError comes of it, and no more than it is."""

# asyncua's side is untyped, and calls a plain int wrong where it takes one.
# pyright: reportUnknownMemberType=false, reportArgumentType=false
from __future__ import annotations

from struct import pack

import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import (
    header_from_binary,
    nodeid_from_binary,
    struct_from_binary,
    struct_to_binary,
    uatcp_to_binary,
)
from hypothesis import given
from hypothesis import strategies as st

from server.ua_stack.frames import TransportError
from server.ua_stack.secure_channel.messages import (
    acknowledge,
    error_message,
    open_head,
    open_response,
    read_hello,
    read_open_header,
    read_open_request,
)

_NUMBERS = st.integers(0, 2**32 - 1)
_codes = ua.StatusCodes


@given(_NUMBERS, _NUMBERS, _NUMBERS, _NUMBERS, st.text(max_size=300))
def test_a_hello_is_read_as_asyncua_writes_it(receive: int, send: int, size: int, chunks: int, url: str) -> None:
    told = ua.Hello(ua.UInt32(0), receive, send, size, chunks, url)
    frame = uatcp_to_binary(ua.MessageType.Hello, told)
    if receive < 8192 or send < 8192:
        with pytest.raises(TransportError) as refused:
            read_hello(frame)
        assert refused.value.status == _codes.BadConnectionRejected
    else:
        assert read_hello(frame) == (receive, send, size, chunks, url)


@pytest.mark.parametrize(
    ("url", "status"),
    [
        (pack("<i", 4097) + b"x" * 4097, _codes.BadTcpEndpointUrlInvalid),
        (pack("<i", 2) + b"\xff\xfe", _codes.BadTcpEndpointUrlInvalid),
        (pack("<i", 2**31 - 1) + b"x", _codes.BadDecodingError),
        (b"\x01", _codes.BadDecodingError),
    ],
)
def test_threat_10_a_url_that_makes_no_sense_is_refused(url: bytes, status: int) -> None:
    with pytest.raises(TransportError) as refused:
        read_hello(b"HELF" + pack("<IIIIII", 0, 0, 65_535, 65_535, 0, 0) + url)
    assert refused.value.status == status


@given(st.binary(max_size=200))
def test_threat_08_whatever_is_said_first_is_a_hello_or_refused(rest: bytes) -> None:
    for read, kind in ((read_hello, b"HELF"), (read_open_header, b"OPNF")):
        try:
            read(kind + pack("<I", 8 + len(rest)) + rest)
        except TransportError:
            continue


@given(st.binary(max_size=200))
def test_whatever_is_asked_for_is_a_request_or_refused(body: bytes) -> None:
    for start in (b"", b"\x01\x00\xbe\x01"):
        try:
            read_open_request(start + body)
        except TransportError:
            continue


@given(st.integers(0, 1), st.integers(0, 3), st.binary(max_size=128), _NUMBERS, st.text(max_size=20), _NUMBERS)
def test_a_request_is_read_as_asyncua_writes_it(
    kind: int, mode: int, nonce: bytes, lifetime: int, audit: str, handle: int
) -> None:
    request = ua.OpenSecureChannelRequest()
    request.RequestHeader.RequestHandle, request.RequestHeader.AuditEntryId = handle, audit
    params = request.Parameters
    params.RequestType, params.SecurityMode = ua.SecurityTokenRequestType(kind), ua.MessageSecurityMode(mode)
    params.ClientNonce, params.RequestedLifetime = nonce, lifetime
    assert read_open_request(struct_to_binary(request)) == (handle, audit, kind, mode, nonce, lifetime)


def test_another_request_in_its_place_is_refused() -> None:
    with pytest.raises(TransportError) as refused:
        read_open_request(struct_to_binary(ua.CloseSecureChannelRequest()))
    assert refused.value.status == _codes.BadTcpMessageTypeInvalid


@given(_NUMBERS, st.text(max_size=60), st.binary(max_size=3000), st.sampled_from([b"", bytes(20)]))
def test_headers_go_there_and_back(channel: int, uri: str, certificate: bytes, thumbprint: bytes) -> None:
    head = open_head(channel, uri, certificate, thumbprint)
    assert read_open_header(head + b"rest") == (channel, uri, certificate, thumbprint, len(head))


def test_answers_are_read_by_asyncua_as_they_were_meant() -> None:
    body = Buffer(open_response(7, 11, 13, 60_000, b"nonce", 133_000_000_000_000_000))
    assert nodeid_from_binary(body).Identifier == ua.ObjectIds.OpenSecureChannelResponse_Encoding_DefaultBinary
    told = struct_from_binary(
        ua.OpenSecureChannelResponse, Buffer(open_response(7, 11, 13, 60_000, b"nonce", 133_000_000_000_000_000))
    )
    token = told.Parameters.SecurityToken
    assert (token.ChannelId, token.TokenId, token.RevisedLifetime) == (11, 13, 60_000)
    assert told.Parameters.ServerNonce == b"nonce"
    assert token.CreatedAt == told.ResponseHeader.Timestamp
    assert told.ResponseHeader.RequestHandle == 7
    frame = Buffer(acknowledge(8192, 65_535, 1000, 5))
    assert header_from_binary(frame).body_size == 20
    ack = struct_from_binary(ua.Acknowledge, frame)
    assert (ack.ReceiveBufferSize, ack.SendBufferSize, ack.MaxMessageSize, ack.MaxChunkCount) == (8192, 65_535, 1000, 5)
    frame = Buffer(error_message(int(_codes.BadTcpServerTooBusy)))
    assert header_from_binary(frame).body_size == 8
    assert struct_from_binary(ua.ErrorMessage, frame).Error.value == _codes.BadTcpServerTooBusy
