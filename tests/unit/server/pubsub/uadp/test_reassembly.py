from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.pubsub.uadp.chunks import split
from server.pubsub.uadp.errors import MalformedMessage, MessageTooLarge
from server.pubsub.uadp.messages import ReceivedChunk
from server.pubsub.uadp.publisher_id import PublisherId, PublisherIdType
from server.pubsub.uadp.reassembly import Reassembly

PUBLISHER = PublisherId(PublisherIdType.UInt16, 5)


def _chunk(offset: int, data: bytes, total: int = 10, sequence: int = 1, writer: int = 7) -> ReceivedChunk:
    return ReceivedChunk(writer, sequence, offset, total, data)


@given(st.binary(min_size=1, max_size=2_000), st.integers(80, 500), st.randoms())
def test_chunks_come_together_in_any_order_and_more_than_once(payload: bytes, room: int, random: object) -> None:
    chunks: list[ReceivedChunk] = []
    for piece in split(payload, 65_537, room):
        size = int.from_bytes(piece[10:14], "little")
        assert len(piece) <= room
        assert size == len(piece) - 14
        chunks.append(
            ReceivedChunk(
                7,
                int.from_bytes(piece[:2], "little"),
                int.from_bytes(piece[2:6], "little"),
                int.from_bytes(piece[6:10], "little"),
                piece[14:],
            )
        )
    assert {chunk.sequence for chunk in chunks} == {1}
    assert len({len(chunk.data) for chunk in chunks[:-1]}) <= 1
    last = chunks.pop()
    again = chunks * 2
    random.shuffle(again)  # type: ignore[attr-defined] - hypothesis leaves the type of its random open
    reassembly = Reassembly()
    assert all(reassembly.add(PUBLISHER, chunk, 0.0) is None for chunk in again)
    assert reassembly.add(PUBLISHER, last, 0.0) == payload
    assert (reassembly.held, reassembly.counters.whole) == (0, 1)


def test_a_newer_payload_takes_the_place_of_an_unfinished_one() -> None:
    reassembly = Reassembly()
    assert reassembly.add(PUBLISHER, _chunk(0, b"12345"), 0.0) is None
    assert reassembly.add(PUBLISHER, _chunk(0, b"abcde", sequence=2), 0.0) is None
    assert reassembly.add(PUBLISHER, _chunk(0, b"xxxxx", writer=8), 0.0) is None
    assert reassembly.add(None, _chunk(5, b"yyyyy"), 0.0) is None
    assert reassembly.add(PUBLISHER, _chunk(5, b"fghij", sequence=2), 0.0) == b"abcdefghij"
    assert (reassembly.counters.dropped, reassembly.held) == (1, 10)


def test_what_misses_a_chunk_for_too_long_is_given_up() -> None:
    reassembly = Reassembly(timeout=30)
    reassembly.add(PUBLISHER, _chunk(0, b"12345"), 100.0)
    reassembly.expire(130.0)
    assert reassembly.held == 5
    assert reassembly.add(PUBLISHER, _chunk(5, b"67890"), 130.1) is None
    assert (reassembly.counters.expired, reassembly.held) == (1, 5)


def test_memory_is_bounded_by_what_was_received_not_by_what_was_announced() -> None:
    reassembly = Reassembly(largest=1_000_000, room=1_000)
    for writer in range(100):
        reassembly.add(PUBLISHER, _chunk(0, bytes(100), 1_000_000, writer=writer), 0.0)
    assert (reassembly.held, reassembly.counters.dropped) == (1_000, 90)
    with pytest.raises(MessageTooLarge, match="1000001 bytes"):
        reassembly.add(PUBLISHER, _chunk(0, b"1", 1_000_001), 0.0)


def test_so_is_the_number_of_payloads_and_chunks() -> None:
    reassembly = Reassembly()
    for number in range(3_000):
        publisher = PublisherId(PublisherIdType.UInt16, number)
        assert reassembly.add(publisher, _chunk(0, b"1"), 0.0) is None
    assert reassembly.held <= 1_024
    assert reassembly.counters.dropped == 3_000 - reassembly.held
    small = Reassembly()
    for writer in range(5):
        for offset in range(65_535):
            small.add(PUBLISHER, _chunk(offset, b"1", 70_000, writer=writer), 0.0)
    assert small.held <= 4 * 65_536


@pytest.mark.parametrize(
    "chunks",
    [
        [_chunk(0, b"12345"), _chunk(3, b"45678")],
        [_chunk(0, b"12345"), _chunk(3, b"45678901", 10)],
    ],
)
def test_chunks_that_overlap_are_an_error(chunks: list[ReceivedChunk]) -> None:
    reassembly = Reassembly()
    reassembly.add(PUBLISHER, chunks[0], 0.0)
    with pytest.raises(MalformedMessage, match="overlap"):
        reassembly.add(PUBLISHER, chunks[1], 0.0)
    assert reassembly.held == 0
