"""asyncua's own UADP codec against ours, as far as it goes: it has no right promoted fields, chunks or security."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from asyncua import ua as asyncua_types
from asyncua.common.utils import Buffer
from asyncua.pubsub import uadp as asyncua_uadp

from core.datatypes import DataType
from core.time import to_datetime
from server.address_space.asyncua_values import decode_variant
from server.pubsub.frames import MessageType
from server.pubsub.uadp.decoding import UadpDecoder
from server.pubsub.uadp.encoding import UadpEncoding
from server.pubsub.uadp.publisher_id import PublisherId, PublisherIdType
from server.pubsub.uadp.settings import UadpSettings
from tests.unit.server.pubsub.uadp.plain import IDENTITY, MOMENT, PlainField, fields_of, frame_of, publisher

ua: Any = asyncua_types
theirs: Any = asyncua_uadp
"""asyncua leaves most types open."""
VALUES = [
    PlainField(0, DataType.DOUBLE, 21.5),
    PlainField(1, DataType.STRING, "text"),
    PlainField(2, DataType.UINT16, 7, 0x40900000),
    PlainField(3, DataType.BOOLEAN, 1, 0x80320000),
    PlainField(4, DataType.GUID, UUID(int=5)),
]
FIELDS = fields_of([value.kind for value in VALUES])
NETWORK = [
    "PublisherId",
    "GroupHeader",
    "WriterGroupId",
    "GroupVersion",
    "SequenceNumber",
    "PayloadHeader",
    "Timestamp",
]
MESSAGE = ["Timestamp", "Status", "MajorVersion", "MinorVersion", "SequenceNumber"]


def _made(content: tuple[str, ...], kind: MessageType, count: int) -> bytes:
    given = UadpSettings.model_validate(
        {"network": NETWORK, "message": MESSAGE, "group_id": 3, "publisher_type": "UInt16"}
    )
    encoding = UadpEncoding(publisher("500", PublisherIdType.UInt16), IDENTITY, FIELDS, content, given)
    values = [] if kind is MessageType.KEEP_ALIVE else VALUES
    (made,) = encoding.data([frame_of(values, kind, number + 1) for number in range(count)], 100_000)
    return made.message.payload


@pytest.mark.parametrize("kind", [MessageType.KEY_FRAME, MessageType.DELTA_FRAME, MessageType.KEEP_ALIVE])
@pytest.mark.parametrize("content", [(), ("StatusCode", "SourceTimestamp")])
@pytest.mark.parametrize("count", [1, 3])
def test_asyncua_reads_our_messages(content: tuple[str, ...], kind: MessageType, count: int) -> None:
    data = Buffer(_made(content, kind, count))
    read = theirs.UadpNetworkMessage.from_binary(data)
    assert len(data) == 0
    group = read.GroupHeader
    assert (read.Header.PublisherId, group.WriterGroupId, group.GroupVersion, group.SequenceNo) == (500, 3, 10, 1)
    assert (read.DataSetPayloadHeader, read.Timestamp) == ([7] * count, to_datetime(MOMENT + count))
    assert len(read.Payload) == count
    for number, message in enumerate(read.Payload):
        header = message.Header
        assert (header.SequenceNo, header.CfgMajorVersion, header.CfgMinorVersion) == (number + 1, 10, 11)
        if kind is MessageType.KEEP_ALIVE:
            continue
        assert header.Status == 0x4000
        shown = dict(enumerate(message.Data))
        if kind is MessageType.DELTA_FRAME:
            shown = {int(one.No): one.Value for one in message.Data}
        assert sorted(shown) == [0, 1, 2, 3, 4]
        if content:
            assert [shown[place].Value.Value for place in range(5)] == [value.value for value in VALUES]
            assert [(shown[place].StatusCode or ua.StatusCode()).value for place in range(5)] == [
                value.status for value in VALUES
            ]
            assert shown[0].SourceTimestamp == to_datetime(MOMENT)
        else:
            assert [shown[place].Value for place in (0, 1, 4)] == [21.5, "text", UUID(int=5)]
            assert (shown[2].Value.Value.Value, shown[2].Value.StatusCode.value) == (7, 0x40900000)
            assert shown[3].Value.value == 0x80320000


def test_we_read_asyncuas_messages() -> None:
    moment = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    header = theirs.UadpDataSetMessageHeader(
        SequenceNo=ua.UInt16(5),
        Timestamp=ua.DateTime(2024, 1, 2, 3, 4, 5),
        Status=ua.UInt16(0x4000),
        CfgMajorVersion=ua.UInt32(10),
        CfgMinorVersion=ua.UInt32(11),
    )
    values = [ua.Variant(1.5), ua.Variant("x"), ua.Variant([1, 2], ua.VariantType.Int16)]
    message = theirs.UadpNetworkMessage(
        theirs.UadpHeader(ua.String("them"), None),
        theirs.UadpGroupHeader(ua.UInt16(3), ua.UInt32(9), ua.UInt16(1), ua.UInt16(8)),
        [ua.UInt16(7), ua.UInt16(8), ua.UInt16(9)],
        Payload=[
            theirs.UadpDataSetVariant(header, values),
            theirs.UadpDataSetDataValue(header, [ua.DataValue(value, SourceTimestamp=moment) for value in values]),
            theirs.UadpDataSetDeltaVariant(header, [theirs.DeltaVariant(ua.UInt16(4), values[1])]),
        ],
    )
    read = UadpDecoder().decode(message.to_binary())
    assert read.publisher == PublisherId(PublisherIdType.String, "them")
    assert (read.group, read.group_version, read.number, read.sequence) == (3, 9, 1, 8)
    assert isinstance(read.payload, tuple)
    assert [one.writer for one in read.payload] == [7, 8, 9]
    for one in read.payload:
        assert (one.sequence, one.time, one.status, one.major, one.minor) == (5, MOMENT, 0x40000000, 10, 11)
    plain, stamped, delta = (
        [decode_variant(field.value.variant or b"").Value for field in one.fields] for one in read.payload
    )
    assert plain == stamped == [1.5, "x", [1, 2]]
    assert delta == ["x"]
    assert read.payload[1].fields[0].value.source_time == MOMENT
    assert read.payload[2].fields[0].index == 4
