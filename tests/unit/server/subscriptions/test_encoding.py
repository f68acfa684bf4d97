from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core.datatypes import DataType
from core.quality import NO_VALUE, SHOWN
from core.time import from_datetime
from server.subscriptions.encoding import Timestamps, encode_columns, encode_objects
from server.ua_stack.values import encode_variant

COLUMNS = [member for member in DataType if not member.is_object]
STATUSES = [0, 0, 0x00300000, 0x40900000, 0x80310000, 0x80320000 | NO_VALUE, 0x40900480, 0x80310000 | NO_VALUE]
SECOND = 10_000_000


def decode(count: int, body: bytes) -> list[ua.MonitoredItemNotification]:
    buffer = Buffer(body)
    found = [struct_from_binary(ua.MonitoredItemNotification, buffer) for _ in range(count)]
    assert len(buffer) == 0
    return found


def raw(value: Any) -> Any:
    if isinstance(value, ua.StatusCode):
        return value.value
    return from_datetime(value) if isinstance(value, datetime) else value


def seconds(moment: datetime | None) -> int | None:
    return None if moment is None else from_datetime(moment)


@given(st.sampled_from(COLUMNS), st.integers(1, 20), st.sampled_from(list(Timestamps)), st.data())
def test_records_read_back_with_a_foreign_codec(
    datatype: DataType, count: int, timestamps: Timestamps, data: st.DataObject
) -> None:
    if datatype is DataType.DATETIME:
        values: Any = np.array(data.draw(st.lists(st.integers(1, 10**9), min_size=count, max_size=count))) * SECOND
    else:
        values = data.draw(arrays.arrays(datatype.dtype, count))
    status = np.array(data.draw(st.lists(st.sampled_from(STATUSES), min_size=count, max_size=count)), np.uint32)
    handles = np.array(data.draw(st.lists(st.integers(0, 2**32 - 1), min_size=count, max_size=count)), np.uint32)
    times = np.arange(1, count + 1, dtype=np.int64) * SECOND
    body = encode_columns(datatype, handles, values, status, times, times + SECOND, timestamps)
    for position, one in enumerate(decode(count, body)):
        held = one.Value
        assert one.ClientHandle == handles[position]
        assert (0 if held.StatusCode is None else held.StatusCode.value) == status[position] & SHOWN
        if status[position] & NO_VALUE:
            assert held.Value.VariantType is ua.VariantType.Null
        else:
            assert held.Value.VariantType.value == int(datatype)
            read, written = raw(held.Value.Value), values[position]
            np.testing.assert_equal(read, written)  # NaN is NaN
        source, server = seconds(held.SourceTimestamp), seconds(held.ServerTimestamp)
        assert source == (times[position] if timestamps & Timestamps.SOURCE else None)
        assert server == (times[position] + SECOND if timestamps & Timestamps.SERVER else None)


def test_a_good_double_with_both_times_is_thirty_bytes() -> None:
    one = np.array([1], np.int64)
    body = encode_columns(
        DataType.DOUBLE, one.astype(np.uint32), np.array([1.5]), np.zeros(1, np.uint32), one, one, Timestamps.BOTH
    )
    assert len(body) == 30


@pytest.mark.parametrize(
    ("datatype", "value"),
    [
        (DataType.STRING, "Fräse"),
        (DataType.STRING, ""),
        (DataType.STRING, None),
        (DataType.BYTESTRING, b"\0\xff"),
        (DataType.VARIANT, ua.Variant([1, 2], ua.VariantType.Int16)),
    ],
)
@pytest.mark.parametrize("status", [0, 0x40900000])
def test_objects_read_back_with_a_foreign_codec(datatype: DataType, value: Any, status: int) -> None:
    column = np.empty(1, object)
    column[0] = value
    time = np.array([SECOND], np.int64)
    body = encode_objects(
        datatype,
        np.array([7], np.uint32),
        column,
        np.array([status], np.uint32),
        time,
        time,
        Timestamps.BOTH,
        encode_variant,
    )
    (one,) = decode(1, body)
    held = one.Value
    assert one.ClientHandle == 7
    assert (held.StatusCode.value if held.StatusCode else 0) == status
    expected = value.Value if isinstance(value, ua.Variant) else value
    assert (None if held.Value is None else held.Value.Value) == expected
    assert seconds(held.SourceTimestamp) == seconds(held.ServerTimestamp) == SECOND


def test_without_handles_the_records_are_datavalues() -> None:
    time = np.array([SECOND], np.int64)
    body = encode_columns(
        DataType.INT16, None, np.array([-3], np.int16), np.zeros(1, np.uint32), time, time, Timestamps.SERVER
    )
    value = struct_from_binary(ua.DataValue, Buffer(body))
    assert value.Value is not None
    assert (value.Value.Value, value.SourceTimestamp) == (-3, None)
