from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drivers.can.transport import Transport


def announcement(pgn: int, payload: bytes, control: int = 32) -> bytes:
    packets = (len(payload) + 6) // 7
    return bytes([control]) + len(payload).to_bytes(2, "little") + bytes([packets, 255]) + pgn.to_bytes(3, "little")


def packets(payload: bytes) -> list[bytes]:
    count = (len(payload) + 6) // 7
    return [bytes([n + 1]) + payload[n * 7 : n * 7 + 7].ljust(7, b"\xff") for n in range(count)]


@given(st.binary(min_size=9, max_size=1785), st.sampled_from([16, 32]))
def test_a_message_is_put_together(payload: bytes, control: int) -> None:
    transport = Transport()
    transport.announce(0xFF17, announcement(0xFEE3, payload, control))
    *before, last = packets(payload)
    assert all(transport.add(0xFF17, frame) is None for frame in before)
    assert transport.add(0xFF17, last) == (0xFEE3, payload)
    assert transport.dropped == 0


def test_a_packet_sent_twice_counts_once_and_a_lost_one_drops_the_message() -> None:
    payload = bytes(range(30))
    transport = Transport()
    transport.announce(1, announcement(0xFEE3, payload))
    first, second, *rest = packets(payload)
    assert [transport.add(1, frame) for frame in (first, first, second, *rest)][-1] == (0xFEE3, payload)
    transport.announce(1, announcement(0xFEE3, payload))
    assert [transport.add(1, frame) for frame in (first, *rest)] == [None] * (1 + len(rest))
    assert transport.dropped == 1


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.binary(max_size=8)), max_size=60))
def test_garbage_never_raises(frames: list[tuple[bool, int, bytes]]) -> None:
    transport = Transport()
    for is_announcement, pair, frame in frames:
        if is_announcement:
            transport.announce(pair, frame)
        else:
            transport.add(pair, frame)
