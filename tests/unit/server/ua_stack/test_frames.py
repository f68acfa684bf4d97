"""Chunks out of a stream, however the stream is cut; headers that make no sense (threats 8 and 9)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise
from struct import pack

import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from server.ua_stack.frames import FrameBuffer, TransportError

LARGEST = 65_535
TYPES = st.sampled_from([b"HELF", b"OPNF", b"MSGF", b"MSGC", b"MSGA", b"CLOF"])


def frame(kind: bytes, body: bytes) -> bytes:
    return kind + pack("<I", 8 + len(body)) + body


def fed(pieces: Sequence[bytes], largest: int = LARGEST) -> list[bytes]:
    buffer = FrameBuffer(largest)
    return [bytes(one) for piece in pieces for one in buffer.feed(piece)]


@given(
    st.lists(st.builds(frame, TYPES, st.binary(min_size=1, max_size=60)), max_size=8),
    st.binary(max_size=7),
    st.lists(st.integers(0, 600)),
)
def test_any_split_of_a_stream_gives_the_same_chunks(frames: list[bytes], rest: bytes, cuts: list[int]) -> None:
    stream = b"".join(frames) + (b"MSGF\xff\x00\x00\x00"[: len(rest)])
    places = sorted({0, len(stream), *(cut for cut in cuts if cut <= len(stream))})
    pieces = [stream[begin:end] for begin, end in pairwise(places)]
    assert fed(pieces) == frames
    assert fed([stream[at : at + 1] for at in range(len(stream))]) == frames
    assert fed([stream]) == frames


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=6))
def test_whatever_comes_is_a_chunk_an_unfinished_one_or_a_transport_error(data: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(data), *(cut for cut in cuts if cut <= len(data))})
    try:
        frames = fed([data[begin:end] for begin, end in pairwise(places)])
    except TransportError:
        return
    assert data.startswith(b"".join(frames))


@pytest.mark.parametrize("size", [0, 1, 7, 8, 1025, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF])
def test_threat_08_a_size_that_is_none_or_too_large_is_refused_on_the_header(size: int) -> None:
    with pytest.raises(TransportError) as refused:
        fed([b"MSGF" + pack("<I", size)], largest=1024)
    assert refused.value.status == ua.StatusCodes.BadTcpMessageTooLarge


def test_the_largest_chunk_is_taken() -> None:
    largest = frame(b"MSGF", bytes(1016))
    assert fed([largest], largest=1024) == [largest]
    smallest = frame(b"MSGF", b"x")
    assert fed([smallest], largest=1024) == [smallest]


@pytest.mark.parametrize(
    "kind",
    [
        *(b"MSGX", b"MSG\0", b"msgF", b"GET ", b"\0\0\0\0", b"RHEF", b"HELC", b"HELA", b"OPNC", b"OPNA", b"CLOC"),
        *(b"ACKF", b"ERRF"),  # the server's to send: an Acknowledge would set our own limits
    ],
)
def test_what_a_client_may_not_send_is_refused_on_the_header(kind: bytes) -> None:
    for pieces in ([kind + pack("<I", 12)], [kind[:3], kind[3:] + pack("<I", 12)], [kind + pack("<I", 12) + bytes(4)]):
        with pytest.raises(TransportError) as refused:
            fed(pieces)
        assert refused.value.status == ua.StatusCodes.BadTcpMessageTypeInvalid


def test_chunks_before_one_that_makes_no_sense_are_given() -> None:
    buffer = FrameBuffer(LARGEST)
    good = frame(b"MSGF", b"abc")
    given_ = buffer.feed(good + good + b"MSGF" + pack("<I", 7))
    assert [next(given_), next(given_)] == [good, good]
    with pytest.raises(TransportError):
        next(given_)


def test_threat_08_a_chunk_that_is_dribbled_costs_what_its_bytes_cost() -> None:
    """Eight times the bytes, one at a time, cost about eight times as much; copies of all before would be 64 times."""

    def seconds(size: int) -> float:
        stream = frame(b"MSGF", bytes(size))
        spent: list[float] = []
        for _ in range(3):
            began = time.process_time()
            assert fed([stream[at : at + 1] for at in range(len(stream))]) == [stream]
            spent.append(time.process_time() - began)
        return min(spent)

    seconds(100)
    assert any(seconds(65_000) < 24 * seconds(65_000 // 8) for _ in range(5)), "in one of some tries: machines are busy"


def test_many_chunks_in_one_segment_cost_what_their_bytes_cost() -> None:
    def seconds(count: int) -> float:
        stream = frame(b"MSGF", b"x") * count
        spent: list[float] = []
        for _ in range(3):
            began = time.process_time()
            assert len(fed([stream])) == count
            spent.append(time.process_time() - began)
        return min(spent)

    seconds(100)
    assert any(seconds(24_000) < 24 * seconds(3000) for _ in range(5)), "in one of some tries: machines are busy"
