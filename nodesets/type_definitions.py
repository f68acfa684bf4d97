"""The DataTypeDefinition attribute (Part 3 v1.05 5.8.3): what a client learns of a structure or enumeration.

It is a structure of the standard namespace itself (StructureDefinition, EnumDefinition), so it is encoded by the same
descriptions as every other value.
"""

from __future__ import annotations

from nodesets.built_in_types import NULL_NODE, NULL_TEXT, BuiltInType, LocalizedText, Structure, Variant
from nodesets.datatypes.description import FieldDescription, StructureDescription, StructureKind
from nodesets.datatypes.problems import DataTypeError
from nodesets.datatypes.registry import TypeRegistry
from nodesets.names import NodeName
from nodesets.nodes import DataTypeField, DataTypeNode

_STRUCTURE = NodeName.standard(22)
_OPTION_SET = NodeName.standard(12755)
_STRUCTURE_DEFINITION = NodeName.standard(99)
_ENUM_DEFINITION = NodeName.standard(100)
_STRUCTURE_FIELD = NodeName.standard(101)
_ENUM_FIELD = NodeName.standard(102)
_KINDS = {kind: number for number, kind in enumerate(StructureKind)}
"""StructureType by its numbers (Part 3 v1.05 8.49), which are those of the order there."""


def definition_of(node: DataTypeNode, types: TypeRegistry) -> Variant | None:
    """Give a DataType's definition as the value of its attribute; None where the model does not describe it.

    The fields of a structure are all of them, inherited ones first; those of an enumeration or option set its own.
    """
    if node.definition is None:
        return None
    structured = types.is_subtype(node.name, _STRUCTURE) and not types.is_subtype(node.name, _OPTION_SET)
    if not structured:
        fields = tuple(_enum_field(field) for field in node.definition.fields)
        return _variant(Structure(_ENUM_DEFINITION, {"Fields": fields}))
    try:
        described = types.structure(node.name)
    except DataTypeError:
        return None
    subtyped = described.kind in {StructureKind.WITH_SUBTYPED_VALUES, StructureKind.UNION_WITH_SUBTYPED_VALUES}
    written = {owner: _written(owner, types) for owner in {field.owner for field in described.fields}}
    fields = tuple(
        _structure_field(field, written[field.owner].get(field.name), subtyped=subtyped) for field in described.fields
    )
    return _variant(
        Structure(
            _STRUCTURE_DEFINITION,
            {
                "DefaultEncodingId": described.encodings.binary or NULL_NODE,
                "BaseDataType": _supertype(described, types),
                "StructureType": _KINDS[described.kind],
                "Fields": fields,
            },
        )
    )


def _supertype(described: StructureDescription, types: TypeRegistry) -> NodeName:
    return next(iter(types.supertypes(described.type)), _STRUCTURE)


def _written(owner: NodeName, types: TypeRegistry) -> dict[str, DataTypeField]:
    """Give the fields that a type writes itself, by name; of those that share one, the first."""
    node = types.node(owner)
    fields = node.definition.fields if node is not None and node.definition is not None else ()
    return {field.name: field for field in reversed(fields)}


def _structure_field(field: FieldDescription, written: DataTypeField | None, *, subtyped: bool) -> Structure:
    return Structure(
        _STRUCTURE_FIELD,
        {
            "Name": field.name,
            "Description": _first(written.description if written is not None else ()),
            "DataType": field.data_type,
            "ValueRank": written.value_rank if written is not None else field.rank,
            "ArrayDimensions": field.array_dimensions,
            "MaxStringLength": field.max_string_length,
            # Where values may be of subtypes, this says which fields those are (Part 3 v1.05 8.51).
            "IsOptional": field.allow_subtypes if subtyped else field.is_optional,
        },
    )


def _enum_field(field: DataTypeField) -> Structure:
    return Structure(
        _ENUM_FIELD,
        {
            "Value": field.value,
            "DisplayName": _first(field.display_name) if field.display_name else LocalizedText(None, field.name),
            "Description": _first(field.description),
            "Name": field.name,
        },
    )


def _first(texts: tuple[LocalizedText, ...]) -> LocalizedText:
    return texts[0] if texts else NULL_TEXT


def _variant(structure: Structure) -> Variant:
    return Variant(BuiltInType.ExtensionObject, structure)
