"""Whether a value that a client passes to a method is what its Argument declares (Part 3 v1.05 8.6)."""

from __future__ import annotations

from typing import Any

from asyncua import ua

from server.address_space.keys import NodeKey, key_of, numeric_key
from server.address_space.space import AddressSpace

_ANYTHING = numeric_key(0, ua.ObjectIds.BaseDataType)
_ENUMERATION = numeric_key(0, ua.ObjectIds.Enumeration)
_INT32 = numeric_key(0, ua.ObjectIds.Int32)


def accepts(space: AddressSpace, argument: ua.Argument, given: ua.Variant) -> bool:
    """Tell whether DataType and ValueRank allow a value."""
    return _has_rank(argument.ValueRank, given) and _has_type(space, key_of(argument.DataType), given)


def _has_type(space: AddressSpace, wanted: NodeKey, given: ua.Variant) -> bool:
    if wanted == _ANYTHING:
        return True
    if given.VariantType in (ua.VariantType.Null, ua.VariantType.Variant):
        return False
    builtin = numeric_key(0, int(given.VariantType.value))
    if space.is_subtype(wanted, _ENUMERATION):  # encoded as Int32 (Part 6 v1.05 5.2.4)
        return builtin == _INT32
    if given.VariantType is ua.VariantType.ExtensionObject:
        return space.is_subtype(wanted, builtin) and _is_structure(space, wanted, given.Value)
    # an abstract type (Number) takes what derives from it; a derived one (Duration) is encoded as what it derives from
    return space.is_subtype(builtin, wanted) or space.is_subtype(wanted, builtin)


def _is_structure(space: AddressSpace, wanted: NodeKey, value: Any) -> bool:  # any structure, or an array of them
    """Tell whether decoded structures are of the type; what could not be decoded is the method's to judge."""
    parts: list[Any] = value if isinstance(value, list) else [value]
    kinds = [getattr(part, "data_type", None) for part in parts]
    return all(kind is None or space.is_subtype(key_of(kind), wanted) for kind in kinds)


def _has_rank(rank: int, given: ua.Variant) -> bool:
    """Compare with ValueRank (Part 3 v1.05 5.6.2): -3 scalar or one dimension, -2 any, -1 scalar, 0 any array."""
    dimensions = (len(given.Dimensions) if given.Dimensions else 1) if given.is_array else 0
    if rank == ua.ValueRank.Any:
        return True
    if rank == ua.ValueRank.ScalarOrOneDimension:
        return dimensions <= 1
    if rank == ua.ValueRank.OneOrMoreDimensions:
        return dimensions >= 1
    return dimensions == max(rank, 0)
