"""Compares the product's records of a file with this package's own reading of it, and names every difference."""

from __future__ import annotations

import base64
import struct
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping
from typing import cast
from uuid import UUID

from nodesets.built_in_types import (
    BuiltInType,
    DataValue,
    EncodedStructure,
    ExpandedNodeName,
    LocalizedText,
    Matrix,
    QualifiedName,
    Structure,
    Value,
    Variant,
)
from nodesets.datatypes.registry import TypeRegistry
from nodesets.names import NodeName
from nodesets.nodes import DataTypeDefinition, DataTypeField, Node, NodeClass, RolePermission
from tests.nodeset_reading.comparing import same
from tests.nodeset_reading.identifiers import node_id
from tests.nodeset_reading.records import DataTypeDefinition as ReadDefinition
from tests.nodeset_reading.records import FileContent, Tree
from tests.nodeset_reading.records import Node as ReadNode
from tests.nodeset_reading.xml_text import canonical_xml

_NO_VALUE: Tree = {"builtin": None, "value": None}
_CLASSES = {
    NodeClass.OBJECT: "Object",
    NodeClass.VARIABLE: "Variable",
    NodeClass.METHOD: "Method",
    NodeClass.VIEW: "View",
    NodeClass.OBJECT_TYPE: "ObjectType",
    NodeClass.VARIABLE_TYPE: "VariableType",
    NodeClass.DATA_TYPE: "DataType",
    NodeClass.REFERENCE_TYPE: "ReferenceType",
}
_ATTRIBUTES = {
    "WriteMask": "write_mask",
    "UserWriteMask": "user_write_mask",
    "AccessRestrictions": "access_restrictions",
    "HasNoPermissions": "has_no_permissions",
    "SymbolicName": "symbolic_name",
    "ReleaseStatus": "release_status",
    "ParentNodeId": "parent",
    "DesignToolOnly": "design_tool_only",
    "IsAbstract": "is_abstract",
    "DataType": "data_type",
    "ValueRank": "value_rank",
    "ArrayDimensions": "array_dimensions",
    "EventNotifier": "event_notifier",
    "AccessLevel": "access_level",
    "UserAccessLevel": "user_access_level",
    "MinimumSamplingInterval": "minimum_sampling_interval",
    "Historizing": "historizing",
    "Executable": "executable",
    "UserExecutable": "user_executable",
    "MethodDeclarationId": "method_declaration",
    "ContainsNoLoops": "contains_no_loops",
    "Purpose": "purpose",
    "Symmetric": "symmetric",
}


def differences(
    ours: Iterable[Node], content: FileContent, values: Mapping[str, Tree], types: TypeRegistry
) -> Iterator[str]:
    """Give a line for each thing that one of the two readings says and the other does not."""
    nodes = {name_of(node.name): node for node in ours}
    for name in content.nodes.keys() - nodes.keys():
        yield f"{name}: not read"
    for name in nodes.keys() - content.nodes.keys():
        yield f"{name}: not in the file"
    references: set[tuple[str, str, str]] = set()
    for node in nodes.values():
        for kind, target, forward in node.references:
            ends = (node.name, target) if forward else (target, node.name)
            references.add((name_of(ends[0]), name_of(kind), name_of(ends[1])))
    for one in content.references - references:
        yield f"reference {tuple(one)}: not read"
    for one in references - content.references:
        yield f"reference {one}: not in the file"
    for name in nodes.keys() & content.nodes.keys():
        yield from (f"{name}: {line}" for line in _of_node(nodes[name], content.nodes[name]))
        value = cast("Variant | None", getattr(nodes[name], "value", None))
        own = _NO_VALUE if value is None else variant_tree(value, types)
        if not same(own, values.get(name, _NO_VALUE)):
            yield f"{name}: value {own!r}, not {values.get(name)!r}"


def name_of(name: NodeName) -> str:
    """Give a NodeId in the canonical form."""
    identifier = name.identifier
    text = base64.b64encode(identifier).decode() if isinstance(identifier, bytes) else str(identifier)
    return node_id(name.namespace, name.kind, text)


def _of_node(ours: Node, theirs: ReadNode) -> Iterator[str]:
    if _CLASSES[ours.node_class] != theirs.node_class:
        yield f"class {ours.node_class!r}, not {theirs.node_class}"
        return
    pairs: dict[str, tuple[object, object]] = {
        "BrowseName": (tuple(ours.browse_name), theirs.browse_name),
        "DisplayName": (_texts(ours.display_name), theirs.display_name),
        "Description": (_texts(ours.description), theirs.description),
        "Category": (ours.categories, theirs.category),
        "Documentation": (ours.documentation, theirs.documentation),
        "RolePermissions": (_permissions(ours.role_permissions), theirs.role_permissions),
        "Extensions": (_xml(ours.extensions), _xml(theirs.extensions)),
        "InverseName": (_texts(getattr(ours, "inverse_name", ())), theirs.inverse_name),
        "Definition": (_definition(getattr(ours, "definition", None)), _read_definition(theirs.definition)),
        "ArgumentDescription": (
            tuple((one.name, _texts(one.descriptions)) for one in getattr(ours, "arguments", ())),
            theirs.argument_descriptions,
        ),
        "number of Translations": (len(getattr(ours, "translations", ())), len(theirs.translations)),
    }
    for key, value in theirs.attributes.items():
        if key == "DesignToolOnly" and not hasattr(ours, "parent"):
            continue
        own = getattr(ours, _ATTRIBUTES[key])
        pairs[key] = (name_of(own) if isinstance(own, NodeName) else own, value)
    for what, (own, read) in pairs.items():
        if own != read:
            yield f"{what} {own!r}, not {read!r}"


