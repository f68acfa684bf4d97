"""What comes from a broker, cut anywhere, damaged anyhow: packets, or the one error that says where."""

from __future__ import annotations

import contextlib
import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.pubsub.contract import MqttMessage
from server.pubsub.mqtt.arriving import Publish, TooLarge
from server.pubsub.mqtt.framing import Decoder
from server.pubsub.mqtt.packets import Acknowledged, Connack, Disconnect, Pingresp, Suback, encode_puback
from server.pubsub.mqtt.publishing import encode_publish
from server.pubsub.mqtt.wire import BrokenProtocol
from tests.thorough import examples

MESSAGE = MqttMessage("cmd/line-1", b"12", 1, content_type="text/plain", response_topic="r", correlation=b"id")
CONNACK = (
    b"\x20\x1c\x00\x00\x19\x21\x00\x14\x22\x00\x0a\x24\x01\x25\x00\x27\x00\x00\x10\x00\x13\x00\x1e"
    b"\x26\x00\x01a\x00\x01b"
)
STREAM = b"".join(
    [
        CONNACK,
        encode_publish(MESSAGE, 5, is_v5=True),
        *(encode_puback(number, is_v5=True) for number in (1, 2, 3)),
        *(encode_puback(number, 0x10, is_v5=True) for number in (4, 5)),
        b"\x40\x09\x00\x06\x87\x05\x1f\x00\x02no",
        b"\x90\x06\x00\x07\x00\x01\x00\x80",
        b"\xb0\x04\x00\x08\x00\x11",
        b"\xd0\x00",
        encode_publish(MqttMessage("big", bytes(3_000), 0), 0, is_v5=True),
        b"\xe0\x09\x9c\x07\x1c\x00\x04else",
    ]
)


def _flat(packets: list[object]) -> list[object]:
    """Take runs of acknowledgements apart: how they are grouped depends on the cuts."""
    flat: list[object] = []
    for packet in packets:
        if isinstance(packet, Acknowledged):
            flat += [(n, code, packet.texts.get(n)) for n, code in zip(packet.ids, packet.codes, strict=True)]
        else:
            flat.append(packet)
    return flat


def test_every_packet_of_a_broker_is_read() -> None:
    packets = Decoder(1 << 20, is_v5=True).feed(STREAM)
    first, message, *acknowledged, suback, unsuback, ping, big, last = packets
    assert isinstance(first, Connack)
    assert first.properties.numbers == {0x21: 20, 0x22: 10, 0x24: 1, 0x25: 0, 0x27: 4096, 0x13: 30}
    assert first.properties.user == [("a", "b")]
    assert message == Publish(MESSAGE, 5)
    assert acknowledged == [
        Acknowledged([1, 2, 3], [0, 0, 0], {}),
        Acknowledged([4, 5], [0x10, 0x10], {}),
        Acknowledged([6], [0x87], {6: "(no)"}),
    ]
    assert suback == Suback(7, [1, 0, 0x80], "")
    assert unsuback == Suback(8, [0x11], "")
    assert ping == Pingresp()
    assert isinstance(big, Publish)
    assert isinstance(last, Disconnect)
    assert last.properties.explained("x") == "x (it names else)"


