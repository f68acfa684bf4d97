"""ReverseHello, and what a client may answer it with."""

from __future__ import annotations

from struct import pack

import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from server.address_space.decoding import Cursor
from server.ua_stack.discovery.reverse_hello import reverse_hello, told_error


def test_it_names_the_server_and_its_endpoint() -> None:
    frame = reverse_hello("urn:gw-1", "opc.tcp://gw-1:4840")
    assert frame[:8] == b"RHEF" + pack("<I", len(frame))
    cursor = Cursor(frame, 8)
    assert (cursor.string(), cursor.string(), cursor.at) == ("urn:gw-1", "opc.tcp://gw-1:4840", len(frame))


def test_longer_strings_than_may_be_sent_are_refused() -> None:
    assert reverse_hello("u" * 4096, "e" * 4096)
    with pytest.raises(ValueError, match="4096"):
        reverse_hello("ü" * 2049, "e")


def test_an_error_is_told_in_one_line() -> None:
    reason = b"not\nnow"
    frame = b"ERRF" + pack("<IIi", 16 + len(reason), ua.StatusCodes.BadTcpServerTooBusy, len(reason)) + reason
    assert told_error(frame) == "it answers BadTcpServerTooBusy (not\\nnow)"
    assert told_error(frame[:12]) == "it says nothing of why"


@given(st.binary(max_size=60))
def test_any_error_is_told(data: bytes) -> None:
    told = told_error(b"ERRF" + data)
    assert told.isprintable()
    assert len(told) < 4200 * 6
