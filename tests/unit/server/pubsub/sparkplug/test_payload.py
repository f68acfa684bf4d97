from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.pubsub.sparkplug.payload import (
    DataSet,
    DataSetValue,
    Limits,
    MetaData,
    Metric,
    Parameter,
    Payload,
    PropertySet,
    PropertySetList,
    PropertyValue,
    Row,
    Template,
    decode_payload,
    encode_payload,
)
from server.pubsub.sparkplug.rows import historical
from server.pubsub.sparkplug.wire import PayloadError
from tests.thorough import examples

UINT = st.integers(0, (1 << 64) - 1)
UINT32 = st.integers(0, (1 << 32) - 1)
TEXT = st.text(max_size=8)
DOUBLE = st.floats(allow_nan=False)
FLOAT = st.floats(allow_nan=False, width=32)
ONE_VALUE = st.one_of(
    st.builds(dict, int_value=UINT32),
    st.builds(dict, long_value=UINT),
    st.builds(dict, float_value=FLOAT),
    st.builds(dict, double_value=DOUBLE),
    st.builds(dict, boolean_value=st.booleans()),
    st.builds(dict, string_value=TEXT),
)


def either(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


PROPERTY_VALUES = ONE_VALUE.map(lambda value: PropertyValue(type=7, **value))
PROPERTY_SETS = st.builds(PropertySet, st.lists(TEXT, max_size=2), st.lists(PROPERTY_VALUES, max_size=2))
NESTED_SETS = st.builds(
    PropertySet,
    st.lists(TEXT, max_size=1),
    st.lists(
        st.builds(PropertyValue, propertysets_value=st.builds(PropertySetList, st.lists(PROPERTY_SETS, max_size=2)))
    ),
)
DATA_SETS = st.builds(
    DataSet,
    num_of_columns=either(UINT),
    columns=st.lists(TEXT, max_size=2),
    types=st.lists(UINT32, max_size=2),
    rows=st.lists(st.builds(Row, st.lists(ONE_VALUE.map(lambda one: DataSetValue(**one)), max_size=2)), max_size=2),
)
PARAMETERS = ONE_VALUE.map(lambda value: Parameter(name="P", type=1, **value))
SIMPLE = ONE_VALUE.map(lambda value: Metric(name="M", **value)) | st.builds(Metric, bytes_value=st.binary(max_size=8))
TEMPLATES = st.builds(
    Template,
    version=either(TEXT),
    metrics=st.lists(SIMPLE, max_size=2),
    parameters=st.lists(PARAMETERS, max_size=2),
    template_ref=either(TEXT),
    is_definition=either(st.booleans()),
)
METRICS = st.builds(
    Metric,
    name=either(TEXT),
    alias=either(UINT),
    timestamp=either(UINT),
    datatype=either(UINT32),
    is_historical=either(st.booleans()),
    is_null=either(st.booleans()),
    metadata=either(st.builds(MetaData, size=either(UINT), file_name=either(TEXT), description=either(TEXT))),
    properties=either(PROPERTY_SETS | NESTED_SETS),
    dataset_value=either(DATA_SETS),
) | st.builds(Metric, name=TEXT, template_value=TEMPLATES)
PAYLOADS = st.builds(
    Payload,
    timestamp=either(UINT),
    metrics=st.lists(METRICS | SIMPLE, max_size=3),
    seq=either(UINT),
    uuid=either(TEXT),
    body=either(st.binary(max_size=8)),
)


@given(PAYLOADS)
@settings(max_examples=examples(60, 5_000), deadline=None)
def test_what_is_encoded_is_decoded(payload: Payload) -> None:
    assert decode_payload(encode_payload(payload)) == payload


@given(st.binary(max_size=120))
@settings(max_examples=examples(150, 50_000), deadline=None)
def test_any_bytes_are_a_payload_or_refused(data: bytes) -> None:
    with contextlib.suppress(PayloadError):
        decode_payload(data)


@given(PAYLOADS, st.data())
@settings(max_examples=examples(60, 20_000), deadline=None)
def test_a_damaged_payload_is_a_payload_or_refused(payload: Payload, data: st.DataObject) -> None:
    damaged = bytearray(encode_payload(payload))
    for _ in range(data.draw(st.integers(1, 3))):
        if damaged:
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(PayloadError):
        decode_payload(bytes(damaged))


def test_bytes_by_the_specifications_schema() -> None:
    metric = Metric(name="A", alias=300, timestamp=1, datatype=9, is_null=False, float_value=1.0)
    made = encode_payload(Payload(timestamp=2, metrics=[metric], seq=255))
    assert made.hex(" ") == "08 02 12 11 0a 01 41 10 ac 02 18 01 20 09 38 00 65 00 00 80 3f 18 ff 01"


def test_a_few_bytes_do_not_become_many_objects() -> None:
    with pytest.raises(PayloadError, match="too many parts"):
        decode_payload(b"\x12\x00" * 11, Limits(parts=10))


def test_a_deep_payload_is_refused() -> None:
    metric = Metric(name="x")
    for _ in range(12):
        metric = Metric(template_value=Template(metrics=[metric]))
    with pytest.raises(PayloadError, match="too deep"):
        decode_payload(encode_payload(Payload(metrics=[metric])))


def test_the_last_of_several_values_counts() -> None:
    one, other = (encode_payload(Payload(metrics=[Metric(int_value=1)])), b"\x7a\x01x")
    data = b"\x12\x05" + one[2:] + other
    (metric,) = decode_payload(data).metrics
    assert (metric.int_value, metric.string_value) == (None, "x")


def test_packed_types_are_read() -> None:
    plain = DataSet(types=[1, 300])
    data = b"\x12\x08\x8a\x01\x05\x1a\x03\x01\xac\x02"
    assert decode_payload(data).metrics[0].dataset_value == plain


def test_fields_of_later_versions_are_passed_over() -> None:
    assert decode_payload(b"\x78\x01\x18\x07") == dataclasses.replace(Payload(), seq=7)


@given(st.binary(max_size=20))
@settings(max_examples=examples(100, 20_000), deadline=None)
def test_what_is_no_message_of_ours_is_never_marked(data: bytes) -> None:
    with contextlib.suppress(PayloadError):
        assert len(historical(data)) == len(data)
