"""Whether a value suits a variable: its DataType, ValueRank and ArrayDimensions (Part 3 v1.05 5.6.2, Part 4 5.11.4)."""

from __future__ import annotations

import math

from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes

from nodesets.built_in_types import BuiltInType
from nodesets.nodes import NodeClass
from server.address_space.attributes import AttributeRefused
from server.address_space.decoding import Cursor
from server.address_space.encoding import ARRAY, MATRIX, TYPE
from server.address_space.extents import skip_array
from server.address_space.keys import NodeKey, numeric_key
from server.address_space.node import VariableAttributes
from server.address_space.space import AddressSpace

_BASE, _STRUCTURE, _BYTE, _BYTES = 24, 22, BuiltInType.Byte, BuiltInType.ByteString
_NUMBER, _INTEGER, _UNSIGNED, _ENUMERATION, _DECIMAL = 26, 27, 28, 29, 50
_LAST_BUILT_IN = 25
_BINARY_BODY = 1
_DEFAULT_BINARY = "Default Binary"
MOST_DIMENSIONS = 32
"""What numpy can hold, and more than anyone has."""
_UNSIGNED_CODES = frozenset({3, 5, 7, 9})
_INTEGER_CODES = _UNSIGNED_CODES | {2, 4, 6, 8}
_CODES = {
    _BASE: frozenset(range(1, _LAST_BUILT_IN + 1)),
    _NUMBER: _INTEGER_CODES | {10, 11, _STRUCTURE},
    _INTEGER: _INTEGER_CODES,
    _UNSIGNED: _UNSIGNED_CODES,
    _ENUMERATION: frozenset({6}),
    _DECIMAL: frozenset({_STRUCTURE}),
}
"""The built-in types of values of the abstract DataTypes; a concrete built-in one has its own number alone."""
_HAS_ENCODING = numeric_key(0, ObjectIds.HasEncoding)
_ENUM_DEFINITION = numeric_key(0, ObjectIds.EnumDefinition_Encoding_DefaultBinary)
_ANY, _SCALAR_OR_ONE, _SCALAR, _ARRAYS = -2, -3, -1, 0
"""ValueRanks that are no number of dimensions."""


def suited(space: AddressSpace, variable: VariableAttributes, variant: bytes) -> bytes:
    """Give a value as the variable keeps it; a ByteString and an array of Byte stand for each other.

    Raises :class:`AttributeRefused`: BadTypeMismatch, or BadOutOfRange for an array that is too long and a number that
    an enumeration does not have.
    """
    base = _base(space, variable.data_type)
    if not variant[0]:  # the null value, which only a variable of any type can have
        if base == _BASE:
            return variant
        raise AttributeRefused(StatusCodes.BadTypeMismatch)
    variant = _as_kept(base, variable.value_rank, variant)
    code = variant[0] & TYPE
    if not variant[0] & ARRAY and (variant[0] & MATRIX or code == BuiltInType.Variant):
        # Part 6 v1.05 5.2.2.16: only arrays have dimensions, and only arrays of Variants are in a Variant.
        raise AttributeRefused(StatusCodes.BadTypeMismatch)
    allowed = _CODES.get(base)
    if code not in allowed if allowed is not None else code != base:
        if not (code == BuiltInType.Variant and variant[0] & ARRAY and allowed is not None):
            raise AttributeRefused(StatusCodes.BadTypeMismatch)
        _check_each(allowed, variant)
    _check_dimensions(variable, _dimensions(variant))
    if code == _STRUCTURE:
        _check_structures(space, variable.data_type, base, variant)
    elif base == _ENUMERATION:
        _check_names(space, variable.data_type, variant)
    return variant


def _base(space: AddressSpace, data_type: NodeKey) -> int:
    """Give the number of the built-in type, or of the standard's abstract type, that a DataType is derived from."""
    for key in (data_type, *space.supertypes(data_type)):
        if isinstance(key, int) and (1 <= key <= _LAST_BUILT_IN or key in _CODES):
            return key
    return _BASE  # a type that nobody has described says nothing about its values


def _as_kept(base: int, rank: int, variant: bytes) -> bytes:
    """Part 4 v1.05 5.11.4.2: a ByteString stands for an array of Byte wherever one may be, and the other way round."""
    if base == _BYTE and variant[0] == _BYTES and rank != _SCALAR:
        return bytes((_BYTE | ARRAY,)) + variant[1:]
    if base == _BYTES and variant[0] == _BYTE | ARRAY and rank == _SCALAR:
        return bytes((_BYTES,)) + variant[1:]
    return variant


