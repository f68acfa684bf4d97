"""Whether a value that a client passes to a method is what its Argument declares (Part 3 v1.05 8.6)."""

from __future__ import annotations

from typing import Any

from asyncua import ua
from asyncua.server.address_space import AddressSpace

from server.ua_stack.types import is_subtype

_ANYTHING = ua.NodeId(ua.Int32(ua.ObjectIds.BaseDataType))
_ENUMERATION = ua.NodeId(ua.Int32(ua.ObjectIds.Enumeration))
_INT32 = ua.NodeId(ua.Int32(ua.ObjectIds.Int32))


def accepts(aspace: AddressSpace, argument: ua.Argument, given: ua.Variant) -> bool:
    """Tell whether DataType and ValueRank allow a value."""
    return _has_rank(argument.ValueRank, given) and _has_type(aspace, argument.DataType, given)


def _has_type(aspace: AddressSpace, wanted: ua.NodeId, given: ua.Variant) -> bool:
    if wanted == _ANYTHING:
        return True
    if given.VariantType in (ua.VariantType.Null, ua.VariantType.Variant):
        return False
    builtin = ua.NodeId(ua.Int32(given.VariantType.value))
    if is_subtype(aspace, wanted, _ENUMERATION):  # encoded as Int32 (Part 6 v1.05 5.2.4)
        return builtin == _INT32
    if given.VariantType is ua.VariantType.ExtensionObject:
        return is_subtype(aspace, wanted, builtin) and _is_structure(aspace, wanted, given.Value)
    # an abstract type (Number) takes what derives from it; a derived one (Duration) is encoded as what it derives from
    return is_subtype(aspace, builtin, wanted) or is_subtype(aspace, wanted, builtin)


def _is_structure(aspace: AddressSpace, wanted: ua.NodeId, value: Any) -> bool:  # any structure, or an array of them
    """Tell whether decoded structures are of the type; what could not be decoded is the method's to judge."""
    parts: list[Any] = value if isinstance(value, list) else [value]
    kinds = [getattr(part, "data_type", None) for part in parts]
    return all(kind is None or is_subtype(aspace, kind, wanted) for kind in kinds)


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