def _texts(texts: tuple[LocalizedText, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((one.locale or "", one.text or "") for one in texts)


def _permissions(permissions: tuple[RolePermission, ...] | None) -> tuple[tuple[str, int], ...] | None:
    return None if permissions is None else tuple((name_of(one.role), one.permissions) for one in permissions)


def _xml(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(canonical_xml(ET.fromstring(text)) for text in texts)  # noqa: S314 - published files


def _definition(ours: DataTypeDefinition | None) -> object:
    if ours is None:
        return None
    fields = tuple(_field(one) for one in ours.fields)
    return (tuple(ours.name), ours.symbolic_name, ours.is_union, ours.is_option_set, fields)


def _field(one: DataTypeField) -> object:
    return (
        one.name,
        one.symbolic_name,
        _texts(one.display_name),
        _texts(one.description),
        name_of(one.data_type),
        one.value_rank,
        one.array_dimensions,
        one.max_string_length,
        one.value,
        one.is_optional,
        one.allow_subtypes,
    )


def _read_definition(theirs: ReadDefinition | None) -> object:
    if theirs is None:
        return None
    fields = tuple(
        (
            one.name,
            one.symbolic_name,
            one.display_name,
            one.description,
            one.data_type,
            one.value_rank,
            one.array_dimensions,
            one.max_string_length,
            one.value,
            one.is_optional,
            one.allow_sub_types,
        )
        for one in theirs.fields
    )
    return (theirs.name, theirs.symbolic_name, theirs.is_union, theirs.is_option_set, fields)


def variant_tree(variant: Variant, types: TypeRegistry) -> Tree:
    """Give a Variant in the canonical form."""
    if variant.type is BuiltInType.Null:
        return {"builtin": None, "value": None}
    tree: dict[str, Tree] = {"builtin": variant.type.name}
    if variant.dimensions is not None:
        tree["dimensions"] = list(variant.dimensions)
    tree["value"] = _value(variant.value, variant.type, types)
    return tree


def _value(value: Value, kind: BuiltInType, types: TypeRegistry) -> Tree:  # noqa: C901, PLR0911 - a case a form
    if type(value) is tuple:
        return [_value(one, kind, types) for one in value]
    match value:
        case NodeName():
            return name_of(value)
        case ExpandedNodeName():
            return name_of(value.node)
        case QualifiedName() | LocalizedText():
            return tuple(value)
        case Variant():
            return None if value.type is BuiltInType.Null else variant_tree(value, types)
        case DataValue():
            return {
                "Value": None if value.value is None else variant_tree(value.value, types),
                "StatusCode": value.status or 0,
                "SourceTimestamp": value.source_time or 0,
                "SourcePicoseconds": value.source_picoseconds or 0,
                "ServerTimestamp": value.server_time or 0,
                "ServerPicoseconds": value.server_picoseconds or 0,
            }
        case Structure():
            return _structure(value, types)
        case EncodedStructure():
            return {"type": name_of(value.encoding), "xml": str(value.body)}
        case Matrix():
            elements = tuple(value.elements)
            return {"dimensions": list(value.dimensions), "value": _value(elements, kind, types)}
        case float() if kind is BuiltInType.Float:
            return float(struct.unpack("<f", struct.pack("<f", value))[0])
        case _ if kind is BuiltInType.Guid:
            return str(value)
        case _:
            return cast("Tree", value)


def _structure(value: Structure, types: TypeRegistry) -> Tree:
    described = {field.name: field for field in types.structure(value.type).fields}
    fields: dict[str, Tree] = {}
    for name, one in value.fields.items():
        kind = types.built_in(described[name].data_type)
        fields[name] = _value(one, kind, types)
    return {"type": name_of(value.type), "fields": fields}


def value_tree(value: Value) -> Tree:
    """Give a value for comparing two of ours, without regard to types."""
    if isinstance(value, Structure):
        return {"type": str(value.type), "fields": {name: value_tree(one) for name, one in value.fields.items()}}
    if isinstance(value, (NodeName, UUID)):
        return str(value)
    if isinstance(value, EncodedStructure):
        return [str(value.encoding), cast("Tree", value.body)]
    if isinstance(value, tuple):
        return [value_tree(one) for one in cast("tuple[Value, ...]", value)]
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else cast("Tree", value)