def _dimensions(variant: bytes) -> tuple[int, ...]:
    """Give the lengths of a value's dimensions, none for a scalar."""
    if not variant[0] & ARRAY:
        return ()
    count = Cursor(variant, 1).count(0)
    if not variant[0] & MATRIX:
        return (count,)
    cursor = Cursor(variant, skip_array(variant, 1, variant[0] & TYPE))
    rank = cursor.count(4)
    if not 0 < rank <= MOST_DIMENSIONS:  # their product takes a time that grows with the square of their number
        raise AttributeRefused(StatusCodes.BadTypeMismatch)
    dimensions = tuple(cursor.int32() for _ in range(rank))
    if min(dimensions) < 0 or math.prod(dimensions) != count:
        raise AttributeRefused(StatusCodes.BadTypeMismatch)
    return dimensions


def _check_dimensions(variable: VariableAttributes, dimensions: tuple[int, ...]) -> None:
    rank, given = variable.value_rank, len(dimensions)
    fits = (
        rank == _ANY
        or (rank == _SCALAR and not given)
        or (rank == _SCALAR_OR_ONE and given <= 1)
        or (rank == _ARRAYS and given > 0)
        or rank == given > 0
    )
    if not fits:
        raise AttributeRefused(StatusCodes.BadTypeMismatch)
    if dimensions and any(0 < most < size for most, size in zip(variable.array_dimensions, dimensions, strict=False)):
        raise AttributeRefused(StatusCodes.BadOutOfRange)


def _check_each(allowed: frozenset[int], variant: bytes) -> None:
    """Check an array of Variants, which is how an array of an abstract DataType holds several types."""
    cursor = Cursor(variant, 1)
    for _ in range(cursor.count(1)):
        if cursor.variant()[0] not in allowed:
            raise AttributeRefused(StatusCodes.BadTypeMismatch)


def _check_structures(space: AddressSpace, data_type: NodeKey, base: int, variant: bytes) -> None:
    """Refuse structures of other types than the variable's and its subtypes."""
    if base == _BASE:
        return
    wanted = _DECIMAL if base == _NUMBER else data_type
    cursor = Cursor(variant, 1)
    for _ in range(cursor.count(3) if variant[0] & ARRAY else 1):
        given = _described(space, cursor.node_id())
        body = cursor.byte()
        if body != _BINARY_BODY:  # none at all, or XML, which this server does not read
            raise AttributeRefused(StatusCodes.BadDataEncodingUnsupported if body else StatusCodes.BadTypeMismatch)
        cursor.bytes()
        if given is None or not space.is_subtype(given, wanted):
            raise AttributeRefused(StatusCodes.BadTypeMismatch)


def _described(space: AddressSpace, encoding: NodeKey) -> NodeKey | None:
    """Give the DataType that an ExtensionObject's TypeId stands for: the source of HasEncoding, or the type itself."""
    node = space.get(encoding)
    if node is None or (node.node_class is NodeClass.OBJECT and node.browse_name.name != _DEFAULT_BINARY):
        return None
    return next((source for kind, source in node.inverse if kind == _HAS_ENCODING), encoding)


def _check_names(space: AddressSpace, data_type: NodeKey, variant: bytes) -> None:
    """Part 4 v1.05 5.11.4.2: a number that the enumeration does not name is BadOutOfRange."""
    node = space.get(data_type)
    definition = node.definition if node is not None else None
    known = enumeration_values(definition) if isinstance(definition, bytes) else None
    if not known:  # the abstract Enumeration names none, and takes those of all its subtypes
        return
    cursor = Cursor(variant, 1)
    for _ in range(cursor.count(4) if variant[0] & ARRAY else 1):
        if cursor.int32() not in known:
            raise AttributeRefused(StatusCodes.BadOutOfRange)


def enumeration_values(definition: bytes) -> frozenset[int] | None:
    """Give the numbers of an encoded EnumDefinition (Part 3 v1.05 8.50), None for another kind of definition."""
    cursor = Cursor(definition, 1)
    if definition[0] != _STRUCTURE or cursor.node_id() != _ENUM_DEFINITION or not cursor.byte():
        return None
    cursor.int32()
    values: set[int] = set()
    for _ in range(cursor.count(14)):
        values.add(cursor.int64())
        cursor.localized_text()
        cursor.localized_text()
        cursor.string()
    return frozenset(values)
