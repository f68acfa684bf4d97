"""The value that a type has where none is given (Part 6 v1.05 5.1.2). Defaults are shared; nobody changes a value."""

from __future__ import annotations

from nodesets.built_in_types import (
    NULL_GUID,
    NULL_NAME,
    NULL_NODE,
    NULL_TEXT,
    BuiltInType,
    DataValue,
    DiagnosticInfo,
    ExpandedNodeName,
    Structure,
    Value,
    Variant,
)
from nodesets.datatypes.description import FieldDescription, StructureDescription
from nodesets.datatypes.registry import TypeRegistry
from nodesets.names import NodeName

NULLABLE = frozenset({BuiltInType.String, BuiltInType.ByteString, BuiltInType.XmlElement, BuiltInType.ExtensionObject})
"""Types with a null scalar. None stands for that, so a null array of theirs in a Variant is read as the empty one."""
NULL_VARIANT = Variant(BuiltInType.Null, None)

_DEFAULTS: dict[BuiltInType, Value] = dict.fromkeys(BuiltInType, 0)
_DEFAULTS.update(
    {
        BuiltInType.Null: None,
        BuiltInType.Boolean: False,
        BuiltInType.Float: 0.0,
        BuiltInType.Double: 0.0,
        BuiltInType.String: None,
        BuiltInType.Guid: NULL_GUID,
        BuiltInType.ByteString: None,
        BuiltInType.XmlElement: None,
        BuiltInType.NodeId: NULL_NODE,
        BuiltInType.ExpandedNodeId: ExpandedNodeName(NULL_NODE),
        BuiltInType.QualifiedName: NULL_NAME,
        BuiltInType.LocalizedText: NULL_TEXT,
        BuiltInType.ExtensionObject: None,
        BuiltInType.DataValue: DataValue(),
        BuiltInType.Variant: NULL_VARIANT,
        BuiltInType.DiagnosticInfo: DiagnosticInfo(),
    }
)


def default_of_built_in(built_in: BuiltInType) -> Value:
    """Give the default of a scalar."""
    return _DEFAULTS[built_in]


def default_of_field(field: FieldDescription, registry: TypeRegistry) -> Value:
    """Give the default of a field: null for an array or matrix. Raises :class:`DataTypeError`."""
    if field.rank != -1:
        return None
    if field.is_inline:
        return default_of_structure(registry.structure(field.data_type), registry)
    return _DEFAULTS[field.built_in]


def default_of_structure(described: StructureDescription, registry: TypeRegistry) -> Structure:
    """Give a structure of defaults, without optional fields; a union with no field. Raises :class:`DataTypeError`."""
    return registry.memo(("default", described.type), lambda: _structure(described, registry))


def default_of(name: NodeName, registry: TypeRegistry) -> Value:
    """Give the default of a scalar of a DataType; None for an abstract structure. Raises :class:`DataTypeError`."""
    built_in = registry.built_in(name)
    if built_in is BuiltInType.ExtensionObject:
        node = registry.node(name)
        if node is None or node.is_abstract:
            return None
        return default_of_structure(registry.structure(name), registry)
    return _DEFAULTS[built_in]


def _structure(described: StructureDescription, registry: TypeRegistry) -> Structure:
    if described.is_union:
        return Structure(described.type)
    # A field may say that it is optional in a kind of structure without a mask; it is then there always.
    always = (one for one in described.fields if not (described.has_mask and one.is_optional))
    return Structure(described.type, {one.name: default_of_field(one, registry) for one in always})
