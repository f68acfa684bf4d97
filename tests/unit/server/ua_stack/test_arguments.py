"""Which values a method's Argument takes (Part 3 v1.05 8.6), by the standard's own types."""

from __future__ import annotations

from typing import Any

import pytest
from asyncua import ua

from server.address_space.space import AddressSpace
from server.ua_stack.arguments import accepts
from server.ua_stack.model_nodes import load_model
from tests.unit.server.ua_stack.nodes import standard_model

KIND = ua.VariantType
IDS = ua.ObjectIds


def one(number: int) -> ua.NodeId:
    return ua.NodeId(ua.Int32(number))


@pytest.fixture(scope="module")
def space() -> AddressSpace:
    made = AddressSpace()
    assert load_model(made, standard_model(), standard_model().namespaces) == []
    return made


CASES: list[tuple[int, int, Any, KIND, bool]] = [
    (IDS.Double, -1, 1.0, KIND.Double, True),
    (IDS.Double, -1, 1.0, KIND.Float, False),
    (IDS.Double, -1, "1", KIND.String, False),
    (IDS.Duration, -1, 1.0, KIND.Double, True),
    (IDS.Double, -1, [1.0], KIND.Double, False),
    (IDS.Double, 1, [1.0], KIND.Double, True),
    (IDS.Double, 1, 1.0, KIND.Double, False),
    (IDS.Double, 2, [[1.0], [2.0]], KIND.Double, True),
    (IDS.Double, 2, [1.0], KIND.Double, False),
    (IDS.Double, 0, [1.0], KIND.Double, True),
    (IDS.Double, 0, 1.0, KIND.Double, False),
    (IDS.Double, -2, [1.0], KIND.Double, True),
    (IDS.Double, -3, [1.0], KIND.Double, True),
    (IDS.Double, -3, 1.0, KIND.Double, True),
    (IDS.Double, -3, [[1.0], [2.0]], KIND.Double, False),
    (IDS.Number, -1, 1, KIND.Int16, True),
    (IDS.UInteger, -1, 1, KIND.Int16, False),
    (IDS.Integer, -1, "1", KIND.String, False),
    (IDS.BaseDataType, -1, "x", KIND.String, True),
    (IDS.BaseDataType, -1, None, KIND.Null, True),
    (IDS.String, -1, None, KIND.Null, False),
    (IDS.ServerState, -1, 1, KIND.Int32, True),
    (IDS.ServerState, -1, 1, KIND.UInt32, False),
    (IDS.Range, -1, ua.Range(0.0, 1.0), KIND.ExtensionObject, True),
    (IDS.Range, -1, ua.Argument(), KIND.ExtensionObject, False),
    (IDS.Structure, -1, ua.Argument(), KIND.ExtensionObject, True),
    (IDS.Double, -1, ua.Argument(), KIND.ExtensionObject, False),
]


def test_a_value_is_taken_by_data_type_and_value_rank(space: AddressSpace) -> None:
    wrong = [
        (wanted, rank, value, kind)
        for wanted, rank, value, kind, taken in CASES
        if accepts(space, ua.Argument(DataType=one(wanted), ValueRank=ua.Int32(rank)), ua.Variant(value, kind))
        is not taken
    ]
    assert not wrong
