from __future__ import annotations

import contextlib
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.pubsub.record import DamagedRecord, MqttMessage, pack, unpack

MESSAGES = st.builds(
    MqttMessage,
    st.text(min_size=1, max_size=80),
    st.one_of(st.binary(max_size=300), st.integers(0, 5000).map(lambda size: b'{"Value":1.5},' * size)),
    st.integers(0, 2),
    st.booleans(),
)


@given(MESSAGES)
def test_a_message_comes_back(message: MqttMessage) -> None:
    assert unpack(pack(message)) == message


def test_a_record_is_laid_out_as_the_reference_says() -> None:
    assert pack(MqttMessage("a/b", b"{}", 1, retain=True)) == b"\x01\x05\x03\x00\x02\x00\x00\x00a/b{}"
    long = b"x" * 1000
    packed = pack(MqttMessage("t", long, 1))
    assert packed[:9] == struct.pack("<BBHI", 1, 0x09, 1, 1000) + b"t"
    assert zlib.decompress(packed[9:]) == long


@given(MESSAGES, st.data())
def test_damaged_bytes_are_told_and_nothing_else_happens(message: MqttMessage, data: st.DataObject) -> None:
    packed = bytearray(pack(message))
    place = data.draw(st.integers(0, len(packed) - 1))
    packed[place] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(DamagedRecord):
        unpack(bytes(packed[: data.draw(st.integers(0, len(packed)))]))


def test_a_record_that_inflates_without_end_is_refused() -> None:
    bomb = struct.pack("<BBHI", 1, 0x09, 1, 10) + b"t" + zlib.compress(b"\0" * 10_000_000)
    with pytest.raises(DamagedRecord, match="says 10 bytes"):
        unpack(bomb)


@pytest.mark.parametrize("data", [b"", b"\x01", struct.pack("<BBHI", 2, 1, 0, 0), struct.pack("<BBHI", 1, 0x80, 0, 0)])
def test_what_is_no_record_is_refused(data: bytes) -> None:
    with pytest.raises(DamagedRecord):
        unpack(data)
