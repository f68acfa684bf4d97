"""Whether a variable's value is what its DataType, ValueRank and ArrayDimensions say (Part 3 v1.05 5.6.2)."""

from __future__ import annotations

import math
from typing import NamedTuple

from nodesets.built_in_types import BuiltInType, Structure, Value, Variant
from nodesets.datatypes.defaults import NULLABLE
from nodesets.datatypes.problems import DataTypeError
from nodesets.datatypes.registry import TypeRegistry
from nodesets.names import NodeName
from nodesets.nodes import VariableNode, VariableTypeNode
from nodesets.standard import BASE_DATA_TYPE

_ANY, _SCALAR_OR_ONE, _SCALAR, _ONE_OR_MORE = -2, -3, -1, 0
_RANKS = {_SCALAR_OR_ONE: "a scalar or one dimension", _SCALAR: "a scalar", _ONE_OR_MORE: "one dimension or more"}


class Misfit(NamedTuple):
    """What a value is, what it should be, and the mend."""

    problem: str
    mend: str


def misfit(node: VariableNode | VariableTypeNode, types: TypeRegistry) -> Misfit | None:
    """Tell how a node's value differs from what the node says of it; None where it fits or is null."""
    value = node.value
    if value is None or value.type is BuiltInType.Null:
        return None
    found = _other_type(value, node.data_type, types)
    if found is not None:
        problem = f"the value is of the type {found}, and DataType says {_named(node.data_type, types)}"
        return Misfit(problem, "correct the value or the DataType")
    return _other_rank(value, node)


def _other_type(value: Variant, data_type: NodeName, types: TypeRegistry) -> str | None:
    try:
        wanted = types.built_in(data_type)
    except DataTypeError:
        return None  # what is wrong is the type
    if data_type == BASE_DATA_TYPE:
        return None
    if wanted is not value.type and not (
        wanted is BuiltInType.Variant and types.is_subtype(NodeName.standard(int(value.type)), data_type)
    ):
        return value.type.name
    given = {one.type for one in _elements(value.value) if isinstance(one, Structure)}
    return next((_named(one, types) for one in given if not types.is_subtype(one, data_type)), None)


def _other_rank(value: Variant, node: VariableNode | VariableTypeNode) -> Misfit | None:
    is_array = type(value.value) is tuple or (value.value is None and value.type not in NULLABLE)
    if value.value is None or node.value_rank == _ANY:
        return None
    rank = len(value.dimensions or (1,)) if is_array else _SCALAR
    fits = {_SCALAR_OR_ONE: rank in {1, _SCALAR}, _ONE_OR_MORE: is_array}.get(node.value_rank, rank == node.value_rank)
    if not fits:
        found = "a scalar" if rank == _SCALAR else f"an array of {_dimensions(rank)}"
        wanted = _RANKS.get(node.value_rank) or f"an array of {_dimensions(node.value_rank)}"
        return Misfit(f"the value is {found}, and ValueRank {node.value_rank} says {wanted}", "correct either")
    most, lengths = node.array_dimensions, value.dimensions or (len(_elements(value.value)),)
    if is_array and any(length > (bound or math.inf) for length, bound in zip(lengths, most, strict=False)):
        given, said = (", ".join(map(str, one)) for one in (lengths, most))
        return Misfit(f"the value has the lengths {given}, and ArrayDimensions allow {said}", "correct either")
    return None


def _elements(value: Value) -> tuple[Value, ...]:
    return value if type(value) is tuple else (value,)  # pyright: ignore[reportUnknownVariableType] - a value's tuple


def _dimensions(count: int) -> str:
    return "one dimension" if count == 1 else f"{count} dimensions"


def _named(data_type: NodeName, types: TypeRegistry) -> str:
    node = types.node(data_type)
    return str(data_type if node is None else node.browse_name.name)
