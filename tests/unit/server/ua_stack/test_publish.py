"""Publish and Republish answers as asyncua's decoder reads them (Part 4 v1.05 5.14.5, 7.26)."""

# asyncua's structures are read with attributes that its annotations do not know.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportArgumentType=false
# pyright: reportUnknownVariableType=false, reportAttributeAccessIssue=false
from __future__ import annotations

from dataclasses import dataclass, field
from struct import pack
from typing import Any

import pytest
from asyncua import ua
from asyncua.common.utils import Buffer, ServiceError
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary
from hypothesis import given
from hypothesis import strategies as st

from core.time import from_datetime
from server.address_space.decoding import DecodingError
from server.subscriptions.limits import MAX_ACKNOWLEDGEMENTS
from server.subscriptions.message import Message
from server.ua_stack.publish import PublishRequest, acknowledgements, encode_statuses, republished

UINT32 = st.integers(0, 2**32 - 1)
TIMES = st.integers(116_444_736_000_000_000, 150_000_000_000_000_000).map(lambda ticks: ticks // 10 * 10)


@dataclass
class Connection:
    """Keeps what it is told to send."""

    sent: list[tuple[int, int, int, bytes]] = field(default_factory=list[tuple[int, int, int, bytes]])
    refused: list[tuple[int, int, int]] = field(default_factory=list[tuple[int, int, int]])

    def respond(self, request_id: int, kind: int, handle: int, body: bytes) -> None:
        self.sent.append((request_id, kind, handle, body))

    def refuse(self, request_id: int, handle: int, status: int) -> None:
        self.refused.append((request_id, handle, status))


def data_changes(values: list[float]) -> bytes:
    made = ua.DataChangeNotification()
    made.MonitoredItems = [
        ua.MonitoredItemNotification(ClientHandle=handle, Value=ua.DataValue(ua.Variant(value, ua.VariantType.Double)))
        for handle, value in enumerate(values)
    ]
    made.DiagnosticInfos = None
    return struct_to_binary(made)


def events(texts: list[str]) -> bytes:
    made = ua.EventNotificationList()
    made.Events = [
        ua.EventFieldList(ClientHandle=handle, EventFields=[ua.Variant(one, ua.VariantType.String)])
        for handle, one in enumerate(texts)
    ]
    return struct_to_binary(made)


def said(message: ua.NotificationMessage) -> list[Any]:
    """Give what a decoded message says, by kind, in order."""
    told: list[Any] = []
    for one in message.NotificationData:
        if isinstance(one, ua.DataChangeNotification):
            told.append([(item.ClientHandle, item.Value.Value.Value) for item in one.MonitoredItems])
        elif isinstance(one, ua.EventNotificationList):
            told.append([(event.ClientHandle, event.EventFields[0].Value) for event in one.Events])
        else:
            assert isinstance(one, ua.StatusChangeNotification)
            told.append(one.Status.value)
    return told


def decoded(kind: type[Any], body: bytes) -> Any:
    buffer = Buffer(body)
    result = struct_from_binary(kind, buffer)
    assert len(buffer) == 0, "nothing is left over"
    return result


@given(
    UINT32,
    st.lists(UINT32, max_size=5),
    UINT32,
    TIMES,
    st.lists(st.floats(allow_nan=False), max_size=4),
    st.lists(st.text(max_size=9), max_size=3),
    st.one_of(st.none(), UINT32),
    st.booleans(),
    st.lists(UINT32, max_size=4),
)
def test_an_answer_is_what_asyncua_decodes(  # noqa: PLR0917 - hypothesis gives them by position
    subscription: int,
    available: list[int],
    sequence: int,
    moment: int,
    values: list[float],
    texts: list[str],
    status: int | None,
    more: bool,  # noqa: FBT001 - hypothesis gives it
    results: list[int],
) -> None:
    changes, happened = data_changes(values) if values else b"", events(texts) if texts else b""
    message = Message(sequence, moment, changes, happened, status)
    connection = Connection()
    PublishRequest(connection, 7, 21, 0.0, results).answer(subscription, available, message, more=more)
    ((request_id, kind, handle, body),) = connection.sent
    assert (request_id, kind, handle) == (7, ua.ObjectIds.PublishResponse_Encoding_DefaultBinary, 21)
    told = decoded(ua.PublishResult, body)
    assert told.SubscriptionId == subscription
    assert list(told.AvailableSequenceNumbers) == available
    assert told.MoreNotifications is more
    assert [one.value for one in told.Results] == results
    expected: list[Any] = []
    if values:
        expected.append(list(enumerate(values)))
    if texts:
        expected.append(list(enumerate(texts)))
    if status is not None:
        expected.append(status)
    for one in (told.NotificationMessage, decoded(ua.NotificationMessage, republished(message))):
        assert one.SequenceNumber == sequence
        assert from_datetime(one.PublishTime) == moment
        assert said(one) == expected


def test_a_refused_request_is_a_fault_with_its_handle() -> None:
    connection = Connection()
    PublishRequest(connection, 7, 21, 0.0, ()).refuse(ua.StatusCodes.BadTimeout)
    assert connection.refused == [(7, 21, ua.StatusCodes.BadTimeout)]
    assert not connection.sent


@given(st.lists(UINT32, max_size=5))
def test_statuses_are_encoded_without_diagnostics(statuses: list[int]) -> None:
    told = decoded(
        ua.DeleteMonitoredItemsResponse, bytes(2) + struct_to_binary(ua.ResponseHeader()) + encode_statuses(statuses)
    )
    assert [one.value for one in told.Results] == statuses
    assert not told.DiagnosticInfos


@given(st.lists(st.tuples(UINT32, UINT32), max_size=20), st.binary(max_size=9))
def test_acknowledgements_are_read(acks: list[tuple[int, int]], rest: bytes) -> None:
    made = ua.PublishParameters()
    made.SubscriptionAcknowledgements = [
        ua.SubscriptionAcknowledgement(SubscriptionId=one, SequenceNumber=sequence) for one, sequence in acks
    ]
    assert acknowledgements(struct_to_binary(made) + rest) == acks


def test_no_acknowledgements_may_be_a_null_array() -> None:
    assert acknowledgements(b"\xff\xff\xff\xff") == []


@given(st.binary(max_size=60))
def test_bytes_of_any_kind_are_acknowledgements_or_a_decoding_error(body: bytes) -> None:
    try:
        acks = acknowledgements(body)
    except DecodingError:
        return
    assert len(acks) * 8 + 4 <= len(body)


@pytest.mark.parametrize("count", [1, 2, 2**20, 2**31 - 1])
def test_more_acknowledgements_than_there_are_bytes_cost_nothing(count: int) -> None:
    with pytest.raises(DecodingError):
        acknowledgements(pack("<i", count) + bytes(7))


def test_threat_17_acknowledgements_are_bounded() -> None:
    most = MAX_ACKNOWLEDGEMENTS
    assert len(acknowledgements(pack("<i", most) + bytes(8 * most))) == most
    with pytest.raises(ServiceError) as refused:
        acknowledgements(pack("<i", most + 1) + bytes(8 * most + 8))
    assert refused.value.code == ua.StatusCodes.BadTooManyOperations
