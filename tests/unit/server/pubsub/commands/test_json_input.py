"""JSON values as values of DataTypes: nothing is cut, rounded or guessed."""

from __future__ import annotations

import contextlib
import json
import math
import struct

import pytest
from asyncua.ua.status_codes import StatusCodes
from hypothesis import given, settings
from hypothesis import strategies as st

from nodesets.built_in_types import BuiltInType, LocalizedText, Structure, Variant
from nodesets.datatypes.json_values import value_to_json
from nodesets.datatypes.registry import TypeRegistry
from nodesets.names import NodeName
from server.pubsub.commands.json_input import json_variant
from server.pubsub.commands.json_scalars import RANGES, JsonValueError
from tests.thorough import examples
from tests.unit.nodesets.datatypes.described import standard_types

TYPES = TypeRegistry.of(standard_types())
EXAMPLES = settings(max_examples=examples(50, 1000), deadline=None)


def read(given: object, number: int, rank: int = -1, present: BuiltInType | None = None) -> Variant:
    return json_variant(given, NodeName.standard(number), rank, TYPES, present)


def refusal(given: object, number: int, rank: int = -1) -> JsonValueError:
    with pytest.raises(JsonValueError) as refused:
        read(given, number, rank)
    assert str(refused.value)
    return refused.value


@pytest.mark.parametrize(
    ("value", "built_in", "expected"),
    [
        (True, BuiltInType.Boolean, True),
        (1.0, BuiltInType.Int32, 1),
        ("-9223372036854775808", BuiltInType.Int64, -(2**63)),
        ("NaN", BuiltInType.Double, math.nan),
        (3, BuiltInType.Double, 3.0),
        ("text", BuiltInType.String, "text"),
        ("AAE=", BuiltInType.ByteString, b"\0\1"),
        (b"\0\1", BuiltInType.ByteString, b"\0\1"),
        ("1601-01-01T00:00:01Z", BuiltInType.DateTime, 10_000_000),
        ({"Locale": "de", "Text": "Säge"}, BuiltInType.LocalizedText, LocalizedText("de", "Säge")),
        ({"Code": 5}, BuiltInType.StatusCode, 5),
        ("i=7", BuiltInType.NodeId, NodeName.standard(7)),
    ],
)
def test_a_value_is_read_as_its_type(value: object, built_in: BuiltInType, expected: object) -> None:
    found = read(value, int(built_in))
    assert found.type is built_in
    assert repr(found.value) == repr(expected)


@pytest.mark.parametrize(
    ("value", "built_in", "status"),
    [
        (1.5, BuiltInType.Int32, StatusCodes.BadTypeMismatch),
        (1 << 31, BuiltInType.Int32, StatusCodes.BadOutOfRange),
        (-1, BuiltInType.Byte, StatusCodes.BadOutOfRange),
        (True, BuiltInType.Int32, StatusCodes.BadTypeMismatch),
        (1, BuiltInType.Boolean, StatusCodes.BadTypeMismatch),
        ("1.5", BuiltInType.Double, StatusCodes.BadTypeMismatch),
        (1e39, BuiltInType.Float, StatusCodes.BadOutOfRange),
        (float("inf"), BuiltInType.Double, StatusCodes.BadOutOfRange),
        (10**400, BuiltInType.Double, StatusCodes.BadOutOfRange),
        ((1 << 24) + 1, BuiltInType.Float, StatusCodes.BadTypeMismatch),
        ((1 << 53) + 1, BuiltInType.Double, StatusCodes.BadTypeMismatch),
        (2.0**60, BuiltInType.Int64, StatusCodes.BadTypeMismatch),
        ("AAE", BuiltInType.ByteString, StatusCodes.BadTypeMismatch),
        ("yesterday", BuiltInType.DateTime, StatusCodes.BadTypeMismatch),
        ("x", BuiltInType.Guid, StatusCodes.BadTypeMismatch),
        ("09087e75-8e5e-499b-954f-f2a9603db2_a", BuiltInType.Guid, StatusCodes.BadTypeMismatch),
        ("{09087e75-8e5e-499b-954f-f2a9603db28a}", BuiltInType.Guid, StatusCodes.BadTypeMismatch),
        (None, BuiltInType.String, StatusCodes.BadTypeMismatch),
        ({"Text": 1}, BuiltInType.LocalizedText, StatusCodes.BadTypeMismatch),
        ({"UaType": 11, "Value": 1.0}, BuiltInType.Int32, StatusCodes.BadTypeMismatch),
        ({"UaType": 99, "Value": 1.0}, BuiltInType.Double, StatusCodes.BadTypeMismatch),
    ],
)
def test_what_would_be_cut_or_guessed_is_refused(value: object, built_in: BuiltInType, status: int) -> None:
    assert refusal(value, int(built_in)).status == status


