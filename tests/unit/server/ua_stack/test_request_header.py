"""A request's header, read at length and by heart: both say the same (Part 4 v1.05 7.32)."""

from __future__ import annotations

from struct import pack

import pytest
from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary
from hypothesis import given
from hypothesis import strategies as st

from server.address_space.decoding import DecodingError
from server.address_space.encoding import encode_node_id
from server.address_space.keys import NodeKey, key_of, numeric_key
from server.ua_stack.request_header import KnownHeader, RequestHeader, read_header

UINT32 = st.integers(0, 2**32 - 1)
NAMESPACES = st.integers(0, 2**16 - 1)
KEYS: st.SearchStrategy[NodeKey] = st.one_of(
    st.builds(numeric_key, NAMESPACES, UINT32),
    st.tuples(NAMESPACES, st.text(max_size=20)),
    st.tuples(NAMESPACES, st.uuids()),
    st.tuples(NAMESPACES, st.binary(max_size=40)),
)
KINDS: st.SearchStrategy[NodeKey] = st.one_of(st.integers(0, 255), st.integers(256, 65_535), KEYS)
AUDIT = st.one_of(st.none(), st.text(max_size=10), st.text(min_size=250, max_size=260))


def extension_object(kind: NodeKey, body: bytes | None) -> bytes:
    head = encode_node_id(kind)
    return head + b"\0" if body is None else head + b"\1" + pack("<i", len(body)) + body


ADDITIONAL = st.one_of(
    st.just(b"\0\0\0"), st.builds(extension_object, KEYS, st.one_of(st.none(), st.binary(max_size=9)))
)


def text(value: str | None) -> bytes:
    encoded = b"" if value is None else value.encode()
    return pack("<i", -1 if value is None else len(encoded)) + encoded


def four_byte(kind: NodeKey) -> bytes:
    """Encode a type as requests do: even a small one in four bytes."""
    return pack("<BBH", 1, 0, kind) if isinstance(kind, int) and kind < 2**16 else encode_node_id(kind)


@st.composite
def headers(draw: st.DrawFn, tokens: st.SearchStrategy[NodeKey] = KEYS) -> tuple[bytes, RequestHeader]:
    kind, token = draw(KINDS), draw(tokens)
    handle, timeout = draw(UINT32), draw(UINT32)
    head = draw(st.sampled_from([four_byte, encode_node_id]))(kind) + encode_node_id(token)
    numbers = pack("<qII", draw(st.integers(-(2**63), 2**63 - 1)), handle, draw(UINT32))
    audit = draw(AUDIT)
    data = b"".join((head, numbers, text(audit), pack("<I", timeout), draw(ADDITIONAL)))
    return data, RequestHeader(kind, token, handle, timeout, len(data), (audit or "")[:256])


@given(headers(), st.binary(max_size=20))
def test_any_header_is_read(made: tuple[bytes, RequestHeader], body: bytes) -> None:
    data, header = made
    assert read_header(data + body) == header


@given(KEYS, st.data(), st.binary(max_size=20))
def test_what_is_known_by_heart_is_what_is_read(token: NodeKey, data: st.DataObject, body: bytes) -> None:
    encoded, header = data.draw(headers(st.one_of(st.just(token), KEYS)))
    known = KnownHeader(token).read(encoded + body)
    assert known is None or known == read_header(encoded + body) == header


@given(KEYS, st.integers(0, 65_535), UINT32, UINT32, st.sampled_from([b"\xff\xff\xff\xff", b"\0\0\0\0"]))
def test_the_ordinary_form_is_known_by_heart(
    token: NodeKey, kind: int, handle: int, timeout: int, audit: bytes
) -> None:
    data = four_byte(kind) + encode_node_id(token) + pack("<qII", 1, handle, 0) + audit + pack("<I", timeout) + bytes(3)
    known = KnownHeader(token)
    assert known.read(data) == read_header(data) == RequestHeader(kind, token, handle, timeout, len(data))
    assert known.read(data[:-1]) is None
    assert known.read(b"") is None


@given(KEYS, KEYS, st.data())
def test_another_sessions_token_is_never_taken_for_ones_own(mine: NodeKey, other: NodeKey, data: st.DataObject) -> None:
    encoded, header = data.draw(headers(st.just(other)))
    known = KnownHeader(mine).read(encoded)
    assert known is None or (known.token == mine == other and known == header)


@pytest.mark.parametrize(
    "identifier",
    [ua.NodeId(ua.Int32(5)), ua.NodeId(ua.Int32(70_000)), ua.NodeId(ua.ByteString(b"opaque"), ua.Int16(3))],
)
def test_asyncuas_headers_are_known(identifier: ua.NodeId) -> None:
    made = ua.RequestHeader(AuthenticationToken=identifier)
    made.RequestHandle, made.TimeoutHint = ua.IntegerId(17), ua.IntegerId(4000)
    data = four_byte(631) + struct_to_binary(made)
    token = key_of(identifier)
    assert KnownHeader(token).read(data) == RequestHeader(631, token, 17, 4000, len(data))


@given(st.binary(max_size=120))
def test_bytes_of_any_kind_are_a_header_or_a_decoding_error(data: bytes) -> None:
    try:
        header = read_header(data)
    except DecodingError:
        return
    assert header.at <= len(data)


@given(headers(), st.data())
def test_a_changed_header_is_a_header_or_a_decoding_error(
    made: tuple[bytes, RequestHeader], data: st.DataObject
) -> None:
    encoded, header = made
    changed = bytearray(encoded)
    changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(changed[: data.draw(st.integers(0, len(changed)))])
    known = KnownHeader(header.token).read(cut)
    try:
        read = read_header(cut)
    except DecodingError:
        assert known is None
        return
    assert read.at <= len(cut)
    assert known in (None, read)
