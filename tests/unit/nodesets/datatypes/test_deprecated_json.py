from __future__ import annotations

import pytest

from nodesets.built_in_types import (
    BuiltInType,
    DataValue,
    EncodedStructure,
    ExpandedNodeName,
    LocalizedText,
    QualifiedName,
    Structure,
    Value,
    Variant,
)
from nodesets.datatypes.deprecated_json import DeprecatedJsonEncoder, nested
from nodesets.datatypes.json_values import Json
from nodesets.names import STANDARD_NAMESPACE, NodeName
from tests.unit.nodesets.datatypes.described import URN, named
from tests.unit.nodesets.datatypes.test_json_values import MIXED, REGISTRY


def _json(kind: BuiltInType, value: Value, *, reversible: bool) -> Json:
    encoder = DeprecatedJsonEncoder(REGISTRY, lambda _: "BadTimeout", reversible=reversible)
    return encoder.shaped(kind, value)


@pytest.mark.parametrize(
    ("kind", "value", "reversible", "other"),
    [
        (BuiltInType.NodeId, NodeName.standard(85), {"Id": 85}, {"Id": 85}),
        (
            BuiltInType.NodeId,
            NodeName(URN, "s", "a"),
            {"IdType": 1, "Id": "a", "Namespace": URN},
            {"IdType": 1, "Id": "a", "Namespace": URN},
        ),
        (
            BuiltInType.ExpandedNodeId,
            ExpandedNodeName(NodeName(URN, "b", b"\x01"), 2),
            {"IdType": 3, "Id": "AQ==", "Namespace": URN, "ServerUri": 2},
            {"IdType": 3, "Id": "AQ==", "Namespace": URN, "ServerUri": 2},
        ),
        (BuiltInType.StatusCode, 0x800A0000, 0x800A0000, {"Code": 0x800A0000, "Symbol": "BadTimeout"}),
        (BuiltInType.StatusCode, 0, 0, {}),
        (BuiltInType.QualifiedName, QualifiedName(STANDARD_NAMESPACE, "n"), {"Name": "n"}, {"Name": "n"}),
        (BuiltInType.QualifiedName, QualifiedName(URN, "n"), {"Name": "n", "Uri": URN}, {"Name": "n", "Uri": URN}),
        (BuiltInType.LocalizedText, LocalizedText("en", "t"), {"Locale": "en", "Text": "t"}, "t"),
        (BuiltInType.Variant, Variant(BuiltInType.Int64, 5), {"Type": 8, "Body": "5"}, "5"),
        (
            BuiltInType.Variant,
            Variant(BuiltInType.Byte, (1, 2, 3, 4), (2, 2)),
            {"Type": 3, "Body": [1, 2, 3, 4], "Dimensions": [2, 2]},
            [[1, 2], [3, 4]],
        ),
        (
            BuiltInType.DataValue,
            DataValue(Variant(BuiltInType.Byte, 1), 0x800A0000),
            {"Value": {"Type": 3, "Body": 1}, "Status": 0x800A0000},
            {"Value": 1, "Status": {"Code": 0x800A0000, "Symbol": "BadTimeout"}},
        ),
        (
            BuiltInType.ExtensionObject,
            EncodedStructure(named(9), b"\x01"),
            {"TypeId": {"Id": 9, "Namespace": URN}, "Encoding": 1, "Body": "AQ=="},
            "AQ==",
        ),
        (
            BuiltInType.ExtensionObject,
            Structure(named(2), {"B": "x"}),
            {"TypeId": {"Id": 2, "Namespace": URN}, "Body": {"SwitchField": 2, "Value": "x"}},
            "x",
        ),
    ],
)
def test_values_in_both_forms(kind: BuiltInType, value: Value, reversible: Json, other: Json) -> None:
    assert _json(kind, value, reversible=True) == reversible
    assert _json(kind, value, reversible=False) == other


def test_a_structure_tells_its_type_or_gives_its_enumerations_names() -> None:
    reversible = _json(BuiltInType.ExtensionObject, MIXED, reversible=True)
    assert isinstance(reversible, dict)
    assert reversible["TypeId"] == {"Id": 1, "Namespace": URN}
    body = reversible["Body"]
    assert isinstance(body, dict)
    assert (body["State"], body["Grid"], body["EncodingMask"]) == (1, [[1, 2]], 1)
    other = _json(BuiltInType.ExtensionObject, MIXED, reversible=False)
    assert isinstance(other, dict)
    assert (other["State"], other["Count"], other["Grid"]) == ("Failed_1", "0", [[1, 2]])
    assert "TypeId" not in other
    assert "EncodingMask" not in other


def test_matrices_nest_outermost_first() -> None:
    assert nested([1, 2, 3, 4, 5, 6], (1, 2, 3)) == [[[1, 2, 3], [4, 5, 6]]]
    assert nested([], (2, 0)) == []
