"""JSON values as values of a DataType (Part 6 v1.05 5.4): nothing is cut, rounded or guessed on the way.

What a JSON number cannot say comes as a text: an Int64 beyond 2**53, NaN and infinities.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final, TypeGuard, cast

from asyncua.ua.status_codes import StatusCodes

from nodesets.built_in_types import (
    BuiltInType,
    Matrix,
    Structure,
    Value,
    Variant,
)
from nodesets.datatypes.defaults import default_of_field
from nodesets.datatypes.description import FieldDescription, StructureDescription
from nodesets.datatypes.problems import DataTypeError
from nodesets.datatypes.registry import TypeRegistry
from nodesets.names import NodeName
from server.pubsub.commands.json_scalars import (
    WHOLE,
    JsonValueError,
    built_in_value,
    flattened,
    listed,
    node_name,
    refuse,
    shown,
    whole_number,
)

_NUMBERED: Final = re.compile(r"(.+)_([+-]?[0-9]{1,10})")
_ENUMERATION: Final = NodeName.standard(29)
_NUMBER: Final = NodeName.standard(26)
_SCALAR, _SCALAR_OR_ONE, _ANY = -1, -3, -2
_TYPE, _VALUE, _DIMENSIONS = "UaType", "Value", "Dimensions"


def json_variant(
    given: object, data_type: NodeName, rank: int, types: TypeRegistry, present: BuiltInType | None = None
) -> Variant:
    """Read a value for a variable or argument of a DataType and ValueRank.

    ``present``: the built-in type that a variable of an abstract type has now, which a plain value is read as. Raises
    :class:`JsonValueError`.
    """
    reader = JsonReader(types)
    try:
        built_in = types.built_in(data_type)
        if is_tagged(given):
            return reader.tagged(given, built_in, data_type)
        if built_in is BuiltInType.Variant:
            return reader.untyped(given, data_type, present)
        return reader.shaped(given, data_type, built_in, rank)
    except DataTypeError as error:
        problem = f"the DataType {error.type_name}: {error.problem}"
        raise JsonValueError(problem, error.mend) from None


def is_tagged(given: object) -> TypeGuard[Mapping[str, object]]:
    """Tell whether a value says its own type."""
    return isinstance(given, dict) and _TYPE in given


class JsonReader:
    """Reads values of one registry's types. Its methods raise :class:`JsonValueError`."""

    def __init__(self, types: TypeRegistry) -> None:
        """Read values of ``types``."""
        self._types = types

    def shaped(self, given: object, data_type: NodeName, built_in: BuiltInType, rank: int) -> Variant:
        """Read a scalar, an array or a matrix."""
        if rank == _SCALAR or (rank in (_SCALAR_OR_ONE, _ANY) and listed(given) is None):
            return Variant(built_in, self.one(given, data_type))
        dimensions = rank if rank > 0 else 1
        sizes, elements = flattened(given, dimensions)
        values = tuple(self.one(one, data_type) for one in elements)
        return Variant(built_in, values, tuple(sizes) if dimensions > 1 else None)

    def tagged(self, given: Mapping[str, object], wanted: BuiltInType, data_type: NodeName) -> Variant:
        """Read a Variant that says its own type (Part 6 v1.05 5.4.2.17)."""
        unknown = given.keys() - {_TYPE, _VALUE, _DIMENSIONS}
        number = given[_TYPE]
        if (
            unknown
            or not isinstance(number, int)
            or isinstance(number, bool)
            or not 0 < number <= BuiltInType.DiagnosticInfo
        ):
            refuse(f"{shown(given)} is no Variant", 'write {"UaType": 11, "Value": 1.5}')
        built_in = BuiltInType(number)
        if wanted is not BuiltInType.Variant and built_in is not wanted:
            refuse(f"a {built_in.name} is no {wanted.name}", f"write a {wanted.name}, or leave UaType out")
        named = data_type if wanted is built_in else NodeName.standard(number)
        value, sizes = given.get(_VALUE), given.get(_DIMENSIONS)
        if not isinstance(value, list):
            return Variant(built_in, self.one(value, named))
        values = tuple(self.one(one, named) for one in cast("list[object]", value))
        if sizes is None:
            return Variant(built_in, values)
        whole = cast("list[object]", sizes) if isinstance(sizes, list) else []
        lengths = [one for one in whole if isinstance(one, int) and not isinstance(one, bool) and one >= 0]
        if len(lengths) != len(whole) or not whole or math.prod(lengths) != len(values):
            refuse("Dimensions do not fit the number of values", "write as many values as they multiply to")
        return Variant(built_in, values, tuple(lengths) if len(lengths) > 1 else None)

    def untyped(self, given: object, data_type: NodeName, present: BuiltInType | None) -> Variant:
        """Read a plain value for a variable of any type, or of any number: as what it has now, else as JSON has it."""
        values = listed(given)
        first: object = values[0] if values else given
        if present is not None and present not in (BuiltInType.Null, BuiltInType.ExtensionObject, BuiltInType.Variant):
            built_in = present
        elif isinstance(first, bool):
            built_in = BuiltInType.Boolean
        elif isinstance(first, int):
            built_in = BuiltInType.Int64
        elif isinstance(first, float):
            built_in = BuiltInType.Double
        elif isinstance(first, str):
            built_in = BuiltInType.String
        else:
            refuse(f"{shown(given)} does not say its type", 'write {"UaType": 11, "Value": 1.5}')
        numeric = self._types.is_subtype(data_type, _NUMBER) or data_type == _NUMBER
        if numeric and not BuiltInType.SByte <= built_in <= BuiltInType.Double:
            refuse(f"{shown(given)} is no number", "write a number, without quotes")
        named = NodeName.standard(int(built_in))
        return self.shaped(given, named, built_in, _SCALAR if values is None else 1)

    def one(self, given: object, data_type: NodeName) -> Value:
        """Read one value."""
        built_in = self._types.built_in(data_type)
        if built_in is BuiltInType.ExtensionObject:
            return self._structure(given, data_type)
        if built_in is BuiltInType.Variant:
            if is_tagged(given):
                return self.tagged(given, built_in, data_type)
            return self.untyped(given, data_type, None)
        if data_type != _ENUMERATION and self._types.is_subtype(data_type, _ENUMERATION):
            return self._enumerated(given, data_type)
        return built_in_value(given, built_in)

    def _enumerated(self, given: object, data_type: NodeName) -> int:
        try:
            described = self._types.enumeration(data_type)
        except DataTypeError:  # the model does not name the numbers
            return whole_number(given, BuiltInType.Int32)
        if isinstance(given, str) and not WHOLE.fullmatch(given):
            number = described.numbers.get(given)
            match = None if number is not None else _NUMBERED.fullmatch(given)
            if match is not None and described.names.get(int(match[2])) == match[1]:
                number = int(match[2])
            if number is None:
                known = ", ".join(list(described.numbers)[:8])
                refuse(f"{described.name} has no {shown(given)}", f"write one of {known}", StatusCodes.BadOutOfRange)
            return number
        return whole_number(given, BuiltInType.Int32)  # which numbers there are is the Write service's to say

    def _structure(self, given: object, data_type: NodeName) -> Structure:
        if not isinstance(given, dict):
            refuse(f"{shown(given)} is no structure", "write its fields: {…}")
        members = dict(cast("Mapping[str, object]", given))
        said = members.pop("UaTypeId", None)
        if said is not None:
            kind = node_name(said)
            if not self._types.is_subtype(kind, data_type):
                refuse(f"{said} is not of the type that is wanted", f"leave UaTypeId out, or write {data_type}")
            data_type = kind
        described = self._types.structure(data_type)
        for control in ("EncodingMask", "SwitchField"):  # told by which fields are there
            if control not in {field.name for field in described.fields}:
                members.pop(control, None)
        return self._fields(members, described)

    def _fields(self, given: Mapping[str, object], described: StructureDescription) -> Structure:
        if described.is_abstract:
            refuse(f"{described.name} is abstract", "write UaTypeId of the type that is meant")
        names = {field.name: field for field in described.fields}
        for name in given:
            if name not in names:
                refuse(f"{described.name} has no field {shown(name)}", f"it has {', '.join(list(names)[:8])}")
        if described.is_union and len(given) > 1:
            refuse(f"{described.name} is a union", "write one of its fields")
        fields: dict[str, Value] = {}
        for name, field in names.items():
            if name in given:
                try:
                    fields[name] = self._field(given[name], field)
                except JsonValueError as error:
                    problem = f"{name}: {error.problem}"
                    raise JsonValueError(problem, error.mend, error.status) from None
            elif not described.is_union and not (described.has_mask and field.is_optional):
                fields[name] = default_of_field(field, self._types)
        return Structure(described.type, fields)

    def _field(self, given: object, field: FieldDescription) -> Value:
        if field.rank == _SCALAR:
            return self.one(given, field.data_type)
        if given is None:
            return None
        if field.rank > 1:
            sizes, elements = flattened(given, field.rank)
            return Matrix(tuple(sizes), tuple(self.one(one, field.data_type) for one in elements))
        return tuple(self.one(one, field.data_type) for one in flattened(given, 1)[1])
