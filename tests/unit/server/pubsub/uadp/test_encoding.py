"""UADP messages against an encoder that does a value at a time, against golden files, and back through the decoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.datatypes import DataType
from core.errors import SettingError
from core.quality import Status
from nodesets.datatypes.namespaces import ListedNamespaces
from nodesets.datatypes.registry import TypeRegistry
from nodesets.names import STANDARD_NAMESPACE
from server.address_space.asyncua_values import decode_variant
from server.address_space.encoded_variant import EncodedVariant
from server.address_space.structured import StructureCodec
from server.pubsub.fields import DataSetField
from server.pubsub.frames import FieldValues, Frame, MessageType
from server.pubsub.uadp.decoding import UadpDecoder
from server.pubsub.uadp.encoding import UadpEncoding
from server.pubsub.uadp.flags import DataSetMessageType
from server.pubsub.uadp.messages import ReceivedChunk, ReceivedDataSetMessage, ReceivedMetaData
from server.pubsub.uadp.metadata import DataSetMetaData
from server.pubsub.uadp.publisher_id import PublisherIdType
from server.pubsub.uadp.reassembly import Reassembly
from server.pubsub.uadp.settings import UadpSettings
from tests.thorough import examples
from tests.unit.server.pubsub.uadp.plain import (
    CODES,
    DEFAULT_CONTENT,
    IDENTITY,
    MOMENT,
    PlainField,
    dataset_message,
    fields_of,
    frame_of,
    network_message,
    publisher,
)

GOLDEN = Path(__file__).parents[4] / "golden" / "uadp"
LARGE = 1_000_000
CODEC = StructureCodec(TypeRegistry(), ListedNamespaces((STANDARD_NAMESPACE, "urn:x")))
CONTENTS = [
    (),
    ("RawData",),
    ("StatusCode",),
    ("SourceTimestamp", "RawData"),
    ("StatusCode", "SourceTimestamp", "ServerTimestamp"),
]
VALUES: dict[DataType, st.SearchStrategy[Any]] = {
    DataType.BOOLEAN: st.booleans(),
    DataType.FLOAT: st.floats(width=32, allow_nan=False),
    DataType.DOUBLE: st.floats(allow_nan=False),
    DataType.STRING: st.text(max_size=5),
    DataType.BYTESTRING: st.binary(max_size=5),
    DataType.GUID: st.uuids(),
} | {
    kind: st.integers(int(np.iinfo(kind.dtype.str).min), int(np.iinfo(kind.dtype.str).max))
    for kind in CODES
    if kind not in (DataType.BOOLEAN, DataType.FLOAT, DataType.DOUBLE)
}
STATUSES = st.sampled_from([0, 0, 0, int(Status.GOOD_CLAMPED), 0x40900000, 0x80320000])


def encoding(fields: list[DataSetField], content: tuple[str, ...] = DEFAULT_CONTENT, **given: Any) -> UadpEncoding:
    return UadpEncoding(publisher(), IDENTITY, fields, content, UadpSettings(**given))


def golden(name: str) -> bytes:
    lines = (GOLDEN / f"{name}.hex").read_text(encoding="utf-8").splitlines()
    return bytes.fromhex("".join(line.split("#", 1)[0] for line in lines))


@st.composite
def datasets(draw: st.DrawFn) -> tuple[list[DataType], list[list[PlainField]], list[MessageType], bool]:
    """Fields, the values of some frames, their kinds, and whether all values are there and Good."""
    types = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=6))
    sound = draw(st.booleans())
    frames: list[list[PlainField]] = []
    kinds: list[MessageType] = []
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(list(MessageType)))
        places = list(range(len(types)))
        if kind is MessageType.DELTA_FRAME:
            places = draw(st.permutations(places))[: draw(st.integers(1, len(types)))]
        if kind is MessageType.KEEP_ALIVE:
            places = []
        values: list[PlainField] = []
        for place in places:
            value = draw(VALUES[types[place]])
            empty = not sound and draw(st.booleans())
            status = 0 if sound else draw(STATUSES)
            values.append(PlainField(place, types[place], None if empty else value, status, MOMENT + place))
        frames.append(values)
        kinds.append(kind)
    return types, frames, kinds, sound


@settings(max_examples=examples(60, 5_000), deadline=None)
@given(datasets(), st.sampled_from(CONTENTS))
def test_messages_are_those_of_the_plain_encoder_and_read_back(
    drawn: tuple[list[DataType], list[list[PlainField]], list[MessageType], bool], content: tuple[str, ...]
) -> None:
    types, values, kinds, sound = drawn
    fields = fields_of(types)
    frames = [frame_of(some, kind, number + 1) for number, (some, kind) in enumerate(zip(values, kinds, strict=True))]
    expected = [dataset_message(frame, some, len(types), content) for frame, some in zip(frames, values, strict=True)]
    encoder = encoding(fields, content)
    (made,) = encoder.data(frames, LARGE)
    if sound or "StatusCode" not in content:
        assert made.message.payload == network_message(expected)
    else:  # a column of which some are not Good shows the StatusCodes of the Good ones too
        assert _explicit(made.message.payload) == _explicit(network_message(expected))
    assert made.values == sum(frame.samples for frame in frames)

    (metadata,) = encoder.metadata()
    description = UadpDecoder().decode(metadata.payload).payload
    assert isinstance(description, ReceivedMetaData)
    received = UadpDecoder(lambda _publisher, _writer: description.metadata).decode(made.message.payload)
    assert isinstance(received.payload, tuple)
    for message, some in zip(received.payload, values, strict=True):
        _compare(message, some, content)


def _explicit(payload: bytes) -> list[tuple[object, ...]]:
    made: list[tuple[object, ...]] = []
    for message in _received(UadpDecoder(), payload):
        fields = [(field.index, field.value._replace(status=field.value.status or 0)) for field in message.fields]
        made.append((message.kind, message.sequence, message.status, message.time, message.minor, fields))
    return made


def _compare(message: ReceivedDataSetMessage, values: list[PlainField], content: tuple[str, ...]) -> None:
    assert message.valid
    by_index = {field.index: field.value for field in message.fields}
    assert sorted(by_index) == sorted(value.index for value in values)
    stamped = any(name != "RawData" for name in content)
    if not stamped and "RawData" in content and message.kind is not DataSetMessageType.EVENT:
        return  # what is missing is a default there, and no status says so
    for value in values:
        if value.kind is DataType.STATUSCODE and (not stamped or message.kind is DataSetMessageType.EVENT):
            continue  # a Bad value looks like the status of a field without one
        given = by_index[value.index]
        bad_variant = not stamped and value.status & 0x80000000
        if (
            value.value is None
            or bad_variant
            or (message.kind is DataSetMessageType.EVENT and value.status & 0x80000000)
        ):
            assert given.variant is None or message.kind is DataSetMessageType.EVENT
        else:
            assert given.variant is not None
            read = decode_variant(given.variant)
            if value.kind is not DataType.DATETIME:
                plain = read.Value.value if value.kind is DataType.STATUSCODE else read.Value
                assert plain == (np.float32(value.value) if value.kind is DataType.FLOAT else value.value) or (
                    value.value in ("", b"") and not plain
                )
        if "SourceTimestamp" in content and message.kind is not DataSetMessageType.EVENT:
            assert given.source_time == value.source
        if "StatusCode" in content and message.kind is not DataSetMessageType.EVENT:
            assert (given.status or 0) == value.status


@pytest.mark.parametrize("name", ["key_frame_data_value", "delta_frame_variant", "fixed_layout_raw_data", "keep_alive"])
def test_golden_files_written_by_hand(name: str) -> None:
    fields = fields_of([DataType.DOUBLE, DataType.INT16, DataType.STRING])
    values = [PlainField(0, DataType.DOUBLE, 21.5), PlainField(1, DataType.INT16, -2)]
    if name == "key_frame_data_value":
        values[1].status = 0x40900000
        values.append(PlainField(2, DataType.STRING, "ab"))
        made = encoding(fields).data([frame_of(values, sequence=5)], LARGE)
    elif name == "delta_frame_variant":
        values[0].status = 0x80320000
        made = encoding(fields, ()).data([frame_of(values, MessageType.DELTA_FRAME, 6)], LARGE)
    elif name == "keep_alive":
        made = encoding(fields).data([frame_of([], MessageType.KEEP_ALIVE, 7)], LARGE)
    else:
        network = ["PublisherId", "GroupHeader", "WriterGroupId", "GroupVersion", "NetworkMessageNumber"]
        given = UadpSettings.model_validate(
            {
                "network": [*network, "SequenceNumber"],
                "message": ["Status", "SequenceNumber"],
                "group_id": 0x0102,
                "publisher_type": "UInt16",
            }
        )
        encoder = UadpEncoding(publisher("4660", PublisherIdType.UInt16), IDENTITY, fields[:2], ("RawData",), given)
        made = encoder.data([frame_of(values, sequence=8)], LARGE)
    assert [one.message.payload.hex(" ") for one in made] == [golden(name).hex(" ")]


def test_topics_and_properties_are_those_of_7_3_5() -> None:
    fields = fields_of([DataType.DOUBLE])
    (made,) = encoding(fields).data([frame_of([PlainField(0, DataType.DOUBLE, 1.0)])], LARGE)
    assert made.message.topic == "opcua/uadp/data/line-1/default/meters"
    assert (made.message.kind, made.message.content_type, made.message.retain) == (
        "ua-data",
        "application/opcua+uadp",
        False,
    )
    grouped = encoding(fields, topic="group").data([frame_of([PlainField(0, DataType.DOUBLE, 1.0)])], LARGE)
    assert grouped[0].message.topic == "opcua/uadp/data/line-1/default"
    (metadata,) = encoding(fields).metadata()
    assert (metadata.topic, metadata.kind, metadata.retain, metadata.expiry) == (
        "opcua/uadp/metadata/line-1/default/meters",
        "ua-metadata",
        True,
        172_800,
    )


def _frames(count: int, fields: int = 10) -> list[Frame]:
    return [
        frame_of([PlainField(place, DataType.DOUBLE, number) for place in range(fields)], sequence=number)
        for number in range(count)
    ]


def _received(decoder: UadpDecoder, payload: bytes) -> tuple[ReceivedDataSetMessage, ...]:
    messages = decoder.decode(payload).payload
    assert isinstance(messages, tuple)
    return messages


@pytest.mark.parametrize("largest", [1_024, 5_000, 200_000])
def test_several_messages_share_a_network_message_up_to_its_bounds(largest: int) -> None:
    made = encoding(fields_of([DataType.DOUBLE] * 10)).data(_frames(600), largest)
    assert sum(one.values for one in made) == 6_000
    assert all(len(one.message.payload) <= largest for one in made)
    read = [_received(UadpDecoder(), one.message.payload) for one in made]
    assert [message.sequence for messages in read for message in messages] == list(range(600))
    assert max(map(len, read)) == min(255, (largest - 17) // (18 + 2 + 180 + 4))


def test_fewer_messages_where_a_reader_wants_fewer() -> None:
    made = encoding(fields_of([DataType.DOUBLE] * 10), most_messages=32).data(_frames(70), LARGE)
    assert [one.values for one in made] == [320, 320, 60]
    alone = encoding(fields_of([DataType.DOUBLE] * 10), network=["PublisherId"]).data(_frames(3), LARGE)
    assert len(alone) == 3  # without a payload header nobody could tell them apart


def test_a_payload_of_several_messages_has_65_535_bytes_at_most() -> None:
    made = encoding(fields_of([DataType.DOUBLE] * 1_000)).data(_frames(6, 1_000), LARGE)
    assert [one.values for one in made] == [3_000, 3_000]


def test_frames_of_many_layouts_stay_in_order() -> None:
    fields = fields_of([DataType.DOUBLE, DataType.STRING, DataType.INT32])
    frames: list[Frame] = []
    for number in range(30):
        kind = [DataType.DOUBLE, DataType.STRING, DataType.INT32][number % 3]
        value = PlainField(number % 3, kind, "x" if kind is DataType.STRING else number)
        frames.append(frame_of([value], MessageType.DELTA_FRAME, number))
    (made,) = encoding(fields).data(frames, LARGE)
    read = _received(UadpDecoder(), made.message.payload)
    assert [message.sequence for message in read] == list(range(30))
    assert [message.fields[0].index for message in read] == [number % 3 for number in range(30)]


def test_a_message_too_large_goes_in_chunks() -> None:
    fields = fields_of([DataType.DOUBLE] * 1_000)
    encoder = encoding(fields)
    frames = [*_frames(1, 10), *_frames(1, 1_000), *_frames(1, 10)]
    made = encoder.data(frames, 4_000)
    assert [one.values for one in made] == [10, 0, 0, 0, 0, 1_000, 10]
    assert {one.message.topic for one in made} == {"opcua/uadp/data/line-1/default/meters"}
    decoder, reassembly = UadpDecoder(), Reassembly()
    chunks = [decoder.decode(one.message.payload) for one in made[1:-1]]
    assert all(len(one.message.payload) <= 4_000 for one in made)
    wholes: list[bytes] = []
    for number, chunk in enumerate(reversed(chunks)):
        assert isinstance(chunk.payload, ReceivedChunk)
        assert chunk.payload.writer == IDENTITY.writer_id
        whole = reassembly.add(chunk.publisher, chunk.payload, float(number))
        if whole is not None:
            wholes.append(whole)
            read = decoder.payload(whole, chunk.payload, chunk.publisher)
            assert isinstance(read, tuple)
            assert len(read[0].fields) == 1_000
    assert len(wholes) == 1
    assert reassembly.held == 0


def test_promoted_fields_are_in_the_header_and_outlast_a_delta_frame() -> None:
    fields = fields_of([DataType.DOUBLE, DataType.STRING, DataType.INT32])
    network = ["PublisherId", "PayloadHeader", "PromotedFields"]
    encoder = encoding(fields, network=network, promoted=["f1", "f0"])
    whole = frame_of(
        [
            PlainField(0, DataType.DOUBLE, 2.0),
            PlainField(1, DataType.STRING, "batch 7"),
            PlainField(2, DataType.INT32, 3),
        ]
    )
    part = frame_of([PlainField(0, DataType.DOUBLE, 4.0)], MessageType.DELTA_FRAME, 2)
    made = encoder.data([whole, part], LARGE)
    promoted = [
        [decode_variant(variant).Value for variant in UadpDecoder().decode(one.message.payload).promoted]
        for one in made
    ]
    assert promoted == [[2.0, "batch 7"], [4.0, "batch 7"]]
    with pytest.raises(SettingError, match="no field f9"):
        encoding(fields, network=network, promoted=["f9"])


def test_all_headers_together_are_read_back() -> None:
    network = ["PublisherId", "GroupHeader", "WriterGroupId", "GroupVersion", "NetworkMessageNumber", "SequenceNumber"]
    network += ["PayloadHeader", "Timestamp", "PicoSeconds", "DataSetClassId"]
    message = ["Timestamp", "PicoSeconds", "Status", "MajorVersion", "MinorVersion", "SequenceNumber"]
    encoder = encoding(
        fields_of([DataType.DOUBLE]),
        network=network,
        message=message,
        group_id=9,
        network_message_number=3,
        dataset_class=UUID(int=5),
    )
    for number in (1, 2):
        (made,) = encoder.data([frame_of([PlainField(0, DataType.DOUBLE, 1.0, 0x80320000)], sequence=65_540)], LARGE)
        read = UadpDecoder().decode(made.message.payload)
        assert read.publisher is not None
        assert (read.publisher.value, read.group, read.group_version, read.number, read.sequence) == (
            "line-1",
            9,
            10,
            3,
            number,
        )
        assert (read.time, read.picoseconds, read.dataset_class) == (MOMENT + 65_540, 0, UUID(int=5))
        assert isinstance(read.payload, tuple)
        (got,) = read.payload
        assert (got.writer, got.sequence, got.status, got.major, got.minor) == (7, 4, 0x80000000, 10, 11)
        assert (got.time, got.picoseconds) == (MOMENT + 65_540, 0)


def test_arrays_and_values_of_any_type() -> None:
    fields = [
        DataSetField("a", 0, DataType.VARIANT, "nsu=urn:x;s=a", built_in=DataType.INT16, value_rank=1),
        DataSetField("b", 1, DataType.VARIANT, "nsu=urn:x;s=b", built_in=DataType.STRING, value_rank=1),
        DataSetField("c", 2, DataType.VARIANT, "nsu=urn:x;s=c"),
        DataSetField("d", 3, DataType.VARIANT, "nsu=urn:x;s=d"),
        DataSetField("e", 4, DataType.VARIANT, "nsu=urn:x;s=e", built_in=DataType.DOUBLE, value_rank=2),
    ]
    values = np.empty(5, object)
    values[:] = [[1, 2], ["x", "y"], 1.5, object(), None]
    values[4] = np.array([[1.0, 2.0]])
    zeros = np.zeros(5, np.uint32)
    times = np.full(5, MOMENT)
    part = FieldValues(DataType.VARIANT, np.arange(5, dtype=np.int32), values, zeros, times, times)
    frame = Frame(MessageType.KEY_FRAME, 1, MOMENT, (part,))
    (made,) = encoding(fields).data([frame], LARGE)
    (read,) = _received(UadpDecoder(), made.message.payload)
    given = [field.value for field in read.fields]
    shown = [None if one.variant is None else decode_variant(one.variant) for one in given]
    assert [None if one is None else one.Value for one in shown[:4]] == [[1, 2], ["x", "y"], 1.5, None]
    assert given[3].status == Status.BAD_ENCODING_ERROR  # nothing tells what it is
    assert shown[4] is not None
    assert shown[4].Dimensions == [1, 2]

    known: list[DataSetMetaData] = []
    encoder = encoding(fields[:3], ("RawData",))
    received = UadpDecoder().decode(encoder.metadata()[0].payload).payload
    assert isinstance(received, ReceivedMetaData)
    known.append(received.metadata)
    first = FieldValues(DataType.VARIANT, part.index[:3], values[:3], zeros[:3], times[:3], times[:3])
    (made,) = encoder.data([Frame(MessageType.KEY_FRAME, 1, MOMENT, (first,))], LARGE)
    (read,) = _received(UadpDecoder(lambda _publisher, _writer: known[0]), made.message.payload)
    assert [decode_variant(field.value.variant or b"").Value for field in read.fields] == [[1, 2], ["x", "y"], 1.5]


def test_a_frame_without_values_is_a_message_all_the_same() -> None:
    (made,) = encoding(fields_of([DataType.DOUBLE])).data([Frame(MessageType.DELTA_FRAME, 3, MOMENT, ())], LARGE)
    (read,) = _received(UadpDecoder(), made.message.payload)
    assert (read.fields, read.sequence, read.status) == ((), 3, 0)
    assert encoding(fields_of([DataType.DOUBLE])).data([], LARGE) == []


def test_events_are_variants_with_the_types_of_their_fields() -> None:
    fields = [
        DataSetField("Time", -1, DataType.VARIANT, "event:alarms/Time", data_type="i=294"),
        DataSetField("Message", -1, DataType.VARIANT, "event:alarms/Message", data_type="i=21"),
        DataSetField("Area", -1, DataType.VARIANT, "event:alarms/Area", data_type="i=17"),
    ]
    values = np.empty(3, object)
    for place, encoded in enumerate((b"\x0d" + bytes(8), b"\x15\x02\x02\0\0\0on", b"\0")):
        values[place] = EncodedVariant.read(encoded, CODEC)
    times = np.full(3, MOMENT)
    part = FieldValues(DataType.VARIANT, np.arange(3, dtype=np.int32), values, np.zeros(3, np.uint32), times, times)
    encoder = encoding(fields)
    (made,) = encoder.data([Frame(MessageType.EVENT, 1, MOMENT, (part,))], LARGE)
    (read,) = _received(UadpDecoder(), made.message.payload)
    assert read.kind is DataSetMessageType.EVENT
    assert [field.value.variant for field in read.fields] == [values[0].encoded, values[1].encoded, None]
    metadata = UadpDecoder().decode(encoder.metadata()[0].payload).payload
    assert isinstance(metadata, ReceivedMetaData)
    # That UtcTime (i=294) is a DateTime is for a model to say, and there is none here.
    assert [field.built_in for field in metadata.metadata.fields] == [24, 21, 17]


def test_structures_and_node_ids_are_raw_data_too() -> None:
    kinds = {
        "i=21": b"\x15\x02\x02\0\0\0on",
        "i=17": b"\x11\x00\x55",
        "i=20": b"\x14\x01\0\x01\0\0\0n",
        "i=22": b"\x16\0\x09\0",
    }
    fields = [
        DataSetField(f"f{place}", place, DataType.VARIANT, f"i={place + 1}", data_type=kind)
        for place, kind in enumerate(kinds)
    ]
    encoder = encoding(fields, ("RawData",))
    metadata = UadpDecoder().decode(encoder.metadata()[0].payload).payload
    assert isinstance(metadata, ReceivedMetaData)
    decoder = UadpDecoder(lambda _publisher, _writer: metadata.metadata)
    times = np.full(4, MOMENT)
    for empty in (None, np.ones(4, np.bool_)):
        values = np.empty(4, object)
        for place, encoded in enumerate(kinds.values()):
            values[place] = EncodedVariant.read(encoded, CODEC)
        index = np.arange(4, dtype=np.int32)
        part = FieldValues(DataType.VARIANT, index, values, np.zeros(4, np.uint32), times, times, empty)
        (made,) = encoder.data([Frame(MessageType.KEY_FRAME, 1, MOMENT, (part,))], LARGE)
        (read,) = _received(decoder, made.message.payload)
        shown = [field.value.variant for field in read.fields]
        if empty is None:
            assert shown == list(kinds.values())
        else:
            assert [(one or b"")[0] for one in shown] == [21, 17, 20, 22]


def test_datasets_of_one_publisher_have_one_type_of_publisher_id() -> None:
    with pytest.raises(SettingError, match="publisher_type is UInt16, and String for others"):
        encoding(fields_of([DataType.DOUBLE]), publisher_type="UInt16")
