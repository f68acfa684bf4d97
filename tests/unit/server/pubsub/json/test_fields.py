from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from asyncua import ua
from hypothesis import given, settings
from hypothesis import strategies as st

from core.datatypes import DataType
from core.quality import Status
from nodesets.built_in_types import BuiltInType, LocalizedText, Structure, Variant
from nodesets.names import NodeName
from server.address_space.structured import StructureCodec
from server.pubsub.fields import DataSetField
from server.pubsub.json.settings import JsonForm
from tests.thorough import examples
from tests.unit.nodesets.datatypes.described import NAMESPACES, RANGE, SERVER_STATE, URN, named
from tests.unit.nodesets.datatypes.generated import variants
from tests.unit.nodesets.datatypes.test_json_values import MIXED, REGISTRY
from tests.unit.server.pubsub.json.dataset import shown

CODEC = StructureCodec(REGISTRY, NAMESPACES)
NODE = "nsu=urn:x;s=v"
DOUBLE = DataSetField("f", 0, DataType.DOUBLE, NODE)
ANY = DataSetField("f", 0, DataType.VARIANT, NODE)
DOUBLES = DataSetField("f", 0, DataType.VARIANT, NODE, built_in=DataType.DOUBLE, value_rank=1)
STATE = DataSetField("f", 0, DataType.INT32, NODE, data_type=str(SERVER_STATE))
RANGED = DataSetField("f", 0, DataType.VARIANT, NODE, data_type=str(RANGE))
TIME = {"SourceTimestamp": "2024-01-02T03:04:05Z"}
STAMPED = ("SourceTimestamp",)
RAW = ("SourceTimestamp", "RawData")
FORMS: list[JsonForm] = ["verbose", "compact", "reversible", "non-reversible"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ((), [1.5, {"UaType": 11, "Value": 1.5}, {"Type": 11, "Body": 1.5}, 1.5]),
        (("RawData",), [1.5, {"UaType": 11, "Value": 1.5}, {"Type": 11, "Body": 1.5}, 1.5]),
        (
            STAMPED,
            [
                {"Value": 1.5, **TIME},
                {"UaType": 11, "Value": 1.5, **TIME},
                {"Value": {"Type": 11, "Body": 1.5}, **TIME},
                {"Value": 1.5, **TIME},
            ],
        ),
    ],
)
def test_a_number_in_each_form(content: tuple[str, ...], expected: list[Any]) -> None:
    assert [shown(DOUBLE, 1.5, form, content) for form in FORMS] == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            (),
            [
                {"UaType": 11, "Value": 1.5},
                {"UaType": 11, "Value": 1.5},
                {"Type": 11, "Body": 1.5},
                1.5,
            ],
        ),
        (("RawData",), [1.5, {"UaType": 11, "Value": 1.5}, {"Type": 11, "Body": 1.5}, 1.5]),
        (
            STAMPED,
            [
                {"UaType": 11, "Value": 1.5, **TIME},
                {"UaType": 11, "Value": 1.5, **TIME},
                {"Value": {"Type": 11, "Body": 1.5}, **TIME},
                {"Value": 1.5, **TIME},
            ],
        ),
        (
            RAW,
            [
                {"Value": 1.5, **TIME},
                {"UaType": 11, "Value": 1.5, **TIME},
                {"Value": {"Type": 11, "Body": 1.5}, **TIME},
                {"Value": 1.5, **TIME},
            ],
        ),
    ],
)
@pytest.mark.parametrize("value", [1.5, Variant(BuiltInType.Double, 1.5), ua.Variant(1.5, ua.VariantType.Double)])
def test_where_the_metadata_leave_the_type_open_it_is_told(
    content: tuple[str, ...], expected: list[Any], value: object
) -> None:
    assert [shown(ANY, value, form, content) for form in FORMS] == expected


@pytest.mark.parametrize("value", [[1.5, float("nan")], np.array([1.5, np.nan]), (1.5, float("nan"))])
def test_arrays_have_their_elements_form(value: object) -> None:
    elements = [1.5, "NaN"]
    assert [shown(DOUBLES, value, form) for form in FORMS] == [
        elements,
        {"UaType": 11, "Value": elements},
        {"Type": 11, "Body": elements},
        elements,
    ]


def test_matrices_have_their_dimensions_or_are_nested() -> None:
    field = DataSetField("f", 0, DataType.VARIANT, NODE, built_in=DataType.INT32, value_rank=2)
    flat, given = {"Array": [1, 2, 3, 4], "Dimensions": [2, 2]}, np.array([[1, 2], [3, 4]], np.int32)
    expected = [
        flat,
        {"UaType": 6, "Value": [1, 2, 3, 4], "Dimensions": [2, 2]},
        {"Type": 6, "Body": [1, 2, 3, 4], "Dimensions": [2, 2]},
        [[1, 2], [3, 4]],
    ]
    assert [shown(field, given, form) for form in FORMS] == expected
    variant = Variant(BuiltInType.Int32, (1, 2, 3, 4), (2, 2))
    assert [shown(field, variant, form) for form in FORMS] == expected


def test_enumerations_have_their_names_where_the_form_has_any() -> None:
    assert [shown(STATE, 1, form, codec=CODEC) for form in FORMS] == [
        "Failed_1",
        {"UaType": 6, "Value": 1},
        {"Type": 6, "Body": 1},
        "Failed_1",
    ]
    assert shown(STATE, 99, codec=CODEC) == "99"
    states = replace(STATE, datatype=DataType.VARIANT, built_in=DataType.INT32, value_rank=1)
    for value in ([0, 1], np.array([0, 1], np.int8), Variant(BuiltInType.Int32, (0, 1))):
        assert shown(states, value, codec=CODEC) == ["Running_0", "Failed_1"]
        assert shown(states, value, "compact", codec=CODEC) == {"UaType": 6, "Value": [0, 1]}
    assert shown(states, ["x"], codec=CODEC) == ["x"]
    assert shown(STATE, 1) == 1


