from __future__ import annotations

import json
import math
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from core.datatypes import DataType
from core.time import DATETIME_MAX_TICKS, from_iso, to_iso
from server.pubsub.json.settings import JsonForm
from server.pubsub.json.times import datetime_text, datetime_texts, labelled_times
from server.pubsub.json.values import column_texts, shortest, status_text, text

NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def _number(value: object) -> float:
    return NUMBERS[value] if isinstance(value, str) else float(str(value))


@given(hnp.arrays(np.float32, st.integers(0, 50), elements=st.floats(width=32)))
def test_floats_come_back_bit_by_bit_but_for_the_payload_of_nan(values: np.ndarray) -> None:
    texts = column_texts(DataType.FLOAT, values) or ()
    back = np.array([_number(json.loads(shown)) for shown in texts], np.float32)
    assert np.array_equal(back, values, equal_nan=True)
    assert np.array_equal(np.signbit(back[~np.isnan(back)]), np.signbit(values[~np.isnan(values)]))


@given(hnp.arrays(np.float64, st.integers(0, 50), elements=st.floats()))
def test_doubles_come_back_bit_by_bit_but_for_the_payload_of_nan(values: np.ndarray) -> None:
    back = np.array([_number(json.loads(shown)) for shown in column_texts(DataType.DOUBLE, values) or ()])
    assert np.array_equal(back, values, equal_nan=True)


@given(hnp.arrays(np.float32, 20, elements=st.floats(-1e7, 1e7, width=32)))
def test_no_shorter_decimal_means_the_same_float(values: np.ndarray) -> None:
    for value, wide in zip(values, shortest(values).tolist(), strict=True):
        if abs(value) > 1e-7:
            assert float(np.format_float_scientific(value, unique=True)) == wide


def test_floats_look_as_people_write_them() -> None:
    values = np.array([0.1, 21.37, 1e10, -0.0, 16777216.0], np.float32)
    assert column_texts(DataType.FLOAT, values) == ["0.1", "21.37", "10000000000.0", "-0.0", "16777216.0"]


@pytest.mark.parametrize(
    ("datatype", "values", "expected"),
    [
        (DataType.BOOLEAN, [True, False], ["true", "false"]),
        (DataType.SBYTE, [-128, 127], ["-128", "127"]),
        (DataType.UINT32, [2**32 - 1], ["4294967295"]),
        (DataType.INT64, [-(2**63)], ['"-9223372036854775808"']),
        (DataType.UINT64, [2**64 - 1], ['"18446744073709551615"']),
        (DataType.DATETIME, [0, DATETIME_MAX_TICKS], ['"0001-01-01T00:00:00Z"', '"9999-12-31T23:59:59Z"']),
        (DataType.STATUSCODE, [0, 0x80310000], ['{"Code":0,"Symbol":"Good"}', status_text(0x80310000)]),
        (DataType.STRING, ['gr\u00fcn "1"'], ['"gr\u00fcn \\"1\\""']),
        (DataType.BYTESTRING, [b"\x00\xff"], ['"AP8="']),
        (DataType.GUID, [UUID(int=1)], ['"00000000-0000-0000-0000-000000000001"']),
    ],
)
def test_values_follow_the_rules_of_part_6(datatype: DataType, values: list[object], expected: list[str]) -> None:
    column: Any = np.empty(len(values), datatype.dtype)
    column[:] = values
    assert column_texts(datatype, column) == expected


@pytest.mark.parametrize(
    ("datatype", "value"),
    [(DataType.STRING, None), (DataType.BYTESTRING, 3), (DataType.GUID, "g"), (DataType.VARIANT, 1)],
)
def test_what_is_not_of_its_columns_type_is_looked_at_by_itself(datatype: DataType, value: object) -> None:
    column: Any = np.empty(1, object)
    column[:] = [value]
    assert column_texts(datatype, column) is None


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("verbose", {"Code": 0x80310000, "Symbol": "BadNoCommunication"}),
        ("compact", {"Code": 0x80310000}),
        ("reversible", 0x80310000),
        ("non-reversible", {"Code": 0x80310000, "Symbol": "BadNoCommunication"}),
    ],
)
def test_a_status_has_a_form_of_its_own_in_each_encoding(form: JsonForm, expected: object) -> None:
    assert json.loads(status_text(0x80310000, form)) == expected


def test_times_that_are_the_same_are_written_once() -> None:
    moment = from_iso("2024-02-29T00:00:00Z")
    assert labelled_times("T", np.array([moment] * 3, np.int64)) == ',"T":"2024-02-29T00:00:00Z"'
    assert labelled_times("T", np.array([], np.int64)) == ""
    assert labelled_times("T", np.array([0, moment, 0], np.int64)) == [
        ',"T":"0001-01-01T00:00:00Z"',
        ',"T":"2024-02-29T00:00:00Z"',
        ',"T":"0001-01-01T00:00:00Z"',
    ]


def test_a_bad_status_is_told_with_its_name() -> None:
    assert json.loads(status_text(0x80310000)) == {"Code": 0x80310000, "Symbol": "BadNoCommunication"}


@given(st.lists(st.integers(-5, DATETIME_MAX_TICKS + 5)))
def test_many_times_are_written_as_one_is(ticks: list[int]) -> None:
    assert datetime_texts(ticks) == [datetime_text(moment) for moment in ticks]


def test_times_keep_their_hundred_nanoseconds() -> None:
    moment = from_iso("2024-01-02T03:04:05Z") + 1_234_567
    assert datetime_text(moment) == "2024-01-02T03:04:05.1234567Z" == to_iso(moment)


@given(st.text())
def test_any_text_is_a_json_string(value: str) -> None:
    assert json.loads(text(value)) == value
