from __future__ import annotations

import contextlib
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.pubsub.contract import Encoded, MqttMessage
from server.pubsub.record import DamagedRecord, dataset_of, pack, topic_of, unpack

TEXTS = st.text(max_size=20)
MESSAGES = st.builds(
    MqttMessage,
    topic=st.text(min_size=1, max_size=80),
    payload=st.one_of(st.binary(max_size=300), st.integers(0, 5000).map(lambda size: b'{"Value":1.5},' * size)),
    qos=st.integers(0, 2),
    retain=st.booleans(),
    kind=st.sampled_from(["", "ua-data", "ua-metadata"]),
    content_type=TEXTS,
    expiry=st.one_of(st.none(), st.integers(0, 0xFFFFFFFF)),
    response_topic=TEXTS,
    correlation=st.binary(max_size=20),
    properties=st.lists(st.tuples(TEXTS, TEXTS), max_size=2).map(tuple),
)
BURSTS = st.lists(st.builds(Encoded, MESSAGES, st.integers(0, 0xFFFFFFFF)), max_size=4)


@given(BURSTS, TEXTS, TEXTS, st.integers(-(1 << 63), (1 << 63) - 1))
def test_a_burst_comes_back(burst: list[Encoded], dataset: str, encoding: str, moment: int) -> None:
    packed = pack(dataset, encoding, moment, burst)
    found = unpack(packed)
    assert (found.dataset, found.encoding, found.time) == (dataset, encoding, moment)
    assert [Encoded(*one) for one in zip(found.messages, found.values, strict=True)] == burst
    assert dataset_of(packed) == (dataset or None)
    assert topic_of(packed) is None


def test_a_record_is_laid_out_as_the_reference_says() -> None:
    message = MqttMessage("a/b", b"{}", 1, retain=True, kind="ua-data", content_type="x/y", properties=(("k", "v"),))
    body = b"".join(
        (
            struct.pack("<BIBBHHB", 0x05, 0, 7, 3, 0, 0, 1),
            b"ua-datax/y",
            struct.pack("<HH", 1, 1) + b"kv",
            struct.pack("<H", 3) + b"a/b",
            struct.pack("<2I2I2I2I", 0, 0, 0, 0, 2, 3, 5, 6),
            b"{}123",
        )
    )
    header = struct.pack("<BBHHHIIqI", 2, 0, 6, 4, 1, 1, 2, 77, len(body))
    other = MqttMessage("a/b", b"123", 1, retain=True, kind="ua-data", content_type="x/y", properties=(("k", "v"),))
    packed = pack("meters", "json", 77, [Encoded(message, 5), Encoded(other, 6)])
    assert packed == header + b"metersjson" + body
    long = pack("", "", 0, [Encoded(MqttMessage("t", b"x" * 1000, expiry=9), 1)])
    assert long[1] == 0x08
    inflated = zlib.decompress(long[28:])
    assert inflated[:5] == struct.pack("<BI", 0x11, 9)
    assert inflated.endswith(b"x" * 1000)


def test_what_does_not_shrink_stays_as_it_is() -> None:
    noise = bytes((number * number * 31 >> 3) & 0xFF for number in range(40))
    packed = pack("d", "uadp", 0, [Encoded(MqttMessage("t", noise), 1)])
    assert packed[1] == 0
    assert packed.endswith(noise)


def test_records_of_version_1_are_still_read() -> None:
    for payload, flags in ((b"{}", 0x01), (b"x" * 1000, 0x0D)):
        kept = zlib.compress(payload) if flags & 0x08 else payload
        old = struct.pack("<BBHI", 1, flags, 3, len(payload)) + b"a/b" + kept
        burst = unpack(old)
        retained = bool(flags & 0x04)
        kind = "ua-metadata" if retained else "ua-data"
        assert list(burst.messages) == [MqttMessage("a/b", payload, 1, retained, kind, "application/json")]
        assert topic_of(old) == "a/b"
        assert dataset_of(old) is None
        with pytest.raises(DamagedRecord):
            unpack(old[:-1])


@given(BURSTS, st.data())
def test_damaged_bytes_are_told_and_nothing_else_happens(burst: list[Encoded], data: st.DataObject) -> None:
    packed = bytearray(pack("meters", "json", 0, burst))
    place = data.draw(st.integers(0, len(packed) - 1))
    packed[place] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(DamagedRecord):
        unpack(bytes(packed[: data.draw(st.integers(0, len(packed)))]))


def test_a_record_that_inflates_without_end_is_refused() -> None:
    bomb = struct.pack("<BBHI", 1, 0x09, 1, 10) + b"t" + zlib.compress(b"\0" * 10_000_000)
    with pytest.raises(DamagedRecord, match="says 10 bytes"):
        unpack(bomb)
    bomb = struct.pack("<BBHHHIIqI", 2, 0x08, 0, 0, 1, 1, 1, 0, 10) + zlib.compress(b"\0" * 10_000_000)
    with pytest.raises(DamagedRecord, match="says 10 bytes"):
        unpack(bomb)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        b"\x02",
        struct.pack("<BBHI", 1, 0x80, 0, 0),
        struct.pack("<BBHHHIIqI", 3, 0, 0, 0, 0, 0, 0, 0, 0),
        struct.pack("<BBHHHIIqI", 2, 1, 0, 0, 0, 0, 0, 0, 0),
        struct.pack("<BBHHHIIqI", 2, 0, 0, 0, 0, 0, 0xFFFFFFFF, 0, 0),
        struct.pack("<BBHHHIIqI", 2, 0, 0, 0, 0, 0xFFFFFFFF, 0, 0, 0),
    ],
)
def test_what_is_no_record_is_refused(data: bytes) -> None:
    with pytest.raises(DamagedRecord):
        unpack(data)
