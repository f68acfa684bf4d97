from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drivers.can.fast_packet import FastPackets


def split(payload: bytes, sequence: int) -> list[bytes]:
    """Cut a payload into the frames that a sender makes of it."""
    frames = [bytes([sequence << 5, len(payload)]) + payload[:6]]
    rest = payload[6:]
    frames += [bytes([sequence << 5 | n + 1]) + rest[n * 7 : n * 7 + 7] for n in range((len(rest) + 6) // 7)]
    return [frame.ljust(8, b"\xff") for frame in frames]


PAYLOADS = st.binary(min_size=1, max_size=223)


@given(PAYLOADS, st.integers(0, 7))
def test_a_payload_is_put_together(payload: bytes, sequence: int) -> None:
    packets = FastPackets()
    *before, last = split(payload, sequence)
    assert all(packets.add(1, frame) is None for frame in before)
    assert packets.add(1, last) == payload
    assert packets.dropped == 0


@given(st.lists(PAYLOADS.filter(lambda payload: len(payload) > 6), min_size=2, max_size=6), st.data())
def test_a_lost_frame_loses_its_message_alone(payloads: list[bytes], data: st.DataObject) -> None:
    messages = [split(payload, number % 8) for number, payload in enumerate(payloads)]
    victim = data.draw(st.integers(0, len(messages) - 2))
    del messages[victim][data.draw(st.integers(0, len(messages[victim]) - 1))]
    packets = FastPackets()
    whole = [found for frames in messages for frame in frames if (found := packets.add(1, frame)) is not None]
    assert whole == payloads[:victim] + payloads[victim + 1 :]
    assert packets.dropped == 1


@given(PAYLOADS, PAYLOADS)
def test_senders_do_not_mix(first: bytes, second: bytes) -> None:
    packets = FastPackets()
    found: dict[int, bytes | None] = {}
    one, other = split(first, 3), split(second, 3)
    for number in range(max(len(one), len(other))):
        for key, frames in ((1, one), (2, other)):
            if number < len(frames) and (whole := packets.add(key, frames[number])) is not None:
                found[key] = whole
    assert found == {1: first, 2: second}


@given(st.lists(st.tuples(st.integers(0, 3), st.binary(max_size=8)), max_size=60))
def test_garbage_never_raises(frames: list[tuple[int, bytes]]) -> None:
    packets = FastPackets()
    for key, frame in frames:
        packets.add(key, frame)
    assert len(packets) <= 8


def test_what_is_kept_is_bounded() -> None:
    packets = FastPackets()
    for key in range(5000):
        packets.add(key, bytes([0, 100]) + bytes(6))
        packets.add(key + 100_000, bytes([5]) + bytes(7))
    assert len(packets) <= 2048
