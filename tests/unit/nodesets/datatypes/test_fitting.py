from __future__ import annotations

from typing import cast

import pytest

from nodesets.built_in_types import NULL_NODE, BuiltInType, EncodedStructure, QualifiedName, Structure, Value, Variant
from nodesets.datatypes.fitting import misfit
from nodesets.datatypes.registry import TypeRegistry
from nodesets.names import NodeName
from nodesets.nodes import DataTypeNode, Reference, VariableNode
from nodesets.standard import HAS_SUBTYPE

INT32, STRING, NUMBER, ANY, STRUCTURE = (NodeName.standard(number) for number in (6, 12, 26, 24, 22))
ONE, TWO, LOST = (NodeName("urn:test", "i", number) for number in (1, 2, 3))


def _data_type(name: NodeName, called: str, supertype: NodeName) -> DataTypeNode:
    references = (Reference(HAS_SUBTYPE, supertype, forward=False),)
    return DataTypeNode(name=name, browse_name=QualifiedName(name.namespace, called), references=references)


TYPES = TypeRegistry.of(
    [
        _data_type(NUMBER, "Number", ANY),
        _data_type(INT32, "Int32", NUMBER),
        _data_type(STRING, "String", ANY),
        _data_type(ONE, "One", STRUCTURE),
        _data_type(TWO, "Two", ONE),
    ]
)


def told(data_type: NodeName, value: Variant | None, rank: int = -1, dimensions: tuple[int, ...] = ()) -> str:
    node = VariableNode(name=ONE, browse_name=QualifiedName("", "V"), value=value, data_type=data_type, value_rank=rank)
    node.array_dimensions = dimensions
    found = misfit(node, TYPES)
    assert found is None or found.mend
    return "" if found is None else found.problem


def of(kind: BuiltInType, value: object, dimensions: tuple[int, ...] | None = None) -> Variant:
    return Variant(kind, cast("Value", value), dimensions)


_INT, _TEXT, _OBJECT = BuiltInType.Int32, BuiltInType.String, BuiltInType.ExtensionObject


@pytest.mark.parametrize(
    ("data_type", "value", "problem"),
    [
        (INT32, None, ""),
        (INT32, of(BuiltInType.Null, None), ""),
        (INT32, of(_INT, 1), ""),
        (NUMBER, of(_INT, 1), ""),
        (ANY, of(_TEXT, "a"), ""),
        (LOST, of(_TEXT, "a"), ""),  # the type is what is wrong
        (INT32, of(_TEXT, "a"), "the value is of the type String, and DataType says Int32"),
        (NUMBER, of(_TEXT, "a"), "the value is of the type String, and DataType says Number"),
        (INT32, of(_OBJECT, None), "the value is of the type ExtensionObject, and DataType says Int32"),
        (ONE, of(_OBJECT, None), ""),
        (ONE, of(_OBJECT, Structure(ONE)), ""),
        (ONE, of(_OBJECT, Structure(TWO)), ""),
        (ONE, of(_OBJECT, EncodedStructure(NULL_NODE, None)), ""),
        (TWO, of(_OBJECT, Structure(ONE)), "the value is of the type One, and DataType says Two"),
    ],
)
def test_types(data_type: NodeName, value: Variant | None, problem: str) -> None:
    assert told(data_type, value) == problem


_MATRIX = of(_INT, (1, 2, 3, 4), (2, 2))


@pytest.mark.parametrize(
    ("value", "rank", "dimensions", "problem"),
    [
        (of(_INT, 1), -2, (), ""),
        (_MATRIX, -2, (), ""),
        (of(_INT, 1), -3, (), ""),
        (of(_INT, (1,)), -3, (), ""),
        (_MATRIX, -3, (), "the value is an array of 2 dimensions, and ValueRank -3 says a scalar or one dimension"),
        (of(_INT, (1,)), -1, (), "the value is an array of one dimension, and ValueRank -1 says a scalar"),
        (of(_INT, 1), 0, (), "the value is a scalar, and ValueRank 0 says one dimension or more"),
        (_MATRIX, 0, (), ""),
        (of(_INT, 1), 1, (), "the value is a scalar, and ValueRank 1 says an array of one dimension"),
        (of(_INT, None), 1, (), ""),
        (of(_INT, ()), 1, (2,), ""),
        (of(_INT, (1, 2)), 1, (2,), ""),
        (of(_INT, (1, 2, 3)), 1, (0,), ""),
        (of(_INT, (1, 2, 3)), 1, (2,), "the value has the lengths 3, and ArrayDimensions allow 2"),
        (_MATRIX, 2, (2, 0), ""),
        (_MATRIX, 2, (4, 1), "the value has the lengths 2, 2, and ArrayDimensions allow 4, 1"),
        (_MATRIX, 1, (), "the value is an array of 2 dimensions, and ValueRank 1 says an array of one dimension"),
    ],
)
def test_ranks_and_lengths(value: Variant, rank: int, dimensions: tuple[int, ...], problem: str) -> None:
    assert told(INT32, value, rank, dimensions) == problem
