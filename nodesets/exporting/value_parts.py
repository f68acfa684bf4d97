"""Walks the parts of a value: what namespaces it names, and whether somebody's own XML is in it."""

from __future__ import annotations

from collections.abc import Iterator

from nodesets.built_in_types import (
    BuiltInType,
    DataValue,
    EncodedStructure,
    ExpandedNodeName,
    Matrix,
    QualifiedName,
    Structure,
    Value,
    Variant,
)
from nodesets.datatypes.problems import DataTypeError
from nodesets.datatypes.registry import TypeRegistry
from nodesets.names import NodeName


def namespaces_in(value: Value, types: TypeRegistry) -> Iterator[str]:
    """Give the namespaces of all names within a value, some of them several times."""
    for part in parts_of(value):
        match part:
            case NodeName() | QualifiedName():
                yield part.namespace
            case ExpandedNodeName(node=name) | EncodedStructure(encoding=name):
                yield name.namespace
            case Structure(type=name):
                yield name.namespace
                encoding = _xml_encoding(name, types)
                if encoding is not None:
                    yield encoding.namespace
            case _:
                pass


def holds_xml(value: Value, types: TypeRegistry) -> bool:
    """Tell whether white space put into a value's XML might count: in an XmlElement, or in what is not decoded."""
    for part in parts_of(value):
        match part:
            case EncodedStructure() | Variant(type=BuiltInType.XmlElement):
                return True
            case Structure(type=name) if _has_xml_field(name, types):
                return True
            case _:
                pass
    return False


def parts_of(value: Value) -> Iterator[Value]:
    """Give a value and all that is in it, elements and fields too."""
    yield value
    match value:
        case Variant(value=inner) | DataValue(value=inner) | Matrix(elements=inner):
            yield from parts_of(inner)
        case Structure():
            for inner in value.fields.values():
                yield from parts_of(inner)
        case tuple() if type(value) is tuple:  # not the named tuples, which are single values
            for inner in value:
                yield from parts_of(inner)
        case _:
            pass


def _xml_encoding(name: NodeName, types: TypeRegistry) -> NodeName | None:
    """Give the NodeId that tells a structure's type in XML, where that is not the type's own."""
    try:
        return types.structure(name).encodings.xml
    except DataTypeError:
        return None  # whoever writes the value says so


def _has_xml_field(name: NodeName, types: TypeRegistry) -> bool:
    try:
        return any(field.built_in is BuiltInType.XmlElement for field in types.structure(name).fields)
    except DataTypeError:
        return False
