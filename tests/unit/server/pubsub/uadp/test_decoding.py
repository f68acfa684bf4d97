"""Messages of others, and of nobody: each is read, or answered with an error of ours."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.datatypes import DataType
from server.address_space.decoding import GivenValue
from server.pubsub.frames import MessageType, PubSubState
from server.pubsub.uadp.decoding import Limits, UadpDecoder
from server.pubsub.uadp.encoding import UadpEncoding
from server.pubsub.uadp.errors import MalformedMessage, MessageTooLarge, UadpError, UnsupportedMessage
from server.pubsub.uadp.flags import AnnouncementType, DataSetMessageType
from server.pubsub.uadp.messages import (
    ReceivedAnnouncement,
    ReceivedChunk,
    ReceivedDataSetMessage,
    ReceivedMetaData,
    ReceivedProbe,
    ReceivedStatus,
)
from server.pubsub.uadp.metadata import DataSetMetaData
from server.pubsub.uadp.publisher_id import PublisherId, PublisherIdType
from server.pubsub.uadp.reassembly import Reassembly
from server.pubsub.uadp.settings import UadpSettings
from tests.thorough import examples
from tests.unit.server.pubsub.uadp.plain import IDENTITY, PlainField, fields_of, frame_of, publisher

TYPES = [DataType.DOUBLE, DataType.STRING, DataType.INT32]
VALUES = [
    PlainField(0, DataType.DOUBLE, 1.5, 0x40900000),
    PlainField(1, DataType.STRING, "text"),
    PlainField(2, DataType.INT32, None, 0x80320000),
]


def _encoding(content: tuple[str, ...], network: list[str] | None = None) -> UadpEncoding:
    given = {} if network is None else {"network": network, "group_id": 3}
    return UadpEncoding(publisher(), IDENTITY, fields_of(TYPES), content, UadpSettings.model_validate(given))


def _samples() -> list[bytes]:
    """Messages of every kind."""
    made: list[bytes] = []
    everything = ["PublisherId", "PayloadHeader", "GroupHeader", "WriterGroupId", "SequenceNumber", "Timestamp"]
    for content in ((), ("RawData",), ("StatusCode", "SourceTimestamp")):
        for network in (None, everything, ["PublisherId"]):
            for kind in MessageType:
                encoder = _encoding(content, network)
                frames = [frame_of([] if kind is MessageType.KEEP_ALIVE else VALUES, kind, number) for number in (1, 2)]
                made += [one.message.payload for one in encoder.data(frames, 10_000)]
    made += [one.message.payload for one in _encoding(()).data([frame_of(VALUES)], 60)]
    made += [message.payload for message in _encoding(()).metadata()]
    made.append(publisher().status(PubSubState.OPERATIONAL).payload)
    return made


SAMPLES = _samples()


def _metadata() -> DataSetMetaData:
    received = UadpDecoder().decode(_encoding(()).metadata()[0].payload).payload
    assert isinstance(received, ReceivedMetaData)
    return received.metadata


METADATA = _metadata()


def _try(data: bytes) -> None:
    decoder = UadpDecoder(lambda _publisher, _writer: METADATA, limits=Limits(100_000, 1_000))
    try:
        read = decoder.decode(data)
        if isinstance(read.payload, ReceivedChunk):
            whole = Reassembly(largest=10_000).add(read.publisher, read.payload, 0.0)
            if whole is not None:
                decoder.payload(whole, read.payload, read.publisher)
    except UadpError:
        pass


@settings(max_examples=examples(150, 20_000), deadline=None)
@given(st.sampled_from(SAMPLES), st.data())
def test_damaged_messages_are_errors_of_ours(sample: bytes, data: st.DataObject) -> None:
    damaged = bytearray(sample)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    _try(bytes(damaged[: data.draw(st.integers(1, len(damaged)))]))


@settings(max_examples=examples(60, 20_000), deadline=None)
@given(st.binary(max_size=200))
def test_messages_of_nobody_are_errors_of_ours(data: bytes) -> None:
    _try(data)
    _try(b"\xd1\x00\x07" + data)


def test_every_shorter_message_is_an_error_or_a_shorter_message() -> None:
    for sample in SAMPLES:
        for end in range(0, len(sample), 3):
            _try(sample[:end])


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (b"", MalformedMessage, "end before"),
        (b"\x02", UnsupportedMessage, "UADP version 2"),
        (b"\x91\x85\x00", UnsupportedMessage, "5 is no type of a PublisherId"),
        (b"\x91\x80\x20\x01", UnsupportedMessage, "extended flags 0x20"),
        (b"\x91\x80\x0c\x01", UnsupportedMessage, "3 is no type of a NetworkMessage"),
        (b"\x91\x04\xff\xff\xff\xff", MalformedMessage, "null String"),
        (b"\x31\x01\xf0", UnsupportedMessage, "group flags 0xF0"),
        (b"\x51\x01\x00", MalformedMessage, "names no DataSetMessage"),
        (b"\xd1\x80\x08\x01\x01\x07\x00", MalformedMessage, "only data have a payload header"),
        (b"\x11\x01\x07", UnsupportedMessage, "reserved encoding"),
        (b"\x11\x01\x81\x04", UnsupportedMessage, "4 is no type of a DataSetMessage"),
        (b"\x11\x01\x81\x40", UnsupportedMessage, "DataSet flags 0x40"),
        (b"\x11\x01\x01\x01\x00\x3f", MalformedMessage, "no built-in type|end before"),
        (b"\xd1\x80\x01\x01\x07\x00" + struct.pack("<HIIi", 1, 9, 10, 2) + b"ab", MalformedMessage, "no part of 10"),
        (b"\x91\x90\x08\x01" + bytes(6) + b"\x09\x01\x00", UnsupportedMessage, "9 is no type of an announcement"),
        (
            b"\x91\x90\x08\x01" + bytes(6) + b"\x05\x01\x00\x02\x00\x00\x07\0\0\0",
            MalformedMessage,
            "7 is no PubSubState",
        ),
        (b"\x91\x90\x00\x01\xf0" + bytes(5), UnsupportedMessage, "security flags 0xF0"),
    ],
)
def test_what_is_not_understood_is_told(data: bytes, error: type[UadpError], says: str) -> None:
    with pytest.raises(error, match=says):
        UadpDecoder().decode(data)


def test_bounds_are_kept() -> None:
    with pytest.raises(MessageTooLarge, match="11 bytes, and 10 are taken"):
        UadpDecoder(limits=Limits(largest=10)).decode(bytes(11))
    many = b"\x11\x01\x01" + struct.pack("<H", 60_000) + bytes(60_000)
    with pytest.raises(UadpError, match="more values"):
        UadpDecoder(limits=Limits(values=1_000)).decode(many)


def test_an_invalid_message_is_not_looked_into() -> None:
    read = UadpDecoder().decode(b"\x51\x01\x01\x07\x00" + b"\xfe\xff\xff")
    assert read.payload == (ReceivedDataSetMessage(7, valid=False, kind=DataSetMessageType.KEY_FRAME),)
    assert read.publisher == PublisherId(PublisherIdType.Byte, 1)


def test_a_heartbeat_is_a_key_frame_without_fields() -> None:
    (read,) = _data(b"\x11\x01\x09\x05\x00")
    assert (read.sequence, read.fields) == (5, ())


def _data(data: bytes, metadata: DataSetMetaData | None = None) -> tuple[ReceivedDataSetMessage, ...]:
    payload = UadpDecoder(lambda _publisher, _writer: metadata).decode(data).payload
    assert isinstance(payload, tuple)
    return payload


def test_a_variant_tells_a_status_in_the_place_of_a_value() -> None:
    fields = (
        bytes([0x13]) + struct.pack("<I", 0x80320000) + bytes([0x13]) + bytes(4) + b"\x17\x03\x06\x05\0\0\0\0\0\x90\x40"
    )
    (read,) = _data(b"\x11\x01\x01" + struct.pack("<H", 4) + fields + b"\x00")
    assert [field.value for field in read.fields] == [
        GivenValue(None, 0x80320000),
        GivenValue(bytes([0x13]) + bytes(4), 0),
        GivenValue(b"\x06\x05\0\0\0", 0x40900000),
        GivenValue(None, 0),
    ]


def test_raw_data_need_the_metadata_of_their_version() -> None:
    message = _encoding(("RawData",)).data([frame_of(VALUES)], 10_000)[0].message.payload
    (known,) = _data(message, METADATA)
    assert [field.value.variant for field in known.fields] == [
        b"\x0b" + struct.pack("<d", 1.5),
        b"\x0c\x04\0\0\0text",
        b"\x06" + bytes(4),
    ]
    for metadata in (None, DataSetMetaData("x", (10, 12), METADATA.fields, METADATA.class_id)):
        (unknown,) = _data(message, metadata)
        assert unknown.fields == ()
        assert unknown.raw == struct.pack("<d", 1.5) + b"\x04\0\0\0text" + bytes(4)


def test_raw_data_of_others_are_padded() -> None:
    def padded(built_in: DataType, rank: int, longest: int = 0, dimensions: tuple[int, ...] = ()) -> DataSetMetaData:
        one, last = METADATA.fields[0], METADATA.fields[2]
        described = type(one)("p", built_in, rank, "i=1", one.field_id, longest, dimensions)
        return DataSetMetaData("x", (1, 1), (described, last), METADATA.class_id)

    number = struct.pack("<i", 7)
    text = padded(DataType.STRING, -1, longest=6)
    (read,) = _data(b"\x11\x01\x03" + b"\x02\0\0\0ab" + bytes(4) + number, text)
    assert [field.value.variant for field in read.fields] == [b"\x0c\x02\0\0\0ab", b"\x06" + number]
    array = padded(DataType.INT16, 1, dimensions=(3,))
    (read,) = _data(b"\x11\x01\x03" + b"\x01\0\0\0\x05\0" + bytes(4) + number, array)
    assert [field.value.variant for field in read.fields] == [b"\x84\x01\0\0\0\x05\0", b"\x06" + number]
    with pytest.raises(MalformedMessage, match="longer than its DataSetMetaData says"):
        _data(b"\x11\x01\x03" + b"\x08\0\0\0abcdefgh" + number, text)
    with pytest.raises(UnsupportedMessage, match="value rank of 2"):
        _data(b"\x11\x01\x03" + bytes(30), padded(DataType.INT16, 2))
    with pytest.raises(MalformedMessage, match="no field 9"):
        _data(b"\x11\x01\x83\x01" + struct.pack("<HH", 1, 9), array)


def test_announcements_of_others_are_passed_on() -> None:
    head = b"\x91\x90\x08\x01" + bytes(6)
    assert UadpDecoder().decode(head + b"\x04\x07\x00rest").payload == ReceivedAnnouncement(
        AnnouncementType.CONNECTION_CONFIGURATION, 7, b"rest"
    )
    application = UadpDecoder().decode(head + b"\x05\x07\x00\x01\x00rest").payload
    assert application == ReceivedAnnouncement(AnnouncementType.APPLICATION_INFORMATION, 7, b"\x01\x00rest")
    assert UadpDecoder().decode(b"\x91\x90\x04\x01" + bytes(6) + b"\x01").payload == ReceivedProbe(b"\x01")
    cyclic = head + b"\x05\x07\x00\x02\x00\x01" + struct.pack("<Iqq", 2, 10, 5)
    assert UadpDecoder().decode(cyclic).payload == ReceivedStatus(
        PubSubState.OPERATIONAL, cyclic=True, next_report=10, time=5, sequence=7
    )


def test_the_status_is_an_announcement_and_never_cyclic() -> None:
    made = publisher("9", PublisherIdType.UInt64).status(PubSubState.ERROR)
    assert (made.topic, made.retain, made.kind) == ("opcua/uadp/status/9", True, "ua-status")
    # 7.2.4.6.3: these flags and no others, and a security header, which says that there is no security
    assert made.payload[:3] == b"\x91\x93\x08"
    read = UadpDecoder(required="SignAndEncrypt").decode(made.payload)
    assert read.publisher == PublisherId(PublisherIdType.UInt64, 9)
    assert read.payload == ReceivedStatus(PubSubState.ERROR, cyclic=False, next_report=None, time=None, sequence=1)
