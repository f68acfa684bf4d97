"""Every DataType of a dependency closure: what it is built on, its fields, and which encoding Object stands for it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from tests.nodeset_reading.identifiers import UA_URI, ua
from tests.nodeset_reading.records import DataTypeDefinition, DataTypeField, FileContent

# Part 6 v1.05 Table 1: the NodeIds of the built-in types are their numbers.
BUILT_IN_NAMES = (
    "Boolean",
    "SByte",
    "Byte",
    "Int16",
    "UInt16",
    "Int32",
    "UInt32",
    "Int64",
    "UInt64",
    "Float",
    "Double",
    "String",
    "DateTime",
    "Guid",
    "ByteString",
    "XmlElement",
    "NodeId",
    "ExpandedNodeId",
    "StatusCode",
    "QualifiedName",
    "LocalizedText",
    "ExtensionObject",
    "DataValue",
    "Variant",
    "DiagnosticInfo",
)
STRUCTURE = ua(22)
OPTION_SET = ua(12755)
UNION = ua(12756)
DECIMAL = ua(50)
HAS_SUBTYPE = ua(45)
HAS_ENCODING = ua(38)

# What a value of a type is written as; a subtype is written as its nearest ancestor here (Part 3 5.8.3, Part 6 5.1.2).
_WRITTEN_AS = {ua(number): name for number, name in enumerate(BUILT_IN_NAMES, start=1)} | {
    STRUCTURE: "Structure",
    ua(24): "Variant",  # BaseDataType
    ua(26): "Variant",  # Number
    ua(27): "Variant",  # Integer
    ua(28): "Variant",  # UInteger
    ua(29): "Enumeration",
    DECIMAL: "Decimal",
}


class UnknownDataTypeError(ValueError):
    """A DataType that no file of the closure defines, or that hangs on no built-in type."""


class TypeDictionary:
    """DataTypes of all given files together."""

    def __init__(self, files: Iterable[FileContent]) -> None:
        self.names: dict[str, str] = {}
        self.abstract: set[str] = set()
        self.definitions: dict[str, DataTypeDefinition] = {}
        self.parents: dict[str, str] = {}
        self._encodings: dict[str, tuple[str, str]] = {}
        for file in files:
            self._add(file)

    def _add(self, file: FileContent) -> None:
        for node in file.nodes.values():
            if node.node_class == "DataType":
                self.names[node.node_id] = node.browse_name[1] or ""
                if node.attributes["IsAbstract"]:
                    self.abstract.add(node.node_id)
                if node.definition is not None:
                    self.definitions[node.node_id] = node.definition
        for source, reference_type, target in file.references:
            if reference_type == HAS_SUBTYPE:
                self.parents[target] = source
            elif reference_type == HAS_ENCODING:
                # The encoding Object stands in the file of the reference or in one that file requires.
                encoding = file.nodes.get(target)
                uri, name = encoding.browse_name if encoding else (UA_URI, "")
                self._encodings[target] = (source, name or "" if uri == UA_URI else "")

    def of_type_id(self, type_id: str) -> tuple[str, str]:
        """DataType that a TypeId names and the encoding's BrowseName, '' when it is the DataType itself (5.3.1.16)."""
        if type_id in self._encodings:
            return self._encodings[type_id]
        if type_id in self.names:
            return type_id, ""
        msg = f"{type_id} is neither an encoding nor a DataType of the closure"
        raise UnknownDataTypeError(msg)

    def ancestors(self, data_type: str) -> Iterator[str]:
        """The type itself, then its supertypes upwards."""
        seen: set[str] = set()
        while data_type not in seen:
            seen.add(data_type)
            yield data_type
            if data_type not in self.parents:
                return
            data_type = self.parents[data_type]

    def written_as(self, data_type: str) -> str:
        """Name of the built-in type, or Structure, Enumeration, Decimal."""
        for ancestor in self.ancestors(data_type):
            if ancestor in _WRITTEN_AS:
                return _WRITTEN_AS[ancestor]
        msg = f"{data_type} is built on no type that the closure knows"
        raise UnknownDataTypeError(msg)

    def is_union(self, data_type: str) -> bool:
        definition = self.definitions.get(data_type)
        return UNION in self.ancestors(data_type) or (definition is not None and definition.is_union)

    def fields(self, data_type: str) -> list[DataTypeField]:
        """Inherited fields first (Part 6 5.1.7, F.12). The Fields of an OptionSet's subtype are bits, not fields."""
        fields: list[DataTypeField] = []
        for ancestor in reversed(list(self.ancestors(data_type))):
            definition = self.definitions.get(ancestor)
            below_option_set = ancestor != OPTION_SET and OPTION_SET in self.ancestors(ancestor)
            if definition is not None and not below_option_set:
                fields.extend(definition.fields)
        return fields

    def element_names(self, data_type: str) -> set[str]:
        """Names that an element of an array of the type may have: its own, its supertypes' or the built-in's."""
        names = {self.written_as(data_type)}
        for ancestor in self.ancestors(data_type):
            name = self.names.get(ancestor, "")
            definition = self.definitions.get(ancestor)
            names |= {name, xml_name(name)}
            if definition is not None:
                names |= {definition.symbolic_name or name, definition.name[1] or name}
        return names


def field_names(field: DataTypeField) -> set[str]:
    """Names an element of the field may have: SymbolicName (older texts of 5.3.5) or Name by 5.1.13."""
    return {field.name, field.symbolic_name or field.name, xml_name(field.name)}


def xml_name(name: str) -> str:
    """Name that the XML encoding gives to a type or field (Part 6 5.1.13)."""
    allowed = "".join(each if _is_letter(each) or each.isdigit() or each in "_-." else "_" for each in name)
    starts_well = allowed[:1] == "_" or (bool(allowed) and _is_letter(allowed[0]))
    return allowed if starts_well and not re.match("xml", allowed, re.IGNORECASE) else "_" + allowed


def _is_letter(character: str) -> bool:
    return unicodedata.category(character).startswith("L")
