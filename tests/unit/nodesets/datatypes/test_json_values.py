from __future__ import annotations

import math

import pytest

from nodesets.built_in_types import (
    BuiltInType,
    DataValue,
    DiagnosticInfo,
    EncodedStructure,
    ExpandedNodeName,
    LocalizedText,
    Matrix,
    QualifiedName,
    Structure,
    Variant,
)
from nodesets.datatypes.json_values import Json, JsonForm, to_json, value_to_json
from nodesets.datatypes.problems import EncodingError
from nodesets.datatypes.registry import TypeRegistry
from nodesets.names import NodeName
from tests.unit.nodesets.datatypes.described import (
    RANGE,
    SERVER_STATE,
    STRUCTURE,
    UNION,
    URN,
    data_type,
    field,
    named,
    standard_types,
    std,
)

REGISTRY = TypeRegistry.of(
    [
        *standard_types(),
        data_type(
            named(1),
            "Mixed",
            STRUCTURE,
            (
                field("State", SERVER_STATE),
                field("Count", 8),
                field("Range", RANGE),
                field("Any", STRUCTURE),
                field("Grid", 6, 2),
                field("Note", 12, is_optional=True),
            ),
        ),
        data_type(named(2), "Either", UNION, (field("A", 6), field("B", 12)), is_union=True),
    ]
)
MIXED = Structure(
    named(1),
    {
        "State": 1,
        "Count": 0,
        "Range": Structure(RANGE, {"Low": 0.0, "High": math.inf}),
        "Any": None,
        "Grid": Matrix((1, 2), (1, 2)),
        "Note": None,
    },
)


def json_of(value: Structure, form: JsonForm) -> Json:
    return value_to_json(BuiltInType.ExtensionObject, value, REGISTRY, form)


def test_compact_leaves_out_defaults_and_says_which_fields_are_there() -> None:
    assert json_of(MIXED, "compact") == {
        "UaTypeId": f"nsu={URN};i=1",
        "EncodingMask": 1,
        "State": 1,
        "Range": {"High": "Infinity"},
        "Grid": {"Array": [1, 2], "Dimensions": [1, 2]},
        "Note": None,
    }
    assert json_of(Structure(named(2), {"B": "x"}), "compact") == {
        "UaTypeId": f"nsu={URN};i=2",
        "SwitchField": 2,
        "B": "x",
    }
    assert json_of(Structure(named(2)), "compact") == {"UaTypeId": f"nsu={URN};i=2"}


def test_verbose_writes_all_and_names_enumerations() -> None:
    assert json_of(MIXED, "verbose") == {
        "UaTypeId": f"nsu={URN};i=1",
        "State": "Failed_1",
        "Count": "0",
        "Range": {"Low": 0.0, "High": "Infinity"},
        "Any": {},
        "Grid": {"Array": [1, 2], "Dimensions": [1, 2]},
        "Note": None,
    }
    assert json_of(Structure(named(2), {"A": 0}), "verbose") == {"UaTypeId": f"nsu={URN};i=2", "A": 0}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Variant(BuiltInType.Null, None), None),
        (Variant(BuiltInType.Boolean, value=True), {"UaType": 1, "Value": True}),
        (Variant(BuiltInType.UInt64, 2**64 - 1), {"UaType": 9, "Value": "18446744073709551615"}),
        (Variant(BuiltInType.Double, -math.inf), {"UaType": 11, "Value": "-Infinity"}),
        (Variant(BuiltInType.Float, math.nan), {"UaType": 10, "Value": "NaN"}),
        (Variant(BuiltInType.String, None), {"UaType": 12}),
        (Variant(BuiltInType.DateTime, 10_000_000), {"UaType": 13, "Value": "1601-01-01T00:00:01Z"}),
        (Variant(BuiltInType.ByteString, b"\1"), {"UaType": 15, "Value": "AQ=="}),
        (Variant(BuiltInType.NodeId, named(5)), {"UaType": 17, "Value": f"nsu={URN};i=5"}),
        (
            Variant(BuiltInType.ExpandedNodeId, ExpandedNodeName(NodeName(URN, "s", "a"), 2)),
            {"UaType": 18, "Value": f"svr=2;nsu={URN};s=a"},
        ),
        (Variant(BuiltInType.StatusCode, 0x80000000), {"UaType": 19, "Value": {"Code": 0x80000000}}),
        (Variant(BuiltInType.QualifiedName, QualifiedName(URN, "a")), {"UaType": 20, "Value": f"nsu={URN};a"}),
        (Variant(BuiltInType.LocalizedText, LocalizedText(None, "a")), {"UaType": 21, "Value": {"Text": "a"}}),
        (Variant(BuiltInType.Int32, (1, 2), (1, 2)), {"UaType": 6, "Value": [1, 2], "Dimensions": [1, 2]}),
        (
            Variant(BuiltInType.Variant, (Variant(BuiltInType.Int32, 1), Variant(BuiltInType.Null, None))),
            {"UaType": 24, "Value": [{"UaType": 6, "Value": 1}, None]},
        ),
        (
            Variant(BuiltInType.DataValue, DataValue(Variant(BuiltInType.Int32, 1), 0, 10_000_000, 0)),
            {"UaType": 23, "Value": {"UaType": 6, "Value": 1, "SourceTimestamp": "1601-01-01T00:00:01Z"}},
        ),
        (Variant(BuiltInType.DiagnosticInfo, DiagnosticInfo(locale=1)), {"UaType": 25, "Value": {"Locale": 1}}),
        (
            Variant(BuiltInType.ExtensionObject, EncodedStructure(std(1), "<a/>")),
            {"UaType": 22, "Value": {"UaTypeId": "i=1", "UaEncoding": 2, "UaBody": "PGEvPg=="}},
        ),
    ],
    ids=str,
)
def test_built_in_types(value: Variant, expected: Json) -> None:
    assert to_json(value, REGISTRY) == expected


def test_a_status_code_has_its_name_in_the_verbose_form() -> None:
    value = Variant(BuiltInType.StatusCode, 5)
    assert to_json(value, REGISTRY, "verbose", lambda _: "Five") == {
        "UaType": 19,
        "Value": {"Code": 5, "Symbol": "Five"},
    }


def test_a_structure_that_is_not_described_is_refused() -> None:
    with pytest.raises(EncodingError, match="does not have it"):
        json_of(Structure(named(9)), "compact")