def test_structures_are_told_by_their_definition() -> None:
    value = Structure(RANGE, {"Low": 0.0, "High": 2.0})
    body = {"Low": 0.0, "High": 2.0}
    assert [shown(RANGED, value, form, codec=CODEC) for form in FORMS] == [
        body,
        {"UaType": 22, "Value": {"UaTypeId": str(RANGE), "High": 2.0}},
        {"Type": 22, "Body": {"TypeId": {"Id": 884}, "Body": {"High": 2.0}}},
        body,
    ]
    assert shown(ANY, value, codec=CODEC) == {"UaType": 22, "Value": {"UaTypeId": str(RANGE), **body}}
    assert shown(ANY, value, content=("RawData",), codec=CODEC) == body
    # A subtype's own type is told, since nobody could guess it.
    base = DataSetField("f", 0, DataType.VARIANT, NODE, data_type="i=22")
    assert shown(base, MIXED, codec=CODEC)["UaTypeId"] == f"nsu={URN};i=1"


def test_structures_come_encoded_from_clients() -> None:
    value = CODEC.kept(Structure(named(2), {"B": "x"}))
    field = DataSetField("f", 0, DataType.VARIANT, NODE, data_type=str(named(2)))
    assert shown(field, value, codec=CODEC) == {"B": "x"}
    assert shown(field, value, "compact", codec=CODEC)["Value"] == {
        "UaTypeId": f"nsu={URN};i=2",
        "SwitchField": 2,
        "B": "x",
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Variant(BuiltInType.NodeId, NodeName("urn:x", "s", "a")), "nsu=urn:x;s=a"),
        (Variant(BuiltInType.LocalizedText, LocalizedText("de", "an")), {"Locale": "de", "Text": "an"}),
        (ua.LocalizedText("an", "de"), {"Locale": "de", "Text": "an"}),
        (ua.Variant(None), None),
        (Variant(BuiltInType.Null, None), None),
        (None, None),
        ({"a": b"\x01", 2: ua.LocalizedText("x")}, {"a": "AQ==", "2": {"Text": "x"}}),
        (np.int16(7), 7),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (object, "<class 'object'>"),
    ],
)
def test_objects_have_a_form(value: object, expected: object) -> None:
    assert shown(ANY, value, content=("RawData",)) == expected


def test_an_object_that_holds_itself_ends() -> None:
    endless: list[object] = []
    endless.append(endless)
    assert str(shown(ANY, endless, content=("RawData",))).count("[") < 100


@pytest.mark.parametrize("kind", [DataType.STRING, DataType.BYTESTRING])
def test_null_in_a_column_of_texts(kind: DataType) -> None:
    field = DataSetField("f", 0, kind, NODE)
    assert shown(field, None) is None
    assert shown(field, None, content=STAMPED) == TIME
    assert shown(field, None, "compact") == "nothing"


@pytest.mark.parametrize(
    ("form", "content", "bad", "uncertain"),
    [
        (
            "verbose",
            (),
            {"UaType": 19, "Value": {"Code": 0x80310000, "Symbol": "BadNoCommunication"}},
            {
                "UaType": 23,
                "Value": {"Value": 1.5, "Status": {"Code": 0x40900000, "Symbol": "UncertainLastUsableValue"}},
            },
        ),
        (
            "compact",
            (),
            {"UaType": 19, "Value": {"Code": 0x80310000}},
            {"UaType": 23, "Value": {"UaType": 11, "Value": 1.5, "Status": {"Code": 0x40900000}}},
        ),
        (
            "reversible",
            (),
            {"Type": 19, "Body": 0x80310000},
            {"Type": 23, "Body": {"Value": {"Type": 11, "Body": 1.5}, "Status": 0x40900000}},
        ),
    ],
)
def test_variants_that_are_not_good_say_so(form: JsonForm, content: tuple[str, ...], bad: Any, uncertain: Any) -> None:
    for field in (DOUBLE, ANY):
        assert shown(field, 1.5, form, content, status=[Status.BAD_NO_COMMUNICATION]) == bad
    assert shown(DOUBLE, 1.5, form, content, status=[Status.UNCERTAIN_LAST_USABLE_VALUE]) == uncertain


@given(variants(REGISTRY), st.sampled_from(FORMS), st.sampled_from([(), ("RawData",), STAMPED]))
@settings(max_examples=examples(60, 3000))
def test_any_variant_has_a_text(value: Variant, form: JsonForm, content: tuple[str, ...]) -> None:
    fixed = DataSetField("f", 0, DataType.VARIANT, NODE, data_type=f"i={int(value.type)}" if value.type else "")
    open_ended = shown(ANY, value, form, content, CODEC)
    told = shown(fixed, value, form, content, CODEC)
    if form in {"compact", "reversible"} or not value.type:
        assert told == open_ended


@pytest.mark.parametrize("kind", [np.int16, np.int32, np.int64])
def test_arrays_of_whole_numbers_are_written_by_the_fields_type(kind: type[np.signedinteger[Any]]) -> None:
    given = np.array([1, 2], kind)
    for built_in, expected in ((DataType.INT64, ["1", "2"]), (DataType.INT32, [1, 2]), (DataType.DOUBLE, [1, 2])):
        assert shown(replace(DOUBLES, built_in=built_in), given) == expected
    assert shown(ANY, given, content=("RawData",)) == [1, 2]