def test_arrays_and_matrices() -> None:
    assert read([1, 2], 6, 1) == Variant(BuiltInType.Int32, (1, 2))
    assert read([[1, 2], [3, 4]], 6, 2) == Variant(BuiltInType.Int32, (1, 2, 3, 4), (2, 2))
    assert read([], 6, 1) == Variant(BuiltInType.Int32, ())
    assert read(1, 6, -2) == Variant(BuiltInType.Int32, 1)
    assert read([1], 6, -3) == Variant(BuiltInType.Int32, (1,))
    for value, rank in ((1, 1), ([1], -1), ([[1], [2, 3]], 2), ([1, [2]], 2)):
        refusal(value, 6, rank)


def test_a_value_of_any_type_is_what_the_variable_has_or_json_says() -> None:
    assert read(1, 24) == Variant(BuiltInType.Int64, 1)
    assert read(1, 24, -1, BuiltInType.Byte) == Variant(BuiltInType.Byte, 1)
    assert read({"UaType": 12, "Value": "a"}, 24) == Variant(BuiltInType.String, "a")
    assert read([1.5], 24, -2) == Variant(BuiltInType.Double, (1.5,))
    refusal("text", 26)
    refusal(None, 24)


def test_structures_by_the_names_of_their_fields_and_enumerations_by_name() -> None:
    low_high = Structure(NodeName.standard(884), {"Low": 1.0, "High": 2.5})
    assert read({"Low": 1, "High": 2.5}, 884).value == low_high
    assert read({"High": 2.5}, 884).value == Structure(NodeName.standard(884), {"Low": 0.0, "High": 2.5})
    assert refusal({"Lo": 1}, 884).mend == "it has Low, High"
    assert "Low" in refusal({"Low": "a"}, 884).problem


@EXAMPLES
@given(st.sampled_from(sorted(RANGES)), st.integers(-(2**65), 2**65))
def test_whole_numbers_are_kept_or_refused(built_in: BuiltInType, number: int) -> None:
    least, most = RANGES[built_in]
    for text in (number, str(number)):
        try:
            assert read(text, int(built_in)).value == number
            assert least <= number <= most
        except JsonValueError:
            assert not least <= number <= most


@EXAMPLES
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_fractions_are_the_nearest_there_is(number: float) -> None:
    given = json.loads(json.dumps(number))
    assert read(given, 11).value == number
    try:
        (single,) = struct.unpack("<f", struct.pack("<f", number))
    except OverflowError:
        refusal(given, 10)
    else:
        assert read(given, 10).value == single


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@EXAMPLES
@given(
    JSON, st.sampled_from([1, 3, 6, 9, 10, 11, 12, 13, 14, 15, 17, 19, 20, 21, 24, 26, 884, 887]), st.integers(-3, 3)
)
def test_whatever_comes_is_read_or_refused(value: object, number: int, rank: int) -> None:
    with contextlib.suppress(JsonValueError):
        found = read(value, number, rank)
        value_to_json(found.type, found.value, TYPES)
