"""HistoryRead and HistoryUpdate requests as asyncua writes them are read as they were meant."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportArgumentType=false, reportPrivateImportUsage=false
# ruff: noqa: FBT003 - the fields of structures stand in the order that Part 11 gives them
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.ua.ua_binary import struct_to_binary
from hypothesis import given
from hypothesis import strategies as st

from core.time import DATETIME_MAX_TICKS, from_datetime
from server.address_space.decoding import DecodingError, EncodingLimitsError
from server.address_space.extents import MOST_VALUES
from server.subscriptions.encoding import Timestamps
from server.ua_stack.history.requests import (
    DeleteAtTime,
    DeleteEvents,
    DeleteRaw,
    EventDetails,
    GivenConfiguration,
    HistoryItem,
    ReadAnnotations,
    ReadAtTime,
    ReadEvents,
    ReadProcessed,
    ReadRaw,
    UnknownDetails,
    UpdateData,
    UpdateEvents,
    read_request,
    update_request,
)
from server.ua_stack.operation_limits import MAX_NODES_PER_HISTORY_UPDATE

NODE = ua.NodeId("Level", 2)
KEY = (2, "Level")
ONE, TWO = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
T1, T2 = from_datetime(ONE), from_datetime(TWO)


def encoded_read(details: Any) -> bytes:
    params = ua.HistoryReadParameters(HistoryReadDetails=details, TimestampsToReturn=ua.TimestampsToReturn.Both)
    params.ReleaseContinuationPoints = False
    params.NodesToRead = [ua.HistoryReadValueId(NodeId=NODE, IndexRange="1:2", ContinuationPoint=b"abc")]
    return struct_to_binary(params)


def encoded_update(*details: Any) -> bytes:
    return struct_to_binary(ua.HistoryUpdateParameters(HistoryUpdateDetails=list(details)))


def configuration(*, defaults: bool) -> ua.AggregateConfiguration:
    return ua.AggregateConfiguration(
        UseServerCapabilitiesDefaults=defaults,
        TreatUncertainAsBad=True,
        PercentDataBad=ua.Byte(80),
        PercentDataGood=ua.Byte(90),
        UseSlopedExtrapolation=True,
    )


def processed(*, defaults: bool) -> ua.ReadProcessedDetails:
    return ua.ReadProcessedDetails(ONE, TWO, 5000.0, [ua.NodeId(2342)], configuration(defaults=defaults))


READS = [
    (ua.ReadRawModifiedDetails(True, ONE, ua.get_win_epoch(), 7, True), ReadRaw(True, T1, None, 7, True)),
    (processed(defaults=True), ReadProcessed(T1, T2, 5000.0, (2342,), None)),
    (processed(defaults=False), ReadProcessed(T1, T2, 5000.0, (2342,), GivenConfiguration(True, 80, 90, True))),
    (ua.ReadAtTimeDetails([ONE, TWO], True), ReadAtTime((T1, T2), True)),
    (ua.ReadAnnotationDataDetails([TWO]), ReadAnnotations((T2,))),
]


@pytest.mark.parametrize(("details", "wanted"), READS, ids=[type(one).__name__ for one, _ in READS])
def test_reads(details: Any, wanted: Any) -> None:
    asked = read_request(encoded_read(details))
    assert asked.details == wanted
    assert asked.timestamps is Timestamps.BOTH
    assert not asked.release
    assert asked.items == (HistoryItem(KEY, "1:2", "", b"abc"),)


def test_updates() -> None:
    value = ua.DataValue(ua.Variant(1.5, ua.VariantType.Double), SourceTimestamp=ONE)
    insert, update, delete, at, unknown = update_request(
        encoded_update(
            ua.UpdateDataDetails(NODE, ua.PerformUpdateType.Insert, [value]),
            ua.UpdateStructureDataDetails(NODE, ua.PerformUpdateType.Update, []),
            ua.DeleteRawModifiedDetails(NODE, False, ONE, TWO),
            ua.DeleteAtTimeDetails(NODE, [ONE]),
            ua.ReadAtTimeDetails([ONE], True),
        )
    )
    assert isinstance(insert, UpdateData)
    assert (insert.node, insert.structures, insert.perform) == (KEY, False, 1)
    assert [one.source_time for one in insert.values] == [T1]
    assert isinstance(update, UpdateData)
    assert (update.structures, update.perform, update.values) == (True, 3, ())
    assert delete == DeleteRaw(KEY, False, T1, T2)
    assert at == DeleteAtTime(KEY, (T1,))
    assert isinstance(unknown, UnknownDetails), "a read is no update"


def test_events_and_their_filters_stay_as_they_were_sent() -> None:
    asked = ua.EventFilter(SelectClauses=[ua.SimpleAttributeOperand(AttributeId=13)], WhereClause=ua.ContentFilter())
    encoded = struct_to_binary(asked)
    body = encoded_read(ua.ReadEventDetails(5, ONE, TWO, asked))
    exact = body.replace(T1.to_bytes(8, "little"), (T1 + 7).to_bytes(8, "little"))
    assert read_request(exact).details == EventDetails(0, ReadEvents(T1 + 7, T2, 5, encoded)), "to 100 ns"
    row = ua.HistoryEventFieldList(EventFields=[ua.Variant(1.5, ua.VariantType.Double)])
    update, delete = update_request(
        encoded_update(
            ua.UpdateEventDetails(NODE, ua.PerformUpdateType.Insert, asked, [row]),
            ua.DeleteEventDetails(NODE, [b"1", b"2"]),
        )
    )
    assert update == EventDetails(KEY, UpdateEvents(KEY, 1, encoded, (struct_to_binary(row),)))
    assert delete == EventDetails(KEY, DeleteEvents(KEY, (b"1", b"2")))


@pytest.mark.parametrize(
    ("ticks", "read", "times"),
    [(-1, None, 0), (2**63 - 1, DATETIME_MAX_TICKS, DATETIME_MAX_TICKS), (-(2**63), None, 0)],
)
def test_times_beyond_the_ends_are_the_ends(ticks: int, read: int | None, times: int) -> None:
    """Part 6 v1.05 5.2.2.5: MinValue and MaxValue; calculations would overflow behind them."""
    sent, extreme = T1.to_bytes(8, "little"), ticks.to_bytes(8, "little", signed=True)
    raw = ua.ReadRawModifiedDetails(False, ONE, TWO, 7, True)
    assert read_request(encoded_read(raw).replace(sent, extreme)).details == ReadRaw(False, read, T2, 7, True)
    at = ua.ReadAtTimeDetails([ONE, TWO], True)
    assert read_request(encoded_read(at).replace(sent, extreme)).details == ReadAtTime((times, T2), True)
    (delete,) = update_request(encoded_update(ua.DeleteAtTimeDetails(NODE, [ONE])).replace(sent, extreme))
    assert delete == DeleteAtTime(KEY, (times,))


def test_the_budget_is_the_whole_messages() -> None:
    """Threat 3: each of the details alone is within it."""
    row = ua.HistoryEventFieldList(EventFields=[])
    row.EventFields = [ua.Variant()] * (MOST_VALUES * 6 // 10)
    details = ua.UpdateEventDetails(NODE, ua.PerformUpdateType.Insert, ua.EventFilter(), [row])
    (one,) = update_request(encoded_update(details))
    assert isinstance(one, EventDetails)
    with pytest.raises(EncodingLimitsError):
        update_request(encoded_update(details, details))


def test_too_many_details_are_refused_before_any_is_read() -> None:
    body = (MAX_NODES_PER_HISTORY_UPDATE + 1).to_bytes(4, "little") + bytes(3 * (MAX_NODES_PER_HISTORY_UPDATE + 1))
    with pytest.raises(ServiceError) as refused:
        update_request(body[:4] + b"\xff" * (len(body) - 4))
    assert refused.value.code == ua.StatusCodes.BadTooManyOperations


def test_more_values_than_a_message_may_have_are_refused() -> None:
    """Threat 4: a value of a byte each, which would be objects of a hundred."""
    body = bytearray(encoded_update(ua.UpdateDataDetails(NODE, ua.PerformUpdateType.Insert, [])))
    many = MOST_VALUES + 1
    length = int.from_bytes(body[9:13], "little") + many
    body[9:13] = length.to_bytes(4, "little")
    body[-4:] = many.to_bytes(4, "little")
    with pytest.raises(DecodingError):
        update_request(bytes(body) + bytes(many))


@given(st.binary(max_size=200), st.sampled_from([encoded_read(READS[1][0]), encoded_read(READS[3][0])]), st.data())
def test_no_bytes_lead_it_astray(noise: bytes, good: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(good)))
    for body in (noise, good[:at] + noise, good[:at]):
        for read in (read_request, update_request):
            try:
                read(body)
            except (DecodingError, ServiceError):
                continue
