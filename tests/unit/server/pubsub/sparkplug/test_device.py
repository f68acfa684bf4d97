from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.datatypes import DataType
from core.quality import Status
from core.time import TICKS_PER_SECOND, UNIX_EPOCH_TICKS, from_datetime
from server.pubsub.fields import DataSetField
from server.pubsub.frames import FieldValues
from server.pubsub.sparkplug import device as device_module
from server.pubsub.sparkplug.device import Device
from server.pubsub.sparkplug.payload import Metric, decode_payload
from server.pubsub.sparkplug.rows import historical
from server.pubsub.sparkplug.types import SparkplugType
from server.pubsub.sparkplug.values import metric_value
from server.pubsub.sparkplug.wire import PayloadError
from tests.thorough import examples
from tests.unit.server.pubsub.sparkplug.edge import MOMENT, field, values

NUMBERS: dict[DataType, st.SearchStrategy[Any]] = {
    DataType.BOOLEAN: st.booleans(),
    DataType.DOUBLE: st.floats(allow_nan=False),
    DataType.FLOAT: st.floats(width=32, allow_nan=False),
    DataType.DATETIME: st.integers(UNIX_EPOCH_TICKS, UNIX_EPOCH_TICKS + 10**17).map(lambda t: t // 10_000 * 10_000),
    **{
        kind: st.integers(int(np.iinfo(kind.dtype.name).min), int(np.iinfo(kind.dtype.name).max))
        for kind in DataType
        if kind.is_integer
    },
}
KINDS = list(NUMBERS)
STATUS = st.sampled_from([0, 0, 0, int(Status.BAD_NO_COMMUNICATION), int(Status.UNCERTAIN_LAST_USABLE_VALUE), 0x300000])


def device_of(*fields: DataSetField, **more: Any) -> Device:
    aliases = [one.slot * 100 + 1 for one in fields]
    return Device("d", fields, [one.name for one in fields], aliases, lambda _, value: f"json {value}", **more)


def many(device: Device, parts: list[FieldValues], few: int) -> bytes:
    before, device_module.FEW = device_module.FEW, few  # type: ignore[misc] - the way chosen by size is the test's choice here
    try:
        return device.data(parts)[0]
    finally:
        device_module.FEW = before  # type: ignore[misc] - as it was


@st.composite
def parts_of(draw: st.DrawFn) -> list[FieldValues]:
    parts: list[FieldValues] = []
    for slot, kind in enumerate(KINDS):
        if draw(st.booleans()):
            moment = MOMENT + draw(st.integers(-5, 5)) * TICKS_PER_SECOND
            empty = np.array([True]) if draw(st.integers(0, 9)) == 0 else None
            parts.append(values(kind, [slot], [draw(NUMBERS[kind])], draw(STATUS), moment, empty=empty))
    return parts


@given(st.lists(parts_of().filter(bool), min_size=1, max_size=3), st.sampled_from(["int", "long"]), st.booleans())
@settings(max_examples=examples(60, 5_000), deadline=None)
def test_numbers_by_columns_and_one_by_one_are_the_same_and_what_they_were(
    frames: list[list[FieldValues]], unsigned: Any, data_types: Any
) -> None:
    fields = [field(kind.symbol, slot, kind) for slot, kind in enumerate(KINDS)]
    columns = device_of(*fields, unsigned=unsigned, data_types=data_types)
    singly = device_of(*fields, unsigned=unsigned, data_types=data_types)
    told = dict.fromkeys(range(len(KINDS)), 192)
    for parts in frames:
        data = many(columns, parts, 0)
        assert many(singly, parts, 1000) == data
        metrics = decode_payload(data).metrics
        assert sorted(one.timestamp or 0 for one in metrics) == [one.timestamp for one in metrics]
        assert all(one.is_historical is False for one in metrics)
        assert all(one.is_historical for one in decode_payload(historical(data)).metrics)
        by_alias = {one.alias: one for one in metrics}
        for part in parts:
            slot, status = int(part.index[0]), int(part.status[0])
            metric = by_alias[slot * 100 + 1]
            kind = columns.kinds[slot]
            assert metric.datatype == (kind if data_types else None)
            expected = part.values[0].item()
            shown = metric_value(metric, kind)
            if part.empty is not None:
                assert shown is None
            elif part.datatype is DataType.DATETIME:
                assert isinstance(shown, str)
                assert from_datetime(datetime.fromisoformat(shown)) == expected
            else:
                assert shown == expected
            quality = 0 if status & 0x80000000 else 500 if status & 0x40000000 else 192
            told_now = told[slot] if metric.properties is None else metric.properties.values[0].int_value
            assert told_now == quality
            told[slot] = quality


OBJECTS = [
    (DataType.STRING, None, -1, "ä", SparkplugType.STRING, "ä"),
    (DataType.GUID, None, -1, UUID(int=7), SparkplugType.UUID, str(UUID(int=7))),
    (DataType.BYTESTRING, None, -1, b"\0\xff", SparkplugType.BYTES, b"\0\xff"),
    (DataType.VARIANT, DataType.DOUBLE, 1, np.array([1.5, 2.5]), SparkplugType.DOUBLE_ARRAY, [1.5, 2.5]),
    (DataType.VARIANT, DataType.INT16, 1, [-30000, 30000], SparkplugType.INT16_ARRAY, [-30000, 30000]),
    (DataType.VARIANT, DataType.STRING, 1, ["ABC", "hello"], SparkplugType.STRING_ARRAY, ["ABC", "hello"]),
    (DataType.VARIANT, DataType.BOOLEAN, 1, [True, False] * 6, SparkplugType.BOOLEAN_ARRAY, [True, False] * 6),
    (
        *(DataType.VARIANT, DataType.DATETIME, 1, [datetime(2009, 10, 21, 5, 27, 55, 335000, UTC)]),
        *(SparkplugType.DATETIME_ARRAY, ["2009-10-21T05:27:55.335Z"]),
    ),
    (DataType.VARIANT, DataType.DOUBLE, 2, [[1.0]], SparkplugType.STRING, "json [[1.0]]"),
    (DataType.VARIANT, DataType.DOUBLE, -2, 1.5, SparkplugType.STRING, "json 1.5"),
    (DataType.VARIANT, None, -1, {"a": 1}, SparkplugType.STRING, "json {'a': 1}"),
]


@pytest.mark.parametrize(("column", "built_in", "rank", "value", "kind", "expected"), OBJECTS)
@pytest.mark.parametrize("few", [0, 1000])
def test_objects(
    column: DataType, built_in: DataType | None, rank: int, value: Any, kind: SparkplugType, expected: Any, few: int
) -> None:
    device = device_of(field("x", 0, column, built_in=built_in, value_rank=rank), field("y", 1))
    assert device.kinds[0] is kind
    given_values = np.empty(1, object)
    given_values[0] = value
    part = values(column, [0], [0])
    part = FieldValues(column, part.index, given_values, part.status, part.source_time, part.server_time)
    data = many(device, [part, values(DataType.DOUBLE, [1], [2.5])], few)
    metric, other = decode_payload(data).metrics
    assert metric_value(metric, kind) == expected
    assert other.double_value == 2.5


def test_arrays_lie_as_the_specification_shows() -> None:
    """Sparkplug 3.0.0, 6.4.16: the examples there."""
    device = device_of(
        field("i", 0, DataType.VARIANT, built_in=DataType.INT32, value_rank=1),
        field("b", 1, DataType.VARIANT, built_in=DataType.BOOLEAN, value_rank=1),
    )
    bits = [False, False, True, True, False, True, False, False, True, True, False, True]
    column = np.empty(2, object)
    column[:] = [[123456789, 987654321], bits]
    part = values(DataType.VARIANT, [0, 1], [0, 0])
    part = FieldValues(DataType.VARIANT, part.index, column, part.status, part.source_time, part.server_time)
    ints, booleans = decode_payload(device.data([part])[0]).metrics
    assert ints.bytes_value == bytes.fromhex("15CD5B07B168DE3A")
    assert booleans.bytes_value == bytes.fromhex("0C00000034D0")


@pytest.mark.parametrize("few", [0, 1000])
def test_an_object_of_another_type_is_null_and_the_rest_goes_on(few: int) -> None:
    device = device_of(
        field("x", 0, DataType.VARIANT, built_in=DataType.DOUBLE, value_rank=1), field("y", 1, DataType.STRING)
    )
    column = np.empty(2, object)
    column[:] = [["no number"], "text"]
    part = values(DataType.VARIANT, [0, 1], [0, 0])
    part = FieldValues(DataType.VARIANT, part.index, column, part.status, part.source_time, part.server_time)
    wrong, right = decode_payload(many(device, [part], few)).metrics
    assert wrong.is_null
    assert wrong.properties is not None
    assert [one.int_value or one.long_value for one in wrong.properties.values] == [
        None,
        int(Status.BAD_ENCODING_ERROR),
    ]
    assert right.string_value == "text"


def test_a_birth_names_everything_even_what_has_no_value() -> None:
    device = device_of(field("A", 0, unit="CEL"), field("B", 1))
    metrics = decode_payload(device.birth([values(DataType.DOUBLE, [0], [1.5])], 42)).metrics
    shown = [(one.name, one.alias, one.datatype, one.is_null, one.double_value) for one in metrics]
    assert shown == [("A", 1, 10, None, 1.5), ("B", 101, 10, True, None)]
    assert metrics[1].timestamp == 42
    assert metrics[0].properties is not None
    assert metrics[0].properties.keys == ["engUnit", "nodeId", "Quality"]


def test_two_metrics_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two metrics named A"):
        device_of(field("A", 0), field("A", 1))


WRONG = [
    (SparkplugType.INT8, Metric(int_value=300)),
    (SparkplugType.UINT8, Metric(int_value=0xFFFFFFFF)),
    (SparkplugType.INT64, Metric(double_value=1.0)),
    (SparkplugType.FLOAT, Metric(double_value=1e300)),
    (SparkplugType.BOOLEAN, Metric(int_value=1)),
    (SparkplugType.STRING, Metric(bytes_value=b"x")),
    (SparkplugType.DATETIME, Metric(long_value=1 << 62)),
    (SparkplugType.BYTES, Metric()),
    (SparkplugType.INT32_ARRAY, Metric(bytes_value=b"123")),
    (SparkplugType.BOOLEAN_ARRAY, Metric(bytes_value=b"\xff\xff\xff\xff\x00")),
    (SparkplugType.BOOLEAN_ARRAY, Metric(bytes_value=b"\xff")),
    (SparkplugType.STRING_ARRAY, Metric(bytes_value=b"\xff\0")),
]


@pytest.mark.parametrize(("kind", "metric"), WRONG)
def test_values_of_other_types_are_refused(kind: SparkplugType, metric: Metric) -> None:
    with pytest.raises(PayloadError):
        metric_value(metric, kind)


@pytest.mark.parametrize(
    ("kind", "given_value", "expected"),
    [
        (SparkplugType.INT8, 0xFB, -5),
        (SparkplugType.INT8, 0xFFFFFFFB, -5),
        (SparkplugType.INT16, 0x7FFF, 32767),
        (SparkplugType.INT32, 0xFFFFFFFF, -1),
        (SparkplugType.UINT32, 0xFFFFFFFF, 0xFFFFFFFF),
    ],
)
def test_signs_are_read_as_libraries_write_them(kind: SparkplugType, given_value: int, expected: int) -> None:
    assert metric_value(Metric(int_value=given_value), kind) == expected