@settings(max_examples=examples(30, 1_000), deadline=None)
@given(st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_the_network_may_cut_anywhere(places: list[int]) -> None:
    cuts = [0, *sorted(places), len(STREAM)]
    decoder = Decoder(1 << 20, is_v5=True)
    packets: list[object] = []
    for begin, end in pairwise(cuts):
        if end > begin:
            packets += decoder.feed(STREAM[begin:end])
    assert _flat(packets) == _flat(list(Decoder(1 << 20, is_v5=True).feed(STREAM)))


@settings(max_examples=examples(150, 20_000), deadline=None)
@given(
    chance=st.randoms(use_true_random=False), is_v5=st.booleans(), damages=st.integers(1, 6), step=st.integers(1, 700)
)
def test_garbage_is_told_and_nothing_else_happens(
    chance: random.Random, *, is_v5: bool, damages: int, step: int
) -> None:
    damaged = bytearray(STREAM)
    for _ in range(damages):
        place = chance.randrange(len(damaged))
        how = chance.random()
        if how < 0.5:
            damaged[place] = chance.randrange(256)
        elif how < 0.75:
            del damaged[place : place + chance.randrange(1, 4)]
        else:
            damaged[place:place] = chance.randbytes(chance.randrange(1, 4))
    begin = chance.choice([0, chance.randrange(len(damaged))])
    decoder = Decoder(4_096, is_v5=is_v5)
    with contextlib.suppress(BrokenProtocol):  # and nothing else
        for at in range(begin, len(damaged), step):
            decoder.feed(bytes(damaged[at : at + step]))


@pytest.mark.parametrize(
    ("data", "told", "clause", "byte"),
    [
        (b"\x00\x00", "type 0", "2.1.2", 0),
        (b"\x10\x00", "type 1", "2.1.2", 0),
        (b"\x50\x02\x00\x01", "PUBREC", "2.1.2", 0),
        (b"\xf0\x00", "AUTH", "4.12", 0),
        (b"\x41\x02\x00\x01", "the flags", "2.1.3", 0),
        (b"\x40\x02\x00\x00", "identifier is 0", "2.2.1", 2),
        (b"\x40\x01\x00", "2 bytes are announced", "2.2.1", 2),
        (b"\x40\x03\x00\x01\x42", "0x42", "3.4.2.1", 5),
        (b"\x40\x05\x00\x01\x87\x00\x00", "1 bytes too many", "3.4", 6),
        (b"\x40\x85\x00\x00\x01", "shortest form", "1.5.5", 1),
        (b"\x30\xff\xff\xff\xff\x01", "more than four bytes", "1.5.5", 1),
        (b"\x30\xff\xff\x7f", "up to 100000", "3.1.2.11.4", 1),
        (b"\x36\x06\x00\x01a\x00\x01\x00", "QoS 3", "3.3.1.2", 0),
        (b"\x34\x06\x00\x01a\x00\x01\x00", "QoS 2 was not asked for", "3.3.1.2", 0),
        (b"\x38\x04\x00\x01a\x00", "duplicate of QoS 0", "3.3.1.1", 0),
        (b"\x30\x04\x00\x01#\x00", "wildcard", "3.3.2.1", 2),
        (b"\x30\x04\x00\x01\xff\x00", "not UTF-8", "1.5.4", 4),
        (b"\x30\x04\x00\x01\x00\x00", "U\\+0000", "1.5.4", 2),
        (b"\x30\x07\x00\x01a\x03\x23\x00\x01", "alias", "3.3.2.3.4", 2),
        (b"\x30\x08\x00\x01a\x04\x01\x00\x01\x00", "twice", "3.3.2.3", 8),
        (b"\x30\x06\x00\x01a\x02\x01\x02", "must not be 2", "3.3.2.3", 6),
        (b"\x30\x06\x00\x01a\x02\x24\x01", "does not belong", "3.3.2.3", 6),
        (b"\x30\x05\x00\x01a\x7f\x01", "127 bytes of properties", "3.3.2.3", 6),
        (b"\x20\x03\x01\x00\x00", "a session is present", "3.2.2.1.1", 2),
        (b"\x20\x03\x02\x00\x00", "the flags", "3.2.2.1", 2),
        (b"\x20\x06\x00\x00\x03\x21\x00\x00", "must not be 0", "3.2.2.3", 5),
        (b"\x90\x04\x00\x01\x00\x42", "a reason code", "3.9.3", 5),
        (b"\xd0\x01\x00", "1 bytes too many", "3.13", 2),
    ],
)
def test_what_is_malformed_is_told_with_clause_and_byte(data: bytes, told: str, clause: str, byte: int) -> None:
    with pytest.raises(BrokenProtocol, match=told) as caught:
        Decoder(100_000, is_v5=True).feed(data)
    assert (caught.value.clause, caught.value.byte) == (clause, byte)
    assert f"byte {byte}:" in str(caught.value)


def test_mqtt_311_knows_less() -> None:
    decoder = Decoder(1 << 20, is_v5=False)
    packets = decoder.feed(b"\x20\x02\x00\x05\x90\x04\x00\x01\x01\x80\xb0\x02\x00\x02\x40\x02\x00\x03")
    assert [packet.code for packet in packets if isinstance(packet, Connack)] == [0x87]
    assert packets[1:] == [Suback(1, [1, 0x80], ""), Suback(2, [], ""), Acknowledged([3], [0], {})]
    for data in (b"\xe0\x00", b"\x20\x02\x00\x06", b"\x40\x03\x00\x01\x10"):
        with pytest.raises(BrokenProtocol):
            Decoder(1 << 20, is_v5=False).feed(data)


def test_a_broker_without_mqtt_5_may_refuse_in_the_form_of_3() -> None:
    (connack,) = Decoder(1 << 20, is_v5=True).feed(b"\x20\x02\x00\x01")
    assert isinstance(connack, Connack)
    assert connack.code == 0x84


@settings(max_examples=examples(30, 1_000), deadline=None)
@given(step=st.integers(1, 400), qos=st.integers(0, 1), size=st.integers(95, 400))
def test_mqtt_311_passes_over_what_is_too_large_and_goes_on(step: int, qos: int, size: int) -> None:
    large = encode_publish(MqttMessage("a/large", bytes(size), qos), 9 if qos else 0, is_v5=False)
    small = encode_publish(MqttMessage("b", b"x", 0), 0, is_v5=False)
    data = small + large + b"\x40\x02\x00\x07" + large + small
    decoder = Decoder(100, is_v5=False)
    packets: list[object] = []
    for at in range(0, len(data), step):
        packets += decoder.feed(data[at : at + step])
        assert len(decoder._kept) <= 100
    little = Publish(MqttMessage("b", b"x", 0), 0)
    passed = TooLarge("a/large", 9 if qos else 0, len(large))
    assert _flat(packets) == [little, passed, (7, 0, None), passed, little]
