"""The DataTypes that a DataSet's fields have, described for consumers (DataTypeSchemaHeader, Part 14 v1.05 6.2.3.2.2).

In CompactEncoding. The standard's own types are left out: whoever reads OPC UA has them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from nodesets.built_in_types import BuiltInType
from nodesets.datatypes.description import EnumerationDescription, FieldDescription, StructureDescription, StructureKind
from nodesets.datatypes.problems import DataTypeError
from nodesets.datatypes.registry import TypeRegistry
from nodesets.names import STANDARD_NAMESPACE, NodeName, escape_uri

Member = dict[str, object]
_KINDS: Final = {kind: number for number, kind in enumerate(StructureKind)}
"""StructureType by number (Part 3 v1.05 8.49)."""
_MOST: Final = 500
"""Types that a message describes at most; a model's may refer to all others."""


def type_descriptions(names: Iterable[NodeName], types: TypeRegistry) -> dict[str, list[Member]]:
    """Describe types and those that their fields have, by the names of the header's fields; empty ones are left out."""
    found: dict[str, list[Member]] = {"StructureDataTypes": [], "EnumDataTypes": [], "SimpleDataTypes": []}
    waiting = list(dict.fromkeys(names))
    known = set(waiting)
    for name in waiting:  # grows with the types of fields
        if name.namespace == STANDARD_NAMESPACE:
            continue
        for more in _describe(name, types, found):
            if more not in known and len(known) < _MOST:
                known.add(more)
                waiting.append(more)
    return {key: described for key, described in found.items() if described}


def _describe(name: NodeName, types: TypeRegistry, found: dict[str, list[Member]]) -> list[NodeName]:
    """Add one type to ``found``; gives the types that it is made of."""
    try:
        built_in = types.built_in(name)
    except DataTypeError:
        return []
    head: Member = {"DataTypeId": str(name), "Name": _name(name, types)}
    try:
        described = types.describe(name)
    except DataTypeError:
        base = next(iter(types.supertypes(name)), None)
        if base is not None and built_in not in (BuiltInType.ExtensionObject, BuiltInType.Variant):
            found["SimpleDataTypes"].append({**head, "BaseDataType": str(base), "BuiltInType": int(built_in)})
        return [] if base is None else [base]
    if isinstance(described, StructureDescription):
        found["StructureDataTypes"].append({**head, "StructureDefinition": _structure(described, types)})
        return [field.data_type for field in described.fields]
    fields = [_number(number, text) for number, text in described.names.items()]
    definition: Member = {"Fields": fields}
    found["EnumDataTypes"].append({**head, "EnumDefinition": definition, "BuiltInType": int(built_in)})
    if not isinstance(described, EnumerationDescription):
        definition["IsOptionSet"] = True
    return []


def _name(name: NodeName, types: TypeRegistry) -> str:
    node = types.node(name)
    browse_name = node.browse_name if node is not None else None
    if browse_name is None or browse_name.namespace == STANDARD_NAMESPACE:
        return browse_name.name or "" if browse_name is not None else ""
    return f"nsu={escape_uri(browse_name.namespace)};{browse_name.name or ''}"


def _structure(described: StructureDescription, types: TypeRegistry) -> Member:
    base = next(iter(types.supertypes(described.type)), None)
    made: Member = {} if described.encodings.json is None else {"DefaultEncodingId": str(described.encodings.json)}
    if base is not None:
        made["BaseDataType"] = str(base)
    if _KINDS[described.kind]:
        made["StructureType"] = _KINDS[described.kind]
    made["Fields"] = [_field(field) for field in described.fields]
    return made


def _field(field: FieldDescription) -> Member:
    made: Member = {"Name": field.name, "DataType": str(field.data_type), "ValueRank": field.rank}
    if field.array_dimensions:
        made["ArrayDimensions"] = list(field.array_dimensions)
    if field.max_string_length:
        made["MaxStringLength"] = field.max_string_length
    if field.is_optional:
        made["IsOptional"] = True
    return made


def _number(number: int, name: str) -> Member:
    """Give an EnumField, whose number is an Int64."""
    value: Member = {"Value": str(number)} if number else {}
    return {**value, "DisplayName": {"Text": name}, "Name": name}
